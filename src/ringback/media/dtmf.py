"""Keys in the audio: the tone pairs of ITU-T Q.23, found as Q.24 asks, in all legs at once.

Each tick goes three ways. Legs that are silent end at a comparison. For all others one matrix product gives the eight
frequencies of the frame, and nearly all speech ends there: in a key, two of them hold nearly all there is. What is left
is looked at closely, in windows of 20 ms that step through the last 60 ms by 5 ms. Five windows in a row must hold the
same pair, nearly pure and of steady frequency, and the phase from window to window tells that frequency to a few hertz.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.media.tones import amplitude
from ringback.model.audio import SAMPLE_RATE

LOW: Final = (697, 770, 852, 941)
"""Hz of the four rows of keys."""
HIGH: Final = (1209, 1336, 1477, 1633)
"""Hz of the four columns."""
LAYOUT: Final = "123A456B789C*0#D"
"""The keys, row by row."""

_QUIETEST: Final = amplitude(-28.5) ** 2
"""Least squared amplitude of a tone. Q.24 leaves the choice; -25 dBm0 is what is promised."""
_PURE_FRAME: Final = 0.67
"""Least share of a pair in a frame. The window hides up to 28 % of tones that are as far off as they may be."""
_PURE: Final = 0.85
"""Least share of a pair in each window, corrected for its frequencies."""
_PURE_RUN: Final = 0.92
"""Least mean share in a run of windows: keys with noise 15 dB below have 0.94 and more, voices were seen up to 0.9."""
_OFF_FREQUENCY: Final = 0.02
"""Q.24: 1.5 % off is a key, 3.5 % is none."""
_TWIST: Final = (10 ** (-9.5 / 10), 10 ** (5.5 / 10))
"""Least and greatest power of the high tone against the low one. Q.24: -8 to +4 dB is a key."""
_ROUGH_TWIST: Final = (10 ** (-12 / 10), 10 ** (8 / 10))
_STEADY: Final = 0.99
"""Least coherence of a tone's phase steps, where 1 is a pure tone: 0.993 with noise 15 dB below."""

_BLOCK: Final = 96
"""Legs in one product. From about 100 on, OpenBLAS shares the work out to threads, which on a busy machine wait for
each other much longer than they work: ten times was seen."""
_PAST: Final = 3
_HOP: Final = FRAME // 4
_RUN: Final = 5
"""Windows in a row that make a key: they span 40 ms, and a tone of 35 ms fills them well enough."""
_HALF: Final = FRAME // 2
_RELEASED: Final = 3
"""Halves of a frame without its tone after which a key is up: a pause of 40 ms has three, a lost packet only two."""


