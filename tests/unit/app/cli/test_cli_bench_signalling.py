"""`ringback bench signalling`: what is asked of the measurement, and what is said of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cli_typing import Ringback

from ringback.app.bench import signalling as measurement
from ringback.app.bench.signalling import BenchError

RESULT = {"calls_per_second_per_core": 1600, "setup_ms": {"p50": 1.0, "p95": 2.0}, "failed": 0, "growth_bytes": 0}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What is asked of the measurement, which takes no time here."""
    seen: list[tuple[int, str]] = []

    async def measure(calls: int, transport: str, say: Callable[[str], None]) -> dict[str, Any]:
        seen.append((calls, transport))
        say("measuring")
        return RESULT

    monkeypatch.setattr(measurement, "bench_signalling", measure)
    return seen


def test_json_is_all_that_it_prints(ringback: Ringback, asked: list[tuple[int, str]]) -> None:
    result = ringback("bench", "signalling")
    assert (json.loads(result.stdout), result.stderr, asked) == (RESULT, "measuring\n", [(10_000, "UDP")])


def test_calls_and_transport_are_chosen(ringback: Ringback, asked: list[tuple[int, str]]) -> None:
    ringback("bench", "signalling", "--calls", "500", "--transport", "TCP")
    assert asked == [(500, "TCP")]


@pytest.mark.parametrize("option", [("--calls", "99"), ("--transport", "TLS")])
def test_what_makes_no_sense_is_refused(
    ringback: Ringback, asked: list[tuple[int, str]], option: tuple[str, str]
) -> None:
    assert f"Invalid value for '{option[0]}'" in ringback("bench", "signalling", *option, code=2).stderr
    assert asked == []


def test_without_sipp_it_says_what_to_install(ringback: Ringback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement.shutil, "which", lambda name: None)
    assert "sip-tester" in ringback("bench", "signalling", code=2).stderr
    assert issubclass(BenchError, Exception)
