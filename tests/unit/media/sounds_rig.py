"""Sounds to try the plane with: voices that nobody has, keys of any quality, and what a G.711 line does to them."""

import numpy as np
from numpy.typing import NDArray

from ringback.media import g711
from ringback.media.dtmf import HIGH, LAYOUT, LOW
from ringback.media.tones import amplitude

RATE = 8000
Samples = NDArray[np.int16]


def line(sound: NDArray[np.float64]) -> Samples:
    """What arrives of a sound that goes over a G.711 line."""
    clipped = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    return np.asarray(g711.DECODE[g711.PCMU][g711.ENCODE[g711.PCMU][clipped.view(np.uint16)]])


def key_tone(
    key: str,
    ms: float,
    *,
    low_dbm0: float = -13.0,
    high_dbm0: float = -13.0,
    low_off: float = 0.0,
    high_off: float = 0.0,
    phase: float = 0.0,
) -> NDArray[np.float64]:
    """A key's two tones, each of its own level, and off its frequency by a fraction."""
    row, column = divmod(LAYOUT.index(key), 4)
    when = 2 * np.pi / RATE * np.arange(round(ms * RATE / 1000))
    low = amplitude(low_dbm0) * np.sin(LOW[row] * (1 + low_off) * when + phase)
    high = amplitude(high_dbm0) * np.sin(HIGH[column] * (1 + high_off) * when + 2 * phase)
    return np.asarray(low + high)


def voices(count: int, seconds: float, seed: int) -> Samples:
    """`count` voices that glide and swell over vowels of their own: int16[count, samples], a whole number of frames.

    Trains of pulses, 70 to 350 a second, through three formants each.
    """
    dice = np.random.default_rng(seed)
    samples = round(seconds * 50) * 160
    when = np.arange(samples, dtype=np.float32) / RATE
    speed, depth = dice.uniform(0.5, 4, (count, 1)), dice.uniform(0, 0.2, (count, 1))
    pitch = dice.uniform(70, 350, (count, 1)) * (1 + depth * np.sin(2 * np.pi * speed * when))
    turns = np.cumsum(pitch / RATE, axis=1)
    pulses = np.diff(np.floor(turns), axis=1, prepend=0).astype(np.float32)
    hertz = np.fft.rfftfreq(samples, 1 / RATE).astype(np.float32)
    shape = np.full((count, len(hertz)), 0.003, np.float32)
    for low, high, width, share in ((250, 900, 60, 1.0), (900, 2200, 80, 0.6), (2200, 3300, 150, 0.3)):
        centre = dice.uniform(low, high, (count, 1)).astype(np.float32)
        shape += share / (1 + np.square((hertz - centre) / width))
    sound = np.fft.irfft(np.fft.rfft(pulses) * shape * (hertz < 3600), samples)
    syllables = np.clip(0.5 + np.sin(2 * np.pi * dice.uniform(1, 5, (count, 1)) * when), 0, 1)
    sound *= syllables
    return line(sound * 9000 / np.abs(sound).max(axis=1, keepdims=True))
