"""What becomes of recorded frames: files, with the silence around them cut off where that is wanted."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringback.media.takes import (
    AUDIBLE,
    LEAD_FRAMES,
    TAIL_FRAMES,
    Append,
    Broken,
    Close,
    Closed,
    Drop,
    Frames,
    Open,
    Outcome,
    RecordingResult,
    Takes,
    audible,
)

QUIET = int(AUDIBLE) - 4
LOUD = 2 * int(AUDIBLE)


def frames(*levels: int) -> Frames:
    """Frames of one channel, each of one level."""
    return np.repeat(np.array(levels, np.int16), 160).reshape(1, -1, 160)


def levels(path: Path) -> list[int]:
    """The level of each frame of a file with one channel."""
    read, _ = soundfile.read(str(path), dtype="int16")
    whole = read.reshape(-1, 160)
    assert (whole == whole[:, :1]).all()
    return whole[:, 0].tolist()


class Rig:
    """One recording, in slot 3."""

    def __init__(self, path: Path, *, trim: bool = True, channels: int = 1) -> None:
        self.path = path
        self.takes = Takes()
        assert self.takes.do(Open(3, path, channels, trim)) == []

    def append(self, what: Frames) -> list[Outcome]:
        """Add frames, as a block that has others before and after them."""
        channels, count = what.shape[:2]
        block = np.full((2, channels, count + 3, 160), 99, np.int16)
        block[1, :, 1 : 1 + count] = what
        return self.takes.do(Append([8, 3], [0, 1], [5, 1 + count], block))

    def close(self) -> RecordingResult:
        """End it."""
        (outcome,) = self.takes.do(Close(3))
        assert isinstance(outcome, Closed)
        assert outcome.slot == 3
        return outcome.result


def test_frames_of_many_recordings_go_into_their_files(tmp_path: Path) -> None:
    takes = Takes()
    for slot, channels in ((0, 1), (1, 1)):
        takes.do(Open(slot, tmp_path / str(slot), channels))
    block = np.concatenate([frames(1, 2, 3), frames(4, 5, 6)])[:, None]
    assert takes.do(Append([1, 0], [0, 1], [2, 3], block)) == []

    assert [outcome.slot for outcome in takes.close()] == [0, 1]
    assert levels(tmp_path / "0") == [5, 6]
    assert levels(tmp_path / "1") == [1, 2]


def test_two_channels_stay_apart(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "a", trim=False, channels=2)
    rig.append(np.concatenate([frames(1, 2), frames(-1, -2)]))

    assert rig.close() == RecordingResult(rig.path, 0.04, 2, 0.0, empty=True)
    read, _ = soundfile.read(str(rig.path), dtype="int16")
    assert read[:, 0].tolist() == [1] * 160 + [2] * 160
    assert (read[:, 0] == -read[:, 1]).all()


def test_silence_is_softer_than_minus_50_db_in_all_channels() -> None:
    both = np.concatenate([frames(QUIET, LOUD, QUIET, 0), frames(0, 0, -QUIET, -LOUD)])

    assert audible(both).tolist() == [1, 3]


@pytest.mark.parametrize("piece", [1, 7, 50, 300])
def test_silence_at_both_ends_is_left_out_and_none_in_the_middle(tmp_path: Path, piece: int) -> None:
    rig = Rig(tmp_path / "a")
    said = frames(*[1] * 120, *[LOUD] * 5, *[2] * 70, LOUD, *[3] * 80)
    for at in range(0, said.shape[1], piece):
        rig.append(said[:, at : at + piece])

    assert rig.close() == RecordingResult(rig.path, pytest.approx(1.82), 1, pytest.approx(3.7), empty=False)
    assert levels(rig.path) == [1] * LEAD_FRAMES + [LOUD] * 5 + [2] * 70 + [LOUD] + [3] * TAIL_FRAMES


def test_sound_from_the_first_frame_to_the_last_is_kept_whole(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "a")
    rig.append(frames(LOUD, 0, LOUD))

    assert rig.close() == RecordingResult(rig.path, 0.06, 1, 0.0, empty=False)


def test_without_trimming_all_is_kept(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "a", trim=False)
    rig.append(frames(*[1] * 30, LOUD, *[1] * 30))

    assert rig.close() == RecordingResult(rig.path, pytest.approx(1.22), 1, 0.0, empty=False)


@pytest.mark.parametrize(("trim", "seconds", "trimmed"), [(True, 0.0, 2.4), (False, 2.4, 0.0)])
def test_nothing_but_silence_is_empty(tmp_path: Path, trim: bool, seconds: float, trimmed: float) -> None:
    rig = Rig(tmp_path / "a", trim=trim)
    for _ in range(2):
        rig.append(frames(*[QUIET] * 60))

    assert rig.close() == RecordingResult(rig.path, pytest.approx(seconds), 1, pytest.approx(trimmed), empty=True)
    assert len(levels(rig.path)) == seconds * 50


def test_the_last_frames_can_be_taken_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "a", trim=False)
    rig.append(frames(1, 2, 3))
    rig.append(frames(4, 5))
    rig.takes.do(Drop(3, 3))
    rig.append(frames(6))
    rig.close()

    assert levels(rig.path) == [1, 2, 6]


def test_a_sound_that_was_taken_back_was_never_there(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "a")
    rig.append(frames(*[0] * 60, LOUD, LOUD))
    rig.takes.do(Drop(3, 2))

    result = rig.close()
    assert (result.empty, result.seconds) == (True, 0.0)


def test_frames_that_are_held_back_can_be_taken_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "a")
    rig.append(frames(1, 2, 3))
    rig.takes.do(Drop(3, 2))
    rig.append(frames(4, LOUD))
    rig.takes.do(Drop(3, 99))
    rig.append(frames(5, LOUD))
    rig.close()

    assert levels(rig.path) == [5, LOUD]


# -- failures -------------------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_made_is_broken_and_its_frames_come_to_nothing(tmp_path: Path) -> None:
    takes = Takes()

    assert takes.do(Open(3, tmp_path / "none" / "a", 1)) == [Broken(3, "No such file or directory")]
    assert takes.do(Append([3], [0], [1], frames(1)[None])) == []
    assert takes.do(Drop(3, 1)) == []
    assert takes.do(Close(3)) == []


def test_a_full_disk_costs_one_recording_which_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    takes = Takes()
    for slot in (0, 1, 2):
        takes.do(Open(slot, tmp_path / str(slot), 1))
    block = np.concatenate([frames(1), frames(2), frames(3)])[:, None]
    takes.do(Append([0, 1, 2], [0, 0, 0], [1, 1, 1], block))
    write, failing = os.pwrite, (tmp_path / "1").stat().st_ino

    def full(file: int, what: bytes, at: int) -> int:
        if os.fstat(file).st_ino == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, what, at)

    monkeypatch.setattr(os, "pwrite", full)
    broken = takes.do(Append([0, 1, 2], [0, 0, 0], [1, 1, 1], block))

    assert broken == [Broken(1, "No space left on device")]
    assert [outcome.slot for outcome in takes.close()] == [0, 2]
    assert [levels(tmp_path / str(slot)) for slot in (0, 1, 2)] == [[1, 1], [2], [3, 3]]


def test_a_file_that_is_full_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.media.wav.MAX_DATA_BYTES", 500)
    rig = Rig(tmp_path / "a", trim=False)

    assert rig.append(frames(1)) == []
    (broken,) = rig.append(frames(2))
    assert isinstance(broken, Broken)
    assert "4 GiB" in broken.reason
    assert levels(rig.path) == [1]
