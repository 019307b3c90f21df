"""Virtual time for asyncio: a loop whose clock jumps to the next timer as soon as nothing else is left to do.

A call of ten minutes takes as long as the work in it, and two runs of it take the same course.

>>> from asyncio import sleep
>>> from ringback.testing.clock import run
>>> run(sleep(3600, "an hour later"))
'an hour later'
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

_T = TypeVar("_T")


class DeadlockError(RuntimeError):
    """Every task waits for something that can no longer happen: there is no timer, no thread, no data."""


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, which starts at zero and moves only when every task waits.

    While a thread works (`asyncio.to_thread`, `run_in_executor`) the clock stands still, because nobody can tell how
    long that takes. Sockets work, but whatever a timeout says about them is over at once.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._threads = 0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._seconds

    def run_in_executor(self, executor: Any, func: Callable[..., _T], *args: Any) -> "asyncio.Future[_T]":  # type: ignore[override]
        """Run in a thread while the clock stands still."""
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """Wait for the threads' end, which is the work of a thread as well."""
        self._threads += 1
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            self._threads -= 1

    def _thread_done(self, _future: object) -> None:
        self._threads -= 1

    def pass_time(self, seconds: float | None) -> bool:
        """Let the clock jump by so many seconds (None: no timer is set). Return False when it has to stand still."""
        if self._threads:
            return False
        if seconds is None:
            raise DeadlockError("every task waits, and there is no timer, no thread and no data to wake one")
        self._seconds += seconds
        return True


class _JumpingSelector(selectors.BaseSelector):
    """Looks at sockets without waiting for them; instead of waiting, it moves the clock."""

    def __init__(self, loop: VirtualClockLoop) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or timeout == 0 or self._loop.pass_time(timeout):
            return ready
        return self._real.select(None)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in virtual time and return its result. For tests that are plain functions.

    Raises whatever the coroutine raises, and DeadlockError where it would wait for ever.
    """
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        return runner.run(main)
