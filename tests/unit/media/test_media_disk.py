"""The process that writes recordings does what it is told in order, completes its files, and is replaced if it dies."""

import os
import select
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringback.media import disk
from ringback.media.disk import DiskWriter, serve
from ringback.media.sidecar import Host
from ringback.media.takes import Append, Broken, Close, Closed, Drop, Frames, Open, Outcome
from tests.unit.media.inner_sidecar import PATIENCE, InnerSidecar, inner


class Rig:
    """A writer whose process is a thread, which can be told to wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cells: int = 8) -> None:
        self.go = threading.Event()
        self.go.set()
        sidecars = inner(self._serve)
        monkeypatch.setattr(disk, "Sidecar", sidecars)
        self.sidecars: list[InnerSidecar] = sidecars.made
        self.writer = DiskWriter(cells)

    def _serve(self, host: Host) -> None:
        assert self.go.wait(PATIENCE)
        serve(host)

    def wait_for(self, count: int) -> list[Outcome]:
        """The next outcomes."""
        outcomes: list[Outcome] = []
        while len(outcomes) < count:
            self.sidecars[-1].wait()
            outcomes += self.writer.outcomes()
        return outcomes


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    rig = Rig(monkeypatch)
    yield rig
    rig.go.set()
    rig.writer.close()


def append(slot: int, *levels: int) -> Append:
    """Seconds of a recording with one channel, each of one level."""
    blocks: Frames = np.array(levels, np.int16)[:, None, None, None] * np.ones((1, 1, 50, 160), np.int16)
    return Append([slot] * len(levels), [0] * len(levels), [50] * len(levels), blocks)


def levels(path: Path) -> list[int]:
    """The level of each second."""
    read, _ = soundfile.read(str(path), dtype="int16")
    seconds = read.reshape(-1, 8000)
    assert (seconds == seconds[:, :1]).all()
    return seconds[:, 0].tolist()


def test_jobs_are_done_in_their_order(rig: Rig, tmp_path: Path) -> None:
    jobs = [Open(3, tmp_path / "a", 1), append(3, 1, 2, 3), Drop(3, 100), append(3, 4), Close(3)]
    assert all(rig.writer.post(job) for job in jobs)

    (outcome,) = rig.wait_for(1)
    assert isinstance(outcome, Closed)
    assert (outcome.slot, outcome.result.path, outcome.result.seconds) == (3, tmp_path / "a", 2.0)
    assert levels(tmp_path / "a") == [1, 4]
    assert rig.writer.backlog == 0
    assert rig.writer.outcomes() == []


def test_both_channels_and_any_part_of_a_second_arrive(rig: Rig, tmp_path: Path) -> None:
    blocks = np.arange(2 * 2 * 50, dtype=np.int16).reshape(2, 2, 50, 1) * np.ones(160, np.int16)
    rig.writer.post(Open(0, tmp_path / "a", 2))
    rig.writer.post(Open(1, tmp_path / "b", 2))
    rig.writer.post(Append([1, 0], [48, 0], [50, 1], blocks))
    rig.writer.close()

    read, _ = soundfile.read(str(tmp_path / "a"), dtype="int16")
    assert read[::160].tolist() == [[100, 150]]
    read, _ = soundfile.read(str(tmp_path / "b"), dtype="int16")
    assert read[::160].tolist() == [[48, 98], [49, 99]]


def test_a_name_may_hold_anything(rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b'\xff \n"\xc3\xa9.wav')
    rig.writer.post(Open(0, path, 1))
    rig.writer.post(Close(0))

    (outcome,) = rig.wait_for(1)
    assert isinstance(outcome, Closed)
    assert outcome.result.path == path
    assert path.exists()


def test_a_file_that_cannot_be_made_is_broken(rig: Rig, tmp_path: Path) -> None:
    rig.writer.post(Open(5, tmp_path / "none" / "a", 1))

    assert rig.wait_for(1) == [Broken(5, "No such file or directory")]


def test_there_is_room_for_so_much_and_again_when_it_was_written(rig: Rig, tmp_path: Path) -> None:
    rig.go.clear()
    rig.writer.post(Open(0, tmp_path / "a", 1))
    rig.writer.post(Open(1, tmp_path / "none" / "b", 1))
    assert rig.writer.post(append(0, 1, 2, 3, 4, 5))
    assert not rig.writer.post(append(0, 6, 7, 8, 9))
    assert rig.writer.post(append(0, 6, 7, 8))
    assert rig.writer.backlog == 8
    assert not rig.writer.post(append(0, 9))
    rig.go.set()
    rig.wait_for(1)
    while rig.writer.backlog:
        pass
    for round_ in range(5):
        assert rig.writer.post(append(0, *range(round_, round_ + 3)))
        while rig.writer.backlog > 3:
            pass
    rig.writer.close()

    assert levels(tmp_path / "a") == [*range(1, 9), *(n for r in range(5) for n in range(r, r + 3))]


def test_nothing_is_started_before_it_is_needed(rig: Rig, tmp_path: Path) -> None:
    assert not rig.writer.post(append(0, 1))
    assert not rig.writer.post(Close(0))
    assert (rig.writer.outcomes(), rig.writer.backlog, rig.writer.pid, rig.sidecars) == ([], 0, None, [])
    assert rig.writer.close() == []

    rig.writer.start()
    rig.writer.start()
    rig.writer.post(Open(0, tmp_path / "a", 1))
    assert len(rig.sidecars) == 1
    assert rig.writer.pid == 4711
    assert rig.sidecars[0].command[-2:] == ["-m", "ringback.media.disk"]


def test_when_the_process_dies_every_recording_is_broken_and_the_next_has_another(rig: Rig, tmp_path: Path) -> None:
    for slot in (4, 2, 7):
        rig.writer.post(Open(slot, tmp_path / str(slot), 1))
    rig.writer.post(Close(7))
    assert [outcome.slot for outcome in rig.wait_for(1)] == [7]
    rig.writer.post(append(4, 1))
    while rig.writer.backlog:
        pass
    rig.sidecars[0].die()

    died = "the process that writes recordings died"
    assert [outcome for outcome in rig.wait_for(2) if isinstance(outcome, Broken)] == [Broken(2, died), Broken(4, died)]
    assert not rig.writer.post(append(4, 2))
    assert rig.writer.outcomes() == []
    rig.writer.post(Open(4, tmp_path / "new", 1))
    rig.writer.post(append(4, 3))
    rig.writer.close()
    assert (levels(tmp_path / "4"), levels(tmp_path / "new")) == ([1], [3])


def test_a_recording_for_which_no_process_can_be_had_is_refused(rig: Rig, tmp_path: Path) -> None:
    writer = DiskWriter(1, ["/nowhere"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "Sidecar", lambda *_: (_ for _ in ()).throw(OSError("no more processes")))
        assert not writer.post(Open(0, tmp_path / "a", 1))
    assert writer.outcomes() == [Broken(0, "no process that writes recordings: no more processes")]
    assert writer.outcomes() == []


def test_the_end_completes_what_is_open(rig: Rig, tmp_path: Path) -> None:
    rig.writer.post(Open(0, tmp_path / "a", 1, trim=True))
    rig.writer.post(append(0, 0, 500, 0))

    (outcome,) = rig.writer.close()
    assert isinstance(outcome, Closed)
    assert outcome.result.seconds == pytest.approx(1.3)
    assert rig.writer.pid is None


@pytest.mark.slow
def test_the_real_process_writes_and_its_death_is_noticed(tmp_path: Path) -> None:
    writer = DiskWriter(8)
    writer.post(Open(0, tmp_path / "a", 1))
    writer.post(Open(1, tmp_path / "b", 1))
    writer.post(append(0, 1, 2))
    writer.post(Close(0))
    sidecar = writer._sidecar
    assert sidecar is not None
    outcomes: list[Outcome] = []
    while len(outcomes) < 2:
        assert select.select([sidecar], [], [], PATIENCE)[0]
        outcomes += writer.outcomes()
        if len(outcomes) == 1:
            os.kill(sidecar.pid, signal.SIGKILL)

    assert isinstance(outcomes[0], Closed)
    assert outcomes[1] == Broken(1, "the process that writes recordings died")
    assert levels(tmp_path / "a") == [1, 2]
    writer.post(Open(1, tmp_path / "c", 1))
    writer.post(append(1, 7))
    (closed,) = writer.close(PATIENCE)
    assert isinstance(closed, Closed)
    assert levels(tmp_path / "c") == [7]
