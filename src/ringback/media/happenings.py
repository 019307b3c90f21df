"""What happens on the legs of a plane, as it is told to the worker."""

from dataclasses import dataclass

from ringback.media.feeds import MarkReached
from ringback.media.keypad import KeysSent
from ringback.media.players import PlayEnded
from ringback.media.rooms import Talking


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


Happening = KeyPressed | FirstHeard | GoneQuiet | SourceMoved | Tapped | PlayEnded | KeysSent | Talking | MarkReached
