"""Conferences: who waits, who hears whom, what is told, and how it ends; in virtual time."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from calls_virtual import ACCOUNT, CLIP, finished, virtual

from ringback.calls.attendance import Attendance, Attended, ConferenceEvent
from ringback.calls.errors import CallError
from ringback.calls.leg import Leg
from ringback.calls.recording import RecordOptions
from ringback.model import events
from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.model.recordings import RecordingRecord, RecordingStatus
from ringback.model.status import ApiVersion
from ringback.testing.exchange import Exchange, VirtualPhone


class Hall:
    """An exchange whose callers go into a conference; the last digit of the number they dial says how."""

    def __init__(self, *ways: Attendance, account: str = ACCOUNT) -> None:
        self.events: list[ConferenceEvent] = []
        self.ways = [replace(way, watch=self.events.append) for way in ways]
        self.attended: dict[str, Attended] = {}
        self.exchange = Exchange(self._conduct)

    async def _conduct(self, leg: Leg) -> None:
        way = int(leg.info.to[-1])
        leg.assign(ACCOUNT if way < 8 else "AC" + "9" * 32, None, ApiVersion.V2010)
        attended = await leg.attend(self.ways[way if way < 8 else 0])
        self.attended[leg.info.sid] = attended
        await leg.sleep(1)

    async def enter(self, *ways: int) -> list[VirtualPhone]:
        phones = []
        for way in ways:
            phones.append(self.exchange.dial(f"+1555010000{way}"))
            await asyncio.sleep(1)
        return phones

    def together(self) -> list[list[int]]:
        rooms: dict[int, list[int]] = {}
        for leg in self.exchange.media.legs:
            if leg.room is not None:
                rooms.setdefault(leg.room, []).append(leg.number)
        return list(rooms.values())

    def named(self, *names: str) -> list[str]:
        return [event.name for event in self.events if not names or event.name in names]

    @property
    def conference(self) -> Any:
        (record,) = self.exchange.kept(ConferenceRecord)
        found = self.exchange.switch.conferences.find(record.sid)
        assert found is not None
        return found

    async def over(self) -> None:
        await finished(self.exchange)
        await asyncio.sleep(1)


PLAIN = Attendance("Room 1234")


def music(exchange: Exchange, leg: int) -> str:
    playing = exchange.media.legs[leg].playing
    return playing.path.name if playing else ""


@pytest.mark.conforms("2008-08-01/2.6.2/two", "2010-04-01/2.6.4/starts")
@virtual
async def test_it_begins_with_the_second_who_comes() -> None:
    hall = Hall(PLAIN)
    first, second = await hall.enter(0), []
    assert "hold-music" in music(hall.exchange, 0)
    assert (hall.together(), hall.named("conference-start")) == ([], [])
    second = await hall.enter(0)
    assert (hall.together(), music(hall.exchange, 0)) == ([[0, 1]], "")
    (record,) = hall.exchange.kept(ConferenceRecord)
    assert (record.friendly_name, record.status) == ("Room 1234", ConferenceStatus.IN_PROGRESS)
    (first + second)[0].hang_up()
    await asyncio.sleep(1)
    assert hall.exchange.switch.conferences.find(record.sid) is not None, "one may stay alone"
    second[0].hang_up()
    await hall.over()
    (record,) = hall.exchange.kept(ConferenceRecord)
    assert (record.status, record.reason_conference_ended) == (ConferenceStatus.COMPLETED, "last-participant-left")
    assert record.call_sid_ending_conference == second[0].sid
    assert {each.status for each in hall.exchange.kept(ParticipantRecord)} == {ParticipantStatus.COMPLETE}
    assert hall.named() == [
        "participant-join", "participant-join", "conference-start", "participant-leave", "participant-leave",
        "conference-end",
    ]  # fmt: skip
    assert [event.sequence for event in hall.events] == [1, 2, 3, 4, 5, 6]


@pytest.mark.conforms("2008-08-01/2.6.2/starts", "2010-04-01/2.6.4/starts")
@virtual
async def test_it_does_not_begin_without_somebody_who_may_begin_it() -> None:
    hall = Hall(replace(PLAIN, start_on_enter=False), PLAIN)
    await hall.enter(0, 0)
    assert hall.together() == []
    await hall.enter(1)
    assert hall.together() == [[0, 1, 2]]
    await hall.exchange.switch.close()


@pytest.mark.conforms("2008-08-01/2.6.2/ends")
@virtual
async def test_whoever_ends_it_by_leaving_sends_all_out() -> None:
    hall = Hall(PLAIN, replace(PLAIN, end_on_exit=True))
    one, two, host = await hall.enter(0, 0, 1)
    host.hang_up()
    await hall.over()
    assert {sid: attended.reason for sid, attended in hall.attended.items()} == {one.sid: "ended", two.sid: "ended"}
    (record,) = hall.exchange.kept(ConferenceRecord)
    assert record.reason_conference_ended == "participant-with-end-conference-on-exit-left"
    left = [event.data["ReasonParticipantLeft"] for event in hall.events if event.name == "participant-leave"]
    assert sorted(left) == ["moderator_ended_conference", "moderator_ended_conference", "participant_hung_up"]


@virtual
async def test_star_leaves_where_that_is_wanted_and_the_call_goes_on() -> None:
    hall = Hall(replace(PLAIN, hangup_on_star=True), PLAIN)
    one, two = await hall.enter(0, 1)
    one.audio.key("5*")
    two.audio.key("*")
    await asyncio.sleep(1)
    assert hall.together() == [[1]]
    assert hall.attended[one.sid].reason == "star"
    two.hang_up()
    await hall.over()


@virtual
async def test_the_time_limit_counts_from_the_entry() -> None:
    hall = Hall(replace(PLAIN, time_limit=20), PLAIN)
    one, two = await hall.enter(0, 1)
    await asyncio.sleep(30)
    assert (hall.attended[one.sid].reason, hall.attended[one.sid].seconds) == ("time-limit", 20)
    two.hang_up()
    await hall.over()


@pytest.mark.conforms("2008-08-01/2.6.2/room", "2010-04-01/2.6.4/room")
@virtual
async def test_the_same_name_in_another_account_is_another_room() -> None:
    hall = Hall(PLAIN)
    await hall.enter(0, 8, 0, 8)
    assert sorted(hall.together()) == [[0, 2], [1, 3]]
    await hall.exchange.switch.close()


@pytest.mark.conforms("2010-04-01/15/16020")
@virtual
async def test_a_full_room_takes_no_more() -> None:
    hall = Hall(replace(PLAIN, max_participants=2))
    *_, third = await hall.enter(0, 0, 0)
    assert hall.attended[third.sid].reason == "full"
    assert [error["code"] for error in hall.exchange.timeline(third.sid, events.ERROR)] == [16020]
    assert hall.together() == [[0, 1]]
    await hall.exchange.switch.close()


@pytest.mark.conforms("2010-04-01/2.6.4/hold")
@virtual
async def test_muting_holding_and_coaching_reach_the_audio_and_the_records() -> None:
    hall = Hall(PLAIN, replace(PLAIN, muted=True))
    one, two, three = await hall.enter(0, 0, 1)
    legs = hall.exchange.media.legs
    assert [leg.muted for leg in legs] == [False, False, True]
    room = hall.conference
    await room.mute(three.sid, False)
    await room.hold(two.sid, True)
    await room.coach(one.sid, three.sid)
    await asyncio.sleep(1)
    assert [leg.muted for leg in legs] == [False, False, False]
    assert [leg.held for leg in legs] == [False, True, False]
    assert "hold-music" in music(hall.exchange, 1)
    assert legs[0].coaching is legs[2]
    kept = {record.call_sid: record for record in hall.exchange.kept(ParticipantRecord)}
    assert (kept[three.sid].muted, kept[two.sid].hold) == (False, True)
    assert (kept[one.sid].coaching, kept[one.sid].call_sid_to_coach) == (True, three.sid)
    await room.hold(two.sid, False)
    await asyncio.sleep(1)
    assert (legs[1].held, music(hall.exchange, 1)) == (False, "")
    assert hall.named()[4:] == [
        "participant-unmute", "participant-hold", "participant-modify", "participant-unhold",
    ]  # fmt: skip
    with pytest.raises(KeyError):
        await room.mute("CA" + "0" * 32, True)
    await hall.exchange.switch.close()


@virtual
async def test_who_is_kicked_goes_on_with_its_document() -> None:
    hall = Hall(PLAIN)
    one, _two = await hall.enter(0, 0)
    hall.conference.kick(one.sid)
    await asyncio.sleep(0.5)
    assert hall.attended[one.sid].reason == "kicked"
    assert hall.events[-1].data["ReasonParticipantLeft"] == "participant_updated_via_api"
    await hall.exchange.switch.close()


@virtual
async def test_all_are_sent_out_when_somebody_ends_it() -> None:
    hall = Hall(PLAIN)
    await hall.enter(0, 0)
    hall.conference.end()
    await hall.over()
    (record,) = hall.exchange.kept(ConferenceRecord)
    assert record.reason_conference_ended == "conference-ended-via-api"
    assert [attended.reason for attended in hall.attended.values()] == ["ended", "ended"]


@virtual
async def test_beeps_and_announcements_are_heard_in_the_room() -> None:
    hall = Hall(PLAIN, replace(PLAIN, beep="false"))
    _one, two, *_ = await hall.enter(0, 0, 1)
    await hall.conference.announce(CLIP, "http://shop.example/hello")
    two.hang_up()
    await asyncio.sleep(2)
    announced = [each.clip.path.name for each in hall.exchange.media.announced]
    assert [("join" in name, "leave" in name, name == CLIP.path.name) for name in announced] == [
        (True, False, False), (True, False, False), (False, False, True), (False, True, False),
    ]  # fmt: skip
    assert hall.named("announcement-end") == ["announcement-end"]
    await hall.exchange.switch.close()


@virtual
async def test_the_conference_is_recorded_from_its_beginning_to_its_end() -> None:
    hall = Hall(replace(PLAIN, record=RecordOptions("Conference", track="both")))
    one, two = await hall.enter(0, 0)
    with pytest.raises(CallError, match="already"):
        await hall.conference.record(one.leg, RecordOptions("StartConferenceRecordingAPI", track="both"))
    await asyncio.sleep(29)
    one.hang_up()
    await asyncio.sleep(1)
    two.hang_up()
    await hall.over()
    (record,) = hall.exchange.kept(RecordingRecord)
    (conference,) = hall.exchange.kept(ConferenceRecord)
    assert (record.status, record.conference_sid) == (RecordingStatus.COMPLETED, conference.sid)
    assert record.duration == pytest.approx(31, abs=1.1)


@virtual
async def test_a_caller_is_entertained_until_it_begins() -> None:
    cancelled: list[bool] = []

    async def wait(call: Any) -> None:
        try:
            await call.play(CLIP, 0)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    hall = Hall(replace(PLAIN, wait=wait))
    await hall.enter(0)
    assert music(hall.exchange, 0) == CLIP.path.name
    await hall.enter(0)
    assert (cancelled, music(hall.exchange, 0)) == ([True], "")
    await hall.exchange.switch.close()


@pytest.mark.long
@virtual
async def test_a_hundred_callers_come_and_go_and_leave_nothing_behind() -> None:
    hall = Hall(*[Attendance(f"room {number}") for number in range(8)])
    phones = await hall.enter(*[number % 8 for number in range(80)])
    assert sorted(len(room) for room in hall.together()) == [10] * 8
    for phone in phones:
        phone.hang_up()
    await hall.over()
    assert hall.exchange.media.legs == []
    assert {record.status for record in hall.exchange.kept(ConferenceRecord)} == {ConferenceStatus.COMPLETED}


@virtual
async def test_who_leaves_while_waiting_by_star_was_there() -> None:
    hall = Hall(replace(PLAIN, hangup_on_star=True))
    (one,) = await hall.enter(0)
    one.audio.key("1*")
    await asyncio.sleep(1)
    assert hall.attended[one.sid].reason == "star"
    await hall.over()


@virtual
async def test_who_is_kicked_while_waiting_ends_it() -> None:
    hall = Hall(PLAIN)
    (one,) = await hall.enter(0)
    hall.conference.kick(one.sid)
    await hall.over()
    assert hall.attended[one.sid].reason == "kicked"
    (record,) = hall.exchange.kept(ConferenceRecord)
    assert record.reason_conference_ended == "last-participant-kicked"


@virtual
async def test_one_who_coaches_is_heard_by_one_alone_from_the_beginning() -> None:
    hall = Hall(PLAIN)
    one, two = await hall.enter(0, 0)
    hall.ways.append(replace(PLAIN, coach=one.sid))
    await hall.enter(1)
    legs = hall.exchange.media.legs
    assert legs[2].coaching is legs[0]
    await hall.conference.coach(hall.exchange.sids[2], None)
    assert legs[2].coaching is None
    two.hang_up()
    await hall.exchange.switch.close()


@virtual
async def test_talk_is_told_of() -> None:
    hall = Hall(PLAIN)
    one, _ = await hall.enter(0, 0)
    one.audio.voice(True)
    one.audio.voice(False, after=2)
    await asyncio.sleep(3)
    assert hall.named("participant-speech-start", "participant-speech-stop") == [
        "participant-speech-start",
        "participant-speech-stop",
    ]
    await hall.exchange.switch.close()


@virtual
async def test_what_happens_at_the_exit_may_be_changed() -> None:
    hall = Hall(PLAIN)
    one, two = await hall.enter(0, 0)
    hall.conference.change(one.sid, end_on_exit=True, beep_on_exit=False)
    hall.conference.change(two.sid, beep_on_exit=False)
    kept = {record.call_sid: record for record in hall.exchange.kept(ParticipantRecord)}
    assert kept[one.sid].end_conference_on_exit
    one.hang_up()
    await hall.over()
    (record,) = hall.exchange.kept(ConferenceRecord)
    assert record.reason_conference_ended == "participant-with-end-conference-on-exit-left"


@virtual
async def test_who_is_on_hold_before_it_begins_and_muted_twice_is_so_once() -> None:
    hall = Hall(PLAIN)
    (one,) = await hall.enter(0)
    await hall.conference.hold(one.sid, True)
    await hall.conference.hold(one.sid, True)
    await hall.conference.mute(one.sid, True)
    await hall.conference.mute(one.sid, True)
    assert hall.named("participant-hold", "participant-mute") == ["participant-hold", "participant-mute"]
    await hall.enter(0)
    assert [(leg.held, leg.muted) for leg in hall.exchange.media.legs] == [(True, True), (False, False)]
    await hall.exchange.switch.close()


@virtual
async def test_who_is_held_while_it_leaves_hears_no_more_music() -> None:
    entertained: list[str] = []

    async def entertain(leg: Leg) -> None:
        entertained.append("begins")
        try:
            await leg.sleep(1000)
        finally:
            entertained.append("ends")

    hall = Hall(PLAIN)
    one, _ = await hall.enter(0, 0)
    await hall.conference.hold(one.sid, True, entertain)
    await asyncio.sleep(5)
    hall.conference.kick(one.sid)
    await asyncio.sleep(0.5)
    assert entertained == ["begins", "ends"]
    await hall.exchange.switch.close()


@virtual
async def test_announcements_that_fail_are_told_of() -> None:
    hall = Hall(PLAIN)
    hall.exchange.media.check_files = True
    await hall.enter(0, 0)
    await hall.conference.announce(CLIP, "http://shop.example/hello")
    (failed,) = [event for event in hall.events if event.name == "announcement-fail"]
    assert failed.data["AnnounceUrl"] == "http://shop.example/hello"
    assert "cannot be read" in failed.data["ReasonAnnouncementFailed"]
    await hall.exchange.switch.close()


@virtual
async def test_audio_that_is_lost_takes_its_member_out() -> None:
    hall = Hall(PLAIN)
    one, _ = await hall.enter(0, 0)
    one.audio.lose()
    await asyncio.sleep(1)
    assert one.sid not in hall.conference.members
    await hall.exchange.switch.close()


@virtual
async def test_a_member_without_audio_cannot_join() -> None:
    hall = Hall(PLAIN)
    (one,) = await hall.enter(0)
    assert one.leg is not None
    one.leg.audio.leg = None
    await hall.enter(0)
    await asyncio.sleep(1)
    assert hall.attended[one.sid].reason == "failed"
    (told,) = hall.exchange.timeline(one.sid, events.ERROR)
    assert told["code"] == 16001
    await hall.exchange.switch.close()


@virtual
async def test_a_recording_that_cannot_be_made_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(sid: str) -> Any:
        raise OSError("No space left on device")

    hall = Hall(replace(PLAIN, record=RecordOptions("Conference")))
    monkeypatch.setattr(hall.exchange.switch, "recording_path", full)
    one, _ = await hall.enter(0, 0)
    (warning,) = hall.exchange.timeline(one.sid, events.WARNING)
    assert warning["code"] == 13618
    await hall.exchange.switch.close()


@virtual
async def test_a_conference_is_found_by_its_name_while_it_goes_on() -> None:
    hall = Hall(PLAIN)
    one, _ = await hall.enter(0, 0)
    rooms = hall.exchange.switch.conferences
    assert rooms.named(ACCOUNT, "Room 1234") is hall.conference
    assert list(rooms) == [hall.conference]
    hall.conference.end()
    assert rooms.named(ACCOUNT, "Room 1234") is None
    one.hang_up()
    await hall.over()
