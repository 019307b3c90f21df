"""From engine sound to prompt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from speech_fakes import frames_db

from ringback.speech import levels
from ringback.speech.contract import Pcm


def hum(seconds: float, rate: int = 8000, amplitude: float = 0.1, hertz: float = 300) -> NDArray[np.float32]:
    time = np.arange(int(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def rms_db(sound: NDArray[np.float32]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(sound**2))))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 48000])
def test_resampling_keeps_pitch_length_and_level(rate: int) -> None:
    sound = levels.resample(Pcm(levels.to_samples(hum(1.0, rate)), rate))
    assert abs(len(sound) - 8000) <= 1
    assert np.abs(np.fft.rfft(sound[:8000], 8000)).argmax() == 300
    assert rms_db(sound) == pytest.approx(-23, abs=0.2)


def test_trimming_leaves_60_and_120_ms() -> None:
    still = np.zeros(4000, np.float32)
    sound = levels.trim(np.concatenate([still, hum(0.5), still]))
    assert len(sound) == 8 * (60 + 500 + 120)
    assert not sound[: 8 * 55].any() and sound[8 * 60 : 8 * 70].any()


def test_trimming_keeps_a_quiet_beginning_and_takes_nothing_where_there_is_none() -> None:
    sound = np.concatenate([hum(0.1, amplitude=0.004), hum(0.5, amplitude=0.2)])  # A consonant 34 dB down.
    assert len(levels.trim(sound)) == len(sound)


@pytest.mark.parametrize("amplitude", [0.005, 0.05, 0.5, 1.0])
def test_level_is_minus_20(amplitude: float) -> None:
    assert rms_db(levels.level(hum(1.0, amplitude=amplitude))) == pytest.approx(-20, abs=0.1)


def test_pauses_dont_count_for_the_level() -> None:
    sound = np.concatenate([hum(0.5), np.zeros(16000, np.float32), hum(0.5)])
    assert rms_db(levels.level(sound)[:4000]) == pytest.approx(-20, abs=0.1)


def test_peaks_are_bent_below_full_scale() -> None:
    """Speech peaks up to 20 dB over its level; the few samples beyond 0.7 are compressed, not cut off."""
    sound = hum(1.0, amplitude=0.02)
    sound[4000:4004] = 1.0
    out = levels.level(sound)
    assert 0.7 < np.abs(out).max() < 0.975
    assert np.abs(levels.to_samples(out)).max() < 32767


@pytest.mark.parametrize("samples", [[], [0] * 1000, [0]])
def test_nothing_to_hear_is_an_empty_prompt(samples: list[int]) -> None:
    assert len(levels.prompt(Pcm(np.array(samples, np.int16), 24000))) == 0
    assert len(levels.level(np.zeros(len(samples), np.float32))) == len(samples)


def test_noise_is_not_blown_up() -> None:
    noise = np.random.default_rng(1).integers(-2, 3, 8000).astype(np.int16)
    assert frames_db(levels.prompt(Pcm(noise, 8000))).max() < -50


def test_bad_floats_become_samples() -> None:
    assert levels.to_samples(np.array([np.nan, np.inf, -np.inf, 2.0, -1.0, 0.5], np.float32)).tolist() == [
        0, 32767, -32767, 32767, -32767, 16384,
    ]  # fmt: skip


def test_silence() -> None:
    assert len(levels.silence(250)) == 2000 and not levels.silence(250).any()


@given(st.lists(st.integers(-32768, 32767), max_size=400), st.sampled_from([8000, 22050, 24000]))
def test_any_sound_makes_a_prompt(samples: list[int], rate: int) -> None:
    out = levels.prompt(Pcm(np.array(samples, np.int16), rate))
    assert out.dtype == np.int16
    assert len(out) <= len(samples) * 8000 / rate + 2
