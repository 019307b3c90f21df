"""Whatever arrives, the plane goes on: nothing is raised, the next good packet is heard, and no memory is gathered."""

import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ringback.rtp.packet import RtpPacket
from tests.unit.media.plane_rig import EVENTS, FRAME, STRANGER, Peer, PlaneRig, levels


def mutated(rng: random.Random, good: bytes) -> bytes:
    """A packet that is damaged in one way or several: bits, length, header fields, or all of it."""
    data = bytearray(good)
    for _ in range(rng.randrange(1, 4)):
        match rng.randrange(7):
            case 0:
                data = bytearray(rng.randbytes(rng.choice((0, 1, 11, 12, 13, 172, 640, 1500))))
            case 1:
                data = data[: rng.randrange(len(data) + 1)]
            case 2:
                data += rng.randbytes(rng.randrange(1, 700))
            case 3 if data:
                data[0] = rng.randrange(256)
            case 4 if len(data) > 1:
                data[1] = rng.choice((0, 8, EVENTS, 0x80, 0x88, 0x80 | EVENTS, rng.randrange(256)))
            case 5 if len(data) >= 12:
                at, size = rng.choice(((2, 2), (4, 4), (8, 4)))
                data[at : at + size] = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
            case _ if data:
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def damaged(rng: random.Random) -> Iterator[bytes]:
    """Packets of a call that goes on, each of them damaged."""
    for number in range(1 << 30):
        kind = rng.choice((0, 8, EVENTS))
        payload = rng.randbytes(4 if kind == EVENTS else rng.choice((80, 160, 240, 480)))
        when = max(0, number + rng.randrange(-30, 6)) * FRAME
        good = RtpPacket(kind, number & 0xFFFF, when, 7, payload, rng.random() < 0.1)
        yield mutated(rng, bytes(good))


@pytest.mark.parametrize("seed", range(10))
def test_no_packet_stops_the_plane(tmp_path: Path, seed: int) -> None:
    """Each time 300 damaged packets, and after each tick of them another leg is heard as if nothing had been."""
    rng = random.Random(seed)
    rig = PlaneRig(tmp_path)
    attacked, other = rig.leg(), rig.leg()
    said = np.random.default_rng(seed).integers(200, 32000, 60 * FRAME).astype(np.int16)
    source, packets = damaged(rng), Peer(other, codec=8).say(said)
    for packet in packets:
        hostile = [(attacked, next(source), rng.choice((attacked, attacked, STRANGER))) for _ in range(5)]
        rig.tick(*hostile[:3], packet, *hostile[3:])
    rig.ticks(2)

    assert np.array_equal(rig.heard(other)[2 * FRAME : 62 * FRAME], levels(said, 1))
    assert len(rig.packets[attacked]) == len(rig.packets[other]) == 62


@pytest.mark.parametrize("seed", range(20))
def test_after_damaged_packets_a_good_stream_is_heard_whole(tmp_path: Path, seed: int) -> None:
    """The first packet of a new source is the beginning of a new stream, whatever went before: it fades in, no more."""
    rng = random.Random(100 + seed)
    rig = PlaneRig(tmp_path)
    row = rig.leg()
    source = damaged(rng)
    for _ in range(60):
        rig.tick(*((row, next(source)) for _ in range(rng.choice((1, 1, 4)))))
    rig.ticks(40)
    said = np.random.default_rng(seed).integers(200, 32000, 10 * FRAME).astype(np.int16)
    rig.frames.clear()
    for packet in Peer(row, ssrc=0xFEED, start=rng.randrange(1 << 31)).say(said):
        rig.tick(packet)
    rig.ticks(2)

    assert np.array_equal(rig.heard(row)[2 * FRAME + 80 :], levels(said)[80:])


@pytest.mark.long
def test_a_flood_of_packets_gathers_no_memory(tmp_path: Path) -> None:
    """Damaged packets on eight legs, a clip and keys on each: what follows takes no more than the first round."""
    rig = PlaneRig(tmp_path, clip_frames=100)
    rows = [rig.leg(packet_ms=60 if row % 2 else 20) for row in range(8)]
    clip, rng = rig.clip("a", np.ones(20 * FRAME, np.int16)), random.Random(1)
    source = damaged(rng)
    batches = [rig.received(*((row, next(source)) for row in rows for _ in range(4))) for _ in range(50)]

    def flood() -> None:
        for batch in batches:
            for row in rows:
                rig.plane.play(row, clip, 1, token=1)
                rig.plane.press(row, "", token=2)
            rig.plane.tick(batch)
        for _ in range(40):
            rig.plane.tick(None)

    flood()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        flood()
        flood()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert grown < 10_000
