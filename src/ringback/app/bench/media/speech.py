"""What the telephones of the benchmark say: something like talk, with pauses, the same in every run."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8000
_PEAK: Final = 9000
_VOICE_HZ: Final = 125.0
_SYLLABLES_PER_SECOND: Final = 4.0


def talk(seed: int, seconds: int = 20) -> NDArray[np.int16]:
    """Spurts of 0.6 to 1.4 s of a humming voice, with as much silence between them."""
    rng = np.random.default_rng(seed)
    time = np.arange(seconds * RATE) / RATE
    pitch = _VOICE_HZ * (1 + 0.15 * np.sin(2 * np.pi * 0.6 * time + seed))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 16)) + 0.2 * rng.standard_normal(len(time))
    loudness = 0.3 + 0.7 * np.abs(np.sin(np.pi * _SYLLABLES_PER_SECOND * time))
    talks = np.zeros(len(time))
    place = 0
    while place < len(time):
        spurt, pause = (rng.uniform(0.6, 1.4, 2) * RATE).astype(int)
        talks[place : place + spurt] = 1.0
        place += int(spurt + pause)
    samples = voice * loudness * talks
    return np.asarray(samples / np.abs(samples).max() * _PEAK, np.int16)
