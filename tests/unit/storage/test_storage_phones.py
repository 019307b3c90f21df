"""Phones in the store, and where they can be reached."""

from dataclasses import replace
from typing import Any

import pytest
from storage_samples import NOW, add_account, later

from ringback.model.records import Account
from ringback.model.telephony import BindingRecord, PhoneRecord
from ringback.storage.database import Database, StorageError


def phone(account: Account, username: str = "alice", **different: Any) -> PhoneRecord:
    values: dict[str, Any] = {
        "username": username,
        "account_sid": account.sid,
        "realm": "ringback",
        "ha1_md5": "a" * 32,
        "ha1_sha256": "b" * 64,
        "ha1_sha512_256": "c" * 64,
        "display_name": "Alice — Ünïcode",
        "date_created": NOW,
    }
    return PhoneRecord(**{**values, **different})


def binding(username: str = "alice", number: int = 1, **different: Any) -> BindingRecord:
    values: dict[str, Any] = {
        "username": username,
        "contact": f"sip:{username}@192.0.2.{number}:5060",
        "call_id": "one",
        "cseq": 2**31 - 1,
        "q": 0.5,
        "transport": "TCP",
        "local_host": "::1",
        "local_port": 5060,
        "remote_host": "192.0.2.1",
        "remote_port": 40000,
        "by_connection": True,
        "path": ["<sip:edge.example;lr>"],
        "user_agent": "Phone",
        "instance": "<urn:uuid:1>",
        "nat": True,
        "expires": later(600),
    }
    return BindingRecord(**{**values, **different})


async def test_phones_come_back_and_go(db: Database) -> None:
    account = await add_account(db)
    one, other = phone(account, "bob"), phone(account, "alice")
    await db.phones.create(one)
    await db.phones.create(other)
    assert await db.phones.list() == [other, one]
    assert await db.phones.get("bob") == one
    with pytest.raises(StorageError):
        await db.phones.create(one)
    assert await db.phones.remove("bob")
    assert not await db.phones.remove("bob")


async def test_whether_there_is_something_new_can_be_asked(db: Database) -> None:
    account = await add_account(db)
    seen = [await db.phones.version()]
    await db.phones.create(phone(account))
    seen.append(await db.phones.version())
    assert await db.phones.version() == seen[-1]
    await db.phones.save(phone(account, date_updated=later(1)))
    seen.append(await db.phones.version())
    await db.phones.remove("alice")
    await db.phones.create(phone(account, "bob", date_created=later(2)))
    seen.append(await db.phones.version())
    assert len(set(seen)) == 4


async def test_bindings_are_changed_together(db: Database) -> None:
    await db.phones.create(phone(await add_account(db)))
    one, two = binding(), binding(number=2)
    await db.bindings.change([one, two], [])
    assert await db.bindings.list(NOW) == [one, two]
    newer = replace(one, cseq=7, expires=later(900), path=[])
    await db.bindings.change([newer], [("alice", two.contact), ("alice", "sip:nobody@h")])
    assert await db.bindings.list(NOW) == [newer]
    assert await db.bindings.list(later(900)) == []
    await db.bindings.forget_expired(later(900))
    assert await db.bindings.list(NOW) == []


async def test_a_phone_takes_its_bindings_with_it(db: Database) -> None:
    """And one that refreshes its binding at that moment does not fail."""
    await db.phones.create(phone(await add_account(db)))
    await db.bindings.change([binding()], [])
    await db.phones.remove("alice")
    assert await db.bindings.list(NOW) == []
    await db.bindings.change([binding()], [])
    assert await db.bindings.list(NOW) == []
