"""When a leg reports, what it says, and what it learns from what its peer says."""

import itertools
import random
from dataclasses import replace

import pytest

from ringback.media.reports import Counts, FarEnd, Reports
from ringback.rtp.reports import ntp_short, ntp_time
from ringback.rtp.rtcp import ReceiverReport, RtcpPacket, SenderReport, SourceDescription, compound, parse

NOW = 1_750_000_000.0
OURS, THEIRS = 0xAAAA, 0xBBBB
COUNTS = Counts(
    ssrc=OURS,
    timestamp=16000,
    packets=100,
    octets=16000,
    source=THEIRS,
    highest=65536 + 99,
    expected=100,
    received=90,
    jitter=12.7,
)


def reports() -> Reports:
    made = Reports(random.Random(3550))
    made.open(0, "me", 0)
    return made


def said(made: Reports, counts: Counts = COUNTS, now: float = NOW) -> RtcpPacket:
    """The report that a compound begins with."""
    first, name = parse(made.report(0, counts, now))
    assert name == SourceDescription(((OURS, "me"),))
    return first


def test_reports_are_apart_as_the_rfc_wants_it() -> None:
    """2.5 to 7.5 s, half of that for the first one (§6.2, §6.3.1), each leg at its own time."""
    made = Reports(random.Random(1))
    for row in range(200):
        made.open(row, "x", 0)
    told: dict[int, list[int]] = {row: [] for row in range(200)}
    for tick in range(3000):
        for row in made.due(tick):
            told[row].append(tick)

    firsts = [ticks[0] / 50 for ticks in told.values()]
    gaps = [(b - a) / 50 for ticks in told.values() for a, b in itertools.pairwise(ticks)]
    assert 1.2 <= min(firsts) < 1.5
    assert 3.5 < max(firsts) <= 3.8
    assert 2.4 <= min(gaps) < 2.7
    assert 7.3 < max(gaps) <= 7.6
    assert sum(gaps) / len(gaps) == pytest.approx(5.0, abs=0.1)


def test_a_leg_that_is_closed_does_not_report_and_one_in_its_row_begins_anew() -> None:
    made = reports()
    made.close(0)
    assert 0 not in made
    assert [made.due(tick) for tick in range(400)] == [[]] * 400

    made.open(0, "me", 400)
    made.close(0)
    made.open(0, "me", 400)
    assert sum(len(made.due(tick)) for tick in range(400, 600)) == 1


def test_who_sends_and_hears_tells_both() -> None:
    report = said(reports())

    assert isinstance(report, SenderReport)
    assert (report.ssrc, report.info.packets, report.info.octets) == (OURS, 100, 16000)
    assert (report.info.ntp, report.info.rtp_timestamp) == (ntp_time(NOW), 16000)
    (block,) = report.blocks
    assert (block.ssrc, block.highest_sequence, block.jitter) == (THEIRS, 65635, 12)
    assert (block.last_sr, block.delay_since_last_sr) == (0, 0)


def test_who_sends_nothing_any_more_still_tells_what_it_hears() -> None:
    made = reports()
    said(made)
    report = said(made, replace(COUNTS, expected=200, received=190))

    assert isinstance(report, ReceiverReport)
    assert report.blocks[0].ssrc == THEIRS


def test_who_hears_nothing_tells_what_it_sends() -> None:
    report = said(reports(), replace(COUNTS, source=-1, expected=1, received=0))
    assert isinstance(report, SenderReport)
    assert report.blocks == ()


def test_a_peer_that_has_fallen_silent_is_not_reported_about() -> None:
    made = reports()
    said(made)
    assert said(made) == ReceiverReport(OURS, ())


def test_losses_are_told_since_the_last_report_and_since_the_beginning() -> None:
    made = reports()
    said(made, replace(COUNTS, expected=100, received=100))
    later = said(made, replace(COUNTS, expected=200, received=175))
    last = said(made, replace(COUNTS, expected=300, received=275))

    assert isinstance(later, ReceiverReport)
    assert (later.blocks[0].fraction_lost, later.blocks[0].cumulative_lost) == (64, 25)
    assert isinstance(last, ReceiverReport)
    assert (last.blocks[0].fraction_lost, last.blocks[0].cumulative_lost) == (0, 25)


def test_another_source_is_reported_about_from_its_own_beginning() -> None:
    made = reports()
    said(made, replace(COUNTS, expected=1000, received=900))
    first = said(made, replace(COUNTS, source=0xCCCC, expected=50, received=950))
    assert isinstance(first, ReceiverReport)
    assert (first.blocks[0].ssrc, first.blocks[0].cumulative_lost) == (0xCCCC, 0)

    then = said(made, replace(COUNTS, source=0xCCCC, expected=100, received=995))
    assert isinstance(then, ReceiverReport)
    assert then.blocks[0].cumulative_lost == 5


def test_the_way_there_and_back_is_measured_by_both() -> None:
    """30 ms there and 50 ms back, with a clock at the far end that is an hour wrong."""
    here, there, wrong = reports(), reports(), 3600.0
    ours = here.report(0, COUNTS, NOW)
    there.receive(0, ours, THEIRS, NOW + 0.03 + wrong)
    theirs = replace(COUNTS, ssrc=THEIRS, source=OURS, highest=7, expected=8, received=6)
    back = there.report(0, theirs, NOW + 2.03 + wrong)
    told = here.receive(0, back, OURS, NOW + 2.08)

    assert told is not None
    assert told.round_trip == pytest.approx(0.08, abs=0.001)
    assert (told.lost, told.jitter) == (0, 12 / 8000)
    again = said(here, replace(COUNTS, expected=200, received=200), NOW + 3.08)
    assert isinstance(again, ReceiverReport)
    assert again.blocks[0].last_sr == ntp_short(ntp_time(NOW + 2.03 + wrong))
    assert again.blocks[0].delay_since_last_sr == pytest.approx(65536, abs=2)


def test_a_peer_that_has_not_heard_our_report_yet_tells_no_round_trip() -> None:
    theirs = replace(COUNTS, ssrc=THEIRS, source=OURS)
    told = reports().receive(0, reports().report(0, theirs, NOW), OURS, NOW)
    assert told == FarEnd(None, 0, 12 / 8000)


@pytest.mark.parametrize("data", [b"", b"\x80\xc8", bytes(40), compound(1, "x")[:-1], compound(THEIRS, "they")])
def test_what_tells_nothing_of_us_or_nothing_at_all_is_passed_over(data: bytes) -> None:
    assert reports().receive(0, data, OURS, NOW) is None


def test_the_last_report_says_goodbye() -> None:
    made = reports()
    assert [type(packet).__name__ for packet in parse(made.report(0, COUNTS, NOW, bye=True))] == [
        "SenderReport",
        "SourceDescription",
        "Goodbye",
    ]
