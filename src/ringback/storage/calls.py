"""Call records in the store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, String, any_, bindparam, delete, select, update

from ringback.model.records import CallRecord
from ringback.model.sids import is_sid
from ringback.model.status import CallStatus, Direction
from ringback.storage.connections import Connections
from ringback.storage.errors import StorageError
from ringback.storage.gathering import Gathered
from ringback.storage.kinds import CALLS
from ringback.storage.records import RecordStore
from ringback.storage.tables import calls
from ringback.storage.tables_rest import outgoing_calls

SERVER_RESTARTED = "server-restarted"
"""The end reason of calls that a crash of the server cut off."""

_UNFINISHED = [status.value for status in CallStatus if not status.final]


_ANY_OF_THESE = select(calls).where(calls.c.sid.in_(bindparam("sids", expanding=True)))
_THESE = select(calls).where(calls.c.sid == any_(bindparam("sids", type_=ARRAY(String))))


class CallStore(RecordStore[CallRecord]):
    """The call records of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, CALLS)
        self._fetch = Gathered(self._fetch_all)

    async def get(self, key: Any) -> CallRecord | None:
        """Return the call of that sid, or the only one whose sid begins so, if there is one.

        Raises StorageError when several do.
        """
        sid = str(key)
        if is_sid(sid):
            return await self._fetch(sid)
        # A range uses the index of the key in every database, which LIKE does not. "g" follows the last digit.
        prefix = sid[:2].upper() + sid[2:].lower()
        wanted = (calls.c.sid >= prefix) & (calls.c.sid < prefix + "g")
        async with self._connections.read() as connection:
            rows = (await connection.execute(select(calls).where(wanted).limit(2))).mappings().all()
        if len(rows) > 1:
            raise StorageError(f"more than one call begins with {sid}; give more digits of its sid")
        return CALLS.of(rows[0]) if rows else None

    async def unfinished(self) -> list[CallRecord]:
        """Return the calls that have not come to an end, oldest first."""
        query = select(calls).where(calls.c.status.in_(_UNFINISHED)).order_by(calls.c.date_created, calls.c.sid)
        async with self._connections.read() as connection:
            return [CALLS.of(row) for row in (await connection.execute(query)).mappings()]

    async def fail_unfinished(self, now: datetime) -> int:
        """Mark the calls from before `now` that a crash has left open as failed then, and return how many there were.

        Outgoing calls that still wait for their turn are none of them. For a server that started at `now` and so had
        no calls before; no one else may use it.
        """
        ended = {
            "status": CallStatus.FAILED.value,
            "end_time": now,
            "end_reason": SERVER_RESTARTED,
            "date_updated": now,
        }
        async with self._connections.write() as connection:
            left = calls.c.status.in_(_UNFINISHED) & (calls.c.date_created <= now)
            left &= calls.c.sid.not_in(select(outgoing_calls.c.call_sid))
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
            return [CALLS.of(row) for row in (await connection.execute(query)).mappings()]

    async def remove_ended(self, sid: str) -> bool | None:
        """Forget a call that is over. None where there is none of that sid, False where it goes on."""
        async with self._connections.write() as connection:
            ended = calls.c.status.not_in(_UNFINISHED)
            if (await connection.execute(delete(calls).where(calls.c.sid == sid, ended))).rowcount:
                return True
            return None if await CALLS.one(connection, calls.c.sid == sid) is None else False

    async def usage(
        self, account_sids: Sequence[str], since: datetime | None, until: datetime | None
    ) -> dict[Direction, tuple[int, float]]:
        """Count the calls that began in a span of time, by direction: how many, and the seconds that they lasted."""
        began = [calls.c.date_created >= since] if since else []
        began += [calls.c.date_created < until] if until else []
        query = select(calls.c.direction, calls.c.start_time, calls.c.end_time)
        totals: dict[Direction, tuple[int, float]] = {}
        async with self._connections.read() as connection:
            for row in (
                await connection.execute(query.where(calls.c.account_sid.in_(list(account_sids)), *began))
            ).all():
                count, seconds = totals.get(Direction(row.direction), (0, 0.0))
                lasted = (row.end_time - row.start_time).total_seconds() if row.start_time and row.end_time else 0.0
                totals[Direction(row.direction)] = (count + 1, seconds + max(0.0, lasted))
        return totals

    async def _fetch_all(self, sids: Sequence[str]) -> Sequence[CallRecord | None]:
        wanted = list(set(sids))
        # PostgreSQL prepares one text, whatever their number is.
        query = _THESE if self._connections.dialect == "postgresql" else _ANY_OF_THESE
        found = {row["sid"]: CALLS.of(row) for row in await self._connections.rows(query, {"sids": wanted})}
        return [found.get(sid) for sid in sids]
