"""Music on hold: in the telephone band, at its level, without a seam, and never mistaken for keys."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.media.dtmf import DtmfDetector
from ringback.media.hold_music import MUSIC_DBM0, SECONDS, hold_music
from ringback.media.tones import amplitude

RATE = 8000


@pytest.fixture(scope="module")
def pieces() -> NDArray[np.int16]:
    return np.stack([hold_music(seed) for seed in (0, 1)])


def test_a_piece_is_whole_frames_of_a_minute_or_less(pieces: NDArray[np.int16]) -> None:
    assert pieces.shape[1] == SECONDS * RATE
    assert pieces.shape[1] % FRAME == 0
    assert 30 <= SECONDS <= 60


def test_it_has_its_level_and_never_clips(pieces: NDArray[np.int16]) -> None:
    power = np.square(pieces.astype(float)).mean(axis=1)
    assert 10 * np.log10(2 * power / amplitude(0) ** 2) == pytest.approx([MUSIC_DBM0] * 2, abs=0.1)
    assert np.abs(pieces.astype(int)).max() < 20_000


def test_it_keeps_to_the_telephone_band(pieces: NDArray[np.int16]) -> None:
    energy = np.square(np.abs(np.fft.rfft(pieces)))
    hertz = np.fft.rfftfreq(pieces.shape[1], 1 / RATE)
    assert energy[:, (hertz < 220) | (hertz > 3400)].sum() < 1e-5 * energy.sum()
    assert energy[:, (hertz > 300) & (hertz < 2000)].sum() > 0.8 * energy.sum()


def test_it_has_no_seam_and_no_hole(pieces: NDArray[np.int16]) -> None:
    """Where the end meets the beginning it is as smooth as elsewhere, above the band as well; and it never pauses."""
    around = np.concatenate([pieces[:, -RATE:], pieces[:, :RATE]], axis=1).astype(float)
    pieces_of_it = np.lib.stride_tricks.sliding_window_view(around, 256, axis=1)[:, ::128] * np.hanning(256)
    above = np.abs(np.fft.rfft(pieces_of_it))[..., 115:].max(axis=2)
    seam = above.shape[1] // 2
    assert above[:, seam - 2 : seam + 2].max() < 5 * np.median(above)
    assert np.square(pieces.reshape(2, -1, 10 * FRAME).astype(float)).mean(axis=2).min() > 200**2


@pytest.mark.slow
def test_it_is_never_taken_for_keys(pieces: NDArray[np.int16]) -> None:
    detector = DtmfDetector(2)
    present = 0
    for frame in np.tile(pieces, 2).reshape(2, -1, FRAME).swapaxes(0, 1):
        assert detector.detect(frame, np.ones(2, np.bool_)) == []
        present += int(detector.tone_present.sum())
    assert present < 0.005 * 4 * pieces.shape[1] / FRAME


def test_a_seed_is_a_piece(pieces: NDArray[np.int16]) -> None:
    assert np.array_equal(pieces[1], hold_music(1))
    assert abs(np.corrcoef(pieces.astype(float))[0, 1]) < 0.3


def test_a_seed_is_no_negative_number() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        hold_music(-1)
