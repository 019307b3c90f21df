"""The figures of RTCP reports, against the RFC's own code (RFC 3550 appendix A) written one packet at a time."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.rtp.reports import (
    NO_TRANSIT,
    delay_since,
    extend_sequence,
    interval,
    loss,
    ntp_short,
    ntp_time,
    round_trip,
    update_jitter,
)
from ringback.rtp.rtcp import ReportBlock

COUNT = st.integers(0, 2**33)
NOON = ntp_time(1_700_000_000.0)


def block(last_sr: int, delay: int) -> ReportBlock:
    return ReportBlock(1, 0, 0, 0, 0, last_sr, delay)


def test_sequence_numbers_on_a_scale_that_does_not_wrap() -> None:
    highest = np.array([65535, 65535, 131072, 70000, 5])
    sequence = np.array([0, 65530, 65535, 70000 - 65536 + 0x7FFF, 4], np.uint16)

    assert extend_sequence(highest, sequence).tolist() == [65536, 65530, 131071, 70000 + 0x7FFF, 4]


class OneStream:
    """Interarrival jitter as §A.8 has it, packet after packet."""

    def __init__(self) -> None:
        self.jitter = 0.0
        self.transit: int | None = None

    def receive(self, arrival: int, timestamp: int) -> None:
        transit = (arrival - timestamp) % 2**32
        if self.transit is not None:
            step = (transit - self.transit + 2**31) % 2**32 - 2**31
            self.jitter += (abs(step) - self.jitter) / 16
        self.transit = transit


def test_jitter_of_many_legs_is_that_of_each() -> None:
    """Forty legs, up to four packets of each in a tick, timestamps and arrivals that wrap."""
    rng = random.Random(1)
    legs = [OneStream() for _ in range(40)]
    jitter, transit = np.zeros(40), np.full(40, NO_TRANSIT)
    stamps = [rng.getrandbits(32) for _ in legs]
    for tick in range(50):
        packets = []
        for row in rng.choices(range(40), k=60):
            stamps[row] = (stamps[row] + 160) % 2**32
            packets.append((row, 2**32 - 4000 + 160 * tick + rng.randrange(400), stamps[row]))
        rows, arrival, timestamp = np.array(packets).T
        update_jitter(jitter, transit, rows, arrival, timestamp.astype(np.uint32))
        for row, came, stamp in packets:
            legs[row].receive(came, stamp)

    assert jitter == pytest.approx([leg.jitter for leg in legs])
    assert jitter.min() > 0


def test_an_even_stream_has_no_jitter_and_an_uneven_one_tends_to_its_mean() -> None:
    jitter, transit = np.zeros(2), np.full(2, NO_TRANSIT)
    for n in range(400):
        update_jitter(
            jitter, transit, np.array([0, 1]), np.array([160 * n, 160 * n + n % 2 * 80]), np.full(2, 160 * n, np.uint32)
        )

    assert jitter[0] == 0
    assert jitter[1] == pytest.approx(80)


def test_timestamps_that_jump_are_no_jitter() -> None:
    jitter, transit = np.zeros(1), np.full(1, NO_TRANSIT)
    for arrival, timestamp in ((0, 0), (160, 160), (320, 2**31), (480, 2**31 + 160)):
        update_jitter(jitter, transit, np.array([0]), np.array([arrival]), np.array([timestamp], np.uint32))

    assert jitter[0] == 0


def test_a_tick_without_packets_changes_nothing() -> None:
    jitter, transit = np.ones(1), np.ones(1, np.int64)
    update_jitter(jitter, transit, *(np.zeros(0, np.int64),) * 2, np.zeros(0, np.uint32))

    assert (jitter[0], transit[0]) == (1, 1)


@pytest.mark.parametrize(
    ("now", "before", "fraction", "cumulative"),
    [
        ((100, 100), (0, 0), 0, 0),
        ((100, 75), (0, 0), 64, 25),
        ((200, 175), (100, 75), 0, 25),
        ((300, 200), (200, 175), 192, 100),
        ((100, 103), (0, 0), 0, -3),
        ((100, 75), (100, 75), 0, 25),
        ((300, 100), (200, 100), 255, 200),
        ((2**30, 0), (2**30, 0), 0, 0x7FFFFF),
        ((0, 2**30), (0, 2**30), 0, -0x800000),
    ],
    ids=[
        "none",
        "a quarter",
        "before the last report",
        "in it",
        "duplicates",
        "nothing since",
        "all",
        "much",
        "little",
    ],
)
def test_loss(now: tuple[int, int], before: tuple[int, int], fraction: int, cumulative: int) -> None:
    assert loss(*now, *before) == (fraction, cumulative)


@given(COUNT, COUNT, COUNT, COUNT)
def test_loss_is_what_the_rfc_reckons(expected: int, received: int, expected_before: int, received_before: int) -> None:
    """§A.3, with the fraction kept within its byte."""
    fraction, cumulative = loss(expected, received, expected_before, received_before)
    due, lost = expected - expected_before, expected - expected_before - (received - received_before)

    assert fraction == (0 if due <= 0 or lost <= 0 else min((lost << 8) // due, 255))
    assert cumulative == max(-0x800000, min(expected - received, 0x7FFFFF))


def test_times_as_ntp_writes_them() -> None:
    """§6.4.1, figure 2: 2,208,988,800 s lie between 1900 and 1970."""
    assert ntp_time(0.0) == 2_208_988_800 << 32
    assert ntp_time(0.5) & 0xFFFFFFFF == 1 << 31
    assert ntp_short(0xB44D_B705_2000_0000) == 0xB705_2000
    assert ntp_time(2_085_978_496.0) == 0  # the era ends in 2036


def test_a_round_trip_as_the_rfc_draws_it() -> None:
    """§6.4.1, figure 2: sent at b705:2000, held for 5.25 s, heard of at b710:8000: six seconds and an eighth."""
    assert round_trip(block(0xB705_2000, 0x0005_4000), 0xB710_8000) == 6.125


@pytest.mark.parametrize(("travel", "held"), [(0.0, 0.0), (0.08, 2.0), (1.5, 0.0), (59.0, 5.0)])
@pytest.mark.parametrize("start", [1_700_000_000.0, 1_700_000_000.0 + 65536 - 1_700_000_000 % 65536])
def test_there_and_back(travel: float, held: float, start: float) -> None:
    sent, back = ntp_short(ntp_time(start)), ntp_short(ntp_time(start + travel + held))

    assert round_trip(block(sent, delay_since(100.0, 100.0 + held)), back) == pytest.approx(travel, abs=2 / 65536)


@pytest.mark.parametrize(
    ("last_sr", "delay", "expected"),
    [(0, 0, None), (NOON >> 16 & 0xFFFFFFFF, 300, 0.0), (NOON >> 16 & 0xFFFFFFFF, 70000, None),
     ((NOON >> 16) - 61 * 65536 & 0xFFFFFFFF, 0, None)],
    ids=["no report of ours", "rounded", "held for longer than it was away", "more than a minute"],
)  # fmt: skip
def test_round_trips_that_cannot_be(last_sr: int, delay: int, expected: float | None) -> None:
    assert round_trip(block(last_sr, delay), ntp_short(NOON)) == expected


def test_delays_are_kept_within_the_field() -> None:
    assert [delay_since(*times) for times in ((5.0, 4.0), (0.0, 1.5), (0.0, 1e6))] == [0, 98304, 0xFFFFFFFF]


class Dice:
    """Falls as told."""

    def __init__(self, share: float) -> None:
        self._share = share

    def getrandbits(self, k: int, /) -> int:
        return int(self._share * (2**k - 1))


def test_reports_are_due_every_five_seconds_give_or_take_a_half() -> None:
    assert [interval(Dice(share)) for share in (0, 0.5, 1)] == pytest.approx([2.5, 5, 7.5])
    assert [interval(Dice(share), first=True) for share in (0, 1)] == pytest.approx([1.25, 3.75])


def test_the_same_seed_waits_the_same_times() -> None:
    times = [[interval(rng) for _ in range(200)] for rng in (random.Random(3), random.Random(3))]

    assert times[0] == times[1]
    assert all(2.5 <= seconds < 7.5 for seconds in times[0])
    assert sum(times[0]) / 200 == pytest.approx(5, abs=0.25)
