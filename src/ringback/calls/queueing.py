"""What waiting in a queue means, and how that ended."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ringback.calls.port import Call

QueueResult = Literal[
    "bridged", "error", "hangup", "leave", "redirected", "redirected-from-bridged", "queue-full", "system-error"
]


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where somebody stands, from 1. Times are seconds."""

    queue_sid: str
    position: int
    waited: int
    average_wait: int
    size: int
    max_size: int


@dataclass(frozen=True, slots=True)
class Queued:
    """How it ended."""

    result: QueueResult
    queue_sid: str = ""
    seconds: int = 0
    """How long it waited."""


@dataclass(frozen=True, slots=True)
class Queueing:
    """Wait in a queue until somebody connects."""

    name: str
    wait: "Callable[[Call, Callable[[], QueuePlace]], Awaitable[bool]] | None" = None
    """Entertains who waits, and is cancelled when the wait is over; true leaves the queue. None: the built-in music."""
    max_size: int = 1000
    ended: Callable[[Queued], None] | None = field(default=None, compare=False)
    """Told how it ended, also where the end of the call cut it short; it must not block."""
