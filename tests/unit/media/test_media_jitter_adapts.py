"""The delay of a leg follows its jitter and its clock, in virtual time."""

import random

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.media.jitter import LONGEST_DELAY, UNIT, JitterRing

pytestmark = pytest.mark.long

FRAME = 2 * UNIT


class Line:
    """Streams of 20 ms packets, one a leg, whose every packet has its own time of arrival."""

    def __init__(self, capacity: int = 1, *, loud: bool = True) -> None:
        self.ring = JitterRing(capacity)
        self._samples = np.full((capacity, FRAME), 5000 if loud else 0, np.int16)
        self.missing = np.zeros(capacity, np.int64)
        """Frames of which a part had not come when it was due, since the last `forget`."""
        self.delays = np.zeros(capacity)

    def tick(self, rows: list[int], sequence: list[int]) -> None:
        """Packets number `sequence[i]` of legs `rows[i]` arrive; then a frame is heard."""
        if rows:
            order = np.array(rows)
            self.ring.put(
                order,
                self._samples[order],
                np.full(len(rows), FRAME),
                (np.array(sequence, np.int64) * FRAME).astype(np.uint32),
                np.full(len(rows), 7, np.uint32),
                np.zeros(len(rows), np.bool_),
            )
            behind = np.array(sequence) * 2 - self.ring.playout[order]
            self.delays[order] = np.maximum(self.delays[order], behind)
        have = self.ring.take(np.empty((len(self.missing), FRAME), np.int16))
        self.missing += self.ring.started & ~have.all(axis=1)

    def forget(self) -> None:
        """Begin to count anew."""
        self.missing[:] = 0
        self.delays[:] = 0
        self.ring.late[:] = 0


def arrivals(ticks: int, late_ms: NDArray[np.float64]) -> dict[int, list[int]]:
    """The packets by the tick of their arrival: number i is sent at tick i and comes `late_ms[i]` later."""
    by_tick: dict[int, list[int]] = {}
    for number, late in enumerate(late_ms):
        by_tick.setdefault(int(number + late / 20), []).append(number)
    return {tick: numbers for tick, numbers in by_tick.items() if tick < ticks}


def run(line: Line, start: int, end: int, by_tick: dict[int, list[int]]) -> None:
    for tick in range(start, end):
        numbers = by_tick.get(tick, [])
        line.tick([0] * len(numbers), numbers)


@pytest.mark.parametrize("jitter_ms", [20, 60, 120])
def test_jitter_is_met_with_as_much_delay_as_it_takes(jitter_ms: int) -> None:
    rng = np.random.default_rng(jitter_ms)
    by_tick = arrivals(3000, rng.uniform(0, jitter_ms, 3000))
    line = Line()
    run(line, 0, 1000, by_tick)
    line.forget()
    run(line, 1000, 2990, by_tick)
    assert line.ring.late[0] <= 10
    assert line.missing[0] <= 20
    assert line.delays[0] * 10 <= jitter_ms + 60


def test_without_jitter_the_delay_is_small_and_nothing_is_missing() -> None:
    line = Line()
    run(line, 0, 1000, arrivals(1000, np.zeros(1000)))
    assert line.missing[0] <= 3
    line.forget()
    run(line, 1000, 1100, arrivals(1100, np.zeros(1100)))
    assert line.missing[0] == 0
    assert line.delays[0] <= 4


def test_when_the_jitter_is_over_the_delay_goes_back() -> None:
    rng = np.random.default_rng(1)
    late = np.concatenate([rng.uniform(0, 150, 1000), np.zeros(3000)])
    by_tick = arrivals(4000, late)
    line = Line()
    run(line, 0, 1000, by_tick)
    assert line.delays[0] >= 10
    run(line, 1000, 3800, by_tick)
    line.forget()
    run(line, 3800, 3990, by_tick)
    assert line.delays[0] <= 6
    assert line.missing[0] <= 1


def test_quiet_frames_are_left_out_before_loud_ones() -> None:
    for loud, within in ((False, 1200), (True, 3000)):
        rng = np.random.default_rng(1)
        by_tick = arrivals(4000, np.concatenate([rng.uniform(0, 100, 500), np.zeros(3500)]))
        line = Line(loud=loud)
        run(line, 0, 500 + within, by_tick)
        line.forget()
        run(line, 500 + within, 500 + within + 50, by_tick)
        assert line.delays[0] <= 6


def test_the_delay_is_never_more_than_200_ms() -> None:
    rng = np.random.default_rng(2)
    by_tick = arrivals(3000, rng.choice([0.0, 400.0], 3000, p=[0.8, 0.2]))
    line = Line()
    run(line, 0, 100, by_tick)
    line.forget()
    run(line, 100, 2900, by_tick)
    assert line.delays[0] <= LONGEST_DELAY + 2


def test_a_lump_of_packets_after_a_pause_is_worked_off() -> None:
    """A network that stood still for half a second: what was held up comes at once, and the delay is short again."""
    late = np.zeros(2000)
    late[500:525] = np.arange(500, 0, -20)
    by_tick = arrivals(2000, late)
    line = Line()
    run(line, 0, 1500, by_tick)
    line.forget()
    run(line, 1500, 1900, by_tick)
    assert line.delays[0] <= 8
    assert line.missing[0] <= 2


@pytest.mark.slow
def test_clocks_that_are_not_ours_neither_fill_nor_drain_the_buffer() -> None:
    """Drift of up to 0.1 % for six minutes is drift of 200 ppm for half an hour."""
    drifts = [-1000e-6, -200e-6, 0.0, 200e-6, 1000e-6]
    line = Line(len(drifts))
    sent = [0] * len(drifts)
    phases = [random.Random(row).random() for row in range(len(drifts))]
    for tick in range(18_000):
        rows: list[int] = []
        numbers: list[int] = []
        for row, drift in enumerate(drifts):
            while sent[row] + phases[row] <= tick * (1 + drift):
                rows.append(row)
                numbers.append(sent[row])
                sent[row] += 1
        line.tick(rows, numbers)
        if tick == 1000:
            line.forget()
    assert line.delays.max() <= 8
    # A frame in twenty seconds is what 0.1 % is; each costs one frame, and no more.
    assert (line.missing <= 22).all()
    assert (line.ring.late <= 4).all()
    assert (line.ring.resets == 0).all()
