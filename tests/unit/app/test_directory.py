"""Looking numbers up: at most once a second, together."""

import asyncio
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringback.app.directory import Directory
from ringback.model.records import Account, IncomingNumber
from ringback.model.status import ApiVersion
from ringback.storage.database import Database

pytestmark = pytest.mark.long

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def number_of(account: Account, phone_number: str) -> IncomingNumber:
    return IncomingNumber(
        "PN" + secrets.token_hex(16), account.sid, phone_number, "http://127.0.0.1/", "POST", None, "POST", None,
        "POST", ApiVersion.V2010, "", NOW,
    )  # fmt: skip


async def test_a_number_is_found_with_its_account(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "db") as database:
        account = await database.accounts.ensure_default(NOW, secrets.token_bytes)
        await database.numbers.add(number_of(account, "+15550100001"))
        entry = await Directory(database, lambda: 0.0).find("+15550100001")
        assert entry is not None
        assert (entry.number.phone_number, entry.account) == ("+15550100001", account)


async def test_a_change_is_seen_after_a_second(tmp_path: Path) -> None:
    now = 0.0
    async with Database.open(tmp_path / "db") as database:
        account = await database.accounts.ensure_default(NOW, secrets.token_bytes)
        directory = Directory(database, lambda: now)
        assert await directory.find("+15550100001") is None
        await database.numbers.add(number_of(account, "+15550100001"))
        assert await directory.find("+15550100001") is None
        now = 1.0
        assert await directory.find("+15550100001") is not None


async def test_many_callers_cause_one_look_up(tmp_path: Path) -> None:
    asked: list[str] = []

    class Counting(Directory):
        async def _look_up(self, phone_number: str) -> None:
            asked.append(phone_number)
            await asyncio.sleep(0)

    async with Database.open(tmp_path / "db") as database:
        directory = Counting(database, lambda: 0.0)
        await asyncio.gather(*(directory.find("1") for _ in range(100)))
        assert asked == ["1"]


async def test_a_look_up_that_fails_is_tried_again(tmp_path: Path) -> None:
    failures = [OSError("the disk is gone")]

    class Failing(Directory):
        async def _look_up(self, phone_number: str) -> None:
            if failures:
                raise failures.pop()

    async with Database.open(tmp_path / "db") as database:
        directory = Failing(database, lambda: 0.0)
        with pytest.raises(OSError, match="the disk is gone"):
            await directory.find("1")
        assert await directory.find("1") is None


async def test_a_caller_who_hangs_up_does_not_spoil_it_for_the_next(tmp_path: Path) -> None:
    class Slow(Directory):
        async def _look_up(self, phone_number: str) -> None:
            await asyncio.Event().wait()

    async with Database.open(tmp_path / "db") as database:
        directory = Slow(database, lambda: 0.0)
        first = asyncio.get_running_loop().create_task(directory.find("1"))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        directory._look_up = lambda number: asyncio.sleep(0)  # type: ignore[method-assign,assignment]
        assert await directory.find("1") is None


async def test_who_waits_for_the_same_look_up_asks_again_when_the_first_caller_hangs_up(tmp_path: Path) -> None:
    asked: list[str] = []

    class Slow(Directory):
        async def _look_up(self, phone_number: str) -> None:
            asked.append(phone_number)
            if len(asked) == 1:
                await asyncio.Event().wait()

    async with Database.open(tmp_path / "db") as database, asyncio.TaskGroup() as group:
        directory = Slow(database, lambda: 0.0)
        first = group.create_task(directory.find("1"))
        others = [group.create_task(directory.find("1")) for _ in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        assert [await other for other in others] == [None, None, None]
    assert asked == ["1", "1"]


async def test_a_slow_look_up_that_fails_leaves_a_later_one_alone(tmp_path: Path) -> None:
    """The later one was begun when the answer of the first would have been too old."""
    now = 0.0
    gates = [asyncio.Event(), asyncio.Event()]
    failures: list[Exception | None] = [OSError("the disk is gone"), None]

    class Slow(Directory):
        async def _look_up(self, phone_number: str) -> None:
            gate, failure = gates.pop(0), failures.pop(0)
            await gate.wait()
            if failure:
                raise failure

    async with Database.open(tmp_path / "db") as database:
        directory = Slow(database, lambda: now)
        opening = list(gates)
        create_task = asyncio.get_running_loop().create_task
        first = create_task(directory.find("1"))
        await asyncio.sleep(0)
        now = 1.0
        second = create_task(directory.find("1"))
        await asyncio.sleep(0)
        opening[0].set()
        with pytest.raises(OSError, match="the disk is gone"):
            await first
        third = create_task(directory.find("1"))
        await asyncio.sleep(0)
        opening[1].set()
        assert (await second, await third) == (None, None)
