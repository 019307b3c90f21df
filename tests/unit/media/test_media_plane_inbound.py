"""The plane's receiving half: what peers say is heard sample by sample, their keys once, strangers never."""

from pathlib import Path

import numpy as np
import pytest

from ringback.media import g711
from ringback.media.plane import (
    PACKET_WIDTH,
    FirstHeard,
    GoneQuiet,
    KeyPressed,
    LegSetup,
    Plane,
    PlaneFull,
    SourceMoved,
)
from ringback.rtp.packet import RtpPacket
from ringback.rtp.telephone_event import KEYS, KeySender
from tests.unit.media.plane_rig import EVENTS, FRAME, PCMU_AND_PCMA, STRANGER, Arriving, Peer, PlaneRig, levels


@pytest.fixture
def rig(tmp_path: Path) -> PlaneRig:
    return PlaneRig(tmp_path)


def noise(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(200, 32000, frames * FRAME).astype(np.int16)


def key_packets(peer: Peer, key: str, length: int = 4 * FRAME) -> list[Arriving]:
    sender, start, out = KeySender(key, peer.timestamp, length), peer.timestamp, []
    while step := sender.next(FRAME):
        out.append((peer.row, peer.packet(EVENTS, bytes(step[0]), timestamp=start)))
    peer.timestamp += 2 * length
    return out


# -- audio ------------------------------------------------------------------------------------------------------


@pytest.mark.conforms("2010-04-01/14/media")
@pytest.mark.parametrize("codec", [0, 8])
@pytest.mark.parametrize("milliseconds", [10, 20, 30, 40, 60])
def test_what_a_peer_says_is_heard(rig: PlaneRig, codec: int, milliseconds: int) -> None:
    row, said = rig.leg(), noise(24)
    peer = Peer(row, codec=codec, milliseconds=milliseconds)
    rig.in_time((peer, said))
    rig.ticks(8)
    heard = rig.heard(row)
    start = int(np.flatnonzero(heard)[0])

    # A packet is there when its last sample has been said, and is heard 40 ms later.
    assert start == (max(1, -(-milliseconds // 20)) - 1 + 2) * FRAME
    assert np.array_equal(heard[start : start + len(said)], levels(said, g711.PCMA if codec == 8 else g711.PCMU))
    assert rig.plane.stats(row).received == len(said) // (milliseconds * 8)


def test_a_codec_that_changes_in_mid_stream_is_heard_right_from_the_first_packet(rig: PlaneRig) -> None:
    """What is still in the jitter ring was said in the old one."""
    row, first, second = rig.leg(), noise(5), noise(5, 1)
    peer = Peer(row)
    packets = peer.say(first)
    peer.codec = 8
    for packet in [*packets, *peer.say(second)]:
        rig.tick(packet)
    rig.ticks(3)

    assert np.array_equal(
        rig.heard(row)[2 * FRAME : 12 * FRAME], np.concatenate([levels(first), levels(second, g711.PCMA)])
    )


def test_legs_with_different_codecs_and_packet_lengths_are_heard_in_one_tick(rig: PlaneRig) -> None:
    rows = [rig.leg() for _ in range(6)]
    peers = [
        Peer(row, codec=codec, milliseconds=size)
        for row, codec, size in zip(rows, (0, 8, 0, 8, 0, 8), (20, 20, 40, 60, 20, 10), strict=True)
    ]
    said = [noise(12, row) for row in rows]
    rig.in_time(*zip(peers, said, strict=True))
    rig.ticks(6)

    for row, peer, each in zip(rows, peers, said, strict=True):
        heard, codec = rig.heard(row), g711.PCMA if peer.codec == 8 else g711.PCMU
        start = int(np.flatnonzero(heard)[0])
        assert np.array_equal(heard[start : start + len(each)], levels(each, codec)), row


@pytest.mark.parametrize("shape", ["contributing sources", "extension", "padding"])
def test_headers_that_are_not_plain_are_understood(rig: PlaneRig, shape: str) -> None:
    row, said = rig.leg(), noise(3)
    for _, data in Peer(row).say(said):
        head, body = data[1:12], data[12:]
        odd = {
            "contributing sources": b"\x82" + head + bytes(8) + body,
            "extension": b"\x90" + head + b"\xbe\xde\x00\x01" + bytes(4) + body,
            "padding": b"\xa0" + head + body + b"\x00\x00\x00\x04",
        }[shape]
        rig.tick((row, odd))
    rig.ticks(3)

    assert np.array_equal(rig.heard(row)[2 * FRAME : 5 * FRAME], levels(said))
    assert rig.plane.stats(row).invalid == 0


def test_the_first_packet_of_a_leg_is_reported_once(rig: PlaneRig) -> None:
    one, two = rig.leg(), rig.leg()
    rig.tick(*Peer(two).say(noise(3)))
    rig.tick(*Peer(two).say(noise(1)), *Peer(one).say(noise(1)))

    assert rig.of(FirstHeard) == [FirstHeard(two), FirstHeard(one)]


# -- keys -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_reported_with_its_first_packet_and_once(rig: PlaneRig, key: str) -> None:
    row = rig.leg()
    packets = key_packets(Peer(row), key)
    rig.tick(packets[0])
    assert rig.of(KeyPressed) == [KeyPressed(row, key)]
    for packet in packets:
        rig.tick(packet, packet)

    assert rig.of(KeyPressed) == [KeyPressed(row, key)]


def test_keys_of_many_legs_in_one_tick_go_to_their_legs(rig: PlaneRig) -> None:
    rows = [rig.leg() for _ in range(4)]
    packets = [key_packets(Peer(row), KEYS[row]) for row in rows]
    rig.tick(*(packet for each in packets for packet in each))

    assert rig.of(KeyPressed) == [KeyPressed(row, KEYS[row]) for row in rows]


def test_audio_goes_on_around_a_key(rig: PlaneRig) -> None:
    """While a key is sent no audio comes: silence takes its place, and what follows is where it belongs."""
    row, before, after = rig.leg(), noise(5), noise(5, 1)
    peer = Peer(row)
    for packet in peer.say(before):
        rig.tick(packet)
    for packet in key_packets(peer, "8", 4 * FRAME):
        rig.tick(packet)
    rig.ticks(2)
    for packet in peer.say(after):
        rig.tick(packet)
    rig.ticks(3)
    heard = rig.heard(row)

    assert np.array_equal(heard[2 * FRAME : 7 * FRAME], levels(before))
    assert not heard[7 * FRAME : 15 * FRAME].any()
    assert np.array_equal(heard[15 * FRAME : 20 * FRAME], levels(after))


def test_events_without_a_negotiated_type_are_passed_over(rig: PlaneRig) -> None:
    row = rig.leg(telephone_event=None)
    rig.tick(*key_packets(Peer(row), "5"))

    assert rig.events == []
    assert rig.plane.stats(row).received == 0


# -- from whom --------------------------------------------------------------------------------------------------


def test_audio_goes_where_it_comes_from(rig: PlaneRig) -> None:
    row = rig.leg()
    assert rig.plane.sources.destination(row) == row
    rig.tick((row, Peer(row).say(noise(1))[0][1], 55))

    assert rig.of(SourceMoved) == [SourceMoved(row, 55)]
    assert rig.plane.sources.destination(row) == 55


def test_a_stranger_in_mid_call_is_counted_and_never_heard(rig: PlaneRig) -> None:
    row, said = rig.leg(), noise(6)
    for (_, good), (_, bad) in zip(Peer(row).say(said), Peer(row, ssrc=66).say(noise(6, 9)), strict=True):
        rig.tick((row, good, row), (row, bad, STRANGER))
    for _, packet in key_packets(Peer(row, ssrc=66), "1"):
        rig.tick((row, packet, STRANGER))

    assert np.array_equal(rig.heard(row)[2 * FRAME : 8 * FRAME], levels(said))
    assert rig.of(KeyPressed) == []
    assert (rig.plane.stats(row).refused, rig.plane.stats(row).received) == (12, 6)
    assert rig.of(SourceMoved) == [SourceMoved(row, row)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        bytes(172),
        bytes(RtpPacket(96, 1, 1, 1, bytes(160))),
        b"\x80\xc9" + bytes(30),
        b"\x8f" + bytes(RtpPacket(0, 1, 1, 1, bytes(20)))[1:],
        b"\xa0" + bytes(RtpPacket(0, 1, 1, 1, bytes(160)))[1:],
    ],
    ids=["nothing", "text", "zeros", "another payload type", "RTCP", "sources missing", "padding of 0"],
)
def test_what_is_no_packet_of_the_session_does_not_decide_where_audio_goes(rig: PlaneRig, data: bytes) -> None:
    row = rig.leg()
    rig.tick((row, data, STRANGER))

    assert rig.events == []
    assert rig.plane.sources.destination(row) == row
    assert rig.plane.stats(row).received == 0


def test_what_is_no_rtp_is_counted(rig: PlaneRig) -> None:
    row = rig.leg()
    broken = b"\x8f" + bytes(RtpPacket(0, 1, 1, 1, bytes(20)))[1:]
    rig.tick((row, b"hello"), (row, broken), Peer(row).say(noise(1))[0])

    assert (rig.plane.stats(row).invalid, rig.plane.stats(row).received) == (2, 1)


def test_packets_for_a_leg_that_is_closed_are_passed_over(rig: PlaneRig) -> None:
    row, other = rig.leg(), rig.leg()
    rig.plane.close(row)
    rig.tick(*Peer(row).say(noise(1)), *Peer(other).say(noise(1)))

    assert rig.of(FirstHeard) == [FirstHeard(other)]


# -- quiet ------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_peer_that_says_nothing_is_reported_again_and_again(rig: PlaneRig) -> None:
    row = rig.leg(quiet_seconds=2.0)
    rig.ticks(99)
    assert rig.events == []
    rig.ticks(202)

    assert rig.events == [GoneQuiet(row, 1), GoneQuiet(row, 2), GoneQuiet(row, 3)]


@pytest.mark.long
def test_each_packet_begins_the_wait_anew(rig: PlaneRig) -> None:
    row = rig.leg(quiet_seconds=2.0)
    peer = Peer(row)
    rig.ticks(240)
    rig.in_time((peer, noise(60)))
    assert rig.of(GoneQuiet) == [GoneQuiet(row, 1), GoneQuiet(row, 2)]
    rig.ticks(150)

    assert rig.of(GoneQuiet)[2:] == [GoneQuiet(row, 1)]


def test_strangers_do_not_count_as_signs_of_life(rig: PlaneRig) -> None:
    row = rig.leg(quiet_seconds=1.0)
    rig.tick(*Peer(row).say(noise(1)))
    strange = Peer(row, ssrc=66)
    for packet in strange.say(noise(101)):
        rig.tick((row, packet[1], STRANGER))

    assert rig.of(GoneQuiet) == [GoneQuiet(row, 1), GoneQuiet(row, 2)]


@pytest.mark.long
def test_who_is_not_waited_for_is_not_reported(rig: PlaneRig) -> None:
    rig.leg(quiet_seconds=0.0)
    rig.ticks(500)

    assert rig.events == []


def test_a_new_setup_begins_the_wait_anew(rig: PlaneRig) -> None:
    row = rig.leg(quiet_seconds=1.0)
    rig.ticks(40)
    rig.plane.setup(row, LegSetup(0, PCMU_AND_PCMA, EVENTS, quiet_seconds=2.0))
    rig.ticks(100)
    assert rig.events == []
    rig.ticks(50)

    assert rig.events == [GoneQuiet(row, 1)]


# -- rows -------------------------------------------------------------------------------------------------------


def test_rows_are_given_out_until_there_are_none(rig: PlaneRig) -> None:
    assert [rig.leg() for _ in range(8)] == list(range(8))
    with pytest.raises(PlaneFull, match="all 8 legs of this worker are taken"):
        rig.plane.open(1, 1, 1)
    rig.plane.close(3)

    assert rig.leg() == 3


def test_a_row_that_is_used_again_remembers_nothing(rig: PlaneRig) -> None:
    """Everything that a leg can leave behind: audio under way, a clip, keys, a stranger, figures, an event to come."""
    clip, empty = rig.clip("clip", noise(100, 3)), rig.clip("empty", noise(0))
    row = rig.leg(codec=8, packet_ms=60, quiet_seconds=1.0)
    peer = Peer(row, codec=8)
    rig.tick(*peer.say(noise(10)), (row, peer.say(noise(1))[0][1], STRANGER), (row, b"junk"))
    rig.plane.play(row, clip, 0, token=1)
    rig.plane.press(row, "123", token=2)
    rig.ticks(4)
    rig.plane.play(row, empty, 1, token=3)
    before = rig.plane.close(row)
    assert (before.received, before.refused, before.invalid) == (10, 1, 1)
    rig.events.clear()
    rig.packets.clear()
    again = rig.plane.open(1, 5, 9)
    assert again == row
    assert set(rig.plane.stats(row).as_dict().values()) == {0}
    rig.tick(*Peer(row).say(noise(1)))
    rig.ticks(60)
    assert rig.events == []
    assert rig.packets == {}
    assert not rig.heard(row)[5 * FRAME :].any()

    rig.plane.press(row, "1", token=4)
    rig.plane.setup(row, LegSetup(0, PCMU_AND_PCMA, EVENTS))
    rig.ticks(2)
    first, second = rig.packets[row]
    assert (first.sequence, first.ssrc, first.marker, second.sequence) == (5, 1, True, 6)
    assert rig.plane.sources.destination(row) == -1
    # Keys that were asked for before it was known that the peer takes events go out as tones.
    assert first.payload_type == 0
    assert np.abs(g711.decode(first.payload)).max() > 5000


def test_a_clip_ends_with_its_leg_and_its_room_is_free(tmp_path: Path) -> None:
    rig = PlaneRig(tmp_path, clip_frames=11)
    row = rig.leg()
    rig.plane.play(row, rig.clip("a", noise(10)), 0, token=1)
    rig.ticks(3)
    rig.plane.close(row)
    row = rig.leg()
    rig.packets.clear()
    rig.ticks(3)

    assert not rig.sent_audio(row).any()
    assert rig.events == []
    rig.plane.play(row, rig.clip("b", noise(10, 1)), 1, token=2)


def test_figures_of_a_leg_are_complete(rig: PlaneRig) -> None:
    row, silent = rig.leg(), rig.leg()
    peer = Peer(row)
    packets = peer.say(noise(8))
    rig.tick(packets[0])
    rig.tick(packets[1], packets[1], packets[3])
    rig.ticks(3)
    rig.tick(packets[2], (row, packets[4][1], STRANGER), (row, b"junk"))
    rig.ticks(1)

    assert (
        rig.plane.close(row).as_dict().items()
        >= {
            "received": 5,
            "sent": 7,
            "lost": 0,
            "late": 1,
            "duplicates": 1,
            "refused": 1,
            "invalid": 1,
            "resets": 0,
            "bytes_in": 5 * 172,
            "mos": pytest.approx(2.2, abs=0.3),  # a fifth of the packets was not heard, and concealed
            "delay_ms": pytest.approx(80, abs=20),
        }.items()
    )
    assert rig.plane.stats(silent).sent == 7


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload_types": {128: 0, 0: 0}},
        {"payload_types": {-1: 0, 0: 0}},
        {"telephone_event": 128},
        {"payload_type": 8, "payload_types": {0: 0}},
        {"payload_types": {0: 2}},
        {"packet_ms": 0},
        {"packet_ms": 70},
    ],
)
def test_what_no_leg_can_be_set_up_with_is_refused(wrong: dict[str, object]) -> None:
    fields = {"payload_type": 0, "payload_types": PCMU_AND_PCMA, **wrong}

    with pytest.raises(ValueError, match=r"payload types are|what is sent must|a packet holds"):
        LegSetup(**fields)  # type: ignore[arg-type]


def test_the_buffer_takes_the_longest_packet_that_is_understood() -> None:
    assert PACKET_WIDTH >= 12 + 4 * 15 + 60 * 8
    assert Plane.__doc__
