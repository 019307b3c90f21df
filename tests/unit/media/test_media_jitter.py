"""The jitter ring: whatever order packets come in, what comes out is what was said, sample by sample."""

import random
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.media.jitter import DELAY, UNIT, UNITS, JitterRing

FRAME = 2 * UNIT
DELAY_FRAMES = DELAY // 2


@dataclass(frozen=True)
class Packet:
    """Samples of one leg's stream, and when they were said."""

    timestamp: int
    samples: NDArray[np.int16]
    ssrc: int = 7
    marker: bool = False
    row: int = 0


def speech(count: int, seed: int = 0) -> NDArray[np.int16]:
    """Samples of which none is silence, so that a hole cannot be taken for audio."""
    return np.random.default_rng(seed).integers(1, 32767, count).astype(np.int16)


def packets(audio: NDArray[np.int16], size: int, timestamp: int = 0, ssrc: int = 7, row: int = 0) -> list[Packet]:
    """The audio in packets of that many samples, the first of them marked."""
    return [
        Packet((timestamp + at) & 0xFFFFFFFF, audio[at : at + size], ssrc, at == 0, row)
        for at in range(0, len(audio), size)
    ]


class Rig:
    """A ring, and all that was taken out of it."""

    def __init__(self, capacity: int = 1) -> None:
        self.ring = JitterRing(capacity)
        self.capacity = capacity
        self._heard: list[NDArray[np.int16]] = []

    def tick(self, arrived: list[Packet]) -> None:
        """Put what has arrived, then take a frame of each leg."""
        if arrived:
            samples = np.zeros((len(arrived), max(len(packet.samples) for packet in arrived)), np.int16)
            for row, packet in zip(samples, arrived, strict=True):
                row[: len(packet.samples)] = packet.samples
            self.ring.put(
                np.array([packet.row for packet in arrived]),
                samples,
                np.array([len(packet.samples) for packet in arrived]),
                np.array([packet.timestamp for packet in arrived], np.uint32),
                np.array([packet.ssrc for packet in arrived], np.uint32),
                np.array([packet.marker for packet in arrived]),
            )
        frames = np.zeros((self.capacity, FRAME), np.int16)
        self.ring.take(frames)
        self._heard.append(frames)

    def deliver(self, ticks: dict[int, list[Packet]], until: int) -> None:
        """Let packets arrive in the ticks named."""
        for tick in range(until):
            self.tick(ticks.get(tick, []))

    def heard(self, row: int = 0) -> NDArray[np.int16]:
        """All that a leg was heard to say so far."""
        return np.concatenate([frame[row] for frame in self._heard])

    def spoken(self, row: int = 0) -> NDArray[np.int16]:
        """The same from the first sample that is not silence to the last."""
        heard = self.heard(row)
        sound = np.flatnonzero(heard)
        return heard[sound[0] : sound[-1] + 1] if len(sound) else heard[:0]


