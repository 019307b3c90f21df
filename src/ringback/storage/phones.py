"""Phones in the store, and where they can be reached."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select

from ringback.model.telephony import BindingRecord, PhoneRecord
from ringback.storage.connections import Connections
from ringback.storage.records import Records, RecordStore
from ringback.storage.tables_sip import bindings, phones

PHONES: Final = Records(PhoneRecord, phones)
BINDINGS: Final = Records(BindingRecord, bindings, order="expires")

Version = tuple[int, datetime | None, datetime | None]
"""Differs from one look to the next where something was added, changed or removed."""


class PhoneStore(RecordStore[PhoneRecord]):
    """The phones of one database, by their user names."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, PHONES)

    async def list(self) -> list[PhoneRecord]:
        """Return every phone, by name."""
        async with self._connections.read() as connection:
            rows = await connection.execute(select(phones).order_by(phones.c.username))
            return [PHONES.of(row) for row in rows.mappings()]

    async def version(self) -> Version:
        """Return what tells whether there is something new."""
        query = select(func.count(), func.max(phones.c.date_created), func.max(phones.c.date_updated))
        async with self._connections.read() as connection:
            count, created, updated = (await connection.execute(query.select_from(phones))).one()
            return count, created, updated


class BindingStore:
    """Where phones can be reached. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def list(self, now: datetime) -> list[BindingRecord]:
        """Return every binding that lasts at `now`, by name."""
        query = select(bindings).where(bindings.c.expires > now).order_by(bindings.c.username, bindings.c.contact)
        async with self._connections.read() as connection:
            return [BINDINGS.of(row) for row in (await connection.execute(query)).mappings()]

    async def change(self, saved: Iterable[BindingRecord], removed: Iterable[tuple[str, str]]) -> None:
        """Keep some bindings and forget others, by user name and Contact; all of it or nothing."""
        async with self._connections.write() as connection:
            for key in removed:
                await BINDINGS.remove(connection, key)
            for binding in saved:
                # A phone that was removed a moment ago may still be refreshing its binding.
                if await connection.scalar(select(phones.c.username).where(phones.c.username == binding.username)):
                    await BINDINGS.save(connection, binding)

    async def forget_expired(self, now: datetime) -> None:
        """Remove what has ended."""
        async with self._connections.write() as connection:
            await connection.execute(delete(bindings).where(bindings.c.expires <= now))
