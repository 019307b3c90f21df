"""Phones, trunks, guards and the dial plan together."""

import asyncio
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest
from telephony_world import ALICE, HOME, NOON, World

from ringback.app.telephony import services
from ringback.calls.dialplan import NoRoute
from ringback.model.records import IncomingNumber
from ringback.model.status import ApiVersion
from ringback.sip.events import RequestAnswered
from ringback.sip.values import Allow, Challenge, Flow, RequestId, Silent
from ringback.storage.database import Database
from ringback.storage.errors import StorageError

CALLER = "+14155550100"


async def started(database: Database, **sections: Any) -> World:
    one = World(database, **sections)
    await one.services.load()
    one.start()
    return one


async def test_strangers_trunks_and_the_server_itself(database: Database) -> None:
    one = World(database)
    await one.add_trunk(inbound=["198.51.100.0/24"], inbound_username="them", inbound_password="sesame!")
    await one.services.load()
    one.start()
    stranger = Flow("UDP", HOME, ("203.0.113.9", 5060))
    assert one.screen("INVITE", ALICE) == Allow("trunk:carrier")
    assert isinstance(one.screen("INVITE", stranger), Challenge)
    assert one.log_in("INVITE", stranger, user="them", password="sesame!") == Allow("trunk:carrier")
    assert one.screen("INVITE", Flow("UDP", HOME, HOME)) == Allow()
    assert one.screen("INVITE", Flow("TCP", HOME, ("192.0.2.1", 40000), 7)) == Allow()
    assert isinstance(one.screen("INVITE", Flow("UDP", HOME, ("192.0.2.1", 40000))), Challenge)
    await one.services.close()


async def test_nobody_could_answer_a_challenge(database: Database) -> None:
    one = await started(database)
    assert isinstance(one.screen("INVITE"), Silent)
    await one.services.close()


async def test_the_numbers_of_a_trunk_are_read_as_it_writes_them(database: Database) -> None:
    one = World(database)
    await one.add_trunk(inbound=["198.51.100.0/24"], region="DE", number_format="plain")
    await one.services.load()
    read = one.services.read_number
    assert [read(user, "trunk:carrier") for user in ("4930123456", "030123456")] == ["+4930123456", "+4930123456"]
    assert [read("4155550100", who) for who in (None, "phone:alice", "trunk:gone")] == ["+14155550100"] * 3
    await one.services.close()


async def test_where_numbers_lead(database: Database) -> None:
    one = World(
        database,
        trunks={"carrier": {"gateways": ["sip:gw.example"]}},
        calls={"outbound_hosts": ["friends.example"]},
        phones={"domains": ["Ringback.example"]},
    )
    account = await database.accounts.ensure_default(NOON, bytes)
    await database.numbers.create(
        IncomingNumber(
            "PN" + "0" * 32, account.sid, CALLER, "http://127.0.0.1/", "POST", None, "POST", None, "POST",
            ApiVersion.V2010, "", NOON,
        )
    )  # fmt: skip
    await one.services.load()
    one.start()

    async def kind(target: str) -> str:
        try:
            [route] = await one.services.plan.routes(target, account_sid=account.sid, caller_id=CALLER, now=one.now)
        except NoRoute as error:
            return str(error.code)
        return route.kind

    assert await kind(f"sip:{CALLER}@192.0.2.1") == await kind(f"sip:{CALLER}@ringback.example:5070") == "local"
    assert await kind(f"sip:{CALLER}@192.0.2.1:5070") == "403"
    assert await kind("sip:bob@friends.example") == "sip"
    assert await kind("+14155550123") == "403"
    await database.outbound_prefixes.allow(account.sid, "+1415", NOON)
    await one.services._exchange()
    assert await kind("+14155550123") == "trunk"
    await one.services.close()


