"""Long sounds, cut where nobody speaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.speech.passages import passages

RATE = 1000


def speech(seconds: float) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, int(seconds * RATE)).astype(np.float32)


def test_what_is_short_is_not_cut() -> None:
    sound = speech(28)
    (whole,) = passages(sound, RATE, longest=28, earliest=18)
    assert whole is sound


def test_silence_is_where_it_is_cut() -> None:
    sound = speech(40)
    sound[20_000:20_400] = 0
    first, second = passages(sound, RATE, longest=28, earliest=18)
    assert 20_000 <= len(first) <= 20_400
    assert np.array_equal(np.concatenate([first, second]), sound)


def test_a_pause_before_the_earliest_moment_is_none() -> None:
    sound = speech(40)
    sound[5_000:6_000] = 0
    assert len(passages(sound, RATE, longest=28, earliest=18)[0]) >= 18_000


def test_nothing_is_one_empty_piece() -> None:
    assert [len(piece) for piece in passages(speech(0), RATE, longest=28, earliest=18)] == [0]


@pytest.mark.slow
@given(st.floats(0, 130))
def test_the_pieces_are_the_whole(seconds: float) -> None:
    sound = speech(seconds)
    pieces = passages(sound, RATE, longest=28, earliest=18)
    assert np.array_equal(np.concatenate(pieces), sound)
    assert all(len(piece) <= 28 * RATE for piece in pieces)
