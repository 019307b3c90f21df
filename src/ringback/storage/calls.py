"""Call records in the store."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ringback.model.records import CallRecord
from ringback.model.sids import is_sid
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.storage.connections import Connections
from ringback.storage.errors import StorageError
from ringback.storage.tables import calls

SERVER_RESTARTED = "server-restarted"
"""The end reason of calls that a crash of the server cut off."""

_CHANGEABLE = {field.name for field in fields(CallRecord)} - {"sid", "account_sid", "date_created"}
_UNFINISHED = [status.value for status in CallStatus if not status.final]


class CallStore:
    """The call records of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def create(self, record: CallRecord) -> None:
        """Keep a new call. Raises StorageError when its sid is there already, or its account is not."""
        async with self._connections.write() as connection:
            await insert_call(connection, record)

    async def update(self, sid: str, **changes: Any) -> None:
        """Change properties of a call, named as in `CallRecord`.

        Raises StorageError when there is no such call, and TypeError for a property that there is not or that never
        changes.
        """
        check_changes(changes)
        async with self._connections.write() as connection:
            await update_call(connection, sid, changes)

    async def get(self, sid: str) -> CallRecord | None:
        """Return the call of that sid, or the only one whose sid begins so, if there is one.

        Raises StorageError when several do.
        """
        if is_sid(sid):
            wanted = calls.c.sid == sid
        else:
            # A range uses the index of the key in every database, which LIKE does not. "g" follows the last digit.
            prefix = sid[:2].upper() + sid[2:].lower()
            wanted = (calls.c.sid >= prefix) & (calls.c.sid < prefix + "g")
        async with self._connections.read() as connection:
            rows = (await connection.execute(select(calls).where(wanted).limit(2))).mappings().all()
        if len(rows) > 1:
            raise StorageError(f"more than one call begins with {sid}; give more digits of its sid")
        return _record(rows[0]) if rows else None

    async def unfinished(self) -> list[CallRecord]:
        """Return the calls that have not come to an end, oldest first."""
        query = select(calls).where(calls.c.status.in_(_UNFINISHED)).order_by(calls.c.date_created, calls.c.sid)
        async with self._connections.read() as connection:
            return [_record(row) for row in (await connection.execute(query)).mappings()]

    async def fail_unfinished(self, now: datetime) -> int:
        """Mark the calls from before `now` that a crash has left open as failed then, and return how many there were.

        For a server that started at `now` and so had no calls before; no one else may use it.
        """
        ended = {"status": CallStatus.FAILED.value, "end_time": now, "end_reason": SERVER_RESTARTED}
        async with self._connections.write() as connection:
            left = calls.c.status.in_(_UNFINISHED) & (calls.c.date_created <= now)
            result = await connection.execute(update(calls).where(left).values(ended))
            return result.rowcount

    async def list(
        self,
        limit: int = 50,
        *,
        status: CallStatus | None = None,
        from_: str | None = None,
        to: str | None = None,
    ) -> list[CallRecord]:
        """Return the newest calls first, `limit` at most, only those with all the properties given."""
        query = select(calls).order_by(calls.c.date_created.desc(), calls.c.sid.desc()).limit(limit)
        for column, value in ((calls.c.status, status), (calls.c.from_, from_), (calls.c.to, to)):
            if value is not None:
                query = query.where(column == str(value))
        async with self._connections.read() as connection:
            return [_record(row) for row in (await connection.execute(query)).mappings()]


def check_changes(changes: Mapping[str, Any]) -> None:
    """Raise TypeError for a property that a call does not have, or that never changes."""
    if unknown := changes.keys() - _CHANGEABLE:
        raise TypeError(f"a call has no changeable property {', '.join(sorted(unknown))}")


async def insert_call(connection: AsyncConnection, record: CallRecord) -> None:
    """Keep a new call, within the transaction of that connection."""
    await connection.execute(insert(calls).values(asdict(record)))


async def update_call(connection: AsyncConnection, sid: str, changes: Mapping[str, Any]) -> None:
    """Change properties of a call, within the transaction of that connection.

    Raises StorageError when there is no such call.
    """
    if not changes:
        return
    result = await connection.execute(update(calls).where(calls.c.sid == sid).values(dict(changes)))
    if result.rowcount == 0:
        raise StorageError(f"there is no call {sid}")


def _record(row: RowMapping) -> CallRecord:
    typed = {
        "direction": Direction(row["direction"]),
        "status": CallStatus(row["status"]),
        "api_version": ApiVersion(row["api_version"]),
    }
    return CallRecord(**{**row, **typed})
