"""Jobs: work that is done whatever happens to this process, with pauses between the tries.

A job is in the store before anybody relies on it, and leaves it when it is done. In between it is in memory as well, so
that nothing polls the store. Jobs of one message begin in the order in which they were added.
"""

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from ringback.messaging.settings import RETRY_DELAYS
from ringback.storage.errors import StorageError
from ringback.storage.message_changes import Job, JobDone, JobLater
from ringback.storage.messages import MessageStore
from ringback.tasks import TaskOwner

logger = logging.getLogger(__name__)

_MOST: Final = 20_000
"""Jobs in memory. Further ones wait in the store."""


class TryLaterError(Exception):
    """A job that could not be done now."""


Handler = Callable[[Job, Any], Awaitable[None]]
"""Does a job. The second argument is what it was added with, None after a restart. Raises TryLaterError."""


class JobRunner:
    """Runs jobs. `start` it, `close` it at the end."""

    def __init__(
        self,
        store: MessageStore,
        handlers: Mapping[str, Handler],
        *,
        utcnow: Callable[[], datetime],
        at_once: int = 100,
        tries: int = 10,
    ) -> None:
        self._store = store
        self._handlers = handlers
        self._utcnow = utcnow
        self._at_once = at_once
        self._tries = tries
        self._tasks = TaskOwner()
        self._known: set[str] = set()
        self._ready: deque[tuple[Job, Any]] = deque()
        self._behind: dict[str, deque[tuple[Job, Any]]] = {}
        """By subject: the jobs that wait for the first try of another one of the same message."""
        self._later: list[tuple[datetime, int, Job]] = []
        self._order = count()
        self._running = 0
        self._more = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._known)

    def add(self, job: Job, context: Any = None) -> None:
        """Take a job that is in the store."""
        if self._closed or job.key in self._known:
            return
        if len(self._known) >= _MOST:
            self._more = True
            return
        self._known.add(job.key)
        if job.due > self._utcnow():
            heapq.heappush(self._later, (job.due, next(self._order), job))
        elif job.attempts == 0 and job.subject in self._behind:
            self._behind[job.subject].append((job, context))
        else:
            self._enqueue(job, context)

    async def start(self) -> None:
        """Take up the jobs that are in the store."""
        self._more = True
        await self.tick()

    async def tick(self) -> None:
        """Do what is due. To be called about once a second."""
        now = self._utcnow()
        while self._later and self._later[0][0] <= now:
            self._enqueue(heapq.heappop(self._later)[2], None)
        if self._more and len(self._known) < _MOST // 2:
            most = _MOST - len(self._known)
            far = now + timedelta(days=3650)
            found = await self._store.jobs(far, most, leave_out=frozenset(self._known))
            self._more = len(found) == most
            for job in found:
                self.add(job)

    @property
    def busy(self) -> bool:
        """Is a job being done?"""
        return len(self._tasks) > 0

    async def idle(self) -> None:
        """Return when there is nothing to do now. For tests and an orderly end."""
        await self._tasks.drain()

    async def close(self) -> None:
        """Break off what runs; it stays in the store."""
        self._closed = True
        await self._tasks.close()

    def _enqueue(self, job: Job, context: Any) -> None:
        if job.attempts == 0:
            self._behind.setdefault(job.subject, deque())
        self._ready.append((job, context))
        self._pump()

    def _pump(self) -> None:
        while self._ready and self._running < self._at_once and not self._closed:
            job, context = self._ready.popleft()
            self._running += 1
            self._tasks.start(self._run(job, context), f"job {job.key}")

    async def _run(self, job: Job, context: Any) -> None:
        failure = ""
        try:
            handler = self._handlers.get(job.kind)
            if handler is not None:
                await handler(job, context)
        except (TryLaterError, StorageError) as error:
            failure = str(error)
        except Exception as bug:
            logger.exception("The job %s failed", job.key)
            failure = repr(bug)
        finally:
            self._running -= 1
            if job.attempts == 0:
                self._next_of(job.subject)
            self._pump()
        try:
            await self._settle(job, failure)
        except StorageError as error:
            # It stays in the store, and is done once more after a restart at the latest.
            logger.error("The job %s could not be written down: %s", job.key, error)
            self._known.discard(job.key)
            self._more = True

    def _next_of(self, subject: str) -> None:
        behind = self._behind.get(subject)
        if behind:
            self._ready.append(behind.popleft())
        else:
            self._behind.pop(subject, None)

    async def _settle(self, job: Job, failure: str) -> None:
        if failure and job.attempts + 1 < self._tries:
            delay = RETRY_DELAYS[min(job.attempts, len(RETRY_DELAYS) - 1)]
            again = replace(job, attempts=job.attempts + 1, due=self._utcnow() + timedelta(seconds=delay))
            await self._store.ledger.write(JobLater(again))
            heapq.heappush(self._later, (again.due, next(self._order), again))
            return
        if failure:
            logger.error("The job %s is given up after %d tries: %s", job.key, job.attempts + 1, failure)
        await self._store.ledger.write(JobDone(job.key))
        self._known.discard(job.key)


async def ticking(every: float, tick: Callable[[], Awaitable[None]]) -> None:
    """Call `tick` every so many seconds, for ever; what it raises is logged."""
    while True:
        await asyncio.sleep(every)
        try:
            await tick()
        except Exception:
            logger.exception("A look at what is due failed")