def _bank(weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """The matrix that takes samples to cosine and sine amplitudes of the eight tones: float32[samples, 16]."""
    phase = 2 * np.pi / SAMPLE_RATE * np.outer(np.arange(len(weights)), np.array(LOW + HIGH))
    weighted = 2 * weights[:, None] / weights.sum()
    return np.asarray(np.hstack([np.cos(phase) * weighted, np.sin(phase) * -weighted]), np.float32)


_HANN: Final = np.sin(np.pi * (np.arange(FRAME) + 0.5) / FRAME) ** 2
_FRAME_BANK: Final = _bank(_HANN)
_HALF_BANK: Final = _bank(np.ones(_HALF))
_ENERGY: Final = (2 * _HANN / _HANN.sum()).astype(np.float32)
_WINDOWS: Final = (_PAST - 1) * FRAME // _HOP + 1
_TURN: Final = np.exp(-2j * np.pi / SAMPLE_RATE * _HOP * np.outer(np.arange(_WINDOWS), np.array(LOW + HIGH))).astype(
    np.complex64
)
"""Takes the phases of each window back to the beginning of the first, where those of a steady tone are all the same."""
_OFFSETS: Final = np.arange(-100, 101)
_RESPONSE: Final = np.maximum(
    np.abs(np.exp(2j * np.pi / SAMPLE_RATE * np.outer(_OFFSETS, np.arange(FRAME))) @ _HANN / _HANN.sum()) ** 2, 0.1
).astype(np.float32)
"""Share of a tone's power that the window shows at each whole number of hertz beside it, from -100 to 100."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What the windows of each row hold. `key` is an index into LAYOUT, or -1; `power` is the pair's squared
    amplitude."""

    key: NDArray[np.int64]
    power: NDArray[np.float32]


class DtmfDetector:
    """Finds the keys that are pressed in the audio of `capacity` legs. One row of each array is one leg."""

    def __init__(self, capacity: int) -> None:
        self.tone_present = np.zeros(capacity, np.bool_)
        """Whether the last frame looked like a key's tones, or held those of a key that is down.

        Set from the first frame of a key, which is before it is certain, and so now and then by a sound that is none.
        """
        self._past = np.zeros((_PAST, capacity, FRAME), np.float32)
        self._slot = 0
        self._enabled = np.zeros(capacity, np.bool_)
        self._likely = np.zeros(capacity, np.bool_)
        self._down = np.full(capacity, -1, np.int64)
        self._power = np.zeros(capacity, np.float32)
        self._off = np.zeros(capacity, np.int64)

    def clear(self, row: int) -> None:
        """Make the row ready for another leg."""
        self._reset(np.array([row]))
        self._enabled[row] = False

    def _reset(self, rows: NDArray[np.int64]) -> None:
        self._past[:, rows] = 0
        self._down[rows] = -1
        self._off[rows] = 0
        self._likely[rows] = self.tone_present[rows] = False

    def detect(self, heard: NDArray[np.int16], enabled: NDArray[np.bool_]) -> list[tuple[int, str]]:
        """Take the next 20 ms, int16[n, 160], of the first n legs; return (row, key) for each key that is now certain.

        A key is reported once for each press, 33 to 60 ms after its beginning. Rows whose `enabled`, bool[n], is not
        set cost next to nothing; what they hear is forgotten.
        """
        count = len(heard)
        changed = np.flatnonzero(enabled != self._enabled[:count])
        if len(changed):
            self._reset(changed)
            self._enabled[:count] = enabled
        rows = np.flatnonzero(enabled)
        if not len(rows):
            return []
        self._slot = (self._slot + 1) % _PAST
        now = self._past[self._slot]
        if len(rows) == count:
            samples = now[:count]
            samples[...] = heard
        else:
            samples = heard[rows].astype(np.float32)
            now[rows] = samples
        before = self._likely[rows]
        loud = np.einsum("ij,ij->i", samples, samples) * np.float32(2 / FRAME)
        pair = self._look(rows, samples, loud)
        likely = pair >= 0
        self._likely[rows] = likely
        self.tone_present[rows] = likely
        down = self._down[rows]
        if (held := down >= 0).any():
            self._hold(rows[held])
        close = (likely | before) & ((pair != down) | ~likely)
        return self._report(rows[close], down[close]) if close.any() else []

    def _look(
        self, rows: NDArray[np.int64], samples: NDArray[np.float32], loud: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        """The key whose tones each frame, of power `loud`, seems to hold, or -1."""
        pair = np.full(len(rows), -1, np.int64)
        active = np.flatnonzero(loud > _QUIETEST)
        if not len(active):
            return pair
        if len(active) < len(rows):
            samples, loud = samples[active], loud[active]
        parts = np.empty((len(samples), 16), np.float32)
        for first in range(0, len(samples), _BLOCK):
            np.matmul(samples[first : first + _BLOCK], _FRAME_BANK, out=parts[first : first + _BLOCK])
        np.square(parts, out=parts)
        power = parts[:, :8]
        power += parts[:, 8:]
        strongest = power.reshape(-1, 2, 4).max(axis=2)
        low, high = strongest[:, 0], strongest[:, 1]
        fits = np.flatnonzero(
            (low + high > _PURE_FRAME * loud) & (high > _ROUGH_TWIST[0] * low) & (high < _ROUGH_TWIST[1] * low)
        )
        if len(fits):
            power = power[fits]
            pair[active[fits]] = power[:, :4].argmax(axis=1) * 4 + power[:, 4:].argmax(axis=1)
        return pair

    def _hold(self, rows: NDArray[np.int64]) -> None:
        """See whether the keys that are down still are."""
        halves = self._past[self._slot, rows].reshape(-1, 2, _HALF)
        parts = np.square(halves @ _HALF_BANK)
        power = parts[..., :8] + parts[..., 8:]
        key = self._down[rows]
        every = np.arange(len(rows))
        pair = power[every, :, key // 4] + power[every, :, 4 + key % 4]
        loud = np.square(halves).mean(axis=2) * 2
        held = (pair > 0.25 * self._power[rows][:, None]) & (pair > 0.5 * loud)
        after_first = np.where(held[:, 0], 0, self._off[rows] + 1)
        after_second = np.where(held[:, 1], 0, after_first + 1)
        released = (after_first >= _RELEASED) | (after_second >= _RELEASED)
        self._off[rows] = after_second
        self._down[rows[released]] = -1
        self.tone_present[rows] |= held.any(axis=1)

    def _report(self, rows: NDArray[np.int64], down: NDArray[np.int64]) -> list[tuple[int, str]]:
        """The keys newly pressed, other than those that were `down`: a key released just now may still be in sight."""
        order = [(self._slot + 1 + age) % _PAST for age in range(_PAST)]
        run = _find(np.concatenate([self._past[slot, rows] for slot in order], axis=1))
        new = (run.key >= 0) & (run.key != down)
        pressed = rows[new]
        self._down[pressed] = run.key[new]
        self._power[pressed] = run.power[new]
        self._off[pressed] = 0
        if len(pressed):
            self._hold(pressed)  # the tone may have ended in this frame
        return [(row, LAYOUT[key]) for row, key in zip(pressed.tolist(), run.key[new].tolist(), strict=True)]


def _find(line: NDArray[np.float32]) -> _Run:
    """Look closely at the last 60 ms, float32[rows, 480]: is there a run of windows that holds one key?"""
    windows = sliding_window_view(line, FRAME, axis=1)[:, ::_HOP]
    parts = windows @ _FRAME_BANK
    tones = (parts[..., :8] + 1j * parts[..., 8:]) * _TURN
    power = np.square(np.abs(tones))
    low, high = power[..., :4].argmax(axis=2), 4 + power[..., 4:].argmax(axis=2)
    pair = np.stack([low, high], axis=2)
    energy = sliding_window_view(np.square(line), FRAME, axis=1)[:, ::_HOP] @ _ENERGY
    # From here on: [row, beginning of the run, window of the run, low or high].
    begins = sliding_window_view(low * 4 + high - 4, _RUN, axis=1)
    same = (begins == begins[..., :1]).all(axis=2)
    tone = _runs(np.take_along_axis(tones, pair, axis=2))
    steps = tone[:, :, 1:] * tone[:, :, :-1].conj()
    total = steps.sum(axis=2)
    steady = np.abs(total) >= _STEADY * np.abs(steps).sum(axis=2)
    offset = np.angle(total) * (SAMPLE_RATE / (2 * np.pi * _HOP))
    nominal = np.array(LOW + HIGH)[_runs(pair)[:, :, 0]]
    tuned = np.abs(offset) <= _OFF_FREQUENCY * nominal
    response = _RESPONSE[np.rint(offset).astype(np.int64) + 100]
    powers = np.square(np.abs(tone)) / response[:, :, None]
    both = powers.sum(axis=3)
    energies = sliding_window_view(energy, _RUN, axis=1)
    pure = (both > _PURE * energies).all(axis=2) & (both.sum(axis=2) > _PURE_RUN * energies.sum(axis=2))
    level = powers.mean(axis=2)
    twist = level[..., 1] / (level[..., 0] + 1)
    good = same & pure & (steady & tuned & (level > _QUIETEST)).all(axis=2)
    good &= (twist > _TWIST[0]) & (twist < _TWIST[1])
    place = good.argmax(axis=1)[:, None]
    found = np.take_along_axis(good, place, axis=1)[:, 0]
    key = np.take_along_axis(begins[..., 0], place, axis=1)[:, 0]
    return _Run(np.where(found, key, -1), np.take_along_axis(both.mean(axis=2), place, axis=1)[:, 0])


def _runs(windows: NDArray[Any]) -> NDArray[Any]:
    """The runs of the windows [row, window, tone]: [row, beginning, window, tone]."""
    return sliding_window_view(windows, _RUN, axis=1).swapaxes(2, 3)
