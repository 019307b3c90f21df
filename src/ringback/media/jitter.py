"""The jitter ring: received samples of every leg, placed by RTP timestamp, taken out 20 ms at a time."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

UNIT: Final = 80
"""Samples in a unit: 10 ms, the shortest packet. Packets of 10 to 60 ms are one to six units."""
UNITS: Final = 64
"""Units in a ring: 640 ms."""
DELAY: Final = 4
"""Units between the arrival of a stream's first packet and its being heard: 40 ms."""
_MAX_PACKET_UNITS: Final = 6
_LATE_IN_A_ROW: Final = 5

Rows = NDArray[np.int64]


class JitterRing:
    """A ring of 64 units for each of `capacity` legs. One row of each array is one leg.

    Places are counted in units from the packet that began the stream. `playout` is the place that is due next, and
    always even, so that a frame of 20 ms is one slot of a ring of 32.
    """

    def __init__(self, capacity: int) -> None:
        self._audio = np.zeros((capacity, UNITS, UNIT), np.int16)
        self._have = np.zeros((capacity, UNITS), np.bool_)
        self._base = np.zeros(capacity, np.uint32)
        self._ssrc = np.zeros(capacity, np.int64)
        self.playout = np.zeros(capacity, np.int64)
        self.started = np.zeros(capacity, np.bool_)
        self._late_in_a_row = np.zeros(capacity, np.int64)
        self.late = np.zeros(capacity, np.int64)
        """Packets that came after their time."""
        self.duplicates = np.zeros(capacity, np.int64)
        self.resets = np.zeros(capacity, np.int64)
        """How often a stream had to be placed anew: another source, a jump of the timestamps."""
        self._frames = self._audio.reshape(capacity, UNITS // 2, 2 * UNIT)
        self._pairs = self._have.reshape(capacity, UNITS // 2, 2)

    def clear(self, row: int) -> None:
        """Make the row ready for another leg."""
        self._have[row] = False
        self.started[row] = False
        for column in (self.late, self.duplicates, self.resets, self._late_in_a_row, self.playout):
            column[row] = 0

    def put(
        self,
        rows: Rows,
        samples: NDArray[np.int16],
        length: NDArray[np.int64],
        timestamp: NDArray[np.uint32],
        ssrc: NDArray[np.uint32],
        marker: NDArray[np.bool_],
    ) -> None:
        """Place packets: packet i holds `samples[i, :length[i]]` and belongs to leg `rows[i]`.

        A packet has 80 to 480 samples; what is left after whole units is dropped, and so is a packet of another length.
        """
        units = length // UNIT
        fit = (units >= 1) & (units <= _MAX_PACKET_UNITS)
        if not fit.all():
            rows, samples, timestamp, ssrc = rows[fit], samples[fit], timestamp[fit], ssrc[fit]
            marker, units = marker[fit], units[fit]
        if not len(rows):
            return
        if self._begin(rows, timestamp, ssrc):
            # A stream that began in this tick leaves what the one before it sent in the same tick without a place.
            same = self._ssrc[rows] == ssrc
            rows, samples, timestamp, marker, units = (
                rows[same],
                samples[same],
                timestamp[same],
                marker[same],
                units[same],
            )
        place = self._place(rows, timestamp)
        ahead = place - self.playout[rows]
        odd = (ahead < 0) | (ahead + units > UNITS)
        if odd.any():
            place, keep = self._misplaced(rows, timestamp, ahead, units, marker, np.flatnonzero(odd))
            rows, samples, place, units = rows[keep], samples[keep], place[keep], units[keep]
            if not len(rows):
                return
        self._late_in_a_row[rows] = 0
        self._store(rows, samples, place, units)

    def take(self, count: int) -> NDArray[np.int16]:
        """Take the frame that is due for each of the first `count` legs, int16[count, 160], and move on.

        What has not arrived is silence, 10 ms at a time.
        """
        every = np.arange(count)
        slot = (self.playout[:count] >> 1) % (UNITS // 2)
        frames: NDArray[np.int16] = self._frames[every, slot]
        have = self._pairs[every, slot]
        self._pairs[every, slot] = False
        self.playout[:count] += 2 * self.started[:count]
        if not have.all():
            frames.reshape(count, 2, UNIT)[~have] = 0
        return frames

    def _begin(self, rows: Rows, timestamp: NDArray[np.uint32], ssrc: NDArray[np.uint32]) -> bool:
        """Start the streams that are new: the first packet of a leg, and the first of another source."""
        new = ~self.started[rows] | (self._ssrc[rows] != ssrc)
        if not new.any():
            return False
        for row, first in zip(*np.unique(rows[new], return_index=True), strict=True):
            packet = np.flatnonzero(new)[first]
            if self.started[row]:
                self.resets[row] += 1
            else:
                self.playout[row] = -DELAY
            self.started[row] = True
            self._ssrc[row] = ssrc[packet]
            self._anchor(int(row), int(timestamp[packet]))
        return True

    def _anchor(self, row: int, timestamp: int) -> None:
        """Let the packet of that timestamp be heard one delay from now."""
        self._base[row] = (timestamp - UNIT * (int(self.playout[row]) + DELAY)) & 0xFFFFFFFF
        self._have[row] = False
        self._late_in_a_row[row] = 0

    def _place(self, rows: Rows, timestamp: NDArray[np.uint32]) -> NDArray[np.int64]:
        # The ring's own count of units and the timestamps wrap at different points: take the difference to what is
        # due now, as a signed 32-bit number, and add it to what is due.
        due = (self._base[rows].astype(np.int64) + UNIT * self.playout[rows]) & 0xFFFFFFFF
        difference = (timestamp - due.astype(np.uint32)).view(np.int32).astype(np.int64)
        return np.asarray(self.playout[rows] + difference // UNIT)

    def _misplaced(
        self,
        rows: Rows,
        timestamp: NDArray[np.uint32],
        ahead: NDArray[np.int64],
        units: NDArray[np.int64],
        marker: NDArray[np.bool_],
        odd: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Decide on packets outside the ring one by one: late ones are dropped, streams that have moved begin anew.

        A stream has moved when its timestamps lie beyond the ring, or when five packets in a row, or the first of a
        talk spurt (RFC 3551 §4.1), come late.
        """
        keep = np.ones(len(rows), np.bool_)
        for i in odd:
            row = rows[i]
            again = int(self._place(rows[i : i + 1], timestamp[i : i + 1])[0])
            if 0 <= again - self.playout[row] <= UNITS - units[i]:
                continue  # a packet before this one in the same tick has moved the stream
            if ahead[i] < 0:
                self.late[row] += 1
                self._late_in_a_row[row] += 1
                if not marker[i] and self._late_in_a_row[row] < _LATE_IN_A_ROW:
                    keep[i] = False
                    continue
            self.resets[row] += 1
            self._anchor(int(row), int(timestamp[i]))
        place = self._place(rows, timestamp)
        ahead = place - self.playout[rows]
        return place, keep & (ahead >= 0) & (ahead + units <= UNITS)

    def _store(
        self, rows: Rows, samples: NDArray[np.int16], place: NDArray[np.int64], units: NDArray[np.int64]
    ) -> None:
        again = self._have[rows, place % UNITS]
        # Two copies mostly come right after each other, in one tick: all but the first of a place are duplicates too.
        again[~_first_of_each(rows * UNITS + place % UNITS)] = True
        np.add.at(self.duplicates, rows, again)
        fast = (units == 2) & (place & 1 == 0)
        if fast.all():
            slot = (place >> 1) % (UNITS // 2)
            self._frames[rows, slot] = samples[:, : 2 * UNIT]
            self._pairs[rows, slot] = True
            return
        for unit in range(int(units.max(initial=0))):
            some = units > unit
            slot = (place[some] + unit) % UNITS
            self._audio[rows[some], slot] = samples[some, unit * UNIT : (unit + 1) * UNIT]
            self._have[rows[some], slot] = True


def _first_of_each(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    first = np.zeros(len(values), np.bool_)
    first[np.unique(values, return_index=True)[1]] = True
    return first
