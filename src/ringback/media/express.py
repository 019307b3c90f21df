"""The legs whose sockets are connected to their peers: packets of all of them are read, and sent, in one call each."""

import numpy as np
from numpy.typing import NDArray

from ringback.media.batch import Batch, Requests

NOT_HERE = -1


class Express:
    """Columns of connected sockets. Place i of them reads into row i of the buffer."""

    def __init__(self, batch: Batch, buffer: NDArray[np.uint8]) -> None:
        """Have room for as many legs as `buffer` has rows."""
        capacity = len(buffer)
        self._batch = batch
        self._reads = batch.to_read(buffer)
        self._writes: Requests | None = None
        self._packets: NDArray[np.uint8] | None = None
        self._place = np.full(capacity, NOT_HERE, np.int64)
        self._fds = np.zeros(capacity, np.int32)
        self.count = 0
        self.rows = np.zeros(capacity, np.int64)
        """The leg of each of the first `count` places."""
        self.sources = np.zeros(capacity, np.int64)
        """The peer of each of them, by number."""

    def add(self, row: int, fd: int, source: int) -> None:
        """Take the socket of a leg."""
        place = self.count
        self.rows[place], self.sources[place] = row, source
        self._reads["fd"][place] = self._fds[row] = fd
        self._place[row] = place
        self.count += 1

    def remove(self, row: int) -> None:
        """Give the leg's socket up, if it is here; the last one moves to its place."""
        place, last = int(self._place[row]), self.count - 1
        if place == NOT_HERE:
            return
        moved = self.rows[last]
        self.rows[place], self.sources[place] = moved, self.sources[last]
        self._reads["fd"][place] = self._reads["fd"][last]
        self._place[moved], self._place[row] = place, NOT_HERE
        self.count = last

    def read(self) -> NDArray[np.int64]:
        """Read a packet of each; return their lengths, int64[count]: -1 where nothing has come."""
        lengths: NDArray[np.int64] = np.maximum(self._batch.do(self._reads[: self.count]), -1)
        return lengths

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
