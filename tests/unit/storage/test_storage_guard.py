"""What the guard keeps, and what people tell it."""

from dataclasses import replace

from storage_samples import NOW, later

from ringback.model.telephony import GuardAllowed, GuardBlock, GuardRefusal
from ringback.storage.database import Database


async def test_allowed_addresses(db: Database) -> None:
    one = GuardAllowed("198.51.100.0/24", "office", NOW)
    await db.guard.allow(one)
    await db.guard.allow(replace(one, note="the office"))
    assert await db.guard.allowed() == [replace(one, note="the office")]
    assert await db.guard.disallow("198.51.100.0/24")
    assert not await db.guard.disallow("198.51.100.0/24")
    assert await db.guard.allowed() == []


async def test_blocks(db: Database) -> None:
    one = GuardBlock("203.0.113.9", later(60), "5 wrong names or passwords", NOW)
    two = GuardBlock("2001:db8::/64", later(90), "a scanner", NOW)
    await db.guard.change_blocks([one, two], [])
    assert await db.guard.blocks() == [two, one]
    longer = replace(one, until=later(120))
    await db.guard.change_blocks([longer], [two.source, "nobody"])
    assert await db.guard.blocks() == [longer]
    assert await db.guard.unblock(one.source)
    assert not await db.guard.unblock(one.source)


async def test_counts_of_refusals_replace_those_before(db: Database) -> None:
    old = GuardRefusal("203.0.113.9", "scanner", 3, NOW)
    new = [GuardRefusal("203.0.113.8", "wrong password", 2, later(2)), GuardRefusal("203.0.113.9", "scanner", 4, NOW)]
    await db.guard.replace_refusals([old])
    await db.guard.replace_refusals(new)
    assert await db.guard.refusals() == new
