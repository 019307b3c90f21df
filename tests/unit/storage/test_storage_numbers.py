"""Incoming numbers in the store."""

from dataclasses import replace

import pytest
from storage_samples import add_account, number

from ringback.model.status import ApiVersion
from ringback.storage.database import Database, StorageError


async def test_a_number_comes_back_as_it_was(db: Database) -> None:
    account = await add_account(db)
    one, other = number(account, 2), number(account, 1, phone_number="menu", status_callback=None)
    await db.numbers.add(one)
    await db.numbers.add(other)
    assert await db.numbers.get(one.sid) == one
    assert await db.numbers.get_by_number("menu") == other
    assert await db.numbers.list() == [one, other]
    assert isinstance((await db.numbers.list())[0].api_version, ApiVersion)


async def test_a_number_that_is_not_there(db: Database) -> None:
    await add_account(db)
    assert await db.numbers.get("PN" + "0" * 32) is None
    assert await db.numbers.get_by_number("+1") is None
    assert await db.numbers.remove("PN" + "0" * 32) is False
    with pytest.raises(StorageError, match="there is no number PN0"):
        await db.numbers.update("PN" + "0" * 32, voice_url="http://127.0.0.1/")


async def test_one_number_has_one_owner(db: Database) -> None:
    """Adding it twice, or changing another into it, is refused; the error names who has it."""
    account = await add_account(db)
    one, other = number(account, 1), number(account, 2)
    await db.numbers.add(one)
    await db.numbers.add(other)
    with pytest.raises(StorageError, match=f"{one.phone_number[1:]} is there already, as {one.sid}"):
        await db.numbers.add(replace(one, sid="PN" + "f" * 32))
    with pytest.raises(StorageError, match=f"{one.phone_number[1:]} is there already, as {one.sid}"):
        await db.numbers.update(other.sid, phone_number=one.phone_number)
    await db.numbers.update(one.sid, phone_number=one.phone_number)
    assert await db.numbers.list() == [one, other]


async def test_an_account_is_needed(db: Database) -> None:
    """Foreign keys are on."""
    account = await add_account(db)
    with pytest.raises(StorageError, match="refused"):
        await db.numbers.add(number(account, account_sid="AC" + "f" * 32))


async def test_changing_a_number(db: Database) -> None:
    account = await add_account(db)
    await db.numbers.add(number(account))
    await db.numbers.update(number(account).sid)
    await db.numbers.update(number(account).sid, voice_url="http://new.example.com/", api_version=ApiVersion.V2010)
    changed = replace(number(account), voice_url="http://new.example.com/", api_version=ApiVersion.V2010)
    assert await db.numbers.list() == [changed]


@pytest.mark.parametrize("name", ["sid", "date_created", "colour"])
async def test_what_never_changes(db: Database, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        await db.numbers.update("PN" + "0" * 32, **{name: "x"})


async def test_removing_a_number(db: Database) -> None:
    account = await add_account(db)
    await db.numbers.add(number(account))
    assert await db.numbers.remove(number(account).sid) is True
    assert await db.numbers.list() == []
