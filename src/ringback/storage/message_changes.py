"""Changes of messages that are written together: what the ledger takes (`ringback.storage.ledger`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringback.model.messages import MediaRecord, MessageRecord


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that was not there before. One whose sid is there already is left as it is."""

    record: MessageRecord
    media: tuple[MediaRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of a message: of the record its status, dates, error, carrier and whether it was repeated."""

    record: MessageRecord


@dataclass(frozen=True, slots=True)
class Part:
    """One unit that a message is handed over in, and what became of it."""

    message_sid: str
    number: int
    """From 1."""
    carrier: str
    state: str
    """`offered` (its answer is waited for), `accepted`, `delivered` or `undelivered`."""
    reference: str | None = None
    """What the carrier calls it."""
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class EarlyReceipt:
    """A receipt for a unit that is not known, or not yet."""

    carrier: str
    reference: str
    state: str
    """`delivered` or `undelivered`."""
    error_code: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ReceiptUsed:
    """An early receipt that has found its unit."""

    carrier: str
    reference: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of an incoming message that is not complete."""

    carrier: str
    from_: str
    to: str
    reference: int
    total: int
    wide: bool
    number: int
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SegmentsUsed:
    """The segments of a message that is complete, or given up."""

    carrier: str
    from_: str
    to: str
    reference: int
    total: int
    wide: bool


@dataclass(frozen=True, slots=True)
class Job:
    """Work that has to be done, whatever happens to this process. Times are aware datetimes in UTC."""

    key: str
    """What it is about; a job whose key is there already is left as it is."""
    kind: str
    subject: str
    """The sid of the message that it is for."""
    due: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class JobLater:
    """A job that failed and is tried again."""

    job: Job


@dataclass(frozen=True, slots=True)
class JobDone:
    """A job that is done, or given up."""

    key: str


@dataclass(frozen=True, slots=True)
class OptOut:
    """Somebody who wants no messages from a sender."""

    account_sid: str
    sender: str
    recipient: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OptIn:
    """Somebody who wants messages from a sender again."""

    account_sid: str
    sender: str
    recipient: str


Change = (
    NewMessage
    | Progress
    | Part
    | EarlyReceipt
    | ReceiptUsed
    | Segment
    | SegmentsUsed
    | Job
    | JobLater
    | JobDone
    | OptOut
    | OptIn
)
