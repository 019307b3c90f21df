"""The studio: who is in which file, what ends a recording, and whose voice is listened to, in virtual time."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringback.media.gate import VoiceChange
from ringback.media.happenings import KeyPressed, Recorded, VoiceHeard
from ringback.media.rooms import Rooms
from ringback.media.routes import Frames
from ringback.media.studio import A_LEG, Studio, StudioError, Wanted
from ringback.media.takes import RecordingResult
from tests.unit.media.inline_disk import InlineDisk
from tests.unit.media.peer_rig import recorded

LEGS = 4


class Voices:
    """Tells what it is told to tell."""

    def __init__(self) -> None:
        self.speaking = np.zeros(LEGS, np.bool_)
        self.watched: set[int] = set()
        self.fed: list[int] = []
        self._changes: list[VoiceChange] = []

    def change(self, row: int, speaking: bool) -> None:
        self._changes.append(VoiceChange(row, speaking, 0))
        self.speaking[row] = speaking

    def watch(self, row: int) -> None:
        self.watched.add(row)

    def unwatch(self, row: int) -> None:
        self.watched.remove(row)

    def feed(self, heard: Frames, tick: int) -> None:
        self.fed.append(tick)

    def poll(self) -> list[VoiceChange]:
        changes, self._changes = self._changes, []
        return changes


class Rig:
    """A studio in whose frames leg i says 1000 (i + 1) and hears minus that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rooms = Rooms(LEGS)
        self.disk = InlineDisk()
        self.voices = Voices()
        self.studio = Studio(LEGS, self.rooms, self.disk, self.voices)
        self.told: list[Recorded | VoiceHeard] = []
        self.heard = np.repeat(1000 * (1 + np.arange(LEGS, dtype=np.int16))[:, None], 160, axis=1)
        self._tokens = itertools.count(1)
        self._ticks: Iterator[int] = itertools.count()

    def start(self, row: int | None = 0, room: int | None = None, **wanted: Any) -> int:
        token = next(self._tokens)
        self.studio.start(token, row, room, self.path(token), Wanted(**wanted))
        return token

    def path(self, token: int) -> Path:
        return self.folder / f"{token}.wav"

    def run(self, ticks: int = 1, *keys: KeyPressed, pressing: tuple[int, ...] = ()) -> None:
        mask = np.isin(np.arange(LEGS), pressing)
        for _ in range(ticks):
            self.rooms.mix(self.heard, np.zeros_like(self.heard))
            self.told += self.studio.collect(self.heard, -self.heard, list(keys), mask, next(self._ticks))

    def levels(self, token: int) -> list[tuple[int, ...]]:
        """The first sample of each frame of a file."""
        return [tuple(frame) for frame in recorded(self.path(token))[::160].tolist()]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.mark.parametrize(
    ("wanted", "level"),
    [
        ({}, (2000,)),
        ({"source": "said"}, (-2000,)),
        ({"source": "both"}, (0,)),
        ({"source": "both", "channels": 2}, (2000, -2000)),
        ({"source": "heard", "channels": 2}, (2000, 0)),
        ({"source": "said", "channels": 2}, (0, -2000)),
        ({"source": "room"}, (5000,)),
        ({"source": "room", "channels": 2}, (5000, 5000)),
    ],
)
def test_a_file_has_what_was_asked_for(rig: Rig, wanted: dict[str, Any], level: tuple[int, ...]) -> None:
    rig.rooms.join(1, 9)
    rig.rooms.join(2, 9)
    token = rig.start(1, **wanted)
    rig.run(3)
    rig.studio.stop(token)
    rig.run()

    assert rig.told == [Recorded(token, 0.06, "stopped", "", any(level))]
    assert rig.levels(token) == [level] * 3
    assert not rig.studio.busy


def test_a_room_is_recorded_while_it_is_empty_and_turned_down_while_it_is_loud(rig: Rig) -> None:
    rig.heard[1:3] = 30000
    first = rig.start(None, room=9)
    second = rig.start(None, room=8)
    third = rig.start(None, room=9)
    rig.run()
    rig.rooms.join(1, 9)
    rig.run()
    rig.rooms.join(2, 9)
    rig.run(2)
    for token in (first, second, third):
        rig.studio.stop(token)
    rig.run()

    assert rig.levels(first) == rig.levels(third) == [(0,), (30000,), (32766,), (32766,)]
    assert rig.levels(second) == [(0,)] * 4
    assert [each.spoken for each in rig.told if isinstance(each, Recorded)] == [True, False, True]
    rig.rooms.leave(2)
    rig.rooms.mix(rig.heard, np.zeros_like(rig.heard))
    assert rig.rooms.place(9) is None, "its sum is not made any more"


def test_pauses_and_lengths(rig: Rig) -> None:
    token = rig.start(max_seconds=0.1)
    rig.run(2)
    rig.studio.pause(token, silence=False)
    rig.run(10)
    rig.studio.resume(token)
    rig.run()
    rig.studio.pause(token, silence=True)
    rig.run(2)
    rig.run()

    assert rig.told == [Recorded(token, 0.1, "length", "", True)]
    assert rig.levels(token) == [(1000,)] * 3 + [(0,)] * 2
    for act in (rig.studio.resume, rig.studio.stop):
        act(token)
    rig.studio.pause(token, silence=True)


def test_silence_of_the_leg_ends_what_is_said_to_it(rig: Rig) -> None:
    rig.voices.speaking[1] = True
    token = rig.start(1, source="said", silence_seconds=0.06)
    rig.run(5)
    assert rig.voices.watched == {1}
    rig.voices.change(1, False)
    rig.run(4)

    assert rig.told == [Recorded(token, 0.16, "silence", "", True)]
    assert rig.voices.watched == set()


