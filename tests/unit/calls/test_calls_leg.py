"""A leg: what a call does between its INVITE and its end, between real SIP cores, in virtual time."""

# Covers: testing/exchange.py

import asyncio
import logging

import pytest
from calls_virtual import ACCOUNT, CLIP, NUMBER, OFFER, OneCall, conduct, finished, pick_up, virtual, wait_an_hour

from ringback.calls.leg import CallSettings, Leg
from ringback.calls.switch import SwitchSettings
from ringback.media.leg import LegFormat, LegListener, MediaError, MediaLeg
from ringback.model import events
from ringback.model.status import CallStatus
from ringback.sip import sdp
from ringback.testing.clock import run
from ringback.testing.exchange import Exchange
from ringback.testing.media import FakeMedia, FakeMediaLeg

# -- how it goes ------------------------------------------------------------------------------------------------------


@virtual
async def test_a_caller_who_hangs_up_cancels_what_is_being_done() -> None:
    undone: list[float] = []

    async def talk(leg: Leg) -> None:
        try:
            await leg.sleep(3600)
        finally:
            undone.append(leg.now())

    exchange = Exchange(conduct(pick_up, talk))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    await asyncio.sleep(7)
    phone.hang_up()
    await finished(exchange)
    assert undone == [pytest.approx(7, abs=0.1)]
    assert exchange.records[phone.sid]["end_reason"] == "caller-hangup"


@virtual
async def test_a_caller_who_gives_up_before_the_answer_was_not_answered() -> None:
    exchange = Exchange(conduct(wait_an_hour))
    phone = exchange.dial(NUMBER)
    await asyncio.sleep(3)
    phone.hang_up()
    await finished(exchange)
    record = exchange.records[phone.sid]
    assert (record["status"], record["end_reason"]) == (CallStatus.NO_ANSWER, "caller-cancelled")
    assert "start_time" not in record or record["start_time"] is None
    assert exchange.media.legs == []


@pytest.mark.parametrize(("code", "status"), [(486, CallStatus.BUSY), (603, CallStatus.NO_ANSWER)])
def test_a_call_can_be_rejected(code: int, status: CallStatus) -> None:
    async def reject() -> None:
        exchange = Exchange(conduct(lambda leg: leg.reject(code)))
        phone = exchange.dial(NUMBER)
        await phone.ended.wait()
        await finished(exchange)
        assert phone.refused_with == code
        assert exchange.records[phone.sid]["status"] is status

    run(reject())


@virtual
async def test_playing_picks_up_and_takes_as_long_as_the_clip() -> None:
    exchange = Exchange(conduct(lambda leg: leg.play(CLIP, 3)))
    phone = exchange.dial(NUMBER)
    await phone.ended.wait()
    played = exchange.media.played[0]
    assert (played.clip, played.complete) == (CLIP, True)
    assert played.end - played.start == pytest.approx(6)


@virtual
async def test_keys_that_are_cleared_are_not_taken() -> None:
    taken: list[str | None] = []

    async def forget(leg: Leg) -> None:
        await leg.sleep(2)
        leg.clear_keys()
        taken.append(await leg.next_key(1))

    exchange = Exchange(conduct(pick_up, forget))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    phone.audio.key("1")
    await finished(exchange)
    assert taken == [None]


@virtual
async def test_keys_can_be_pressed_towards_the_caller() -> None:
    exchange = Exchange(conduct(lambda leg: leg.send_keys("1w2"), lambda leg: leg.send_keys("?")))
    phone = exchange.dial(NUMBER)
    await phone.ended.wait()
    await finished(exchange)
    assert [pressed.keys for pressed in exchange.media.pressed] == ["1w2"]
    assert "not a key" in exchange.timeline(phone.sid, events.WARNING)[0]["message"]


