"""`ringback bench call`: what is measured, and what becomes of it. tests/system measures in earnest."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from ringback.app.bench import calls
from ringback.app.bench.calls import BenchError
from ringback.app.phone.errors import NotHeard
from ringback.model.records import CallRecord
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.storage.database import Database
from ringback.testing.clock import run

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Caller:
    """A call whose moments are known: answered after 30 ms, sound 80 ms later, and 100 ms after the key."""

    def __init__(self, phone: "Callers", from_user: str) -> None:
        self.phone, self.from_user = phone, from_user
        self.invited_at = asyncio.get_running_loop().time()
        self.answered_at = self.invited_at + 0.030

    async def wait_sound(self, after: float) -> float:
        return after + (0.080 if after == self.answered_at else 0.095)

    async def wait_silence(self, silence: float) -> None:
        if self.phone.failing:
            raise NotHeard("the other side did not speak and then stop within 60 s")

    async def press(self, key: str) -> float:
        return self.answered_at + 3

    async def ended(self, timeout: float) -> None:
        await asyncio.sleep(5)
        self.phone.at_once -= 1


class Callers:
    """A phone that makes such calls; `most` is how many it had at once."""

    failing = False

    def __init__(self) -> None:
        self.made: list[str] = []
        self.at_once = self.most = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.at_once == 0 or self.failing

    async def call(self, number: str, *, server: tuple[str, int], from_user: str, record_seconds: float) -> Caller:
        assert (number, server[0]) == (calls.NUMBER, "127.0.0.1")
        self.made.append(from_user)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        return Caller(self, from_user)


@pytest.mark.parametrize(("level", "samples", "made"), [(1, 3, 3), (3, 3, 3), (3, 4, 6)])
def test_calls_are_made_so_many_at_once_until_there_are_enough(level: int, samples: int, made: int) -> None:
    said: list[str] = []
    phone = Callers()
    waits = run(calls._level(phone, 5099, level, samples, said.append))  # type: ignore[arg-type]
    assert (len(waits), phone.most) == (made, level)
    assert [one.caller for one in waits] == phone.made
    assert len(set(phone.made)) == made
    assert said[0] == f"{level} at once: 0 of {samples} calls measured"
    assert len(said) == made // level
    for one in waits:
        assert (one.answer, one.say, one.key) == (pytest.approx(0.030), pytest.approx(0.080), pytest.approx(0.100))


def test_a_call_that_fails_ends_the_benchmark() -> None:
    phone = Callers()
    phone.failing = True
    with pytest.raises(BenchError, match="a call failed: the other side did not speak and then stop"):
        run(calls._level(phone, 5099, 2, 2, lambda text: None))  # type: ignore[arg-type]


def test_calls_that_do_not_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: Caller, timeout: float) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(Caller, "ended", never)
    with pytest.raises(BenchError, match="2 calls at once were not over after 60 s"):
        run(calls._level(Callers(), 5099, 2, 2, lambda text: None))  # type: ignore[arg-type]


def test_percentiles_are_in_milliseconds() -> None:
    assert calls._percentiles([0.010, 0.020, 0.030]) == {"p50": 20.0, "p95": 29.0}


class Server:
    """What `bench_calls` starts, without starting it; the store has the calls that the callers make."""

    def __init__(self, callers: Callers) -> None:
        self.callers = callers
        self.spent: dict[str, dict[str, float]] = {}

    @contextlib.contextmanager
    def running(self, name: str, command: list[str], environment: dict[str, str], directory: Path) -> Iterator[Path]:
        yield directory / f"{name}.log"

    async def store(self, directory: Path) -> None:
        async with Database.open(directory / "ringback.db") as database:
            account = await database.accounts.ensure_default(NOW, secrets.token_bytes)
            for index, caller in enumerate(self.callers.made):
                sid = f"CA{index:032x}"
                self.spent[sid] = {"/": 0.010, "/next": 0.020}
                await database.calls.create(
                    CallRecord(
                        sid, account.sid, caller, calls.NUMBER, Direction.INBOUND, CallStatus.COMPLETED,
                        ApiVersion.V2010, None, None, NOW,
                    )
                )  # fmt: skip


@pytest.mark.long
async def test_the_time_of_the_application_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    callers = Callers()
    callers.made = ["+1", "+2"]
    server = Server(callers)
    await server.store(tmp_path)
    monkeypatch.setattr(
        calls, "_get", lambda url: json.dumps(server.spent).encode() if url == "http://a/spent" else b""
    )
    waits = [SimpleNamespace(caller=name, answer=0.030, say=0.080, key=0.100) for name in callers.made]
    told = await calls._without_application({"2": waits}, "http://a", tmp_path)  # type: ignore[dict-item]
    assert told == {
        "2": {
            "calls": 2,
            "answer_ms": {"p50": 20.0, "p95": 20.0},
            "say_ms": {"p50": 80.0, "p95": 80.0},
            "key_ms": {"p50": 80.0, "p95": 80.0},
        }
    }


async def test_what_is_started_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three calls warm everything up, and are not counted."""
    callers, said = Callers(), list[str]()
    server = Server(callers)
    commands: list[list[str]] = []
    directories: list[Path] = []

    async def ready(log: Path) -> None:
        directories.append(log.parent)

    async def at_once(self: Caller, timeout: float) -> None:
        self.phone.at_once -= 1

    async def counted(results: dict[str, Any], url: str, directory: Path) -> dict[str, int]:
        assert directory == directories[0]
        return {level: len(waits) for level, waits in results.items()}

    monkeypatch.setattr(Caller, "ended", at_once)
    monkeypatch.setattr(calls, "running", server.running)
    monkeypatch.setattr(calls, "run_ringback", lambda arguments, environment: commands.append(arguments))
    monkeypatch.setattr(calls, "until_ready", ready)
    monkeypatch.setattr(calls, "Phone", lambda: callers)
    monkeypatch.setattr(calls, "_without_application", counted)
    told = await calls.bench_calls([1, 2], 2, said.append)
    assert told["calls"] == {"1": 2, "2": 2}
    assert set(told["machine"]) == {"cores", "python", "system"}
    assert len(callers.made) == 3 + 2 + 2
    assert commands[0][:3] == ["numbers", "add", calls.NUMBER]
    assert said[0] == "warming up: the engine loads, the speech is cached"
    assert not directories[0].exists()


def test_a_phone_that_hears_nothing_while_it_warms_up_ends_it_too() -> None:
    phone = Callers()
    phone.failing = True
    with pytest.raises(BenchError, match="the other side did not speak"):
        run(calls._one(phone, 5099, calls._Waits()))  # type: ignore[arg-type]


async def test_what_the_application_spent_is_read_from_it() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as made:
        port = made.sockets[0].getsockname()[1]
        get: Callable[[str], bytes] = calls._get
        assert await asyncio.to_thread(get, f"http://127.0.0.1:{port}/spent") == b"{}"
