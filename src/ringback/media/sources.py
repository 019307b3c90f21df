"""Source locking: whose packets a leg accepts, and where its own go (symmetric RTP, RFC 4961)."""

import numpy as np
from numpy.typing import NDArray

NOBODY = -1


class SourceLock:
    """Columns of source numbers. The worker gives each address a number; here they are only compared.

    A leg accepts packets from the address that was negotiated. Until one comes from there, the first other address
    that sends is taken instead (a phone behind NAT does not know its own). Nobody else is ever listened to: that
    is what keeps another's audio out of a call (RTP bleed).
    """

    def __init__(self, capacity: int) -> None:
        self.negotiated = np.full(capacity, NOBODY, np.int64)
        self.learnt = np.full(capacity, NOBODY, np.int64)
        self.refused = np.zeros(capacity, np.int64)

    def clear(self, row: int) -> None:
        """Make the row ready for another leg."""
        self.negotiated[row] = self.learnt[row] = NOBODY
        self.refused[row] = 0

    def negotiate(self, row: int, source: int) -> None:
        """Set the address from the session description; what was learnt before is forgotten when it is another."""
        if self.negotiated[row] != source:
            self.negotiated[row] = source
            self.learnt[row] = NOBODY

    def destination(self, row: int) -> int:
        """Where to send: the learnt address, else the negotiated one."""
        learnt = int(self.learnt[row])
        return learnt if learnt != NOBODY else int(self.negotiated[row])

    def admit(
        self, rows: NDArray[np.int64], source: NDArray[np.int64], valid: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], list[int]]:
        """Tell which of the valid packets come from whom they should; return also the rows whose source is new."""
        admitted = valid & (source == self.learnt[rows])
        moved: list[int] = []
        for i in np.flatnonzero(valid & ~admitted).tolist():
            row, who = int(rows[i]), int(source[i])
            if who == self.learnt[row]:  # learnt a moment ago, from an earlier packet of this tick
                admitted[i] = True
            elif self.learnt[row] == NOBODY or who == self.negotiated[row]:
                admitted[i] = True
                self.learnt[row] = who
                moved.append(row)
            else:
                self.refused[row] += 1
        return admitted, moved