@virtual
async def test_hold_stops_our_audio_and_resume_brings_it_back() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    await asyncio.sleep(1)
    audio = phone.audio
    for direction in ("sendonly", "sendrecv"):
        phone.reinvite(sdp.offer("127.0.0.1", 40000, direction=direction))
        await asyncio.sleep(1)
    assert [leg_format.sends for leg_format in audio.formats] == [True, False, True]
    phone.hang_up()
    await finished(exchange)


@virtual
async def test_an_offer_without_a_common_codec_is_refused_with_488() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    offer = sdp.offer("127.0.0.1", 40000).replace(b"0 8 101", b"18").replace(b"PCMU", b"G729").replace(b":0 ", b":18 ")
    phone = exchange.dial(NUMBER, offer=offer)
    await phone.ended.wait()
    await finished(exchange)
    assert phone.refused_with == 488
    assert exchange.records[phone.sid]["end_reason"] == "not-acceptable"
    assert "no common audio" in exchange.timeline(phone.sid, events.ERROR)[0]["message"]


@virtual
async def test_a_reinvite_that_does_not_fit_leaves_the_call_as_it_was() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    phone.reinvite(b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n")
    await asyncio.sleep(1)
    assert len(phone.audio.formats) == 1
    assert "session change refused" in exchange.timeline(phone.sid, events.WARNING)[0]["message"]
    phone.hang_up()
    await finished(exchange)


@virtual
async def test_without_room_for_audio_a_call_is_answered_503() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour), media=FakeMedia(capacity=1))
    first, second = exchange.dial(NUMBER), exchange.dial(NUMBER)
    await second.ended.wait()
    assert second.refused_with == 503
    first.hang_up()
    await finished(exchange)
    assert exchange.records[second.sid]["end_reason"] == "capacity"


@virtual
async def test_a_worker_that_dies_ends_its_calls_as_failed() -> None:
    exchange = Exchange(conduct(pick_up, lambda leg: leg.play(CLIP, 0)))
    phones = [exchange.dial(NUMBER) for _ in range(10)]
    await asyncio.sleep(1)
    exchange.media.lose()
    await finished(exchange)
    assert {exchange.records[phone.sid]["end_reason"] for phone in phones} == {"media-failure"}
    assert {exchange.records[phone.sid]["status"] for phone in phones} == {CallStatus.FAILED}
    assert all(phone.ended.is_set() for phone in phones)
    assert exchange.now() < 5


@virtual
async def test_a_caller_who_vanishes_is_found_out() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour), settings=SwitchSettings(CallSettings(rtp_timeout=60)))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    exchange.deaf = True
    await asyncio.sleep(60)
    phone.audio.quiet()
    await finished(exchange)
    record = exchange.records[phone.sid]
    assert (record["status"], record["end_reason"]) == (CallStatus.COMPLETED, "unreachable")
    assert exchange.now() < 60 + 40


@pytest.mark.conforms("2010-04-01/15/32014")
@virtual
async def test_a_caller_who_is_only_silent_keeps_the_call() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    for times in (1, 2):
        phone.audio.quiet(times)
        await asyncio.sleep(60)
    assert phone.leg is not None
    warnings = exchange.timeline(phone.sid, events.WARNING)
    assert [(warning["code"], "sends no audio" in warning["message"]) for warning in warnings] == [(32014, True)] * 2
    phone.audio.quiet(5)
    await finished(exchange)
    assert exchange.records[phone.sid]["end_reason"] == "rtp-timeout"


@virtual
async def test_a_caller_on_hold_may_be_silent_for_as_long_as_they_like() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    phone.reinvite(sdp.offer("127.0.0.1", 40000, direction="sendonly"))
    await asyncio.sleep(1)
    for times in range(1, 20):
        phone.audio.quiet(times)
        await asyncio.sleep(30)
    assert phone.leg is not None
    phone.hang_up()
    await finished(exchange)


