"""Jobs: done once, in order for each message, tried again with pauses, and never lost."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from ringback.messaging.jobs import JobRunner, TryLaterError, ticking
from ringback.storage.database import Database
from ringback.storage.errors import StorageError
from ringback.storage.message_changes import Job
from ringback.testing.messages import EPOCH

LATER = EPOCH + timedelta(days=1)


class Bench:
    """A runner, its clock, and what it did."""

    def __init__(self, database: Database, **options: Any) -> None:
        self.seconds = 0.0
        self.done: list[str] = []
        self.failures: list[Exception] = []
        self.store = database.messages
        self.gate: asyncio.Event | None = None
        self.runner = JobRunner(self.store, {"work": self.work}, utcnow=self.utcnow, **options)

    def utcnow(self) -> datetime:
        return EPOCH + timedelta(seconds=self.seconds)

    async def work(self, job: Job, context: Any) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.done.append(f"{job.key}{f' {context}' if context else ''}")

    async def add(self, *jobs: Job) -> None:
        await self.store.ledger.write(*jobs)
        for job in jobs:
            self.runner.add(job)

    async def left(self) -> list[tuple[str, int]]:
        return [(job.key, job.attempts) for job in await self.store.jobs(LATER, 100)]


def job(key: str, subject: str = "SM1", **different: Any) -> Job:
    return Job(key, different.pop("kind", "work"), subject, different.pop("due", EPOCH), **different)


async def test_a_job_is_done_and_forgotten(database: Database) -> None:
    bench = Bench(database)
    await bench.store.ledger.write(job("a"))
    bench.runner.add(job("a"), "context")
    bench.runner.add(job("a"))
    await bench.runner.idle()
    assert bench.done == ["a context"]
    assert await bench.left() == []
    assert len(bench.runner) == 0


async def test_jobs_of_one_message_begin_in_their_order(database: Database) -> None:
    bench = Bench(database)
    bench.gate = asyncio.Event()
    await bench.add(job("a1"), job("a2"), job("b1", "SM2"), job("a3"))
    await asyncio.sleep(0)
    bench.gate.set()
    await bench.runner.idle()
    assert [key for key in bench.done if key[0] == "a"] == ["a1", "a2", "a3"]
    assert sorted(bench.done) == ["a1", "a2", "a3", "b1"]


async def test_a_job_that_fails_is_tried_again_and_holds_up_nobody(database: Database) -> None:
    bench = Bench(database)
    bench.failures = [TryLaterError("not now"), RuntimeError("a defect")]
    await bench.add(job("a"), job("b"))
    await bench.runner.idle()
    assert bench.done == []
    assert await bench.left() == [("a", 1), ("b", 1)]
    bench.seconds = 0.9
    await bench.runner.tick()
    assert bench.done == []
    bench.seconds = 1.0
    await bench.runner.tick()
    await bench.runner.idle()
    assert sorted(bench.done) == ["a", "b"]
    assert await bench.left() == []


async def test_a_job_is_given_up_at_last(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(database, tries=2)
    bench.failures = [TryLaterError("no"), TryLaterError("still no")]
    await bench.add(job("a"))
    await bench.runner.idle()
    bench.seconds = 5
    await bench.runner.tick()
    await bench.runner.idle()
    assert await bench.left() == []
    assert "is given up after 2 tries: still no" in caplog.text


async def test_jobs_of_an_earlier_process_are_taken_up(database: Database) -> None:
    bench = Bench(database)
    await bench.store.ledger.write(job("a"), job("b", due=EPOCH + timedelta(seconds=60)), job("odd", kind="unknown"))
    await bench.runner.start()
    await bench.runner.idle()
    assert bench.done == ["a"]
    bench.seconds = 60
    await bench.runner.tick()
    await bench.runner.idle()
    assert bench.done == ["a", "b"]
    assert await bench.left() == []


async def test_no_more_run_at_once_than_may(database: Database) -> None:
    bench = Bench(database, at_once=2)
    bench.gate = asyncio.Event()
    await bench.add(*(job(f"{number}", f"SM{number}") for number in range(5)))
    assert bench.runner._running == 2
    bench.gate.set()
    await bench.runner.idle()
    assert len(bench.done) == 5


async def test_what_does_not_fit_into_memory_waits_in_the_store(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringback.messaging.jobs._MOST", 2)
    bench = Bench(database)
    await bench.add(*(job(f"{number}", f"SM{number}") for number in range(5)))
    for _ in range(5):
        await bench.runner.idle()
        await bench.runner.tick()
    await bench.runner.idle()
    assert sorted(bench.done) == ["0", "1", "2", "3", "4"]


async def test_a_full_disk_leaves_the_job_in_the_store(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(database)
    ledger, write = bench.store.ledger, bench.store.ledger.write
    await bench.add(job("a"))

    async def full(*changes: object) -> None:
        raise StorageError("the disk is full", unavailable=True)

    ledger.write = full  # type: ignore[method-assign]
    await bench.runner.idle()
    assert "could not be written down" in caplog.text
    ledger.write = write  # type: ignore[method-assign]
    await bench.runner.tick()
    await bench.runner.idle()
    assert bench.done == ["a", "a"]
    assert await bench.left() == []


async def test_closing_breaks_off_what_runs(database: Database) -> None:
    bench = Bench(database)
    bench.gate = asyncio.Event()
    await bench.add(job("a"))
    await asyncio.sleep(0)
    await bench.runner.close()
    bench.runner.add(job("b"))
    assert bench.done == []
    assert await bench.left() == [("a", 0)]


async def test_a_clock_goes_on_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    ticks: list[int] = []

    async def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            raise asyncio.CancelledError
        raise RuntimeError("a defect")

    with pytest.raises(asyncio.CancelledError):
        await ticking(0, tick)
    assert len(ticks) == 3
    assert "A look at what is due failed" in caplog.text
