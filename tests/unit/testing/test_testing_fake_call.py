"""The fake call: its script, what it records, and what becomes of the client when somebody hangs up."""

import asyncio
from pathlib import Path

import pytest

from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.status import ApiVersion, CallStatus
from ringback.testing.clock import run
from ringback.testing.fake_call import FakeCall, HangUp, Press, call_info

CLIP = Clip(Path("a.pcm"), 16000)


def test_it_records_what_was_played_and_when() -> None:
    call = FakeCall()

    async def client() -> str:
        await call.sleep(1)
        await call.play(CLIP)
        await call.play(CLIP, 2)
        return "result"

    assert run(call.conduct(client())) == "result"
    assert [(p.loop, p.start, p.stop, p.complete) for p in call.played] == [(1, 1, 3, True), (2, 3, 7, True)]
    assert call.answered_at == 1


def test_a_clip_that_is_cancelled_is_recorded_as_cut_short() -> None:
    call = FakeCall()

    async def client() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await call.play(CLIP, 0)

    run(call.conduct(client()))
    assert (call.played[0].stop, call.played[0].complete) == (0.5, False)


def test_keys_are_pressed_by_the_script_one_after_another() -> None:
    call = FakeCall([Press(2, "1#"), Press(1, "9")])

    async def client() -> list[tuple[str | None, float]]:
        return [(await call.next_key(), call.now()) for _ in range(3)]

    keys = run(call.conduct(client()))
    assert keys == [("9", 1), ("1", 2), ("#", pytest.approx(2.1))]
    assert call.notes(events.KEY) == [{"key": k, "by": "rfc4733"} for k in "91#"]


@pytest.mark.parametrize(
    ("answered", "status", "reason"),
    [(True, CallStatus.COMPLETED, "caller-hangup"), (False, CallStatus.NO_ANSWER, "caller-cancelled")],
)
def test_a_hangup_cancels_the_client(answered: bool, status: CallStatus, reason: str) -> None:
    call = FakeCall([HangUp(3), Press(4, "1")])

    async def client() -> None:
        if answered:
            await call.answer()
        await call.sleep(100)

    assert run(call.conduct(client())) is None
    assert (call.status, call.end_reason, call.ended_at) == (status, reason, 3)
    call.press("1")
    assert call.notes(events.KEY) == [], "nobody presses keys on a call that is over"


def test_who_cancels_the_conductor_cancels_the_client() -> None:
    call = FakeCall()
    told: list[str] = []

    async def client() -> None:
        try:
            await call.sleep(100)
        finally:
            told.append("cancelled")

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await call.conduct(client())

    run(main())
    assert told == ["cancelled"]


def test_the_errors_of_the_client_come_out() -> None:
    async def client() -> None:
        raise LookupError("here")

    with pytest.raises(LookupError):
        run(FakeCall().conduct(client()))


def test_two_clips_at_once_are_a_mistake() -> None:
    call = FakeCall()

    async def client() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(call.play(CLIP))
            group.create_task(call.play(CLIP))

    with pytest.raises(ExceptionGroup) as caught:
        run(call.conduct(client()))
    assert caught.group_contains(AssertionError, match="two clips")


def test_keys_towards_the_caller_take_time_and_are_recorded() -> None:
    call = FakeCall()

    async def client() -> None:
        await call.send_keys("1w2W#")

    run(call.conduct(client()))
    assert (call.pressed_keys, call.ended_at, call.status) == ("12#", None, CallStatus.IN_PROGRESS)


def test_a_call_that_is_over_plays_nothing() -> None:
    call = FakeCall()

    async def client() -> float:
        await call.hangup()
        await call.play(CLIP, 0)
        return call.now()

    assert run(call.conduct(client())) == 0
    assert call.played == []


def test_rejected_calls_know_their_code() -> None:
    call = FakeCall()
    run(call.conduct(call.reject(603)))
    assert (call.status, call.sip_code, call.end_reason) == (CallStatus.NO_ANSWER, 603, "rejected")


def test_the_facts_of_a_call_can_be_changed() -> None:
    info = call_info(ApiVersion.V2008, from_="100")
    assert FakeCall(info=info).info is info
    assert (info.from_, info.api_version) == ("100", ApiVersion.V2008)


def test_time_is_zero_before_the_call() -> None:
    assert FakeCall().now() == 0.0
