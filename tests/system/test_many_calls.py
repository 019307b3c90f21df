"""Hundreds of real calls, over SIP and RTP, on the real server: each hears what is its own, and a worker may die."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from ringback.app.bench.media.machine import waited_seconds
from ringback.model.status import CallStatus
from tests.interop.peers import tones
from tests.interop.peers.application import Application
from tests.interop.peers.process import Process, free_port
from tests.interop.peers.ringback import Ringback
from tests.system.many_calls import Callers

pytestmark = pytest.mark.long
NUMBER = "+14155550100"
CALLS = 300
A_SECOND = 25
PROMPT_SECONDS = 3.0
KILLED_WITH = 100
WORKER = b"ringback.media.worker"


@pytest.fixture
async def busy(tmp_path: Path, started: list[Process]) -> AsyncIterator[Ringback]:
    """A server with room for all of them."""
    first = free_port(2 * CALLS + 40)
    settings = {
        "media.port_min": str(first),
        "media.port_max": str(first + 2 * CALLS + 38),
        "calls.max_concurrent": str(CALLS + 20),
    }
    made = await Ringback.start(tmp_path / "ringback", settings)
    started.append(made.process)
    yield made
    await made.stop()


def hertz(caller: str) -> int:
    """The tone of a caller: 8 Hz apart."""
    return 304 + 8 * int(caller[-3:])


def worker_of(server: Ringback) -> int:
    """The process that has the audio."""
    waiting = [server.process.running.pid]
    while waiting:
        pid = waiting.pop()
        if WORKER in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
        waiting += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    raise AssertionError("the server has no media worker")


@pytest.mark.timeout(180)
async def test_three_hundred_callers_each_hear_their_own_prompt(
    busy: Ringback, application: Application, tmp_path: Path
) -> None:
    await busy.add_number(NUMBER, application.url())
    callers = [f"+1555010{number:03d}" for number in range(CALLS)]
    for caller in callers:
        tone = tones.write_wav(tmp_path / "tone.wav", tones.sine(hertz(caller), PROMPT_SECONDS))
        application.files[f"/{caller[1:]}.wav"] = tone.read_bytes()
    application.pages["/"] = lambda fields: f'<Play loop="3">/{fields["From"].lstrip("+")}.wav</Play>'
    async with Callers(busy.port) as phones:
        began, pid = time.monotonic(), worker_of(busy)
        before = waited_seconds(pid)
        for caller in callers:
            phones.call(NUMBER, caller)
            await asyncio.sleep(1 / A_SECOND)
        assert await phones.until(lambda call: call.ended_at, 90), "a call did not end"
        waited = (waited_seconds(pid) - before) / (time.monotonic() - began)
        calls = list(phones.calls.values())
    assert [call.code for call in calls] == [200] * CALLS
    wrong = {call.caller: call.tone() for call in calls if abs(call.tone() - hertz(call.caller)) > 2}
    assert not wrong
    # Three times three seconds.
    heard = [np.count_nonzero(np.abs(call.samples().reshape(-1, 160)).max(axis=1) > 500) * 0.02 for call in calls]
    assert min(heard) > 3 * PROMPT_SECONDS - 0.1
    assert sum(call.missing for call in calls) == 0
    late = np.concatenate([call.lateness() for call in calls])
    # A jitter buffer of two packets bears 40 ms. Where others had the worker's core, it was late because of them.
    if waited < 0.02:
        assert np.mean(late > 0.04) < 0.001, f"p99 {np.percentile(late, 99) * 1000:.0f} ms"
    assert {call.status for call in await busy.ended(CALLS)} == {CallStatus.COMPLETED}


@pytest.mark.timeout(120)
async def test_a_worker_that_is_killed_ends_its_calls_and_nobody_elses_begin(
    busy: Ringback, application: Application, tmp_path: Path
) -> None:
    """All are told within two seconds and kept as failed; the next caller is served at once."""
    await busy.add_number(NUMBER, application.url())
    tone = tones.write_wav(tmp_path / "tone.wav", tones.sine(500, 2))
    application.files["/tone.wav"] = tone.read_bytes()
    application.pages["/"] = '<Play loop="0">/tone.wav</Play>'
    async with Callers(busy.port) as phones:
        for number in range(KILLED_WITH):
            phones.call(NUMBER, f"+1555020{number:03d}")
            await asyncio.sleep(1 / A_SECOND)
        assert await phones.until(lambda call: len(call.arrivals) > 20, 30), "not all were served"
        killed = time.monotonic()
        os.kill(worker_of(busy), signal.SIGKILL)
        assert await phones.until(lambda call: call.ended_at, 10), "a call did not end"
        took = max(call.ended_at for call in phones.calls.values()) - killed
        assert took < 2.0
        records = await busy.ended(KILLED_WITH)
        assert {(call.status, call.end_reason) for call in records} == {(CallStatus.FAILED, "media-failure")}

        application.pages["/"] = '<Play loop="1">/tone.wav</Play>'
        again = phones.call(NUMBER, "+15550300001")
        assert await phones.until(lambda call: call.ended_at, 20)
        assert again.code == 200
        assert again.answered_at - again.invited_at < 2.0
        assert again.tone() == pytest.approx(500, abs=2)
