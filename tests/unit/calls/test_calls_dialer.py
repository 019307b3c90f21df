"""Dial: who is called, who is connected, what everybody hears, and how it ends; in virtual time."""

# Covers: testing/exchange.py

import asyncio
from typing import Any

import pytest
from calls_virtual import ACCOUNT, NUMBER, finished, virtual

from ringback.calls.dialing import Dialed, Dialing, Target
from ringback.calls.leg import Leg
from ringback.calls.port import Call
from ringback.calls.queueing import Queueing
from ringback.calls.recording import RecordOptions
from ringback.model import events
from ringback.model.recordings import RecordingRecord, RecordingStatus
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.testing.exchange import Answers, Exchange

A, B, C = "+15550100101", "+15550100102", "+15550100103"


class Dials:
    """An exchange whose incoming calls dial something; what came of it is kept."""

    def __init__(self, *targets: Target | str, after: float = 0.0, **options: Any) -> None:
        wanted = tuple(Target(each) if isinstance(each, str) else each for each in targets)
        self.dialing = Dialing(wanted, caller_id="+14155550123", **options)
        self.dialed: list[Dialed] = []
        self.status_after: list[CallStatus] = []
        self.exchange = Exchange(self._conduct)
        self._after = after

    async def _conduct(self, leg: Leg) -> None:
        leg.assign(ACCOUNT, None, ApiVersion.V2010)
        self.dialed.append(await leg.dial(self.dialing))
        self.status_after.append(leg.status)
        await leg.sleep(self._after)

    def together(self) -> list[list[int]]:
        """The media legs that hear each other."""
        rooms: dict[int, list[int]] = {}
        for leg in self.exchange.media.legs:
            if leg.room is not None:
                rooms.setdefault(leg.room, []).append(leg.number)
        return list(rooms.values())

    @property
    def children(self) -> list[dict[str, Any]]:
        return [record for record in self.exchange.records.values() if record["direction"] is Direction.OUTBOUND_DIAL]

    async def over(self) -> Dialed:
        await asyncio.sleep(1)
        await finished(self.exchange)
        await asyncio.sleep(5)
        (dialed,) = self.dialed
        return dialed


@pytest.mark.conforms("2010-04-01/2.6/child")
@virtual
async def test_the_callee_answers_talks_and_hangs_up() -> None:
    dials = Dials(A, after=5)
    dials.exchange.answers[A] = Answers(rings=2, talks=30)
    phone = dials.exchange.dial(NUMBER)
    await asyncio.sleep(10)
    assert dials.together() == [[0, 1]], "both are in one room"
    dialed = await dials.over()
    (child,) = dials.children
    assert dialed == Dialed("completed", child["sid"], 30, True, sip_call_id=dialed.sip_call_id)
    assert dials.status_after == [CallStatus.IN_PROGRESS], "the caller's call goes on"
    assert (child["status"], child["end_reason"], child["parent_call_sid"]) == (
        CallStatus.COMPLETED,
        "caller-hangup",
        phone.sid,
    )
    assert (child["from_"], child["to"]) == ("+14155550123", A)


@virtual
async def test_a_caller_who_hangs_up_ends_the_callees_call() -> None:
    dials = Dials(A)
    phone = dials.exchange.dial(NUMBER)
    await asyncio.sleep(10)
    phone.hang_up()
    await finished(dials.exchange)
    assert dials.dialed == []
    (child,) = dials.children
    assert (child["status"], child["end_reason"]) == (CallStatus.COMPLETED, "parent-ended")


@virtual
async def test_a_caller_who_hangs_up_while_it_rings_takes_the_call_back() -> None:
    dials = Dials(A)
    dials.exchange.answers[A] = Answers(rings=20)
    phone = dials.exchange.dial(NUMBER)
    await asyncio.sleep(5)
    phone.hang_up()
    await finished(dials.exchange)
    (child,) = dials.children
    assert child["status"] is CallStatus.CANCELED
    assert dials.exchange.media.legs == []


