"""Messages in the store: what is read of them, and the changes that need no ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, Select, delete, func, select, update

from ringback.model.messages import MediaRecord, MessageDirection, MessageRecord, MessageStatus
from ringback.model.status import ApiVersion
from ringback.storage.connections import Connections
from ringback.storage.ledger import Ledger
from ringback.storage.message_changes import EarlyReceipt, Job, Part, Segment
from ringback.storage.tables import numbers
from ringback.storage.tables_messages import (
    jobs,
    message_media,
    message_parts,
    message_receipts,
    message_segments,
    messages,
    opt_outs,
)


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """Which messages to look at; None is any. The bounds of `date_sent` are inclusive."""

    account_sid: str | None = None
    to: str | None = None
    from_: str | None = None
    status: MessageStatus | None = None
    sent_after: datetime | None = None
    sent_before: datetime | None = None
    directions: frozenset[MessageDirection] = frozenset()


class MessageStore:
    """The messages of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.ledger = Ledger(connections)
        """Where changes go that must not be lost."""

    async def get(self, sid: str) -> MessageRecord | None:
        """Return the message of that sid, if there is one."""
        found = await self._records(select(messages).where(messages.c.sid == sid))
        return found[0] if found else None

    async def find(self, wanted: MessageQuery, *, limit: int = 50, offset: int = 0) -> list[MessageRecord]:
        """Return the newest messages first."""
        query = select(messages).where(*_conditions(wanted))
        order = query.order_by(messages.c.date_created.desc(), messages.c.sid.desc())
        return await self._records(order.limit(limit).offset(offset))

    async def count(self, wanted: MessageQuery) -> int:
        """Return how many there are."""
        query = select(func.count().label("found")).select_from(messages).where(*_conditions(wanted))
        return int((await self._connections.rows(query))[0]["found"])

    async def oldest(
        self,
        statuses: Iterable[MessageStatus],
        *,
        limit: int,
        after: MessageRecord | None = None,
        due: datetime | None = None,
        carrier: str | None = None,
        to: str | None = None,
    ) -> list[MessageRecord]:
        """Return messages of some statuses, the oldest first, from the first one behind `after`.

        `due` leaves out those that are scheduled for later; `carrier` and `to` leave out all others.
        """
        query = select(messages).where(messages.c.status.in_([status.value for status in statuses]))
        if after is not None:
            newer = messages.c.date_created > after.date_created
            same = (messages.c.date_created == after.date_created) & (messages.c.sid > after.sid)
            query = query.where(newer | same)
        if due is not None:
            query = query.where(messages.c.send_at <= due)
        for column, value in ((messages.c.carrier, carrier), (messages.c.to, to)):
            if value is not None:
                query = query.where(column == value)
        return await self._records(query.order_by(messages.c.date_created, messages.c.sid).limit(limit))

    async def clear_body(self, sid: str, now: datetime) -> bool:
        """Forget the text of a message, and tell whether there is such a message."""
        statement = update(messages).where(messages.c.sid == sid).values(body="", date_updated=now)
        async with self._connections.write() as connection:
            return (await connection.execute(statement)).rowcount > 0

    async def remove(self, sid: str) -> list[MediaRecord]:
        """Forget a message and all that belongs to it. Return its media, whose files are the caller's to remove."""
        async with self._connections.write() as connection:
            rows = (await connection.execute(_media_of(sid))).mappings().all()
            await connection.execute(delete(message_media).where(message_media.c.message_sid == sid))
            await connection.execute(delete(message_parts).where(message_parts.c.message_sid == sid))
            await connection.execute(delete(jobs).where(jobs.c.subject == sid))
            await connection.execute(delete(messages).where(messages.c.sid == sid))
        return [_media(row) for row in rows]

    # -- media ----------------------------------------------------------------------------------------------------

    async def media(self, message_sid: str) -> list[MediaRecord]:
        """Return the media of a message, in their order."""
        return [_media(row) for row in await self._connections.rows(_media_of(message_sid))]

    async def one_media(self, sid: str) -> MediaRecord | None:
        """Return the media file of that sid, if there is one."""
        rows = await self._connections.rows(select(message_media).where(message_media.c.sid == sid))
        return _media(rows[0]) if rows else None

    async def keep_media(self, record: MediaRecord) -> None:
        """Write down what became of a media file: its type and size."""
        values = {"content_type": record.content_type, "size": record.size, "date_updated": record.date_updated}
        async with self._connections.write() as connection:
            await connection.execute(update(message_media).where(message_media.c.sid == record.sid).values(values))

    async def remove_media(self, sid: str) -> None:
        """Forget a media file."""
        async with self._connections.write() as connection:
            found = await connection.scalar(select(message_media.c.message_sid).where(message_media.c.sid == sid))
            await connection.execute(delete(message_media).where(message_media.c.sid == sid))
            if found is not None:
                left = select(func.count()).select_from(message_media).where(message_media.c.message_sid == found)
                fewer = update(messages).where(messages.c.sid == found).values(num_media=left.scalar_subquery())
                await connection.execute(fewer)

    # -- what is on its way ---------------------------------------------------------------------------------------

    async def parts(self, message_sid: str) -> list[Part]:
        """Return the units of a message that were handed over, in their order."""
        query = select(message_parts).where(message_parts.c.message_sid == message_sid)
        return [Part(**row) for row in await self._connections.rows(query.order_by(message_parts.c.number))]

    async def part_by_reference(self, carrier: str, reference: str) -> Part | None:
        """Return the unit that a carrier calls by that name; the newest one where it has used a name twice."""
        query = (
            select(message_parts)
            .join(messages, messages.c.sid == message_parts.c.message_sid)
            .where(message_parts.c.carrier == carrier, message_parts.c.reference == reference)
            .order_by(messages.c.date_created.desc())
            .limit(1)
        )
        rows = await self._connections.rows(query)
        return Part(**rows[0]) if rows else None

    async def receipts(self, limit: int) -> list[EarlyReceipt]:
        """Return the newest receipts for units that were not known."""
        query = select(message_receipts).order_by(message_receipts.c.at.desc()).limit(limit)
        return [EarlyReceipt(**row) for row in await self._connections.rows(query)]

    async def forget_receipts(self, before: datetime) -> None:
        """Forget the receipts for units that were not known, of before a moment."""
        async with self._connections.write() as connection:
            await connection.execute(delete(message_receipts).where(message_receipts.c.at < before))

    async def segments(self) -> list[Segment]:
        """Return the segments of incomplete incoming messages, in the order in which they came."""
        query = select(message_segments).order_by(message_segments.c.at, message_segments.c.number)
        return [Segment(**row) for row in await self._connections.rows(query)]

    async def jobs(self, until: datetime, limit: int, *, leave_out: frozenset[str] = frozenset()) -> list[Job]:
        """Return the jobs that are due until a moment, the first due first."""
        query = select(jobs).where(jobs.c.due <= until).order_by(jobs.c.due, jobs.c.key).limit(limit + len(leave_out))
        return [Job(**row) for row in await self._connections.rows(query) if row["key"] not in leave_out][:limit]

    async def opted_out(self, account_sid: str, sender: str, recipient: str) -> bool:
        """Tell whether somebody wants no messages from a sender."""
        query = select(opt_outs.c.sender).where(
            opt_outs.c.account_sid == account_sid, opt_outs.c.sender == sender, opt_outs.c.recipient == recipient
        )
        return bool(await self._connections.rows(query))

    async def all_opt_outs(self) -> list[tuple[str, str, str]]:
        """Return account, sender and recipient of each opt-out."""
        query = select(opt_outs.c.account_sid, opt_outs.c.sender, opt_outs.c.recipient)
        rows = await self._connections.rows(query)
        return [(row["account_sid"], row["sender"], row["recipient"]) for row in rows]

    async def own_numbers(self) -> frozenset[str]:
        """Return every number of this server."""
        rows = await self._connections.rows(select(numbers.c.phone_number))
        return frozenset(row["phone_number"] for row in rows)

    async def _records(self, query: Select[tuple[object, ...]]) -> list[MessageRecord]:
        return [_record(row) for row in await self._connections.rows(query)]


def _conditions(wanted: MessageQuery) -> list[ColumnElement[bool]]:
    column = messages.c
    equal = (
        (column.account_sid, wanted.account_sid),
        (column.to, wanted.to),
        (column.from_, wanted.from_),
        (column.status, wanted.status and wanted.status.value),
    )
    found = [known == value for known, value in equal if value is not None]
    if wanted.sent_after is not None:
        found.append(column.date_sent >= wanted.sent_after)
    if wanted.sent_before is not None:
        found.append(column.date_sent <= wanted.sent_before)
    if wanted.directions:
        found.append(column.direction.in_(sorted(direction.value for direction in wanted.directions)))
    return found


def _media_of(message_sid: str) -> Select[tuple[object, ...]]:
    query = select(message_media).where(message_media.c.message_sid == message_sid)
    return query.order_by(message_media.c.position)


def _record(row: RowMapping) -> MessageRecord:
    typed = {
        "status": MessageStatus(row["status"]),
        "direction": MessageDirection(row["direction"]),
        "api_version": ApiVersion(row["api_version"]),
    }
    return MessageRecord(**{**row, **typed})


def _media(row: RowMapping) -> MediaRecord:
    return MediaRecord(**{name: value for name, value in row.items() if name != "position"})
