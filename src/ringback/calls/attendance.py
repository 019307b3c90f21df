"""What taking part in a conference means, and how that ended."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ringback.calls.recording import RecordOptions

if TYPE_CHECKING:
    from ringback.calls.port import Call

ConferenceEventName = Literal[
    "conference-start",
    "conference-end",
    "participant-join",
    "participant-leave",
    "participant-mute",
    "participant-unmute",
    "participant-hold",
    "participant-unhold",
    "participant-modify",
    "participant-speech-start",
    "participant-speech-stop",
    "announcement-end",
    "announcement-fail",
]
"""StatusCallbackEvent of 2010-04-01 clause 2.6."""


@dataclass(frozen=True, slots=True)
class ConferenceEvent:
    """Something that happened in a conference."""

    name: ConferenceEventName
    sequence: int
    """Counts the events of one conference from 1."""
    conference_sid: str
    friendly_name: str
    call_sid: str = ""
    """Whom it concerns; empty where it concerns all."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Further parameters, by their names in clause 2.6 (Muted, Hold, ReasonParticipantLeft, …)."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """How somebody takes part in a conference."""

    room: str
    """Its name. The same name in another account is another room."""
    muted: bool = False
    beep: Literal["true", "false", "onEnter", "onExit"] = "true"
    start_on_enter: bool = True
    end_on_exit: bool = False
    wait: "Callable[[Call], Awaitable[None]] | None" = None
    """Entertains who waits until the conference begins, and is cancelled then; None: the built-in music."""
    max_participants: int = 250
    label: str = ""
    coach: str = ""
    """Sid of the call that alone hears this one."""
    hangup_on_star: bool = False
    """`*` leaves the room."""
    time_limit: float = 14400.0
    record: RecordOptions | None = None
    """Record the conference; the first participant's wish counts."""
    watch: Callable[[ConferenceEvent], None] | None = None
    """Told of the conference's events; the first participant's counts. It must not block."""


@dataclass(frozen=True, slots=True)
class Attended:
    """How it ended for one participant."""

    conference_sid: str
    reason: Literal["star", "time-limit", "ended", "kicked", "full", "failed"]
    """`ended`: the conference is over; `full`: there was no room."""
    seconds: int = 0
    recording_sid: str = ""
