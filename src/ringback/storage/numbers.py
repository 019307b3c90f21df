"""Incoming numbers in the store."""

from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, delete, insert, select, update

from ringback.model.records import IncomingNumber
from ringback.model.status import ApiVersion
from ringback.storage.connections import Connections
from ringback.storage.errors import StorageError
from ringback.storage.tables import numbers

_CHANGEABLE = {field.name for field in fields(IncomingNumber)} - {"sid", "account_sid", "date_created"}


class NumberStore:
    """The incoming numbers of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def add(self, number: IncomingNumber) -> None:
        """Keep a new number. Raises StorageError when that phone number is there already."""
        async with self._connections.write() as connection:
            existing = await connection.scalar(
                select(numbers.c.sid).where(numbers.c.phone_number == number.phone_number)
            )
            if existing is not None:
                raise StorageError(f"the number {number.phone_number} is there already, as {existing}")
            await connection.execute(insert(numbers).values(asdict(number)))

    async def update(self, sid: str, **changes: Any) -> None:
        """Change properties of a number, named as in `IncomingNumber`.

        Raises StorageError when there is no such number, or its new phone number is another's, and TypeError for a
        property that there is not or that never changes.
        """
        if unknown := changes.keys() - _CHANGEABLE:
            raise TypeError(f"a number has no changeable property {', '.join(sorted(unknown))}")
        if not changes:
            return
        async with self._connections.write() as connection:
            if "phone_number" in changes:
                wanted = (numbers.c.phone_number == changes["phone_number"]) & (numbers.c.sid != sid)
                if (existing := await connection.scalar(select(numbers.c.sid).where(wanted))) is not None:
                    raise StorageError(f"the number {changes['phone_number']} is there already, as {existing}")
            result = await connection.execute(update(numbers).where(numbers.c.sid == sid).values(changes))
            if result.rowcount == 0:
                raise StorageError(f"there is no number {sid}")

    async def get(self, sid: str) -> IncomingNumber | None:
        """Return the number of that sid, if there is one."""
        return await self._one(numbers.c.sid == sid)

    async def get_by_number(self, phone_number: str) -> IncomingNumber | None:
        """Return the number that is dialled as `phone_number` (in its stored form), if there is one."""
        return await self._one(numbers.c.phone_number == phone_number)

    async def list(self) -> list[IncomingNumber]:
        """Return every number, in the order of their digits."""
        async with self._connections.read() as connection:
            rows = await connection.execute(select(numbers).order_by(numbers.c.phone_number))
            return [_number(row) for row in rows.mappings()]

    async def remove(self, sid: str) -> bool:
        """Forget a number and tell whether there was one. Its calls stay."""
        async with self._connections.write() as connection:
            return (await connection.execute(delete(numbers).where(numbers.c.sid == sid))).rowcount > 0

    async def _one(self, condition: ColumnElement[bool]) -> IncomingNumber | None:
        async with self._connections.read() as connection:
            row = (await connection.execute(select(numbers).where(condition))).mappings().first()
        return None if row is None else _number(row)


def _number(row: RowMapping) -> IncomingNumber:
    return IncomingNumber(**{**row, "api_version": ApiVersion(row["api_version"])})
