"""Trunks in the store, and the prefixes that accounts may dial."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, delete, func, select

from ringback.model.telephony import OutboundPrefix, TrunkRecord, TrunkState
from ringback.storage.connections import Connections
from ringback.storage.phones import Version
from ringback.storage.records import Records, RecordStore
from ringback.storage.secrets import SecretBox
from ringback.storage.tables_sip import outbound_prefixes, trunk_states, trunks

PREFIXES: Final = Records(OutboundPrefix, outbound_prefixes)
STATES: Final = Records(TrunkState, trunk_states, order="date_updated")


class _Trunks(Records[TrunkRecord]):
    """Trunks, whose passwords are encrypted on their way into the table."""

    def __init__(self, secrets: SecretBox) -> None:
        super().__init__(TrunkRecord, trunks)
        self._box = secrets

    def of(self, row: RowMapping | Mapping[str, Any]) -> TrunkRecord:
        secrets = {name: self._box.decrypt(token) for name, token in row["secrets"].items()}
        return super().of({**row, "secrets": secrets})

    def row(self, record: TrunkRecord) -> dict[str, Any]:
        secrets = {name: self._box.encrypt(text) for name, text in record.secrets.items()}
        return {**super().row(record), "secrets": secrets, "settings": dict(record.settings)}


class TrunkStore(RecordStore[TrunkRecord]):
    """The trunks of one database, by name. `create` and `save` encrypt their passwords."""

    def __init__(self, connections: Connections, secrets: SecretBox) -> None:
        super().__init__(connections, _Trunks(secrets))

    async def list(self) -> list[TrunkRecord]:
        """Return every trunk, by name. Raises StorageError where a password cannot be decrypted."""
        async with self._connections.read() as connection:
            rows = await connection.execute(select(trunks).order_by(trunks.c.name))
            return [self._records.of(row) for row in rows.mappings()]

    async def version(self) -> Version:
        """Return what tells whether there is something new."""
        query = select(func.count(), func.max(trunks.c.date_created), func.max(trunks.c.date_updated))
        async with self._connections.read() as connection:
            count, created, updated = (await connection.execute(query.select_from(trunks))).one()
            return count, created, updated


class TrunkStateStore:
    """How trunks fare, for people to see. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def replace(self, states: Iterable[TrunkState]) -> None:
        """Keep these states in place of all others."""
        async with self._connections.write() as connection:
            await connection.execute(delete(trunk_states))
            for state in states:
                await STATES.insert(connection, state)

    async def list(self) -> list[TrunkState]:
        """Return every state, by the name of its trunk."""
        async with self._connections.read() as connection:
            rows = await connection.execute(select(trunk_states).order_by(trunk_states.c.name))
            return [STATES.of(row) for row in rows.mappings()]


class PrefixStore:
    """Which numbers accounts may call, by how they begin. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def list(self, account_sid: str | None = None) -> list[OutboundPrefix]:
        """Return the prefixes of an account, or of all."""
        query = select(outbound_prefixes).order_by(outbound_prefixes.c.account_sid, outbound_prefixes.c.prefix)
        if account_sid is not None:
            query = query.where(outbound_prefixes.c.account_sid == account_sid)
        async with self._connections.read() as connection:
            return [PREFIXES.of(row) for row in (await connection.execute(query)).mappings()]

    async def allow(self, account_sid: str, prefix: str, now: datetime) -> None:
        """Let an account call numbers that begin so."""
        async with self._connections.write() as connection:
            await PREFIXES.save(connection, OutboundPrefix(account_sid, prefix, now))

    async def deny(self, account_sid: str, prefix: str) -> bool:
        """Take that back, and tell whether it was so."""
        async with self._connections.write() as connection:
            return await PREFIXES.remove(connection, (account_sid, prefix))
