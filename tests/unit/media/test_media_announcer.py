"""Announcements: all members of a room hear them, on top of each other, and of nobody else."""

from pathlib import Path

import numpy as np
import pytest

from ringback.media import announcer as announcer_module
from ringback.media.announcer import Announcer, AnnouncerBusy
from ringback.media.arena import ClipArena
from ringback.media.happenings import Announced
from ringback.media.rooms import Rooms


class Rig:
    """An announcer, its arena, and rooms with five legs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.arena = ClipArena(100)
        self.rooms = Rooms(5)
        self.announcer = Announcer(self.arena, self.rooms)

    def start(self, room: int, token: int, *levels: int, loops: int = 1) -> list[Announced]:
        """Announce a clip that has a frame of each level."""
        path = self.folder / str(token)
        path.write_bytes(b"".join(np.full(160, level, "<i2").tobytes() for level in levels))
        return self.announcer.start(room, self.arena.acquire(path), loops, token)

    def tick(self) -> tuple[list[int], list[Announced]]:
        """What each leg hears, and what has ended."""
        said = np.zeros((5, 160), np.int16)
        self.rooms.mix(np.zeros((5, 160), np.int16), said)
        ended = self.announcer.fill(said)
        return said[:, 0].tolist(), ended


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    made = Rig(tmp_path)
    for row in range(4):
        made.rooms.join(row, 7)
    made.rooms.join(4, 8)
    return made


def test_members_hear_it_to_its_end(rig: Rig) -> None:
    assert rig.start(7, 1, 100, 200) == []
    assert [rig.tick() for _ in range(3)] == [
        ([100, 100, 100, 100, 0], []),
        ([200, 200, 200, 200, 0], [Announced(1)]),
        ([0, 0, 0, 0, 0], []),
    ]


def test_several_sound_at_once_and_each_as_often_as_it_should(rig: Rig) -> None:
    rig.start(7, 1, 100, loops=0)
    rig.start(7, 2, 10, loops=2)
    rig.start(8, 3, 5)
    assert [rig.tick() for _ in range(3)] == [
        ([110, 110, 110, 110, 5], [Announced(3)]),
        ([110, 110, 110, 110, 0], [Announced(2)]),
        ([100, 100, 100, 100, 0], []),
    ]
    rig.announcer.stop(1)
    rig.announcer.stop(1)
    assert rig.tick() == ([0, 0, 0, 0, 0], [])


def test_who_is_held_or_deaf_or_stands_for_others_hears_nothing(rig: Rig) -> None:
    rig.rooms.hold(0, True)
    rig.rooms.deafen(1, True)
    rig.rooms.leave(2)
    rig.rooms.join(2, 7, relay=True)
    rig.start(7, 1, 100)
    rig.start(9, 2, 100)
    assert rig.tick() == ([0, 0, 0, 100, 0], [Announced(1), Announced(2)])


def test_it_is_in_what_is_recorded_of_the_room(rig: Rig) -> None:
    rig.rooms.keep_sum(7, True)
    rig.start(7, 1, 100)
    rig.tick()
    place = rig.rooms.place(7)
    assert place is not None
    assert rig.rooms.totals[place, 0] == 100


def test_an_empty_one_ends_at_once_and_clips_are_given_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rig.start(7, 1) == [Announced(1)]
    monkeypatch.setattr(announcer_module, "MOST_AT_ONCE", 1)
    rig.start(7, 2, 1)
    with pytest.raises(AnnouncerBusy, match="^1 announcements go on in this worker"):
        rig.start(7, 3, 1)
    rig.tick()
    assert [clip.users for clip in rig.arena._clips.values()] == [0, 0, 0]
