"""The ledger: changes of messages, written durably and many at once.

A message that is accepted must be on disk before anybody is told so. One transaction for each would make a disk the
limit of everything; so whatever comes while one transaction is being written goes into the next one together.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from ringback.storage import message_changes as changes
from ringback.storage.connections import Connections
from ringback.storage.errors import StorageError
from ringback.storage.message_changes import Change
from ringback.storage.tables_messages import (
    jobs,
    message_media,
    message_parts,
    message_receipts,
    message_segments,
    messages,
    opt_outs,
)

logger = logging.getLogger(__name__)

_PROGRESS = ("status", "date_updated", "date_sent", "error_code", "error_message", "carrier", "repeated")
_SEGMENT_KEY = ("carrier", "from_", "to", "reference", "total", "wide")

_BUSY = 4
"""Writers of one transaction that show that many more are about to come."""
_GATHER = 0.004
"""Seconds that they are waited for."""


@dataclass(slots=True)
class _Entry:
    changes: Sequence[Change]
    written: asyncio.Future[None]


class Ledger:
    """Writes changes. All methods belong to one event loop; `close` it at the end."""

    def __init__(self, connections: Connections, *, batch: int = 2000) -> None:
        """`batch` is how many changes one transaction holds, about."""
        self._connections = connections
        self._batch = batch
        self._waiting: deque[_Entry] = deque()
        self._task: asyncio.Task[None] | None = None

    async def write(self, *new: Change) -> None:
        """Write changes, all of them or none. They are durable when this returns. Raises StorageError."""
        if not new:
            return
        loop = asyncio.get_running_loop()
        entry = _Entry(new, loop.create_future())
        self._waiting.append(entry)
        if self._task is None or self._task.done():
            # It ends when all is written; close() awaits it.
            self._task = loop.create_task(self._run(), name="ledger")
        # Whoever gives up waiting takes nothing back: the others of the same transaction would lose theirs.
        await asyncio.shield(entry.written)

    async def close(self) -> None:
        """Return when everything is written, or has failed."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        busy = False
        while self._waiting:
            # Whoever is about to write in this turn of the loop comes along; where many are, a few milliseconds more
            # make one transaction of ten.
            await asyncio.sleep(_GATHER if busy else 0)
            entries, size = [], 0
            while self._waiting and size < self._batch:
                entries.append(self._waiting.popleft())
                size += len(entries[-1].changes)
            busy = len(entries) >= _BUSY
            await self._settle(entries)

    async def _settle(self, entries: list[_Entry]) -> None:
        try:
            await self._commit(entries)
        except StorageError as error:
            if error.unavailable or len(entries) == 1:
                for entry in entries:
                    _fail(entry, error)
                return
            # One of them is refused for what is in it, and must not take the others with it.
            for entry in entries:
                await self._settle([entry])
        except Exception as bug:
            logger.exception("The ledger failed")
            for entry in entries:
                _fail(entry, StorageError(f"the ledger failed: {bug!r}"))

    async def _commit(self, entries: Iterable[_Entry]) -> None:
        entries = list(entries)
        all_changes = [change for entry in entries for change in entry.changes]
        await self._connections.together(lambda connection: write_changes(connection, all_changes))
        for entry in entries:
            if not entry.written.done():
                entry.written.set_result(None)


def _fail(entry: _Entry, error: StorageError) -> None:
    if not entry.written.done():
        entry.written.set_exception(error)
        with suppress(StorageError):
            entry.written.exception()


def write_changes(connection: Connection, new: Sequence[Change]) -> None:
    """Write changes within the transaction of that connection, in the order that their kinds need.

    Of several changes of the same thing the last one counts.
    """
    batch = _Batch()
    for change in new:
        _TAKE[type(change)](batch, change)
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for statement, rows in batch.statements(insert):
        if rows:
            connection.execute(statement, rows)


