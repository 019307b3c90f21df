"""Packet loss concealment: what has not arrived goes on as the last of what has, and fades (after ITU-T G.711 App. I).

The frame of a lost packet is made from the period of sound before it that fits best onto its own end: a pitch period of
a voice, several periods of a tone, any 5 to 20 ms of noise. It is repeated with its ends blended into each other, at
full level for 10 ms and falling to nothing at 60 ms, and the first packet that arrives again is faded in over it.

Appendix I delays all audio by 3.75 ms to blend the beginning of a gap as well. Here the small step between the last
sample and its repetition is carried over and decays within 3 ms: no delay, and no click either.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME

HALF: Final = FRAME // 2
"""Samples in the unit that is had or missing: 10 ms."""
SPENT: Final = 6
"""Missing units after which the concealment has faded to silence: 60 ms."""
_NEW: Final = 255  # nothing has ever been had: there is nothing to continue, and nothing to fade in from
_PAST: Final = 2
_SHORTEST, _LONGEST = 40, FRAME
"""Samples in a period: 5 ms to 20 ms, which are 200 to 50 Hz; higher voices repeat two or more of their periods."""
_MATCH: Final = HALF
"""Samples before the gap that are compared with those one period earlier."""
_BLEND: Final = 24
_FADE_IN: Final = 32
"""Samples of the fade back for each unit missed, and for none: 4 ms and 4 more per 10 ms, 10 ms at the most."""

_UNIT_TIME: Final = np.arange(HALF)
_LOOP_TIME: Final = np.arange(_LONGEST)


class Concealer:
    """Concealment for `capacity` legs: one row of each array is one leg.

    Legs that lose nothing cost a copy of their frame, written to one of two matrices in turn. All else happens only
    for the rows that miss something, or have just missed it.
    """

    def __init__(self, capacity: int) -> None:
        self._past = np.zeros((_PAST, capacity, FRAME), np.int16)
        self._oldest = 0
        self._missing = np.full(capacity, _NEW, np.uint8)
        self._loop = np.zeros((capacity, _LONGEST), np.float32)
        self._period = np.full(capacity, _LONGEST, np.int64)
        self._step = np.zeros(capacity, np.float32)

    def clear(self, row: int) -> None:
        """Make the row ready for another leg, which is silent until its first packet."""
        self._past[:, row] = 0
        self._missing[row] = _NEW

    def conceal(self, heard: NDArray[np.int16], have: NDArray[np.bool_]) -> None:
        """Fill what is missing in the frames of the first `len(heard)` legs; to be called once a tick.

        `heard` is int16[n, 160], changed in place, with silence where `have`, bool[n, 2], says that 10 ms are missing:
        so leaves it `JitterRing.take`. That silence stays for a leg that has not begun, and after 60 ms.
        """
        count = len(heard)
        missing = self._missing[:count]
        first, second = have[:, 0], have[:, 1]
        work = ~(first & second) & (missing < SPENT)
        work |= (first | second) & (missing != 0)
        if work.any():
            self._mend(heard, have, np.flatnonzero(work))
        self._past[self._oldest, :count] = heard
        self._oldest = (self._oldest + 1) % _PAST

    def _mend(self, heard: NDArray[np.int16], have: NDArray[np.bool_], rows: NDArray[np.int64]) -> None:
        now = _PAST * FRAME
        line = np.empty((len(rows), now + FRAME), np.float32)
        for age in range(_PAST):
            line[:, age * FRAME : (age + 1) * FRAME] = self._past[(self._oldest + age) % _PAST, rows]
        line[:, now:] = heard[rows]
        for half in (0, 1):
            begin = now + half * HALF
            unit = line[:, begin : begin + HALF]
            had, missing = have[rows, half], self._missing[rows]
            if (begins := ~had & (missing == 0)).any():
                self._begin(rows[begins], line[begins, begin - _LONGEST - _MATCH : begin])
            if (lost := ~had & (missing < SPENT)).any():
                unit[lost] = self._continue(rows[lost])
            if (back := had & (missing != 0) & (missing != _NEW)).any():
                unit[back] += self._fade(rows[back]) * (self._continue(rows[back]) - unit[back])
            self._missing[rows] = np.where(had, 0, missing + lost)
        heard[rows] = np.clip(np.rint(line[:, now:]), -32768, 32767)

    def _begin(self, rows: NDArray[np.int64], past: NDArray[np.float32]) -> None:
        """Choose what is to be repeated in a gap that begins now after `past`, float32[rows, 240]."""
        end = past.shape[1]
        period = _best_period(past)
        at = end - period[:, None] + np.minimum(_LOOP_TIME, period[:, None] - 1)
        loop = np.take_along_axis(past, at, 1)
        before = np.take_along_axis(past, at - period[:, None], 1)
        # Towards its end the repetition turns into what came before its beginning, and so goes on at its beginning.
        share = np.clip((_LOOP_TIME + 1 + _BLEND - period[:, None]).astype(np.float32) / _BLEND, 0, 1)
        loop += share * (before - loop)
        loop *= period[:, None] > _LOOP_TIME
        # A loud last period, such as a word that has just begun, must not become louder than what it ends.
        power = np.square(past[:, -FRAME:]).mean(axis=1)
        gain = np.sqrt(np.minimum(1, power * period / (np.square(loop).sum(axis=1) + 1))).astype(np.float32)
        self._loop[rows] = loop * gain[:, None]
        self._period[rows] = period
        self._step[rows] = past[:, -1] - gain * past[np.arange(len(rows)), end - period - 1]

    def _continue(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The next 10 ms of what is repeated: float32[rows, 80]."""
        age = self._missing[rows].astype(np.int64)[:, None] * HALF + _UNIT_TIME
        sound = self._loop[rows[:, None], age % self._period[rows][:, None]]
        elapsed = age.astype(np.float32)
        sound += self._step[rows][:, None] * np.square(np.maximum(1 - elapsed / _BLEND, 0))
        sound *= np.clip((SPENT * HALF - elapsed) / ((SPENT - 1) * HALF), 0, 1)
        return np.asarray(sound)

    def _fade(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """How much of the repetition is still heard in the first 10 ms after the gap."""
        length = np.minimum(HALF, _FADE_IN * (1 + self._missing[rows].astype(np.float32)))
        return np.asarray(np.maximum(1 - (_UNIT_TIME + 1).astype(np.float32) / length[:, None], 0))


def _best_period(past: NDArray[np.float32]) -> NDArray[np.int64]:
    """The distance at which the last 10 ms of each row resemble most what was before them, in samples."""
    size = past.shape[1]
    spectrum = np.fft.rfft(past)
    likeness = np.fft.irfft(np.conj(np.fft.rfft(past[:, -_MATCH:], size)) * spectrum, size)
    squares = np.zeros((len(past), size + 1))
    np.cumsum(np.square(past, dtype=np.float64), axis=1, out=squares[:, 1:])
    places = _LONGEST - _SHORTEST + 1
    energy = squares[:, _MATCH : _MATCH + places] - squares[:, :places]
    best = np.argmax(likeness[:, :places] / np.sqrt(energy + 1), axis=1)
    return np.asarray(_LONGEST - best, np.int64)
