"""Legs of calls that we make, and what a leg asks of the switch around it; in virtual time."""

import asyncio
from typing import Any

import pytest
from calls_virtual import ACCOUNT, NUMBER, conduct, finished, pick_up, virtual, wait_an_hour

from ringback.calls.attendance import Attendance
from ringback.calls.dialing import Dialed, Dialing, Target
from ringback.calls.errors import CallError
from ringback.calls.house import Placing
from ringback.calls.leg import Leg
from ringback.calls.queueing import Queued, Queueing
from ringback.calls.recording import RecordOptions
from ringback.media.leg import MediaError
from ringback.model import events
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.sip.events import Answered, DialogId, Ended
from ringback.testing.exchange import Answers, Exchange
from ringback.testing.media import FakeMedia

A = "+15550100101"


class Made:
    """A call that is placed: how it gets on, and who drives it."""

    def __init__(self, answers: Answers, *, to: str = A, media: FakeMedia | None = None, **placing: Any) -> None:
        self.exchange = Exchange(conduct(pick_up, wait_an_hour), media=media)
        self.exchange.answers[A] = answers
        self.told: list[str] = []
        self.conducted: list[float] = []
        self.leg = self.exchange.switch.place(
            Placing(
                to, "+14155550123", ACCOUNT, ApiVersion.V2010, Direction.OUTBOUND_API, self._conduct,
                watch=lambda leg, progress: self.told.append(progress), **placing,
            )
        )  # fmt: skip

    async def _conduct(self, leg: Leg) -> None:
        self.conducted.append(leg.now())
        await leg.sleep(3600)

    async def over(self) -> dict[str, Any]:
        await self.leg.over.wait()
        await asyncio.sleep(1)
        return self.exchange.records[self.leg.info.sid]


@virtual
async def test_a_call_that_we_make_is_driven_from_its_answer_on() -> None:
    made = Made(Answers(rings=3, talks=20))
    record = await made.over()
    assert made.told == ["initiated", "ringing", "answered", "completed"]
    assert made.conducted == [pytest.approx(3, abs=0.1)]
    assert (record["status"], record["end_reason"], made.leg.duration) == (CallStatus.COMPLETED, "caller-hangup", 20)
    assert [code for _, code in made.exchange.lines.seizures] == [0, 200]
    statuses = [each["status"] for each in made.exchange.timeline(made.leg.info.sid, events.STATUS)]
    assert statuses == ["queued", "ringing", "in-progress", "completed"]


@virtual
async def test_a_refusal_is_kept_with_its_code() -> None:
    made = Made(Answers(code=486))
    record = await made.over()
    assert (record["status"], made.leg.sip_code, made.conducted) == (CallStatus.BUSY, 486, [])
    (line,) = [each["line"] for each in made.exchange.timeline(made.leg.info.sid, events.SIP_RECEIVED)
               if each["line"].startswith("486")]  # fmt: skip
    assert line == "486 Busy Here"


@virtual
async def test_it_rings_as_long_as_it_may() -> None:
    made = Made(Answers(rings=60), timeout=15)
    record = await made.over()
    assert (record["status"], record["end_reason"]) == (CallStatus.NO_ANSWER, "no-answer")


@virtual
async def test_early_audio_is_told_of_once_it_comes() -> None:
    made = Made(Answers(rings=5, early=True))
    early: list[Leg] = []
    made.leg.on_early_audio = early.append
    await asyncio.sleep(2)
    assert (early, made.leg.status) == ([made.leg], CallStatus.RINGING)
    await made.exchange.switch.close()


@virtual
async def test_without_room_for_audio_nobody_is_called() -> None:
    made = Made(Answers(), media=FakeMedia(capacity=0))
    record = await made.over()
    assert (record["status"], record["end_reason"], made.exchange.called) == (CallStatus.FAILED, "capacity", [])


@virtual
async def test_hanging_up_while_it_rings_takes_it_back() -> None:
    made = Made(Answers(rings=30))
    await asyncio.sleep(5)
    await made.leg.hangup("api")
    record = await made.over()
    assert (record["status"], made.exchange.media.legs) == (CallStatus.CANCELED, [])


@virtual
async def test_hanging_up_before_there_is_audio_calls_nobody() -> None:
    class Slow(FakeMedia):
        async def open(self, listener: Any, *, near: Any = None) -> Any:
            await asyncio.sleep(5)
            return await super().open(listener, near=near)

    made = Made(Answers(), media=Slow())
    await asyncio.sleep(1)
    await made.leg.hangup("api")
    await made.over()
    await asyncio.sleep(10)
    assert (made.exchange.called, made.exchange.media.legs) == ([], [])


@virtual
async def test_an_answer_that_crosses_the_end_is_hung_up() -> None:
    made = Made(Answers(rings=30))
    await asyncio.sleep(5)
    (dialog,) = made.leg.dialogs
    await made.leg.hangup("api")
    made.leg.on_sip(Answered(dialog, None))
    made.leg.on_sip(Ended(dialog, "bye", remote=True))
    assert (await made.over())["status"] is CallStatus.CANCELED


