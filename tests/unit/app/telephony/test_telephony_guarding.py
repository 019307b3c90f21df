"""The guard and the store."""

from datetime import timedelta

from telephony_world import NOON

from ringback.app.settings import GuardSettings
from ringback.app.telephony.guarding import Guarding
from ringback.model.telephony import GuardAllowed, GuardBlock
from ringback.storage.database import Database

BAD = "203.0.113.9"
STRICT = GuardSettings(wrong_passwords=1, block_seconds=100)


async def test_a_block_is_written_down_and_taken_over_by_the_next_server(database: Database) -> None:
    one = Guarding(database, STRICT)
    one.guard.failed(BAD, "wrong password", 50.0)
    await one.synchronise(60.0, NOON)
    [block] = await database.guard.blocks()
    assert (block.source, block.until, block.why) == (BAD, NOON + timedelta(seconds=90), "1 wrong names or passwords")
    [refusal] = await database.guard.refusals()
    assert (refusal.reason, refusal.count, refusal.last) == ("wrong password", 1, NOON - timedelta(seconds=10))
    other = Guarding(database, STRICT)
    await other.synchronise(0.0, NOON)
    found = other.guard.blocked(BAD, 0.0)
    assert found is not None
    assert found.until == 90.0
    await other.synchronise(1.0, NOON + timedelta(seconds=1))
    assert len(await database.guard.blocks()) == 1


async def test_who_is_unblocked_beside_the_server_is_heard_again(database: Database) -> None:
    one = Guarding(database, STRICT)
    one.guard.failed(BAD, "wrong password", 0.0)
    await one.synchronise(0.0, NOON)
    await database.guard.unblock(BAD)
    await one.synchronise(2.0, NOON)
    assert one.guard.blocked(BAD, 2.0) is None
    assert await database.guard.blocks() == []


async def test_who_is_blocked_beside_the_server_is_not_heard(database: Database) -> None:
    one = Guarding(database, STRICT)
    await one.synchronise(0.0, NOON)
    await database.guard.change_blocks([GuardBlock(BAD, NOON + timedelta(seconds=50), "by hand", NOON)], [])
    await one.synchronise(10.0, NOON)
    assert one.guard.blocked(BAD, 59.0) is not None
    assert one.guard.blocked(BAD, 61.0) is None


async def test_allowed_addresses_come_from_the_settings_and_the_store(database: Database) -> None:
    one = Guarding(database, GuardSettings.model_validate({"allow": ["198.51.100.0/24"], "wrong_passwords": 1}))
    await database.guard.allow(GuardAllowed("203.0.113.0/24", "", NOON))
    one.guard.failed(BAD, "wrong password", 0.0)
    await one.synchronise(0.0, NOON)
    assert one.guard.always_allowed("198.51.100.1")
    assert one.guard.blocked(BAD, 0.0) is None
    assert await database.guard.blocks() == []


async def test_blocks_that_are_over_leave_the_store(database: Database) -> None:
    one = Guarding(database, STRICT)
    one.guard.failed(BAD, "wrong password", 0.0)
    await one.synchronise(0.0, NOON)
    await one.synchronise(101.0, NOON + timedelta(seconds=101))
    assert await database.guard.blocks() == []


async def test_a_block_that_is_made_longer(database: Database) -> None:
    one = Guarding(database, STRICT)
    one.guard.failed(BAD, "wrong password", 0.0)
    await one.synchronise(0.0, NOON)
    one.guard.failed(BAD, "wrong password", 50.0)
    await one.synchronise(50.0, NOON + timedelta(seconds=50))
    [block] = await database.guard.blocks()
    assert block.until == NOON + timedelta(seconds=150)
