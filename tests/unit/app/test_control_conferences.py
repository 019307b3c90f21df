"""Commands to conferences and who is in them, as the REST API gives them; in virtual time."""

# Covers: calls/conferences.py app/outgoing.py app/control.py

import asyncio
from pathlib import Path

import pytest
from control_world import CALLEE, ControlWorld
from voice_world import ACCOUNT, NUMBER, SHOP, virtual, wav
from web_in_memory import Page

from ringback.calls.conferences import Conference
from ringback.model import events
from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.model.outgoing import OutgoingCall
from ringback.rest.control import NewParticipant, ParticipantChanges
from ringback.rest.errors import RestError
from ringback.testing.exchange import Answers

ROOM = "<Response><Dial><Conference>room</Conference></Dial><Say>Left.</Say></Response>"
MUSIC = SHOP + "music.wav"
EVENTS = SHOP + "events"


async def meeting(world: ControlWorld) -> tuple[Conference, list[str]]:
    """Two calls of ours in a conference."""
    world.web.pages |= {SHOP: ROOM, MUSIC: Page(wav(2.0), "audio/wav")}
    sids = [await world.ask(), await world.ask()]
    await asyncio.sleep(5)
    (conference,) = world.exchange.switch.conferences
    assert list(conference.members) == sids
    return conference, sids


@virtual
async def test_a_participant_is_changed(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        conference, (one, two) = await meeting(world)

        async def change(**changes: object) -> ParticipantRecord:
            await world.control.update_participant(conference.sid, one, ParticipantChanges(**changes))  # type: ignore[arg-type]
            await asyncio.sleep(1)
            kept = {record.call_sid: record for record in world.exchange.kept(ParticipantRecord)}
            return kept[one]

        audio = next(leg for leg in world.exchange.media.legs if leg.listener is world.leg(one))
        assert ((await change(muted=True)).muted, audio.muted) == (True, True)
        assert ((await change(hold=True, hold_url=MUSIC)).hold, audio.held) == (True, True)
        assert audio.playing is not None, "the music of the command"
        assert ((await change(hold=False)).hold, audio.held) == (False, False)
        coached = await change(coaching=True, call_sid_to_coach=two)
        assert (coached.coaching, coached.call_sid_to_coach) == (True, two)
        assert (await change(coaching=False)).coaching is False
        assert (await change(end_conference_on_exit=True, beep_on_exit=False)).end_conference_on_exit is True
        before = len(world.exchange.media.played)
        await change(announce_url=MUSIC, announce_method="GET")
        await asyncio.sleep(2)
        assert len(world.exchange.media.played) == before + 1


@pytest.mark.parametrize(
    ("changes", "code"), [({"coaching": True, "call_sid_to_coach": "CA" + "7" * 32}, 16028), ({"muted": True}, 20404)]
)
def test_what_is_not_there_cannot_be_changed(changes: dict[str, object], code: int, tmp_path: Path) -> None:
    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path) as world:
            conference, (one, _) = await meeting(world)
            call = one if code == 16028 else "CA" + "0" * 32
            with pytest.raises(RestError) as error:
                await world.control.update_participant(conference.sid, call, ParticipantChanges(**changes))  # type: ignore[arg-type]
            assert error.value.code == code

    test()


