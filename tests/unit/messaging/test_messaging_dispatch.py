"""The way out: which carrier gets a message, when, and how often."""

# Covers: testing/messages.py

import asyncio
from pathlib import Path

import pytest

from ringback.messaging.carriers.contract import (
    Accepted,
    CarrierBusyError,
    CarrierDownError,
    CarrierLostError,
    CarrierRefusedError,
    Outgoing,
)
from ringback.messaging.settings import MessageSettings
from ringback.storage.database import Database
from ringback.storage.errors import StorageError
from ringback.storage.message_changes import Change, Part
from tests.unit.messaging.message_world import World, open_world, settle


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


async def test_a_receipt_that_comes_before_the_answer_counts(world: World) -> None:
    net = await world.add_carrier("net")
    await world.service.receipt("net", "later", delivered=True)
    net.script.append(Accepted("later"))
    assert (await world.send()).status == "delivered"
    assert await world.database.messages.receipts(10) == []


@pytest.mark.parametrize("error", [CarrierDownError("gone"), CarrierRefusedError(30007, "filtered")])
async def test_the_next_carrier_takes_what_the_first_one_does_not(world: World, error: Exception) -> None:
    first = await world.add_carrier("first", priority=1)
    second = await world.add_carrier("second", priority=2)
    first.script.append(error)
    sent = await world.send()
    assert (sent.status, sent.carrier, sent.repeated) == ("sent", "second", False)
    assert (first.bodies, second.bodies) == ([], ["hello"])


async def test_a_message_that_nobody_takes_fails_with_the_last_reason(world: World) -> None:
    net = await world.add_carrier("net")
    net.script.append(CarrierRefusedError(30007, "filtered"))
    assert (await world.send()).error_code == 30007
    net.reaches = "+1"
    nowhere = await world.send(to="+33612345678")
    assert (nowhere.status, nowhere.error_code) == ("failed", 30006)


async def test_a_message_waits_for_a_carrier_that_is_down_and_expires(world: World) -> None:
    net = await world.add_carrier("net")
    net.window = 0
    waiting = await world.send("first")
    lost = await world.send("second", validity_period=60)
    assert (waiting.status, lost.status) == ("queued", "queued")
    await world.pass_time(61)
    assert await world.status(lost.sid) == "failed"
    assert (await world.service.get(lost.sid)).error_code == 30001
    net.window = 10
    world.service.ready("net")
    await world.service.idle()
    assert await world.status(waiting.sid) == "sent"
    assert net.bodies == ["first"]


async def test_a_throttled_carrier_gets_the_message_later(world: World) -> None:
    net = await world.add_carrier("net")
    net.script.append(CarrierBusyError("throttled", 5))
    sent = await world.send()
    assert sent.status == "sending"
    await world.pass_time(4)
    assert await world.status(sent.sid) == "sending"
    await world.pass_time(1.1)
    assert await world.status(sent.sid) == "sent"
    assert not (await world.service.get(sent.sid)).repeated


async def test_a_lost_answer_means_a_second_time_and_is_marked(world: World) -> None:
    net = await world.add_carrier("net")
    net.script.append(CarrierLostError("no answer"))
    sent = await world.send()
    assert sent.repeated
    await world.pass_time(10)
    assert await world.status(sent.sid) == "sent"
    assert (await world.service.get(sent.sid)).repeated
    net.script.extend([CarrierLostError("no answer")] * 3)
    gone = await world.send()
    for _ in range(3):
        await world.pass_time(40)
    assert await world.status(gone.sid) == "undelivered"
    assert (await world.service.get(gone.sid)).error_code == 30008


async def test_units_are_handed_over_one_by_one_and_never_twice(world: World) -> None:
    net = await world.add_carrier("net")
    net.words = True
    net.script.extend([Accepted("a"), CarrierDownError("gone")])
    sent = await world.send("one two three")
    assert sent.status == "sending"
    await world.pass_time(5)
    assert await world.status(sent.sid) == "sent"
    assert [number for _, number in net.taken] == [1, 2, 3]
    references = [part.reference for part in await world.database.messages.parts(sent.sid)]
    await world.service.receipt("net", str(references[2]), delivered=True)
    await world.service.receipt("net", "a", delivered=True)
    assert await world.status(sent.sid) == "sent"
    await world.service.receipt("net", str(references[1]), delivered=False, error_code=30003)
    assert await world.status(sent.sid) == "undelivered"
    assert (await world.service.get(sent.sid)).error_code == 30003


async def test_what_was_taken_in_part_and_then_refused_is_undelivered(world: World) -> None:
    net = await world.add_carrier("net")
    net.words = True
    net.script.extend([Accepted("a"), CarrierRefusedError(30007, "no")])
    assert (await world.send("one two")).status == "undelivered"


