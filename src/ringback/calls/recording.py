"""What a recording of a call is asked to be, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

RecordingSource = Literal[
    "RecordVerb",
    "DialVerb",
    "OutboundAPI",
    "StartCallRecordingAPI",
    "Conference",
    "StartConferenceRecordingAPI",
]
"""What began it, in the words of 2010-04-01 clause 5.3."""

Track = Literal["inbound", "outbound", "both"]
"""Whose voice: `inbound` is what the other side of the leg says."""

RecordingEvent = Literal["in-progress", "completed", "absent", "failed"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that has ended. Its file is whole."""

    sid: str
    seconds: int
    """Its length, rounded, at least 1 where anything was recorded."""
    reason: Literal["stopped", "length", "silence", "key", "hangup", "failed"]
    key: str = ""
    """The key that ended it."""
    spoken: bool = True
    """False where there was nothing but silence."""
    channels: int = 1
    source: RecordingSource = "RecordVerb"


RecordingWatch = Callable[[RecordingEvent, Recorded], None]
"""Told of the events of a recording, on the event loop; it must not block. `in-progress` comes with a length of 0."""


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """How to record. Times are seconds."""

    source: RecordingSource
    track: Track = "inbound"
    channels: Literal[1, 2] = 1
    """2: what the leg hears and says apart."""
    max_seconds: float = 14400.0
    silence_seconds: float = 0.0
    """So much silence ends it; 0: none does."""
    finish_keys: str = ""
    """Each of these keys ends it; its tone is not in the file."""
    trim: bool = False
    """Leave out silence at the beginning and the end."""
    beep: bool = False
    """Play a beep before."""
    watch: RecordingWatch | None = None


class Recording(Protocol):
    """A recording that was begun."""

    @property
    def sid(self) -> str:
        """`RE` and 32 hexadecimal digits."""
        ...

    async def done(self) -> Recorded:
        """Wait until it has ended, however that came. May be called by several, and after the call has ended."""
        ...

    async def pause(self, *, silence: bool = True) -> None:
        """Record silence (or nothing at all) until `resume`."""
        ...

    async def resume(self) -> None:
        """Go on after a pause."""
        ...

    async def stop(self) -> None:
        """End it."""
        ...