@pytest.mark.parametrize(
    ("code", "status", "child_status"),
    [
        (486, "busy", CallStatus.BUSY),
        (600, "busy", CallStatus.BUSY),
        (480, "no-answer", CallStatus.NO_ANSWER),
        (404, "failed", CallStatus.FAILED),
        (500, "failed", CallStatus.FAILED),
    ],
)
def test_a_refusal_decides_the_status(code: int, status: str, child_status: CallStatus) -> None:
    @virtual
    async def test() -> None:
        dials = Dials(A)
        dials.exchange.answers[A] = Answers(code=code)
        dials.exchange.dial(NUMBER)
        dialed = await dials.over()
        assert (dialed.status, dialed.sip_code, dialed.bridged) == (status, code, False)
        assert dials.children[0]["status"] is child_status

    test()


@virtual
async def test_it_rings_as_long_as_it_may() -> None:
    dials = Dials(A, timeout=12)
    dials.exchange.answers[A] = Answers(rings=60)
    dials.exchange.dial(NUMBER)
    await asyncio.sleep(11.5)
    assert dials.dialed == []
    await asyncio.sleep(1)
    assert dials.dialed[0].status == "no-answer"
    assert dials.children[0]["status"] is CallStatus.NO_ANSWER


@virtual
async def test_the_first_who_answers_is_connected_and_the_others_are_let_go() -> None:
    dials = Dials(A, B, C)
    dials.exchange.answers |= {A: Answers(rings=9), B: Answers(rings=3, talks=20), C: Answers(code=486)}
    dials.exchange.dial(NUMBER)
    dialed = await dials.over()
    assert sorted(dials.exchange.called) == [A, B, C]
    statuses = {child["to"]: child["status"] for child in dials.children}
    assert statuses == {A: CallStatus.CANCELED, B: CallStatus.COMPLETED, C: CallStatus.BUSY}
    assert (dialed.status, dialed.seconds) == ("completed", 20)


@virtual
async def test_one_after_another_where_that_is_wanted() -> None:
    dials = Dials(A, B, sequential=True, timeout=5)
    dials.exchange.answers |= {A: Answers(rings=60), B: Answers(rings=1, talks=7)}
    dials.exchange.dial(NUMBER)
    await asyncio.sleep(3)
    assert dials.exchange.called == [A]
    dialed = await dials.over()
    assert dials.exchange.called == [A, B]
    assert (dialed.status, dialed.seconds) == ("completed", 7)


@virtual
async def test_star_ends_the_callees_call_alone() -> None:
    dials = Dials(A, hangup_on_star=True, after=3)
    phone = dials.exchange.dial(NUMBER)
    await asyncio.sleep(10)
    phone.audio.key("1*")
    dialed = await dials.over()
    assert (dialed.status, dials.status_after) == ("completed", [CallStatus.IN_PROGRESS])
    assert dials.children[0]["end_reason"] == "parent-ended"
    assert [pressed.keys for pressed in dials.exchange.media.pressed] == ["1"], "other keys go to the callee"


@virtual
async def test_the_time_limit_counts_from_the_answer() -> None:
    dials = Dials(A, time_limit=15)
    dials.exchange.answers[A] = Answers(rings=10)
    dials.exchange.dial(NUMBER)
    dialed = await dials.over()
    assert (dialed.status, dialed.seconds) == ("completed", 15)


@virtual
async def test_keys_of_both_go_to_the_other() -> None:
    dials = Dials(Target(A, send_keys="w12"))
    dials.exchange.dial(NUMBER)
    await asyncio.sleep(10)
    callee = next(leg for leg in dials.exchange.switch if leg.info.parent_sid)
    callee.on_key("5")
    await asyncio.sleep(1)
    assert [pressed.keys for pressed in dials.exchange.media.pressed] == ["w12", "5"]
    await dials.exchange.switch.close()