@pytest.mark.conforms("2010-04-01/15/32015")
@virtual
async def test_no_call_is_longer_than_the_limit() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour), settings=SwitchSettings(CallSettings(max_duration=100)))
    phone = exchange.dial(NUMBER)
    await phone.ended.wait()
    assert exchange.now() == pytest.approx(100, abs=1)
    await finished(exchange)
    assert [warning["code"] for warning in exchange.timeline(phone.sid, events.WARNING)] == [32015]
    assert exchange.records[phone.sid]["end_reason"] == "time-limit"


@virtual
async def test_a_defect_in_the_handler_costs_that_call_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def stumble(leg: Leg) -> None:
        raise RuntimeError("over its own feet")

    exchange = Exchange(conduct(stumble))
    phone = exchange.dial(NUMBER)
    await phone.ended.wait()
    await finished(exchange)
    assert phone.refused_with == 500
    assert exchange.records[phone.sid]["end_reason"] == "server-error"
    assert "over its own feet" in caplog.text


@virtual
async def test_an_invite_without_an_offer_gets_ours_and_its_ack_must_answer() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER, offer=b"")
    await phone.ended.wait()
    await finished(exchange)
    assert exchange.records[phone.sid]["end_reason"] == "not-acceptable"


@virtual
async def test_the_answer_in_an_ack_sets_the_audio_up() -> None:
    exchange = Exchange(conduct(wait_an_hour))
    one = OneCall(exchange, None)
    await one.leg.answer()
    action, offer = one.said[0]
    assert action == "answer"
    answer, _ = sdp.answer(offer, "127.0.0.1", 40000)
    one.acknowledged(answer)
    await asyncio.sleep(1)
    assert exchange.media.legs[0].formats[0].remote == ("127.0.0.1", 40000)
    await one.end()
    assert one.said[-1] == ("bye",)


# -- what it says of itself -------------------------------------------------------------------------------------------


@virtual
async def test_a_call_lasts_from_its_answer_to_its_end() -> None:
    one = OneCall(Exchange(conduct(pick_up)))
    await asyncio.sleep(5)
    assert one.leg.duration == 0
    await one.leg.answer()
    await asyncio.sleep(61)
    assert one.leg.duration == 61
    await one.end()
    await asyncio.sleep(100)
    assert one.leg.duration == 61


@virtual
async def test_the_record_of_a_call_begins_with_its_assignment() -> None:
    exchange = Exchange(conduct(wait_an_hour))
    phone = exchange.dial(NUMBER, caller="+14155550123")
    await asyncio.sleep(1)
    record = exchange.records[phone.sid]
    assert (record["account_sid"], record["from_"], record["to"]) == (ACCOUNT, "+14155550123", NUMBER)
    assert (record["status"], record["start_time"], record["end_time"]) == (CallStatus.RINGING, None, None)
    assert record["sip_call_id"]
    phone.hang_up()
    await finished(exchange)


@virtual
async def test_descriptions_show_the_address_of_the_settings() -> None:
    """A host behind NAT is reached by an address that is not its own."""
    one = OneCall(Exchange(conduct(pick_up)), media_address="203.0.113.7")
    await one.leg.answer()
    _, description = one.said[0]
    assert b"c=IN IP4 203.0.113.7\r\n" in description
    await one.end()


@virtual
async def test_the_audio_path_is_told_of_in_the_timeline() -> None:
    exchange = Exchange(conduct(pick_up))
    phone = exchange.dial(NUMBER)
    await finished_after(exchange, phone.ended)
    (told,) = exchange.timeline(phone.sid, events.MEDIA_START)
    assert told == {
        "codec": "PCMU", "local": "127.0.0.1:20000", "remote": "127.0.0.1:40000", "ptime_ms": 20, "on_hold": False
    }  # fmt: skip
    (stats,) = exchange.timeline(phone.sid, events.MEDIA_STATS)
    assert {"received", "sent", "lost"} <= set(stats)


