"""What happens on the legs of a plane, as it is told to the worker."""

from dataclasses import dataclass
from typing import ClassVar

from ringback.media.feeds import MarkReached
from ringback.media.keypad import KeysSent
from ringback.media.players import PlayEnded
from ringback.media.rooms import Talking

NO_LEG = -1
"""In place of its row, where something happens to no leg in particular."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The peer of a leg pressed a key."""

    row: int
    key: str


@dataclass(frozen=True, slots=True)
class FirstHeard:
    """The first packet of a leg has arrived."""

    row: int


@dataclass(frozen=True, slots=True)
class GoneQuiet:
    """No packet has come for as long as the leg was told to wait, `times` that long by now."""

    row: int
    times: int


@dataclass(frozen=True, slots=True)
class SourceMoved:
    """A leg's packets go to another address from now on: that of source number `source`."""

    row: int
    source: int


@dataclass(frozen=True, slots=True)
class Tapped:
    """20 ms of a leg's audio, as s16le: what the peer said (`heard`) or was told."""

    row: int
    heard: bool
    samples: bytes


@dataclass(frozen=True, slots=True)
class VoiceHeard:
    """The voice of a leg that is listened to has begun or ended."""

    row: int
    speaking: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recording under this token has ended: as `ringback.media.recording.RecordingOutcome`."""

    row: ClassVar[int] = NO_LEG
    token: int
    seconds: float
    reason: str
    key: str = ""
    spoken: bool = False
    problem: str = ""
    """What went wrong, where it failed."""


@dataclass(frozen=True, slots=True)
class Announced:
    """The last frame of what was announced to a room under this token has gone out."""

    row: ClassVar[int] = NO_LEG
    token: int


Happening = (
    KeyPressed
    | FirstHeard
    | GoneQuiet
    | SourceMoved
    | Tapped
    | PlayEnded
    | KeysSent
    | Talking
    | MarkReached
    | VoiceHeard
    | Recorded
    | Announced
)
