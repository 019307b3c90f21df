"""When is a sound voice? Hysteresis over any measure of it, and the plainest measure: how loud a frame is.

Columns, a row a leg: every step is done once for all legs that are listened to.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

UP_FRAMES: Final = 3
"""Loud frames until it is voice: 60 ms, which a click does not last."""
DOWN_FRAMES: Final = 13
"""Soft frames until voice has ended: 260 ms, longer than the closure of a consonant."""
FLOOR_RANGE: Final = (20.0, 300.0)
"""Where the noise of a line is looked for at first, as RMS: -64 to -41 dB of full scale."""
FLOOR_RISE: Final = 1.01
"""The estimate of the noise falls at once, and rises by 6 dB in 1.4 s: few words are that long."""
LOUD: Final = 4.0
"""Voice lies 12 dB above the noise when it begins,"""
SOFT: Final = 2.0
"""and 6 dB above it when it has not ended."""
LEAST: Final = 184.0
"""The RMS below which nothing is voice: -45 dB of full scale."""

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


class VoiceChange(NamedTuple):
    """A leg has begun or ceased to speak, in the frame of tick `at_tick`; it takes some frames more to be sure."""

    row: int
    speaking: bool
    at_tick: int


class Hysteresis:
    """Who speaks: it takes `up` units of voice in a row to begin, and `down` units without to end."""

    def __init__(self, capacity: int, up: int, down: int) -> None:
        self.speaking = np.zeros(capacity, np.bool_)
        self._needed = np.array([up, down])
        self._run = np.zeros(capacity, np.int64)
        self._since = np.zeros(capacity, np.int64)

    def reset(self, rows: Rows, speaking: Mask) -> None:
        """Begin anew with what is known."""
        self.speaking[rows] = speaking
        self._run[rows] = 0

    def step(self, rows: Rows, voice: Mask, quiet: Mask, began: Rows) -> list[VoiceChange]:
        """Take one unit of each of these legs, which began in the ticks `began`; return what has changed by it.

        Between `voice` and `quiet`, where neither is true, everything stays as it is.
        """
        speaking, run = self.speaking[rows], self._run[rows]
        against = np.where(speaking, quiet, voice)
        since = np.where(run == 0, began, self._since[rows])
        run = np.where(against, run + 1, 0)
        flips = run >= self._needed[speaking.view(np.int8)]
        self._since[rows] = since
        self._run[rows] = np.where(flips, 0, run)
        self.speaking[rows] = speaking ^ flips
        return [VoiceChange(int(rows[i]), not speaking[i], int(since[i])) for i in np.flatnonzero(flips).tolist()]


class EnergyGate:
    """Voice by loudness, above the noise that the line has. It takes music and tones for voice."""

    def __init__(self, capacity: int) -> None:
        self._hysteresis = Hysteresis(capacity, UP_FRAMES, DOWN_FRAMES)
        self._floor = np.zeros(capacity, np.float32)

    def reset(self, rows: Rows, speaking: Mask) -> None:
        """Begin anew with what is known."""
        self._hysteresis.reset(rows, speaking)
        self._floor[rows] = 0

    def feed(self, rows: Rows, frames: NDArray[np.int16], tick: int) -> list[VoiceChange]:
        """Take the frames of these legs, int16[n, 160]; return what has changed."""
        level = np.sqrt(np.square(frames, dtype=np.float32).mean(axis=1))
        floor = self._floor[rows]
        floor = np.where(floor > 0, np.minimum(level, floor * FLOOR_RISE), np.clip(level, *FLOOR_RANGE))
        self._floor[rows] = np.maximum(floor, 1.0)
        loud = level >= np.maximum(floor * LOUD, LEAST)
        soft = level < np.maximum(floor * SOFT, LEAST / 2)
        return self._hysteresis.step(rows, loud, soft, np.full(len(rows), tick))