@virtual
async def test_a_screened_callee_may_decline() -> None:
    async def decline(call: Call) -> bool:
        await call.sleep(2)
        return False

    dials = Dials(Target(A, screen=decline))
    dials.exchange.dial(NUMBER)
    dialed = await dials.over()
    assert (dialed.status, dialed.bridged) == ("no-answer", False)
    assert dials.children[0]["end_reason"] == "declined"


@virtual
async def test_the_caller_hears_ringing_while_the_callee_is_screened() -> None:
    heard: list[object] = []

    async def accept(call: Call) -> bool:
        await call.sleep(2)
        playing = dials.exchange.media.legs[0].playing
        heard.append(playing.path.name if playing else None)
        return True

    dials = Dials(Target(A, screen=accept))
    dials.exchange.answers[A] = Answers(talks=10)
    dials.exchange.dial(NUMBER)
    assert (await dials.over()).bridged
    assert heard[0] is not None and "ringback" in str(heard[0])


@virtual
async def test_early_audio_of_the_callee_takes_the_place_of_the_tone() -> None:
    dials = Dials(A)
    dials.exchange.answers[A] = Answers(rings=10, early=True, talks=5)
    dials.exchange.dial(NUMBER)
    await asyncio.sleep(5)
    assert dials.together() == [[0, 1]]
    assert (await dials.over()).bridged


@pytest.mark.conforms("2010-04-01/1/answering-bridge")
@virtual
async def test_the_caller_is_picked_up_with_the_callee() -> None:
    dials = Dials(A, answer_on_bridge=True)
    dials.exchange.answers[A] = Answers(rings=8, talks=5)
    phone = dials.exchange.dial(NUMBER)
    await asyncio.sleep(7)
    assert not phone.answered.is_set()
    await phone.answered.wait()
    assert dials.exchange.now() == pytest.approx(8, abs=0.5)
    assert (await dials.over()).bridged


@virtual
async def test_the_talk_is_recorded() -> None:
    dials = Dials(A, record=RecordOptions("DialVerb", track="both", channels=2))
    dials.exchange.answers[A] = Answers(talks=12)
    dials.exchange.dial(NUMBER)
    dialed = await dials.over()
    (recording,) = dials.exchange.kept(RecordingRecord)
    assert dialed.recording_sid == recording.sid
    assert (recording.status, recording.duration, recording.channels) == (RecordingStatus.COMPLETED, 12, 2)


@virtual
async def test_a_number_that_leads_nowhere_fails() -> None:
    dials = Dials("nowhere")
    dials.exchange.dial(NUMBER)
    dialed = await dials.over()
    assert (dialed.status, dialed.sip_code) == ("failed", 404)
    assert dials.children[0]["end_reason"] == "no-route"


@virtual
async def test_progress_is_told() -> None:
    told: list[tuple[str, str]] = []
    dials = Dials(Target(A, watch=lambda call, progress: told.append((call.info.to, progress))))
    dials.exchange.answers[A] = Answers(talks=5)
    dials.exchange.dial(NUMBER)
    await dials.over()
    assert told == [(A, "initiated"), (A, "ringing"), (A, "answered"), (A, "completed")]


@virtual
async def test_each_way_that_was_taken_is_given_back_once() -> None:
    dials = Dials(A, B)
    dials.exchange.answers |= {A: Answers(code=486), B: Answers(talks=10)}
    dials.exchange.dial(NUMBER)
    await asyncio.sleep(5)
    assert sorted(code for _, code in dials.exchange.lines.seizures) == [0, 0, 486]
    await dials.over()
    assert sorted(code for _, code in dials.exchange.lines.seizures) == [0, 0, 200, 486]


@virtual
async def test_star_gives_up_while_it_rings_and_takes_the_call_back() -> None:
    dials = Dials(A, hangup_on_star=True, after=2)
    dials.exchange.answers[A] = Answers(rings=30)
    phone = dials.exchange.dial(NUMBER)
    await asyncio.sleep(5)
    phone.audio.key("7*")
    dialed = await dials.over()
    assert (dialed.status, dials.status_after) == ("canceled", [CallStatus.IN_PROGRESS])
    assert dials.children[0]["status"] is CallStatus.CANCELED


