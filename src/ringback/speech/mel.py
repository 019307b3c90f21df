"""What Whisper sees of a sound: the energy of 80 bands, a hundred times a second, on a logarithmic scale.

The front end of Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", section 2.2): a
model hears well only what was prepared as its training material was, so none of these numbers is a matter of taste.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16000
"""Samples per second of the sound."""
FRAMES_PER_SECOND: Final = 100
BANDS: Final = 80
_WINDOW: Final = 400
_HOP: Final = RATE // FRAMES_PER_SECOND
_FLOOR: Final = 1e-10
_RANGE: Final = 8.0  # Powers of ten below the loudest moment that are told apart.
_LINEAR_HZ: Final = 1000.0  # Slaney's mel scale is a straight line up to here,
_HZ_PER_MEL: Final = 200.0 / 3.0
_MELS_PER_E: Final = 27.0 / np.log(6.4)  # and logarithmic beyond.

Floats = NDArray[np.float32]


def log_mel(sound: Floats, seconds: float) -> Floats:
    """Return the spectrogram of a sound, shape `[80, 100 × seconds]`: what is shorter is followed by silence.

    `sound` has 16,000 samples per second, of -1 to 1; what is longer than `seconds` is left out.
    """
    length = round(seconds * RATE)
    padded = np.zeros(length, np.float32)
    padded[: len(sound)] = sound[:length]
    padded = np.pad(padded, _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: length - _HOP + 1 : _HOP]
    # A window without its last sample: the next period begins there.
    spectrum = np.fft.rfft(frames * np.hanning(_WINDOW + 1)[:-1].astype(np.float32))
    power = np.square(np.abs(spectrum)).astype(np.float32)
    decades = np.log10(np.maximum(_filters() @ power.T, _FLOOR))
    decades = np.maximum(decades, decades.max() - _RANGE)
    return np.ascontiguousarray((decades + 4.0) / 4.0, np.float32)


@cache
def _filters() -> Floats:
    """The bands: triangles of equal area over the bins of the spectrum, shape `[80, 201]`."""
    corners = _hertz(np.linspace(0.0, _mel(RATE / 2), BANDS + 2))
    bins = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    rise = (bins - corners[:-2, None]) / np.diff(corners)[:-1, None]
    fall = (corners[2:, None] - bins) / np.diff(corners)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rise, fall))
    return (triangles * (2.0 / (corners[2:] - corners[:-2]))[:, None]).astype(np.float32)


def _mel(hertz: float) -> float:
    return float(_LINEAR_HZ / _HZ_PER_MEL + np.log(hertz / _LINEAR_HZ) * _MELS_PER_E)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    bend = _LINEAR_HZ / _HZ_PER_MEL
    return np.where(mels < bend, mels * _HZ_PER_MEL, _LINEAR_HZ * np.exp((mels - bend) / _MELS_PER_E))
