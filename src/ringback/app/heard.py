"""Was it heard? Compares what was said (clips) with what came out at the other end (a recording)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.model.audio import SAMPLE_RATE

_PIECE: Final = SAMPLE_RATE // 2
"""Half a second: long enough to be found without doubt, short enough for a prompt that a key cut short."""
_ALIKE: Final = 0.9
_LOUD: Final = 200.0
"""Root mean square below which half a second is taken for silence."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Where a clip was found in a recording. Times in seconds from the beginning of the recording."""

    at: float
    seconds: float
    """How much of it was heard: less than all of it where a key cut it short."""
    alike: float
    """Mean correlation of its half seconds with what was heard, 0 to 1."""


def find(clip: NDArray[np.int16], recording: NDArray[np.int16], after: float = 0.0) -> Heard | None:
    """Find the beginning of a clip in a recording and follow it as long as it is heard.

    Both are samples at 8000 per second. Returns None where not even its first half second of sound is there.
    The first loud half second is looked for everywhere after `after`; each one after that must follow in its place,
    give or take 40 ms (a receiver may have slipped a frame).
    """
    pieces = [start for start in range(0, len(clip) - _PIECE + 1, _PIECE) if _rms(clip[start : start + _PIECE]) > _LOUD]
    if not pieces:
        return None
    found = _best(clip[pieces[0] : pieces[0] + _PIECE], recording, int(after * SAMPLE_RATE), len(recording))
    if found is None:
        return None
    shift, alike = found[0] - pieces[0], [found[1]]
    end = pieces[0] + _PIECE
    for start in pieces[1:]:
        place = start + shift
        again = _best(clip[start : start + _PIECE], recording, place - 320, place + _PIECE + 320)
        if again is None:
            break
        shift = again[0] - start
        alike.append(again[1])
        end = start + _PIECE
    return Heard((pieces[0] + shift) / SAMPLE_RATE, end / SAMPLE_RATE, float(np.mean(alike)))


def _best(piece: NDArray[np.int16], recording: NDArray[np.int16], first: int, last: int) -> tuple[int, float] | None:
    """The place between `first` and `last` where the recording is most like the piece; None if nowhere alike."""
    first = max(0, first)
    part = recording[first:last].astype(np.float64)
    wanted = piece.astype(np.float64)
    size = len(wanted)
    if len(part) < size:
        return None
    length = len(part) + size
    spectrum = np.fft.rfft(part, length) * np.conj(np.fft.rfft(wanted, length))
    products = np.fft.irfft(spectrum, length)[: len(part) - size + 1]
    power = np.cumsum(np.concatenate([[0.0], part**2]))
    energy = np.sqrt(np.maximum(power[size:] - power[:-size], 1.0)) * max(np.linalg.norm(wanted), 1.0)
    correlation = products / energy
    place = int(np.argmax(correlation))
    return (first + place, float(correlation[place])) if correlation[place] >= _ALIKE else None


def _rms(samples: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