class Help(Dials):
    """Calls of the last number wait for help, others fetch the first of them."""

    async def _conduct(self, leg: Leg) -> None:
        if leg.info.to != NUMBER:
            await super()._conduct(leg)
            return
        leg.assign(ACCOUNT, None, ApiVersion.V2010)
        await leg.enqueue(Queueing("help"))
        await leg.sleep(self._after)


@virtual
async def test_whoever_waits_first_is_fetched_hears_a_word_and_is_let_go_after_the_talk() -> None:
    heard: list[str] = []

    async def word(call: Call) -> bool:
        heard.append(call.info.sid)
        await call.sleep(1)
        return True

    help_ = Help(Target("queue:help", screen=word), after=3)
    waiting = help_.exchange.dial(NUMBER)
    await asyncio.sleep(5)
    agent = help_.exchange.dial(B)
    await asyncio.sleep(5)
    assert help_.together() == [[0, 1]]
    assert heard == [waiting.sid]
    agent.hang_up()
    await asyncio.sleep(1)
    assert waiting.leg is not None, "its document goes on"
    await finished(help_.exchange)


@virtual
async def test_star_gives_up_waiting_for_somebody_in_an_empty_queue() -> None:
    help_ = Help("queue:help", hangup_on_star=True)
    help_.exchange.switch.queues.open(ACCOUNT, "help")
    agent = help_.exchange.dial(B)
    await asyncio.sleep(20)
    agent.audio.key("*")
    assert (await help_.over()).status == "canceled"


@virtual
async def test_a_queue_that_nobody_has_opened_fails() -> None:
    help_ = Help("queue:nobody")
    help_.exchange.dial(B)
    assert (await help_.over()).status == "failed"


@virtual
async def test_the_talk_is_recorded_from_the_ringing_on_where_that_is_wanted() -> None:
    dials = Dials(A, record=RecordOptions("DialVerb", track="both"), record_from_ringing=True)
    dials.exchange.answers[A] = Answers(rings=6, talks=10)
    dials.exchange.dial(NUMBER)
    await dials.over()
    (recording,) = dials.exchange.kept(RecordingRecord)
    assert recording.duration == pytest.approx(16, abs=1)


@virtual
async def test_a_recording_of_a_call_that_nobody_took_ends_with_the_dial() -> None:
    dials = Dials(A, record=RecordOptions("DialVerb", track="both"), record_from_ringing=True)
    dials.exchange.answers[A] = Answers(rings=4, code=486)
    dials.exchange.dial(NUMBER)
    dialed = await dials.over()
    (recording,) = dials.exchange.kept(RecordingRecord)
    assert (dialed.status, dialed.recording_sid, recording.status.final) == ("busy", recording.sid, True)


@virtual
async def test_a_recording_that_cannot_be_made_does_not_hinder_the_talk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(sid: str) -> Any:
        raise OSError("No space left on device")

    dials = Dials(A, record=RecordOptions("DialVerb"))
    monkeypatch.setattr(dials.exchange.switch, "recording_path", full)
    dials.exchange.answers[A] = Answers(talks=5)
    phone = dials.exchange.dial(NUMBER)
    dialed = await dials.over()
    assert (dialed.bridged, dialed.recording_sid) == (True, "")
    (warning,) = dials.exchange.timeline(phone.sid, events.WARNING)
    assert warning["code"] == 13618


@virtual
async def test_two_who_answer_at_the_same_moment_are_not_both_connected() -> None:
    async def slow(call: Call) -> bool:
        await call.sleep(2)
        return True

    dials = Dials(Target(A, screen=slow), Target(B, screen=slow))
    dials.exchange.answers |= {A: Answers(talks=9), B: Answers(talks=9)}
    dials.exchange.dial(NUMBER)
    assert (await dials.over()).bridged
    assert sorted(child["end_reason"] for child in dials.children) == ["caller-hangup", "canceled"]
