"""The legs whose sockets are connected to their peers: packets of all of them are read, and sent, in one call each.

Most legs have one packet in each tick. So one is read of each, without asking first whether it is there. A second one
is looked for where one was missing lately, where more than one came lately, and with each of the others every now and
then: a packet that waits for that is one that came early.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.batch import Batch, Requests

NOT_HERE: Final = -1
ROUNDS: Final = 4
"""Packets read from one socket in one tick; what more there is waits in the kernel, so that a flood on one leg cannot
starve the others."""
_EAGER: Final = 8
"""Ticks in which more than one packet is looked for after more than one has come, or none."""
_LOOKED_AT_EVERY: Final = 8
"""Ticks after which more than one packet is looked for in any case."""


class Express:
    """Columns of connected sockets, in the places 0 to `count` - 1."""

    def __init__(self, batch: Batch, buffer: NDArray[np.uint8], capacity: int) -> None:
        """Have room for `capacity` legs. `buffer` is what packets are read into, ROUNDS rows a leg."""
        self._batch = batch
        self._reads = batch.to_read(buffer)
        self._writes: Requests | None = None
        self._packets: NDArray[np.uint8] | None = None
        self._place = np.full(capacity, NOT_HERE, np.int64)
        self._fds = np.zeros(capacity, np.int32)
        self._rows = np.zeros(capacity, np.int64)
        self._sources = np.zeros(capacity, np.int64)
        self._eager = np.zeros(capacity, np.int64)
        self._tick = 0
        self.count = 0

    def add(self, row: int, fd: int, source: int) -> None:
        """Take the socket of a leg, which is connected to the peer of that number."""
        place = self.count
        self._rows[place], self._sources[place], self._eager[place] = row, source, _EAGER
        self._reads["fd"][place] = self._fds[row] = fd
        self._place[row] = place
        self.count += 1

    def remove(self, row: int) -> None:
        """Give the leg's socket up, if it is here; the last one moves to its place."""
        place, last = int(self._place[row]), self.count - 1
        if place == NOT_HERE:
            return
        moved = self._rows[last]
        for column in (self._rows, self._sources, self._eager, self._reads["fd"]):
            column[place] = column[last]
        self._place[moved], self._place[row] = place, NOT_HERE
        self.count = last

    def read(self, length: NDArray[np.int64], rows: NDArray[np.int64], sources: NDArray[np.int64]) -> int:
        """Read what has come; return how many rows of the buffer were used.

        Row i has `length[i]` bytes, -1 where nothing was there, of leg `rows[i]` from `sources[i]`.
        """
        places: NDArray[np.int64] | slice = slice(0, self.count)
        size, filled = self.count, 0
        for number in range(ROUNDS):
            if not size:
                break
            end = filled + size
            if number:
                self._reads["fd"][filled:end] = self._reads["fd"][places]
            came = np.maximum(self._batch.do(self._reads[filled:end]), -1)
            length[filled:end], rows[filled:end], sources[filled:end] = came, self._rows[places], self._sources[places]
            places = self._next(number, places, came >= 0)
            size, filled = len(places), end
        self._tick += 1
        return filled

    def _next(self, number: int, places: NDArray[np.int64] | slice, here: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Where to look for another packet after those places, of which some had one."""
        eager = self._eager[places]
        if number == 0:
            look = eager > 0
            look[self._tick % _LOOKED_AT_EVERY :: _LOOKED_AT_EVERY] = True
            look &= here
            self._eager[: self.count][~here] = _EAGER
            return np.flatnonzero(look)
        self._eager[places] = np.where(here, _EAGER, np.maximum(eager - 1, 0))
        found: NDArray[np.int64] = np.arange(self.count)[places][here]
        return found

    def send(self, rows: NDArray[np.int64], packets: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Send to each of the rows its packet, where the leg is here; return those that are not.

        `packets` is the same array each time, with a row a leg.
        """
        if self._writes is None or packets is not self._packets:
            self._writes, self._packets = self._batch.to_write(packets), packets
        here = self._place[rows] != NOT_HERE
        others: NDArray[np.int64] = rows[~here]
        if len(others):
            rows = rows[here]
        self._writes["fd"] = self._fds
        self._batch.do(self._writes, rows)
        return others

    def close(self) -> None:
        """Give the kernel's part back."""
        self._batch.close()
