"""Commands to live calls, recordings and queues, as the REST API gives them; in virtual time."""

import asyncio
from pathlib import Path

import pytest
from control_world import CALLEE, ControlWorld
from voice_world import ACCOUNT, SHOP, STATUS_URL, virtual, wav
from web_in_memory import Page

from ringback.model.outgoing import RecordingOptions
from ringback.model.queues import QueueMemberRecord
from ringback.model.recordings import RecordingRecord, RecordingStatus
from ringback.model.status import CallStatus
from ringback.rest.control import Instructions
from ringback.rest.errors import RestError
from ringback.testing.exchange import Answers

WAITS = '<Response><Pause length="600"/></Response>'
NEXT = "http://shop.example/next"
FALLBACK = "http://shop.example/fallback"


def refusal(error: pytest.ExceptionInfo[RestError]) -> tuple[int, int | None]:
    return error.value.http_status, error.value.code


async def talking(world: ControlWorld, document: str = WAITS) -> str:
    """A call of ours that its application lets wait."""
    world.web.pages[SHOP] = document
    sid = await world.ask()
    await asyncio.sleep(5)
    assert world.kept(sid)["status"] is CallStatus.IN_PROGRESS
    return sid


@pytest.mark.conforms("2008-08-01/12/control", "2010-04-01/2.6.4/rest-redirect")
@pytest.mark.parametrize(
    "document",
    [
        WAITS,
        '<Response><Gather timeout="99"/></Response>',
        '<Response><Record timeout="99"/></Response>',
        "<Response><Dial timeLimit='99'>+15550100777</Dial></Response>",
        "<Response><Dial><Conference>x</Conference></Dial></Response>",
        "<Response><Enqueue>support</Enqueue></Response>",
        '<Response><Say loop="900">On and on.</Say></Response>',
    ],
)
def test_a_call_goes_on_with_another_document_whatever_it_does(document: str, tmp_path: Path) -> None:
    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path) as world:
            world.web.pages[NEXT] = "<Response><Say>Moved.</Say></Response>"
            sid = await talking(world, document)
            await world.control.redirect(sid, Instructions(url=NEXT, method="GET"))
            await world.over()
            assert [event["text"] for event in world.exchange.timeline(sid, "speech")][-1] == "Moved."
            assert world.kept(sid)["end_reason"] == "document-end"
            (moved,) = (asked for asked in world.web.asked if asked.url.startswith(NEXT))
            assert (moved.method, moved.fields["CallStatus"]) == ("GET", "in-progress")
            assert world.exchange.media.legs == []

    test()


