"""The service of messages: what it promises, on a real store with fake carriers."""

from datetime import timedelta
from pathlib import Path

import pytest

from ringback.messaging.carriers.contract import (
    CarrierRefusedError,
)
from ringback.messaging.port import Arrival, MessageFilter, MessageRefused
from ringback.messaging.service import reply_sid
from ringback.messaging.settings import MessageSettings
from ringback.model.messages import MessageDirection
from ringback.model.status import ApiVersion
from ringback.storage.database import Database
from tests.unit.app.web_in_memory import Page
from tests.unit.messaging.message_world import OLD_SHOP, PERSON, SHOP, World, open_world


@pytest.mark.conforms("2010-04-01/5.5/sequence")
async def test_a_message_goes_its_way_and_each_status_is_told(world: World) -> None:
    net = await world.add_carrier("net")
    world.web.pages["http://app/status"] = ""
    sent = await world.send("hello", status_callback="http://app/status")
    assert (sent.status, sent.carrier, sent.date_sent) == ("sent", "net", world.utcnow())
    assert net.bodies == ["hello"]
    await world.service.receipt("net", "net-1", delivered=True)
    await world.service.idle()
    assert await world.status(sent.sid) == "delivered"
    assert world.told() == ["queued", "sending", "sent", "delivered"]
    assert len(world.service.jobs) == 0


@pytest.mark.conforms("2008-08-01/1.1/sms-status")
async def test_an_old_application_is_told_sent_and_failed_only(world: World) -> None:
    net = await world.add_carrier("net")
    world.web.pages["http://app/status"] = ""
    await world.send(status_callback="http://app/status", api_version=ApiVersion.V2008, from_=OLD_SHOP)
    net.script.append(CarrierRefusedError(30005, "no such number"))
    failed = await world.send(status_callback="http://app/status", api_version=ApiVersion.V2008, from_=OLD_SHOP)
    assert (failed.status, failed.error_code, failed.error_message) == ("failed", 30005, "no such number")
    assert world.told() == ["sent", "failed"]


@pytest.mark.conforms("2008-08-01/3.2/number")
async def test_what_is_wrong_is_refused(world: World) -> None:
    async def code(**different: object) -> int:
        with pytest.raises(MessageRefused) as refusal:
            await world.service.send(world.draft(**different))  # type: ignore[arg-type]
        return refusal.value.code

    assert await code(from_="+15550109999") == 21606
    assert await code(account_sid="AC" + "f" * 32) == 21606
    assert await code(body="") == 21602
    assert await world.service.count(MessageFilter()) == 0


async def test_a_receipt_for_nothing_is_forgotten_after_a_week(world: World) -> None:
    await world.service.receipt("net", "unknown", delivered=False, error_code=30003)
    assert len(await world.database.messages.receipts(10)) == 1
    world.seconds += 8 * 86_400
    await world.service._clean()
    assert await world.database.messages.receipts(10) == []


async def test_a_scheduled_message_goes_when_it_is_time(world: World) -> None:
    net = await world.add_carrier("net")
    at = world.utcnow() + timedelta(hours=1)
    later = await world.send("later", send_at=at)
    canceled = await world.send("never", send_at=at)
    assert (later.status, net.bodies) == ("scheduled", [])
    assert (await world.service.cancel(canceled.sid, world.account.sid)).status == "canceled"
    with pytest.raises(MessageRefused, match="only a scheduled one"):
        await world.service.cancel(canceled.sid)
    await world.pass_time(3599)
    assert await world.status(later.sid) == "scheduled"
    await world.pass_time(1)
    assert await world.status(later.sid) == "sent"
    assert net.bodies == ["later"]


async def test_a_message_is_redacted_and_deleted_once_it_has_gone(world: World) -> None:
    net = await world.add_carrier("net")
    net.window = 0
    waiting = await world.send("secret")
    for change in (world.service.redact, world.service.delete):
        with pytest.raises(MessageRefused) as refusal:
            await change(waiting.sid, world.account.sid)
        assert refusal.value.code == 20009
    net.window = 1
    world.service.ready("net")
    await world.service.idle()
    assert (await world.service.redact(waiting.sid)).body == ""
    await world.service.receipt("net", "net-1", delivered=True)
    assert (await world.service.get(waiting.sid)).body == ""
    await world.service.delete(waiting.sid)
    with pytest.raises(MessageRefused) as gone:
        await world.service.get(waiting.sid)
    assert gone.value.http_status == 404
    assert await world.database.messages.parts(waiting.sid) == []


