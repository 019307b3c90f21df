"""What echo, record, dial, attend and enqueue of every Call port must do: a part of `ringback.testing.contracts`."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ringback.calls.attendance import Attendance
from ringback.calls.dialing import Dialing, Target
from ringback.calls.port import Call
from ringback.calls.queueing import Queued, Queueing, QueuePlace
from ringback.calls.recording import RecordOptions
from ringback.model.status import CallStatus

if TYPE_CHECKING:
    from ringback.testing.contracts import Checked

NOBODY = "+15550109999"
"""A number that rings for ever: harnesses see to that."""

PATIENCE = 10.0
"""Seconds after which something that should have come has not."""


async def cut_short(work: Coroutine[Any, Any, Any], seconds: float) -> None:
    """Cancel something after so many seconds. Raises AssertionError where it was over before."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return
    raise AssertionError("it ended before it was cancelled")


async def _an_echo_goes_on_until_it_is_cancelled(the: "Checked") -> None:
    await the.takes(0.5, cut_short(the.call.echo(), 0.5))
    assert the.status() is CallStatus.IN_PROGRESS, the.status()
    await the.takes(1.0, the.call.play(the.clip))


async def _a_recording_is_stopped(the: "Checked") -> None:
    told: list[str] = []
    options = RecordOptions("RecordVerb", watch=lambda event, recorded: told.append(f"{event} {recorded.sid}"))
    recording = await the.call.record(options)
    assert the.status() is CallStatus.IN_PROGRESS, "recording did not answer it"
    await the.call.sleep(1)
    await recording.stop()
    first, second = await recording.done(), await recording.done()
    assert first == second, f"{first} is not {second}"
    assert (first.sid, first.reason, first.seconds) == (recording.sid, "stopped", 1), first
    await the.call.sleep(0)
    ends = [f"{event} {first.sid}" for event in ("completed", "absent")]
    assert (told[0], told[1] in ends, len(told)) == (f"in-progress {first.sid}", True, 2), told


async def _a_recording_ends_at_its_length(the: "Checked") -> None:
    recording = await the.call.record(RecordOptions("RecordVerb", max_seconds=2))
    recorded = await the.takes(2, recording.done())
    assert (recorded.reason, recorded.seconds) == ("length", 2), recorded


async def _a_recording_ends_with_a_key(the: "Checked") -> None:
    recording = await the.call.record(RecordOptions("RecordVerb", finish_keys="5#"))
    the.harness.press("15")
    recorded = await recording.done()
    assert (recorded.reason, recorded.key) == ("key", "5"), recorded


async def _nobody_answers_a_dial(the: "Checked") -> None:
    for on_bridge, status in ((True, CallStatus.RINGING), (False, CallStatus.IN_PROGRESS)):
        dialing = Dialing((Target(NOBODY),), the.call.info.from_, timeout=2, answer_on_bridge=on_bridge)
        dialed = await the.takes(2, the.call.dial(dialing))
        assert (dialed.status, dialed.bridged, dialed.seconds) == ("no-answer", False, 0), dialed
        assert dialed.call_sid, "the call that was tried has no sid"
        assert the.status() is status, the.status()


async def _a_cancelled_dial_leaves_the_call_as_it_was(the: "Checked") -> None:
    await the.takes(0.5, cut_short(the.call.dial(Dialing((Target(NOBODY),), the.call.info.from_)), 0.5))
    await the.takes(1.0, the.call.play(the.clip))


async def _one_alone_waits_for_a_conference(the: "Checked") -> None:
    waited: list[bool] = []

    async def wait(call: Call) -> None:
        assert call is the.call, "somebody else waits"
        waited.append(True)
        await call.sleep(PATIENCE)

    attended = await the.takes(2, the.call.attend(Attendance("room", beep="false", wait=wait, time_limit=2)))
    assert (attended.reason, attended.seconds, waited) == ("time-limit", 2, [True]), attended
    assert attended.conference_sid.startswith("CF"), attended
    assert the.status() is CallStatus.IN_PROGRESS, the.status()


async def _a_cancelled_conference_leaves_the_call_as_it_was(the: "Checked") -> None:
    await the.takes(0.5, cut_short(the.call.attend(Attendance("room", beep="false")), 0.5))
    await the.takes(1.0, the.call.play(the.clip))


async def _who_waits_in_a_queue_may_leave_it(the: "Checked") -> None:
    places: list[QueuePlace] = []
    told: list[Queued] = []

    async def wait(call: Call, place: Callable[[], QueuePlace]) -> bool:
        await call.sleep(2)
        places.append(place())
        return True

    queued = await the.takes(2, the.call.enqueue(Queueing("line", wait, ended=told.append)))
    assert (queued.result, queued.seconds) == ("leave", 2), queued
    assert told == [queued], told
    (place,) = places
    assert (place.queue_sid, place.position, place.waited, place.size) == (queued.queue_sid, 1, 2, 1), place


async def _a_cancelled_wait_in_a_queue_is_told_of(the: "Checked") -> None:
    told: list[Queued] = []
    await the.takes(0.5, cut_short(the.call.enqueue(Queueing("line", ended=told.append)), 0.5))
    assert len(told) == 1, told
    await the.takes(1.0, the.call.play(the.clip))


VERB_CHECKS: "tuple[Callable[[Checked], Awaitable[None]], ...]" = (
    _a_recording_is_stopped,
    _a_recording_ends_at_its_length,
    _a_recording_ends_with_a_key,
    _nobody_answers_a_dial,
    _a_cancelled_dial_leaves_the_call_as_it_was,
    _one_alone_waits_for_a_conference,
    _a_cancelled_conference_leaves_the_call_as_it_was,
    _who_waits_in_a_queue_may_leave_it,
    _a_cancelled_wait_in_a_queue_is_told_of,
)
"""The promises of these, one a function."""
