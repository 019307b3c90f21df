"""`ringback bench media` with real programs, sockets and workers: little of it, for a second."""

import pytest

from ringback.app.bench.media import machine
from ringback.app.bench.media.cases import CASES
from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.media.runs import Options, bench_media

FIGURES = {"legs", "legs_per_core", "ratio", "late_ms", "late_or_lost", "bytes_per_leg", "stolen"}


@pytest.mark.needs("cc")
async def test_ten_legs_for_a_second() -> None:
    """Every figure is there and within reason, for whatever the worker can do."""
    try:
        machine.two_cores()
    except BenchError as error:
        pytest.skip(str(error))
    said: list[str] = []
    told, results = await bench_media(Options((10,), tuple(CASES.values()), seconds=1.0, warm_up=0.5), said.append)
    assert set(told) == {"limit", "cases", "machine"}
    assert told["limit"]["legs_per_core"] > 0
    assert list(told["cases"]) == list(CASES)
    measured = {name: case for name, case in told["cases"].items() if set(case) != {"not_available"}}
    assert set(measured) >= {"prompt", "bridge", "conference10", "conference100"}
    for case in measured.values():
        assert set(case) == FIGURES
        assert case["legs"] == 10
        assert case["legs_per_core"] > 0
        assert 0 < case["ratio"] < 3
        assert 0 <= case["late_ms"]["p50"] <= case["late_ms"]["p99"] <= case["late_ms"]["max"]
        assert 0 <= case["late_or_lost"] <= 1
        assert case["bytes_per_leg"] >= 0
        assert 0 <= case["stolen"] <= 1
    # 500 packets in a second, give or take what a busy machine does.
    assert all(250 < run.window.received < 750 for run in results.limits)
    assert any("of the limit" in line for line in said)
