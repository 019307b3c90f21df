"""Queues and who waits in them, in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ringback.model.queues import QueueMemberRecord, QueueRecord
from ringback.storage.connections import Connections
from ringback.storage.kinds import QUEUE_MEMBERS, QUEUES
from ringback.storage.records import RecordStore, Where

_members = QUEUE_MEMBERS.table


@dataclass(frozen=True, slots=True)
class QueueMember:
    """A member and its place, 1 being the next."""

    record: QueueMemberRecord
    position: int


class QueueStore(RecordStore[QueueRecord]):
    """The queues of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, QUEUES)

    async def named(self, account_sid: str, friendly_name: str) -> QueueRecord | None:
        """Return the queue of that name, if there is one."""
        return await self.first([Where("account_sid", "=", account_sid), Where("friendly_name", "=", friendly_name)])

    async def enqueued(self, queue_sids: Sequence[str]) -> dict[str, list[datetime]]:
        """Tell for each queue since when its members have been waiting, the first of them first."""
        found: dict[str, list[datetime]] = {sid: [] for sid in queue_sids}
        query = select(_members.c.queue_sid, _members.c.date_enqueued).where(_members.c.queue_sid.in_(list(queue_sids)))
        async with self._connections.read() as connection:
            for row in (await connection.execute(query.order_by(_members.c.date_enqueued))).all():
                found[row.queue_sid].append(row.date_enqueued)
        return found

    async def members(self, queue_sid: str, limit: int = 50, offset: int = 0) -> list[QueueMember]:
        """Return the members in the order in which they get their turn, after the first `offset` of them."""
        query = select(_members).where(_members.c.queue_sid == queue_sid)
        query = query.order_by(_members.c.date_enqueued, _members.c.call_sid).limit(limit).offset(offset)
        async with self._connections.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [QueueMember(QUEUE_MEMBERS.of(row), offset + place) for place, row in enumerate(rows, 1)]

    async def member(self, queue_sid: str, call_sid: str) -> QueueMember | None:
        """Return a member of a queue, if the call waits in it."""
        async with self._connections.read() as connection:
            record = await QUEUE_MEMBERS.one(
                connection, (_members.c.queue_sid == queue_sid) & (_members.c.call_sid == call_sid)
            )
            if record is None:
                return None
            before = (_members.c.date_enqueued < record.date_enqueued) | (
                (_members.c.date_enqueued == record.date_enqueued) & (_members.c.call_sid < call_sid)
            )
            ahead = select(func.count()).where(_members.c.queue_sid == queue_sid, before)
            return QueueMember(record, 1 + int((await connection.execute(ahead)).scalar_one()))


async def end_unfinished(connection: AsyncConnection) -> None:
    """Nobody waits any more: the calls of those that did were cut off by a crash."""
    await connection.execute(delete(_members))
