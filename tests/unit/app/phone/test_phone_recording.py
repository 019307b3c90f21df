"""The recording: audio lies where its timestamps say, whatever the network did to the packets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ringback.app.phone.recording import EARLIER, Recording

FRAME = 160


def frame(value: int) -> np.ndarray:
    return np.full(FRAME, value, np.int16)


@given(order=st.permutations(range(8)), twice=st.lists(st.integers(0, 7), max_size=4), base=st.integers(0, 2**32 - 1))
def test_order_and_duplicates_change_nothing(order: list[int], twice: list[int], base: int):
    heard = Recording(10)
    heard.write(1, base, frame(100), 5.0)
    for n in (*order, *twice):
        heard.write(1, (base + n * FRAME) % 2**32, frame(100 + n), 5.0 + 0.02 * n)
    assert (heard.since(5.0) == np.repeat(np.arange(100, 108), FRAME)).all()


def test_what_was_lost_is_silence():
    heard = Recording(10)
    heard.write(1, 0, frame(1), 0.0)
    heard.write(1, 3 * FRAME, frame(4), 0.06)
    assert (heard.since(0.0) == np.repeat([1, 0, 0, 4], FRAME)).all()


def test_jitter_of_arrival_does_not_move_audio():
    heard = Recording(10)
    for n, late in enumerate([0.0, 0.09, 0.03, 0.4]):
        heard.write(1, n * FRAME, frame(n + 1), 0.02 * n + late)
    assert (heard.since(0.0) == np.repeat([1, 2, 3, 4], FRAME)).all()


def test_a_packet_sent_before_the_first_to_arrive_has_room():
    heard = Recording(10)
    heard.write(1, FRAME, frame(2), 1.0)
    heard.write(1, 0, frame(1), 1.001)
    assert (heard.since(1.0 - 0.02) == np.repeat([1, 2], FRAME)).all()
    heard.write(1, 2**32 - EARLIER, frame(9), 1.002)
    assert 9 not in heard.since(0.0)


def test_another_stream_and_a_leap_of_timestamps_are_placed_by_arrival():
    heard = Recording(10)
    heard.write(1, 0, frame(1), 0.0)
    heard.write(2, 123456, frame(2), 0.02)
    heard.write(2, 123456 + FRAME, frame(3), 0.05)
    heard.write(2, 4_000_000_000, frame(4), 0.06)
    assert (heard.since(0.0) == np.repeat([1, 2, 3, 4], FRAME)).all()


def test_it_starts_where_it_is_asked_to():
    heard = Recording(10)
    heard.write(1, 0, frame(1), 3.0)
    assert (heard.since(2.98) == np.repeat([0, 1], FRAME)).all()
    assert (heard.since(2.0)[: 8000 - FRAME] == 0).all()
    assert len(heard.since(2.0)) == 8000 + FRAME
    assert len(heard.since(4.0)) == 0


def test_nothing_heard_is_nothing_recorded():
    assert len(Recording(10).since(0.0)) == 0


def test_it_is_bounded():
    heard = Recording(1)
    for n in range(200):
        heard.write(1, n * FRAME, frame(1), 0.02 * n)
    assert len(heard.since(0.0)) == 8000
