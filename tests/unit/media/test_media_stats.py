"""What a leg received and lost, by sequence numbers (RFC 3550 §6.4.1 and appendix A.3)."""

import random

import numpy as np
import pytest

from ringback.media.reports import FarEnd
from ringback.media.stats import LegStats, StreamStats
from ringback.rtp.packet import RtpPacket, parse_columns


def count(stats: StreamStats, *packets: tuple[int, int, int], refused: int = 0, invalid: int = 0) -> None:
    """Count packets (row, sequence, SSRC) of one tick, and some of row 0 that were refused or no RTP."""
    data = [bytes(RtpPacket(0, sequence, 0, ssrc, bytes(160))) for _, sequence, ssrc in packets]
    data += [bytes(RtpPacket(0, 5, 0, 66, b""))] * refused + [bytes(172)] * invalid
    buffer = np.array([np.frombuffer(packet.ljust(172), np.uint8) for packet in data]).reshape(-1, 172)
    rows = np.array([row for row, _, _ in packets] + [0] * (refused + invalid), np.int64)
    admitted = np.arange(len(data)) < len(packets)
    bad = np.arange(len(packets) + refused, len(data))
    stats.count(rows, parse_columns(buffer, np.full(len(data), 172)), np.full(len(data), 172), admitted, bad)


def of(stats: StreamStats, row: int = 0, duplicates: int = 0) -> LegStats:
    return stats.of(row, late=0, duplicates=duplicates, resets=0, refused=0)


def test_a_leg_that_heard_nothing_lost_nothing() -> None:
    assert of(StreamStats(1)) == LegStats(0, 0, 0, 0, 0, 0, 0, 0, 0)


def test_packets_bytes_and_what_is_missing_are_counted() -> None:
    stats = StreamStats(2)
    count(stats, (0, 10, 1), (1, 5, 2), (0, 11, 1))
    count(stats, (0, 14, 1))

    assert of(stats) == LegStats(3, 0, 2, 0, 0, 0, 0, 0, 3 * 172)
    assert of(stats, 1) == LegStats(1, 0, 0, 0, 0, 0, 0, 0, 172)


def test_what_others_count_is_handed_through() -> None:
    stats = StreamStats(1)
    stats.sent[0] = 7

    figures = stats.of(0, late=1, duplicates=2, resets=3, refused=4).as_dict()
    assert (
        figures.items()
        >= {
            "received": 0,
            "sent": 7,
            "lost": 2,
            "late": 1,
            "duplicates": 2,
            "refused": 4,
            "invalid": 0,
            "resets": 3,
            "bytes_in": 0,
            "mos": 0.0,
            "delay_ms": 0.0,
        }.items()
    )


def test_only_what_was_admitted_counts_and_what_is_no_rtp_counts_apart() -> None:
    stats = StreamStats(1)
    count(stats, (0, 1, 1), refused=3, invalid=2)
    count(stats, invalid=1)

    assert of(stats) == LegStats(1, 0, 0, 0, 0, 0, 3, 0, 172)


@pytest.mark.long
@pytest.mark.parametrize(("start", "length"), [(0, 70000), (100, 500), (65000, 1000), (65535, 500)])
def test_order_and_the_wrap_of_the_sequence_lose_nothing(start: int, length: int) -> None:
    rng = random.Random(start)
    stats = StreamStats(1)
    numbers = [start, *sorted(range(start + 1, start + length), key=lambda number: number + rng.random() * 5)]
    for at in range(0, len(numbers), 500):
        count(stats, *((0, number & 0xFFFF, 1) for number in numbers[at : at + 500]))

    assert of(stats).lost == 0
    assert of(stats).received == length


def test_a_duplicate_does_not_hide_a_loss() -> None:
    stats = StreamStats(1)
    count(stats, (0, 1, 1), (0, 2, 1), (0, 2, 1), (0, 4, 1))

    assert of(stats, duplicates=1).lost == 1


def test_each_source_is_counted_by_its_own_numbers() -> None:
    stats = StreamStats(1)
    count(stats, (0, 100, 1), (0, 103, 1))
    count(stats, (0, 40000, 2), (0, 40002, 2))
    count(stats, (0, 7, 3))

    assert of(stats).lost == 2 + 1
    assert of(stats).received == 5


def test_a_source_that_begins_with_several_packets_of_one_tick_begins_once() -> None:
    stats = StreamStats(1)
    count(stats, (0, 100, 1), (0, 200, 2), (0, 201, 2))

    assert of(stats).received == 3
    assert of(stats).lost == 0


def test_a_row_that_is_cleared_remembers_nothing() -> None:
    stats = StreamStats(2)
    count(stats, (0, 1, 1), (0, 9, 1), (0, 50, 2), (1, 1, 1), (1, 3, 1), invalid=1)
    stats.sent[0] = 3
    stats.clear(0)

    assert of(stats) == LegStats(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert of(stats, 1).lost == 1
    count(stats, (0, 60000, 1))
    assert of(stats).lost == 0


def test_how_the_peer_hears_us_is_as_it_reports() -> None:
    """A report that tells nothing of the round trip leaves the last one; another leg in the row begins without any."""
    stats = StreamStats(1)
    stats.hear(0, FarEnd(0.25, 1, 0.01))
    stats.hear(0, FarEnd(None, 3, 0.02))
    figures = of(stats)
    assert (figures.rtt_ms, figures.far_lost, figures.far_jitter_ms) == (250, 3, 20)
    stats.clear(0)
    assert of(stats) == LegStats(0, 0, 0, 0, 0, 0, 0, 0, 0)


def test_a_source_is_told_by_its_numbers() -> None:
    stats = StreamStats(1)
    assert stats.source(0)[0] == -1
    count(stats, (0, 10, 7), (0, 13, 7))
    assert stats.source(0) == (7, 13, 4)
