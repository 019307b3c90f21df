"""`ringback bench call`: how long a caller waits, for one call and for many at once.

Three waits, each without the time that the application took: from INVITE to 200, from 200 to the first sound of a
Say whose speech is cached, and from a key to the first sound of the next document's Say. A sound is a packet that
is not silence, so the 60 ms of silence that every spoken clip begins with are part of the waits.
"""

import asyncio
import json
import os
import platform
import socket
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ringback.app.errors import UserError
from ringback.app.phone.errors import PhoneError
from ringback.app.phone.phone import Phone
from ringback.app.processes import free_port, run_ringback, running, server_environment, until_ready
from ringback.storage.database import Database

NUMBER = "+15550100009"
_SECONDS_PER_CALL = 60

Say = Callable[[str], None]


class BenchError(UserError):
    """A call of the benchmark did not go as it should."""


async def bench_calls(levels: Iterable[int], samples: int, say: Say) -> dict[str, Any]:
    """Measure with each of `levels` calls at once, at least `samples` calls each; `say` is told of progress.

    Returns `{"calls": {"1": {"answer_ms": {"p50", "p95"}, "say_ms": …, "key_ms": …, "calls"}, …}, "machine": …}`.
    Raises BenchError.
    """
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as name, ExitStack() as processes:
        directory = Path(name)
        sip_port, web_port = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        environment = server_environment(directory, sip_port) | {"RINGBACK_LOG__LEVEL": "warning"}
        command = [sys.executable, "-m", "ringback.app.bench.application", str(web_port)]
        processes.enter_context(running("application", command, environment, directory))
        url = f"http://127.0.0.1:{web_port}"
        run_ringback(["numbers", "add", NUMBER, "--url", f"{url}/"], environment)
        command = [sys.executable, "-m", "ringback", "serve"]
        log = processes.enter_context(running("server", command, environment, directory))
        await until_ready(log)
        say("warming up: the engine loads, the speech is cached")
        async with Phone() as phone:
            for _ in range(3):
                await _one(phone, sip_port, _Waits())
            results = {}
            for level in levels:
                results[str(level)] = await _level(phone, sip_port, level, samples, say)
        return {"calls": await _without_application(results, url, directory), "machine": _machine()}


class _Waits:
    """The moments of one call, in seconds of the loop's clock, and who it was."""

    def __init__(self) -> None:
        self.caller = ""
        self.answer = self.say = self.key = 0.0


async def _level(phone: Phone, sip_port: int, level: int, samples: int, say: Say) -> list[_Waits]:
    done: list[_Waits] = []
    while len(done) < samples:
        say(f"{level} at once: {len(done)} of {samples} calls measured")
        batch = [_Waits() for _ in range(level)]
        for index, waits in enumerate(batch):
            waits.caller = f"+1555{level:03d}{len(done) + index:04d}"
        try:
            async with asyncio.timeout(_SECONDS_PER_CALL), asyncio.TaskGroup() as group:
                for waits in batch:
                    group.create_task(_one(phone, sip_port, waits))
        except TimeoutError:
            raise BenchError(f"{level} calls at once were not over after {_SECONDS_PER_CALL} s") from None
        except ExceptionGroup as failed:
            raise BenchError(f"a call failed: {failed.exceptions[0]}") from failed
        done += batch
    return done


async def _one(phone: Phone, sip_port: int, waits: _Waits) -> None:
    """Make one call and take its times."""
    try:
        call = await phone.call(
            NUMBER, server=("127.0.0.1", sip_port), from_user=waits.caller or "+15550000000", record_seconds=30
        )
        waits.answer = call.answered_at - call.invited_at
        waits.say = await call.wait_sound(after=call.answered_at) - call.answered_at
        await call.wait_silence(0.3)
        pressed = await call.press("5")
        waits.key = await call.wait_sound(after=pressed + 0.005) - pressed
        await call.ended(20)
    except PhoneError as error:
        raise BenchError(str(error)) from error


async def _without_application(results: dict[str, list[_Waits]], url: str, directory: Path) -> dict[str, Any]:
    """Take away what the application took, and make percentiles of the rest."""
    spent = json.loads(await asyncio.to_thread(_get, f"{url}/spent"))
    async with Database.open(directory / "ringback.db") as database:
        sids = {record.from_: record.sid for record in await database.calls.list(limit=100_000)}
    told: dict[str, Any] = {}
    for level, calls in results.items():
        took = [spent[sids[waits.caller]] for waits in calls]
        told[level] = {
            "calls": len(calls),
            "answer_ms": _percentiles([w.answer - t["/"] for w, t in zip(calls, took, strict=True)]),
            "say_ms": _percentiles([w.say for w in calls]),
            "key_ms": _percentiles([w.key - t["/next"] for w, t in zip(calls, took, strict=True)]),
        }
    return told


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


def _percentiles(seconds: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
