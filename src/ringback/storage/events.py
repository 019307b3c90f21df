"""The timelines of calls in the store."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ringback.model.records import CallEvent
from ringback.storage.connections import Connections
from ringback.storage.tables import events


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event and its number in the store. Numbers only go up, in the order in which events were written."""

    id: int
    event: CallEvent


class EventStore:
    """The events of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def append(self, new: Iterable[CallEvent]) -> None:
        """Keep events, in their order: all of them, or none if it fails."""
        async with self._connections.write() as connection:
            await insert_events(connection, new)

    async def of_call(self, call_sid: str, after_id: int = 0, limit: int | None = None) -> list[StoredEvent]:
        """Return what happened to a call, in the order it was written, from the first event after `after_id`."""
        query = (
            select(events)
            .where(events.c.call_sid == call_sid, events.c.id > after_id)
            .order_by(events.c.id)
            .limit(limit)
        )
        async with self._connections.read() as connection:
            rows = (await connection.execute(query)).all()
        return [StoredEvent(row.id, CallEvent(row.call_sid, row.at, row.kind, row.data)) for row in rows]


async def insert_events(connection: AsyncConnection, new: Iterable[CallEvent]) -> None:
    """Keep events, within the transaction of that connection."""
    rows = [{"call_sid": event.call_sid, "at": event.at, "kind": event.kind, "data": dict(event.data)} for event in new]
    if rows:
        await connection.execute(insert(events), rows)
