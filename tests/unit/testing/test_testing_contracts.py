"""The fake call keeps the promises of the port, and the checks notice a call that does not."""

# Covers: testing/contracts_verbs.py

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ringback.calls.attendance import Attendance, Attended
from ringback.calls.dialing import Dialed, Dialing
from ringback.calls.leg import Leg
from ringback.calls.queueing import Queued, Queueing
from ringback.calls.recording import RecordOptions
from ringback.model.audio import Clip
from ringback.model.status import ApiVersion, CallStatus
from ringback.testing.clock import run
from ringback.testing.contracts import Client, check_call
from ringback.testing.contracts_verbs import NOBODY
from ringback.testing.exchange import Answers, Exchange
from ringback.testing.fake_call import FakeCall
from ringback.testing.fake_recording import FakeCallRecording


class Harness:
    """A fake call and its caller."""

    def __init__(self, call: FakeCall) -> None:
        self.call = call

    async def conduct(self, client: Client) -> None:
        await self.call.conduct(client(self.call))

    def press(self, keys: str) -> None:
        self.call.press(keys)

    def hang_up(self) -> None:
        self.call.caller_hangs_up()


def check(make: type[FakeCall], directory: Path) -> None:
    run(check_call(lambda: Harness(make()), directory))


def test_the_fake_call_keeps_every_promise(tmp_path: Path) -> None:
    check(FakeCall, tmp_path)


class SwitchHarness:
    """A leg of the real switch, between real SIP cores, and the phone that calls it."""

    async def conduct(self, client: Client) -> None:
        over = asyncio.Event()

        async def handler(leg: Leg) -> None:
            leg.assign("AC" + "0" * 32, None, ApiVersion.V2010)
            try:
                await client(leg)
            finally:
                over.set()

        exchange = Exchange(handler)
        exchange.answers[NOBODY] = Answers(rings=3600)
        self.phone = exchange.dial("+14155550199")
        await over.wait()
        while len(exchange.switch):  # noqa: ASYNC110 (virtual time: it costs nothing)
            await asyncio.sleep(1)

    def press(self, keys: str) -> None:
        self.phone.audio.key(keys)

    def hang_up(self) -> None:
        self.phone.hang_up()


def test_a_leg_of_the_switch_keeps_every_promise(tmp_path: Path) -> None:
    """Keys take a quarter of a second each to press, and packets a moment to arrive."""
    run(check_call(SwitchHarness, tmp_path, tolerance=0.1))


class Hasty(FakeCall):
    async def play(self, clip: Clip, loop: int = 1) -> None:
        await super().play(Clip(clip.path, clip.samples - 160), loop)


class Deaf(FakeCall):
    def press(self, keys: str) -> None:
        super().press(keys[1:])


class Backwards(FakeCall):
    def press(self, keys: str) -> None:
        super().press(keys[::-1])


class Stubborn(FakeCall):
    def clear_keys(self) -> None:
        pass


class Forgetful(FakeCall):
    """It takes a key from the queue for somebody who has stopped waiting."""

    async def next_key(self, timeout: float | None = None) -> str | None:
        taken: asyncio.Task[str] = asyncio.get_running_loop().create_task(self._keys.get())
        done, _ = await asyncio.wait([taken], timeout=timeout)
        return taken.result() if done else None


class Silent(FakeCall):
    async def answer(self) -> None:
        pass


class Eager(FakeCall):
    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await self.answer()


class Immortal(FakeCall):
    async def hangup(self, reason: str = "") -> None:
        pass


class Detached(FakeCall):
    def caller_hangs_up(self) -> None:
        self._end("caller-hangup")


class Picky(FakeCall):
    def note(self, kind: str, /, **data: Any) -> None:
        if kind == "nobody.knows":
            raise KeyError(kind)


class Endless(FakeCall):
    """Its recordings do not stop."""

    async def record(self, options: RecordOptions) -> FakeCallRecording:
        return await super().record(replace(options, max_seconds=60))


class Impatient(FakeCall):
    async def dial(self, dialing: Dialing) -> Dialed:
        return await super().dial(replace(dialing, timeout=1))


class Forward(FakeCall):
    async def dial(self, dialing: Dialing) -> Dialed:
        return await super().dial(replace(dialing, answer_on_bridge=False))


class Lonely(FakeCall):
    async def attend(self, attendance: Attendance) -> Attended:
        return await super().attend(replace(attendance, wait=None))


class Discreet(FakeCall):
    async def enqueue(self, queueing: Queueing) -> Queued:
        return await super().enqueue(replace(queueing, ended=None))


class Brittle(FakeCall):
    async def answer(self) -> None:
        if self.status is CallStatus.RINGING:
            await super().answer()
            self.caller_hangs_up()
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (Hasty, "a clip takes its time: took 0.980 s"),
        (Deaf, "keys come in order"),
        (Backwards, "keys come in order"),
        (Stubborn, "cleared keys are gone: a key was left"),
        (Forgetful, "keys are kept while nobody asks|who stops waiting loses no key"),
        (Silent, "it rings until it is answered"),
        (Eager, "it rings until it is answered: sleep answered it"),
        (Immortal, "hanging up is final"),
        (Detached, "a hangup cancels the client: it went on"),
        (Picky, "notes take anything"),
        (Endless, "a recording ends at its length: took 60.000 s"),
        (Impatient, "nobody answers a dial: took 1.000 s"),
        (Forward, "nobody answers a dial: in-progress"),
        (Lonely, "one alone waits for a conference"),
        (Discreet, "who waits in a queue may leave it"),
        (Brittle, "it rings until it is answered: the call ended too early"),
    ],
)
def test_a_call_that_breaks_a_promise_is_found_out(broken: type[FakeCall], promise: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=promise):
        check(broken, tmp_path)
