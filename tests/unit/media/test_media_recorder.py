"""Recorders: each file holds what it should hear, to the frame, whatever is done to the recording meanwhile."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.media.recorder import (
    PATIENCE_TICKS,
    Recorders,
    RecordersFull,
    RecordingDone,
    RecordingEvent,
    RecordingFailed,
)
from ringback.media.routes import Mask, Source, heard, mixed, said
from ringback.media.takes import Append, Broken, Close, Open
from tests.unit.media.inline_disk import InlineDisk
from tests.unit.media.plane_rig import pitch, sine

LEGS = 6


class Rig:
    """Recorders whose frames are numbered: in tick t, leg i hears 10 t + i and is told -(10 t + i)."""

    def __init__(self, folder: Path, capacity: int = 4) -> None:
        self.folder = folder
        self.disk = InlineDisk()
        self.recorders = Recorders(capacity, self.disk)
        self.events: list[RecordingEvent] = []
        self.tick = 0
        self._names = itertools.count(1)

    def start(self, *channels: list[Source], **options: Any) -> tuple[int, Path]:
        """Record; return slot and file."""
        path = self.folder / f"{next(self._names)}.wav"
        return self.recorders.start(path, channels, **options), path

    def run(self, ticks: int, speaking: Mask | None = None, exclude: Mask | None = None) -> None:
        """Let ticks pass."""
        for _ in range(ticks):
            level = (10 * self.tick + np.arange(LEGS, dtype=np.int16))[:, None] * np.ones(160, np.int16)
            self.events += self.recorders.collect(level, -level, level[:2] + 5, speaking=speaking, exclude=exclude)
            self.tick += 1

    def done(self) -> RecordingDone:
        """The one recording that has come to its end."""
        self.run(1)
        (event,) = self.events
        assert isinstance(event, RecordingDone)
        self.events.clear()
        return event


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def levels(path: Path, channel: int = 0) -> list[int]:
    """The level of each frame of a channel."""
    read, _ = soundfile.read(str(path), dtype="int16", always_2d=True)
    frames = read[:, channel].reshape(-1, 160)
    assert (frames == frames[:, :1]).all()
    return frames[:, 0].tolist()


def numbered(leg: int, *ticks: range) -> list[int]:
    """What a leg heard in these ticks."""
    return [10 * tick + leg for tick in itertools.chain(*ticks)]


def legs(*rows: int) -> Mask:
    """A mask of legs."""
    mask = np.zeros(LEGS, np.bool_)
    mask[list(rows)] = True
    return mask


# -- who is recorded ------------------------------------------------------------------------------------------------


def test_a_recording_holds_every_frame_from_its_beginning_to_its_end(rig: Rig) -> None:
    rig.run(7)
    slot, path = rig.start([heard(2)])
    rig.run(123)
    assert rig.recorders.seconds(slot) == 2.46
    assert rig.recorders.stop(slot)

    event = rig.done()
    assert (event.slot, event.reason, event.result.seconds, event.result.channels) == (slot, "stopped", 2.46, 1)
    assert levels(path) == numbered(2, range(7, 130))


def test_each_kind_of_recording_holds_its_own_sources(rig: Rig) -> None:
    both_sides = rig.start([heard(1)], [said(1)])[1]
    two_legs = rig.start([heard(3)], [heard(4)])[1]
    room = rig.start([mixed(1)])[1]
    sum_of_two = rig.start([heard(5), heard(1)])[1]
    rig.run(60)
    rig.recorders.stop_all()
    rig.run(1)

    ticks = range(60)
    assert len(rig.events) == 4
    assert (levels(both_sides), levels(both_sides, 1)) == (numbered(1, ticks), [-n for n in numbered(1, ticks)])
    assert (levels(two_legs), levels(two_legs, 1)) == (numbered(3, ticks), numbered(4, ticks))
    assert levels(room) == numbered(6, ticks)
    assert levels(sum_of_two) == [20 * tick + 6 for tick in ticks]


def test_two_channels_hold_exactly_their_own_tone(tmp_path: Path) -> None:
    recorders = Recorders(1, InlineDisk())
    recorders.start(tmp_path / "a.wav", [[heard(0)], [said(0)]], max_seconds=2)
    caller, prompt = sine(440, 2), sine(1000, 2)
    for at in range(0, 16000, 160):
        recorders.collect(caller[None, at : at + 160], prompt[None, at : at + 160])

    read, _ = soundfile.read(str(tmp_path / "a.wav"), dtype="int16")
    assert (read[:, 0] == caller).all()
    assert (read[:, 1] == prompt).all()
    assert (pitch(read[:, 0]), pitch(read[:, 1])) == (440, 1000)


def test_another_may_be_recorded_from_some_moment_on(rig: Rig) -> None:
    slot, path = rig.start([heard(1)], [])
    rig.run(30)
    assert rig.recorders.reroute(slot, [[heard(1)], [heard(2)]])
    rig.run(30)
    with pytest.raises(ValueError, match="2 channels"):
        rig.recorders.reroute(slot, [[heard(1)]])
    rig.recorders.stop(slot)
    rig.done()

    assert levels(path) == numbered(1, range(60))
    assert levels(path, 1) == [0] * 30 + numbered(2, range(30, 60))


# -- how it goes on -------------------------------------------------------------------------------------------------


def test_a_pause_is_left_out(rig: Rig) -> None:
    slot, path = rig.start([heard(0)])
    rig.run(70)
    assert rig.recorders.pause(slot)
    assert rig.recorders.pause(slot)
    rig.run(200)
    assert rig.recorders.resume(slot)
    rig.run(45)
    rig.recorders.stop(slot)

    assert rig.done().result.seconds == pytest.approx(2.3)
    assert levels(path) == numbered(0, range(70), range(270, 315))


def test_a_pause_may_be_silent_instead(rig: Rig) -> None:
    slot, path = rig.start([heard(0)], [said(0)])
    rig.run(70)
    rig.recorders.pause(slot)
    rig.run(10)
    rig.recorders.pause(slot, silence=True)
    rig.run(60)
    rig.recorders.resume(slot)
    rig.run(5)
    rig.recorders.stop(slot)
    rig.done()

    assert levels(path) == numbered(0, range(70)) + [0] * 60 + numbered(0, range(140, 145))


def test_what_is_paused_can_be_stopped(rig: Rig) -> None:
    slot, path = rig.start([heard(0)])
    rig.run(3)
    rig.recorders.pause(slot)
    rig.run(3)
    rig.recorders.stop(slot)

    assert rig.done().reason == "stopped"
    assert levels(path) == numbered(0, range(3))


@pytest.mark.parametrize(("seconds", "kept"), [(0.05, 67), (0.1, 65), (1.0, 20), (9.0, 0), (0.0, 70)])
def test_the_tail_can_be_taken_back(rig: Rig, seconds: float, kept: int) -> None:
    slot, path = rig.start([heard(0)])
    rig.run(70)
    assert rig.recorders.drop_tail(slot, seconds)
    assert rig.recorders.seconds(slot) == kept / 50
    rig.run(1)
    rig.recorders.stop(slot)

    assert rig.done().result.seconds == pytest.approx((kept + 1) / 50)
    assert levels(path) == numbered(0, range(kept), range(70, 71))


@pytest.mark.long
@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["pause", "silence", "resume", "drop"]), st.integers(0, 75)), max_size=8))
def test_whatever_is_done_the_file_holds_what_it_should(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    rig = Rig(tmp_path_factory.mktemp("any"))
    slot, path = rig.start([heard(0)])
    expected: list[int] = []
    state = "resume"
    for step, ticks in [("resume", 20), *steps]:
        match step:
            case "drop":
                rig.recorders.drop_tail(slot, ticks / 50)
                expected = expected[: max(0, len(expected) - ticks)]
                ticks = 0
            case "resume":
                rig.recorders.resume(slot)
            case _:
                rig.recorders.pause(slot, silence=step == "silence")
        state = state if step == "drop" else step
        now = range(rig.tick, rig.tick + ticks)
        expected += {"resume": numbered(0, now), "silence": [0] * ticks, "pause": []}[state]
        rig.run(ticks)
    rig.recorders.stop(slot)

    assert rig.done().result.seconds == pytest.approx(len(expected) / 50)
    assert levels(path) == expected


# -- how it ends ----------------------------------------------------------------------------------------------------


def test_the_longest_time_ends_it_and_pauses_do_not_count(rig: Rig) -> None:
    slot, path = rig.start([heard(0)], max_seconds=3)
    rig.run(100)
    rig.recorders.pause(slot)
    rig.run(100)
    rig.recorders.resume(slot)
    rig.run(51)

    (event,) = rig.events
    assert isinstance(event, RecordingDone)
    assert (event.slot, event.reason, event.result.seconds) == (slot, "length", 3.0)
    assert levels(path) == numbered(0, range(100), range(200, 250))


def test_silence_ends_it_as_soon_as_nobody_has_spoken_for_so_long(rig: Rig) -> None:
    _, path = rig.start([heard(2)], silence_seconds=1)
    rig.run(49, legs())
    rig.run(10, legs(2))
    rig.run(49, legs(1))
    assert not rig.events
    rig.run(2, legs(1))

    (event,) = rig.events
    assert isinstance(event, RecordingDone)
    assert (event.reason, len(levels(path))) == ("silence", 109)


def test_another_leg_may_decide_about_silence(rig: Rig) -> None:
    rig.start([mixed(0)], silence_seconds=1, voice_row=4)
    rig.run(60, legs(4))
    assert not rig.events
    rig.run(51, legs())

    assert len(rig.events) == 1


def test_silence_is_not_waited_for_where_nobody_listens_and_in_pauses(rig: Rig) -> None:
    slot, _ = rig.start([heard(2)], silence_seconds=1)
    rig.run(200)
    rig.run(40, legs())
    rig.recorders.pause(slot)
    rig.run(40, legs())
    rig.recorders.resume(slot)
    rig.run(40, legs())

    assert not rig.events


def test_a_key_is_left_out_of_the_recording_of_one_leg(rig: Rig) -> None:
    slot, path = rig.start([heard(1)])
    other, all_of_it = rig.start([heard(0)])
    rig.run(60)
    rig.run(8, exclude=legs(1))
    rig.run(20, exclude=legs())
    rig.recorders.stop_all()
    rig.run(1)

    assert {event.slot for event in rig.events} == {slot, other}
    assert levels(path) == numbered(1, range(60), range(68, 88))
    assert levels(all_of_it) == numbered(0, range(88))


def test_a_key_is_silent_where_others_are_heard(rig: Rig) -> None:
    slot, path = rig.start([heard(1)], [heard(2)])
    rig.run(60)
    rig.run(8, exclude=legs(1))
    rig.run(20)
    rig.recorders.stop(slot)
    rig.done()

    assert levels(path) == numbered(1, range(60)) + [0] * 8 + numbered(1, range(68, 88))
    assert levels(path, 1) == numbered(2, range(88))


def test_a_trimmed_recording_says_how_much_silence_there_was(tmp_path: Path) -> None:
    recorders = Recorders(2, InlineDisk())
    quiet, loud = np.zeros((2, 160), np.int16), sine(500, 1).reshape(50, 160)
    recorders.start(tmp_path / "a.wav", [[heard(0)]], trim=True)
    recorders.start(tmp_path / "b.wav", [[heard(1)]], trim=True)
    for tick in range(250):
        frames = quiet.copy()
        if 100 <= tick < 150:
            frames[0] = loud[tick - 100]
        recorders.collect(frames, quiet)
    recorders.stop_all()
    spoken, empty = (event.result for event in recorders.collect(quiet, quiet) if isinstance(event, RecordingDone))

    assert (spoken.empty, spoken.seconds, spoken.trimmed) == (False, pytest.approx(1.3), pytest.approx(3.7))
    assert (empty.empty, empty.seconds, empty.trimmed) == (True, 0.0, pytest.approx(5.0))


def test_two_ends_in_one_tick_are_one(rig: Rig) -> None:
    rig.start([heard(2)], silence_seconds=1, max_seconds=1)
    rig.run(60, legs())

    assert [event.reason for event in rig.events] == ["length"]


# -- slots ----------------------------------------------------------------------------------------------------------


def test_what_has_ended_takes_no_more_commands(rig: Rig) -> None:
    slot, _ = rig.start([heard(0)])
    rig.recorders.stop(slot)
    for _ in range(2):
        assert not rig.recorders.stop(slot)
        assert not rig.recorders.pause(slot)
        assert not rig.recorders.resume(slot)
        assert not rig.recorders.drop_tail(slot, 1)
        assert not rig.recorders.reroute(slot, [[heard(1)]])
        rig.run(1)
    assert not rig.recorders.stop(99)
    assert len(rig.events) == 1


def test_slots_are_used_in_turn_and_never_by_two(rig: Rig) -> None:
    slots = [rig.start([heard(0)])[0] for _ in range(4)]
    assert slots == [0, 1, 2, 3]
    with pytest.raises(RecordersFull, match="4 recordings"):
        rig.start([heard(0)])

    rig.recorders.stop(2)
    rig.recorders.stop(0)
    with pytest.raises(RecordersFull):
        rig.start([heard(0)])
    rig.run(1)
    assert rig.recorders.count == 2
    assert [rig.start([heard(0)])[0] for _ in range(2)] == [0, 2]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"max_seconds": 0}, "up to"),
        ({"max_seconds": 90000}, "up to"),
        ({"silence_seconds": -1}, "up to"),
        ({"silence_seconds": 1}, "voice_row"),
    ],
)
def test_what_cannot_be_recorded_takes_no_slot(rig: Rig, options: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        rig.start([said(0)], **options)
    assert rig.recorders.count == 0
    assert rig.disk.jobs == []


def test_seconds_are_handed_over_a_few_in_a_tick(tmp_path: Path) -> None:
    rig = Rig(tmp_path, capacity=200)
    for number in range(200):
        rig.start([heard(number % LEGS)], max_seconds=600)
    rig.run(20)
    for slot in range(0, 200, 2):
        rig.recorders.pause(slot)
        rig.recorders.resume(slot)
    rig.run(60)
    rig.disk.jobs.clear()
    busiest = 0
    for _ in range(100):
        rig.run(1)
        busiest = max(busiest, sum(len(job.slots) for job in rig.disk.jobs if isinstance(job, Append)))
        rig.disk.jobs.clear()

    assert busiest == 4


@pytest.mark.slow
def test_half_an_hour_passes_without_a_frame_too_many_or_too_few(tmp_path: Path) -> None:
    recorders = Recorders(1, InlineDisk())
    recorders.start(tmp_path / "a.wav", [[heard(0)]], max_seconds=1800)
    frames = [np.full((1, 160), number, np.int16) for number in range(1000)]
    events: list[RecordingEvent] = []
    for tick in range(1800 * 50):
        events += recorders.collect(frames[tick % 1000], frames[0])
        if events:
            break
    events += recorders.collect(frames[0], frames[0])

    assert [event.result.seconds for event in events if isinstance(event, RecordingDone)] == [1800.0]
    assert levels(tmp_path / "a.wav") == [tick % 1000 for tick in range(1800 * 50)]


# -- failures -------------------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_made_is_an_event(rig: Rig) -> None:
    path = rig.folder / "none" / "a.wav"
    slot = rig.recorders.start(path, [[heard(0)]])
    rig.run(2)

    assert rig.events == [RecordingFailed(slot, path, "No such file or directory", 0.0)]
    assert rig.recorders.count == 0
    assert not rig.recorders.stop(slot)


def test_a_disk_without_room_costs_the_recordings_whose_turn_it_is(rig: Rig) -> None:
    slot, path = rig.start([heard(0)])
    other, whole = rig.start([heard(1)])
    rig.run(99)  # the seconds of slot 1 are full in the tick before those of slot 0
    rig.disk.room = False
    rig.run(1)
    rig.disk.room = True
    rig.run(19)
    rig.recorders.stop(other)

    assert rig.events == [RecordingFailed(slot, path, "the disk is too slow for the recordings", 2.0)]
    rig.events.clear()
    assert rig.done().slot == other
    assert levels(path) == numbered(0, range(50))
    assert levels(whole) == numbered(1, range(119))
    assert rig.recorders.count == 0


def test_a_recording_whose_end_finds_no_room_has_failed(rig: Rig) -> None:
    slot, path = rig.start([heard(0)])
    rig.run(10)
    rig.disk.room = False
    assert rig.recorders.stop(slot)
    rig.run(2)

    assert rig.events == [RecordingFailed(slot, path, "the disk is too slow for the recordings", 0.2)]
    assert rig.recorders.count == 0


def test_a_disk_that_breaks_in_the_middle_is_an_event(rig: Rig) -> None:
    slot, path = rig.start([heard(0)])
    rig.run(10)
    rig.disk.ended.append(Broken(slot, "Input/output error"))
    rig.run(1)

    assert rig.events == [RecordingFailed(slot, path, "Input/output error", 0.2)]
    assert rig.recorders.count == 0
    rig.run(100)
    assert len(rig.events) == 1


def test_a_disk_that_does_not_answer_is_not_waited_for(rig: Rig) -> None:
    slot, path = rig.start([heard(0)])
    rig.run(10)
    rig.disk.answers = False
    rig.recorders.stop(slot)
    rig.run(PATIENCE_TICKS)
    assert not rig.events
    rig.run(51)

    assert rig.events == [RecordingFailed(slot, path, "the disk does not answer", 0.2)]
    assert rig.recorders.count == 1, "the slot is free only when the file is"
    rig.disk.answers = True
    rig.run(200)
    assert (rig.recorders.count, len(rig.events)) == (0, 1)


def test_what_the_disk_says_of_nobody_is_nothing(rig: Rig) -> None:
    rig.disk.ended.append(Broken(2, "late"))
    rig.run(1)

    assert not rig.events


def test_every_file_is_opened_and_closed_once(rig: Rig) -> None:
    for _ in range(3):
        slot, _ = rig.start([heard(0)])
        rig.run(10)
        rig.recorders.stop(slot)
        rig.run(1)

    assert [type(job) for job in rig.disk.jobs] == [Open, Append, Close] * 3


_RECORDS_FOR_EVER = """
import sys, pathlib, numpy as np
from ringback.media.disk import DiskWriter
from ringback.media.recorder import Recorders
from ringback.media.routes import heard, said
disk = DiskWriter()
recorders = Recorders(2, disk)
recorders.start(pathlib.Path(sys.argv[1]), [[heard(0)], [said(0)]])
when = np.arange(8000) / 8000
tones = [(8000 * np.sin(2 * np.pi * hertz * when)).astype(np.int16).reshape(50, 1, 160) for hertz in (440, 1000)]
for tick in range(533):
    recorders.collect(tones[0][tick % 50], tones[1][tick % 50])
while disk.backlog:
    pass
print(disk.pid, flush=True)
sys.stdin.read()
"""


def still_there(pid: int) -> bool:
    """Is the process running?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["worker", "writer"])
def test_a_killed_process_loses_the_last_second_at_most(tmp_path: Path, victim: str) -> None:
    path = tmp_path / "a.wav"
    command = [sys.executable, "-c", _RECORDS_FOR_EVER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as recording:
        assert recording.stdout is not None
        writer = int(recording.stdout.readline())
        subprocess.run(["kill", f"-{signal.SIGKILL}", str(recording.pid if victim == "worker" else writer)], check=True)
        if victim == "writer":
            recording.kill()
    while still_there(writer):
        pass

    read, rate = soundfile.read(str(path), dtype="int16")
    assert 533 / 50 - 1 <= len(read) / rate <= 533 / 50
    assert (pitch(read[8000:, 0]), pitch(read[8000:, 1])) == (440, 1000)
