"""A recording, as the control process sees it: what is wanted, how it is steered, and what became of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ringback.media.recorder import MAX_SECONDS
from ringback.rtp.telephone_event import KEYS

RecordingSource = Literal["heard", "said", "both", "room"]
RecordingReason = Literal["stopped", "length", "silence", "key", "closed", "failed"]


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """What is recorded, and what ends it. Raises ValueError for what cannot be."""

    source: RecordingSource = "heard"
    """What the peer says; what is said to it; both; or all that is said in the room that the leg is in.

    Who records a room goes on with that room, also when the leg has left it.
    """
    channels: Literal[1, 2] = 1
    """Of two the left has what the peer says, the right what is said to it; what is not recorded is silent. A room is
    the same in both. One is the sum."""
    max_seconds: float = 3600
    """The longest, pauses that are left out not counted."""
    silence_seconds: float | None = None
    """End when the peer has not spoken for so long, whatever is recorded. None or 0: never."""
    finish_keys: str = ""
    """A key among them ends the recording; its tone is not in the file."""
    trim: bool = False
    """Leave out the silence at both ends."""
    beep: bool = False
    """Play a beep to the peer first: the recording begins after it."""

    def __post_init__(self) -> None:
        if self.channels not in (1, 2):
            raise ValueError(f"a recording has one or two channels, not {self.channels}")
        if not 0 < self.max_seconds <= MAX_SECONDS or not 0 <= (self.silence_seconds or 0) <= MAX_SECONDS:
            raise ValueError(f"a recording and the silence that ends it last up to {MAX_SECONDS} s")
        if unknown := set(self.finish_keys) - set(KEYS):
            raise ValueError(f"{''.join(sorted(unknown))!r} cannot be pressed: keys are {KEYS}")


@dataclass(frozen=True, slots=True)
class RecordingOutcome:
    """What became of a recording."""

    path: Path
    """A WAV file: 16 bits, 8000 Hz. It may be missing where the recording failed."""
    seconds: float
    """The length of what is in the file."""
    reason: RecordingReason
    """Why it ended: by `stop`, its longest length, silence, a key, with its leg, or because of a fault."""
    key: str
    """The key that ended it, or nothing."""
    spoken: bool
    """False where there is nothing but silence in it."""


class MediaRecording(Protocol):
    """A recording that goes on. After it has ended nothing but `done` does anything."""

    async def done(self) -> RecordingOutcome:
        """Wait until the file is whole, whatever ended it. May be awaited several times, also after the leg's end."""
        ...

    async def pause(self, *, silence: bool) -> None:
        """Record silence until `resume`, or nothing at all."""
        ...

    async def resume(self) -> None:
        """Go on after a pause."""
        ...

    async def stop(self) -> None:
        """End it. `done` tells when the file is whole."""
        ...
