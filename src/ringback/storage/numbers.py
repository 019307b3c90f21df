"""Incoming numbers in the store."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ringback.model.provisioning import AvailableNumberRecord
from ringback.model.records import IncomingNumber
from ringback.storage.connections import Connections
from ringback.storage.errors import StorageError
from ringback.storage.kinds import AVAILABLE_NUMBERS, NUMBERS
from ringback.storage.records import RecordStore

_numbers = NUMBERS.table
_BY_NUMBER = select(_numbers).where(_numbers.c.phone_number == bindparam("number")).limit(1)


class NumberStore(RecordStore[IncomingNumber]):
    """The incoming numbers of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, NUMBERS)

    async def add(self, number: IncomingNumber) -> None:
        """Keep a new number. Raises StorageError when that phone number is there already."""
        async with self._connections.write() as connection:
            await _add(connection, number)

    async def buy(self, number: IncomingNumber) -> bool:
        """Move a number from the operator's pool to its new owner. False when it is not in the pool any more.

        Raises StorageError when that phone number is somebody's already.
        """
        async with self._connections.write() as connection:
            if not await AVAILABLE_NUMBERS.remove(connection, number.phone_number):
                return False
            await _add(connection, number)
            return True

    async def update(self, key: Any, **changes: Any) -> None:
        """Change properties of a number, named as in `IncomingNumber`; `account_sid` gives it to another account.

        Raises StorageError when there is no such number, or its new phone number is another's, and TypeError for a
        property that there is not or that never changes.
        """
        NUMBERS.check({name: value for name, value in changes.items() if name != "account_sid"})
        async with self._connections.write() as connection:
            if "phone_number" in changes:
                wanted = (_numbers.c.phone_number == changes["phone_number"]) & (_numbers.c.sid != key)
                if (existing := await connection.scalar(select(_numbers.c.sid).where(wanted))) is not None:
                    raise StorageError(f"the number {changes['phone_number']} is there already, as {existing}")
            await NUMBERS.change(connection, key, changes)

    async def get_by_number(self, phone_number: str) -> IncomingNumber | None:
        """Return the number that is dialled as `phone_number` (in its stored form), if there is one."""
        rows = await self._connections.rows(_BY_NUMBER, {"number": phone_number})
        return NUMBERS.of(rows[0]) if rows else None

    async def list(self) -> list[IncomingNumber]:
        """Return every number, in the order of their digits."""
        async with self._connections.read() as connection:
            rows = await connection.execute(select(_numbers).order_by(_numbers.c.phone_number))
            return [NUMBERS.of(row) for row in rows.mappings()]


class AvailableNumberStore(RecordStore[AvailableNumberRecord]):
    """The operator's pool: numbers that accounts may make their own."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, AVAILABLE_NUMBERS)

    async def offer(self, numbers: Iterable[AvailableNumberRecord]) -> int:
        """Put numbers into the pool, except those that are somebody's; return how many are in it now for that."""
        offered = 0
        async with self._connections.write() as connection:
            for number in numbers:
                owned = select(_numbers.c.sid).where(_numbers.c.phone_number == number.phone_number)
                if await connection.scalar(owned) is None:
                    await AVAILABLE_NUMBERS.save(connection, number)
                    offered += 1
        return offered


async def _add(connection: AsyncConnection, number: IncomingNumber) -> None:
    existing = await connection.scalar(select(_numbers.c.sid).where(_numbers.c.phone_number == number.phone_number))
    if existing is not None:
        raise StorageError(f"the number {number.phone_number} is there already, as {existing}")
    await NUMBERS.insert(connection, number)
