"""Comfort noise (RFC 3389): what a peer sends in place of audio while its user is silent.

One packet tells how loud the noise is from its timestamp on, until audio comes again or another packet tells
otherwise. So nothing that is missing in between is a loss. The packet may also describe the colour of the noise, which
is passed over: ours is white.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME

PAYLOAD_TYPE: Final = 13
"""Of comfort noise at 8,000 Hz, whatever was negotiated (RFC 3551 §6)."""
LOUDEST: Final = 30
"""In dB below overload: a peer that says it is louder is not believed, so that nobody's ears can be hurt."""

_NOISE: Final = np.clip(np.random.default_rng(3389).standard_normal(8009), -3, 3).astype(np.float32)
"""Of a power of almost one. The length is prime, so that frames do not repeat for long."""
_FULL_SCALE: Final = 32768.0


def amplitude(level: int) -> float:
    """The root mean square of noise so many dB below overload; 127 is silence."""
    return 0.0 if level >= 127 else _FULL_SCALE * float(10 ** (-max(level, LOUDEST) / 20))


class ComfortNoise:
    """The noise of those legs that have it now, which are handled one by one."""

    def __init__(self) -> None:
        self._legs: dict[int, tuple[int, int, int, int]] = {}
        """The places in the jitter ring of the packets that began it and that told of it last; how loud it is before
        the second, and after."""
        self._at = 0

    @property
    def active(self) -> bool:
        """Does any leg have it?"""
        return bool(self._legs)

    def clear(self, row: int) -> None:
        """Make the row ready for another leg."""
        self._legs.pop(row, None)

    def frame(self, level: int) -> NDArray[np.int16]:
        """20 ms of noise."""
        self._at = (self._at + FRAME) % len(_NOISE)
        samples = np.take(_NOISE, np.arange(self._at, self._at + FRAME), mode="wrap")
        return np.asarray(np.rint(samples * amplitude(level)), np.int16)

    def begin(self, row: int, place: int, level: int) -> None:
        """From that place on, what is missing is noise so many dB below overload."""
        first, last, _, before = self._legs.get(row, (place, place, level, level))
        self._legs[row] = (min(place, first), max(place, last), before, level)

    def fill(self, out: NDArray[np.int16], have: NDArray[np.bool_], due: NDArray[np.int64]) -> None:
        """Put noise where the frames of legs, int16[n, 160], are missing: bool[n, 2] tells, and is changed with them.

        `due` are the places of the frames in their jitter rings. Audio behind the last that was told ends a noise.
        """
        for row, (first, last, before, after) in list(self._legs.items()):
            if row >= len(out) or due[row] < first:
                continue
            if not have[row].any():
                out[row] = self.frame(before if due[row] < last else after)
                have[row] = True
            elif due[row] > last:
                del self._legs[row]
