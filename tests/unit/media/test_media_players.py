"""Players: each leg hears the clip it was given, frame by frame, as often as it was asked for."""

from pathlib import Path

import numpy as np
import pytest

from ringback.media.arena import FRAME, ClipArena, Loaded
from ringback.media.players import FOREVER, MOST_WAITING, PlayEnded, Players


class Rig:
    """Players over an arena, and clips whose frames are numbered."""

    def __init__(self, folder: Path, capacity: int = 3) -> None:
        self.folder = folder
        self.arena = ClipArena(1000)
        self.players = Players(capacity, self.arena)
        self.out = np.full((capacity, FRAME), 77, np.int16)
        self.ended: list[PlayEnded] = []

    def clip(self, first: int, frames: int) -> Loaded:
        """A clip whose frames hold `first`, `first + 1`, and so on."""
        path = self.folder / f"{first}-{frames}"
        path.write_bytes(np.repeat(np.arange(first, first + frames, dtype="<i2"), FRAME).tobytes())
        return self.arena.acquire(path)

    def heard(self, frames: int) -> list[list[int]]:
        """The numbers of the next frames of each leg; 0 is silence."""
        rows: list[list[int]] = [[] for _ in self.out]
        for _ in range(frames):
            self.ended += self.players.fill(self.out)
            for row, frame in zip(rows, self.out, strict=True):
                assert len(set(frame.tolist())) == 1
                row.append(int(frame[0]))
        return rows


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_who_plays_nothing_hears_silence(rig: Rig) -> None:
    assert rig.heard(2) == [[0, 0]] * 3


def test_a_clip_is_heard_to_its_last_frame_and_then_reported(rig: Rig) -> None:
    assert rig.players.start(1, rig.clip(5, 3), 1, token=9) == []
    assert rig.heard(2)[1] == [5, 6]
    assert rig.ended == []
    assert rig.heard(3) == [[0, 0, 0], [7, 0, 0], [0, 0, 0]]
    assert rig.ended == [PlayEnded(1, 9)]


def test_a_clip_is_repeated_without_a_gap(rig: Rig) -> None:
    rig.players.start(0, rig.clip(1, 2), 3, token=1)

    assert rig.heard(7)[0] == [1, 2, 1, 2, 1, 2, 0]
    assert rig.ended == [PlayEnded(0, 1)]


def test_a_clip_is_repeated_until_it_is_stopped(rig: Rig) -> None:
    clip = rig.clip(1, 2)
    rig.players.start(0, clip, FOREVER, token=1)
    rig.heard(1001)

    assert rig.players.stop(0)
    assert rig.heard(2)[0] == [0, 0]
    assert rig.ended == []
    assert clip.users == 0


def test_stopping_needs_the_right_token_if_one_is_given(rig: Rig) -> None:
    rig.players.start(0, rig.clip(1, 9), 1, token=4)

    assert not rig.players.stop(0, 3)
    assert rig.heard(1)[0] == [1]
    assert rig.players.stop(0, 4)
    assert not rig.players.stop(0, 4)
    assert not rig.players.stop(0)


def test_a_clip_takes_the_place_of_another_which_ends_with_it(rig: Rig) -> None:
    old = rig.clip(1, 9)
    rig.players.start(0, old, FOREVER, token=4)
    rig.heard(2)

    assert rig.players.start(0, rig.clip(50, 2), 1, token=5) == [PlayEnded(0, 4)]
    assert rig.heard(3)[0] == [50, 51, 0]
    assert rig.ended == [PlayEnded(0, 5)]
    assert old.users == 0


@pytest.mark.parametrize("loops", [1, 5, FOREVER])
def test_an_empty_clip_ends_at_once_however_often(rig: Rig, loops: int) -> None:
    old, empty = rig.clip(1, 9), rig.clip(1, 0)
    rig.players.start(0, old, 1, token=4)

    assert rig.players.start(0, empty, loops, token=5) == [PlayEnded(0, 4), PlayEnded(0, 5)]
    assert (old.users, empty.users) == (0, 0)
    assert rig.heard(2)[0] == [0, 0]


