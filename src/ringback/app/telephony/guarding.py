"""The guard and the store: blocks survive a restart, and people can see and change them beside a running server."""

import logging
from datetime import datetime, timedelta
from ipaddress import ip_network

from ringback.app.settings import GuardSettings
from ringback.model.telephony import GuardBlock, GuardRefusal
from ringback.sip.guard import Block, Guard, GuardLimits
from ringback.storage.database import Database

logger = logging.getLogger(__name__)

_SHOWN_SOURCES = 500
"""Sources whose counts are kept for people to see; the last heard ones."""


class Guarding:
    """A guard whose memory is the store."""

    def __init__(self, database: Database, settings: GuardSettings) -> None:
        self._database = database
        self._settings = settings
        self._known: dict[str, float] = {}
        """Blocks that the store has, and when they end by our clock."""
        self._counted = -1
        self.guard = Guard(
            GuardLimits(
                wrong_passwords=settings.wrong_passwords,
                users=settings.users,
                window=settings.window,
                block_seconds=settings.block_seconds,
                requests_per_second=settings.requests_per_second,
                burst=settings.burst,
            )
        )

    async def synchronise(self, now: float, utcnow: datetime) -> None:
        """Take up what people have decided, and write down what the guard has. Raises StorageError."""
        store = self._database.guard
        listed = [ip_network(allowed.network) for allowed in await store.allowed()]
        self.guard.allow([*self._settings.allow, *listed])
        stored = {block.source: block for block in await store.blocks()}
        for source in self._known.keys() - stored.keys():
            if self.guard.unblock(source):
                logger.info("%s is heard again", source)
        self.guard.restore(
            (
                Block(source, now + (block.until - utcnow).total_seconds(), block.why)
                for source, block in stored.items()
                if source not in self._known
            ),
            now,
        )
        blocks = {block.source: block for block in self.guard.blocks(now)}
        fresh = [block for source, block in blocks.items() if self._known.get(source) != block.until]
        new = [block for block in fresh if block.source not in stored]
        for block in new:
            logger.warning(
                "%s is not heard for %.0f s: %s. `ringback guard unblock %s` changes that",
                block.source, block.until - now, block.why, block.source,
            )  # fmt: skip
        changed = [block for block in fresh if block.source not in stored or block.source in self._known]
        over = stored.keys() - blocks.keys()
        if changed or over:
            await store.change_blocks(
                (
                    GuardBlock(block.source, utcnow + timedelta(seconds=block.until - now), block.why, utcnow)
                    for block in changed
                ),
                over,
            )
        self._known = {source: block.until for source, block in blocks.items()}
        await self._count(now, utcnow)

    async def _count(self, now: float, utcnow: datetime) -> None:
        counted = self.guard.totals.total()
        if counted == self._counted:
            return
        self._counted = counted
        await self._database.guard.replace_refusals(
            GuardRefusal(
                source.name[:100], reason[:100], count, utcnow - timedelta(seconds=max(0.0, now - source.last))
            )
            for source in self.guard.sources()[:_SHOWN_SOURCES]
            for reason, count in source.refusals.items()
        )
