"""Music on hold: an original piece, composed and played by the program itself, that nobody has to license.

A seed decides key, chords, figures and melody. The piece is a circle, so that it loops without a seam: what still
sounds at its end goes on at its beginning, and the filter that fits it to the telephone band goes round it as well.
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.media.tones import amplitude
from ringback.model.audio import SAMPLE_RATE

MUSIC_DBM0: Final = -18.0
"""Mean level: a little below that of speech."""
SECONDS: Final = 51.2

_BEAT: Final = 40 * FRAME
"""75 beats a minute."""
_BARS: Final = 16
_BAR: Final = 4 * _BEAT
_BAND: Final = (220.0, 300.0, 3000.0, 3400.0)
"""Hz: nothing below the first and above the last, all between the other two."""
_SCALE: Final = (0, 2, 4, 5, 7, 9, 11)
_TONIC: Final = 174.61
"""Hz: F, the middle of the five keys. The chords lie in the octave above the tonic, figures and melody above that."""
_PROGRESSIONS: Final = (
    (0, 4, 5, 2, 3, 0, 1, 4),
    (0, 5, 3, 4, 0, 2, 3, 4),
    (5, 3, 0, 4, 5, 3, 1, 4),
    (0, 3, 5, 4, 2, 5, 1, 4),
)
"""Steps of the scale on which the chords of eight bars stand."""
_FIGURES: Final = (
    (0, 1, 2, 3, 2, 1, 2, 1),
    (0, 2, 1, 2, 3, 2, 1, 2),
    (0, 1, 2, 1, 3, 1, 2, 1),
    (2, 1, 0, 1, 2, 3, 2, 1),
)
"""Which note of the chord each eighth plays."""
_PAD: Final = (1.0, 0.5, 0.25, 0.12, 0.06)
_PLUCK: Final = (1.0, 0.5, 0.3, 0.2, 0.1)
_BELL: Final = (1.0, 0.15, 0.3, 0.05)
"""Strength of the harmonics."""


def hold_music(seed: int = 0) -> NDArray[np.int16]:
    """A piece of 51.2 s, to be played in a loop: int16[409600]. Each `seed`, from 0 up, is another piece.

    Takes some 100 ms: to be made once and kept. Raises ValueError for a seed below 0.
    """
    dice = np.random.Generator(np.random.PCG64(seed))
    circle = np.zeros(_BARS * _BAR)
    tonic = _TONIC * 2 ** (int(dice.integers(-2, 3)) / 12)
    progression = _PROGRESSIONS[int(dice.integers(len(_PROGRESSIONS)))]
    for begin, sound in _notes(dice, tonic, progression):
        before = min(len(sound), len(circle) - begin)
        circle[begin : begin + before] += sound[:before]
        circle[: len(sound) - before] += sound[before:]
    return _master(circle)


def _notes(
    dice: np.random.Generator, tonic: float, progression: tuple[int, ...]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """All notes, each with the sample at which it begins."""

    @cache
    def pad(step: int) -> NDArray[np.float64]:
        return 0.5 * _swell(_harmonics(_pitch(tonic, step), _BAR + _BEAT, _PAD))

    @cache
    def pluck(step: int) -> NDArray[np.float64]:
        return _struck(_harmonics(_pitch(tonic, step), 2 * _BEAT, _PLUCK, 0.5))

    @cache
    def bell(step: int) -> NDArray[np.float64]:
        return 0.8 * _struck(_harmonics(_pitch(tonic, step), 3 * _BEAT, _BELL, 0.9))

    figure = _FIGURES[int(dice.integers(len(_FIGURES)))]
    step = 9
    for bar in range(_BARS):
        begin = bar * _BAR
        chord = sorted((progression[bar % len(progression)] + third) % 7 for third in (0, 2, 4))
        for place in chord:
            yield begin, pad(place)
        voices = (*chord, chord[0] + 7)
        for eighth, voice in enumerate(figure):
            force = 0.6 + 0.2 * (eighth % 4 == 0) + 0.1 * float(dice.random())
            yield begin + eighth * _BEAT // 2, force * pluck(7 + voices[voice])
        if bar % 4 == 3:
            continue  # a line of melody breathes
        for eighth in sorted(dice.choice(8, size=int(dice.integers(2, 5)), replace=False).tolist()):
            step = min(13, max(7, step + int(dice.integers(-2, 3))))
            if eighth == 0:
                step += min((place - step) % 7 for place in chord)  # up to a note of the chord
            yield begin + eighth * _BEAT // 2, bell(step)


def _pitch(tonic: float, step: int) -> float:
    """Frequency of a step of the scale, counted from the tonic."""
    octave, place = divmod(step, len(_SCALE))
    return float(tonic * 2 ** (octave + _SCALE[place] / 12))


def _harmonics(hertz: float, count: int, strengths: tuple[float, ...], seconds: float = np.inf) -> NDArray[np.float64]:
    """A tone with its harmonics, as many as the telephone band has room for.

    It dies away to a third within `seconds`, its second harmonic in half that time, and so on.
    """
    when = np.arange(count) / SAMPLE_RATE
    sound = np.zeros(count)
    for number, strength in enumerate(strengths, 1):
        if number * hertz < _BAND[-1]:
            # Phases of their own keep the harmonics from adding up to pulses.
            phase = 2 * np.pi * number * (hertz * when + 0.3 * number)
            sound += strength * np.sin(phase) * np.exp(-when * number / seconds)
    return sound


def _struck(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let the sound begin within 8 ms, and have died away at its end."""
    count = len(sound)
    sound *= np.minimum(np.arange(count) / 64, 1)
    sound *= np.minimum(np.arange(count, 0, -1) / 400, 1)
    return sound


def _swell(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let the sound rise and fall within a beat, so that chords flow into each other."""
    edge = np.sin(np.pi / 2 * np.arange(_BEAT) / _BEAT) ** 2
    sound[:_BEAT] *= edge
    sound[-_BEAT:] *= edge[::-1]
    return sound


def _master(circle: NDArray[np.float64]) -> NDArray[np.int16]:
    """Limit to the telephone band and bring to level."""
    spectrum = np.fft.rfft(circle)
    hertz = np.arange(len(spectrum)) * SAMPLE_RATE / len(circle)
    spectrum *= np.interp(hertz, _BAND, (0.0, 1.0, 1.0, 0.0))
    music = np.fft.irfft(spectrum, len(circle))
    music *= amplitude(MUSIC_DBM0) / np.sqrt(2 * np.mean(np.square(music)))
    return np.asarray(np.rint(music), np.int16)
