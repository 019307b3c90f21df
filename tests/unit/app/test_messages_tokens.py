"""Messages, composed: from a message that comes to the answers that go out, with cookies, fallbacks and keywords."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.app.messages import COOKIE_SECONDS, Tokens
from ringback.messaging.port import Arrival
from ringback.model.messages import CarrierRecord
from ringback.model.provisioning import ApplicationRecord
from ringback.model.records import Account, AccountStatus
from ringback.storage.messages import MessageQuery
from tests.unit.app.message_applications import NOW, PERSON, SHOP, World, message_applications, number
from tests.unit.app.web_in_memory import Page

pytestmark = pytest.mark.long


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with message_applications(tmp_path) as made:
        yield made


async def test_the_application_is_asked_and_its_answers_go_out(world: World) -> None:
    world.web.pages["http://app/sms"] = lambda asked: (
        f"<Response><Message>You: {asked.fields['Body']}</Message></Response>"
    )
    assert await world.bring("hello") == ["You: hello"]
    (asked,) = world.web.asked
    assert (asked.fields["From"], asked.fields["To"], asked.fields["NumMedia"]) == (PERSON, SHOP, "0")
    assert "X-Twilio-Signature" in asked.headers
    assert {event.kind for event in world.events} >= {"webhook.request", "twiml.document", "verb.start"}


async def test_the_same_message_is_answered_once_though_it_is_asked_about_twice(world: World) -> None:
    world.web.pages["http://app/sms"] = "<Response><Message>one</Message></Response>"
    record = await world.service.received(Arrival(PERSON, SHOP, "hi", "local"))
    await world.service.idle()
    owner = await world.service._find(SHOP)
    assert record is not None
    assert owner is not None
    await world.service._conduct(record, owner, "")
    assert [one.body for one in await world.database.messages.find(MessageQuery(to=PERSON))] == ["one"]
    assert len(world.web.asked) == 2


async def test_cookies_last_for_four_idle_hours(world: World) -> None:
    world.web.pages["http://app/sms"] = Page("", headers={"Set-Cookie": "seen=1"})

    async def cookie(seconds: float) -> str | None:
        world.clock[0] += seconds
        await world.bring()
        return world.web.asked[-1].headers.get("Cookie")

    assert await cookie(0) is None
    assert await cookie(COOKIE_SECONDS - 1) == "seen=1"
    assert await cookie(COOKIE_SECONDS - 1) == "seen=1"
    assert await cookie(COOKIE_SECONDS) is None


async def test_pairs_of_numbers_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.app.messages._MOST_PAIRS", 1)
    world.web.pages["http://app/sms"] = Page("", headers={"Set-Cookie": "seen=1"})
    for sender in (PERSON, "+15550100098", PERSON):
        await world.service.received(Arrival(sender, SHOP, "hi", "local"))
        await world.service.idle()
    assert "Cookie" not in world.web.asked[-1].headers


async def test_the_fallback_is_asked(world: World) -> None:
    world.web.pages["http://app/sms"] = Page("", status=500)
    world.web.pages["http://app/spare"] = "<Response><Message>sorry</Message></Response>"
    assert await world.bring() == ["sorry"]
    assert world.web.asked[1].fields["ErrorCode"] == "11200"


async def test_keywords_are_answered_and_told(world: World) -> None:
    world.web.pages["http://app/sms"] = "<Response><Message>not heard</Message></Response>"
    assert await world.bring("STOP") == [
        "You will get no more messages from this number. Reply START to get them again."
    ]
    assert world.web.asked[0].fields["OptOutType"] == "STOP"
    assert 21610 in [event.data.get("code") for event in world.events]
    assert len(await world.bring("START")) == 3


async def test_a_number_without_an_application_is_told_of(world: World) -> None:
    await world.database.numbers.add(number(world.account, "+15550100002"))
    await world.service.tick()
    assert await world.bring(to="+15550100002") == []
    assert "--sms-url" in world.events[-1].data["message"]


async def test_an_account_that_is_not_active_keeps_its_messages_and_is_not_asked(world: World) -> None:
    await world.database.accounts.update(world.account.sid, status=AccountStatus.SUSPENDED)
    world.clock[0] += 5
    assert await world.bring("STOP") == []
    assert world.web.asked == []
    (kept,) = await world.database.messages.find(MessageQuery(to=SHOP))
    (told,) = [event.data for event in world.events]
    assert (kept.body, told["code"]) == ("STOP", 10003)


async def test_an_application_of_the_api_is_asked_in_place_of_the_urls(world: World) -> None:
    application = ApplicationRecord(
        "AP" + "0" * 32, world.account.sid, "x", NOW, sms_url="http://other/sms", sms_method="GET"
    )
    await world.database.applications.create(application)
    await world.database.numbers.add(
        number(world.account, "+15550100003", sms_application_sid=application.sid, sms_url="http://app/sms")
    )
    world.web.pages["http://other/sms"] = "hi there"
    await world.bring(to="+15550100003")
    assert world.web.asked[0].method == "GET"
    assert world.web.asked[0].url.startswith("http://other/sms?")


async def test_carriers_are_made_by_their_kind(world: World) -> None:
    settings: dict[str, dict[str, object]] = {
        "smpp": {"host": "127.0.0.1", "port": 1, "system_id": "x"},
        "smpp-server": {"port": 0},
        "http": {"url": "http://127.0.0.1:9/", "secret": "0123456789abcdef"},
        "pigeon": {},
    }
    for kind, values in settings.items():
        await world.database.carriers.add(CarrierRecord(kind, kind, values, NOW))
    await world.service.tick()
    assert {carrier.name for carrier in world.service.fleet.carriers()} == {"local", "smpp", "smpp-server", "http"}
    assert world.service.fleet.problems == {"pigeon": "there are no carriers of the kind pigeon here"}


async def test_tokens_are_looked_up_once_a_second(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(world.database, lambda: world.clock[0])
    looked: list[str] = []
    get = world.database.accounts.get

    async def counted(sid: str) -> Account | None:
        looked.append(sid)
        return await get(sid)

    monkeypatch.setattr(world.database.accounts, "get", counted)
    for _ in range(3):
        assert await tokens.of(world.account.sid) == world.account.auth_token
    world.clock[0] += 1
    assert await tokens.of(world.account.sid) == world.account.auth_token
    assert len(looked) == 2
    assert await tokens.of("AC" + "f" * 32) is None
    monkeypatch.setattr("ringback.app.messages._MOST_PAIRS", 1)
    assert await tokens.of("AC" + "e" * 32) is None
    assert len(tokens._known) == 1
