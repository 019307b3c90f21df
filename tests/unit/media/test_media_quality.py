"""The E-model for G.711 (ITU-T G.107, G.113) and the meter of all legs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.media.quality import (
    G711,
    G711_CONCEALED,
    MOST_BURSTY,
    Equipment,
    Quality,
    QualityMeter,
    burst_ratio,
    mos,
    one_way_delay_ms,
    r_factor,
)

LOSS = st.floats(0, 1)
BURSTS = st.floats(1, MOST_BURSTY)
DELAY = st.floats(0, 3000)
EQUIPMENT = st.sampled_from([G711, G711_CONCEALED])


@pytest.mark.parametrize(
    ("r", "score"),
    [(-20, 1.0), (0, 1.0), (5, 1.0), (50, 2.58), (60, 3.10), (70, 3.60), (80, 4.03), (90, 4.34), (93.2, 4.41),
     (100, 4.5), (120, 4.5)],
)  # fmt: skip
def test_opinions_by_rating(r: float, score: float) -> None:
    """G.107 annex B, table B.1, and the default call."""
    assert float(mos(r)) == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize(
    ("equipment", "loss", "r", "score"),
    [
        (G711, 0.0, 93.2, 4.41),
        (G711, 0.01, 75.3, 3.83),
        (G711, 0.02, 63.0, 3.26),
        (G711, 0.05, 42.1, 2.17),
        (G711, 0.20, 15.0, 1.12),
        (G711_CONCEALED, 0.0, 93.2, 4.41),
        (G711_CONCEALED, 0.01, 89.6, 4.33),
        (G711_CONCEALED, 0.05, 77.4, 3.92),
        (G711_CONCEALED, 0.10, 66.1, 3.41),
        (G711_CONCEALED, 1.0, 17.3, 1.18),
    ],
)
def test_loss_without_delay(equipment: Equipment, loss: float, r: float, score: float) -> None:
    """G.107 (7-29) with the Bpl of G.113 appendix I: 4.3, and 25.1 with concealment."""
    rated = Quality.of(loss, 1.0, 0.0, equipment)

    assert (round(rated.r, 1), round(rated.mos, 2)) == (r, score)


@pytest.mark.parametrize(
    ("delay_ms", "r"), [(0, 93.2), (50, 91.7), (100, 90.7), (150, 89.5), (200, 85.8), (300, 72.7), (400, 62.2)]
)
def test_delay_without_loss(delay_ms: float, r: float) -> None:
    """The whole model of G.107 with its defaults, to 0.1."""
    assert float(r_factor(0, 1, delay_ms)) == pytest.approx(r, abs=0.06)


@given(st.floats(20, 320))
def test_delay_is_near_the_well_known_fit(delay_ms: float) -> None:
    """Cole and Rosenbluth fitted two straight lines to the model (ACM SIGCOMM CCR 31:2, 2001)."""
    fit = 93.2 - 0.024 * delay_ms - 0.11 * max(0.0, delay_ms - 177.3)

    assert float(r_factor(0, 1, delay_ms)) == pytest.approx(fit, abs=1.0)


@given(LOSS, LOSS, BURSTS, DELAY, EQUIPMENT)
def test_more_loss_never_sounds_better(a: float, b: float, bursts: float, delay: float, equipment: Equipment) -> None:
    less, more = sorted((a, b))
    assert r_factor(less, bursts, delay, equipment) >= r_factor(more, bursts, delay, equipment)


@given(LOSS, BURSTS, DELAY, DELAY, EQUIPMENT)
def test_more_delay_never_sounds_better(loss: float, bursts: float, a: float, b: float, equipment: Equipment) -> None:
    less, more = sorted((a, b))
    assert r_factor(loss, bursts, less, equipment) >= r_factor(loss, bursts, more, equipment) - 1e-9


@given(LOSS, BURSTS, BURSTS, DELAY, EQUIPMENT)
def test_longer_bursts_never_sound_better(loss: float, a: float, b: float, delay: float, equipment: Equipment) -> None:
    less, more = sorted((a, b))
    assert r_factor(loss, less, delay, equipment) >= r_factor(loss, more, delay, equipment)


@given(LOSS, BURSTS, DELAY)
def test_concealment_never_hurts(loss: float, bursts: float, delay: float) -> None:
    assert r_factor(loss, bursts, delay, G711_CONCEALED) >= r_factor(loss, bursts, delay, G711)


@given(st.floats(-50, 150), st.floats(-50, 150))
def test_opinions_follow_the_rating(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 1.0 <= mos(low) <= mos(high) + 1e-12 <= 4.5 + 1e-9


@settings(max_examples=20)
@given(st.lists(st.tuples(LOSS, BURSTS, DELAY), min_size=1, max_size=20), EQUIPMENT)
def test_columns_are_rated_as_single_legs_are(legs: list[tuple[float, float, float]], equipment: Equipment) -> None:
    together = r_factor(*np.array(legs).T, equipment=equipment)

    assert together == pytest.approx([float(r_factor(*leg, equipment)) for leg in legs])


def test_values_that_cannot_be_are_taken_to_the_nearest_that_can() -> None:
    assert r_factor(-0.5, 0.2, -30) == r_factor(0, 1, 0)
    assert r_factor(1.5, 99, 0) == r_factor(1, MOST_BURSTY, 0)


def test_bursts_against_chance() -> None:
    """One in ten lost, in runs of three: chance makes runs of 1.11."""
    assert float(burst_ratio(30, 10, 0.1)) == pytest.approx(2.7)
    assert burst_ratio([0, 10, 9, 1000], [0, 10, 9, 1], [0.0, 0.1, 0.0, 0.5]).tolist() == [1, 1, 1, MOST_BURSTY]


def test_delay_is_half_the_round_trip_the_buffer_and_a_packet() -> None:
    assert one_way_delay_ms([0.1, math.nan, -0.1], 40, [20, 30, 20]).tolist() == [110, 70, 60]


def test_figures_are_told_as_exact_as_they_are_worth() -> None:
    assert Quality.of(1 / 300, 1.23456, 60.06).as_dict() == {
        "r": 90.3,
        "mos": 4.35,
        "loss": 0.0033,
        "burst_ratio": 1.23,
        "delay_ms": 60.1,
    }


def rate(meter: QualityMeter, row: int, expected: int, lost: int, delay_ms: float = 60.0) -> None:
    """Update one leg."""
    meter.update(np.array([row]), [expected], [lost], [delay_ms])


def play(meter: QualityMeter, row: int, frames: str) -> None:
    """Let frames of one leg fall due: `x` is there, `.` is missing."""
    for frame in frames:
        due, present = np.zeros(row + 1, np.bool_), np.zeros(row + 1, np.bool_)
        due[row], present[row] = True, frame == "x"
        meter.frames(due, present)


def test_a_leg_that_was_not_heard_has_no_quality() -> None:
    meter = QualityMeter(2)
    rate(meter, 1, 0, 0)

    assert [meter.live(row) or meter.whole(row) for row in (0, 1)] == [None, None]
    assert np.isnan(meter.r).all()
    assert np.isnan(meter.mos).all()


def test_live_is_since_the_last_update_and_whole_is_all_of_it() -> None:
    meter = QualityMeter(3)
    rate(meter, 1, 250, 0)
    rate(meter, 1, 500, 25, 120.0)
    live, whole = meter.live(1), meter.whole(1)

    assert live == Quality.of(0.1, 1.0, 120.0)
    assert whole == Quality.of(0.05, 1.0, 90.0)
    assert (meter.r[1], meter.mos[1]) == (live.r, live.mos)
    assert (meter.live(0), meter.live(2)) == (None, None)


def test_losses_that_come_together_are_worse_than_those_that_do_not() -> None:
    meter = QualityMeter(2)
    play(meter, 0, "xxxx.xxxx.xxxx.xxxx.")
    play(meter, 1, "xxxx....xxxxxxxxxxxx")
    meter.update(np.array([0, 1]), [20, 20], [4, 4], 60.0)
    alone, together = meter.live(0), meter.live(1)

    assert alone is not None
    assert together is not None
    assert (alone.burst_ratio, together.burst_ratio) == (1.0, pytest.approx(4 * 0.8))
    assert together.r < alone.r
    assert meter.whole(1) == together


def test_a_burst_goes_on_through_ticks_in_which_other_legs_are_counted_and_through_an_update() -> None:
    meter = QualityMeter(2)
    play(meter, 0, "xx..")
    rate(meter, 0, 4, 2)
    play(meter, 0, "..xx")
    rate(meter, 0, 8, 4)
    live, whole = meter.live(0), meter.whole(0)

    assert live is not None
    assert whole is not None
    assert live.burst_ratio == 1.0
    assert whole.burst_ratio == 2.0  # four frames in one burst, half of the packets lost


def test_counters_that_fall_back_count_as_nothing_lost() -> None:
    """A packet that was counted as lost can still come: the next update sees fewer lost than the last."""
    meter = QualityMeter(1)
    rate(meter, 0, 100, 5)
    rate(meter, 0, 200, 4)
    live, whole = meter.live(0), meter.whole(0)

    assert live is not None
    assert whole is not None
    assert (live.loss, whole.loss) == (0.0, 0.02)


def test_a_row_that_is_cleared_remembers_nothing() -> None:
    meter = QualityMeter(1, G711)
    play(meter, 0, "x..")
    rate(meter, 0, 3, 2)
    meter.clear(0)
    assert (meter.live(0), meter.whole(0)) == (None, None)

    play(meter, 0, ".x")
    rate(meter, 0, 2, 1)
    assert meter.live(0) == meter.whole(0) == Quality.of(0.5, 1.0, 60.0, G711)
