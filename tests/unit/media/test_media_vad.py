"""Who speaks: what the process finds out is told, it is never waited for, and loudness stands in for it."""

import os
import select
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.media import vad
from ringback.media.gate import VoiceChange
from ringback.media.sidecar import Host
from ringback.media.vad import BEHIND_TICKS, PAUSES, READY, RING_TICKS, STEADY_TICKS, UNFIT, FrameRing, VoiceActivity
from tests.unit.media.inner_sidecar import PATIENCE, InnerSidecar, inner

LOUD = np.random.default_rng(1).normal(0, 3000, (8, 160)).astype(np.int16)
SOFT = np.zeros((8, 160), np.int16)


class Rig:
    """Voice activity whose process is a thread, which says what the test makes it say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sidecars = inner(self._serve)
        monkeypatch.setattr(vad, "Sidecar", sidecars)
        self.sidecars: list[InnerSidecar] = sidecars.made
        self.voice = VoiceActivity(8)
        self.tick = 0

    @staticmethod
    def _serve(host: Host) -> None:
        """Be there. What is to be said, the test says."""
        while host.receive():
            pass

    def feed(self, frames: NDArray[np.int16], ticks: int) -> list[VoiceChange]:
        """Let ticks pass; return what is told meanwhile."""
        told = []
        for _ in range(ticks):
            self.voice.feed(frames, self.tick)
            told += self.voice.poll()
            self.tick += 1
        return told

    def ring(self) -> FrameRing:
        """The ring as the process sees it."""
        return FrameRing(self.sidecars[-1].host.memory, 8)

    def say(self, data: bytes) -> list[VoiceChange]:
        """Have the process say that."""
        self.sidecars[-1].host.send(data)
        self.sidecars[-1].wait()
        return self.voice.poll()

    def start(self, *rows: int) -> FrameRing:
        """Listen to legs, with a process that is ready; return the ring as it sees it."""
        for row in rows:
            self.voice.watch(row)
        self.feed(SOFT, 1)
        assert self.say(READY) == []
        return self.ring()

    def streams(self, *rows: int) -> NDArray[np.int64]:
        """The numbers of the streams of legs, by row, as the process has last seen them."""
        ring = self.ring()
        seen_rows, streams, _, _, _ = ring.read(max(0, self.voice._written - 1))
        by_row = np.zeros(8, np.int64)
        by_row[seen_rows] = streams
        assert set(rows) <= set(seen_rows.tolist())
        return by_row


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    rig = Rig(monkeypatch)
    yield rig
    rig.voice.close()
    assert all(not sidecar.alive for sidecar in rig.sidecars)


def test_no_process_is_started_while_nobody_is_listened_to(rig: Rig) -> None:
    assert rig.feed(LOUD, 100) == []
    assert (rig.sidecars, rig.voice.pid, rig.voice.engine, rig.voice.dropped) == ([], None, "energy", 0)


def test_the_frames_of_the_legs_listened_to_lie_in_memory(rig: Rig) -> None:
    ring = rig.start(5, 2)
    assert rig.sidecars[0].command[-3:] == ["-m", "ringback.media.vad_child", "8"]
    assert (rig.voice.engine, rig.voice.pid, rig.voice.starts) == ("silero", 4711, 1)
    rig.feed(LOUD, 3)

    rows, streams, speaking, frames, tick = ring.read(2)
    assert (rows.tolist(), speaking.tolist(), tick) == ([2, 5], [False, False], 3)
    assert len(set(streams.tolist())) == 2
    assert (frames == LOUD[[2, 5]]).all()


def test_what_the_process_finds_out_is_told_once(rig: Rig) -> None:
    rig.start(5, 2)
    rig.feed(SOFT, 1)
    streams = rig.streams(5, 2)
    begins, ends = VoiceChange(5, True, 7), VoiceChange(5, False, 30)
    assert rig.say(vad.encode([begins], streams)) == [begins]
    assert rig.voice.speaking.tolist() == [False] * 5 + [True] + [False] * 2
    assert rig.say(vad.encode([begins, VoiceChange(2, False, 8)], streams)) == []
    assert rig.say(vad.encode([ends], streams)) == [ends]
    assert not rig.voice.speaking.any()


def test_a_change_may_arrive_in_pieces(rig: Rig) -> None:
    rig.start(5)
    rig.feed(SOFT, 1)
    said = vad.encode([VoiceChange(5, True, 7)], rig.streams(5))

    assert rig.say(said[:5]) == []
    assert rig.say(said[5:]) == [VoiceChange(5, True, 7)]


def test_what_is_said_of_a_leg_that_was_there_before_is_nothing(rig: Rig) -> None:
    rig.start(5)
    rig.feed(SOFT, 1)
    old = rig.streams(5)
    rig.say(vad.encode([VoiceChange(5, True, 7)], old))
    rig.voice.unwatch(5)
    assert not rig.voice.speaking[5]
    assert rig.say(vad.encode([VoiceChange(5, False, 8)], old)) == []
    rig.voice.watch(5)
    rig.feed(SOFT, 1)

    assert rig.say(vad.encode([VoiceChange(5, True, 9)], old)) == []
    assert rig.say(vad.encode([VoiceChange(5, True, 9)], rig.streams(5))) == [VoiceChange(5, True, 9)]


def test_listening_twice_changes_nothing(rig: Rig) -> None:
    rig.start(5)
    rig.feed(SOFT, 1)
    before = rig.streams(5).tolist()
    rig.voice.watch(5)
    rig.feed(SOFT, 1)

    assert rig.streams(5).tolist() == before


def test_loudness_decides_until_the_process_is_ready(rig: Rig) -> None:
    rig.voice.watch(3)
    assert rig.feed(LOUD, 10) == [VoiceChange(3, True, 0)]
    assert (rig.voice.engine, rig.voice.dropped) == ("energy", 10)
    assert rig.say(READY) == []
    rig.feed(LOUD, 1)

    rows, _, speaking, _, _ = rig.ring().read(0)
    assert (rows.tolist(), speaking.tolist()) == ([3], [True]), "the process goes on from there"
    assert rig.say(vad.encode([VoiceChange(3, False, 10)], rig.streams(3))) == [VoiceChange(3, False, 10)]


def test_what_loudness_found_out_of_a_leg_that_has_gone_is_not_told(rig: Rig) -> None:
    rig.voice.watch(3)
    for tick in range(5):
        rig.voice.feed(LOUD, tick)
    rig.voice.unwatch(3)

    assert rig.voice.poll() == []


def test_a_process_that_is_behind_is_spared_and_loudness_stands_in(rig: Rig) -> None:
    ring = rig.start(3)
    rig.feed(SOFT, RING_TICKS)
    streams = rig.streams(3)
    assert rig.voice.engine == "silero"
    assert rig.feed(LOUD, 10) == [VoiceChange(3, True, RING_TICKS + 1)]
    assert (rig.voice.engine, rig.voice.dropped) == ("energy", 1 + 10)

    ring.done[0] = RING_TICKS
    rig.feed(LOUD, 1)
    assert rig.voice.engine == "silero"
    _, fresh, speaking, _, _ = ring.read(RING_TICKS)
    assert speaking.tolist() == [True]
    assert fresh[0] != streams[3]
    assert rig.say(vad.encode([VoiceChange(3, False, 5)], streams)) == [], "what it makes of the old frames is too late"


def test_a_process_that_stays_behind_is_replaced(rig: Rig) -> None:
    rig.start(3)
    rig.feed(SOFT, RING_TICKS + BEHIND_TICKS + 1)
    assert not rig.sidecars[0].alive
    assert rig.voice.engine == "energy"
    rig.feed(SOFT, PAUSES[0] + 1)

    assert rig.voice.starts == 2
    assert rig.sidecars[1].alive


@pytest.mark.long
def test_a_process_that_dies_is_replaced_less_and_less_eagerly(rig: Rig) -> None:
    rig.voice.watch(3)
    rig.feed(SOFT, 1)
    waits = []
    for number in range(4):
        rig.sidecars[-1].die()
        rig.sidecars[-1].wait()
        rig.voice.poll()
        began = rig.tick
        while rig.voice.starts == number + 1:
            rig.feed(SOFT, 1)
        waits.append(rig.tick - began)

    assert waits == pytest.approx([*PAUSES, PAUSES[-1]], abs=1)
    assert rig.feed(LOUD, 5) == [VoiceChange(3, True, rig.tick - 5)]


@pytest.mark.long
def test_one_that_was_long_of_use_is_replaced_as_the_first(rig: Rig) -> None:
    ring = rig.start(3)
    for _ in range(2):
        for _ in range(STEADY_TICKS + 1):
            rig.feed(SOFT, 1)
            ring.done[0] += 1
        rig.sidecars[-1].die()
        rig.sidecars[-1].wait()
        rig.voice.poll()
        rig.feed(SOFT, PAUSES[0] + 1)
        rig.say(READY)
        ring = rig.ring()

    assert rig.voice.starts == 3


@pytest.mark.long
def test_one_that_cannot_do_its_work_is_not_started_again(rig: Rig) -> None:
    rig.voice.watch(3)
    rig.feed(SOFT, 1)
    rig.say(UNFIT)
    rig.sidecars[0].die()
    rig.sidecars[0].wait()
    rig.feed(SOFT, 5000)

    assert rig.voice.starts == 1
    assert rig.feed(LOUD, 5) == [VoiceChange(3, True, 5001)]


def test_where_no_process_can_be_had_loudness_decides() -> None:
    voice = VoiceActivity(8, ["/nowhere"])
    voice.watch(3)
    told = []
    for tick in range(100):
        voice.feed(LOUD, tick)
        told += voice.poll()
    voice.close()

    assert told == [VoiceChange(3, True, 0)]
    assert (voice.starts, voice.engine) == (0, "energy")


@pytest.mark.slow
def test_the_real_process_is_replaced_when_it_was_killed() -> None:
    voice = VoiceActivity(8)
    voice.watch(3)
    noise = np.random.default_rng(1).normal(0, 3000, (8, 160)).astype(np.int16)
    tick = 0

    def until(engine: str) -> None:
        nonlocal tick
        while voice.engine != engine:
            voice.feed(SOFT, tick)
            assert voice._sidecar is None or select.select([voice._sidecar], [], [], PATIENCE)[0]
            voice.poll()
            tick += 1

    def hear(frames: NDArray[np.int16], ticks: int) -> list[bool]:
        nonlocal tick
        told = []
        for _ in range(ticks):
            voice.feed(frames, tick)
            while voice._ring is not None and voice._written - int(voice._ring.done[0]) > RING_TICKS // 2:
                pass
            told += [change.speaking for change in voice.poll()]
            tick += 1
        return told

    until("silero")
    assert hear(noise, 50) == []
    assert voice.pid is not None
    os.kill(voice.pid, signal.SIGKILL)
    until("energy")
    assert hear(noise, 20) == [True]
    until("silero")
    assert not voice.speaking[3]
    assert hear(noise, 50) == []
    assert voice.starts == 2
    voice.close()
