"""The switch and its legs, between real SIP cores, in virtual time."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from ringback.calls.leg import CallSettings, Leg
from ringback.calls.port import CallInfo
from ringback.calls.switch import SwitchSettings
from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.sip import sdp
from ringback.sip.events import DialogId, Flow, IncomingCall
from ringback.testing.clock import run
from ringback.testing.exchange import EPOCH, Exchange
from ringback.testing.media import FakeMedia

NUMBER = "+15550100001"
ACCOUNT = "AC" + "0" * 32
FLOW = Flow("UDP", ("127.0.0.1", 5060), ("127.0.0.9", 1))
CLIP = Clip(Path("/clips/two-seconds"), 16000)


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def in_virtual_time(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return in_virtual_time


def conduct(*steps: Callable[[Leg], Coroutine[Any, Any, Any]]) -> Callable[[Leg], Coroutine[Any, Any, None]]:
    """A handler that assigns the call and takes the steps."""

    async def handler(leg: Leg) -> None:
        leg.assign(ACCOUNT, None, ApiVersion.V2010)
        for step in steps:
            await step(leg)

    return handler


async def pick_up(leg: Leg) -> None:
    await leg.answer()


async def wait_an_hour(leg: Leg) -> None:
    await leg.sleep(3600)


async def finished(exchange: Exchange) -> None:
    """Wait until no call is left."""
    while len(exchange.switch):  # noqa: ASYNC110 (virtual time: it costs nothing)
        await asyncio.sleep(1)


@virtual
async def test_a_call_is_rung_answered_and_hung_up_when_its_handler_returns() -> None:
    exchange = Exchange(conduct(pick_up, lambda leg: leg.sleep(5)))
    phone = exchange.dial(NUMBER, caller="+14155550123")
    await phone.ended.wait()
    await finished(exchange)
    record = exchange.records[phone.sid]
    assert (record["from_"], record["to"], record["account_sid"]) == ("+14155550123", NUMBER, ACCOUNT)
    assert (record["status"], record["end_reason"]) == (CallStatus.COMPLETED, "document-end")
    assert (record["end_time"] - record["start_time"]).total_seconds() == pytest.approx(5)
    statuses = [event["status"] for event in exchange.timeline(phone.sid, events.STATUS)]
    assert statuses == ["ringing", "in-progress", "completed"]
    assert exchange.media.legs == []


@virtual
async def test_the_timeline_begins_with_the_invite_and_ends_with_the_status() -> None:
    exchange = Exchange(conduct(pick_up))
    phone = exchange.dial(NUMBER)
    await phone.ended.wait()
    await finished(exchange)
    mine = [event for event in exchange.events if event.call_sid == phone.sid]
    assert mine[0].kind == events.SIP_RECEIVED
    assert mine[0].data["line"] == f"INVITE sip:{NUMBER}@127.0.0.1 SIP/2.0"
    sent = [event["line"] for event in exchange.timeline(phone.sid, events.SIP_SENT)]
    assert sent[:2] == ["SIP/2.0 180 Ringing", "SIP/2.0 200 OK"]
    assert mine[-1].data == {"status": "completed", "reason": "document-end"}


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
async def test_keys_come_by_telephone_event_and_by_info_in_one_row() -> None:
    taken: list[str | None] = []

    async def take_three(leg: Leg) -> None:
        taken.extend([await leg.next_key(10) for _ in range(3)])

    exchange = Exchange(conduct(pick_up, take_three))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    await asyncio.sleep(1)
    phone.audio.key("4")
    phone.info("application/dtmf-relay", b"Signal=#\r\nDuration=160\r\n")
    await finished(exchange)
    assert taken == ["4", "#", None]
    assert exchange.timeline(phone.sid, events.KEY) == [
        {"key": "4", "by": "rfc4733"},
        {"key": "#", "by": "info"},
    ]


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
    assert exchange.records[second.sid]["end_reason"] == "capacity"
    first.hang_up()
    await finished(exchange)


@virtual
async def test_more_calls_than_allowed_are_answered_503() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour), settings=SwitchSettings(CallSettings(), max_concurrent=2))
    phones = [exchange.dial(NUMBER) for _ in range(3)]
    await phones[2].ended.wait()
    assert phones[2].refused_with == 503
    phones[0].hang_up()
    await phones[0].ended.wait()
    await asyncio.sleep(1)
    again = exchange.dial(NUMBER)
    await again.answered.wait()
    for phone in (phones[1], again):
        phone.hang_up()
    await finished(exchange)


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


@virtual
async def test_a_caller_who_is_only_silent_keeps_the_call() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    for times in (1, 2):
        phone.audio.quiet(times)
        await asyncio.sleep(60)
    assert phone.leg is not None
    assert any("sends no audio" in warning["message"] for warning in exchange.timeline(phone.sid, events.WARNING))
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


@virtual
async def test_no_call_is_longer_than_the_limit() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour), settings=SwitchSettings(CallSettings(max_duration=100)))
    phone = exchange.dial(NUMBER)
    await phone.ended.wait()
    assert exchange.now() == pytest.approx(100, abs=1)
    await finished(exchange)
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
async def test_going_down_ends_all_calls_and_takes_no_more() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phones = [exchange.dial(NUMBER) for _ in range(3)]
    await asyncio.gather(*(phone.answered.wait() for phone in phones))
    await exchange.switch.close()
    assert {exchange.records[phone.sid]["end_reason"] for phone in phones} == {"server-stopped"}
    late = exchange.dial(NUMBER)
    await late.ended.wait()
    assert late.refused_with == 503


@virtual
async def test_what_comes_afterwards_sees_the_end() -> None:
    told: list[tuple[str, str | None, int]] = []

    async def tell(leg: Leg) -> None:
        told.append((str(leg.status), leg.end_reason, leg.duration))

    exchange = Exchange(conduct(pick_up, lambda leg: leg.sleep(61)), afterwards=tell)
    exchange.dial(NUMBER)
    await asyncio.sleep(70)
    assert told == [("completed", "document-end", 61)]


@virtual
async def test_who_forwarded_the_call_is_known() -> None:
    seen: list[tuple[str, str, str]] = []

    async def look(leg: Leg) -> None:
        seen.append((leg.info.from_, leg.info.to, leg.info.forwarded_from))

    exchange = Exchange(conduct(look))
    exchange.dial("5550100001", caller="alice", headers=(("Diversion", "<sip:+14155550199@carrier.example>;reason=x"),))
    exchange.dial(NUMBER, headers=(("Diversion", "nonsense"),))
    await asyncio.sleep(1)
    assert seen == [("sip:alice@127.0.0.1", "+15550100001", "+14155550199"), ("+14155550123", NUMBER, "")]


@virtual
async def test_junk_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    exchange = Exchange(conduct(pick_up))
    exchange.server.receive(b"\x00\x01 no SIP", FLOW, exchange.now())
    await asyncio.sleep(0.1)
    assert exchange.switch.refused == 1
    assert "from 127.0.0.9:1" in caplog.text


@virtual
async def test_an_invite_without_an_offer_gets_ours_and_its_ack_must_answer() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER, offer=b"")
    await phone.ended.wait()
    await finished(exchange)
    assert exchange.records[phone.sid]["end_reason"] == "not-acceptable"


class OneCall:
    """A signalling side that only remembers what was said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def __getattr__(self, action: str) -> Callable[..., None]:
        return lambda call, *what: self.said.append((action, what))


@virtual
async def test_the_answer_in_an_ack_sets_the_audio_up() -> None:
    exchange = Exchange(conduct(wait_an_hour))
    said = OneCall()
    leg = Leg(
        IncomingCall(DialogId(7), FLOW, f"sip:{NUMBER}@h", NUMBER, "", "", "sip:a@h", "a", "", "id", None),
        CallInfo("CA" + "1" * 32, ACCOUNT, "a", NUMBER, Direction.INBOUND, ApiVersion.V2010),
        signalling=said,
        media=exchange.media,
        journal=exchange,
        settings=CallSettings(),
        utcnow=lambda: EPOCH,
        on_ended=lambda leg: None,
    )
    leg.assign(ACCOUNT, None, ApiVersion.V2010)
    await leg.answer()
    (action, (offer,)) = said.said[0]
    assert action == "answer"
    answer, _ = sdp.answer(offer, "127.0.0.1", 40000)
    leg.acknowledged(answer)
    await asyncio.sleep(1)
    assert exchange.media.legs[0].formats[0].remote == ("127.0.0.1", 40000)
    await leg.hangup()
    await leg.tasks.drain(1)
    assert said.said[-1] == ("bye", ())
