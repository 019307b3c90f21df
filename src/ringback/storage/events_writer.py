"""Writes timelines and call records behind the back of the calls, so that no call ever waits for the disk."""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from ringback.model.records import CallEvent, CallRecord
from ringback.storage.database import Database
from ringback.storage.errors import StorageError
from ringback.storage.events import insert_events
from ringback.storage.kinds import CALLS, KINDS
from ringback.storage.records import Key, Records

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two tries while the database fails; each pause is twice the one before."""


@dataclass(frozen=True, slots=True)
class _Save:
    records: Records[Any]
    record: Any


@dataclass(frozen=True, slots=True)
class _Change:
    records: Records[Any]
    key: Key
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Remove:
    records: Records[Any]
    key: Key


_Entry = CallEvent | CallRecord | _Save | _Change | _Remove


class EventWriter:
    """Takes events and changes of call records at once, and writes them a little later, in the same order.

    Entries are written `interval` seconds after they came, or when `batch` of them are waiting, in one transaction.
    While the database fails they wait; when `limit` of them do, further events are dropped and counted, and call
    records are still taken up to twice as many. All methods belong to one event loop; `close` the writer at the end.
    """

    def __init__(self, database: Database, *, interval: float = 0.05, batch: int = 500, limit: int = 20_000) -> None:
        self._database = database
        self._interval = interval
        self._batch = batch
        self._limit = limit
        self._entries: deque[_Entry] = deque()
        self._writing = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._flushing: set[asyncio.Task[bool]] = set()
        self._failures = 0
        self._unreported = 0
        self._closed = False
        self.dropped = 0
        """How many entries were lost since the start."""

    def note(self, event: CallEvent) -> None:
        """Take an event. Never blocks, never raises."""
        self._take(event, self._limit)

    def create_call(self, record: CallRecord) -> None:
        """Take the record of a new call. Never blocks, never raises."""
        self._take(record, 2 * self._limit)

    def update_call(self, sid: str, **changes: Any) -> None:
        """Take changes of a call, named as in `CallRecord`. Never blocks, never raises."""
        self._take(_Change(CALLS, sid, changes), 2 * self._limit)

    def save(self, record: Any) -> None:
        """Take a record of one of the classes in `ringback.storage.kinds`. Never blocks.

        Raises KeyError for a record of any other class: that is a mistake in the program.
        """
        self._take(_Save(KINDS[type(record)], record), 2 * self._limit)

    def change(self, kind: type, key: Key, **changes: Any) -> None:
        """Take changes of a record of that class. Never blocks. Raises KeyError as `save` does."""
        self._take(_Change(KINDS[kind], key, changes), 2 * self._limit)

    def remove(self, kind: type, key: Key) -> None:
        """Take it that a record of that class is no more. Never blocks. Raises KeyError as `save` does."""
        self._take(_Remove(KINDS[kind], key), 2 * self._limit)

    async def flush(self) -> None:
        """Return when everything taken so far is written, or has been tried and could not be."""
        left = len(self._entries)
        while left > 0 and await asyncio.shield(self._start_writing()):
            left -= self._batch

    async def close(self) -> None:
        """Write what is left and take no more. What cannot be written now is lost, and the log says how much."""
        self._closed = True
        self._hurry.set()
        if self._task is not None:
            await self._task
        if self._flushing:
            await asyncio.wait(self._flushing)
        while self._entries and await self._write():
            pass
        if self._entries:
            self._drop(len(self._entries))
            self._entries.clear()
        self._report_dropped()

    def _take(self, entry: _Entry, limit: int) -> None:
        if self._closed or len(self._entries) >= limit:
            self._drop(1)
            return
        self._entries.append(entry)
        if len(self._entries) >= self._batch and not self._failures:
            self._hurry.set()
        if self._task is None or self._task.done():
            # It ends by itself when everything is written, and close() awaits it. Without a running loop the entry
            # waits for flush() or close().
            with suppress(RuntimeError):
                self._task = asyncio.get_running_loop().create_task(self._run(), name="event writer")

    async def _run(self) -> None:
        while self._entries:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._hurry.wait()
            self._hurry.clear()
            if not await self._write() and self._closed:
                return

    def _pause(self) -> float:
        if self._closed:
            return 0.0
        if not self._failures:
            return self._interval if len(self._entries) < self._batch else 0.0
        return min(_FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE)

    def _start_writing(self) -> asyncio.Task[bool]:
        """Write in a task of its own: who gives up waiting must not leave it open whether a batch was written."""
        task = asyncio.get_running_loop().create_task(self._write(), name="event writer")
        self._flushing.add(task)
        task.add_done_callback(self._flushing.discard)
        return task

    async def _write(self) -> bool:
        """Write one batch. False when the database fails; what is not written then waits for the next try."""
        async with self._writing:
            size = min(self._batch, len(self._entries))
            try:
                await self._commit_or_split(size)
            except StorageError as error:
                self._failures += 1
                # Told once for each stretch of failures: a line for every try would fill the disk that is full.
                if self._failures == 1:
                    logger.error("Calls go on, but their records wait in memory: %s", error)
                return False
            if self._failures:
                logger.warning("The database works again, after %d failed tries", self._failures)
                self._failures = 0
            self._report_dropped()
            return True

    async def _commit_or_split(self, size: int) -> None:
        """Write entries, one by one if the database refuses any: that one must not take the others with it.

        Raises StorageError when the database fails.
        """
        try:
            await self._commit(size)
            return
        except StorageError as error:
            if error.unavailable:
                raise
        for _ in range(size):
            try:
                await self._commit(1)
            except StorageError as error:
                if error.unavailable:
                    raise
                logger.error("An entry of a timeline is lost: %s", error)
                self._entries.popleft()
                self.dropped += 1

    async def _commit(self, size: int) -> None:
        """Write the first entries in one transaction, and then forget them. Raises StorageError."""
        if not size:
            return
        batch = list(islice(self._entries, size))

        async def write(connection: AsyncConnection) -> None:
            for entry in batch:
                if not isinstance(entry, CallEvent):
                    await _apply(connection, entry)
            # Events go last, and together: whoever sees a call at its end sees its whole timeline.
            await insert_events(connection, (entry for entry in batch if isinstance(entry, CallEvent)))

        await self._database.connections.at_once(write)
        for _ in batch:
            self._entries.popleft()

    def _drop(self, count: int) -> None:
        if not self._unreported:
            logger.error("Timeline entries are being dropped: the database takes them too slowly, or not at all")
        self.dropped += count
        self._unreported += count

    def _report_dropped(self) -> None:
        if self._unreported:
            logger.error("%d timeline entries were dropped", self._unreported)
            self._unreported = 0


async def _apply(connection: AsyncConnection, entry: _Entry) -> None:
    """Write one entry that is not an event; those are written together."""
    match entry:
        case CallRecord():
            await CALLS.insert(connection, entry)
        case _Save(records, record):
            await records.save(connection, record)
        case _Change(records, key, changes):
            records.check(changes)
            await records.change(connection, key, changes)
        case _Remove(records, key):
            await records.remove(connection, key)