async def test_one_number_sends_no_faster_than_it_may(database: Database, tmp_path: Path) -> None:
    async with open_world(database, tmp_path, settings=MessageSettings(number_rate=1)) as world:
        net = await world.add_carrier("net")
        for number in range(3):
            await world.send(f"{number}")
        assert net.bodies == ["0"]
        await world.pass_time(1.01)
        assert net.bodies == ["0", "1"]
        await world.pass_time(1.01)
        assert net.bodies == ["0", "1", "2"]


async def test_a_carrier_gets_no_more_than_its_rate(world: World) -> None:
    net = await world.add_carrier("net", rate=2)
    for number in range(4):
        await world.send(f"{number}")
    assert net.bodies == ["0", "1"]
    await world.pass_time(0.51)
    assert net.bodies == ["0", "1", "2"]
    await world.pass_time(0.51)
    assert net.bodies == ["0", "1", "2", "3"]


async def test_what_does_not_fit_into_memory_waits_in_the_store(database: Database, tmp_path: Path) -> None:
    async with open_world(database, tmp_path, settings=MessageSettings(in_memory=2)) as world:
        net = await world.add_carrier("net")
        net.window = 0
        for number in range(5):
            world.seconds += 0.001
            await world.send(f"{number}")
        net.window = 10
        for _ in range(4):
            await world.pass_time(1)
        assert sorted(net.bodies) == ["0", "1", "2", "3", "4"]


async def test_a_carrier_that_is_removed_leaves_its_messages_to_others(world: World) -> None:
    first = await world.add_carrier("first", priority=1)
    first.window = 0
    await world.add_carrier("other", prefixes=("+33",))
    waiting = await world.send()
    assert waiting.status == "queued"
    await world.database.carriers.remove("first")
    second = await world.add_carrier("second", priority=2)
    await world.service.idle()
    assert first.closed
    assert second.bodies == ["hello"]


async def test_what_a_crash_cut_off_is_taken_up_again(database: Database, tmp_path: Path) -> None:
    """Handed over without an answer: sent again, and marked. Handed over in part: the rest of it."""
    async with open_world(database, tmp_path) as world:
        net = await world.add_carrier("net")
        net.words = True
        net.script.append(CarrierLostError("no answer"))
        unanswered = await world.send("unanswered")
        net.script.extend([Accepted("half"), CarrierDownError("gone")])
        partly = await world.send("first second")
        net.window = 0
        queued = await world.send("queued")
    async with open_world(database, tmp_path, carriers={"net": net}) as world:
        net.taken.clear()
        net.window = 10
        world.service.ready("net")
        await world.service.idle()
        for sid in (unanswered.sid, partly.sid, queued.sid):
            assert await world.status(sid) == "sent"
        handed = [(message.body, number) for message, number in net.taken]
        assert sorted(handed) == [("first second", 2), ("queued", 1), ("unanswered", 1)]
        assert [(await world.service.get(sid)).repeated for sid in (unanswered.sid, partly.sid, queued.sid)] == [
            True,
            False,
            False,
        ]
        # A receipt for what an earlier process handed over finds its message.
        parts = await database.messages.parts(partly.sid)
        assert parts[0].reference == "half"
        for part in parts:
            await world.service.receipt("net", str(part.reference), delivered=True)
        assert await world.status(partly.sid) == "delivered"


async def test_an_early_receipt_outlives_a_restart(database: Database, tmp_path: Path) -> None:
    async with open_world(database, tmp_path) as world:
        await world.service.receipt("net", "early", delivered=False, error_code=30003)
    async with open_world(database, tmp_path) as world:
        (await world.add_carrier("net")).script.append(Accepted("early"))
        sent = await world.send()
        assert (sent.status, sent.error_code) == ("undelivered", 30003)


async def test_a_receipt_that_looked_early_is_found_after_all(world: World) -> None:
    """While something is being handed over, a receipt may be for that; it is looked for later."""
    net = await world.add_carrier("net")
    sent = await world.send()
    dispatcher = world.service._dispatcher
    dispatcher._references.clear()
    dispatcher._settled.clear()
    dispatcher._busy["net"] = 1
    await world.service.receipt("net", "net-1", delivered=True)
    assert await world.status(sent.sid) == "sent"
    await world.pass_time(1)
    assert await world.status(sent.sid) == "delivered"
    assert await world.database.messages.receipts(10) == []
    assert net.bodies == ["hello"]


