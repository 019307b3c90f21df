"""What the guard keeps, and what people tell it: allowed addresses, blocks, and counts of what was refused."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import delete, select

from ringback.model.telephony import GuardAllowed, GuardBlock, GuardRefusal
from ringback.storage.connections import Connections
from ringback.storage.records import Records
from ringback.storage.tables_sip import guard_allowed, guard_blocks, guard_refusals

ALLOWED: Final = Records(GuardAllowed, guard_allowed)
BLOCKS: Final = Records(GuardBlock, guard_blocks)
REFUSALS: Final = Records(GuardRefusal, guard_refusals, order="last")


class GuardStore:
    """The guard's part of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def allowed(self) -> list[GuardAllowed]:
        """Return the addresses that are never judged."""
        async with self._connections.read() as connection:
            rows = await connection.execute(select(guard_allowed).order_by(guard_allowed.c.network))
            return [ALLOWED.of(row) for row in rows.mappings()]

    async def allow(self, allowed: GuardAllowed) -> None:
        """Never judge these addresses."""
        async with self._connections.write() as connection:
            await ALLOWED.save(connection, allowed)

    async def disallow(self, network: str) -> bool:
        """Judge them again, and tell whether they were not."""
        async with self._connections.write() as connection:
            return await ALLOWED.remove(connection, network)

    async def blocks(self) -> list[GuardBlock]:
        """Return every block, ended ones included, the one that ends last first."""
        async with self._connections.read() as connection:
            rows = await connection.execute(select(guard_blocks).order_by(guard_blocks.c.until.desc()))
            return [BLOCKS.of(row) for row in rows.mappings()]

    async def change_blocks(self, saved: Iterable[GuardBlock], removed: Iterable[str]) -> None:
        """Keep some blocks and forget others; all of it or nothing."""
        async with self._connections.write() as connection:
            for source in removed:
                await BLOCKS.remove(connection, source)
            for block in saved:
                await BLOCKS.save(connection, block)

    async def unblock(self, source: str) -> bool:
        """Hear a source again, and tell whether it was blocked. A running server takes it up within seconds."""
        async with self._connections.write() as connection:
            return await BLOCKS.remove(connection, source)

    async def refusals(self) -> list[GuardRefusal]:
        """Return how often each source was refused something, the last heard first."""
        query = select(guard_refusals).order_by(
            guard_refusals.c.last.desc(), guard_refusals.c.source, guard_refusals.c.reason
        )
        async with self._connections.read() as connection:
            return [REFUSALS.of(row) for row in (await connection.execute(query)).mappings()]

    async def replace_refusals(self, refusals: Iterable[GuardRefusal]) -> None:
        """Keep these counts in place of all others."""
        async with self._connections.write() as connection:
            await connection.execute(delete(guard_refusals))
            for refusal in refusals:
                await REFUSALS.insert(connection, refusal)
