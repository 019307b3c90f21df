"""Long sounds cut where nobody speaks: an engine hears only so much at once."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_QUIET: Final = 0.2
"""Seconds over which quietness is measured: about the closure between two words."""

Floats = NDArray[np.float32]


def passages(sound: Floats, rate: int, *, longest: float, earliest: float) -> list[Floats]:
    """Cut a sound into pieces of at most `longest` seconds that together are the whole of it.

    Each cut is at the quietest moment between `earliest` and `longest` seconds after the one before. `rate` is samples
    per second.
    """
    found: list[Floats] = []
    rest = sound
    while len(rest) > longest * rate:
        at = _quietest(rest, round(earliest * rate), round(longest * rate), max(1, round(_QUIET * rate)))
        found.append(rest[:at])
        rest = rest[at:]
    return [*found, rest] if len(rest) or not found else found


def _quietest(sound: Floats, start: int, stop: int, width: int) -> int:
    """The middle of those `width` samples between `start` and `stop` that have the least energy."""
    energy = np.concatenate(([0.0], np.cumsum(np.square(sound[start:stop], dtype=np.float64))))
    width = min(width, stop - start)
    return start + int(np.argmin(energy[width:] - energy[:-width])) + width // 2