@virtual
async def test_a_document_may_come_with_the_command(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        sid = await talking(world)
        await world.control.redirect(sid, Instructions(twiml="<Response><Say>Here.</Say></Response>"))
        await world.over()
        assert [event["text"] for event in world.exchange.timeline(sid, "speech")] == ["Here."]


@virtual
async def test_the_new_document_has_the_fallback_of_the_command_and_no_other(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[FALLBACK] = "<Response><Say>Fallen back.</Say></Response>"
        sid = await talking(world)
        await world.control.redirect(sid, Instructions(url=NEXT, fallback_url=FALLBACK))
        await world.over()
        assert [event["text"] for event in world.exchange.timeline(sid, "speech")] == ["Fallen back."]
        assert world.told(FALLBACK)[0]["ErrorUrl"] == NEXT


@virtual
async def test_what_is_told_and_how_long_it_lasts_can_be_changed(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[STATUS_URL] = ""
        sid = await talking(world)
        await world.control.redirect(sid, Instructions(status_callback=STATUS_URL, time_limit=60))
        await world.over()
        assert world.kept(sid)["end_reason"] == "time-limit"
        assert world.told(STATUS_URL)[0]["CallDuration"] == "60"


@virtual
async def test_a_call_that_rings_or_is_over_cannot_be_redirected(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.exchange.answers[CALLEE] = Answers(rings=30)
        sid = await world.ask()
        await asyncio.sleep(5)
        for sid_of in (sid, "CA" + "0" * 32):
            with pytest.raises(RestError) as error:
                await world.control.redirect(sid_of, Instructions(url=NEXT))
            assert refusal(error) == (400, 21220)


@virtual
async def test_a_call_is_ended_in_each_state(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path, per_second=0.01) as world:
        world.web.pages[SHOP] = WAITS.replace("<Pause", "<Say>Wait.</Say><Pause")
        world.exchange.answers[CALLEE] = Answers(rings=30)
        ringing, queued = await world.ask(), await world.ask()
        incoming = world.dial()
        await asyncio.sleep(5)
        for sid in (ringing, queued, incoming.sid):
            await world.control.complete(sid)
        assert [world.kept(sid)["status"] for sid in (ringing, queued, incoming.sid)] == [
            CallStatus.CANCELED, CallStatus.CANCELED, CallStatus.COMPLETED,
        ]  # fmt: skip
        assert {world.kept(sid)["end_reason"] for sid in (ringing, queued, incoming.sid)} == {"api"}
        assert world.exchange.called == [CALLEE], "a call that waited is not made"
        with pytest.raises(RestError) as error:
            await world.control.complete(ringing)
        assert refusal(error) == (400, 21220)


@virtual
async def test_only_a_call_that_is_not_answered_is_taken_back(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path, per_second=1) as world:
        world.exchange.answers[CALLEE] = Answers(rings=30)
        ringing, queued = await world.ask(), await world.ask()
        await asyncio.sleep(0.5)
        await world.control.cancel(queued)
        await world.control.cancel(ringing)
        assert [world.kept(sid)["status"] for sid in (ringing, queued)] == [CallStatus.CANCELED] * 2
        world.exchange.answers[CALLEE] = Answers()
        await asyncio.sleep(2)
        talk = await talking(world)
        with pytest.raises(RestError) as error:
            await world.control.cancel(talk)
        assert refusal(error) == (400, 21220)


@virtual
async def test_audio_speech_and_keys_reach_a_live_call(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[SHOP + "bell.wav"] = Page(wav(1.0), "audio/wav")
        sid = await talking(world)
        await world.control.play(sid, SHOP + "bell.wav", 2)
        await asyncio.sleep(5)
        await world.control.say(sid, "Attention.", "woman", "en")
        await asyncio.sleep(5)
        await world.control.send_digits(sid, "12")
        await asyncio.sleep(5)
        assert [(played.loop, played.complete) for played in world.exchange.media.played] == [(2, True), (1, True)]
        assert [pressed.keys for pressed in world.exchange.media.pressed] == ["12"]
        with pytest.raises(RestError) as error:
            await world.control.play(sid, SHOP + "nothing.wav")
        assert error.value.code == 11200
        world.engine.failure = OSError("no voice")
        with pytest.raises(RestError):
            await world.control.say(sid, "Silence.", "woman", "en")
        world.voice._conducted.clear()
        for command in (world.control.play(sid, SHOP), world.control.say(sid, "x", "woman", "en")):
            with pytest.raises(RestError) as error:
                await command
            assert refusal(error) == (400, 21220)
        with pytest.raises(RestError):
            await world.control.redirect(sid, Instructions(url=NEXT))


@virtual
async def test_nothing_can_be_heard_by_a_call_that_rings(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.exchange.answers[CALLEE] = Answers(rings=30)
        sid = await world.ask()
        await asyncio.sleep(5)
        with pytest.raises(RestError) as error:
            await world.control.send_digits(sid, "1")
        assert refusal(error) == (400, 21220)
        assert world.control.live() == {"ringing": 1, "queued": 0}


# -- recordings -------------------------------------------------------------------------------------------------------


@virtual
async def test_a_live_call_is_recorded_paused_resumed_and_stopped(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[STATUS_URL] = ""
        sid = await talking(world)
        assert await world.control.current_recording(sid) is None
        options = RecordingOptions(
            trim="do-not-trim", status_callback=STATUS_URL, status_callback_events=("in-progress", "completed")
        )
        begun = await world.control.start_recording(sid, options)
        assert (begun.status, begun.source) == (RecordingStatus.IN_PROGRESS, "StartCallRecordingAPI")
        again = await world.control.start_recording(sid, options)
        assert again.sid == begun.sid, "the same once more is the one that runs"
        assert await world.control.current_recording(sid) == begun.sid
        await asyncio.sleep(10)
        paused = await world.control.update_recording(begun.sid, "paused", "skip")
        assert paused.status is RecordingStatus.PAUSED
        await asyncio.sleep(10)
        assert (await world.control.update_recording(begun.sid, "in-progress")).status is RecordingStatus.IN_PROGRESS
        await asyncio.sleep(5)
        stopped = await world.control.update_recording(begun.sid, "stopped")
        assert (stopped.status, stopped.duration) == (RecordingStatus.COMPLETED, 15.0)
        await asyncio.sleep(1)
        assert [told["RecordingStatus"] for told in world.told(STATUS_URL)] == ["in-progress", "completed"]
        url = f"http://api.example/2010-04-01/Accounts/{ACCOUNT.sid}/Recordings/{begun.sid}"
        assert world.told(STATUS_URL)[-1]["RecordingUrl"] == url
        with pytest.raises(RestError) as error:
            await world.control.update_recording(begun.sid, "paused")
        assert refusal(error) == (400, 21220)


@virtual
async def test_what_cannot_be_recorded_or_written_down_is_told(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        sid = await talking(world)
        begun = await world.control.start_recording(sid, RecordingOptions())
        del world.exchange.saved[RecordingRecord, begun.sid]
        with pytest.raises(RestError) as error:
            await world.control.start_recording(sid, RecordingOptions())
        assert error.value.http_status == 503
        world.exchange.saved[RecordingRecord, begun.sid] = begun
        (tmp_path / "no-directory").write_text("")
        object.__setattr__(world.exchange.switch._settings, "recordings", tmp_path / "no-directory")
        with pytest.raises(RestError) as error:
            await world.control.start_recording(sid, RecordingOptions("dual"))
        assert error.value.http_status == 500


# -- queues and validation --------------------------------------------------------------------------------------------


@virtual
async def test_who_waits_in_a_queue_goes_on_elsewhere(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[NEXT] = "<Response><Say>Your turn.</Say></Response>"
        sid = await talking(world, "<Response><Enqueue>support</Enqueue></Response>")
        (member,) = world.exchange.kept(QueueMemberRecord)
        with pytest.raises(RestError) as error:
            await world.control.dequeue("QU" + "0" * 32, sid, NEXT, "POST")
        assert error.value.code == 20404
        await world.control.dequeue(member.queue_sid, sid, NEXT, "POST")
        await world.over()
        assert [event["text"] for event in world.exchange.timeline(sid, "speech")] == ["Your turn."]
        await world.control.forget_queue(member.queue_sid)
        assert world.exchange.switch.queues.find(member.queue_sid) is None
