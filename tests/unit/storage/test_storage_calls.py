"""Call records in the store."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from storage_samples import NOW, add_account, call, later

from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.storage.database import Database, StorageError


async def test_a_call_comes_back_as_it_was(db: Database) -> None:
    account = await add_account(db)
    record = call(account, phone_number_sid=None, from_="anonymous", start_time=later(1), end_time=later(2.5))
    await db.calls.create(record)
    kept = await db.calls.get(record.sid)
    assert kept == record
    assert isinstance(kept.status, CallStatus)
    assert isinstance(kept.direction, Direction)
    assert isinstance(kept.api_version, ApiVersion)


async def test_times_are_moments_whatever_their_zone(db: Database) -> None:
    account = await add_account(db)
    await db.calls.create(call(account, date_created=NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))))
    [record] = await db.calls.list()
    assert record.date_created == NOW
    assert record.date_created.utcoffset() == timedelta(0)


async def test_a_time_without_zone_is_refused(db: Database) -> None:
    account = await add_account(db)
    with pytest.raises(StorageError, match="has no time zone"):
        await db.calls.create(call(account, date_created=NOW.replace(tzinfo=None)))


async def test_a_sid_is_used_once(db: Database) -> None:
    account = await add_account(db)
    await db.calls.create(call(account))
    with pytest.raises(StorageError, match="refused"):
        await db.calls.create(call(account))


async def test_a_call_by_the_beginning_of_its_sid(db: Database) -> None:
    account = await add_account(db)
    one, other = call(account, sid="CAab12" + "0" * 28), call(account, sid="CAab13" + "f" * 28)
    await db.calls.create(one)
    await db.calls.create(other)
    assert await db.calls.get("CAab12") == one
    assert await db.calls.get("caAB13f") == other
    assert await db.calls.get("CAab14") is None
    assert await db.calls.get("CA%") is None
    assert await db.calls.get("CA" + "0" * 32) is None
    with pytest.raises(StorageError, match="more than one call begins with CAab1"):
        await db.calls.get("CAab1")


async def test_changing_a_call(db: Database) -> None:
    account = await add_account(db)
    await db.calls.create(call(account))
    await db.calls.update(call(account).sid)
    ended = {"status": CallStatus.COMPLETED, "end_time": later(9), "end_reason": "caller-hangup"}
    await db.calls.update(call(account).sid, **ended)
    assert await db.calls.list() == [replace(call(account), **ended, date_updated=ended["end_time"])]


async def test_changing_a_call_that_is_not_there(db: Database) -> None:
    with pytest.raises(StorageError, match="there is no call CA0"):
        await db.calls.update("CA" + "0" * 32, status=CallStatus.FAILED)


@pytest.mark.parametrize("name", ["sid", "account_sid", "date_created", "colour"])
async def test_what_never_changes(db: Database, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        await db.calls.update("CA" + "0" * 32, **{name: "x"})


async def test_the_newest_calls_come_first(db: Database) -> None:
    account = await add_account(db)
    records = [call(account, i, to="100" if i % 2 else "200", from_=f"+1415555010{i}") for i in range(6)]
    for record in records:
        await db.calls.create(record)
    await db.calls.update(records[0].sid, status=CallStatus.BUSY)
    assert await db.calls.list() == [*records[:0:-1], replace(records[0], status=CallStatus.BUSY)]
    assert await db.calls.list(2) == [records[5], records[4]]
    assert await db.calls.list(2, to="100") == [records[5], records[3]]
    assert await db.calls.list(from_="+14155550102", to="200") == [records[2]]
    assert [record.sid for record in await db.calls.list(status=CallStatus.BUSY)] == [records[0].sid]


async def test_calls_that_a_crash_left_open_have_failed(db: Database) -> None:
    account = await add_account(db)
    for i, status in enumerate(CallStatus):
        await db.calls.create(call(account, i, status=status))
    left = await db.calls.unfinished()
    assert [record.status for record in left] == ["queued", "ringing", "in-progress"]
    assert await db.calls.fail_unfinished(later(100)) == 3
    assert await db.calls.unfinished() == []
    ended = replace(
        left[2], status=CallStatus.FAILED, end_time=later(100), end_reason="server-restarted", date_updated=later(100)
    )
    assert await db.calls.get(left[2].sid) == ended
    assert await db.calls.fail_unfinished(later(200)) == 0


async def test_a_call_that_came_after_the_start_has_not_failed(db: Database) -> None:
    account = await add_account(db)
    for i in range(3):
        await db.calls.create(call(account, i))
    assert await db.calls.fail_unfinished(later(1)) == 2
    assert [record.sid for record in await db.calls.unfinished()] == [call(account, 2).sid]
