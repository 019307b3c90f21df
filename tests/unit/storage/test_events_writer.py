"""The writer behind the calls: order, batches, bounds, and a database that fails."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from storage_samples import NOW, add_account, call, event

from ringback.model.records import CallEvent
from ringback.model.status import CallStatus
from ringback.storage.database import Database, StorageError
from ringback.storage.events_writer import EventWriter

SID = f"CA{0:032x}"


async def keys(db: Database, sid: str = SID) -> list[str]:
    return [stored.event.data["key"] for stored in await db.events.of_call(sid)]


class FailingDisk:
    """Makes the transactions of a database fail while `broken`, and counts those that are tried."""

    def __init__(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.broken = False
        self.tries = 0
        self.heals_at: int | None = None
        self._at_once = db.connections.at_once
        monkeypatch.setattr(db.connections, "at_once", self._fail_or_write)

    async def _fail_or_write(
        self, work: Callable[[AsyncConnection], Coroutine[Any, Any, Any]], *, writes: bool = True
    ) -> Any:
        if writes:
            self.tries += 1
            if self.broken and self.tries != self.heals_at:
                raise StorageError("the disk is full; free some space", unavailable=True)
        return await self._at_once(work, writes=writes)


@pytest.fixture
def disk(db: Database, monkeypatch: pytest.MonkeyPatch) -> FailingDisk:
    return FailingDisk(db, monkeypatch)


async def test_a_call_from_its_record_to_its_end(db: Database) -> None:
    account = await add_account(db)
    writer = EventWriter(db)
    writer.create_call(call(account))
    writer.note(event(SID, 1, key="1"))
    writer.update_call(SID, status=CallStatus.COMPLETED, end_reason="document-end")
    writer.note(event(SID, 2, key="2"))
    await writer.flush()
    assert await db.calls.list() == [replace(call(account), status=CallStatus.COMPLETED, end_reason="document-end")]
    assert await keys(db) == ["1", "2"]
    await writer.close()


async def test_entries_are_written_without_being_asked(db: Database) -> None:
    """After the interval, the task writes by itself and ends; the next entry begins a new one."""
    writer = EventWriter(db, interval=0)
    for key in "12":
        writer.note(event(SID, key=key))
        assert writer._task is not None
        await writer._task
        assert (await keys(db))[-1] == key
    await writer.close()


async def test_a_full_batch_does_not_wait(db: Database, disk: FailingDisk) -> None:
    """The interval is a minute, so that only the batches can have made it write."""
    writer = EventWriter(db, interval=60, batch=10)
    for i in range(25):
        writer.note(event(SID, i, key=str(i)))
    async with asyncio.timeout(10):
        while len(await keys(db)) < 20:
            pass
    assert disk.tries == 2
    await writer.close()
    assert await keys(db) == [str(i) for i in range(25)]


async def test_many_events_are_few_transactions(db: Database, disk: FailingDisk) -> None:
    writer = EventWriter(db, interval=60)
    for i in range(1200):
        writer.note(event(SID, i, key=str(i)))
    await writer.flush()
    assert disk.tries == 3
    assert await keys(db) == [str(i) for i in range(1200)]
    await writer.close()


async def test_many_calls_at_once_keep_their_own_order(db: Database) -> None:
    writer = EventWriter(db, interval=0, batch=7)

    async def talk(sid: str) -> None:
        for i in range(40):
            writer.note(event(sid, i, key=str(i)))
            if i % 5 == 0:
                await asyncio.sleep(0)
            if i % 13 == 0:
                await writer.flush()

    sids = [f"CA{i:032x}" for i in range(10)]
    await asyncio.gather(*(talk(sid) for sid in sids))
    await writer.close()
    for sid in sids:
        assert await keys(db, sid) == [str(i) for i in range(40)]
    assert writer.dropped == 0


async def test_flush_and_close_of_nothing(db: Database, disk: FailingDisk) -> None:
    writer = EventWriter(db)
    await writer.flush()
    await writer.close()
    await writer.close()
    assert disk.tries == 0


async def test_close_writes_what_is_left_and_takes_no_more(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    writer = EventWriter(db, interval=60, batch=3)
    for i in range(8):
        writer.note(event(SID, i, key=str(i)))
    await writer.close()
    writer.note(event(SID, 9, key="9"))
    assert await keys(db) == [str(i) for i in range(8)]
    assert writer.dropped == 1
    assert "dropped" in caplog.text


async def test_a_failing_disk_is_told_once_and_nothing_is_lost(
    db: Database, disk: FailingDisk, caplog: pytest.LogCaptureFixture
) -> None:
    writer = EventWriter(db, interval=60)
    disk.broken = True
    writer.note(event(SID, key="1"))
    await writer.flush()
    writer.note(event(SID, key="2"))
    await writer.flush()
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "wait in memory: the disk is full; free some space" in record.message
    disk.broken = False
    await writer.flush()
    assert await keys(db) == ["1", "2"]
    assert "works again, after 2 failed tries" in caplog.text
    await writer.close()


async def test_the_task_tries_again_by_itself(db: Database, disk: FailingDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.storage.events_writer._FIRST_PAUSE", 0.0)
    writer = EventWriter(db, interval=0)
    disk.broken = True
    disk.heals_at = 5
    writer.note(event(SID, key="1"))
    assert writer._task is not None
    await writer._task
    assert await keys(db) == ["1"]
    await writer.close()


def test_pauses_grow_to_five_seconds() -> None:
    writer = EventWriter(None)  # type: ignore[arg-type]
    pauses = []
    for failures in (0, 1, 2, 3, 6, 7, 10_000):
        writer._failures = failures
        pauses.append(writer._pause())
    assert pauses == [0.05, 0.1, 0.2, 0.4, 3.2, 5.0, 5.0]


async def test_close_gives_up_on_a_disk_that_fails(
    db: Database, disk: FailingDisk, caplog: pytest.LogCaptureFixture
) -> None:
    writer = EventWriter(db, interval=60)
    disk.broken = True
    for i in range(3):
        writer.note(event(SID, i, key=str(i)))
    await writer.close()
    assert writer.dropped == 3
    assert "3 timeline entries were dropped" in caplog.text


async def test_the_queue_is_bounded_and_calls_have_room_of_their_own(
    db: Database, disk: FailingDisk, caplog: pytest.LogCaptureFixture
) -> None:
    account = await add_account(db)
    writer = EventWriter(db, interval=60, limit=10)
    disk.broken = True
    for i in range(15):
        writer.note(event(SID, i, key=str(i)))
    for i in range(12):
        writer.create_call(call(account, i))
    assert writer.dropped == 5 + 2
    disk.broken = False
    await writer.close()
    assert await keys(db) == [str(i) for i in range(10)]
    assert len(await db.calls.list()) == 10
    assert "7 timeline entries were dropped" in caplog.text


async def test_an_entry_that_is_refused_takes_no_other_with_it(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    account = await add_account(db)
    writer = EventWriter(db, interval=60)
    endless: dict[str, object] = {"key": "2"}
    endless["self"] = endless
    writer.create_call(call(account))
    writer.create_call(call(account))
    writer.update_call("CA" + "f" * 32, status=CallStatus.FAILED)
    writer.update_call(SID, colour="red")
    writer.note(event(SID, 1, key="1"))
    writer.note(CallEvent(SID, NOW, "key", endless))
    writer.note(CallEvent(SID, NOW, "key", 7))  # type: ignore[arg-type]
    writer.note(CallEvent(SID, "now", "key", {}))  # type: ignore[arg-type]
    writer.note(event("CA\ud800", 3, key="3"))
    writer.note(event(SID, 4, key="4"))
    await writer.close()
    assert await keys(db) == ["1", "4"]
    assert await db.calls.list() == [call(account)]
    assert writer.dropped == 7
    assert caplog.text.count("is lost") == 7


async def test_a_disk_that_fails_in_the_middle_loses_and_repeats_nothing(
    db: Database, disk: FailingDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch is refused for one entry; then, entry by entry, the disk fails at the third transaction."""
    writer = EventWriter(db, interval=60)
    for key in "123":
        writer.note(event(SID, key=key))
    writer.note(event("CA\ud800", key="4"))
    commit = writer._commit

    async def commit_and_break(size: int) -> None:
        disk.broken = disk.tries == 2
        await commit(size)

    monkeypatch.setattr(writer, "_commit", commit_and_break)
    await writer.flush()
    assert await keys(db) == ["1"]
    await writer.close()
    assert await keys(db) == ["1", "2", "3"]


def test_entries_may_come_before_the_loop(tmp_path) -> None:  # type: ignore[no-untyped-def]
    async def write(writer: EventWriter) -> list[str]:
        await writer.close()
        written = await keys(db)
        await db.close()
        return written

    async def make() -> tuple[Database, EventWriter]:
        db = await Database.open(tmp_path / "ringback.db")
        return db, EventWriter(db)

    with asyncio.Runner() as runner:
        db, writer = runner.run(make())
        writer.note(event(SID, key="1"))
        assert runner.run(write(writer)) == ["1"]
