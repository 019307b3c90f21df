"""Announcements: clips that all members of a room hear, on top of each other and of what is said. They are few."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import ClipArena, Loaded
from ringback.media.happenings import Announced
from ringback.media.rooms import Rooms

MOST_AT_ONCE = 1000
"""Announcements of a worker; one more is refused."""


class AnnouncerBusy(Exception):  # noqa: N818 (a state, not a fault)
    """As much is announced as may be."""


@dataclass(slots=True)
class _Announcement:
    room: int
    clip: Loaded
    loops: int
    at: int


class Announcer:
    """What is being announced in the rooms of a worker, by token."""

    def __init__(self, arena: ClipArena, rooms: Rooms) -> None:
        self._arena = arena
        self._rooms = rooms
        self._going: dict[int, _Announcement] = {}

    def start(self, room: int, clip: Loaded, loops: int, token: int) -> list[Announced]:
        """Announce a clip (acquired from the arena) `loops` times, 0: until it is stopped. An empty one ends at once.

        Raises AnnouncerBusy, and has given the clip back.
        """
        if clip.first == clip.end or len(self._going) >= MOST_AT_ONCE:
            self._arena.release(clip)
            if clip.first == clip.end:
                return [Announced(token)]
            raise AnnouncerBusy(f"{MOST_AT_ONCE} announcements go on in this worker, which is as many as may be")
        self._going[token] = _Announcement(room, clip, loops, clip.first)
        return []

    def stop(self, token: int) -> None:
        """Fall silent with the next frame. What has ended stays as it is."""
        if going := self._going.pop(token, None):
            self._arena.release(going.clip)

    def fill(self, said: NDArray[np.int16]) -> list[Announced]:
        """After the rooms were mixed: let members hear the next frame; return what has ended with it."""
        ended: list[Announced] = []
        for token, going in list(self._going.items()):
            self._rooms.announce(going.room, self._arena.samples[going.at], said)
            going.at += 1
            if going.at < going.clip.end:
                continue
            if going.loops == 1:
                self.stop(token)
                ended.append(Announced(token))
            going.at = going.clip.first
            going.loops -= going.loops > 1
        return ended