class _Batch:
    """The rows of one transaction, by what is done with them."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.media: dict[str, dict[str, Any]] = {}
        self.progress: dict[str, dict[str, Any]] = {}
        self.parts: dict[tuple[str, int], dict[str, Any]] = {}
        self.receipts: dict[tuple[str, str], dict[str, Any]] = {}
        self.receipts_used: dict[tuple[str, str], dict[str, Any]] = {}
        self.segments: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.segments_used: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.jobs_later: dict[str, dict[str, Any]] = {}
        self.jobs_done: dict[str, dict[str, Any]] = {}
        self.opt_outs: dict[tuple[str, ...], dict[str, Any]] = {}
        self.opt_ins: dict[tuple[str, ...], dict[str, Any]] = {}

    def message(self, change: changes.NewMessage) -> None:
        self.messages.setdefault(change.record.sid, _row(change.record))
        for position, media in enumerate(change.media):
            self.media.setdefault(media.sid, _row(media) | {"position": position})

    def step(self, change: changes.Progress) -> None:
        record = change.record
        self.progress[record.sid] = {name: getattr(record, name) for name in _PROGRESS} | {"sid_": record.sid}

    def part(self, change: changes.Part) -> None:
        self.parts[change.message_sid, change.number] = _row(change)

    def receipt(self, change: changes.EarlyReceipt) -> None:
        self.receipts[change.carrier, change.reference] = _row(change)

    def receipt_used(self, change: changes.ReceiptUsed) -> None:
        row = {"carrier_": change.carrier, "reference_": change.reference}
        self.receipts_used[change.carrier, change.reference] = row

    def segment(self, change: changes.Segment) -> None:
        row = _row(change)
        self.segments[(*(row[name] for name in _SEGMENT_KEY), change.number)] = row

    def segments_gone(self, change: changes.SegmentsUsed) -> None:
        row = _row(change)
        key = tuple(row[name] for name in _SEGMENT_KEY)
        self.segments = {known: value for known, value in self.segments.items() if known[:-1] != key}
        self.segments_used[key] = {f"{name}_": row[name] for name in _SEGMENT_KEY}

    def job(self, change: changes.Job) -> None:
        self.jobs.setdefault(change.key, _row(change))

    def job_later(self, change: changes.JobLater) -> None:
        job = change.job
        self.jobs_later[job.key] = {"key_": job.key, "due": job.due, "attempts": job.attempts}

    def job_done(self, change: changes.JobDone) -> None:
        self.jobs_done[change.key] = {"key_": change.key}

    def opt_out(self, change: changes.OptOut) -> None:
        key = change.account_sid, change.sender, change.recipient
        self.opt_ins.pop(key, None)
        self.opt_outs[key] = {
            "account_sid": key[0], "sender": key[1], "recipient": key[2], "date_created": change.at,
        }  # fmt: skip

    def opt_in(self, change: changes.OptIn) -> None:
        key = change.account_sid, change.sender, change.recipient
        self.opt_outs.pop(key, None)
        self.opt_ins[key] = {"account_sid_": key[0], "sender_": key[1], "recipient_": key[2]}

    def statements(self, insert: Callable[..., Any]) -> list[tuple[Any, list[dict[str, Any]]]]:
        """Return each statement with its rows, in their order."""
        found = (
            (insert(messages).on_conflict_do_nothing(), self.messages),
            (insert(message_media).on_conflict_do_nothing(), self.media),
            (_PROGRESS_UPDATE, self.progress),
            (_upsert(insert, message_parts, "carrier", "reference", "state", "error_code"), self.parts),
            (_upsert(insert, message_receipts, "state", "error_code", "at"), self.receipts),
            (_deletion(message_receipts, "carrier", "reference"), self.receipts_used),
            (_deletion(message_segments, *_SEGMENT_KEY), self.segments_used),
            (_upsert(insert, message_segments, "text", "at"), self.segments),
            (insert(jobs).on_conflict_do_nothing(), self.jobs),
            (_LATER_UPDATE, self.jobs_later),
            (_deletion(jobs, "key"), self.jobs_done),
            (insert(opt_outs).on_conflict_do_nothing(), self.opt_outs),
            (_deletion(opt_outs, "account_sid", "sender", "recipient"), self.opt_ins),
        )
        return [(statement, list(rows.values())) for statement, rows in found]


_PROGRESS_UPDATE = (
    update(messages).where(messages.c.sid == bindparam("sid_")).values({name: bindparam(name) for name in _PROGRESS})
)
_LATER_UPDATE = (
    update(jobs).where(jobs.c.key == bindparam("key_")).values(due=bindparam("due"), attempts=bindparam("attempts"))
)


def _row(value: Any) -> dict[str, Any]:
    # asdict() copies what is inside, too, and takes ten times as long.
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _upsert(insert: Callable[..., Any], table: Any, *names: str) -> Any:
    statement = insert(table)
    keys = list(table.primary_key.columns)
    return statement.on_conflict_do_update(index_elements=keys, set_={name: statement.excluded[name] for name in names})


def _deletion(table: Any, *names: str) -> Any:
    return delete(table).where(and_(*(table.c[name] == bindparam(f"{name}_") for name in names)))


_TAKE: dict[type[Any], Callable[[_Batch, Any], None]] = {
    changes.NewMessage: _Batch.message,
    changes.Progress: _Batch.step,
    changes.Part: _Batch.part,
    changes.EarlyReceipt: _Batch.receipt,
    changes.ReceiptUsed: _Batch.receipt_used,
    changes.Segment: _Batch.segment,
    changes.SegmentsUsed: _Batch.segments_gone,
    changes.Job: _Batch.job,
    changes.JobLater: _Batch.job_later,
    changes.JobDone: _Batch.job_done,
    changes.OptOut: _Batch.opt_out,
    changes.OptIn: _Batch.opt_in,
}
