"""`ringback bench media`, with measurements that are made up."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli_typing import Ringback

from ringback.app.bench.media import plot, runs
from ringback.app.bench.media.cases import CASES
from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.media.rounds import Results
from ringback.app.cli.bench import MediaCase


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the benchmark was asked for."""
    options: list[Any] = []

    async def media(wanted: runs.Options, say: Any) -> tuple[dict[str, Any], Results]:
        options.append(wanted)
        say("on the way")
        return {"limit": {"legs_per_core": 5000}}, Results()

    monkeypatch.setattr(runs, "bench_media", media)
    return options


def test_the_cases_are_those_that_there_are() -> None:
    assert [str(case) for case in MediaCase] == list(CASES)


def test_media_prints_json_and_tells_of_progress_elsewhere(ringback: Ringback, asked: list[Any]) -> None:
    result = ringback("bench", "media")
    assert json.loads(result.stdout) == {"limit": {"legs_per_core": 5000}}
    assert result.stderr == "on the way\n"
    assert asked == [runs.Options((1000,), tuple(CASES.values()), 10.0, 1)]


def test_media_takes_cases_and_numbers_of_legs(ringback: Ringback, asked: list[Any]) -> None:
    options = ["--legs", "1000", "--legs", "100", "--case", "record", "--seconds", "2.5", "--rounds", "3"]
    ringback("bench", "media", *options)
    assert asked == [runs.Options((100, 1000), (CASES["record"],), 2.5, 3)]


def test_media_draws_what_it_has_measured(
    ringback: Ringback, asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Path] = []
    monkeypatch.setattr(plot, "pyplot", lambda: None)
    monkeypatch.setattr(plot, "draw", lambda results, path: drawn.append(path))
    ringback("bench", "media", "--plot", str(tmp_path / "out.png"))
    assert drawn == [tmp_path / "out.png"]


def test_media_says_that_it_cannot_draw_before_it_measures(
    ringback: Ringback, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise BenchError("--plot needs matplotlib", hint="pip install it")

    monkeypatch.setattr(plot, "pyplot", missing)
    assert "needs matplotlib" in ringback("bench", "media", "--plot", "out.png", code=2).stderr
    assert asked == []


@pytest.mark.parametrize("option", [["--legs", "1"], ["--legs", "6000"], ["--seconds", "0"], ["--case", "opera"]])
def test_media_is_bounded(ringback: Ringback, asked: list[Any], option: list[str]) -> None:
    assert "Error: " in ringback("bench", "media", *option, code=2).stderr
    assert asked == []
