"""Many small questions at once become one: what comes while the database works is done together, next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_LEAD: Final = object()


class Gathered(Generic[T, R]):
    """Turns a function of many items into one of a single item, that many tasks call at the same time.

    `work(items)` returns one result for each item, in their order. At most one call of it runs at a time; items that
    come meanwhile wait for the next, `most` of them at once. Alone, an item costs what it would have cost anyway; a
    thousand in a second cost a few transactions. What `work` raises, everyone of that round is told.
    """

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]], most: int = 200) -> None:
        self._work = work
        self._most = most
        self._waiting: deque[tuple[T, asyncio.Future[object]]] = deque()
        self._led = False

    async def __call__(self, item: T) -> R:
        """Return the result of one item. Raises what `work` raises."""
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._led:
            try:
                result = await future
            except asyncio.CancelledError:
                # Chosen to lead and cancelled in the same moment: somebody else must.
                if future.done() and not future.cancelled() and future.result() is _LEAD:
                    self._discard(future)
                    self._hand_over()
                raise
            if result is not _LEAD:
                return result  # type: ignore[return-value]
        self._led = True
        return await self._lead(future)

    async def _lead(self, mine: asyncio.Future[object]) -> R:
        """Do a round of work. The leader's own item is the first that waits."""
        count = min(self._most, len(self._waiting))
        batch = [self._waiting.popleft() for _ in range(count)]
        others = [(item, future) for item, future in batch if future is not mine and not future.cancelled()]
        [own] = [item for item, future in batch if future is mine]
        try:
            results = await self._work([own, *(item for item, _ in others)])
        except Exception as error:
            for _, future in others:
                if not future.done():
                    future.set_exception(error)
            raise
        except BaseException:
            # This task is cancelled, which is nobody else's business: they go again.
            self._waiting.extendleft(reversed(others))
            raise
        finally:
            self._hand_over()
        for (_, future), result in zip(others, results[1:], strict=True):
            if not future.done():
                future.set_result(result)
        return results[0]

    def _hand_over(self) -> None:
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        if self._waiting:
            self._waiting[0][1].set_result(_LEAD)
        else:
            self._led = False

    def _discard(self, future: asyncio.Future[object]) -> None:
        self._waiting = deque(entry for entry in self._waiting if entry[1] is not future)
