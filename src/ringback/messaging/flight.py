"""A message on its way: its units, their receipts, and the status that follows from them. Pure.

Whatever the order of answers and receipts, and however often one comes, the status only goes forward.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from ringback.model.errors import describe
from ringback.model.messages import MessageRecord, MessageStatus
from ringback.storage.message_changes import Part

OFFERED, ACCEPTED, DELIVERED, UNDELIVERED = "offered", "accepted", "delivered", "undelivered"
REFUSED = "refused"
"""The carrier said no, or not now: it has not got the unit."""

_ORDER = {
    MessageStatus.SCHEDULED: 0,
    MessageStatus.QUEUED: 1,
    MessageStatus.SENDING: 2,
    MessageStatus.SENT: 3,
    MessageStatus.DELIVERED: 4,
    MessageStatus.UNDELIVERED: 4,
    MessageStatus.FAILED: 4,
    MessageStatus.CANCELED: 4,
}


class Flight:
    """A message and its units. Each method that changes something returns what has to be written of it."""

    def __init__(self, record: MessageRecord, parts: Iterable[Part] = ()) -> None:
        self.record = record
        self.parts = {part.number: part for part in parts}
        self.total = len(self.parts)
        """Units of it; 0 before a carrier was chosen."""
        self.media_urls: tuple[str, ...] = ()
        self.tried: set[str] = set()
        """Carriers that refused it or could not be reached."""
        self.lost = 0
        """How often the answer of a carrier was lost."""
        self.refusal: tuple[int, str] | None = None
        """Code and words of the last carrier that would not take it."""

    @property
    def begun(self) -> bool:
        """Whether a carrier has a unit of it, or may have."""
        return any(part.state != REFUSED for part in self.parts.values())

    def left(self) -> list[int]:
        """Return the units that no carrier has taken, in their order."""
        return [n for n in range(1, self.total + 1) if self.parts[n].state in (OFFERED, REFUSED)]

    def offer(self, carrier: str, total: int) -> list[Part]:
        """The message is handed to a carrier in so many units; those that it has taken already stay as they are."""
        if not self.begun:
            self.parts = {}
            self.total = total
        changed = []
        for number in range(1, self.total + 1):
            part = self.parts.get(number)
            if part is None or part.state == REFUSED:
                changed.append(self._set(Part(self.record.sid, number, carrier, OFFERED)))
        return changed

    def accepted(self, number: int, reference: str, *, delivered: bool = False) -> Part:
        """The carrier has taken a unit."""
        part = self.parts[number]
        state = DELIVERED if delivered else part.state if part.state in (DELIVERED, UNDELIVERED) else ACCEPTED
        return self._set(replace(part, state=state, reference=reference or None))

    def refused(self, number: int) -> Part:
        """The carrier has not taken a unit."""
        return self._set(replace(self.parts[number], state=REFUSED))

    def receipt(self, number: int, *, delivered: bool, error_code: int | None) -> Part | None:
        """A unit was delivered, or will never be; None where that is no news. The first final word counts."""
        part = self.parts.get(number)
        if part is None or part.state in (DELIVERED, UNDELIVERED):
            return None
        state = DELIVERED if delivered else UNDELIVERED
        return self._set(replace(part, state=state, error_code=None if delivered else error_code or 30008))

    def status(self) -> tuple[MessageStatus, int | None]:
        """Return the status that follows from the units, with the error code of one that will not arrive."""
        states = [part.state for part in self.parts.values()]
        if not states or len(states) < self.total:
            return self.record.status, None
        if any(state in (OFFERED, REFUSED) for state in states):
            return MessageStatus.SENDING, None
        for part in self.parts.values():
            if part.state == UNDELIVERED:
                return MessageStatus.UNDELIVERED, part.error_code
        if all(state == DELIVERED for state in states):
            return MessageStatus.DELIVERED, None
        return MessageStatus.SENT, None

    def move(self, now: datetime, status: MessageStatus, error_code: int | None = None, error: str = "") -> bool:
        """Give the record a status, and tell whether that is news. It never goes back, and never leaves a final one."""
        record = self.record
        if record.status.final or _ORDER[status] <= _ORDER[record.status]:
            return False
        sent = status in (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.UNDELIVERED)
        self.record = replace(
            record,
            status=status,
            date_updated=now,
            date_sent=now if sent and record.date_sent is None else record.date_sent,
            error_code=error_code,
            error_message=(error or describe(error_code).title) if error_code else None,
        )
        return True

    def _set(self, part: Part) -> Part:
        self.parts[part.number] = part
        return part
