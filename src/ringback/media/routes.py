"""Routes: whose frames go into which recording, as index columns, so that a tick copies them all at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME

MOST_CHANNELS: Final = 2
MOST_SOURCES: Final = 2
_SILENT: Final = np.zeros((1, FRAME), np.int16)

Rows = NDArray[np.int64]
Frames = NDArray[np.int16]
Mask = NDArray[np.bool_]


class Matrix(IntEnum):
    """The matrices of 20 ms frames that a tick brings: int16[rows, 160]."""

    HEARD = 0
    """What the peer of a leg says, a row a leg."""
    SAID = 1
    """What is played to the peer of a leg, a row a leg."""
    MIXED = 2
    """What is said in a conference, a row a room."""
    SILENCE = 3
    """Nothing: one row."""


@dataclass(frozen=True, slots=True)
class Source:
    """A row of a matrix."""

    matrix: Matrix
    row: int = 0


Channels = tuple[tuple[Source, ...], ...]


def heard(row: int) -> Source:
    """What the peer of the leg says."""
    return Source(Matrix.HEARD, row)


def said(row: int) -> Source:
    """What is played to the peer of the leg."""
    return Source(Matrix.SAID, row)


def mixed(row: int) -> Source:
    """What is said in the conference."""
    return Source(Matrix.MIXED, row)


def checked(channels: Sequence[Sequence[Source]]) -> Channels:
    """The channels of a recording, of which one without sources is silent. Raises ValueError for what cannot be."""
    if not 1 <= len(channels) <= MOST_CHANNELS:
        raise ValueError(f"a recording has one or two channels, not {len(channels)}")
    for channel in channels:
        if len(channel) > MOST_SOURCES:
            raise ValueError(f"a channel has up to {MOST_SOURCES} sources; for more of them, mix a row: {channel}")
        if any(source.row < 0 for source in channel):
            raise ValueError(f"rows are counted from 0: {channel}")
    return tuple(tuple(channel) or (Source(Matrix.SILENCE),) for channel in channels)


def only_leg(channels: Channels) -> int:
    """The leg that is all a recording hears, or -1."""
    match channels:
        case ((Source(Matrix.HEARD, row),),):
            return row
    return -1


@dataclass(frozen=True, slots=True)
class _Gather:
    """Rows `source` of a matrix go to, or are added to, channel `target` of slot `slot`."""

    matrix: Matrix
    adds: bool
    slot: Rows
    target: Rows
    source: Rows


class Routes:
    """The assignments of a tick: one for each matrix in use, and one more for each that is added to another."""

    def __init__(self, recordings: Iterable[tuple[int, Channels]]) -> None:
        """Lay out the routes of recordings, each its slot and channels."""
        columns: dict[tuple[bool, Matrix], list[tuple[int, int, int]]] = {}
        for slot, channels in recordings:
            for target, channel in enumerate(channels):
                for place, source in enumerate(channel):
                    columns.setdefault((place > 0, source.matrix), []).append((slot, target, source.row))
        # What is added comes after what is assigned.
        self._gathers = [
            _Gather(matrix, adds, *np.array(rows, np.int64).T.copy())
            for (adds, matrix), rows in sorted(columns.items())
        ]

    def copy(self, matrices: tuple[Frames, Frames, Frames], exclude: Mask | None, blocks: Frames, place: Rows) -> None:
        """Copy the frames of the matrices HEARD, SAID and MIXED to `blocks[slot, channel, place[slot]]`.

        `blocks` is int16[slots, 2, n, 160]. Legs in `exclude`, bool[legs], are not heard: there is silence instead.
        """
        for gather in self._gathers:
            matrix = _SILENT if gather.matrix == Matrix.SILENCE else matrices[gather.matrix]
            frames = matrix[gather.source]
            if exclude is not None and gather.matrix == Matrix.HEARD:
                frames[exclude[gather.source]] = 0
            at = place[gather.slot]
            if gather.adds:
                both = blocks[gather.slot, gather.target, at].astype(np.int32)
                both += frames
                frames = both.clip(-32768, 32767).astype(np.int16)
            blocks[gather.slot, gather.target, at] = frames
