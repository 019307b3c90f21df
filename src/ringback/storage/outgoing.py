"""Outgoing calls that wait for their turn: on disk before anybody is told that they were accepted."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ringback.model.outgoing import OutgoingCall
from ringback.model.records import CallRecord
from ringback.storage.connections import Connections
from ringback.storage.errors import StorageError
from ringback.storage.gathering import Gathered
from ringback.storage.kinds import CALLS
from ringback.storage.tables_rest import outgoing_calls

_Accepted = tuple[CallRecord, OutgoingCall]
_GONE = delete(outgoing_calls).where(outgoing_calls.c.call_sid == bindparam("sid"))


class OutgoingStore:
    """The calls to be made. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._add = Gathered(self._add_all, most=100)

    async def add(self, record: CallRecord, request: OutgoingCall) -> None:
        """Keep the record of a call and how it is to be made, both or none; when this returns, a crash loses neither.

        Calls that come at the same time are written in one transaction, in their order.
        """
        error = await self._add((record, request))
        if error is not None:
            raise error

    async def taken(self, call_sid: str) -> bool:
        """A call leaves the queue: it is being made now, or never will be. False when it was not in the queue.

        Say so before the first message to the callee, and whoever restarts the server does not call them twice.
        """
        return call_sid in await self.taken_all([call_sid])

    async def taken_all(self, call_sids: Sequence[str]) -> set[str]:
        """Several calls leave the queue, all or none; return those that were in it."""

        async def take(connection: AsyncConnection) -> set[str]:
            return {sid for sid in call_sids if (await connection.execute(_GONE, {"sid": sid})).rowcount > 0}

        return await self._connections.at_once(take)

    async def waiting(self) -> list[_Accepted]:
        """Return the calls that still wait, with their records, in the order in which they were asked for."""
        query = select(outgoing_calls).order_by(outgoing_calls.c.id)
        found: list[_Accepted] = []
        async with self._connections.read() as connection:
            for row in (await connection.execute(query)).all():
                record = await CALLS.one(connection, CALLS.where(row.call_sid))
                if record is not None:
                    found.append((record, OutgoingCall.from_json(row.parameters)))
        return found

    async def _add_all(self, accepted: Sequence[_Accepted]) -> list[StorageError | None]:
        try:
            await self._connections.at_once(lambda connection: _insert(connection, accepted))
        except StorageError as error:
            if error.unavailable or len(accepted) == 1:
                return [error] * len(accepted)
            # One of them is refused. The others must not suffer for it.
            return [(await self._add_all([one]))[0] for one in accepted]
        return [None] * len(accepted)


async def _insert(connection: AsyncConnection, accepted: Sequence[_Accepted]) -> None:
    await connection.execute(CALLS.table.insert(), [CALLS.row(record) for record, _ in accepted])
    queue = [
        {"call_sid": record.sid, "account_sid": record.account_sid, "parameters": request.to_json()}
        for record, request in accepted
    ]
    await connection.execute(outgoing_calls.insert(), queue)