async def finished_after(exchange: Exchange, event: asyncio.Event) -> None:
    await event.wait()
    await finished(exchange)


# -- audio that fails -------------------------------------------------------------------------------------------------


@virtual
async def test_a_clip_that_cannot_be_read_is_left_out_with_a_warning() -> None:
    exchange = Exchange(conduct(lambda leg: leg.play(CLIP)), media=FakeMedia(check_files=True))
    phone = exchange.dial(NUMBER)
    await finished_after(exchange, phone.ended)
    (warning,) = exchange.timeline(phone.sid, events.WARNING)
    assert warning["message"] == f"clip {CLIP.path} cannot be read: No such file or directory"
    assert exchange.records[phone.sid]["status"] is CallStatus.COMPLETED


@virtual
async def test_nothing_is_played_or_pressed_in_a_call_that_has_ended() -> None:
    exchange = Exchange(conduct(pick_up))
    one = OneCall(exchange)
    await one.leg.answer()
    await one.end()
    await one.leg.play(CLIP)
    await one.leg.send_keys("1")
    await one.leg.answer()
    await one.leg.reject(486)
    await one.leg.hangup("document-end")
    assert (exchange.media.played, exchange.media.pressed) == ([], [])
    assert [action for action, *_ in one.said] == ["answer", "bye"]
    assert len(one.ended) == 1


class Brittle(FakeMedia):
    """Audio whose methods fail when they are told to."""

    failing: tuple[str, ...] = ()

    async def open(self, listener: LegListener, *, near: MediaLeg | None = None) -> FakeMediaLeg:
        leg = await super().open(listener)
        return BrittleLeg(self, leg.number, listener)


class BrittleLeg(FakeMediaLeg):
    async def setup(self, leg_format: LegFormat) -> None:
        self._fail("setup")

    async def close(self) -> dict[str, int]:
        self._fail("close")
        return {}

    def _fail(self, what: str) -> None:
        assert isinstance(self.media, Brittle)
        if what in self.media.failing:
            raise MediaError(f"no {what} today")


@virtual
async def test_a_session_change_that_the_media_refuse_is_answered_500() -> None:
    media = Brittle()
    exchange = Exchange(conduct(pick_up))
    one = OneCall(exchange, media=media)
    await one.leg.answer()
    media.failing = ("setup",)
    one.reoffered(sdp.offer("127.0.0.1", 40002))
    await asyncio.sleep(1)
    assert one.said[-1] == ("reject_reinvite", 500)
    assert one.leg.status is CallStatus.IN_PROGRESS
    assert "session change refused: no setup today" in exchange.timeline(one.leg.info.sid, events.WARNING)[0]["message"]
    await one.end()


@virtual
async def test_audio_that_cannot_be_given_back_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    media = Brittle()
    exchange = Exchange(conduct(pick_up))
    one = OneCall(exchange, media=media)
    await one.leg.answer()
    media.failing = ("close",)
    await one.end()
    assert one.ended == [one.leg]
    assert f"call {one.leg.info.sid}: no close today" in caplog.text
    assert exchange.timeline(one.leg.info.sid, events.STATUS)[-1] == {"status": "completed", "reason": "hangup-verb"}


@virtual
async def test_audio_that_is_lost_while_the_call_rings_ends_it() -> None:
    exchange = Exchange(conduct(pick_up))
    one = OneCall(exchange)
    answering = one.leg.tasks.start(one.leg.answer(), "answer")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    exchange.media.lose()
    await answering
    await one.leg.tasks.drain(1)
    assert (one.leg.status, one.leg.end_reason) == (CallStatus.FAILED, "media-failure")
    assert [action for action, *_ in one.said] == ["reject"]


# -- offers and answers -----------------------------------------------------------------------------------------------


