"""The way in: messages, segments, and what cannot be kept."""

# Covers: testing/messages.py

from datetime import timedelta
from pathlib import Path

import pytest

from ringback.messaging.media import MOST_BYTES
from ringback.messaging.port import Arrival, ArrivedMedia
from ringback.messaging.text.concatenation import Place
from ringback.storage.database import Database
from ringback.storage.errors import StorageError
from ringback.storage.message_changes import Change
from ringback.storage.messages import MessageQuery
from tests.unit.messaging.message_world import PERSON, SHOP, World, open_world


async def test_a_message_that_comes_is_kept_and_its_application_asked(world: World) -> None:
    media = (ArrivedMedia("image/png", b"meow"),)
    record = await world.service.received(Arrival(PERSON, SHOP, "hi\0 there", "net", media))
    assert record is not None
    assert (record.body, record.status, record.num_media, record.carrier) == ("hi there", "received", 1, "net")
    assert record.sid.startswith("MM")
    await world.service.idle()
    assert world.asked == [(record, "")]
    (kept,) = await world.service.media(record.sid)
    assert (await world.service.media_content(kept.sid))[1] == b"meow"
    assert await world.service.received(Arrival(PERSON, "+15550109999", "hi", "net")) is None


async def test_an_arrival_that_is_known_counts_once(world: World) -> None:
    arrival = Arrival(PERSON, SHOP, "hi", "net", sid="SM" + "9" * 32)
    first = await world.service.received(arrival)
    assert await world.service.received(arrival) == first
    await world.service.idle()
    assert len(world.asked) == 1


PARTS = ("one ", "two ", "three")


async def bring(world: World, *numbers: int) -> None:
    for number in numbers:
        arrival = Arrival(PERSON, SHOP, PARTS[number - 1], "net")
        assert await world.service.segment(arrival, Place(7, 3, number))


async def test_segments_in_any_order_make_one_message(world: World) -> None:
    await bring(world, 3, 1, 1)
    assert len(await world.database.messages.segments()) == 2
    await bring(world, 2, 3)
    await world.service.idle()
    assert [(one.body, one.num_segments, one.error_code) for one, _ in world.asked] == [("one two three", 3, None)]
    assert await world.database.messages.segments() == []


async def test_what_never_comes_is_not_waited_for_for_ever(world: World) -> None:
    await bring(world, 1, 3)
    await world.pass_time(299)
    assert world.asked == []
    await world.pass_time(1)
    assert [(one.body, one.error_code) for one, _ in world.asked] == [("one three", 30009)]
    assert await world.database.messages.segments() == []


async def test_segments_outlive_a_restart(database: Database, tmp_path: Path) -> None:
    async with open_world(database, tmp_path) as world:
        await bring(world, 1, 3)
    async with open_world(database, tmp_path) as world:
        await bring(world, 2)
        await world.service.idle()
        assert [one.body for one, _ in world.asked] == ["one two three"]


async def test_a_reference_that_is_used_again_gives_the_old_message_up(world: World) -> None:
    await bring(world, 1)
    await world.service.segment(Arrival(PERSON, SHOP, "other ", "net"), Place(7, 3, 1))
    await world.service.idle()
    assert [one.body for one, _ in world.asked] == ["one "]


async def test_segments_for_nobody_are_not_kept(world: World) -> None:
    assert not await world.service.segment(Arrival(PERSON, "+15550109999", "x", "net"), Place(1, 2, 1))
    assert await world.service.segment(Arrival(PERSON, SHOP, "alone", "net"), Place(1, 1, 1))
    await world.service.idle()
    assert [one.body for one, _ in world.asked] == ["alone"]


@pytest.mark.parametrize("last", [False, True])
async def test_a_segment_that_cannot_be_kept_comes_again(world: World, last: bool) -> None:
    if last:
        await bring(world, 1, 3)
    ledger, write = world.database.messages.ledger, world.database.messages.ledger.write

    async def full(*changes: Change) -> None:
        raise StorageError("the disk is full", unavailable=True)

    ledger.write = full  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        await bring(world, 2)
    ledger.write = write  # type: ignore[method-assign]
    await bring(world, 2)
    if not last:
        await bring(world, 1, 3)
    await world.service.idle()
    assert [one.body for one, _ in world.asked] == ["one two three"]


async def test_what_goes_on_to_the_world_is_put_together_first(world: World) -> None:
    net = await world.add_carrier("net")
    for number in (2, 1, 3):
        arrival = Arrival(
            "+33123456789",
            PERSON,
            PARTS[number - 1],
            "esmes",
            account_sid=world.account.sid,
            receipt_to=f"receipt:esmes/office/{number}",
        )
        assert await world.service.segment(arrival, Place(7, 3, number))
    await world.service.idle()
    assert net.bodies == ["one two three"]
    (sent,) = await world.database.messages.find(MessageQuery())
    assert (sent.from_, sent.status_callback) == ("+33123456789", "receipt:esmes/office/2,1,3")


async def test_what_may_not_go_on_is_dropped_with_a_word(world: World, caplog: pytest.LogCaptureFixture) -> None:
    for number in (1, 2):
        arrival = Arrival("+33123456789", "not a number!", "x" * number, "esmes", account_sid=world.account.sid)
        await world.service.segment(arrival, Place(7, 2, number))
    assert "was refused: 21211" in caplog.text
    assert await world.database.messages.segments() == []


async def test_a_receipt_is_owed_to_whoever_asked_for_one(world: World) -> None:
    await world.service.received(Arrival(PERSON, SHOP, "hi", "esmes", receipt_to="receipt:esmes/office/7"))
    kinds = {job.kind for job in await world.database.messages.jobs(world.utcnow() + timedelta(days=1), 10)}
    assert "receipt" in kinds  # the other job, "inbound", may be done already


async def test_who_says_stop_is_written_down_with_the_message(world: World) -> None:
    await world.service.received(Arrival(PERSON, SHOP, "STOP", "net"))
    assert await world.database.messages.opted_out(world.account.sid, SHOP, PERSON)
    await world.service.received(Arrival(PERSON, SHOP, "START", "net"))
    assert not await world.database.messages.opted_out(world.account.sid, SHOP, PERSON)


async def test_media_that_is_too_large_or_cannot_be_kept(world: World, caplog: pytest.LogCaptureFixture) -> None:
    large = ArrivedMedia("image/png", b"x" * (MOST_BYTES + 1))
    record = await world.service.received(Arrival(PERSON, SHOP, "", "net", (large, ArrivedMedia("", b"y"))))
    assert record is not None
    (kept,) = await world.service.media(record.sid)
    assert kept.content_type == "application/octet-stream"
    assert "was left out" in caplog.text
    (world.directory / "media").rename(world.directory / "other")
    (world.directory / "media").write_text("a file")
    with pytest.raises(StorageError, match="cannot be kept"):
        await world.service.received(Arrival(PERSON, SHOP, "", "net", (ArrivedMedia("", b"y"),)))


async def test_half_a_surrogate_pair_does_not_stop_a_message(world: World) -> None:
    record = await world.service.received(Arrival(PERSON, SHOP, "a\ud800b", "net"))
    assert record is not None
    assert record.body == "a\ufffdb"
