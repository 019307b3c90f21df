"""What a leg asks of the switch around it: other legs, conferences, queues, and work that outlives it."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ringback.calls.attendance import Attendance, Attended
from ringback.calls.dialing import Dialed, Dialing, Progress
from ringback.calls.queueing import Queued, Queueing
from ringback.model.status import ApiVersion, Direction
from ringback.sip.events import DialogId

if TYPE_CHECKING:
    from ringback.calls.leg import Leg
    from ringback.calls.queues import Queue

Conduct = Callable[["Leg"], Awaitable[None]]
"""Drives a call; when it returns the call is hung up."""


@dataclass(frozen=True, slots=True)
class Placing:
    """A call to be made. Times are seconds."""

    to: str
    caller_id: str
    account_sid: str
    api_version: ApiVersion
    direction: Direction
    conduct: Conduct
    """Drives it from its answer on."""
    timeout: float = 60.0
    """How long it may ring."""
    time_limit: float = 14400.0
    caller_name: str = ""
    username: str = ""
    password: str = ""
    """To answer a challenge with."""
    headers: tuple[tuple[str, str], ...] = ()
    parent: "Leg | None" = None
    """The call whose Dial makes this one: their audio lives together."""
    watch: "Callable[[Leg, Progress], None] | None" = None
    """Told how it gets on; it must not block."""
    sid: str = ""
    """Where the call has been promised already, and has a record."""
    phone_number_sid: str | None = None


class House(Protocol):
    """The switch, as its legs see it."""

    def place(self, placing: Placing) -> "Leg":
        """Make a call; it begins at once."""
        ...

    def bind(self, dialog: DialogId, leg: "Leg") -> None:
        """From now on that dialog's events are for that leg."""
        ...

    def leg_of(self, dialog: DialogId) -> "Leg | None":
        """The live leg that a dialog belongs to."""
        ...

    async def dial(self, leg: "Leg", dialing: Dialing) -> Dialed:
        """Connect a leg to somebody."""
        ...

    async def attend(self, leg: "Leg", attendance: Attendance) -> Attended:
        """Put a leg into a conference."""
        ...

    async def enqueue(self, leg: "Leg", queueing: Queueing) -> Queued:
        """Let a leg wait."""
        ...

    def queue(self, account_sid: str, name: str) -> "Queue | None":
        """The queue of that name, if there is one."""
        ...

    def detach(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """Do something that outlives a call."""
        ...

    def make_sid(self, prefix: str) -> str:
        """A new sid."""
        ...

    def recording_path(self, recording_sid: str) -> Path:
        """The file of a recording; its directory is there. Raises OSError."""
        ...

    def utcnow(self) -> datetime:
        """The time of day."""
        ...
