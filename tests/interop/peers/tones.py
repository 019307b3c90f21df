"""Tones to say and to recognise: a phone that says 440 Hz was heard if the other end recorded 440 Hz.

Written without Ringback's own audio code, so that a mistake there cannot hide itself here.
"""

import struct
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LOUD = 0.02
"""Of full scale. What is quieter is silence: G.711 leaves about 0.001."""
SKIRT = 3
"""Bins on each side of a peak that belong to it: a Hann window spreads a tone over three."""


@dataclass(frozen=True)
class Heard:
    """What a recording holds, leading and trailing silence cut off.

    `frequency` in Hz of the loudest tone, `share` of the energy that is in it (1.0: a clean tone), `level` as RMS of
    full scale, `seconds` of sound. All are 0 for silence.
    """

    frequency: float
    share: float
    level: float
    seconds: float

    def is_tone(self, frequency: float, share: float = 0.98) -> bool:
        """Say whether this is that tone and hardly anything else."""
        return abs(self.frequency - frequency) < 3 and self.share >= share


def sine(frequency: float, seconds: float, rate: int = 8000, level: float = 0.4) -> NDArray[np.int16]:
    """Return a sine of `level` of full scale."""
    time = np.arange(round(rate * seconds)) / rate
    return np.round(np.sin(2 * np.pi * frequency * time) * level * 32767).astype("<i2")


def write_wav(path: Path, samples: NDArray[np.int16], rate: int = 8000) -> Path:
    """Write mono 16-bit samples and return the path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> tuple[NDArray[np.float64], int]:
    """Return samples (-1..1) and rate of a mono 16-bit file, one that is still being written included.

    Until a recorder ends, the lengths in its file are wrong or missing, so the samples are what follows the header.
    """
    data = path.read_bytes()
    start = data.find(b"data") + 8
    if start < 8 or len(data) < start:
        return np.zeros(0), 8000
    channels, rate = struct.unpack_from("<HI", data, data.index(b"fmt ") + 10)
    if channels != 1:
        raise ValueError(f"{path} has {channels} channels")
    length = (len(data) - start) // 2 * 2
    return np.frombuffer(data, "<i2", length // 2, start).astype(np.float64) / 32768, rate


def listen(path: Path, start: float = 0.0, end: float | None = None) -> Heard:
    """Say what a WAV file holds between two moments, in seconds."""
    samples, rate = read_wav(path)
    return analyse(samples[round(start * rate) : None if end is None else round(end * rate)], rate)


def analyse(samples: NDArray[np.float64], rate: int) -> Heard:
    """Say what samples of -1..1 hold."""
    loud = np.flatnonzero(np.abs(samples) > LOUD)
    if len(loud) < rate // 20:
        return Heard(0.0, 0.0, 0.0, 0.0)
    sound = samples[loud[0] : loud[-1] + 1]
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    power[:5] = 0
    peak = int(np.argmax(power))
    share = power[max(0, peak - SKIRT) : peak + SKIRT + 1].sum() / power.sum()
    level = np.sqrt(np.mean(sound**2))
    return Heard(peak * rate / len(sound), float(share), float(level), len(sound) / rate)


def ulaw_file(path: Path, frequency: float, seconds: float) -> Path:
    """Write a tone as raw µ-law of 8 kHz, which is what sipp sends, with sox."""
    encoding = ["-r", "8000", "-c", "1", "-e", "u-law", "-t", "raw"]
    command = ["sox", "-n", *encoding, str(path), "synth", str(seconds), "sine", str(frequency), "vol", "0.4"]
    subprocess.run(command, check=True, timeout=30, capture_output=True)
    return path
