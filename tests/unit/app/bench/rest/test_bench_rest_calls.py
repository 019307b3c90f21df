"""`ringback bench rest`: how whole calls are asked for, no more at once than may be, and when they count as over."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.rest import calls
from ringback.app.bench.rest.calls import _completed, _request, _Run, _telephone
from ringback.app.errors import UserError
from ringback.model.records import Account, CallRecord
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.storage.database import Database

ACCOUNT = Account("AC" + "1" * 32, "2" * 32, "bench", datetime(2026, 1, 1, tzinfo=UTC))


class Served:
    """A server that takes calls, and ends each a little later."""

    def __init__(self, status: int = 201, ends: bool = True) -> None:
        self.status, self.ends = status, ends
        self.asked = self.ended = self.most = 0

    async def count(self) -> dict[str, int]:
        self.most = max(self.most, self.asked - self.ended)
        if self.ends:
            self.ended = self.asked
        return {"calls": self.asked, "ended": self.ended}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            self.asked += 1
            writer.write(b"HTTP/1.1 %d Done\r\ncontent-length: 0\r\n\r\n" % self.status)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[_Run]:
        over: list[asyncio.Future[None]] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            over.append(done := asyncio.get_running_loop().create_future())
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await self.answer(reader, writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            done.set_result(None)

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            yield _Run(port, _request(ACCOUNT, 5060, port), self.count)
            await asyncio.gather(*over)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_LOOK", 0.001)
    monkeypatch.setattr(calls, "_PATIENCE", 0.2)


async def test_so_many_calls_are_made_and_no_more_at_once_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_AT_ONCE", 5)
    served = Served()
    async with served.run() as run:
        await run.make(100)
        assert (served.asked, served.ended) == (100, 100)
        assert 0 < served.most <= 5
        await run.make(10)
        assert served.asked == 110


async def test_what_is_refused_is_not_waited_for() -> None:
    served = Served(status=429, ends=False)
    async with served.run() as run:
        await run.make(30)
    assert served.asked == 30


async def test_what_never_ends_is_given_up() -> None:
    served = Served(ends=False)
    async with served.run() as run, asyncio.timeout(10):
        await run.make(30)
    assert (served.asked, served.ended) == (30, 0)


@pytest.fixture
def store(tmp_path: Path, empty_store: Path) -> Path:
    """A file with an empty store."""
    return Path(shutil.copy(empty_store, tmp_path))


def kept(account: Account, number: int, status: CallStatus, *, ended: bool = True) -> CallRecord:
    moment = account.date_created + timedelta(seconds=number)
    return CallRecord(
        f"CA{number:032x}", account.sid, "bench", "sip:bench", Direction.OUTBOUND_API, status, ApiVersion.V2010,
        None, None, moment, end_time=moment if ended else None,
    )  # fmt: skip


@pytest.mark.long
async def test_calls_that_were_completed_are_counted_when_none_goes_on(store: Path) -> None:
    async with Database.open(store) as database:
        account = await database.accounts.ensure_default(ACCOUNT.date_created, os.urandom)
        for number, status in enumerate((CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.COMPLETED)):
            await database.calls.create(kept(account, number, status))
        assert await _completed(database, account) == 2


@pytest.mark.long
async def test_a_call_that_never_ends_is_waited_for_so_long(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_PATIENCE", 0.003)
    async with Database.open(store) as database:
        account = await database.accounts.ensure_default(ACCOUNT.date_created, os.urandom)
        await database.calls.create(kept(account, 1, CallStatus.COMPLETED))
        await database.calls.create(kept(account, 2, CallStatus.IN_PROGRESS, ended=False))
        assert await _completed(database, account) == 1


async def test_a_telephone_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter is a script here."""
    deaf = tmp_path / "python"
    deaf.write_text("#!/bin/sh\necho 5099\nexec sleep 60\n")
    deaf.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(deaf))
    monkeypatch.setattr(calls, "_PATIENCE", 30.0)
    monkeypatch.setattr(calls, "_GOODBYE", 0.01)
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def watched(*command: str, **options: int) -> asyncio.subprocess.Process:
        started.append(await start(*command, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    async with _telephone() as (port, _):
        assert port == 5099
    assert started[0].returncode == -9


@pytest.mark.long
async def test_the_telephone_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_PATIENCE", 30.0)
    async with _telephone() as (port, count):
        assert port > 0
        assert await count() == {"calls": 0, "ended": 0}


async def test_one_core_is_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    def one() -> tuple[int, int]:
        raise BenchError("this benchmark needs two cores")

    monkeypatch.setattr(calls, "two_cores", one)
    with pytest.raises(UserError, match="two cores"):
        await calls.bench_whole_calls(10, lambda text: None)


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Where processes would have been kept."""
    seen: list[object] = []
    monkeypatch.setattr(calls, "two_cores", lambda: (3, 5))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5})
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cores: seen.append(set(cores)))
    monkeypatch.setattr(calls, "preferred", nullcontext)
    monkeypatch.setattr(calls, "pin", lambda pid, core: seen.append((pid, core)))
    return seen


@pytest.mark.long
@pytest.mark.parametrize(("bad", "twice", "failed"), [(0, 0, 0), (3, 0, 3), (0, 2, 2), (2, 1, 3)])
async def test_what_is_told_of_the_calls_after_those_that_warmed_up(
    monkeypatch: pytest.MonkeyPatch, empty_store: Path, cores: list[object], bad: int, twice: int, failed: int
) -> None:
    """`bad` calls are not completed, `twice` ring twice; the server is played, with a store of its own."""
    served = Served()
    spent = iter((2.0, 2.5))
    directories: list[Path] = []

    @contextmanager
    def running(name: str, command: list[str], environment: dict[str, str], directory: Path) -> Iterator[Path]:
        directories.append(directory)
        shutil.copy(empty_store, directory)
        assert environment["RINGBACK_HTTP__PORT"] == "8099"
        yield directory / f"{name}.log"

    async def ready(log: Path, seconds: float) -> None:
        async with Database.open(log.parent / "ringback.db") as database:
            await database.accounts.ensure_default(ACCOUNT.date_created, os.urandom)

    class Run:
        def __init__(self, port: int, request: bytes, count: calls.Count) -> None:
            assert (port, b"127.0.0.1%3A5099" in request) == (8099, True)

        async def make(self, number: int) -> None:
            served.asked += number + (twice if number == 20 else 0)
            await asyncio.sleep(0.001)

    @asynccontextmanager
    async def telephone() -> AsyncIterator[tuple[int, calls.Count]]:
        yield 5099, served.count

    async def completed(database: Database, account: Account) -> int:
        return served.asked - twice - bad

    for name, played in {
        "running": running, "until_ready": ready, "server_pid": lambda directory: 77, "free_port": lambda kind: 8099,
        "cpu_seconds": lambda pid: next(spent), "_Run": Run, "_telephone": telephone, "_completed": completed,
        "_WARM_UP": 4,
    }.items():  # fmt: skip
        monkeypatch.setattr(calls, name, played)
    said: list[str] = []
    told = await calls.bench_whole_calls(20, said.append)
    assert told["calls_failed"] == failed
    assert told["calls_per_cpu_second"] == (20 - failed) / 0.5
    assert told["calls_per_second"] > 0
    assert said == ["20 whole calls, 250 at once"]
    assert cores == [{5}, (77, 3), {3, 5}], "load on one core, the server on the other, then as it was"
    assert not directories[0].exists()
