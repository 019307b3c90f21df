"""From the sound of an engine to the sound of a prompt: 8 kHz, no idle silence, one loudness for all engines."""

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from ringback.model.audio import SAMPLE_RATE
from ringback.speech.contract import Pcm

LEVEL_DBFS: Final = -20.0
"""RMS of the active part of speech, relative to a full-scale square wave."""
LEAD_MS: Final = 60
TAIL_MS: Final = 120

_FULL_SCALE: Final = 32768.0
_FRAME: Final = SAMPLE_RATE // 200  # 5 ms: short enough to place a cut, long enough to hold half a pitch period
_EDGE_DB: Final = 40.0  # An initial f or s lies 30-35 dB below the loudest vowel: it must survive the trimming.
_ACTIVE_DB: Final = 30.0
_MAX_GAIN: Final = 10 ** (30 / 20)  # Beyond that it's noise that would be lifted, not speech.
_KNEE: Final = 0.7
_CEILING: Final = 0.97

Sound = NDArray[np.float32]


def _frame_rms(sound: Sound) -> NDArray[np.float32]:
    """RMS of each 5 ms of `sound`, shape `[frames]`; samples that fill no frame count with the last one."""
    padded = np.pad(sound, (0, -len(sound) % _FRAME))
    rms: NDArray[np.float32] = np.sqrt(np.mean(np.square(padded.reshape(-1, _FRAME)), axis=1))
    return rms


def resample(pcm: Pcm) -> Sound:
    """Return `pcm` at 8000 samples per second as floats of -1 to 1."""
    sound = pcm.samples.astype(np.float32) / _FULL_SCALE
    if pcm.rate == SAMPLE_RATE or not len(sound):
        return sound
    return np.asarray(soxr.resample(sound, pcm.rate, SAMPLE_RATE, quality="HQ"), np.float32)


def trim(sound: Sound, lead_ms: int = LEAD_MS, tail_ms: int = TAIL_MS) -> Sound:
    """Cut the silence at both ends down to `lead_ms` and `tail_ms`. Silence throughout becomes no sound at all.

    Engines put 350-560 ms there, which the caller would have to wait through.
    """
    if not len(sound):
        return sound
    rms = _frame_rms(sound)
    if rms.max() < 1 / _FULL_SCALE:
        return sound[:0]
    heard = np.flatnonzero(rms > rms.max() * 10 ** (-_EDGE_DB / 20))
    start = int(heard[0]) * _FRAME - lead_ms * SAMPLE_RATE // 1000
    stop = (int(heard[-1]) + 1) * _FRAME + tail_ms * SAMPLE_RATE // 1000
    return sound[max(0, start) : stop]


def level(sound: Sound, dbfs: float = LEVEL_DBFS) -> Sound:
    """Scale `sound` to an active RMS of `dbfs`; peaks that would clip are bent smoothly below full scale.

    Pauses don't count, so that a slow speaker is not made louder than a fast one.
    """
    if not len(sound):
        return sound
    rms = _frame_rms(sound)
    active = rms[rms > rms.max() * 10 ** (-_ACTIVE_DB / 20)]
    if not len(active) or rms.max() < 1 / _FULL_SCALE:
        return sound
    gain = min(10 ** (dbfs / 20) / float(np.sqrt(np.mean(np.square(active)))), _MAX_GAIN)
    scaled = sound * np.float32(gain)
    size = np.abs(scaled)
    bent = _KNEE + (_CEILING - _KNEE) * np.tanh((size - _KNEE) / (_CEILING - _KNEE))
    return np.where(size > _KNEE, np.sign(scaled) * bent, scaled).astype(np.float32)


def to_samples(sound: Sound) -> NDArray[np.int16]:
    """Round floats of -1 to 1 to signed 16-bit samples; what is beyond is clipped, what is no number is silence."""
    return (np.clip(np.nan_to_num(sound), -1.0, 1.0) * 32767.0).round().astype(np.int16)


def prompt(pcm: Pcm) -> NDArray[np.int16]:
    """Return `pcm` as a telephone prompt: 8 kHz, trimmed, level −20 dBFS. Empty where there is nothing to hear."""
    return to_samples(level(trim(resample(pcm))))


def silence(ms: int) -> NDArray[np.int16]:
    """Return `ms` milliseconds of silence at 8 kHz."""
    return np.zeros(ms * SAMPLE_RATE // 1000, np.int16)
