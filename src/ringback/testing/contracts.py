"""What every implementation of the Call port must do, as checks that run against any of them.

The fake call passes them in virtual time; a real call, with a phone at its other end, must pass the same ones.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

from ringback.calls.port import Call
from ringback.model import events
from ringback.model.audio import SAMPLE_RATE, Clip
from ringback.model.status import CallStatus
from ringback.testing.contracts_verbs import PATIENCE, VERB_CHECKS, cut_short

Client = Callable[[Call], Coroutine[Any, Any, None]]


class CallHarness(Protocol):
    """One call to be checked, and the caller's side of it. Whoever calls `contracts_verbs.NOBODY` hears it ring."""

    async def conduct(self, client: Client) -> None:
        """Let an incoming call ring, hand it to the client, and return when the client has returned or the call has
        cancelled it. What the client raises need not be passed on.
        """
        ...

    def press(self, keys: str) -> None:
        """The caller presses keys. They may take a moment to arrive."""
        ...

    def hang_up(self) -> None:
        """The caller hangs up."""
        ...


MakeHarness = Callable[[], CallHarness]
Check = Callable[["Checked"], Awaitable[None]]


async def check_call(make: MakeHarness, directory: Path, tolerance: float = 0.0) -> None:
    """Assert that calls keep the promises of the port; each check gets a call of its own from `make`.

    `directory` takes the audio that is played. `tolerance` is by how many seconds real time may differ: nothing for a
    call in virtual time, a few packets (0.1) for a real one. Raises AssertionError with the promise that was broken.
    """
    clip = _tone_of_silence(directory, seconds=1.0)
    for check in CHECKS:
        harness = make()
        checked = Checked(harness, clip, tolerance)
        await checked.run(check)


class Checked:
    """A call during one check."""

    def __init__(self, harness: CallHarness, clip: Clip, tolerance: float) -> None:
        self.harness = harness
        self.clip = clip
        self.tolerance = tolerance
        self.cancelled = False
        self.call: Call

    async def run(self, check: Check) -> None:
        """Run one check as the client of the call, and raise what it raised."""
        name = getattr(check, "__name__", "check").strip("_").replace("_", " ")
        raised: list[Exception] = []
        finished = False

        async def client(call: Call) -> None:
            nonlocal finished
            self.call = call
            try:
                await check(self)
            except asyncio.CancelledError:
                self.cancelled = True
                raise
            except Exception as error:  # noqa: BLE001 - handed to whoever runs the checks
                raised.append(error)
            finished = True

        await self.harness.conduct(client)
        if raised:
            raise AssertionError(f"{name}: {raised[0]}") from raised[0]
        assert finished or check is _a_hangup_cancels_the_client, f"{name}: the call ended too early"
        assert not finished or check is not _a_hangup_cancels_the_client, f"{name}: it went on"

    def status(self) -> CallStatus:
        """What the call is doing now."""
        return self.call.status

    async def takes(self, seconds: float, work: Awaitable[Any]) -> Any:
        """Assert how long something takes, by the call's clock."""
        began = self.call.now()
        result = await work
        took = self.call.now() - began
        # Floats of the virtual clock differ in their last digits.
        assert abs(took - seconds) <= self.tolerance + 1e-6, f"took {took:.3f} s and not {seconds:.3f} s"
        return result

    async def key(self) -> str | None:
        """Wait for a key, longer than any should take."""
        return await self.call.next_key(PATIENCE)


async def _it_rings_until_it_is_answered(the: Checked) -> None:
    assert the.status() is CallStatus.RINGING, the.status()
    await the.call.sleep(0.1)
    assert the.status() is CallStatus.RINGING, "sleep answered it"
    await the.call.answer()
    assert the.status() is CallStatus.IN_PROGRESS, the.status()
    await the.call.answer()
    assert the.status() is CallStatus.IN_PROGRESS, "the second answer did something"


async def _a_clip_takes_its_time(the: Checked) -> None:
    await the.call.answer()
    await the.takes(1.0, the.call.play(the.clip))
    await the.takes(3.0, the.call.play(the.clip, 3))


async def _playing_answers(the: Checked) -> None:
    await the.call.play(the.clip)
    assert the.status() is CallStatus.IN_PROGRESS, the.status()


