"""The phones of a server: who may register, and what survives a restart."""

import logging
from datetime import timedelta
from unittest.mock import AsyncMock

import pytest
from telephony_world import ALICE, NOON, World

from ringback.sip.values import Allow, Deny, Flow
from ringback.storage.database import Database
from ringback.storage.errors import StorageError

TCP = Flow("TCP", ("192.0.2.1", 5060), ("198.51.100.7", 40000), 3)


async def world(database: Database, **sections: object) -> World:
    made = World(database, **sections)
    await made.add_phone()
    await made.services.load()
    made.start()
    return made


@pytest.mark.conforms("2010-04-01/14/registration")
async def test_a_phone_registers_and_is_found(database: Database) -> None:
    one = await world(database)
    assert one.log_in() == Allow("phone:alice")
    code, reason, headers = one.register()
    assert (code, reason) == (200, None)
    assert headers == (("Contact", "<sip:alice@10.0.0.5:5060>;expires=600;q=1"),)
    [binding] = one.services.bindings("alice", one.now)
    assert binding.flow == ALICE
    [route] = await one.services.plan.routes("alice", account_sid="AC", caller_id="+14155550100", now=one.now)
    assert (route.kind, route.flow, route.from_uri) == ("phone", ALICE, "sip:+14155550100@192.0.2.1")
    assert one.services.phones.is_bound(ALICE, one.now)
    assert one.screen("OPTIONS") == Allow()
    account = await database.accounts.ensure_default(NOON, bytes)
    assert one.services.phones.account_of("alice") == account.sid
    assert one.services.phones.account_of("bob") is None
    await one.services.close()


@pytest.mark.parametrize(
    ("identity", "to", "reason"),
    [
        (None, "alice", "Not a Phone"),
        ("trunk:alice", "alice", "Not a Phone"),
        ("phone:bob", "bob", "Not a Phone"),
        ("phone:alice", "bob", "Another Phone's Name"),
    ],
)
async def test_who_may_not_register(database: Database, identity: str | None, to: str, reason: str) -> None:
    one = await world(database)
    assert one.register(identity=identity, to=to)[:2] == (403, reason)
    assert one.services.guarding.guard.totals == {"not allowed to register so": 1}
    await one.services.close()


async def test_registrations_survive_a_restart(database: Database) -> None:
    """With the time that is left; those over a connection only where the phone listens as well."""
    one = await world(database)
    one.register()
    one.register("<sip:alice@198.51.100.7:5062;transport=tcp>", flow=TCP, cseq=2)
    await one.services.close()
    other = World(database)
    other.now = 1060.0
    await other.services.load()
    udp, tcp = sorted(
        other.services.bindings("alice", other.now), key=lambda binding: binding.flow.transport, reverse=True
    )
    assert (udp.flow, udp.expires, udp.nat, udp.user_agent) == (ALICE, 1600.0, True, "Phone 1")
    assert (tcp.flow.remote, tcp.flow.connection) == (("198.51.100.7", 5062), 0)
    assert other.services.phones.is_bound(ALICE, other.now)


async def test_unregistering_and_expiry_are_written_down(database: Database) -> None:
    one = await world(database)
    one.register()
    await one.services.phones.save(one.now, one.utcnow())
    assert len(await database.bindings.list(NOON)) == 1
    one.register(expires=0, cseq=2)
    await one.services.phones.save(one.now, one.utcnow())
    assert await database.bindings.list(NOON) == []
    one.register(cseq=3)
    one.now += 601.0
    one.services.phones.expire(one.now)
    await one.services.phones.save(one.now, one.utcnow())
    assert await database.bindings.list(NOON) == []
    assert not one.services.phones.is_bound(ALICE, one.now)
    await one.services.close()


async def test_an_address_that_is_written_in_another_way_is_kept_once(database: Database) -> None:
    one = await world(database)
    one.register("<sip:alice@PHONE.example;transport=udp>")
    await one.services.phones.save(one.now, one.utcnow())
    one.register("<sip:alice@phone.example;transport=UDP>", cseq=2)
    await one.services.phones.save(one.now, one.utcnow())
    assert [record.contact for record in await database.bindings.list(NOON)] == [
        "sip:alice@phone.example;transport=UDP"
    ]
    await one.services.close()


async def test_what_cannot_be_written_is_written_the_next_time(database: Database) -> None:
    one = await world(database)
    one.register()
    real, database.bindings.change = database.bindings.change, AsyncMock(side_effect=StorageError("full"))  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        await one.services.phones.save(one.now, one.utcnow())
    database.bindings.change = real  # type: ignore[method-assign]
    await one.services.phones.save(one.now, one.utcnow())
    assert len(await database.bindings.list(NOON)) == 1
    await one.services.close()


async def test_a_phone_that_is_removed_or_changed_while_the_server_runs(database: Database) -> None:
    one = await world(database)
    one.register()
    await one.services.phones.refresh()
    assert one.services.bindings("alice", one.now)
    await database.phones.remove("alice")
    await one.services.phones.refresh()
    assert one.services.bindings("alice", one.now) == []
    assert not one.services.any_users()
    await one.add_phone("bob", moment=1.0)
    await one.services.phones.refresh()
    assert one.services.is_phone("bob")
    await one.services.close()


async def test_a_connection_that_is_gone_leads_to_nobody(database: Database) -> None:
    one = await world(database)
    one.register(flow=TCP)
    assert len(one.services.bindings("alice", one.now)) == 1
    one.standing = False
    assert one.services.bindings("alice", one.now) == []
    await one.services.close()


async def test_passwords_for_another_realm_are_told(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    one = World(database)
    await one.add_phone(realm="elsewhere")
    with caplog.at_level(logging.WARNING):
        await one.services.load()
    assert "have passwords for another realm than 'ringback'" in caplog.text
    assert one.log_in() == Deny(403, "Wrong Name or Password")


async def test_a_very_long_contact_is_kept_in_memory_alone(database: Database) -> None:
    one = await world(database)
    assert one.register(f"<sip:{'a' * 1900}@10.0.0.5;x={'b' * 50}>")[0] == 200
    await one.services.phones.save(one.now, one.utcnow())
    assert len(await database.bindings.list(NOON)) == 1
    assert (await database.bindings.list(NOON + timedelta(seconds=601))) == []
    await one.services.close()
