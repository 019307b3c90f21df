"""A listener of a media leg that writes down what it is told."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class Listener:
    """Implements `ringback.media.client.LegListener`."""

    keys: str = ""
    quiet: list[int] = field(default_factory=list)
    lost: int = 0
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def on_key(self, key: str) -> None:
        self.keys += key
        self.told.set()

    def on_quiet(self, times: int) -> None:
        self.quiet.append(times)
        self.told.set()

    def on_lost(self) -> None:
        self.lost += 1
        self.told.set()

    async def wait(self) -> None:
        """Wait until it is told something."""
        async with asyncio.timeout(10):
            await self.told.wait()
        self.told.clear()
