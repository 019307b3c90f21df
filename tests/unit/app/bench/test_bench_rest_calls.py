"""`ringback bench rest`: how whole calls are asked for, no more at once than may be, and when they count as over."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
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
    monkeypatch.setattr(calls, "_AT_ONCE", 20)
    served = Served()
    async with served.run() as run:
        await run.make(100)
        assert (served.asked, served.ended) == (100, 100)
        assert 0 < served.most <= 20
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


async def test_calls_that_were_completed_are_counted_when_none_goes_on(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "ringback.db") as database:
        account = await database.accounts.ensure_default(ACCOUNT.date_created, os.urandom)
        for number, status in enumerate((CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.COMPLETED)):
            moment = account.date_created + timedelta(seconds=number)
            await database.calls.create(
                CallRecord(
                    f"CA{number:032x}", account.sid, "bench", "sip:bench", Direction.OUTBOUND_API, status,
                    ApiVersion.V2010, None, None, moment, end_time=moment,
                )
            )  # fmt: skip
        assert await _completed(database, account) == 2


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