def test_one_clip_is_heard_by_many_each_in_its_own_time(rig: Rig) -> None:
    clip = rig.clip(1, 4)
    rig.players.start(0, rig.arena.acquire(clip.path), 1, token=1)
    rig.heard(1)
    rig.players.start(1, rig.arena.acquire(clip.path), 2, token=2)
    rig.heard(1)
    rig.players.start(2, rig.arena.acquire(clip.path), 1, token=3)

    assert rig.heard(7) == [[3, 4, 0, 0, 0, 0, 0], [2, 3, 4, 1, 2, 3, 4], [1, 2, 3, 4, 0, 0, 0]]
    assert rig.ended == [PlayEnded(0, 1), PlayEnded(2, 3), PlayEnded(1, 2)]
    assert clip.users == 1


def test_only_the_legs_in_use_are_filled(rig: Rig) -> None:
    rig.players.start(1, rig.clip(5, 3), 1, token=1)
    rig.players.fill(rig.out[:2])

    assert rig.out[:, 0].tolist() == [0, 5, 77]


def test_queued_clips_follow_each_other_without_a_gap(rig: Rig) -> None:
    rig.players.start(0, rig.clip(1, 2), 1, token=1)
    assert rig.players.start(0, rig.clip(10, 2), 2, token=2, queue=True) == []
    assert rig.players.start(0, rig.clip(1, 0), 1, token=3, queue=True) == []
    assert rig.players.start(0, rig.clip(30, 1), 1, token=4, queue=True) == []

    assert rig.heard(8)[0] == [1, 2, 10, 11, 10, 11, 30, 0]
    assert [ended.token for ended in rig.ended] == [1, 2, 3, 4]


def test_a_queued_clip_is_played_at_once_where_nothing_plays(rig: Rig) -> None:
    rig.players.start(0, rig.clip(5, 1), 1, token=1, queue=True)

    assert rig.heard(2)[0] == [5, 0]


def test_stopping_forgets_what_waits_and_a_token_stops_its_own_alone(rig: Rig) -> None:
    waiting, last = rig.clip(10, 2), rig.clip(20, 1)
    rig.players.start(0, rig.clip(1, 9), 1, token=1)
    rig.players.start(0, waiting, 1, token=2, queue=True)
    rig.players.start(0, last, 1, token=3, queue=True)

    assert rig.players.stop(0, 2)
    assert waiting.users == 0
    assert rig.players.stop(0, 1)
    assert rig.heard(2)[0] == [20, 0]
    rig.players.start(0, rig.clip(1, 9), 1, token=4)
    rig.players.start(0, last, 1, token=5, queue=True)
    assert rig.players.stop(0)
    assert rig.heard(2)[0] == [0, 0]
    assert not rig.players.stop(0, 5)


def test_what_is_replaced_ends_and_so_does_what_waited_behind_it(rig: Rig) -> None:
    rig.players.start(0, rig.clip(1, 9), 1, token=1)
    rig.players.start(0, rig.clip(10, 2), 1, token=2, queue=True)

    assert rig.players.start(0, rig.clip(50, 1), 1, token=3) == [PlayEnded(0, 1), PlayEnded(0, 2)]
    assert rig.heard(2)[0] == [50, 0]


def test_a_full_queue_gives_up_its_last(rig: Rig) -> None:
    rig.players.start(0, rig.clip(1, 9), FOREVER, token=0)
    clip = rig.clip(10, 1)
    for token in range(1, MOST_WAITING + 1):
        rig.players.start(0, clip, 1, token=token, queue=True)

    assert rig.players.start(0, clip, 1, token=5000, queue=True) == [PlayEnded(0, MOST_WAITING)]
