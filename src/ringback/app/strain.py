"""Whether this process keeps up with what is asked of it. Who is late already must not take on more calls.

Calls that are up suffer first from an overload: their keys, prompts and ends come late. So new ones are refused before
that, with 503 and Retry-After (RFC 3261 §21.5.4), and whoever calls goes elsewhere or comes back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from ringback.tasks import TaskOwner

EVERY_SECONDS: Final = 0.1
_WEIGHT: Final = 0.25
"""Of the newest measurement. A pause of a few tenths of a second is no overload; several in a row are."""


class Strain:
    """Measures how late this process gets to what is due. `start` it, `close` it at the end."""

    def __init__(
        self,
        limit: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`limit` is how late it may be in seconds, on a smoothed average; 0 is as late as it likes."""
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self._tasks = TaskOwner()
        self._due: float | None = None
        self.late = 0.0
        """Seconds, smoothed."""

    def start(self) -> None:
        """Begin to measure."""
        if self._limit:
            self._tasks.start(self._measure(), "strain")

    async def close(self) -> None:
        """Stop."""
        await self._tasks.close()

    def reason(self) -> str:
        """Why no more should be taken on now; empty where there is no reason."""
        # What is overdue this moment counts, or a burst would get in before the next measurement.
        overdue = self._clock() - self._due if self._due is not None else 0.0
        late = max(self.late, self._smoothed(overdue))
        if not self._limit or late <= self._limit:
            return ""
        return f"the server is {late * 1000:.0f} ms behind (calls.max_delay_ms is {self._limit * 1000:.0f})"

    async def _measure(self) -> None:
        while True:
            self._due = self._clock() + EVERY_SECONDS
            await self._sleep(EVERY_SECONDS)
            self.late = self._smoothed(self._clock() - self._due)

    def _smoothed(self, late: float) -> float:
        return self.late + _WEIGHT * (max(late, 0.0) - self.late)
