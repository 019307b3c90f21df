"""Players: which clip each leg hears, as columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME, ClipArena, Loaded

FOREVER = 0


@dataclass(frozen=True, slots=True)
class PlayEnded:
    """The last frame of what was played under `token` has gone out."""

    row: int
    token: int


class Players:
    """One player a leg. A leg that plays nothing points at the arena's silent frame."""

    def __init__(self, capacity: int, arena: ClipArena) -> None:
        self._arena = arena
        self._frame = np.zeros(capacity, np.int64)
        self._end = np.zeros(capacity, np.int64)
        self._playing = np.zeros(capacity, np.bool_)
        self._clip: list[Loaded | None] = [None] * capacity
        self._loops = [FOREVER] * capacity
        self._token = [0] * capacity

    def start(self, row: int, clip: Loaded, loops: int, token: int) -> list[PlayEnded]:
        """Play a clip (acquired from the arena) from the next frame on, in place of what plays now.

        `loops` of 0 plays it until it is stopped. Returns what has ended with it: what is replaced, and an empty
        clip at once.
        """
        ended = [PlayEnded(row, self._token[row])] if self.stop(row) else []
        if clip.first == clip.end:
            self._arena.release(clip)
            return [*ended, PlayEnded(row, token)]
        self._clip[row], self._loops[row], self._token[row] = clip, loops, token
        self._frame[row], self._end[row], self._playing[row] = clip.first, clip.end, True
        return ended

    def stop(self, row: int, token: int | None = None) -> bool:
        """Fall silent with the next frame; with a token, only if that is what plays. True if something was stopped."""
        clip = self._clip[row]
        if clip is None or (token is not None and token != self._token[row]):
            return False
        self._arena.release(clip)
        self._clip[row] = None
        self._playing[row] = False
        self._frame[row] = 0
        return True

    def fill(self, out: NDArray[np.int16]) -> list[PlayEnded]:
        """Write the next frame of each leg into `out`, int16[legs, 160]; return what has ended with it."""
        count = len(out)
        np.take(self._arena.samples, self._frame[:count], axis=0, out=out)
        self._frame[:count] += self._playing[:count]
        over = self._playing[:count] & (self._frame[:count] >= self._end[:count])
        ended = []
        for row in np.flatnonzero(over).tolist():
            clip = self._clip[row]
            assert clip is not None, "a row that plays has a clip"
            if self._loops[row] == 1:
                self.stop(row)
                ended.append(PlayEnded(row, self._token[row]))
            else:
                self._frame[row] = clip.first
                self._loops[row] -= self._loops[row] > 1
        return ended


assert FRAME == 160, "players, jitter ring and packets share one frame of 20 ms"