@virtual
async def test_news_of_calls_that_we_made_do_not_concern_a_caller() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    leg = phone.leg
    assert leg is not None
    leg.on_sip(Answered(DialogId(99), None))
    leg.on_sip(Ended(DialogId(99), "bye", remote=True))
    assert leg.status is CallStatus.IN_PROGRESS
    await exchange.switch.close()


@virtual
async def test_the_encryption_of_a_call_that_we_make_is_that_of_its_way() -> None:
    made = Made(Answers(rings=2))
    await asyncio.sleep(4)
    assert made.exchange.media.legs[0].formats[-1].srtp is None
    await made.exchange.switch.close()


# -- what a leg asks of the switch -------------------------------------------------------------------------------------


async def answered(exchange: Exchange) -> Leg:
    phone = exchange.dial(NUMBER)
    await asyncio.sleep(1)
    assert phone.leg is not None
    return phone.leg


@virtual
async def test_a_leg_dials_attends_and_waits_by_the_switch() -> None:
    exchange = Exchange(conduct(wait_an_hour))
    exchange.answers[A] = Answers(code=486)
    leg = await answered(exchange)
    dialed = await leg.dial(Dialing((Target(A),), caller_id=A))
    assert isinstance(dialed, Dialed) and dialed.status == "busy"
    attended = await leg.attend(Attendance("room", time_limit=5))
    assert attended.reason == "time-limit"

    async def leave(call: Any, place: Any) -> bool:
        return True

    queued = await leg.enqueue(Queueing("help", leave))
    assert isinstance(queued, Queued) and queued.result == "leave"
    await exchange.switch.close()


@virtual
async def test_a_recording_picks_up_and_ends_with_the_call() -> None:
    exchange = Exchange(conduct(wait_an_hour))
    leg = await answered(exchange)
    recording = await leg.record(RecordOptions("RecordVerb"))
    assert (leg.status, leg.recordings) == (CallStatus.IN_PROGRESS, [recording])
    await asyncio.sleep(3)
    await leg.hangup()
    assert (await recording.done()).seconds == 3
    with pytest.raises(CallError, match="no audio"):
        await leg.record(RecordOptions("RecordVerb"))
    await finished(exchange)


@virtual
async def test_what_is_detached_outlives_the_call() -> None:
    done: list[float] = []

    async def work() -> None:
        await asyncio.sleep(10)
        done.append(asyncio.get_running_loop().time())

    exchange = Exchange(conduct(pick_up, wait_an_hour))
    leg = await answered(exchange)
    leg.detach(work(), "a last request")
    await leg.hangup()
    await asyncio.sleep(20)
    assert done == [pytest.approx(11, abs=0.1)]


@virtual
async def test_another_may_conduct_the_call_from_now_on() -> None:
    steps: list[str] = []

    async def first(leg: Leg) -> None:
        try:
            await leg.sleep(100)
        finally:
            steps.append("first is over")

    async def second(leg: Leg) -> None:
        steps.append("second")
        await leg.sleep(5)

    exchange = Exchange(conduct(pick_up, first))
    leg = await answered(exchange)
    await leg.redirect(second)
    await asyncio.sleep(1)
    assert steps == ["first is over", "second"]
    await finished(exchange)
    assert leg.end_reason == "document-end"
    await leg.redirect(second)
    assert steps == ["first is over", "second"], "a call that is over is conducted by nobody"


@virtual
async def test_audio_that_fails_while_keys_are_pressed_is_a_warning() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    leg = await answered(exchange)
    await leg.send_keys("1x")
    (warning,) = exchange.timeline(leg.info.sid, events.WARNING)
    assert "x" in warning["message"]
    await exchange.switch.close()


@virtual
async def test_a_time_limit_of_its_own_counts_from_the_answer() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    leg = await answered(exchange)
    leg.limit(30)
    await finished(exchange)
    assert (leg.end_reason, leg.duration) == ("time-limit", 30)
    leg.limit(5)


@virtual
async def test_a_recording_that_does_not_end_cannot_hold_up_the_end_of_the_call() -> None:
    class Endless:
        async def done(self) -> None:
            await asyncio.sleep(3600)

    exchange = Exchange(conduct(pick_up, wait_an_hour))
    leg = await answered(exchange)
    leg.recordings.append(Endless())  # type: ignore[arg-type]
    began = leg.now()
    await leg.hangup()
    await leg.over.wait()
    assert leg.now() - began < 5


@virtual
async def test_an_answer_that_the_media_refuse_ends_the_call() -> None:
    async def refuse(leg_format: Any) -> None:
        raise MediaError("the worker is gone")

    made = Made(Answers(rings=3))
    await asyncio.sleep(1)
    assert made.leg.audio.leg is not None

    class Stubborn:
        def __init__(self, leg: Any) -> None:
            self._leg = leg

        def __getattr__(self, name: str) -> Any:
            return refuse if name == "setup" else getattr(self._leg, name)

    made.leg.audio.leg = Stubborn(made.leg.audio.leg)  # type: ignore[assignment]
    record = await made.over()
    assert (record["status"], made.leg.sip_code) == (CallStatus.FAILED, 488)
