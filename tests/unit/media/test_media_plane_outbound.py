"""The plane's sending half: clips and keys as packets, with the pace, numbers and timestamps that receivers rely on."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from ringback.media import g711
from ringback.media.arena import ArenaError
from ringback.media.keypad import KeypadError, KeysSent
from ringback.media.plane import KeyPressed, LegSetup
from ringback.media.players import PlayEnded
from ringback.rtp.packet import RtpPacket
from ringback.rtp.telephone_event import KeyReceiver, parse
from tests.unit.media.plane_rig import EVENTS, FRAME, PCMU_AND_PCMA, Peer, PlaneRig, levels, pitch, sine


@pytest.fixture
def rig(tmp_path: Path) -> PlaneRig:
    return PlaneRig(tmp_path)


def noise(frames: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(200, 32000, round(frames * FRAME)).astype(np.int16)


def keys_of(packets: list[RtpPacket]) -> str:
    """What a peer makes of the events sent to it."""
    receiver, keys = KeyReceiver(), ""
    for packet in packets:
        if packet.payload_type == EVENTS:
            keys += receiver.receive(packet.ssrc, packet.timestamp, packet.payload) or ""
    return keys


# -- a stream ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", [0, 8])
def test_who_has_nothing_to_hear_hears_silence(rig: PlaneRig, codec: int) -> None:
    row = rig.leg(codec=codec)
    rig.ticks(5)

    assert {packet.payload for packet in rig.packets[row]} == {bytes([g711.SILENCE[g711.PCMA if codec else 0]]) * 160}
    assert {packet.payload_type for packet in rig.packets[row]} == {codec}


@pytest.mark.parametrize(("sequence", "timestamp"), [(0, 0), (65530, 0xFFFFFFFF - 500), (32767, 1)])
def test_numbers_and_timestamps_go_on_from_their_beginning_and_wrap(
    rig: PlaneRig, sequence: int, timestamp: int
) -> None:
    row = rig.leg(sequence=sequence, timestamp=timestamp)
    rig.ticks(20)
    packets = rig.packets[row]

    assert [packet.sequence for packet in packets] == [(sequence + n) & 0xFFFF for n in range(20)]
    assert [packet.timestamp for packet in packets] == [(timestamp + n * FRAME) & 0xFFFFFFFF for n in range(20)]
    assert [packet.marker for packet in packets] == [True] + [False] * 19
    assert {packet.ssrc for packet in packets} == {0xABCD}


@pytest.mark.parametrize("milliseconds", [10, 20, 30, 40, 50, 60])
def test_packets_hold_what_was_asked_for(rig: PlaneRig, milliseconds: int) -> None:
    size, said = milliseconds * 8, noise(60)
    row = rig.leg(packet_ms=milliseconds)
    rig.plane.play(row, rig.clip("a", said), 1, token=1)
    rig.ticks(60)
    packets = rig.packets[row]

    assert len(packets) == 60 * FRAME // size
    assert {len(packet.payload) for packet in packets} == {size}
    assert [packet.timestamp for packet in packets] == [5000 + n * size for n in range(len(packets))]
    assert [packet.sequence for packet in packets] == [100 + n for n in range(len(packets))]
    assert [packet.marker for packet in packets] == [True] + [False] * (len(packets) - 1)
    assert np.array_equal(rig.sent_audio(row), levels(said)[: len(packets) * size])
    assert rig.plane.stats(row).sent == len(packets)


def test_what_was_played_to_one_peer_is_heard_by_the_plane_of_the_other(rig: PlaneRig) -> None:
    """Two legs whose packets go to each other."""
    one, two = rig.leg(codec=8), rig.leg(packet_ms=60)
    said = noise(30)
    rig.plane.play(one, rig.clip("a", said), 1, token=1)
    rig.plane.press(two, "9", token=2)
    done = {one: 0, two: 0}
    for _ in range(60):
        under_way = [(other, bytes(packet)) for row, other in ((one, two), (two, one)) for packet in
                     rig.packets[row][done[row] :]]  # fmt: skip
        done = {row: len(rig.packets[row]) for row in done}
        rig.tick(*under_way)
    heard = rig.heard(two)
    start = int(np.flatnonzero(heard > 8)[0])

    assert np.array_equal(heard[start : start + len(said)], levels(said, g711.PCMA))
    assert rig.of(KeyPressed) == [KeyPressed(one, "9")]


def test_a_leg_on_hold_sends_nothing_and_begins_again_with_a_marker(rig: PlaneRig) -> None:
    row = rig.leg()
    rig.ticks(3)
    rig.plane.setup(row, LegSetup(0, PCMU_AND_PCMA, EVENTS, sends=False))
    rig.ticks(10)
    assert len(rig.packets[row]) == 3
    rig.plane.setup(row, LegSetup(8, PCMU_AND_PCMA, EVENTS))
    rig.ticks(2)
    after = rig.packets[row][3:]

    assert [(packet.marker, packet.sequence, packet.payload_type) for packet in after] == [
        (True, 103, 8),
        (False, 104, 8),
    ]
    assert after[0].timestamp == 5000 + 13 * FRAME


def test_a_clip_ends_and_keys_are_pressed_on_hold_too(rig: PlaneRig) -> None:
    row = rig.leg(sends=False)
    rig.plane.play(row, rig.clip("a", noise(3)), 1, token=1)
    rig.plane.press(row, "1", token=2)
    rig.ticks(20)

    assert rig.events == [PlayEnded(row, 1), KeysSent(row, 2)]
    assert rig.packets == {}


# -- clips ------------------------------------------------------------------------------------------------------


def test_a_clip_is_sent_sample_by_sample_and_its_end_reported_with_its_last_frame(rig: PlaneRig) -> None:
    row, said = rig.leg(), noise(7.5)
    rig.plane.play(row, rig.clip("a", said), 1, token=5)
    rig.ticks(7)
    assert rig.events == []
    rig.ticks(1)
    assert rig.events == [PlayEnded(row, 5)]
    rig.ticks(2)
    sent = rig.sent_audio(row)

    assert np.array_equal(sent[: len(said)], levels(said))
    assert not sent[len(said) :].any()


def test_a_clip_that_is_stopped_falls_silent_with_the_next_frame(rig: PlaneRig) -> None:
    row, said = rig.leg(), noise(50)
    rig.plane.play(row, rig.clip("a", said), 0, token=5)
    rig.ticks(70)
    rig.plane.stop(row, token=4)
    rig.ticks(1)
    rig.plane.stop(row, token=5)
    rig.ticks(3)
    sent = rig.sent_audio(row)

    assert np.array_equal(sent[: 71 * FRAME], levels(np.concatenate([said, said[: 21 * FRAME]])))
    assert not sent[71 * FRAME :].any()
    assert rig.events == []


def test_a_clip_takes_the_place_of_another_without_a_gap(rig: PlaneRig) -> None:
    row, one, two = rig.leg(), noise(20), noise(4, 1)
    rig.plane.play(row, rig.clip("a", one), 1, token=1)
    rig.ticks(5)
    rig.plane.play(row, rig.clip("b", two), 2, token=2)
    rig.ticks(8)

    assert np.array_equal(rig.sent_audio(row), levels(np.concatenate([one[: 5 * FRAME], two, two])))
    assert rig.events == [PlayEnded(row, 1), PlayEnded(row, 2)]


def test_an_empty_clip_ends_with_the_next_tick(rig: PlaneRig) -> None:
    row = rig.leg()
    rig.plane.play(row, rig.clip("empty", noise(0)), 1, token=1)
    rig.ticks(1)

    assert rig.events == [PlayEnded(row, 1)]


def test_a_clip_that_cannot_be_had_leaves_what_plays(rig: PlaneRig) -> None:
    row, said = rig.leg(), noise(5)
    rig.plane.play(row, rig.clip("a", said), 1, token=1)
    rig.ticks(2)
    with pytest.raises(ArenaError, match="none cannot be read"):
        rig.plane.play(row, rig.folder / "none", 1, token=2)
    rig.ticks(3)

    assert np.array_equal(rig.sent_audio(row), levels(said))


@pytest.mark.long
def test_a_long_clip_is_sent_whole_although_it_is_read_while_it_plays(rig: PlaneRig) -> None:
    """Thirty seconds, of which four are read at once; twenty others are read at the same time."""
    row, said = rig.leg(), noise(1500)
    for number in range(20):
        rig.plane.arena.acquire(rig.clip(f"other {number}", noise(300, number)), budget=320)
    rig.plane.play(row, rig.clip("a", said), 1, token=1)
    rig.ticks(1500)

    assert np.array_equal(rig.sent_audio(row), levels(said))


@pytest.mark.long
def test_many_legs_hear_each_its_own_clip(tmp_path: Path) -> None:
    """Forty legs of two codecs and three packet lengths, a tone each: every peer hears its own, a second long."""
    rig = PlaneRig(tmp_path, capacity=40)
    legs = {}
    for number in range(40):
        row = rig.leg(codec=8 * (number % 2), packet_ms=(20, 40, 60)[number % 3])
        legs[row] = 300 + 50 * number
        rig.plane.play(row, rig.clip(str(number), sine(legs[row], 1)), 0, token=number)
    rig.ticks(54)

    assert {row: pitch(rig.sent_audio(row, row % 2)) for row in legs} == legs


# -- keys as events ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("milliseconds", [10, 20, 30, 40, 50, 60])
@pytest.mark.parametrize("before", range(4))
def test_keys_are_paced_and_audio_goes_on_as_if_it_had_not_been_interrupted(
    rig: PlaneRig, milliseconds: int, before: int
) -> None:
    """Wherever in a packet the key falls: numbers have no gap, and each sample is sent at its own timestamp."""
    said = noise(80)
    row = rig.leg(packet_ms=milliseconds)
    rig.plane.play(row, rig.clip("a", said), 1, token=1)
    rig.ticks(before)
    rig.plane.press(row, "1#", token=2)
    ticks = []
    for _ in range(60):
        start = len(rig.packets[row])
        rig.tick()
        ticks.append(rig.packets[row][start:])
    packets = rig.packets[row]
    events = [[packet for packet in tick if packet.payload_type == EVENTS] for tick in ticks]
    keyed = [n for n, each in enumerate(events) if each]

    assert keyed == [*range(10), *range(15, 25)]
    assert all(len(each) <= 1 for each in events)
    assert all(not [packet for packet in ticks[n] if packet.payload_type != EVENTS] for n in keyed)
    assert keys_of(packets) == "1#"
    for at, first in ((0, 0), (1, 15)):
        reports = [events[n][0] for n in keyed[10 * at : 10 * at + 10]]
        assert [packet.marker for packet in reports] == [True] + [False] * 9
        assert {packet.timestamp for packet in reports} == {5000 + (before + first) * FRAME}
        assert [parse(packet.payload).end for packet in reports] == [False] * 7 + [True] * 3
        assert [parse(packet.payload).duration for packet in reports] == [
            *range(FRAME, 9 * FRAME, FRAME),
            8 * FRAME,
            8 * FRAME,
        ]
    assert [packet.sequence for packet in packets] == [(100 + n) & 0xFFFF for n in range(len(packets))]
    heard = levels(said)
    sound = [packet for packet in packets if packet.payload_type != EVENTS]
    assert {len(packet.payload) for packet in sound} == {milliseconds * 8}
    for packet in sound:
        at = packet.timestamp - 5000
        assert np.array_equal(g711.decode(packet.payload), heard[at : at + len(packet.payload)])
    # What is missing is what was said during the keys, and what did not fill a packet before them.
    after = [packet.timestamp for packet in sound if packet.timestamp >= 5000 + (before + 25) * FRAME]
    assert after[0] == 5000 + (before + 25) * FRAME
    assert all(b - a == milliseconds * 8 for a, b in itertools.pairwise(after))
    assert rig.of(KeysSent) == [KeysSent(row, 2)]


def test_keys_wait_for_those_that_are_being_pressed(rig: PlaneRig) -> None:
    row = rig.leg()
    rig.plane.press(row, "12", token=1)
    rig.ticks(3)
    rig.plane.press(row, "34", token=2)
    rig.ticks(80)

    assert keys_of(rig.packets[row]) == "1234"
    assert rig.events == [KeysSent(row, 1), KeysSent(row, 2)]


def test_the_event_type_is_the_one_that_was_negotiated(rig: PlaneRig) -> None:
    row = rig.leg(telephone_event=96)
    rig.plane.press(row, "5", token=1)
    rig.ticks(1)

    assert [packet.payload_type for packet in rig.packets[row]] == [96]


def test_a_peer_that_no_longer_takes_events_gets_none(rig: PlaneRig) -> None:
    row = rig.leg()
    rig.plane.press(row, "5", token=1)
    rig.ticks(2)
    rig.plane.setup(row, LegSetup(0, PCMU_AND_PCMA, None))
    rig.ticks(20)

    assert len([packet for packet in rig.packets[row] if packet.payload_type == EVENTS]) == 2
    assert {len(packet.payload) for packet in rig.packets[row][2:]} == {160}
    assert rig.of(KeysSent) == [KeysSent(row, 1)]


# -- keys as tones ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("milliseconds", [20, 40])
def test_without_events_keys_are_tones_in_place_of_the_clip(rig: PlaneRig, milliseconds: int) -> None:
    row, said = rig.leg(telephone_event=None, packet_ms=milliseconds), sine(440, 2)
    rig.plane.play(row, rig.clip("a", said), 1, token=1)
    rig.plane.press(row, "6", token=2)
    rig.ticks(20)
    sent = rig.sent_audio(row)
    spectrum = np.abs(np.fft.rfft(sent[: 8 * FRAME] * np.hanning(8 * FRAME), 8000))

    assert {packet.payload_type for packet in rig.packets[row]} == {0}
    assert sorted(int(lo + spectrum[lo:hi].argmax()) for lo, hi in ((600, 1050), (1100, 1700))) == pytest.approx(
        [770, 1477], abs=3
    )
    assert spectrum[440] < spectrum.max() / 50
    assert np.array_equal(sent[8 * FRAME :], levels(said)[8 * FRAME : 20 * FRAME])
    assert rig.events == [KeysSent(row, 2)]


def test_what_is_no_key_is_refused(rig: PlaneRig) -> None:
    row = rig.leg()
    with pytest.raises(KeypadError, match="not a key: 'x'"):
        rig.plane.press(row, "1x", token=1)
    rig.ticks(1)

    assert [packet.payload_type for packet in rig.packets[row]] == [0]


def test_keys_of_a_peer_do_not_disturb_what_it_hears(rig: PlaneRig) -> None:
    row, said = rig.leg(), noise(10)
    rig.plane.play(row, rig.clip("a", said), 1, token=1)
    peer = Peer(row)
    for duration in range(10):
        rig.tick((row, peer.packet(EVENTS, bytes([5, 10, 0, duration]), timestamp=0)))

    assert np.array_equal(rig.sent_audio(row), levels(said))
    assert rig.of(KeyPressed) == [KeyPressed(row, "5")]
