"""`ringback bench signalling`: what is made of what was measured, and both ends of its calls."""

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ringback.app.bench import answering, signalling
from ringback.app.bench.answering import Answering
from ringback.app.bench.signalling import BenchError, Caller, bench_signalling


class Endpoint:
    """An endpoint whose calls take 0.5 ms each, that needs two looks to settle, and grows by 1,000 bytes a half."""

    def __init__(self) -> None:
        self.calls = self.looks = 0

    def made(self, calls: int) -> None:
        self.calls += calls
        self.looks = 0

    async def ask(self) -> dict[str, Any]:
        self.looks += 1
        halves = (self.calls - 1000) // 100
        left = max(0, 4 - self.looks)
        return {"calls": self.calls, "cpu": self.calls * 0.0005, "open": left, "resident": 10_000 + 1_000 * halves}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What sipp is asked for, calls and rate; nothing of it is done."""
    endpoint, asked = Endpoint(), []

    @asynccontextmanager
    async def run() -> AsyncIterator[tuple[int, Callable[[], Any]]]:
        yield 5060, endpoint.ask

    async def sipp(directory: Path, port: int, transport: str, calls: int, rate: int) -> int:
        assert (directory / "calls.xml").read_text().startswith("<?xml")
        asked.append((calls, rate))
        endpoint.made(calls)
        return 1 if len(asked) == 2 else 0

    @asynccontextmanager
    async def caller(port: int, transport: str, setups: list[float]) -> AsyncIterator[None]:
        yield
        setups += [0.001, 0.002, 0.003, -1.0]

    async def no_time(seconds: float) -> None: ...

    monkeypatch.setattr(signalling, "_endpoint", run)
    monkeypatch.setattr(signalling, "_sipp", sipp)
    monkeypatch.setattr(signalling, "_caller", caller)
    monkeypatch.setattr(signalling.asyncio, "sleep", no_time)
    monkeypatch.setattr(signalling.shutil, "which", lambda name: "/usr/bin/sipp")
    return asked


async def test_what_is_told(measured: list[tuple[int, int]]) -> None:
    said: list[str] = []
    assert await bench_signalling(100, "UDP", said.append) == {
        "calls_per_second_per_core": 2000,
        "setup_ms": {"p50": 2.0, "p95": 3.0},
        "failed": 3,
        "growth_bytes": 1000,
    }
    assert measured == [(1000, 250), (100, 1000), (100, 1000)], "60 % of what it can do, and no more than 1,000"
    assert said[0] == "half 1 of 2: 100 calls, 1000 a second"


@pytest.mark.long
async def test_calls_of_our_own_are_answered_and_counted() -> None:
    """Both ends of the benchmark, on real sockets."""
    there = Answering()
    _, port = await there.transport.listen("127.0.0.1", 0)
    setups: list[float] = []
    async with asyncio.timeout(10), signalling._caller(port, "TCP", setups):
        while len(setups) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert all(0 <= seconds < 5 for seconds in setups)
    told = there.told()
    assert told["calls"] >= 3
    assert told["resident"] > 1_000_000
    assert told["cpu"] > 0
    await there.transport.close()


async def test_a_call_that_fails_is_counted() -> None:
    setups: list[float] = []
    caller = Caller(setups)
    await caller.transport.listen("127.0.0.1", 0)
    flow = caller.transport.flow_to("UDP", "127.0.0.1", 9)
    first, second = (
        caller._endpoint.invite("sip:a@127.0.0.1", flow, from_uri="sip:b@127.0.0.1", sdp=b"v=0", now=caller._clock())
        for _ in range(2)
    )
    caller._began = {first: 0.0, second: 0.0}
    caller._endpoint.handle_timeout(caller._clock() + 100)
    caller._endpoint.cancel(second, caller._clock())
    caller.transport.drain()
    assert setups == [-1.0, -1.0]
    await caller.transport.close()


@pytest.mark.long
async def test_the_endpoint_answers_on_its_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n\n"))
    monkeypatch.setattr(answering, "tune", lambda: None)
    await answering.serve()
    port, first, second = capsys.readouterr().out.splitlines()
    assert int(port) > 0
    assert json.loads(first).keys() == json.loads(second).keys() == {"calls", "ended", "open", "cpu", "resident"}


async def test_an_endpoint_that_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(BenchError, match="ended by itself"):
        async with signalling._endpoint():
            raise AssertionError("it never listened")


@pytest.mark.parametrize(
    ("script", "failed"),
    [("printf 'FailedCall(C);X\\n3;0\\n' > statistics.csv; exit 1", 3), ("echo broken; exit 255", None)],
)
async def test_what_sipp_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, failed: int | None) -> None:
    program = tmp_path / "sipp"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if failed is None:
        with pytest.raises(BenchError, match="sipp ended with 255: broken"):
            await signalling._sipp(tmp_path, 5060, "UDP", 10, 10)
    else:
        assert await signalling._sipp(tmp_path, 5060, "TCP", 10, 10) == failed


async def test_without_sipp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signalling.shutil, "which", lambda name: None)
    with pytest.raises(BenchError, match="sip-tester"):
        await bench_signalling(100, "UDP", lambda text: None)


@pytest.mark.long
@pytest.mark.needs("sipp")
async def test_sipp_makes_real_calls(tmp_path: Path) -> None:
    (tmp_path / "calls.xml").write_text(signalling.SCENARIO)
    async with signalling._endpoint() as (port, ask):
        assert await signalling._sipp(tmp_path, port, "UDP", 20, 100) == 0
        told = await ask()
        assert (told["calls"], told["ended"]) == (20, 20)
