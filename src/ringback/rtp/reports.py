"""The figures of RTCP reports (RFC 3550 §6): jitter, loss, round trips, and when the next report is due.

Jitter and loss are reckoned for many legs at once: their arguments are columns, one value a packet or one a leg. Who
keeps the columns is the caller's business.
"""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ringback.rtp.rtcp import ReportBlock

INTERVAL_SECONDS: Final = 5.0
"""Seconds between two reports of one side, on average (§6.2)."""
NO_TRANSIT: Final = -1
"""In the column of transit times: no packet of this stream has come yet."""
_LONGEST_STEP: Final = 10 * 8000
"""Timestamp units. A transit time that changes by ten seconds was not delayed: the timestamps have jumped."""
_NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970."""
_LONGEST_ROUND_TRIP: Final = 60.0
_CLOCK_SLACK: Final = -0.01
"""Seconds that a round trip may come out negative: both sides round, and a clock is nudged now and then."""

Integers = NDArray[np.int64]


class Rng(Protocol):
    """A source of randomness: `random.Random` with a seed in tests, `random.SystemRandom` in service."""

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of k random bits."""


def extend_sequence(highest: Integers, sequence: NDArray[np.uint16]) -> Integers:
    """Return the sequence numbers of packets on a scale that does not wrap, int64[n] (RFC 3550 §A.1).

    `highest` is for each packet the highest such number of its stream so far. The number nearest to it is meant: up
    to 32,767 ahead, or 32,768 behind for a packet that was overtaken. A report takes the lower 32 bits.
    """
    ahead = ((sequence.astype(np.int64) - highest + 0x8000) & 0xFFFF) - 0x8000
    extended: Integers = highest + ahead
    return extended


def update_jitter(
    jitter: NDArray[np.float64], transit: Integers, rows: Integers, arrival: Integers, timestamp: NDArray[np.uint32]
) -> None:
    """Take the packets of a tick into the interarrival jitter of their legs, in place (RFC 3550 §6.4.1, §A.8).

    Packet i belongs to leg `rows[i]`, came at `arrival[i]` and carries `timestamp[i]`, both in units of the timestamp
    clock; packets of one leg stand in the order in which they came. `jitter` (in the same units) and `transit` are
    columns of legs: to begin a stream set 0 and NO_TRANSIT.

    Give audio only: all reports of one telephone event carry one timestamp (RFC 4733 §2.2.1), which is no jitter. And
    `arrival` is worth what its clock is: sockets that are read each 20 ms hide what varies by less than that.
    """
    passing = (arrival - timestamp.astype(np.int64)) & 0xFFFFFFFF
    turn = np.zeros(len(jitter), np.int64)
    while len(rows):
        # A leg's second packet builds upon its first: each turn takes the first of each leg that is left. Written
        # backwards, the first is what stays.
        turn[rows[::-1]] = np.arange(len(rows) - 1, -1, -1)
        first = turn[rows] == np.arange(len(rows))
        legs, here = rows[first], passing[first]
        before = transit[legs]
        step = np.abs(((here - before + 0x80000000) & 0xFFFFFFFF) - 0x80000000)
        counts = (before != NO_TRANSIT) & (step <= _LONGEST_STEP)
        jitter[legs] += np.where(counts, (step - jitter[legs]) / 16, 0.0)
        transit[legs] = here
        rows, passing = rows[~first], passing[~first]


def loss(expected: int, received: int, expected_before: int, received_before: int) -> tuple[int, int]:
    """Return the fraction lost since the last report, of 256, and the packets lost since the beginning (§A.3).

    The arguments count packets since the beginning, now and at the last report. Duplicates count as received, so that
    the second figure may be negative; the first one is then 0. It is kept within 24 bits.
    """
    due = expected - expected_before
    lost = max(0, due - (received - received_before))
    fraction = min(lost * 256 // due, 255) if due > 0 else 0
    return fraction, max(-0x800000, min(expected - received, 0x7FFFFF))


def interval(rng: Rng, *, first: bool = False) -> float:
    """Return the seconds to wait before the next report: 2.5 to 7.5, and half of that before the first (§6.2, §6.3.1).

    Two parties at 64 kbit/s stay far below the share of the bandwidth that RTCP may have, so that only the minimum
    of the RFC counts. The chance in it keeps the reports of many legs apart.
    """
    seconds = INTERVAL_SECONDS * (0.5 + rng.getrandbits(32) / 2**32)
    return seconds / 2 if first else seconds


def ntp_time(now: float) -> int:
    """Write seconds since 1970 as 64 bits of NTP (§4)."""
    return int((now + _NTP_EPOCH) * 2**32) & 0xFFFFFFFFFFFFFFFF


def ntp_short(ntp: int) -> int:
    """Return the middle 32 bits of an NTP time: seconds and their fraction, 16 bits each."""
    return ntp >> 16 & 0xFFFFFFFF


def delay_since(received: float, now: float) -> int:
    """Return the time since a sender report came, for `ReportBlock.delay_since_last_sr`. Both in seconds."""
    return max(0, min(round((now - received) * 65536), 0xFFFFFFFF))


def round_trip(block: ReportBlock, now: int) -> float | None:
    """Return the seconds to the peer and back, from a report about us that came at `now` (`ntp_short`, §6.4.1).

    None where the peer had no sender report of ours, and where what it says cannot be: a negative time, or more than
    a minute.
    """
    if not block.last_sr:
        return None
    units = (now - block.last_sr - block.delay_since_last_sr) & 0xFFFFFFFF
    seconds = (units - (units >> 31 << 32)) / 65536
    return max(0.0, seconds) if _CLOCK_SLACK <= seconds <= _LONGEST_ROUND_TRIP else None