async def _a_cancelled_clip_stops_at_once(the: Checked) -> None:
    await the.call.answer()
    for loop in (1, 0):
        await the.takes(0.3, cut_short(the.call.play(the.clip, loop), 0.3))
    await the.takes(1.0, the.call.play(the.clip))


async def _a_pause_takes_its_time(the: Checked) -> None:
    await the.call.answer()
    await the.takes(0.5, the.call.sleep(0.5))


async def _keys_come_in_order(the: Checked) -> None:
    await the.call.answer()
    the.harness.press("19#*0A")
    keys = [await the.key() for _ in range(6)]
    assert keys == list("19#*0A"), keys


async def _keys_are_kept_while_nobody_asks(the: Checked) -> None:
    await the.call.answer()
    the.harness.press("42")
    await the.call.play(the.clip, 2)
    keys = [await the.takes(0, the.call.next_key(0)) for _ in range(3)]
    assert keys == ["4", "2", None], keys


async def _waiting_for_a_key_ends(the: Checked) -> None:
    await the.call.answer()
    assert await the.takes(0.5, the.call.next_key(0.5)) is None, "a key came out of nothing"
    assert await the.takes(0, the.call.next_key(0)) is None, "a key came out of nothing"


async def _a_key_arrives_while_a_clip_plays(the: Checked) -> None:
    await the.call.answer()
    async with asyncio.TaskGroup() as group:
        playing = group.create_task(the.call.play(the.clip, 0))
        the.harness.press("7")
        assert await the.key() == "7", "another key"
        playing.cancel()


async def _who_stops_waiting_loses_no_key(the: Checked) -> None:
    await the.call.answer()
    await cut_short(the.call.next_key(), 0.1)
    the.harness.press("8")
    assert await the.key() == "8", "the key is lost"


async def _cleared_keys_are_gone(the: Checked) -> None:
    await the.call.answer()
    the.harness.press("123")
    await the.call.sleep(1.5)
    the.call.clear_keys()
    assert await the.call.next_key(0) is None, "a key was left"
    the.harness.press("4")
    assert await the.key() == "4", "a key that was pressed later is gone, too"


async def _notes_take_anything(the: Checked) -> None:
    the.call.note(events.WARNING, code=12200, message="x" * 10_000)
    the.call.note("nobody.knows", odd=None, nested={"list": [1, 2.5, True]})


async def _the_clock_goes_forward(the: Checked) -> None:
    before = the.call.now()
    await the.call.sleep(0.1)
    assert the.call.now() > before, "it stands still"


async def _hanging_up_is_final(the: Checked) -> None:
    await the.call.answer()
    await the.call.hangup()
    assert the.status() is CallStatus.COMPLETED, the.status()
    await the.call.hangup()
    assert the.status() is CallStatus.COMPLETED, "the second hangup did something"


async def _a_rejected_call_was_never_answered(the: Checked) -> None:
    await the.call.reject(486)
    assert the.status() is CallStatus.BUSY, the.status()


async def _an_answered_call_is_not_rejected(the: Checked) -> None:
    await the.call.answer()
    await the.call.reject(486)
    assert the.status() is CallStatus.IN_PROGRESS, the.status()


async def _a_hangup_cancels_the_client(the: Checked) -> None:
    await the.call.answer()
    the.harness.hang_up()
    await the.call.sleep(PATIENCE)


CHECKS: tuple[Check, ...] = (
    _it_rings_until_it_is_answered,
    _a_clip_takes_its_time,
    _playing_answers,
    _a_cancelled_clip_stops_at_once,
    _a_pause_takes_its_time,
    _keys_come_in_order,
    _keys_are_kept_while_nobody_asks,
    _waiting_for_a_key_ends,
    _a_key_arrives_while_a_clip_plays,
    _who_stops_waiting_loses_no_key,
    _cleared_keys_are_gone,
    _notes_take_anything,
    _the_clock_goes_forward,
    _hanging_up_is_final,
    _a_rejected_call_was_never_answered,
    _an_answered_call_is_not_rejected,
    _a_hangup_cancels_the_client,
    *VERB_CHECKS,
)
"""The promises of the port, one a function."""


def _tone_of_silence(directory: Path, seconds: float) -> Clip:
    samples = round(seconds * SAMPLE_RATE)
    path = directory / "contract.pcm"
    path.write_bytes(bytes(2 * samples))
    return Clip(path, samples)
