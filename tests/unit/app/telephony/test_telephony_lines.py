"""The lines to other networks: registered at, and asked whether they are alive."""

import asyncio
import logging

import pytest
from telephony_world import HOME, Asked, World

from ringback.app.telephony.lines import Lines
from ringback.sip.auth import Credentials
from ringback.sip.events import RequestAnswered
from ringback.sip.values import Flow, RequestId
from ringback.storage.database import Database

GATEWAY = "sip:gw.example"
CARRIER = {"gateways": [GATEWAY], "username": "us", "password": "sesame", "registration": True}


async def settle() -> None:
    """Let tasks that only look something up in memory come to their end."""
    for _ in range(8):
        await asyncio.sleep(0)


async def world(database: Database, **trunk: object) -> tuple[World, Lines]:
    one = World(database)
    await one.add_trunk(**{**CARRIER, "options_interval": 0, **trunk})
    await one.services.load()
    one.start()
    await settle()
    assert one.services.lines is not None
    return one, one.services.lines


def registered(one: World, asked: Asked, seconds: int = 600) -> None:
    contact = dict(asked.options["headers"])["Contact"]
    assert one.answer(asked, 200, ("contact", f"{contact};expires={seconds}"))


async def test_it_registers_refreshes_and_is_taken_back(database: Database) -> None:
    one, lines = await world(database, domain="carrier.example")
    [first] = one.endpoint.of("REGISTER")
    assert (first.uri, first.flow.remote) == ("sip:carrier.example", ("203.0.113.5", 5060))
    assert first.options["from_uri"] == first.options["to_uri"] == "sip:us@carrier.example"
    assert first.options["headers"] == [("Contact", "<sip:us@192.0.2.1:5060>"), ("Expires", "600")]
    assert first.options["credentials"] == Credentials("us", "sesame")
    registered(one, first)
    status = lines.status("carrier", one.now)
    assert status is not None
    assert (status.state, status.until) == ("registered", 1600.0)
    one.now = 1541.0
    lines.tick(one.now)
    await settle()
    again = one.endpoint.of("REGISTER")[1]
    assert again.options["call_id"] == first.options["call_id"]
    assert (first.options["cseq"], again.options["cseq"]) == (1, 6)
    registered(one, again)
    async with asyncio.TaskGroup() as group:
        group.create_task(one.services.close())
        for _ in range(1000):
            await asyncio.sleep(0)
            if len(one.endpoint.of("REGISTER")) == 3:
                break
        last = one.endpoint.of("REGISTER")[2]
        assert ("Expires", "0") in last.options["headers"]
        one.answer(last, 200)
    assert lines.status("carrier", one.now) is not None
    assert lines.status("nobody", one.now) is None


async def test_the_next_address_then_the_next_registrar(database: Database) -> None:
    one = World(database)
    flows = [Flow("UDP", HOME, ("203.0.113.5", 5060)), Flow("TLS", HOME, ("203.0.113.6", 5061), 0, "gw.example")]
    one.places["sip:one.example:5070"] = flows
    await one.add_trunk(
        **{**CARRIER, "registrars": ["sip:one.example:5070", "sips:two.example"], "options_interval": 0}
    )
    await one.services.load()
    one.start()
    await settle()
    [first] = one.endpoint.of("REGISTER")
    assert first.uri == "sip:one.example:5070"
    one.answer(first, 408, answered=False)
    second = one.endpoint.of("REGISTER")[1]
    assert second.flow == flows[1]
    assert dict(second.options["headers"])["Contact"].endswith(";transport=tls>")
    one.answer(second, 500)
    await settle()
    third = one.endpoint.of("REGISTER")[2]
    assert third.uri == "sips:two.example"
    one.answer(third, 408, answered=False)
    lines = one.services.lines
    assert lines is not None
    status = lines.status("carrier", one.now)
    assert status is not None
    assert (status.state, status.why) == ("waiting", "no answer")
    await one.services.close()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (OSError("no network"), "no network"),
        (TimeoutError(), "no name server answers for sip:gw.example"),
        ([], "no address was found for sip:gw.example"),
    ],
)
async def test_a_registrar_that_is_nowhere(
    database: Database, place: Exception, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = World(database)
    one.places[GATEWAY] = place
    await one.add_trunk(**CARRIER)
    await one.services.load()
    with caplog.at_level(logging.WARNING):
        one.start()
        await settle()
    assert f"trunk carrier cannot register: {why}; next try in" in caplog.text
    assert f"gateway {GATEWAY} of trunk carrier is dead: {why}" in caplog.text
    assert one.services.lines is not None
    report = one.services.lines.report("carrier", one.now)
    assert report["registration"]["why"] == why
    assert report["gateways"] == [{"uri": GATEWAY, "alive": False, "why": why, "rests": False}]
    await one.services.close()


async def test_what_cannot_be_sent_is_told(database: Database) -> None:
    one = World(database)
    one.endpoint.refuses = "that is no URI"
    await one.add_trunk(**CARRIER)
    await one.services.load()
    one.start()
    await settle()
    assert one.services.lines is not None
    report = one.services.lines.report("carrier", one.now)
    assert report["registration"]["why"] == report["gateways"][0]["why"] == "that is no URI"
    await one.services.close()


async def test_gateways_are_asked_for_a_sign_of_life(database: Database) -> None:
    one, lines = await world(database, registration=False, options_interval=30)
    [asked] = one.endpoint.of("OPTIONS")
    assert (asked.uri, asked.options["from_uri"]) == (GATEWAY, "sip:us@gw.example")
    state = one.services._trunks.by_name["carrier"].states[GATEWAY]
    lines.tick(1031.0)
    await settle()
    assert len(one.endpoint.of("OPTIONS")) == 1
    one.answer(asked, 404)
    assert state.alive is True
    for second, code, answered, alive, why in (
        (1062.0, 408, False, False, "no answer"),
        (1093.0, 503, True, False, "503 Reason"),
        (1124.0, 200, True, True, ""),
    ):
        lines.tick(second)
        await settle()
        one.answer(one.endpoint.of("OPTIONS")[-1], code, answered=answered)
        assert (state.alive, state.why) == (alive, why)
    await one.services.close()


async def test_trunks_come_change_and_go_while_the_server_runs(database: Database) -> None:
    one, lines = await world(database)
    [first] = one.endpoint.of("REGISTER")
    registered(one, first)
    one.now += 5
    await one.services._exchange()
    assert len(one.endpoint.of("REGISTER")) == 1
    assert [state.name for state in await database.trunk_states.list()] == ["carrier"]
    await one.add_trunk(**{**CARRIER, "password": "new", "options_interval": 0})
    await one.services._exchange()
    await settle()
    back, fresh = one.endpoint.of("REGISTER")[1:]
    assert ("Expires", "0") in back.options["headers"]
    assert fresh.options["credentials"].password == "new"
    await database.trunks.remove("carrier")
    await one.services._exchange()
    assert lines.status("carrier", one.now) is None
    assert not lines.on_answer(RequestAnswered(RequestId(9999), 200, "OK"))
    await one.services.close()
