"""Queues and who waits in them, as the store keeps them and the REST API shows them."""

from dataclasses import dataclass
from datetime import datetime

DEFAULT_MAX_SIZE = 1000
LARGEST_MAX_SIZE = 5000


@dataclass(frozen=True, slots=True)
class QueueRecord:
    """A queue of callers. Its size and waiting times follow from its members."""

    sid: str
    account_sid: str
    friendly_name: str
    """Unique in its account: `<Enqueue>` and `<Queue>` find it by this name."""
    date_created: datetime
    max_size: int = DEFAULT_MAX_SIZE
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueMemberRecord:
    """A call that waits in a queue; it is forgotten when it leaves. Its position follows from `date_enqueued`."""

    call_sid: str
    queue_sid: str
    account_sid: str
    date_enqueued: datetime
