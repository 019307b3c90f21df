"""Connected legs: their packets in one call, however many come to each, and none mixed up when legs come and go."""

from collections.abc import Iterator

import numpy as np
import pytest

from ringback.media.aio import Aio
from ringback.media.batch import Batch
from ringback.media.express import _EAGER, _LOOKED_AT_EVERY, ROUNDS, Express
from ringback.media.uring import Uring
from tests.unit.media.socket_pairs import Pairs

WIDTH = 64


@pytest.fixture(params=[Aio, Uring])
def batch(request: pytest.FixtureRequest) -> Iterator[Batch]:
    try:
        made = request.param(8)
    except OSError as error:
        pytest.skip(str(error))
    yield made
    made.close()


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    made = Pairs(3)
    yield made
    made.close()


class Legs:
    """An express with legs of rows 0 to 2 in the places 0 to 2."""

    def __init__(self, batch: Batch, pairs: Pairs) -> None:
        self.buffer = np.zeros((4 * ROUNDS, WIDTH), np.uint8)
        self.express = Express(batch, self.buffer, 4)
        self.pairs = pairs
        for row in range(3):
            self.express.add(row, pairs.fds[row], 100 + row)

    def heard(self) -> list[tuple[int, int, bytes]]:
        """What has come: rows, sources, packets."""
        length, rows, sources = (np.zeros(len(self.buffer), np.int64) for _ in range(3))
        used = self.express.read(length, rows, sources)
        told = zip(rows[:used].tolist(), sources[:used].tolist(), length[:used].tolist(), self.buffer, strict=False)
        return [(row, source, bytes(line[:size])) for row, source, size, line in told if size >= 0]


def test_legs_come_and_go_and_keep_their_packets_apart(batch: Batch, pairs: Pairs) -> None:
    legs = Legs(batch, pairs)
    legs.express.remove(0)
    legs.express.remove(3)
    for number, their in enumerate(pairs.theirs):
        their.send(b"from %d" % number)

    assert legs.heard() == [(2, 102, b"from 2"), (1, 101, b"from 1")]
    legs.express.add(3, pairs.fds[0], 7)
    assert legs.heard() == [(3, 7, b"from 0")]
    for row in (1, 2, 3):
        legs.express.remove(row)
    assert legs.express.count == 0
    assert legs.heard() == []


def test_each_leg_is_sent_its_own_packet_and_others_are_left_over(batch: Batch, pairs: Pairs) -> None:
    legs = Legs(batch, pairs)
    packets = np.repeat(np.arange(4, dtype=np.uint8)[:, None], WIDTH, axis=1)
    legs.express.remove(1)

    assert legs.express.send(np.array([0, 1, 2, 3]), packets).tolist() == [1, 3]
    assert [their.recv(100)[0] for their in (pairs.theirs[0], pairs.theirs[2])] == [0, 2]
    assert legs.express.send(np.array([2]), packets + 10).tolist() == []
    assert pairs.theirs[2].recv(100)[0] == 12


def test_up_to_four_packets_of_a_leg_are_read_at_once(batch: Batch, pairs: Pairs) -> None:
    legs = Legs(batch, pairs)
    for number in range(6):
        pairs.theirs[1].send(bytes([number]))
    pairs.theirs[2].send(b"one")

    assert legs.heard() == [
        (1, 101, b"\0"),
        (2, 102, b"one"),
        (1, 101, b"\1"),
        (1, 101, b"\2"),
        (1, 101, b"\3"),
    ]
    assert [data for _, _, data in legs.heard()] == [b"\4", b"\5"]
    assert legs.heard() == []


def test_where_one_packet_comes_at_a_time_a_second_is_looked_for_every_now_and_then(batch: Batch, pairs: Pairs) -> None:
    """After a while of one packet a tick, a second one may wait some ticks, but not for ever."""
    legs = Legs(batch, pairs)
    for _ in range(3 * _EAGER):
        for their in pairs.theirs:
            their.send(b"one")
        assert len(legs.heard()) == 3
    pairs.theirs[0].send(b"early")
    waited = 0
    while True:
        pairs.theirs[0].send(b"one")
        if len(legs.heard()) == 2:
            break
        waited += 1
    assert waited < _LOOKED_AT_EVERY


def test_after_a_gap_all_that_has_come_is_read(batch: Batch, pairs: Pairs) -> None:
    legs = Legs(batch, pairs)
    for _ in range(3 * _EAGER):
        pairs.theirs[0].send(b"one")
        legs.heard()
    assert legs.heard() == []
    pairs.theirs[0].send(b"late")
    pairs.theirs[0].send(b"in time")

    assert [data for _, _, data in legs.heard()] == [b"late", b"in time"]