@pytest.mark.parametrize(
    ("sip", "caller"),
    [
        ({"host": "0.0.0.0"}, "sip:x@127.0.0.1"),
        ({"host": "192.0.2.1", "advertised_address": "203.0.113.1"}, "sip:x@203.0.113.1"),
    ],
)
async def test_the_address_that_calls_come_from(database: Database, sip: dict[str, Any], caller: str) -> None:
    one = World(database, sip=sip, calls={"outbound_hosts": ["*"]})
    await one.services.load()
    one.services.start(
        one.endpoint, locate=one.locate, advertised=lambda flow: flow.local, addresses=[(sip["host"], 5060)]
    )
    [route] = await one.services.plan.routes("sip:a@b.example", account_sid="", caller_id="x", now=0.0)
    assert route.from_uri == caller
    await one.services.close()


async def test_phones_behind_nats_are_kept_alive(database: Database) -> None:
    one = World(database, phones={"keepalive": 25})
    await one.add_phone()
    await one.services.load()
    one.start()
    one.register()
    one.services._keep_alive(one.now)
    assert one.endpoint.of("OPTIONS") == []
    one.services._keep_alive(one.now + 25)
    [asked] = one.endpoint.of("OPTIONS")
    assert (asked.uri, asked.flow) == ("sip:alice@10.0.0.5:5060", ALICE)
    one.services._keep_alive(one.now + 60)
    assert len(one.endpoint.of("OPTIONS")) == 1
    assert one.answer(asked, 200)
    one.services._keep_alive(one.now + 60)
    assert len(one.endpoint.of("OPTIONS")) == 2
    one.services._kept_alive.update({("x", str(i)): 0.0 for i in range(200)})
    one.services._keep_alive(one.now + 61)
    assert len(one.services._kept_alive) == 1
    await one.services.close()


async def test_keep_alives_can_be_switched_off(database: Database) -> None:
    one = World(database, phones={"keepalive": 0})
    await one.add_phone()
    await one.services.load()
    one.start()
    one.register()
    for second in (0, 100):
        one.services._keep_alive(one.now + second)
    assert one.endpoint.asked == []
    await one.services.close()


async def test_events_of_others_are_left_to_them(database: Database) -> None:
    one = World(database)
    await one.services.load()
    answered = RequestAnswered(RequestId(1), 200, "OK")
    assert not one.services.on_event(answered)
    one.start()
    assert not one.services.on_event(answered)
    await one.services.close()


async def test_it_works_by_itself_and_through_a_failing_store(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(services, "TICK_SECONDS", 0.001)
    one = World(database)
    await one.add_phone()
    await one.services.load()
    one.start()
    one.register()
    await asyncio.sleep(0.01)
    assert await database.bindings.list(NOON) == []
    one.now += services.STORE_SECONDS
    for _ in range(200):
        await asyncio.sleep(0.005)
        if await database.bindings.list(NOON):
            break
    assert len(await database.bindings.list(NOON)) == 1
    real, database.phones.version = database.phones.version, AsyncMock(side_effect=StorageError("disk is full"))  # type: ignore[method-assign]
    for _ in range(200):
        # Each time anew: the exchange before may still have been going on, and the next one is due after its end.
        one.now += services.STORE_SECONDS
        await asyncio.sleep(0.005)
        if "disk is full" in caplog.text:
            break
    assert "phones and trunks go on with what was known: disk is full" in caplog.text
    database.phones.version = real  # type: ignore[method-assign]
    database.bindings.change = AsyncMock(side_effect=StorageError("disk is full"))  # type: ignore[method-assign]
    one.register(cseq=2)
    await one.services.close()
    assert "what phones and guards did last is lost" in caplog.text


async def test_a_trunk_of_the_store_that_cannot_be_used_is_left_out(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    one = World(database, trunks={"same": {"gateways": ["sip:file.example"]}})
    await one.add_trunk("broken", gatewys=[])
    await one.add_trunk("same", gateways=["sip:store.example"])
    await one.services.load()
    assert "a trunk is left out: the store: there is no setting trunks.broken.gatewys" in caplog.text
    assert [t.config.gateways[0].uri for t in one.services._trunks.by_name.values()] == ["sip:file.example"]


async def test_what_has_expired_is_tidied_up(database: Database) -> None:
    one = World(database)
    await one.add_phone()
    await one.services.load()
    one.start()
    one.register(expires=60)
    await one.services._save()
    one.now += 700
    await one.services._save()
    assert await database.bindings.list(NOON - timedelta(days=1)) == []
    await one.services.close()
