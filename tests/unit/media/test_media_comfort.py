"""Comfort noise: silence that a peer tells of is soft noise, and never a loss."""

# Covers: media/inbound.py

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.media.comfort import LOUDEST, PAYLOAD_TYPE, ComfortNoise, amplitude
from tests.unit.media.plane_rig import FRAME, Peer, PlaneRig, levels, sine

TALK = levels(sine(400, 0.4))
DELAY = 2 * FRAME


@pytest.fixture
def rig(tmp_path: Path) -> PlaneRig:
    return PlaneRig(tmp_path)


def rms(samples: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.square(samples.astype(float)).mean()))


def tells(peer: Peer, level: int = 50, payload: bytes | None = None) -> tuple[int, bytes]:
    """A packet of comfort noise; the peer's clock goes on by a frame."""
    data = peer.packet(PAYLOAD_TYPE, bytes([level]) if payload is None else payload)
    peer.timestamp += FRAME
    return peer.row, data


def test_noise_lasts_until_the_peer_speaks_again(rig: PlaneRig) -> None:
    row = rig.leg()
    peer = Peer(row)
    rig.in_time((peer, TALK))
    rig.tick(tells(peer, 50))
    rig.ticks(49)
    peer.timestamp += 49 * FRAME
    rig.in_time((peer, TALK))
    rig.ticks(5)
    heard = rig.heard(row)
    begins, ends = DELAY + len(TALK), DELAY + len(TALK) + 50 * FRAME

    assert np.array_equal(heard[DELAY:begins], TALK)
    assert rms(heard[begins:ends]) == pytest.approx(amplitude(50), rel=0.05)
    assert rms(heard[begins : begins + FRAME]) == pytest.approx(amplitude(50), rel=0.2)
    assert np.array_equal(heard[ends : ends + len(TALK)], TALK)
    figures = rig.plane.stats(row)
    assert (figures.lost, figures.late, figures.resets, figures.invalid) == (0, 0, 0, 0)
    assert figures.mos > 4.3, "silence that was told of is no loss"


def test_it_may_be_told_again_and_change(rig: PlaneRig) -> None:
    row = rig.leg()
    peer = Peer(row)
    rig.in_time((peer, TALK))
    for level in (60, 60, 40):
        rig.tick(tells(peer, level))
        rig.ticks(9)
        peer.timestamp += 9 * FRAME
    rig.ticks(3)
    heard = rig.heard(row)[DELAY + len(TALK) :]

    assert rms(heard[: 20 * FRAME]) == pytest.approx(amplitude(60), rel=0.05)
    assert rms(heard[20 * FRAME : 29 * FRAME]) == pytest.approx(amplitude(40), rel=0.05)
    assert (np.abs(heard.reshape(-1, FRAME)).max(axis=1) > 0).all()


def test_a_call_may_begin_with_it(rig: PlaneRig) -> None:
    row = rig.leg()
    peer = Peer(row)
    rig.tick(tells(peer, 45))
    rig.ticks(9)
    heard = rig.heard(row)

    assert not heard[:DELAY].any()
    assert rms(heard[DELAY:]) == pytest.approx(amplitude(45), rel=0.1)


def test_audio_that_is_lost_after_it_is_concealed_as_ever(rig: PlaneRig) -> None:
    """The noise is over with the first audio behind it."""
    row = rig.leg()
    peer = Peer(row)
    rig.tick(tells(peer, 60))
    packets = peer.say(sine(400, 0.4))
    for number, packet in enumerate(packets):
        rig.tick(*([packet] if number != 10 else []))
    heard = rig.heard(row)[DELAY + FRAME :].reshape(-1, FRAME)

    assert rms(heard[10]) > 2000


def test_nobody_is_shouted_at_and_silence_is_silent() -> None:
    assert amplitude(0) == amplitude(LOUDEST) == pytest.approx(1036, abs=1)
    assert amplitude(127) == 0
    assert amplitude(70) == pytest.approx(10.4, abs=0.1)
    assert np.abs(ComfortNoise().frame(0)).max() < 3200


def test_packets_without_a_level_tell_nothing(rig: PlaneRig) -> None:
    row = rig.leg()
    peer = Peer(row)
    rig.tick(tells(peer, payload=b""))
    rig.tick(tells(peer, payload=bytes([60, 1, 2, 3, 4, 5, 6, 7, 8])))
    rig.ticks(5)
    assert rms(rig.heard(row)[DELAY + FRAME :]) == pytest.approx(amplitude(60), rel=0.3)


def test_a_row_that_is_used_again_has_no_noise(rig: PlaneRig) -> None:
    row = rig.leg()
    rig.tick(tells(Peer(row), 40))
    rig.ticks(5)
    rig.plane.close(row)
    assert rig.leg() == row
    rig.frames.clear()
    rig.ticks(5)
    assert not rig.heard(row).any()


def test_legs_beyond_those_that_are_asked_for_are_left_alone() -> None:
    noise = ComfortNoise()
    noise.begin(5, 0, 40)
    out, have = np.zeros((2, FRAME), np.int16), np.zeros((2, 2), np.bool_)
    noise.fill(out, have, np.zeros(2, np.int64))
    assert not out.any()
    assert not have.any()
