"""The spectrogram that Whisper sees."""

import numpy as np
import pytest

from ringback.speech.mel import BANDS, RATE, log_mel


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


@pytest.mark.parametrize("seconds", [12.0, 30.0])
def test_its_shape_is_that_of_the_window(seconds: float) -> None:
    seen = log_mel(tone(440), seconds)
    assert (seen.shape, seen.dtype) == ((BANDS, int(seconds * 100)), np.float32)
    assert seen.flags.c_contiguous


@pytest.mark.parametrize(("hertz", "band"), [(200, 4), (1000, 26), (3000, 54), (7000, 76)])
def test_a_tone_is_in_its_band(hertz: float, band: int) -> None:
    """Linear up to 1000 Hz, logarithmic beyond: (15 + 27 ln(f / 1000) / ln 6.4) / 0.5586 - 1."""
    seen = log_mel(tone(hertz), 2.0)
    assert abs(int(np.argmax(seen[:, 50])) - band) <= 1


def test_what_is_short_is_followed_by_silence_and_what_is_long_is_cut() -> None:
    seen = log_mel(tone(440), 2.0)
    assert seen[:, :95].max() > seen[:, 105:].max() + 1.5
    assert np.array_equal(log_mel(tone(440, 3.0), 2.0), log_mel(tone(440, 2.0), 2.0))


def test_loudness_is_seen_over_eight_powers_of_ten() -> None:
    """What is quieter than that, such as a line that is not quite dead, is as good as silence."""
    seen = log_mel(tone(440), 2.0)
    assert seen.max() - seen.min() == pytest.approx(8 / 4)
    louder = log_mel(2 * tone(440), 2.0)
    assert louder.max() - seen.max() == pytest.approx(np.log10(4) / 4, abs=1e-4)


def test_silence_is_flat() -> None:
    seen = log_mel(np.zeros(RATE, np.float32), 2.0)
    assert seen.min() == seen.max() == pytest.approx((-10 + 4) / 4)


def test_no_sound_at_all_is_silence() -> None:
    assert np.array_equal(log_mel(np.zeros(0, np.float32), 2.0), log_mel(np.zeros(RATE, np.float32), 2.0))
