"""The fake control keeps the records that a real one keeps, and refuses what a real one refuses."""

import random
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringback.model.conferences import ConferenceStatus, ParticipantStatus
from ringback.model.outgoing import OutgoingCall, RecordingOptions
from ringback.model.recordings import RecordingStatus
from ringback.model.records import Account
from ringback.model.status import CallStatus
from ringback.rest.control import Instructions, NewParticipant, ParticipantChanges, ValidationRequest
from ringback.rest.errors import RestError
from ringback.storage.database import Database
from ringback.testing.control import FakeControl

NOW = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
NOBODY = "CA" + "0" * 32


class World:
    """A control over a database with one account."""

    def __init__(self, database: Database, account: Account, rng: random.Random) -> None:
        self.database, self.account = database, account
        self.control = FakeControl(database, lambda: NOW, rng.randbytes)

    def call(self, to: str = "+14155550199") -> OutgoingCall:
        return OutgoingCall(self.account.sid, to, "+14155550100", url="http://127.0.0.1/")

    async def placed(self, *, answered: bool = False) -> str:
        sid = (await self.control.place(self.call())).sid
        if answered:
            await self.control.answer(sid)
        return sid

    async def status(self, sid: str) -> CallStatus:
        call = await self.database.calls.get(sid)
        assert call is not None
        return call.status


@pytest.fixture
async def world(empty_store: Path, tmp_path: Path) -> AsyncIterator[World]:
    rng = random.Random(3)
    async with Database.open(shutil.copy(empty_store, tmp_path / "ringback.db")) as database:
        yield World(database, await database.accounts.ensure_default(NOW, rng.randbytes), rng)


def refusal(error: pytest.ExceptionInfo[RestError]) -> int | None:
    return error.value.code


async def test_a_call_is_queued_on_disk_answered_and_ended(world: World) -> None:
    sid = await world.placed()
    [(record, request)] = await world.database.outgoing.waiting()
    assert (record.sid, record.status, record.date_created, request) == (sid, CallStatus.QUEUED, NOW, world.call())
    await world.control.answer(sid)
    assert await world.status(sid) is CallStatus.IN_PROGRESS
    await world.control.end(sid, CallStatus.FAILED)
    assert await world.status(sid) is CallStatus.FAILED
    assert world.control.asked == [("place", (world.call(),))]
    assert world.control.live() == {}, "it is over"


async def test_only_a_call_that_is_answered_is_redirected(world: World) -> None:
    queued, answered = await world.placed(), await world.placed(answered=True)
    await world.control.redirect(answered, Instructions(url="http://127.0.0.1/next"))
    for sid in (queued, NOBODY):
        with pytest.raises(RestError) as error:
            await world.control.redirect(sid, Instructions(twiml="<Response/>"))
        assert refusal(error) == 21220


async def test_a_call_is_completed_or_taken_back(world: World) -> None:
    queued, other, answered = await world.placed(), await world.placed(), await world.placed(answered=True)
    await world.control.complete(queued)
    await world.control.cancel(other)
    with pytest.raises(RestError) as error:
        await world.control.cancel(answered)
    assert refusal(error) == 21220
    await world.control.complete(answered)
    assert [await world.status(sid) for sid in (queued, other, answered)] == [
        CallStatus.CANCELED, CallStatus.CANCELED, CallStatus.COMPLETED,
    ]  # fmt: skip
    for over in (world.control.complete, world.control.cancel):
        with pytest.raises(RestError) as error:
            await over(answered)
        assert refusal(error) == 21220


async def test_nothing_is_played_said_or_pressed_before_the_answer(world: World) -> None:
    queued, answered = await world.placed(), await world.placed(answered=True)
    control = world.control
    for sid in (answered, queued):
        for one in (
            control.play(sid, "http://127.0.0.1/a.wav", 2),
            control.say(sid, "Hi", "alice", "en"),
            control.send_digits(sid, "1#"),
            control.start_recording(sid, RecordingOptions()),
        ):
            if sid == answered:
                await one
                continue
            with pytest.raises(RestError) as error:
                await one
            assert refusal(error) == 21220
    assert ("play", (answered, "http://127.0.0.1/a.wav", 2)) in control.asked
    assert ("say", (answered, "Hi", "alice", "en")) in control.asked
    assert ("send_digits", (answered, "1#")) in control.asked


