"""What is made of measurements."""

import numpy as np
import pytest
from bench_media_samples import pair, run, told, window
from hypothesis import given
from hypothesis import strategies as st

from ringback.app.bench.media.figures import BIN_MS, Run, Window, doubts, report, summary


def test_a_window_is_read_as_the_load_generator_tells_it() -> None:
    read = Window.read(told())
    assert (read.seconds, read.received, read.lost, read.worst_ms) == (1.0, 100, 0, 0.2)
    assert (read.loud, read.own_late, read.own_worst_ms, read.own_cpu) == (0.5, 0.01, 3.0, 0.01)
    assert read.bins[:3].tolist() == [99, 0, 1]


def test_a_window_in_which_nothing_came() -> None:
    silent = Window.read(told(received=0, looked=0, loud=0, own_ticks=0, own_late_ticks=0, bins=[0] * 10001))
    assert (silent.loud, silent.own_late, silent.lateness(50), silent.late_or_lost) == (0.0, 0.0, 0.0, 1.0)


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=300), st.sampled_from([50.0, 99.0, 100.0]))
@pytest.mark.long
def test_percentiles_are_true_to_the_bin(late_ms: list[float], percent: float) -> None:
    """So many packets were not later than told, and fewer were not later than the bin below."""
    seen = window(late_ms)
    limit = seen.lateness(percent)
    needed = len(late_ms) * percent / 100
    assert sum(late <= limit + 1e-9 for late in late_ms) >= needed
    if limit < 1000:
        assert sum(late < limit - 1.01 * BIN_MS for late in late_ms) < needed


def test_later_than_ten_milliseconds_is_late_and_so_is_never() -> None:
    assert window([9.99] * 10).late_or_lost == 0.0
    assert window([9.99] * 6 + [10.0, 20.0], lost=2).late_or_lost == pytest.approx(0.4)


def test_capacity_is_what_a_whole_core_would_serve() -> None:
    assert run(legs=100, cpu=0.1).legs_per_core == pytest.approx(1000)
    assert run(cpu=0.0).legs_per_core == 0.0


def test_what_was_not_served_does_not_count_as_capacity() -> None:
    """A program that drops half of the packets is not twice as fast."""
    overloaded = run(legs=1000, cpu=1.0, received=250 * 1000)
    assert overloaded.legs_per_core == pytest.approx(500)


def test_the_ratio_is_to_the_limit_at_that_time() -> None:
    """Where everything takes twice as long after a while, the ratio stays."""
    assert pair(0.2, before=0.1, after=0.1).ratio == pytest.approx(0.5)
    drifting = pair(0.3, before=0.1, after=0.2)
    assert drifting.ratio == pytest.approx((1 / 0.3) / ((1 / 0.1 + 1 / 0.2) / 2))
    assert pair(0.2, before=0.0, after=0.0).ratio == 0.0


def test_a_summary_is_of_medians_and_of_the_worst() -> None:
    rounds = [
        pair(0.2, bytes_per_leg=1000, worst_ms=5.0, stolen=0.02),
        pair(0.4, bytes_per_leg=3000, worst_ms=80.0, lost=50_000),
        pair(0.25, bytes_per_leg=2000, worst_ms=7.0, stolen=0.01),
    ]
    assert summary(rounds) == {
        "legs": 100,
        "legs_per_core": 400,
        "ratio": 0.4,
        "late_ms": {"p50": 0.1, "p99": 0.1, "max": 80.0},
        "late_or_lost": 0.0,
        "bytes_per_leg": 2000,
        "stolen": 0.01,
    }


def test_a_report_of_one_number_of_legs() -> None:
    told = report([run("limit", cpu=0.05), run("limit", cpu=0.05)], [pair(0.2)], {"record": "no"}, ["record", "prompt"])
    assert told["limit"] == {"legs_per_core": 2000}
    assert list(told["cases"]) == ["record", "prompt"]
    assert told["cases"]["record"] == {"not_available": "no"}
    assert set(told["cases"]["prompt"]) == {
        "legs", "legs_per_core", "ratio", "late_ms", "late_or_lost", "bytes_per_leg", "stolen",
    }  # fmt: skip


def test_a_report_of_several_tells_of_the_most_and_has_all() -> None:
    limits = [run("limit", 200, 0.1), run("limit", 100, 0.1)]
    told = report(limits, [pair(0.2, legs=100), pair(0.2, legs=200)], {}, ["prompt"])
    assert told["limit"]["legs_per_core"] == 2000
    assert [each["legs"] for each in told["limit"]["levels"]] == [100, 200]
    assert told["cases"]["prompt"]["legs"] == 200
    assert [each["legs"] for each in told["cases"]["prompt"]["levels"]] == [100, 200]


def test_a_report_of_nothing() -> None:
    told = report([], [], {"prompt": "no"}, ["prompt"])
    assert told == {"limit": {"legs_per_core": 0}, "cases": {"prompt": {"not_available": "no"}}}


def test_figures_that_should_not_be_believed_are_named() -> None:
    assert doubts(run()) == []
    busy: Run = run(waited=0.3, stolen=0.07, own_late=0.2, own_worst_ms=42.0, own_cpu=0.9, received=100)
    late, others, host, core, served = doubts(busy)
    assert "late 20% of the time, by up to 42 ms" in late
    assert "others had its core 30% of the time" in others
    assert "the host of this machine had its core 7.0% of the time" in host
    assert "used 90% of its core" in core
    assert "0 of 100 legs were served" in served


def test_bins_are_numbers_of_packets() -> None:
    assert window([0.0, 0.05, 0.1, 5000.0]).bins[[0, 1, -1]].tolist() == [2, 1, 1]
    assert window().bins.dtype == np.int64
