"""What was heard, as one array: every packet lies where its RTP timestamp says."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.model.audio import SAMPLE_RATE

EARLIER: Final = 1600
"""Samples kept free before the first packet to arrive: the one sent before it may come after it."""
JUMP: Final = 2.0
"""Seconds by which timestamps may drift from arrival times before they are taken for another clock's."""


class Recording:
    """Audio of one RTP stream after another, 8000 samples a second. Gaps are silent, duplicates change nothing."""

    def __init__(self, seconds: float) -> None:
        """Hold at most `seconds`; what comes later is dropped. Memory is taken as audio arrives."""
        self._limit = round(seconds * SAMPLE_RATE) + EARLIER
        self._samples = np.zeros(0, np.int16)
        self._end = 0
        self._start: float | None = None
        self._ssrc = -1
        self._base = 0

    def write(self, ssrc: int, timestamp: int, samples: NDArray[np.int16], now: float) -> None:
        """Place the audio of one packet. The first of a stream lies where its arrival says, the others relative to it.

        A sender whose timestamps leap (a restarted server, another clock) is placed by arrival once more.
        """
        if self._start is None:
            self._start = now - EARLIER / SAMPLE_RATE
        expected = round((now - self._start) * SAMPLE_RATE)
        place = expected
        if ssrc == self._ssrc:
            ahead = (timestamp - self._base) & 0xFFFFFFFF
            place = ahead - (1 << 32) if ahead >= 1 << 31 else ahead
        if ssrc != self._ssrc or abs(place - expected) > JUMP * SAMPLE_RATE:
            self._ssrc, self._base, place = ssrc, (timestamp - expected) & 0xFFFFFFFF, expected
        end = place + len(samples)
        if place < 0 or end > self._limit:
            return
        if end > len(self._samples):
            # Doubling keeps the copying in proportion to what was heard.
            grown = np.zeros(min(max(end, 2 * len(self._samples), 4 * SAMPLE_RATE), self._limit), np.int16)
            grown[: self._end] = self._samples[: self._end]
            self._samples = grown
        self._samples[place:end] = samples
        self._end = max(self._end, end)

    def since(self, moment: float) -> NDArray[np.int16]:
        """Return all audio from this moment on: int16[samples], silence in front where nothing came at first."""
        if self._start is None:
            return np.zeros(0, np.int16)
        skip = round((moment - self._start) * SAMPLE_RATE)
        heard = self._samples[: self._end]
        if skip >= 0:
            return heard[skip:].copy()
        return np.concatenate([np.zeros(-skip, np.int16), heard])