async def test_a_recording_runs_until_it_is_stopped(world: World) -> None:
    sid = await world.placed(answered=True)
    assert await world.control.current_recording(sid) is None
    record = await world.control.start_recording(sid, RecordingOptions(channels="dual", track="inbound"))
    assert (record.channels, record.track, record.status) == (2, "inbound", RecordingStatus.IN_PROGRESS)
    assert await world.control.current_recording(sid) == record.sid
    for status in ("paused", "in-progress", "stopped"):
        assert (await world.control.update_recording(record.sid, status)).status == status
    assert (await world.database.recordings.get(record.sid)).status is RecordingStatus.STOPPED  # type: ignore[union-attr]
    for gone in (record.sid, "RE" + "0" * 32):
        with pytest.raises(RestError) as error:
            await world.control.update_recording(gone, "paused")
        assert refusal(error) == 21220


async def test_participants_come_to_the_conference_of_that_name_while_it_goes_on(world: World) -> None:
    control = world.control
    first, call = await control.add_participant(NewParticipant(world.call(), "Team", label="boss", muted=True))
    same, _ = await control.add_participant(NewParticipant(world.call(), "Team"))
    by_sid, _ = await control.add_participant(NewParticipant(world.call(), first))
    assert first == same == by_sid
    with pytest.raises(RestError) as error:
        await control.announce(first, "http://127.0.0.1/hear", "POST")
    assert refusal(error) == 20404, "nobody is there yet"
    await control.answer(call.sid)
    await control.announce(first, "http://127.0.0.1/hear", "POST")
    await control.update_participant(first, call.sid, ParticipantChanges(muted=False, hold=True))
    there = await world.database.participants.get((first, call.sid))
    assert there is not None
    assert (there.status, there.label, there.muted, there.hold) == (ParticipantStatus.CONNECTED, "boss", False, True)
    await control.end_conference(first)
    ended = await world.database.conferences.get(first)
    assert ended is not None
    assert (ended.status, ended.reason_conference_ended) == (ConferenceStatus.COMPLETED, "conference-ended-via-api")
    assert (await control.add_participant(NewParticipant(world.call(), "Team")))[0] != first


async def test_who_is_not_in_a_conference_and_what_is_over_is_not_found(world: World) -> None:
    control = world.control
    over, _ = await control.add_participant(NewParticipant(world.call(), "Over"))
    await control.end_conference(over)
    going, call = await control.add_participant(NewParticipant(world.call(), "Team"))
    for one in (
        control.end_conference(over),
        control.announce("CF" + "0" * 32, "http://127.0.0.1/", "POST"),
        control.add_participant(NewParticipant(world.call(), over)),
        control.kick(going, call.sid),
        control.update_participant(going, NOBODY, ParticipantChanges(muted=True)),
    ):
        with pytest.raises(RestError) as error:
            await one
        assert (error.value.http_status, refusal(error)) == (404, 20404)
    waiting = len(await world.database.outgoing.waiting())
    with pytest.raises(RestError) as error:
        await control.add_participant(NewParticipant(world.call(), "Team", coaching=True))
    assert refusal(error) == 21244
    assert len(await world.database.outgoing.waiting()) == waiting  # nobody is called for that


async def test_a_call_waits_in_a_queue_until_it_is_taken_out(world: World) -> None:
    queue, sid = "QU" + "1" * 32, await world.placed(answered=True)
    call = await world.database.calls.get(sid)
    assert call is not None
    await world.control.enqueue(queue, call, NOW - timedelta(seconds=5))
    assert [one.record.call_sid for one in await world.database.queues.members(queue)] == [sid]
    await world.control.dequeue(queue, sid, "http://127.0.0.1/", "POST")
    assert await world.database.queues.members(queue) == []
    with pytest.raises(RestError) as error:
        await world.control.dequeue(queue, sid, "http://127.0.0.1/", "POST")
    assert refusal(error) == 20404
    await world.control.forget_queue(queue)
    assert world.control.asked[-1] == ("forget_queue", (queue,))


async def test_a_validation_is_a_call_with_its_code(world: World) -> None:
    asked = ValidationRequest(world.account.sid, "+14155550199", "Desk", "123456")
    record = await world.control.validate(asked)
    [(waiting, request)] = await world.database.outgoing.waiting()
    assert (waiting.sid, waiting.to, request.validation) == (record.sid, "+14155550199", "123456")
    assert world.control.asked[0] == ("validate", (asked,))
