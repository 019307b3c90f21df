"""Keys as RTP telephone events (RFC 4733): each key once, whatever the network does to its reports."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.rtp.telephone_event import KEYS, KeyReceiver, KeySender, TelephoneEvent, TelephoneEventError, parse

SSRC = 0x1234
STEP = 160
Report = tuple[int, int, bytes]


def reports(key: str, timestamp: int, length: int, ssrc: int = SSRC) -> list[Report]:
    """All reports of one key, as (SSRC, timestamp, payload)."""
    sender = KeySender(key, timestamp, length)
    out = []
    while step := sender.next(STEP):
        out.append((ssrc, timestamp, bytes(step[0])))
    return out


def long_key(key: str, timestamp: int, segments: int, longest: int = 0xFFFF) -> list[list[Report]]:
    """The reports of a key that is held longer than a report can tell, by segment (RFC 4733 §2.5.1.3)."""
    code = KEYS.index(key)
    out = []
    for segment in range(segments):
        last = segment == segments - 1
        durations = [*range(16000, longest, 16000), longest]
        start = (timestamp + segment * longest) & 0xFFFFFFFF
        out.append([(SSRC, start, bytes(TelephoneEvent(code, duration))) for duration in durations])
        if last:
            out[-1] += [(SSRC, start, bytes(TelephoneEvent(code, longest, end=True)))] * 3
    return out


def keys(received: "list[Report] | itertools.chain[Report]") -> str:
    """What a receiver makes of reports, in their order of arrival."""
    receiver = KeyReceiver()
    return "".join(key for each in received if (key := receiver.receive(*each)))


def delayed(sent: list[Report], rng: random.Random, *, loss: float, duplicates: float, jitter: int) -> list[Report]:
    """The same reports after a network that loses, repeats, and holds up each by at most `jitter` places."""
    arriving = []
    for place, report in enumerate(sent):
        copies = 1 + (rng.random() < duplicates)
        arriving += [(place + rng.random() * jitter, report) for _ in range(copies) if rng.random() >= loss]
    return [report for _, report in sorted(arriving, key=lambda each: each[0])]


# -- reading and writing one report -----------------------------------------------------------------------------


def test_a_report_is_written_as_the_rfc_draws_it() -> None:
    assert bytes(TelephoneEvent(11, 0x0320, end=True, volume=10)) == bytes.fromhex("0b 8a 0320")


@given(
    st.builds(TelephoneEvent, st.integers(0, 255), st.integers(0, 0xFFFF), st.booleans(), st.integers(0, 63)),
    st.binary(max_size=8),
)
def test_what_is_written_is_read_and_what_follows_is_left(report: TelephoneEvent, rest: bytes) -> None:
    assert parse(bytes(report) + rest) == report


@pytest.mark.parametrize("size", range(4))
def test_a_short_payload_is_refused(size: int) -> None:
    with pytest.raises(TelephoneEventError, match=f"takes 4 bytes, not {size}"):
        parse(bytes(size))


def test_a_duration_never_wraps() -> None:
    assert parse(bytes(TelephoneEvent(1, 70000))).duration == 0xFFFF


# -- sending ----------------------------------------------------------------------------------------------------


def test_a_key_is_sent_with_a_marker_first_and_three_ends() -> None:
    sender = KeySender("5", 1000, 4 * STEP)
    steps = [step for _ in range(10) if (step := sender.next(STEP))]

    assert [marker for _, marker in steps] == [True, False, False, False, False, False]
    assert [report.duration for report, _ in steps] == [160, 320, 480, 640, 640, 640]
    assert [report.end for report, _ in steps] == [False, False, False, True, True, True]
    assert {report.event for report, _ in steps} == {5}
    assert sender.next(STEP) is None


@pytest.mark.parametrize("key", KEYS)
def test_what_is_sent_is_received(key: str) -> None:
    assert keys(reports(key, 7, 8 * STEP)) == key


# -- receiving under loss ---------------------------------------------------------------------------------------


def test_a_key_arrives_once_whichever_of_its_packets_are_lost() -> None:
    """Every way to lose packets of two presses of one key, as long as one of each is left: 63 times 63."""
    first, second = reports("7", 1000, 4 * STEP), reports("7", 1000 + 10 * STEP, 4 * STEP)
    kept = [
        [each for bit, each in enumerate(range(len(first))) if mask >> bit & 1] for mask in range(1, 1 << len(first))
    ]
    for a, b in itertools.product(kept, kept):
        assert keys([*(first[i] for i in a), *(second[i] for i in b)]) == "77"


@pytest.mark.parametrize("seed", range(40))
def test_keys_arrive_once_each_and_in_order_over_a_bad_network(seed: int) -> None:
    """A tenth of the packets lost, a tenth repeated, each up to three places late; keys are 250 ms apart."""
    rng = random.Random(seed)
    pressed = "".join(rng.choice(KEYS) for _ in range(20))
    sent, start = [], rng.randrange(1 << 32)
    for number, key in enumerate(pressed):
        sent += reports(key, (start + number * 2000) & 0xFFFFFFFF, 8 * STEP)

    assert keys(delayed(sent, rng, loss=0.1, duplicates=0.1, jitter=3)) == pressed


def test_a_report_that_comes_after_the_next_key_is_passed_over() -> None:
    one, two = reports("1", 1000, 4 * STEP), reports("2", 3000, 4 * STEP)

    assert keys([*one[:-1], two[0], one[-1], *two[1:], one[0], two[0]]) == "12"


@pytest.mark.parametrize("start", [0, 1 << 31, (1 << 32) - 1, (1 << 32) - 70000])
def test_keys_go_on_over_the_wrap_of_the_timestamps(start: int) -> None:
    sent = [report for n in range(40) for report in reports("3", (start + n * 2000) & 0xFFFFFFFF, 4 * STEP)]

    assert keys(sent) == "3" * 40


# -- long events ------------------------------------------------------------------------------------------------


def test_a_key_held_for_half_a_minute_is_one_key_whichever_packets_are_lost() -> None:
    """Every way to lose reports of a key of three segments, whole segments included; then another key follows."""
    segments = long_key("9", 0xFFFFF000, 3)
    sent = [segments[0][0], segments[0][-1], segments[1][0], segments[1][-1], segments[2][0], segments[2][-1]]
    after = reports("9", (0xFFFFF000 + 3 * 0xFFFF + 1600) & 0xFFFFFFFF, 4 * STEP)
    for mask in range(1, 1 << len(sent)):
        arrived = [report for bit, report in enumerate(sent) if mask >> bit & 1]
        assert keys(arrived) == "9"
        assert keys([*arrived, *after]) == "99"


def test_a_segment_that_was_cut_earlier_than_at_the_limit_is_still_the_same_key() -> None:
    segments = long_key("9", 500, 3, longest=65440)

    assert keys(itertools.chain(*segments)) == "9"


def test_another_key_does_not_continue_a_long_one() -> None:
    first = long_key("4", 0, 2)[0]

    assert keys([*first, *reports("5", 0xFFFF, 4 * STEP)]) == "45"


def test_a_key_that_ended_is_not_continued() -> None:
    ended = (SSRC, 0, bytes(TelephoneEvent(4, 0xFFFF, end=True)))

    assert keys([ended, *reports("4", 0xFFFF, 4 * STEP)]) == "44"


# -- other streams, and what is no key --------------------------------------------------------------------------


def test_another_source_begins_anew_whatever_its_timestamps() -> None:
    sent = [*reports("1", 5000, 4 * STEP), *reports("1", 5000, 4 * STEP, ssrc=9), *reports("2", 10, 4 * STEP, ssrc=77)]

    assert keys(sent) == "112"


def test_keys_are_heard_after_the_timestamps_have_jumped_back() -> None:
    """A peer that starts its clock anew without telling must not be deaf to keys for a day."""
    assert keys([*reports("1", 2_000_000, 4 * STEP), *reports("2", 160, 4 * STEP)]) == "12"


def test_events_that_are_no_keys_are_passed_over() -> None:
    sent = [(SSRC, 800 * n, bytes(TelephoneEvent(event, 800))) for n, event in enumerate(range(16, 256))]

    assert keys([*sent, *reports("D", 900_000, 4 * STEP)]) == "D"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 0xFFFFFFFF), st.binary(max_size=8)), max_size=30))
def test_garbage_never_raises_and_the_next_key_is_heard(garbage: list[Report]) -> None:
    receiver = KeyReceiver()
    for report in garbage:
        receiver.receive(*report)

    assert receiver.receive(99, 5, bytes(TelephoneEvent(11, 160))) == "#"
    assert receiver.receive(99, 5, bytes(TelephoneEvent(11, 320))) is None
