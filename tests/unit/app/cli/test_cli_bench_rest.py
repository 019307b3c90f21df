"""`ringback bench rest` and `ringback bench messages`: what is asked of the measurements, and what is said of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cli_typing import Ringback

from ringback.app.bench import messages
from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.rest import calls, runs

Say = Callable[[str], None]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is asked of the measurements, which take no time here."""
    seen: list[tuple[Any, ...]] = []

    async def whole_calls(count: int, say: Say) -> dict[str, Any]:
        seen.append(("calls", count))
        say("calling")
        return {"calls_failed": 0}

    async def rest(seconds: float, postgresql: str | None, say: Say, calls: runs.CallsRun | None) -> dict[str, Any]:
        seen.append(("rest", seconds, postgresql))
        say("measuring")
        return {"failed": 0} | (await calls(say) if calls else {})

    async def texts(count: int, at_once: int, postgresql: str | None, say: Say) -> dict[str, Any]:
        seen.append(("messages", count, at_once, postgresql))
        say("measuring")
        return {"lost": 0}

    monkeypatch.setattr(calls, "bench_whole_calls", whole_calls)
    monkeypatch.setattr(runs, "bench_rest", rest)
    monkeypatch.setattr(messages, "bench_messages", texts)
    return seen


def test_rest_prints_nothing_but_json(ringback: Ringback, asked: list[tuple[Any, ...]]) -> None:
    result = ringback("bench", "rest")
    assert json.loads(result.stdout) == {"failed": 0, "calls_failed": 0}
    assert result.stderr == "measuring\ncalling\n"
    assert asked == [("rest", 5.0, None), ("calls", 1000)]


def test_rest_does_what_it_is_told(ringback: Ringback, asked: list[tuple[Any, ...]]) -> None:
    ringback("bench", "rest", "--seconds", "0.5", "--postgresql", "postgresql://x", "--calls", "0")
    ringback("bench", "rest", "--calls", "7")
    assert asked == [("rest", 0.5, "postgresql://x"), ("rest", 5.0, None), ("calls", 7)]


def test_messages_prints_nothing_but_json(ringback: Ringback, asked: list[tuple[Any, ...]]) -> None:
    result = ringback("bench", "messages")
    assert json.loads(result.stdout) == {"lost": 0}
    assert result.stderr == "measuring\n"
    ringback("bench", "messages", "--count", "9", "--at-once", "2", "--postgresql", "postgresql://x")
    assert asked == [("messages", 5000, 32, None), ("messages", 9, 2, "postgresql://x")]


@pytest.mark.parametrize(
    "option",
    [
        ("rest", "--seconds", "0.1"),
        ("rest", "--calls", "-1"),
        ("messages", "--count", "0"),
        ("messages", "--at-once", "0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    ringback: Ringback, asked: list[tuple[Any, ...]], option: tuple[str, str, str]
) -> None:
    assert f"Invalid value for '{option[1]}'" in ringback("bench", *option, code=2).stderr
    assert asked == []


def test_what_cannot_be_measured_is_an_error_in_a_line(ringback: Ringback, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise BenchError("this benchmark needs two cores")

    monkeypatch.setattr(messages, "bench_messages", fail)
    assert ringback("bench", "messages", code=2).stderr == "error: this benchmark needs two cores\n"