@virtual
async def test_an_ack_with_an_answer_that_does_not_fit_ends_the_call() -> None:
    exchange = Exchange(conduct(pick_up))
    one = OneCall(exchange, None)
    await one.leg.answer()
    one.acknowledged(b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n")
    await one.leg.tasks.drain(1)
    assert one.leg.end_reason == "not-acceptable"
    assert "no common audio" in exchange.timeline(one.leg.info.sid, events.ERROR)[0]["message"]


@virtual
async def test_an_ack_without_news_changes_nothing() -> None:
    one = OneCall(Exchange(conduct(pick_up)))
    await one.leg.answer()
    one.acknowledged(None)
    assert one.leg.status is CallStatus.IN_PROGRESS
    await one.end()


@virtual
async def test_a_reinvite_without_an_offer_gets_ours_in_the_same_session() -> None:
    """RFC 3264 §8: the session keeps its id, and its version is not counted down."""
    exchange = Exchange(conduct(pick_up))
    one = OneCall(exchange)
    await one.leg.answer()
    one.reoffered(None)
    await asyncio.sleep(1)
    (_, first), (action, second) = one.said
    assert action == "answer_reinvite"
    (_, session, version), (_, same_session, later_version) = (_origin(first), _origin(second))
    assert (same_session, later_version >= version) == (session, True)
    answer, _ = sdp.answer(second, "127.0.0.1", 40004)
    one.acknowledged(answer)
    await asyncio.sleep(1)
    assert exchange.media.legs[0].formats[-1].remote == ("127.0.0.1", 40004)
    await one.end()


def _origin(description: bytes) -> tuple[str, int, int]:
    (line,) = (line for line in description.decode().splitlines() if line.startswith("o="))
    user, session, version, *_ = line[2:].split()
    return user, int(session), int(version)


# -- events after the end ---------------------------------------------------------------------------------------------


@virtual
async def test_what_comes_after_the_end_is_not_heard() -> None:
    exchange = Exchange(conduct(pick_up))
    one = OneCall(exchange, None)
    await one.leg.answer()
    offer = one.said[0][1]
    await one.leg.hangup()
    one.leg.on_key("1")
    one.leg.on_quiet(1)
    one.alive()
    one.reoffered(OFFER)
    one.acknowledged(sdp.answer(offer, "127.0.0.1", 40000)[0])
    one.ended_by("bye")
    exchange.media.lose()
    await one.leg.tasks.drain(10)
    assert [action for action, *_ in one.said] == ["answer", "bye"]
    assert exchange.timeline(one.leg.info.sid, events.KEY, events.WARNING, events.ERROR, events.MEDIA_START) == []
    assert one.leg.end_reason == "hangup-verb"
    assert exchange.media.legs == []


@pytest.mark.parametrize("turns", range(4))
def test_a_session_change_that_crosses_the_end_leaves_no_trace(turns: int, caplog: pytest.LogCaptureFixture) -> None:
    async def crossing() -> None:
        exchange = Exchange(conduct(pick_up))
        one = OneCall(exchange)
        await one.leg.answer()
        one.reoffered(sdp.offer("127.0.0.1", 40002, direction="sendonly"))
        for _ in range(turns):
            await asyncio.sleep(0)
        answered = one.said[-1][0] == "answer_reinvite"
        one.ended_by("bye")
        await one.leg.tasks.drain(10)
        assert ("answer_reinvite" in [action for action, *_ in one.said]) is answered
        assert exchange.timeline(one.leg.info.sid, *ALL_KINDS)[-1] == {"status": "completed", "reason": "caller-hangup"}
        assert exchange.media.legs == []

    run(crossing())
    assert not caplog.records


ALL_KINDS = tuple(kind for name, kind in vars(events).items() if name.isupper())


@pytest.mark.parametrize("turns", range(8))
def test_an_answer_that_crosses_the_end_gives_its_audio_back(turns: int, caplog: pytest.LogCaptureFixture) -> None:
    """Not the task that drives the call answers it here, but one that the end does not cancel."""

    async def crossing() -> None:
        exchange = Exchange(conduct(pick_up))
        one = OneCall(exchange)
        answering = one.leg.tasks.start(one.leg.answer(), "answer")
        for _ in range(turns):
            await asyncio.sleep(0)
        one.ended_by("cancel")
        await answering
        await one.leg.tasks.drain(10)
        assert exchange.media.legs == []
        assert len(one.ended) == 1

    run(crossing())
    assert not caplog.records


@pytest.mark.parametrize("turns", range(24))
def test_a_caller_may_hang_up_at_any_moment(turns: int, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the leg waits for at that turn of the loop: it ends, and nothing of it is left."""

    async def call() -> None:
        before = asyncio.all_tasks()
        exchange = Exchange(conduct(pick_up, lambda leg: leg.play(CLIP), lambda leg: leg.send_keys("1")))
        phone = exchange.dial(NUMBER)
        for _ in range(turns):
            await asyncio.sleep(0)
        phone.hang_up()
        await finished_after(exchange, phone.ended)
        await asyncio.sleep(60)
        assert exchange.media.legs == []
        assert asyncio.all_tasks() == before
        for record in exchange.records.values():
            assert record["status"] in (CallStatus.COMPLETED, CallStatus.NO_ANSWER)
            assert record["end_reason"] in ("caller-hangup", "caller-cancelled")

    run(call())
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# -- who drives it ----------------------------------------------------------------------------------------------------


@virtual
async def test_the_last_words_of_who_drives_the_call_come_before_its_end() -> None:
    async def talkative(leg: Leg) -> None:
        try:
            await leg.sleep(3600)
        finally:
            await asyncio.sleep(0.5)
            leg.note(events.WARNING, code=0, message="so long")

    exchange = Exchange(conduct(pick_up, talkative))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    phone.hang_up()
    await finished(exchange)
    told = exchange.timeline(phone.sid, events.WARNING, events.STATUS)
    assert told[-2:] == [{"code": 0, "message": "so long"}, {"status": "completed", "reason": "caller-hangup"}]


@virtual
async def test_who_does_not_let_go_of_a_call_cannot_hold_up_its_end() -> None:
    async def stubborn(leg: Leg) -> None:
        while leg.now() < 100:
            try:
                await leg.sleep(100)
            except asyncio.CancelledError:
                continue

    exchange = Exchange(conduct(pick_up, stubborn))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    phone.hang_up()
    await finished(exchange)
    assert exchange.now() < 10
    assert exchange.records[phone.sid]["end_reason"] == "caller-hangup"
    await asyncio.sleep(200)


@virtual
async def test_a_handler_that_is_cancelled_by_somebody_else_does_not_strand_the_call() -> None:
    async def lost(leg: Leg) -> None:
        raise asyncio.CancelledError

    exchange = Exchange(conduct(pick_up, lost))
    phone = exchange.dial(NUMBER)
    await finished_after(exchange, phone.ended)
    assert exchange.now() < 10
    assert exchange.records[phone.sid]["end_reason"] == "server-error"


@virtual
async def test_a_call_that_is_never_assigned_ends_without_a_record() -> None:
    async def nobody(leg: Leg) -> None:
        leg.refuse(404, "not-found")

    exchange = Exchange(nobody)
    phone = exchange.dial(NUMBER)
    await finished_after(exchange, phone.ended)
    assert (phone.refused_with, exchange.records) == (404, {})
    assert exchange.timeline(phone.sid, events.STATUS) == [{"status": "failed", "reason": "not-found"}]


@virtual
async def test_a_call_that_rings_when_the_server_goes_down_is_refused_503() -> None:
    one = OneCall(Exchange(conduct(pick_up)))
    one.leg.stop()
    await one.leg.tasks.drain(1)
    assert one.said == [("reject", 503, "", [])]
    assert (one.leg.status, one.leg.end_reason) == (CallStatus.FAILED, "server-stopped")