def test_silence_does_not_end_the_recording_of_a_room_that_is_nobodys(rig: Rig) -> None:
    token = rig.start(None, room=1, silence_seconds=0.02)
    rig.run(10)
    assert rig.told == []
    rig.studio.stop_all()
    rig.run()
    assert rig.told == [Recorded(token, 0.2, "stopped")]


def test_a_key_ends_it_and_what_came_before_the_key_is_kept(rig: Rig) -> None:
    token, other = rig.start(finish_keys="#1"), rig.start()
    rig.run(10)
    rig.run(1, KeyPressed(0, "2"), KeyPressed(1, "1"))
    rig.run(1, KeyPressed(0, "1"), KeyPressed(0, "#"))
    rig.run()

    assert rig.told == [Recorded(token, 0.14, "key", "1", True)]
    assert len(rig.levels(other)) == 0
    assert rig.studio.busy


def test_while_a_key_is_pressed_its_leg_is_in_no_file(rig: Rig) -> None:
    alone, apart = rig.start(), rig.start(source="both", channels=2)
    rig.run(1)
    rig.run(2, pressing=(0,))
    rig.run(1, pressing=(1,))
    rig.studio.stop_all()
    rig.run()

    assert rig.levels(alone) == [(1000,)] * 2
    assert rig.levels(apart) == [(1000, -1000), (0, -1000), (0, -1000), (1000, -1000)]


def test_a_leg_that_goes_ends_its_recordings_and_is_listened_to_no_more(rig: Rig) -> None:
    rig.rooms.join(0, 5)
    gone = [rig.start(silence_seconds=1), rig.start(source="room")]
    stays = rig.start(1)
    rig.studio.detect(0, True)
    rig.run(2)
    rig.studio.close(0)
    rig.run()
    rig.studio.close(0)

    assert rig.told == [Recorded(token, 0.04, "closed", "", True) for token in gone]
    assert rig.voices.watched == set()
    rig.studio.stop(stays)
    rig.run()
    assert rig.told[-1] == Recorded(stays, 0.06, "stopped", "", True)


def test_voices_are_told_of_those_who_were_asked_for(rig: Rig) -> None:
    rig.studio.detect(0, True)
    rig.studio.detect(0, True)
    rig.start(1, silence_seconds=9)
    rig.voices.change(0, True)
    rig.voices.change(1, True)
    rig.run()
    rig.studio.detect(1, True)
    rig.studio.detect(2, True)
    rig.voices.speaking[2] = True
    rig.run()
    rig.studio.detect(0, False)
    rig.studio.detect(0, False)
    rig.voices.change(0, False)
    rig.voices.change(1, False)
    rig.run()

    assert rig.told == [VoiceHeard(0, True), VoiceHeard(1, True), VoiceHeard(1, False)]
    assert rig.voices.watched == {1, 2}


def test_what_was_found_out_of_a_leg_that_goes_is_not_told_of_the_next(rig: Rig) -> None:
    rig.voices.speaking[0] = True
    rig.studio.detect(0, True)
    rig.studio.close(0)
    rig.run()

    assert rig.told == []


def test_a_disk_that_gives_up_fails_the_recording(rig: Rig) -> None:
    token = rig.start()
    rig.run(10)
    rig.disk.room = False
    rig.run(50)
    rig.disk.room = True

    (told,) = rig.told
    assert isinstance(told, Recorded)
    assert (told.token, told.reason, told.spoken) == (token, "failed", False)
    assert told.problem == f"{rig.path(token)}: the disk is too slow for the recordings"
    assert not rig.studio.busy


@pytest.mark.parametrize(
    ("row", "room", "wanted", "why"),
    [
        (0, None, {"source": "room"}, "the leg is in no room"),
        (None, None, {}, "the leg is in no room"),
        (0, None, {"max_seconds": 0}, "last up to 86400 s"),
        (None, 3, {"max_seconds": -1}, "last up to 86400 s"),
    ],
)
def test_what_cannot_be_is_refused(
    rig: Rig, row: int | None, room: int | None, wanted: dict[str, Any], why: str
) -> None:
    with pytest.raises(StudioError, match=why):
        rig.start(row, room, **wanted)
    assert not rig.studio.busy
    assert not rig.disk.jobs


def test_more_recordings_than_there_is_room_for_are_refused(rig: Rig) -> None:
    for _ in range(A_LEG * LEGS):
        rig.start()
    with pytest.raises(StudioError, match="^all 8 recordings of this worker are taken$"):
        rig.start()


def test_a_studio_without_disk_and_voice_does_nothing(tmp_path: Path) -> None:
    studio = Studio(LEGS, Rooms(LEGS), None, None)
    with pytest.raises(StudioError, match="does not record"):
        studio.start(1, 0, None, tmp_path / "a.wav", Wanted())
    studio.detect(0, True)
    nothing = np.zeros((LEGS, 160), np.int16)
    assert studio.collect(nothing, nothing, [KeyPressed(0, "1")], np.zeros(LEGS, np.bool_), 1) == []
    studio.detect(0, False)
    studio.pause(1, silence=True)
    studio.resume(1)
    studio.stop(1)
    studio.stop_all()
    assert not studio.busy


def test_an_outcome_has_the_length_of_its_file(rig: Rig) -> None:
    token = rig.start(trim=True)
    rig.heard[:] = 0
    rig.run(20)
    rig.studio.stop(token)
    rig.run()
    assert rig.told == [Recorded(token, 0.0, "stopped", "", False)]
    assert RecordingResult(rig.path(token), 0.0, 1, 0.4, True).seconds == 0.0
