"""Routes: each recording gets the frames of its sources, and nobody else's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.media.routes import Channels, Frames, Mask, Matrix, Routes, Source, checked, heard, mixed, only_leg, said

HEARD = np.arange(1, 6, dtype=np.int16)[:, None] * np.ones(160, np.int16)
SAID = HEARD * 10
MIXED = HEARD * 100


def copied(
    channels: list[Channels],
    exclude: Mask | None = None,
    matrices: tuple[Frames, Frames, Frames] = (HEARD, SAID, MIXED),
) -> list[list[int]]:
    """What comes into each channel of recordings in slots 0, 1 and so on."""
    blocks = np.full((len(channels), 2, 3, 160), -7, np.int16)
    place = np.arange(len(channels)) % 3
    Routes(enumerate(channels)).copy(matrices, exclude, blocks, place)
    out = []
    for slot, own in enumerate(channels):
        written = blocks[slot, : len(own), place[slot]]
        assert (written == written[:, :1]).all()
        out.append(written[:, 0].tolist())
        blocks[slot, : len(own), place[slot]] = -7
    assert (blocks == -7).all()
    return out


def test_nothing_is_recorded_of_nobody() -> None:
    assert copied([]) == []


def test_every_kind_of_source_goes_where_it_should() -> None:
    kinds = [
        checked([[heard(2)]]),
        checked([[said(1)], [heard(1)]]),
        checked([[heard(0)], [heard(4)]]),
        checked([[mixed(3)]]),
        checked([[heard(1), said(2)]]),
        checked([[], [mixed(0), mixed(1)]]),
    ]

    assert copied(kinds) == [[3], [20, 2], [1, 5], [400], [32], [0, 300]]


def test_a_sum_that_is_too_loud_is_clipped() -> None:
    loud = np.array([[30000], [-30000]], np.int16) * np.ones(160, np.int16)

    assert copied([checked([[heard(0), said(0)], [heard(1), said(1)]])], matrices=(loud, loud, loud)) == [
        [32767, -32768]
    ]


def test_an_excluded_leg_is_not_heard_but_what_is_said_to_it_is() -> None:
    exclude = np.array([True, False, True, False, False])

    assert copied([checked([[heard(0), said(0)], [heard(1)]]), checked([[said(2), heard(2)]])], exclude) == [
        [10, 2],
        [30],
    ]
    assert HEARD[0, 0] == 1, "the matrix of the plane is as it was"


@pytest.mark.parametrize(
    ("channels", "leg"),
    [([[heard(4)]], 4), ([[heard(0)]], 0), ([[said(4)]], -1), ([[heard(4), said(4)]], -1), ([[heard(4)], []], -1)],
)
def test_the_only_leg_that_is_heard(channels: list[list[Source]], leg: int) -> None:
    assert only_leg(checked(channels)) == leg


@pytest.mark.parametrize(
    ("channels", "why"),
    [
        ([], "one or two channels"),
        ([[], [], []], "one or two channels"),
        ([[heard(0), heard(1), heard(2)]], "up to 2 sources"),
        ([[heard(-1)]], "counted from 0"),
    ],
)
def test_what_cannot_be_recorded_is_refused(channels: list[list[Source]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        checked(channels)


sources = st.builds(Source, st.sampled_from([Matrix.HEARD, Matrix.SAID, Matrix.MIXED]), st.integers(0, 4))
recordings = st.lists(st.lists(st.lists(sources, max_size=2), min_size=1, max_size=2).map(checked), max_size=12)


@given(recordings, st.lists(st.booleans(), min_size=5, max_size=5))
def test_any_set_of_recordings_is_what_it_would_be_one_by_one(channels: list[Channels], keys: list[bool]) -> None:
    def level(source: Source) -> int:
        muted = source.matrix == Matrix.HEARD and keys[source.row]
        return 0 if muted or source.matrix == Matrix.SILENCE else (source.row + 1) * 10**source.matrix

    expected = [[sum(map(level, channel)) for channel in own] for own in channels]
    assert copied(channels, np.array(keys)) == expected