def in_time(sent: list[Packet], start: int = 0) -> dict[int, list[Packet]]:
    """Each packet arrives in the tick in which its last sample has been said."""
    ticks: dict[int, list[Packet]] = {}
    said = 0
    for packet in sent:
        said += len(packet.samples)
        ticks.setdefault(start + (said - 1) // FRAME, []).append(packet)
    return ticks


# -- packets that come as they should ---------------------------------------------------------------------------


@pytest.mark.parametrize("milliseconds", [10, 20, 30, 40, 50, 60])
def test_packets_of_each_length_come_out_whole(milliseconds: int) -> None:
    audio = speech(milliseconds * 8 * 20)
    rig = Rig()
    rig.deliver(in_time(packets(audio, milliseconds * 8)), 100)

    assert np.array_equal(rig.spoken(), audio)


def test_what_is_heard_is_forty_milliseconds_old() -> None:
    audio = speech(10 * FRAME)
    rig = Rig()
    rig.deliver(in_time(packets(audio, FRAME)), 12)

    assert np.array_equal(rig.heard(), np.concatenate([np.zeros(DELAY_FRAMES * FRAME, np.int16), audio]))


def test_nothing_is_heard_before_the_first_packet() -> None:
    rig = Rig()
    rig.deliver({}, 5)

    assert not rig.heard().any()


def test_packets_of_changing_lengths_come_out_whole() -> None:
    rng = random.Random(6)
    audio = speech(6000)
    sent, at = [], 0
    while at < len(audio):
        size = rng.choice((80, 160, 240, 320, 400, 480))
        sent.append(Packet(at, audio[at : at + size]))
        at += size
    rig = Rig()
    rig.deliver(in_time(sent), 60)

    assert np.array_equal(rig.spoken(), audio)


@pytest.mark.parametrize("start", [0, 1, 0x7FFFFF00, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFF - 1000])
@pytest.mark.parametrize("size", [80, 160, 240])
def test_timestamps_wrap_unnoticed(start: int, size: int) -> None:
    audio = speech(30 * 480)
    rig = Rig()
    rig.deliver(in_time(packets(audio, size, start)), 120)

    assert np.array_equal(rig.spoken(), audio)
    assert rig.ring.resets[0] == 0


def test_samples_after_whole_units_are_dropped_and_other_lengths_refused() -> None:
    audio = speech(4000)
    sent = [
        Packet(0, audio[:200]),
        Packet(160, audio[200:279]),
        Packet(160, audio[:0]),
        Packet(160, audio[1000:1560]),
        Packet(160, audio[300:460]),
    ]
    rig = Rig()
    rig.deliver({0: sent, 1: sent[1:3]}, 10)

    assert np.array_equal(rig.spoken(), np.concatenate([audio[:160], audio[300:460]]))


def test_a_stream_whose_timestamps_are_off_by_half_a_unit_stays_whole() -> None:
    """After a pause some senders go on at any timestamp; what they say moves by less than 10 ms, and none is lost."""
    first, second = speech(10 * FRAME), speech(10 * FRAME, 1)
    sent = in_time(packets(first, FRAME)) | in_time(packets(second, FRAME, 20 * FRAME + 37), start=20)
    rig = Rig()
    rig.deliver(sent, 40)
    heard = rig.heard()

    assert np.array_equal(heard[2 * FRAME : 12 * FRAME], first)
    assert np.array_equal(heard[22 * FRAME : 32 * FRAME], second)


# -- packets that do not ----------------------------------------------------------------------------------------


def test_order_is_restored() -> None:
    audio = speech(8 * FRAME)
    sent = packets(audio, FRAME)
    rig = Rig()
    rig.deliver({0: [sent[0]], 1: [sent[2]], 2: [sent[1], sent[4]], 3: [sent[3]], 4: sent[:4:-1]}, 12)

    assert np.array_equal(rig.spoken(), audio)
    assert rig.ring.late[0] == 0


def test_a_lost_packet_is_silence_and_nothing_else_moves() -> None:
    audio = speech(10 * FRAME)
    ticks = in_time(packets(audio, FRAME))
    del ticks[4]
    rig = Rig()
    rig.deliver(ticks, 12)
    audio[4 * FRAME : 5 * FRAME] = 0

    assert np.array_equal(rig.spoken(), audio)


def test_half_a_frame_that_is_lost_is_ten_milliseconds_of_silence() -> None:
    audio = speech(20 * UNIT)
    sent = [packet for at, packet in enumerate(packets(audio, UNIT)) if at != 7]
    rig = Rig()
    rig.deliver({0: sent}, 12)
    audio[7 * UNIT : 8 * UNIT] = 0

    assert np.array_equal(rig.spoken(), audio)


@pytest.mark.parametrize("size", [80, 160, 480])
def test_duplicates_are_counted_and_heard_once(size: int) -> None:
    """Whether the copy comes in the same tick or in another."""
    audio = speech(6 * 480)
    sent = packets(audio, size)
    rig = Rig()
    rig.deliver({0: [sent[0], sent[1], sent[1], sent[1]], 1: [sent[1], *sent[2:]]}, 30)

    assert np.array_equal(rig.spoken(), audio)
    assert rig.ring.duplicates[0] == 3


def test_a_packet_that_comes_too_late_is_dropped_and_counted() -> None:
    audio = speech(10 * FRAME)
    ticks = in_time(packets(audio, FRAME))
    ticks[7] = [*ticks[7], *ticks.pop(4)]
    rig = Rig()
    rig.deliver(ticks, 12)
    audio[4 * FRAME : 5 * FRAME] = 0

    assert np.array_equal(rig.spoken(), audio)
    assert (rig.ring.late[0], rig.ring.resets[0]) == (1, 0)


@pytest.mark.parametrize("size", [80, 160, 480])
def test_a_late_packet_that_comes_alone_is_dropped_whatever_its_length(size: int) -> None:
    sent = packets(speech(20 * 480), size)
    rig = Rig()
    rig.deliver({0: sent[:1], 20: sent[1:2], 21: sent[2:3]}, 30)

    assert np.array_equal(rig.spoken(), sent[0].samples)
    assert rig.ring.late[0] == 2


def test_the_last_moment_is_not_too_late() -> None:
    audio = speech(10 * FRAME)
    ticks = in_time(packets(audio, FRAME))
    ticks[6] = [*ticks[6], *ticks.pop(4)]
    rig = Rig()
    rig.deliver(ticks, 12)

    assert np.array_equal(rig.spoken(), audio)
    assert rig.ring.late[0] == 0


def test_five_late_packets_in_a_row_move_the_stream() -> None:
    """A network that has become slower for good: what follows is heard whole, with the new delay."""
    audio = speech(40 * FRAME)
    sent = packets(audio, FRAME)
    rig = Rig()
    rig.deliver({at if at < 10 else at + 10: [packet] for at, packet in enumerate(sent)}, 60)

    assert (rig.ring.late[0], rig.ring.resets[0]) == (5, 1)
    assert np.array_equal(rig.heard()[(24 + 2) * FRAME : (49 + 3) * FRAME], audio[14 * FRAME :])


def test_late_packets_with_good_ones_between_never_move_the_stream() -> None:
    audio = speech(60 * FRAME)
    ticks = in_time(packets(audio, FRAME))
    for at in range(0, 50, 5):
        ticks[at + 5] = [*ticks[at + 5], *ticks.pop(at + 1)]
    rig = Rig()
    rig.deliver(ticks, 62)

    assert (rig.ring.late[0], rig.ring.resets[0], rig.ring.added[0]) == (2, 0, 3)


@pytest.mark.parametrize("jump", [UNITS * UNIT + FRAME, 100_000, 0x7FFFFF00, -100_000, -UNITS * UNIT])
def test_a_jump_of_the_timestamps_begins_the_stream_anew(jump: int) -> None:
    """The first talk spurt after it is marked, so that nothing is lost whichever way it goes."""
    before, after = speech(10 * FRAME), speech(10 * FRAME, 1)
    start = (1_000_000 + 10 * FRAME + jump) & 0xFFFFFFFF
    rig = Rig()
    rig.deliver(in_time(packets(before, FRAME, 1_000_000)), 12)
    rig.deliver(in_time(packets(after, FRAME, start)), 12)

    assert np.array_equal(rig.heard()[2 * FRAME : 12 * FRAME], before)
    assert np.array_equal(rig.heard()[14 * FRAME :], after)
    assert rig.ring.resets[0] == 1


def test_packets_of_one_tick_move_the_stream_once() -> None:
    """Three packets that lie far ahead come together: the second and third fit where the first one moved it."""
    before, after = speech(5 * FRAME), speech(6 * FRAME, 1)
    moved = packets(after, FRAME, 900_000)
    rig = Rig()
    rig.deliver(in_time(packets(before, FRAME)), 7)
    rig.deliver({0: moved[:3], 1: moved[3:]}, 10)

    assert np.array_equal(rig.heard()[9 * FRAME : 15 * FRAME], after)
    assert rig.ring.resets[0] == 1


def test_a_pause_of_the_sender_is_silence_of_the_same_length() -> None:
    """A sender that says nothing while nobody speaks marks where it goes on (RFC 3551 §4.1)."""
    first, second = speech(10 * FRAME), speech(10 * FRAME, 1)
    rig = Rig()
    rig.deliver(in_time(packets(first, FRAME)) | in_time(packets(second, FRAME, 200 * FRAME), start=200), 215)
    heard = rig.heard()

    assert np.array_equal(heard[2 * FRAME : 12 * FRAME], first)
    assert not heard[12 * FRAME : 202 * FRAME].any()
    assert np.array_equal(heard[202 * FRAME : 212 * FRAME], second)
    assert rig.ring.resets[0] == 0


def test_a_sender_whose_clock_stands_still_in_its_pauses_is_heard_all_the_same() -> None:
    first, second = speech(10 * FRAME), speech(10 * FRAME, 1)
    rig = Rig()
    rig.deliver(in_time(packets(first, FRAME)) | in_time(packets(second, FRAME, 10 * FRAME), start=200), 215)

    assert np.array_equal(rig.heard()[202 * FRAME : 212 * FRAME], second)
    assert rig.ring.resets[0] == 1


def test_another_source_begins_anew() -> None:
    first, second = speech(10 * FRAME), speech(10 * FRAME, 1)
    rig = Rig()
    rig.deliver(in_time(packets(first, FRAME)), 12)
    rig.deliver(in_time(packets(second, FRAME, 5, ssrc=8)), 12)

    assert np.array_equal(rig.heard()[2 * FRAME : 12 * FRAME], first)
    assert np.array_equal(rig.heard()[14 * FRAME :], second)
    assert rig.ring.resets[0] == 1


def test_another_source_takes_over_in_the_midst_of_a_tick() -> None:
    """Packets of the old one that come along with the first of the new one must not move the new one away."""
    old, new = packets(speech(10 * FRAME), FRAME, 9_000_000), packets(speech(10 * FRAME, 1), FRAME, 123_456, ssrc=8)
    rig = Rig()
    rig.deliver({0: old[:1], 1: old[1:2], 2: [old[2], new[0], old[3]], **in_time(new[1:], start=3)}, 16)

    assert np.array_equal(rig.heard()[4 * FRAME : 14 * FRAME], speech(10 * FRAME, 1))
    assert rig.ring.resets[0] == 1


# -- all of it at once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [80, 160, 240, 480])
@pytest.mark.parametrize("seed", range(5))
def test_a_bad_network_within_the_ring_loses_nothing(seed: int, size: int) -> None:
    """Each packet up to 40 ms late, which puts them out of order, and a third of them twice."""
    rng = random.Random(seed)
    audio = speech(60 * 480, seed)
    ticks: dict[int, list[Packet]] = {}
    copies, held = 0, in_time(packets(audio, size, rng.randrange(1 << 32)))
    for tick, arrived in held.items():
        for packet in arrived:
            # The first one is in time, as it decides what late means.
            delay = rng.randrange(DELAY_FRAMES) if packet.timestamp != held[min(held)][0].timestamp else 0
            ticks.setdefault(tick + delay, []).append(packet)
            if rng.random() < 0.33:
                copies += 1
                ticks[tick + delay].append(packet)
    for arrived in ticks.values():
        rng.shuffle(arrived)
    if size < FRAME:
        ticks[0].sort(key=lambda packet: packet.timestamp)
    rig = Rig()
    rig.deliver(ticks, 200)

    assert np.array_equal(rig.spoken(), audio)
    assert (rig.ring.late[0], rig.ring.resets[0]) == (0, 0)
    assert rig.ring.duplicates[0] == copies


def test_legs_are_heard_apart() -> None:
    rng = random.Random(3)
    audio = [speech(3000 + 480 * row, row)[: 480 * (6 + row)] for row in range(20)]
    ticks: dict[int, list[Packet]] = {}
    for row, each in enumerate(audio):
        size = rng.choice((80, 160, 240, 480))
        for tick, arrived in in_time(packets(each, size, rng.randrange(1 << 32), ssrc=row, row=row), start=row).items():
            ticks.setdefault(tick, []).extend(arrived)
    rig = Rig(capacity=20)
    rig.deliver(ticks, 130)

    for row, each in enumerate(audio):
        assert np.array_equal(rig.spoken(row), each), row


def test_a_row_that_is_cleared_remembers_nothing() -> None:
    rig = Rig()
    sent = packets(speech(20 * FRAME), FRAME)
    rig.tick([*sent[:10], sent[1]])
    rig.deliver({4: sent[15:16], 5: sent[:1]}, 6)
    rig.ring.clear(0)
    assert (rig.ring.late[0], rig.ring.duplicates[0], rig.ring.resets[0]) == (0, 0, 0)
    heard = len(rig.heard())
    rig.deliver({10: packets(speech(FRAME, 1), FRAME, 77)}, 60)

    assert np.array_equal(np.flatnonzero(rig.heard()[heard:]), np.arange(12 * FRAME, 13 * FRAME))
