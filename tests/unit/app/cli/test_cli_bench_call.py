"""`ringback bench call`: what is asked of the measurement, and what is said of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import typer
from cli_typing import Ringback

from ringback.app.bench import calls as measurement
from ringback.app.bench.calls import BenchError
from ringback.app.cli import bench

RESULT = {"calls": {"1": {"calls": 20}}, "machine": {"cores": 2}}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], int]]:
    """What is asked of the measurement, which takes no time here."""
    seen: list[tuple[list[int], int]] = []

    async def measure(levels: list[int], samples: int, say: Callable[[str], None]) -> dict[str, Any]:
        seen.append((levels, samples))
        say("measuring")
        return RESULT

    monkeypatch.setattr(measurement, "bench_calls", measure)
    return seen


def test_json_is_all_that_it_prints(ringback: Ringback, asked: list[tuple[list[int], int]]) -> None:
    result = ringback("bench", "call")
    assert json.loads(result.stdout) == RESULT
    assert result.stderr == "measuring\n"
    assert asked == [([1, 50], 20)]


def test_levels_and_samples_are_chosen(ringback: Ringback, asked: list[tuple[list[int], int]]) -> None:
    ringback("bench", "call", "--at-once", "1", "--at-once", "3", "--samples", "7")
    assert asked == [([1, 3], 7)]


@pytest.mark.parametrize("option", [("--at-once", "0"), ("--at-once", "201"), ("--samples", "0")])
def test_what_makes_no_sense_is_refused(
    ringback: Ringback, asked: list[tuple[list[int], int]], option: tuple[str, str]
) -> None:
    assert f"Invalid value for '{option[0]}'" in ringback("bench", "call", *option, code=2).stderr
    assert asked == []


def test_a_call_that_fails_is_an_error_in_a_line(ringback: Ringback, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise BenchError("a call failed: heard no sound within 10 s")

    monkeypatch.setattr(measurement, "bench_calls", fail)
    assert ringback("bench", "call", code=2).stderr == "error: a call failed: heard no sound within 10 s\n"


def test_without_a_command_it_says_what_there_is(ringback: Ringback) -> None:
    assert "call" in ringback("bench", code=2).output


def test_the_commands_register_themselves() -> None:
    app = typer.Typer()
    bench.register(app)
    assert [group.name for group in app.registered_groups] == ["bench"]