async def test_messages_are_listed_the_newest_first(world: World) -> None:
    await world.add_carrier("net")
    sids = []
    for number in range(3):
        world.seconds += 1
        sids.append((await world.send(f"number {number}")).sid)
    mine = MessageFilter(account_sid=world.account.sid, to=PERSON, from_=SHOP)
    assert [one.sid for one in await world.service.list(mine, limit=2)] == sids[:0:-1]
    assert [one.sid for one in await world.service.list(mine, offset=2)] == sids[:1]
    assert await world.service.count(mine) == 3
    assert await world.service.count(MessageFilter(sent_after=world.utcnow())) == 1
    assert await world.service.count(MessageFilter(sent_before=world.utcnow() - timedelta(seconds=1))) == 2
    assert await world.service.count(MessageFilter(directions=frozenset({MessageDirection.INBOUND}))) == 0
    with pytest.raises(MessageRefused):
        await world.service.get(sids[0], "AC" + "f" * 32)


async def test_media_goes_along_and_is_kept(world: World) -> None:
    net = await world.add_carrier("net")
    world.web.pages["http://app/cat.png"] = Page(b"meow", "image/png")
    world.web.pages["http://app/gone.png"] = Page("no", "text/plain", 404)
    sent = await world.send("look", media_urls=("http://app/cat.png", "http://app/gone.png"))
    assert sent.sid.startswith("MM")
    assert sent.num_media == 2
    assert net.taken[0][0].media_urls == ("http://app/cat.png", "http://app/gone.png")
    cat, gone = await world.service.media(sent.sid, world.account.sid)
    assert (cat.content_type, cat.size) == ("image/png", 4)
    assert (await world.service.media_content(cat.sid))[1] == b"meow"
    with pytest.raises(MessageRefused, match="not here"):
        await world.service.media_content(gone.sid)
    await world.service.delete_media(cat.sid, world.account.sid)
    assert (await world.service.get(sent.sid)).num_media == 1
    with pytest.raises(MessageRefused):
        await world.service.media_content(cat.sid)
    await world.service.delete(sent.sid)
    assert await world.database.messages.one_media(gone.sid) is None


async def test_media_is_fetched_again_when_its_server_fails(world: World) -> None:
    await world.add_carrier("net")
    answers = iter([Page("", status=500), Page(b"meow", "image/png")])
    world.web.pages["http://app/cat.png"] = lambda asked: next(answers)
    sent = await world.send(media_urls=("http://app/cat.png",))
    await world.pass_time(2)
    (cat,) = await world.service.media(sent.sid)
    assert cat.size == 4


async def test_stop_start_and_help(world: World) -> None:
    net = await world.add_carrier("net")
    for word, kind in (("Stop", "STOP"), ("stop please", ""), ("HELP", "HELP"), ("start", "START")):
        record = await world.service.received(Arrival(PERSON, SHOP, word, "net"))
        await world.service.idle()
        assert record is not None
        assert world.asked[-1] == (record, kind)
        if kind == "STOP":
            with pytest.raises(MessageRefused) as refusal:
                await world.service.send(world.draft())
            assert refusal.value.code == 21610
            await world.service.answer_keyword(record, "You will get no more.")
            await world.service.idle()
            assert net.bodies == ["You will get no more."]
    assert (await world.send()).status == "sent"
    old = await world.service.received(Arrival(PERSON, OLD_SHOP, "STOP", "net"))
    await world.service.idle()
    assert world.asked[-1] == (old, "")


@pytest.mark.conforms("2008-08-01/3.1/rate")
async def test_two_numbers_that_answer_each_other_are_stopped(world: World) -> None:
    await world.add_carrier("net")
    for _ in range(15):
        await world.service.send(world.draft(direction=MessageDirection.OUTBOUND_REPLY))
    with pytest.raises(MessageRefused) as refusal:
        await world.service.send(world.draft(direction=MessageDirection.OUTBOUND_REPLY))
    assert refusal.value.code == 14107
    await world.service.send(world.draft())
    world.seconds += 30
    await world.service.send(world.draft(direction=MessageDirection.OUTBOUND_REPLY))


async def test_the_same_answer_is_sent_once_however_often_it_is_asked_for(world: World) -> None:
    net = await world.add_carrier("net")
    sid = reply_sid("SM" + "1" * 32, 1)
    assert (await world.send(sid=sid)).sid == sid
    assert (await world.send("another body", sid=sid)).body == "hello"
    assert net.bodies == ["hello"]


async def test_more_than_can_wait_is_refused(database: Database, tmp_path: Path) -> None:
    async with open_world(database, tmp_path, settings=MessageSettings(max_queued=1)) as world:
        (await world.add_carrier("net")).window = 0
        await world.send()
        with pytest.raises(MessageRefused) as refusal:
            await world.send()
        assert refusal.value.code == 21611


async def test_a_carrier_that_cannot_be_made_is_told_of_and_left_out(world: World) -> None:
    await world.add_carrier("bad", settings={"broken": True})
    assert world.service.fleet.problems == {"bad": "it is broken"}
    assert world.service.fleet.get("bad") is None


async def test_an_application_is_asked_again_until_it_works(world: World) -> None:
    world.conduct_error = RuntimeError("a defect")
    await world.service.received(Arrival(PERSON, SHOP, "hi", "net"))
    await world.service.idle()
    assert world.asked == []
    world.conduct_error = None
    await world.pass_time(1.1)
    assert len(world.asked) == 1
