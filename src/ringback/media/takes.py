"""What becomes of recorded frames: one WAV file a recording, with the silence around it cut off where that is wanted.

Jobs come from `ringback.media.recorder` in the order in which things happened, and are carried out by whoever may wait
for a disk: the thread of `ringback.media.disk`, or a test.

How silence is trimmed. Silence at the beginning is never written: frames are held back until one is loud enough, and
then written from a little before it. Silence at the end is found when the recording is closed, by reading back from the
end of the file as far as it is silent, and cut off there. So nothing is ever moved, however long the recording is.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.media.wav import SAMPLE_BYTES, WavError, WavWriter

BLOCK_FRAMES: Final = 50
"""Frames in a block: a second."""
FRAME_SECONDS: Final = 0.02
AUDIBLE: Final = 104.0
"""The RMS of a frame that is no silence: -50 dB of full scale. Idle lines and comfort noise lie below it, speech of a
telephone 20 to 30 dB above."""
LEAD_FRAMES: Final = 5
"""What is kept of the silence before the first sound, 100 ms: soft consonants begin below the threshold."""
TAIL_FRAMES: Final = 10
"""What is kept of the silence after the last sound: 200 ms."""

Frames = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Open:
    """Begin a recording of `channels` channels in the slot."""

    slot: int
    path: Path
    channels: int
    trim: bool = False


@dataclass(frozen=True, slots=True)
class Append:
    """Add frames to the recordings in `slots`: `frames[i, :, begin[i]:end[i]]` of int16[n, channels, 50, 160]."""

    slots: list[int]
    begin: list[int]
    end: list[int]
    frames: Frames


@dataclass(frozen=True, slots=True)
class Drop:
    """Take the last `frames` frames back."""

    slot: int
    frames: int


@dataclass(frozen=True, slots=True)
class Close:
    """End the recording."""

    slot: int


Job = Open | Append | Drop | Close


@dataclass(frozen=True, slots=True)
class RecordingResult:
    """A recording that is complete."""

    path: Path
    seconds: float
    """The length of what is in the file."""
    channels: int
    trimmed: float
    """Seconds of silence that were cut off at both ends."""
    empty: bool
    """True if there is nothing but silence in it; of a trimmed one, then, not a single sample."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The recording in the slot is complete."""

    slot: int
    result: RecordingResult


@dataclass(frozen=True, slots=True)
class Broken:
    """The recording in the slot cannot go on. Its file is closed, and holds what had been written."""

    slot: int
    reason: str


Outcome = Closed | Broken


def audible(frames: Frames) -> NDArray[np.intp]:
    """Which of int16[channels, n, 160] frames are no silence, in any channel: their numbers, ascending."""
    power = np.square(frames, dtype=np.float32).mean(axis=2)
    return np.flatnonzero((power >= AUDIBLE * AUDIBLE).any(axis=0))


class Take:
    """One recording on its way into its file. Every method may raise OSError or WavError."""

    def __init__(self, path: Path, channels: int, *, trim: bool) -> None:
        self.file = WavWriter(path, channels)
        self._frame_bytes = FRAME * SAMPLE_BYTES * channels
        self._trim = trim
        self._waits = trim
        self._held = np.zeros((channels, 0, FRAME), np.int16)
        self._trimmed = 0

    def append(self, frames: Frames) -> None:
        """Add int16[channels, n, 160]."""
        if self._waits:
            frames = self._after_silence(frames)
        if frames.shape[1]:
            interleaved = frames.reshape(len(frames), -1).T
            self.file.append(np.ascontiguousarray(interleaved, "<i2").reshape(-1).view(np.uint8).data)

    def drop(self, frames: int) -> None:
        """Take the last frames back, as many as there are."""
        if self._waits:
            self._held = self._held[:, : max(0, self._held.shape[1] - frames)]
        else:
            self.file.cut(self.file.data_bytes - frames * self._frame_bytes)

    def close(self) -> RecordingResult:
        """Trim and close the file."""
        end = self._sound_end()
        keep = min(end + TAIL_FRAMES, self._count) if end else 0
        if self._trim:
            self._trimmed += self._count - keep + self._held.shape[1]
            self.file.cut(keep * self._frame_bytes)
        self.file.close()
        trimmed = self._trimmed * FRAME_SECONDS
        return RecordingResult(self.file.path, self.file.seconds, self.file.channels, trimmed, empty=not end)

    @property
    def _count(self) -> int:
        """Frames in the file."""
        return self.file.data_bytes // self._frame_bytes

    def _after_silence(self, frames: Frames) -> Frames:
        """Hold silence back; return what is to be written once there is sound."""
        frames = np.concatenate((self._held, frames), axis=1)
        sound = audible(frames)
        self._waits = not len(sound)
        skip = max(0, (frames.shape[1] if self._waits else int(sound[0])) - LEAD_FRAMES)
        self._trimmed += skip
        # A copy: a view would keep the whole block in memory.
        self._held = frames[:, skip:].copy() if self._waits else frames[:, :0]
        return frames[:, :0] if self._waits else frames[:, skip:]

    def _sound_end(self) -> int:
        """The number of the frame after the last that is audible; 0 where there is none."""
        for end in range(self._count, 0, -BLOCK_FRAMES):
            begin = max(0, end - BLOCK_FRAMES)
            data = self.file.read(begin * self._frame_bytes, end * self._frame_bytes)
            samples = np.frombuffer(data, "<i2").reshape(-1, FRAME, self.file.channels)
            sound = audible(samples.transpose(2, 0, 1))
            if len(sound):
                return begin + int(sound[-1]) + 1
        return 0


class Takes:
    """The recordings that are open, by slot."""

    def __init__(self) -> None:
        self._takes: dict[int, Take] = {}

    def do(self, job: Job) -> list[Outcome]:
        """Carry a job out; return what it has brought to an end. Jobs for recordings that broke come to nothing."""
        match job:
            case Open(slot):
                return self._attempt(slot, lambda: self._open(job))
            case Append():
                outcomes: list[Outcome] = []
                for i, slot in enumerate(job.slots):
                    if take := self._takes.get(slot):
                        frames = job.frames[i, :, job.begin[i] : job.end[i]]
                        outcomes += self._attempt(slot, partial(take.append, frames))
                return outcomes
            case Drop(slot, frames):
                if take := self._takes.get(slot):
                    return self._attempt(slot, partial(take.drop, frames))
            case Close(slot):
                if slot in self._takes:
                    return self._attempt(slot, lambda: self._close(slot))
        return []

    def close(self) -> list[Outcome]:
        """End all recordings."""
        return [outcome for slot in list(self._takes) for outcome in self.do(Close(slot))]

    def _open(self, job: Open) -> None:
        self._takes[job.slot] = Take(job.path, job.channels, trim=job.trim)

    def _close(self, slot: int) -> Closed:
        result = self._takes[slot].close()
        del self._takes[slot]
        return Closed(slot, result)

    def _attempt(self, slot: int, act: Callable[[], Closed | None]) -> list[Outcome]:
        """Do one thing to one recording. A disk that refuses costs that recording, and no other."""
        try:
            closed = act()
        except (OSError, WavError) as error:
            if take := self._takes.pop(slot, None):
                with suppress(OSError):
                    take.file.close()
            return [Broken(slot, str(error.strerror if isinstance(error, OSError) else error))]
        return [closed] if closed else []
