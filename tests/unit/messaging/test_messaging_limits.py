"""Rates and the stop for two numbers that answer each other."""

from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.limits import PairLimit, Rate


@given(st.floats(0.1, 50), st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_no_more_than_the_rate_goes_in_any_time(per_second: float, pauses: list[float]) -> None:
    """Of a burst as much as a second's worth, and one at least."""
    rate = Rate(per_second)
    now, went = 100.0, []
    for pause in pauses:
        now += pause
        if rate.delay("x", now) == 0:
            went.append(now)
    for first, start in enumerate(went):
        for last in range(first, len(went)):
            allowed = max(1.0, per_second) + (went[last] - start) * per_second
            assert last - first + 1 <= allowed + 1.0001


def test_whoever_waits_as_long_as_told_may_go() -> None:
    rate = Rate(1)
    assert rate.delay("x", 0.0) == 0
    assert rate.delay("x", 0.25) == 0.75
    assert rate.delay("y", 0.25) == 0
    assert rate.delay("x", 1.0) == 0


def test_zero_is_no_limit_and_names_are_forgotten() -> None:
    assert all(Rate(0).delay("x", 0.0) == 0 for _ in range(100))
    rate = Rate(1, names=2)
    for name in "abc":
        rate.delay(name, 0.0)
    assert rate.delay("a", 0.0) == 0


def test_a_pair_is_stopped_whoever_sends() -> None:
    limit = PairLimit(most=4, seconds=10)
    assert [limit.allows("a", "b", 0), limit.allows("b", "a", 1), limit.allows("a", "b", 2)] == [True] * 3
    assert limit.allows("b", "a", 3)
    assert not limit.allows("a", "b", 9.9)
    assert limit.allows("a", "c", 9.9)
    assert limit.allows("a", "b", 10)


def test_pairs_are_forgotten() -> None:
    limit = PairLimit(most=1, pairs=2)
    for other in "bcd":
        limit.allows("a", other, 0)
    assert limit.allows("a", "b", 1)