@virtual
async def test_a_participant_is_kicked_and_goes_on(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        conference, (one, _) = await meeting(world)
        await world.control.kick(conference.sid, one)
        await asyncio.sleep(0.5)
        assert [event["text"] for event in world.exchange.timeline(one, "speech")] == ["Left."]
        with pytest.raises(RestError) as error:
            await world.control.kick(conference.sid, "CA" + "0" * 32)
        assert error.value.code == 20404


@virtual
async def test_a_conference_is_ended_and_then_there_is_none(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        conference, sids = await meeting(world)
        await world.control.end_conference(conference.sid)
        await world.over()
        (record,) = world.exchange.kept(ConferenceRecord)
        assert record.reason_conference_ended == "conference-ended-via-api"
        assert [world.kept(sid)["end_reason"] for sid in sids] == ["document-end"] * 2
        for command in (
            world.control.end_conference(conference.sid),
            world.control.announce(conference.sid, MUSIC, "GET"),
            world.control.kick(conference.sid, sids[0]),
        ):
            with pytest.raises(RestError) as error:
                await command
            assert error.value.code == 20404


@virtual
async def test_nobody_is_coached_while_on_hold(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        conference, (one, two) = await meeting(world)
        await world.control.update_participant(conference.sid, two, ParticipantChanges(hold=True))
        coach = ParticipantChanges(coaching=True, call_sid_to_coach=two)
        with pytest.raises(RestError) as error:
            await world.control.update_participant(conference.sid, one, coach)
        assert error.value.code == 16027


@virtual
async def test_all_hear_an_announcement(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        conference, _ = await meeting(world)
        world.web.pages[SHOP + "words"] = f"<Response><Say>Hear, hear.</Say><Play>{MUSIC}</Play></Response>"
        beeps = len(world.exchange.media.announced)
        await world.control.announce(conference.sid, SHOP + "words", "GET")
        await asyncio.sleep(10)
        assert len(world.exchange.media.announced) == beeps + 2
        await world.control.announce(conference.sid, SHOP + "nothing", "POST")
        await asyncio.sleep(1)
        assert len(world.exchange.media.announced) == beeps + 2
        world.voice._conducted.clear()
        with pytest.raises(RestError):
            await world.control.announce(conference.sid, SHOP + "words", "GET")


def participant(conference: str, **changes: object) -> NewParticipant:
    call = OutgoingCall(ACCOUNT.sid, CALLEE, NUMBER, twiml="<Response/>")
    return NewParticipant(call, conference, **changes)  # type: ignore[arg-type]


@virtual
async def test_somebody_is_called_into_a_conference(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[EVENTS] = ""
        first, call = await world.control.add_participant(
            participant(
                "R & D <1>", label="boss", muted=True, end_conference_on_exit=True, conference_record=True,
                conference_status_callback=EVENTS, conference_status_callback_events=("start", "join", "end"),
                max_participants=10, wait_url="",
            )
        )  # fmt: skip
        (record,) = world.exchange.kept(ParticipantRecord)
        assert (record.conference_sid, record.call_sid, record.status) == (first, call.sid, "queued")
        second, other = await world.control.add_participant(participant(first))
        assert second == first
        await asyncio.sleep(5)
        (conference,) = world.exchange.switch.conferences
        assert (conference.name, list(conference.members)) == ("R & D <1>", [call.sid, other.sid])
        kept = {record.call_sid: record for record in world.exchange.kept(ParticipantRecord)}
        assert (kept[call.sid].label, kept[call.sid].muted, kept[call.sid].status) == ("boss", True, "connected")
        assert await world.control.current_recording(first) is not None
        await world.control.complete(call.sid)
        await world.over()
        (ended,) = world.exchange.kept(ConferenceRecord)
        assert ended.status is ConferenceStatus.COMPLETED
        assert [told["StatusCallbackEvent"] for told in world.told(EVENTS)] == [
            "participant-join", "participant-join", "conference-start", "conference-end",
        ]  # fmt: skip


@virtual
@pytest.mark.parametrize("how", ["busy", "silent", "taken back"])
async def test_a_conference_to_which_nobody_comes_ends(tmp_path: Path, how: str) -> None:
    async with ControlWorld(tmp_path, per_second=0.01 if how == "taken back" else 100.0) as world:
        if how == "taken back":
            await world.ask()  # its turn comes first, and the next one a hundred seconds later
        world.exchange.answers[CALLEE] = Answers(code=486) if how == "busy" else Answers(rings=3600)
        sid, call = await world.control.add_participant(participant("room", label="late"))
        statuses = set[str]()

        def look() -> ParticipantRecord:
            (record,) = world.exchange.kept(ParticipantRecord)
            statuses.add(record.status)
            return record

        assert look().status is ParticipantStatus.QUEUED
        if how == "taken back":
            await world.control.complete(call.sid)
        for _ in range(70):
            await asyncio.sleep(1)
            look()
        assert look().status is ParticipantStatus.FAILED
        assert (how != "silent") or {"ringing", "failed"} < statuses
        (ended,) = world.exchange.kept(ConferenceRecord)
        assert (ended.sid, ended.status) == (sid, ConferenceStatus.COMPLETED)
        assert list(world.exchange.switch.conferences) == []


@virtual
async def test_who_does_not_come_leaves_the_others_alone(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[EVENTS] = ""
        first, call = await world.control.add_participant(
            participant(
                "room", conference_status_callback=EVENTS, conference_status_callback_events=("join", "leave")
            )
        )  # fmt: skip
        await asyncio.sleep(5)
        world.exchange.answers[CALLEE] = Answers(code=486)
        await world.control.add_participant(participant("room"))
        await asyncio.sleep(5)
        (conference,) = world.exchange.switch.conferences
        assert (conference.sid, list(conference.members)) == (first, [call.sid])
        left = [told for told in world.told(EVENTS) if told["StatusCallbackEvent"] == "participant-leave"]
        assert [told["ReasonParticipantLeft"] for told in left] == ["participant_add_failed"]
        await world.control.end_conference(first)
        await world.over()


@virtual
async def test_a_participant_needs_a_conference_and_somebody_to_coach(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        for wanted, code in ((participant("CF" + "0" * 32), 20404), (participant("room", coaching=True), 21244)):
            with pytest.raises(RestError) as error:
                await world.control.add_participant(wanted)
            assert error.value.code == code
        assert list(world.exchange.switch.conferences) == []


@virtual
async def test_who_was_to_coach_somebody_who_is_not_there_is_heard_by_nobody(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        conference, sids = await meeting(world)
        wanted = participant(conference.sid, coaching=True, call_sid_to_coach="CA" + "7" * 32)
        _, call = await world.control.add_participant(wanted)
        await asyncio.sleep(5)
        assert list(conference.members) == sids
        assert [event["code"] for event in world.exchange.timeline(call.sid, events.WARNING)] == [16028]
        assert world.kept(call.sid)["end_reason"] == "document-end", "its document goes on after the Dial"
