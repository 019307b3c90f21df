"""Trunks in the store, and the prefixes that accounts may dial."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from storage_samples import NOW, add_account, later

from ringback.model.telephony import OutboundPrefix, TrunkRecord, TrunkState
from ringback.storage.database import Database, StorageError

TRUNK = TrunkRecord("carrier", {"gateways": ["sip:gw.example"], "max_calls": 10}, NOW, {"password": "sesame"})


async def test_trunks_come_back_with_their_passwords(db: Database) -> None:
    await db.trunks.create(TRUNK)
    assert await db.trunks.list() == [TRUNK]
    assert await db.trunks.get("carrier") == TRUNK
    with pytest.raises(StorageError):
        await db.trunks.create(TRUNK)
    changed = replace(TRUNK, settings={}, secrets={}, date_updated=later(1))
    before = await db.trunks.version()
    await db.trunks.save(changed)
    assert await db.trunks.list() == [changed]
    assert await db.trunks.version() != before
    assert await db.trunks.remove("carrier")
    assert await db.trunks.list() == []


async def test_their_passwords_are_encrypted(db: Database) -> None:
    await db.trunks.create(TRUNK)
    async with db.connections.read() as connection:
        assert "sesame" not in str((await connection.execute(text("SELECT * FROM trunks"))).all())
    assert "sesame" not in repr(TRUNK)


async def test_prefixes_are_of_an_account(db: Database) -> None:
    account = await add_account(db)
    for prefix in ("+44", "+1", "+1"):
        await db.outbound_prefixes.allow(account.sid, prefix, NOW)
    expected = [OutboundPrefix(account.sid, prefix, NOW) for prefix in ("+1", "+44")]
    assert await db.outbound_prefixes.list(account.sid) == await db.outbound_prefixes.list() == expected
    assert await db.outbound_prefixes.list("AC" + "f" * 32) == []
    assert await db.outbound_prefixes.deny(account.sid, "+1")
    assert not await db.outbound_prefixes.deny(account.sid, "+1")
    assert await db.outbound_prefixes.list() == expected[1:]


async def test_states_replace_those_before(db: Database) -> None:
    one, two = TrunkState("a", {"calls": 1}, NOW), TrunkState("b", {"calls": 0, "gateways": []}, later(1))
    await db.trunk_states.replace([one])
    await db.trunk_states.replace([two, one])
    assert await db.trunk_states.list() == [one, two]
    await db.trunk_states.replace([two])
    assert await db.trunk_states.list() == [two]
