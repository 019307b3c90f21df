"""Recorders: all recordings of a worker as columns. A tick copies their frames with one assignment a matrix.

Pure: whole seconds are handed to a `Disk`, which never makes a tick wait. Recordings begin at different places of their
first second, so that only a fiftieth of them is handed over in one tick.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from ringback.media.arena import FRAME
from ringback.media.routes import MOST_CHANNELS, Channels, Frames, Mask, Matrix, Routes, Rows, Source, checked, only_leg
from ringback.media.takes import BLOCK_FRAMES, Append, Broken, Close, Closed, Drop, Job, Open, Outcome, RecordingResult

TICKS_PER_SECOND: Final = 50
MAX_SECONDS: Final = 86400
"""The longest recording: a day."""
PATIENCE_TICKS: Final = 10 * TICKS_PER_SECOND
"""How long the disk may take to complete a recording that has ended."""
_NEVER: Final = np.iinfo(np.int64).max
_NOBODY: Final = -1
_NO_FRAMES: Final = np.zeros((0, FRAME), np.int16)
_NO_ROWS: Final = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class RecordingDone:
    """A recording is complete. `reason` is "stopped", "length" (the longest allowed) or "silence"."""

    slot: int
    reason: str
    result: RecordingResult


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """A recording had to be given up. Its file, where it could be made, is whole as far as it goes."""

    slot: int
    path: Path
    reason: str
    seconds: float
    """What had been recorded; the last of it may not be in the file."""


RecordingEvent = RecordingDone | RecordingFailed


class RecordersFull(Exception):  # noqa: N818 (a state, not a fault)
    """All slots are taken."""


class Disk(Protocol):
    """Who writes: `ringback.media.disk.DiskWriter`. Neither method waits."""

    def post(self, job: Job) -> bool:
        """Add a job. False if it brings audio and there is no room for it: then it will not be done."""

    def outcomes(self) -> list[Outcome]:
        """What has come to an end since the last call."""


@dataclass(slots=True)
class _Recording:
    path: Path
    channels: Channels
    silent: bool = False
    """Silence is recorded in place of the channels."""
    reason: str = ""
    """Why it ended, while the disk completes it."""
    failed: bool = False
    """It was reported; only the slot is still taken."""


class Recorders:
    """The recordings of one worker. A slot that `start` takes is given back by one event of `collect`, exactly."""

    def __init__(self, capacity: int, disk: Disk) -> None:
        """Make room for `capacity` recordings at once: 32 kB each, which are touched only when used."""
        self._disk = disk
        self._now = 0
        self._recordings: list[_Recording | None] = [None] * capacity
        self._blocks: Frames = np.zeros((capacity, MOST_CHANNELS, BLOCK_FRAMES, FRAME), np.int16)
        self._begin = np.zeros(capacity, np.int64)
        self._fill = np.zeros(capacity, np.int64)
        self._stereo = np.zeros(capacity, np.bool_)
        self._taken = np.zeros(capacity, np.bool_)
        self._runs = np.zeros(capacity, np.bool_)
        self._recorded = np.zeros(capacity, np.int64)
        self._limit = np.zeros(capacity, np.int64)
        self._voice_row = np.zeros(capacity, np.int64)
        self._quiet = np.zeros(capacity, np.int64)
        self._quiet_limit = np.zeros(capacity, np.int64)
        self._only = np.full(capacity, _NOBODY, np.int64)
        self._ended_at = np.full(capacity, _NEVER, np.int64)
        self._events: list[RecordingEvent] = []
        self._latest = _NOBODY
        self._changed = False
        self._live: Rows = _NO_ROWS
        self._listening: Rows = _NO_ROWS
        self._routes = Routes(())

    # -- recordings ---------------------------------------------------------------------------------------------

    def start(
        self,
        path: Path,
        channels: Sequence[Sequence[Source]],
        *,
        trim: bool = False,
        max_seconds: float = MAX_SECONDS,
        silence_seconds: float = 0.0,
        voice_row: int | None = None,
    ) -> int:
        """Record into a new file from the next tick on; return the slot.

        `channels` holds one or two channels, each the sum of up to two sources (none: silence). The recording ends by
        itself after `max_seconds`, pauses not counted, and when leg `voice_row` (if not given, the first that is heard)
        has not spoken for `silence_seconds`; 0 waits for ever. `trim` leaves out the silence at both ends, see
        `ringback.media.takes`. Raises RecordersFull, and ValueError for what cannot be recorded.
        """
        routed = checked(channels)
        if not 0 < max_seconds <= MAX_SECONDS or not 0 <= silence_seconds <= MAX_SECONDS:
            raise ValueError(f"a recording and the silence that ends it last up to {MAX_SECONDS} s")
        if voice_row is None:
            heard = [source.row for channel in routed for source in channel if source.matrix == Matrix.HEARD]
            if silence_seconds and not heard:
                raise ValueError("a silence can end the recording of a leg that is heard, or with a voice_row")
            voice_row = heard[0] if heard else 0
        slot = self._take()
        self._recordings[slot] = _Recording(path, routed)
        self._stereo[slot] = len(routed) == MOST_CHANNELS
        self._only[slot] = only_leg(routed)
        self._recorded[slot] = self._quiet[slot] = 0
        self._limit[slot] = max(1, round(max_seconds * TICKS_PER_SECOND))
        self._voice_row[slot] = voice_row
        self._quiet_limit[slot] = math.ceil(silence_seconds * TICKS_PER_SECOND) or _NEVER
        self._run(slot)
        self._disk.post(Open(slot, path, len(routed), trim))
        return slot

    def pause(self, slot: int, *, silence: bool = False) -> bool:
        """Leave out what follows, or record silence in its place. False if the recording has ended."""
        recording = self._current(slot)
        if recording is None:
            return False
        if silence:
            self._resume(slot)
        elif self._runs[slot]:
            self._runs[slot] = False
            self._hand_over(np.array([slot]))
        recording.silent = silence
        self._changed = True
        return True

    def resume(self, slot: int) -> bool:
        """Go on after a pause. False if the recording has ended."""
        recording = self._current(slot)
        if recording is None:
            return False
        self._resume(slot)
        recording.silent = False
        self._quiet[slot] = 0
        return True

    def reroute(self, slot: int, channels: Sequence[Sequence[Source]]) -> bool:
        """Record others from the next tick on, in as many channels; False if the recording has ended.

        Raises ValueError for what cannot be recorded.
        """
        routed = checked(channels)
        recording = self._current(slot)
        if recording is None:
            return False
        if len(routed) != len(recording.channels):
            raise ValueError(f"the file has {len(recording.channels)} channels, not {len(routed)}")
        recording.channels = routed
        self._only[slot] = only_leg(routed)
        self._changed = True
        return True

    def drop_tail(self, slot: int, seconds: float) -> bool:
        """Take back the last `seconds`, rounded up to frames. False if the recording has ended."""
        if self._current(slot) is None:
            return False
        frames = min(math.ceil(round(seconds * TICKS_PER_SECOND, 6)), int(self._recorded[slot]))
        self._recorded[slot] -= frames
        here = min(frames, int(self._fill[slot] - self._begin[slot]))
        self._fill[slot] -= here
        if frames > here:
            self._disk.post(Drop(slot, frames - here))
        return True

    def stop(self, slot: int) -> bool:
        """End the recording: `collect` will report it. False if it has ended."""
        if self._current(slot) is None:
            return False
        self._end(slot, "stopped")
        return True

    def stop_all(self) -> None:
        """End all recordings."""
        for slot in np.flatnonzero(self._taken).tolist():
            self.stop(slot)

    def seconds(self, slot: int) -> float:
        """What has been recorded in this slot."""
        return float(self._recorded[slot]) / TICKS_PER_SECOND

    @property
    def count(self) -> int:
        """Slots that are taken."""
        return int(np.count_nonzero(self._taken))

    # -- a tick -------------------------------------------------------------------------------------------------

    def collect(
        self,
        heard: Frames,
        said: Frames,
        mixed: Frames | None = None,
        *,
        speaking: Mask | None = None,
        exclude: Mask | None = None,
    ) -> list[RecordingEvent]:
        """Take the frames of a tick, int16[n, 160] each, in which every row that is being recorded must be.

        `speaking`, bool[legs], says who has voice now; without it no recording ends by silence. Legs in `exclude`,
        bool[legs], are pressing a key, which shall not be in any file: the frame of a recording that hears nobody else
        is left out, in all others the leg is silent. Returns what has ended since the last tick.
        """
        self._now += 1
        for outcome in self._disk.outcomes():
            self._settle(outcome)
        if self._changed:
            self._lay_out()
        if len(self._live):
            if exclude is not None and not exclude.any():
                exclude = None
            self._routes.copy((heard, said, _NO_FRAMES if mixed is None else mixed), exclude, self._blocks, self._fill)
            self._advance(exclude)
            self._find_ends(speaking)
        if self._now % TICKS_PER_SECOND == 0:
            for slot in np.flatnonzero(self._ended_at < self._now - PATIENCE_TICKS).tolist():
                self._fail(slot, "the disk does not answer")
        events, self._events = self._events, []
        return events

    def _advance(self, exclude: Mask | None) -> None:
        live = self._live
        if exclude is not None:
            only = self._only[live]
            live = live[(only == _NOBODY) | ~exclude[only]]
        self._recorded[live] += 1
        fill = self._fill[live] + 1
        self._fill[live] = fill
        full = live[fill == BLOCK_FRAMES]
        if len(full):
            self._hand_over(full)

    def _find_ends(self, speaking: Mask | None) -> None:
        live = self._live
        for slot in live[self._recorded[live] >= self._limit[live]].tolist():
            self._end(slot, "length")
        listening = self._listening
        if speaking is not None and len(listening):
            quiet = np.where(speaking[self._voice_row[listening]], 0, self._quiet[listening] + 1)
            self._quiet[listening] = quiet
            for slot in listening[quiet >= self._quiet_limit[listening]].tolist():
                self._end(slot, "silence")

    def _hand_over(self, slots: Rows) -> None:
        """Give what these slots have gathered to the disk."""
        stereo = self._stereo[slots]
        for channels, group in ((1, slots[~stereo]), (2, slots[stereo])):
            if len(group):
                frames = self._blocks[group, :channels]
                job = Append(group.tolist(), self._begin[group].tolist(), self._fill[group].tolist(), frames)
                if not self._disk.post(job):
                    for slot in job.slots:
                        self._fail(slot, "the disk is too slow for the recordings")
        self._begin[slots] = self._fill[slots] = 0

    def _lay_out(self) -> None:
        """Build the index columns anew, after a recording began, ended or changed."""
        self._changed = False
        self._live = np.flatnonzero(self._runs)
        self._listening = self._live[self._quiet_limit[self._live] < _NEVER]
        running = [(slot, self._recordings[slot]) for slot in self._live.tolist()]
        self._routes = Routes(
            (
                slot,
                tuple((Source(Matrix.SILENCE),) for _ in recording.channels)
                if recording.silent
                else recording.channels,
            )
            for slot, recording in running
            if recording is not None
        )

    # -- slots --------------------------------------------------------------------------------------------------

    def _take(self) -> int:
        """A free slot, round robin: what is still said of one that was given back should not meet another recording."""
        free = np.flatnonzero(~self._taken)
        if not len(free):
            raise RecordersFull(f"all {len(self._taken)} recordings of this worker are taken")
        slot = int(free[np.searchsorted(free, self._latest + 1) % len(free)])
        self._latest = slot
        self._taken[slot] = True
        return slot

    def _current(self, slot: int) -> _Recording | None:
        """The recording in the slot, if it has not ended."""
        recording = self._recordings[slot] if 0 <= slot < len(self._recordings) else None
        return recording if recording is not None and not recording.reason else None

    def _run(self, slot: int) -> None:
        """Begin a block at the place that makes it full in the tick of this slot."""
        self._begin[slot] = self._fill[slot] = (self._now + slot) % BLOCK_FRAMES
        self._runs[slot] = self._changed = True

    def _resume(self, slot: int) -> None:
        if not self._runs[slot]:
            self._run(slot)
        self._changed = True

    def _end(self, slot: int, reason: str) -> None:
        recording = self._current(slot)
        if recording is None:  # two reasons in one tick
            return
        if self._runs[slot]:
            self._hand_over(np.array([slot]))
        if not recording.reason:
            recording.reason = reason
            self._ended_at[slot] = self._now
            self._halt(slot)

    def _fail(self, slot: int, reason: str) -> None:
        """Report that a recording is given up; its slot is free when the disk has let go of the file."""
        recording = self._recordings[slot]
        if recording is not None and not recording.failed:
            self._events.append(RecordingFailed(slot, recording.path, reason, self.seconds(slot)))
            recording.failed, recording.reason = True, reason
            self._ended_at[slot] = _NEVER
            self._halt(slot)

    def _halt(self, slot: int) -> None:
        self._runs[slot] = False
        self._changed = True
        self._disk.post(Close(slot))

    def _settle(self, outcome: Outcome) -> None:
        """The disk is done with a file."""
        slot = outcome.slot
        recording = self._recordings[slot]
        if recording is None:
            return
        match outcome:
            case Broken(reason=reason):
                self._fail(slot, reason)
            case Closed(result=result) if not recording.failed:
                self._events.append(RecordingDone(slot, recording.reason, result))
        self._runs[slot] = self._taken[slot] = False
        self._ended_at[slot] = _NEVER
        self._recordings[slot] = None
        self._changed = True
