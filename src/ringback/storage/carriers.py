"""Carriers in the store. Their settings hold passwords, and are encrypted."""

import json
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update

from ringback.model.messages import CarrierRecord
from ringback.storage.connections import Connections
from ringback.storage.errors import StorageError
from ringback.storage.secrets import SecretBox
from ringback.storage.tables_messages import carriers

_LISTS = ("prefixes", "accounts", "senders")


class CarrierStore:
    """The carriers of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections, secrets: SecretBox) -> None:
        self._connections = connections
        self._secrets = secrets

    async def add(self, carrier: CarrierRecord) -> None:
        """Keep a new carrier. Raises StorageError when there is one of that name already."""
        async with self._connections.write() as connection:
            existing = await connection.scalar(select(carriers.c.kind).where(carriers.c.name == carrier.name))
            if existing is not None:
                raise StorageError(f"there is a carrier {carrier.name} already, of the kind {existing}")
            await connection.execute(insert(carriers).values(self._row(carrier)))

    async def replace(self, carrier: CarrierRecord) -> None:
        """Put a carrier in the place of the one of the same name. Raises StorageError when there is none."""
        statement = update(carriers).where(carriers.c.name == carrier.name).values(self._row(carrier))
        async with self._connections.write() as connection:
            if (await connection.execute(statement)).rowcount == 0:
                raise StorageError(f"there is no carrier {carrier.name}")

    async def get(self, name: str) -> CarrierRecord | None:
        """Return the carrier of that name, if there is one."""
        return next((carrier for carrier in await self.list() if carrier.name == name), None)

    async def list(self) -> list[CarrierRecord]:
        """Return every carrier, in the order in which they are tried."""
        query = select(carriers).order_by(carriers.c.priority, carriers.c.name)
        return [self._carrier(row) for row in await self._connections.rows(query)]

    async def remove(self, name: str) -> bool:
        """Forget a carrier and tell whether there was one. Its messages stay."""
        async with self._connections.write() as connection:
            return (await connection.execute(delete(carriers).where(carriers.c.name == name))).rowcount > 0

    def _row(self, carrier: CarrierRecord) -> dict[str, Any]:
        values = {name: getattr(carrier, name) for name in carrier.__dataclass_fields__}
        sealed = self._secrets.encrypt(json.dumps(carrier.settings))
        return {name: list(value) if name in _LISTS else value for name, value in values.items()} | {"settings": sealed}

    def _carrier(self, row: RowMapping) -> CarrierRecord:
        values: dict[str, Any] = {name: tuple(value) if name in _LISTS else value for name, value in row.items()}
        return CarrierRecord(**values | {"settings": json.loads(self._secrets.decrypt(row["settings"]))})
