"""Receipts that we give: an ESME of the operator, whose message went on to the world, is told what became of it.

Where its receipt goes is kept as the status callback of the message, as `receipt:CARRIER/PEER/ID,ID`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, runtime_checkable
from urllib.parse import quote, unquote

from ringback.messaging.arrivals import RECEIPT
from ringback.messaging.fleet import Fleet
from ringback.messaging.jobs import TryLaterError
from ringback.model.messages import MessageRecord, MessageStatus
from ringback.storage.message_changes import Job
from ringback.storage.messages import MessageStore

RECEIPT_SCHEME: Final = "receipt:"


@dataclass(frozen=True, slots=True)
class ReceiptAddress:
    """Who wants to know what became of a message."""

    carrier: str
    peer: str
    references: tuple[str, ...]
    """What we called the message, or each segment of it."""

    def __str__(self) -> str:
        return f"{RECEIPT_SCHEME}{quote(self.carrier, '')}/{quote(self.peer, '')}/{','.join(self.references)}"

    @classmethod
    def read(cls, text: str) -> "ReceiptAddress":
        """Read what `str` wrote. Raises ValueError."""
        carrier, peer, references = text.removeprefix(RECEIPT_SCHEME).split("/")
        return cls(unquote(carrier), unquote(peer), tuple(references.split(",")))


@runtime_checkable
class GivesReceipts(Protocol):
    """A carrier whose peers get receipts."""

    async def give_receipt(
        self, address: ReceiptAddress, record: MessageRecord, *, delivered: bool, error_code: int | None
    ) -> bool:
        """Tell a peer what became of a message; False where it is not there now."""
        ...


def receipt_job(record: MessageRecord, now: datetime) -> Job | None:
    """Return the job that tells the end of a message; None while it is not at its end."""
    if not record.status.final or record.status_callback is None:
        return None
    delivered = record.status is MessageStatus.DELIVERED
    data = {"to": record.status_callback, "delivered": delivered, "error_code": record.error_code}
    return Job(f"{RECEIPT}:{record.sid}", RECEIPT, record.sid, now, data)


class ReceiptsOut:
    """Does the jobs of receipts."""

    def __init__(self, fleet: Fleet, store: MessageStore) -> None:
        self._fleet = fleet
        self._store = store

    async def run(self, job: Job, context: object) -> None:
        """Give one receipt. Raises TryLaterError while its peer is not there."""
        record = context if isinstance(context, MessageRecord) else await self._store.get(job.subject)
        if record is None:
            return
        try:
            address = ReceiptAddress.read(job.data["to"])
        except ValueError:
            return
        carrier: object = self._fleet.get(address.carrier)
        if not isinstance(carrier, GivesReceipts):
            raise TryLaterError(f"the carrier {address.carrier} is not there")
        delivered, code = bool(job.data["delivered"]), job.data.get("error_code")
        if not await carrier.give_receipt(address, record, delivered=delivered, error_code=code):
            raise TryLaterError(f"{address.peer} is not bound to {address.carrier}")
