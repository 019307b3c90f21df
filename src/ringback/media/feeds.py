"""Feeds: audio that comes from outside while it is played, with marks in it: streams, and speech as it is made."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.model.audio import SAMPLE_RATE

LONGEST: Final = 120 * SAMPLE_RATE
"""Samples that may wait on one leg: two minutes."""
MOST_MARKS: Final = 1000


class FeedFull(Exception):  # noqa: N818 (a state, not a fault)
    """More audio, or more marks, than may wait."""


@dataclass(frozen=True, slots=True)
class MarkReached:
    """All audio that was fed before the mark has been played, or cleared."""

    row: int
    name: str


@dataclass(slots=True)
class _Feed:
    pieces: deque[NDArray[np.int16]] = field(default_factory=deque)
    waiting: int = 0
    fed: int = 0
    """Samples fed so far; a mark stands at one of these counts."""
    played: int = 0
    marks: deque[tuple[int, str]] = field(default_factory=deque)


class Feeds:
    """The feeds of those legs that have one: few, so they are handled one by one."""

    def __init__(self) -> None:
        self._feeds: dict[int, _Feed] = {}

    @property
    def rows(self) -> list[int]:
        """The legs that have audio or marks waiting."""
        return list(self._feeds)

    def put(self, row: int, samples: NDArray[np.int16]) -> None:
        """Play these samples after those that wait. Raises FeedFull."""
        feed = self._feeds.setdefault(row, _Feed())
        if feed.waiting + len(samples) > LONGEST:
            raise FeedFull(f"more than {LONGEST // SAMPLE_RATE} s of audio wait to be played")
        if len(samples):
            feed.pieces.append(samples)
            feed.waiting += len(samples)
            feed.fed += len(samples)

    def mark(self, row: int, name: str) -> None:
        """Report when all that was put before has been played. Raises FeedFull."""
        feed = self._feeds.setdefault(row, _Feed())
        if len(feed.marks) >= MOST_MARKS:
            raise FeedFull(f"more than {MOST_MARKS} marks wait to be reached")
        feed.marks.append((feed.fed, name))

    def clear(self, row: int) -> list[MarkReached]:
        """Forget what waits; its marks are reached."""
        feed = self._feeds.pop(row, None)
        return [MarkReached(row, name) for _, name in feed.marks] if feed else []

    def fill(self, said: NDArray[np.int16]) -> list[MarkReached]:
        """Add the next 20 ms of each feed to what is said, int16[legs, 160]; return the marks that were reached."""
        reached: list[MarkReached] = []
        for row, feed in list(self._feeds.items()):
            left = FRAME
            while left and feed.pieces:
                piece = feed.pieces[0]
                size = min(left, len(piece))
                place = said[row, FRAME - left : FRAME - left + size]
                place[:] = np.clip(place.astype(np.int32) + piece[:size], -32768, 32767)
                if size == len(piece):
                    feed.pieces.popleft()
                else:
                    feed.pieces[0] = piece[size:]
                left -= size
                feed.waiting -= size
                feed.played += size
            while feed.marks and feed.marks[0][0] <= feed.played:
                reached.append(MarkReached(row, feed.marks.popleft()[1]))
            if not feed.pieces and not feed.marks:
                del self._feeds[row]
        return reached
