"""Players: which clip each leg hears, as columns."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME, ClipArena, Loaded

FOREVER: Final = 0
MOST_WAITING: Final = 1000
"""Clips that may wait on one leg; one more takes the place of the last."""


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
        self._waiting: dict[int, deque[tuple[Loaded, int, int]]] = {}

    def start(self, row: int, clip: Loaded, loops: int, token: int, *, queue: bool = False) -> list[PlayEnded]:
        """Play a clip (acquired from the arena) from the next frame on, in place of what plays now and waits.

        With `queue` it is played after them, without a gap. `loops` of 0 plays it until it is stopped. Returns what
        has ended with it: what is replaced, and an empty clip at once.
        """
        if queue and self._playing[row]:
            waiting = self._waiting.setdefault(row, deque())
            ended = []
            if len(waiting) == MOST_WAITING:
                last, _, last_token = waiting.pop()
                self._arena.release(last)
                ended = [PlayEnded(row, last_token)]
            waiting.append((clip, loops, token))
            return ended
        tokens = [token for _, _, token in self._waiting.get(row, ())]
        ended = [PlayEnded(row, self._token[row])] if self._playing[row] else []
        ended += [PlayEnded(row, each) for each in tokens]
        self.stop(row)
        return ended + self._begin(row, clip, loops, token)

    def _begin(self, row: int, clip: Loaded, loops: int, token: int) -> list[PlayEnded]:
        if clip.first == clip.end:
            self._arena.release(clip)
            return [PlayEnded(row, token)]
        self._clip[row], self._loops[row], self._token[row] = clip, loops, token
        self._frame[row], self._end[row], self._playing[row] = clip.first, clip.end, True
        return []

    def stop(self, row: int, token: int | None = None) -> bool:
        """Fall silent with the next frame and forget what waits; True if something was stopped.

        With a token only what plays or waits under it is meant; what waits behind it goes on.
        """
        if token is not None:
            return self._stop_one(row, token)
        for waiting, _, _ in self._waiting.pop(row, ()):
            self._arena.release(waiting)
        return self._fall_silent(row)

    def _stop_one(self, row: int, token: int) -> bool:
        if self._playing[row] and self._token[row] == token:
            self._fall_silent(row)
            self._next(row)
            return True
        waiting = self._waiting.get(row, deque())
        for entry in [entry for entry in waiting if entry[2] == token]:
            waiting.remove(entry)
            self._arena.release(entry[0])
            return True
        return False

    def _next(self, row: int) -> list[PlayEnded]:
        """Begin what waits; empty clips end at once."""
        ended: list[PlayEnded] = []
        waiting = self._waiting.get(row)
        while waiting and not self._playing[row]:
            ended += self._begin(row, *waiting.popleft())
        if not waiting:
            self._waiting.pop(row, None)
        return ended

    def _fall_silent(self, row: int) -> bool:
        clip = self._clip[row]
        if clip is None:
            return False
        self._arena.release(clip)
        self._clip[row] = None
        self._playing[row] = False
        self._frame[row] = 0
        return True

    def fill(self, out: NDArray[np.int16]) -> list[PlayEnded]:
        """Write the next frame of each leg into `out`, int16[legs, 160]; return what has ended with it."""
        count = len(out)
        np.take(self._arena.samples, self._frame[:count], axis=0, out=out, mode="clip")
        self._frame[:count] += self._playing[:count]
        over = self._playing[:count] & (self._frame[:count] >= self._end[:count])
        ended = []
        for row in np.flatnonzero(over).tolist():
            clip = self._clip[row]
            assert clip is not None, "a row that plays has a clip"
            if self._loops[row] == 1:
                self._fall_silent(row)
                ended.append(PlayEnded(row, self._token[row]))
                ended += self._next(row)
            else:
                self._frame[row] = clip.first
                self._loops[row] -= self._loops[row] > 1
        return ended


assert FRAME == 160, "players, jitter ring and packets share one frame of 20 ms"