async def test_a_receipt_for_a_deleted_message_is_nothing(world: World) -> None:
    await world.add_carrier("net")
    sent = await world.send()
    await world.service.delete(sent.sid)
    await world.service.receipt("net", "net-1", delivered=True)
    assert world.service._dispatcher.current(sent.sid) is None


async def test_repeated_and_contradicting_receipts_change_nothing(world: World) -> None:
    await world.add_carrier("net")
    sent = await world.send()
    for delivered in (True, True, False):
        await world.service.receipt("net", "net-1", delivered=delivered)
    assert await world.status(sent.sid) == "delivered"


async def test_a_begun_message_whose_carrier_is_gone_goes_another_way_and_is_marked(world: World) -> None:
    net = await world.add_carrier("net")
    net.script.append(CarrierLostError("no answer"))
    sent = await world.send()
    await world.database.carriers.remove("net")
    other = await world.add_carrier("other")
    await world.pass_time(5)
    assert (await world.status(sent.sid), other.bodies) == ("sent", ["hello"])
    assert (await world.service.get(sent.sid)).repeated


async def test_what_waits_for_a_carrier_that_goes_down_is_parked(world: World) -> None:
    net = await world.add_carrier("net", rate=1)
    await world.send("first")
    await world.send("second")
    net.window = 0
    await world.pass_time(1.1)
    assert net.bodies == ["first"]
    net.window = 10
    world.service.ready("net")
    await world.pass_time(1.1)
    assert net.bodies == ["first", "second"]


async def test_a_full_window_is_waited_for(world: World) -> None:
    net = await world.add_carrier("net")
    net.window = 1
    gate = asyncio.Event()
    submit = net.submit

    async def slowly(message: Outgoing, number: int) -> Accepted:
        await gate.wait()
        return await submit(message, number)

    net.submit = slowly  # type: ignore[method-assign]
    for number in range(3):
        await world.service.send(world.draft(f"{number}"))
    await settle()
    gate.set()
    await world.service.idle()
    assert net.bodies == ["0", "1", "2"]


async def test_nothing_is_handed_over_that_could_not_be_written_down(world: World) -> None:
    net = await world.add_carrier("net")
    ledger, write = world.database.messages.ledger, world.database.messages.ledger.write
    fails = [True]

    async def unreliable(*changes: Change) -> None:
        if fails[0] and any(isinstance(change, Part) for change in changes):
            fails[0] = False
            raise StorageError("the disk is full", unavailable=True)
        await write(*changes)

    ledger.write = unreliable  # type: ignore[method-assign]
    sent = await world.send()
    assert net.bodies == []
    await world.pass_time(3)
    assert (await world.status(sent.sid), net.bodies) == ("sent", ["hello"])


async def test_what_was_handed_over_is_written_down_however_long_that_takes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringback.messaging.dispatch._DOWN_PAUSE", 0.001)
    await world.add_carrier("net")
    ledger, write = world.database.messages.ledger, world.database.messages.ledger.write
    fails = [3]

    async def unreliable(*changes: Change) -> None:
        if any(isinstance(change, Part) and change.reference for change in changes) and fails[0]:
            fails[0] -= 1
            raise StorageError("the disk is full", unavailable=True)
        await write(*changes)

    ledger.write = unreliable  # type: ignore[method-assign]
    assert (await world.send()).status == "sent"
    assert fails == [0]


async def test_what_can_never_be_written_down_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.add_carrier("net")
    ledger, write = world.database.messages.ledger, world.database.messages.ledger.write

    async def refusing(*changes: Change) -> None:
        if any(isinstance(change, Part) and change.reference for change in changes):
            raise StorageError("no")
        await write(*changes)

    ledger.write = refusing  # type: ignore[method-assign]
    await world.send()
    assert "cannot be written down: no" in caplog.text


async def test_closing_waits_for_what_is_handed_over(database: Database, tmp_path: Path) -> None:
    async with open_world(database, tmp_path) as world:
        await world.add_carrier("net")
        record = await world.service.send(world.draft())
    assert (await database.messages.get(record.sid)).status == "sent"  # type: ignore[union-attr]


async def test_memory_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.messaging.dispatch._REFERENCES", 2)
    monkeypatch.setattr("ringback.messaging.dispatch._SETTLED", 2)
    await world.add_carrier("net")
    sids = [(await world.send(f"{number}")).sid for number in range(4)]
    for number in range(4):
        await world.service.receipt("net", f"unknown-{number}", delivered=True)
    await world.service.receipt("net", "net-1", delivered=True)
    assert await world.status(sids[0]) == "delivered"
    assert len(world.service._dispatcher._references) <= 2
    assert len(world.service._dispatcher._early) <= 2
