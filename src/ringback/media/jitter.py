"""The jitter buffer: received samples of every leg, placed by RTP timestamp, taken out 20 ms at a time.

It is adaptive, leg by leg. A packet's margin is how long before its time it arrives. Once a second (each leg in
another tick) the smallest margin of that second decides: three seconds of less than 20 ms and the leg's audio is
delayed by another frame, three seconds of 40 ms or more and a frame is left out, best a quiet one. So the delay
follows the jitter, and a clock that is not quite ours never fills or drains the buffer. Two late packets within a
second delay the audio at once.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

UNIT: Final = 80
"""Samples in a unit: 10 ms, the shortest packet. Packets of 10 to 60 ms are one to six units."""
UNITS: Final = 64
"""Units in a ring: 640 ms."""
SLOTS: Final = UNITS // 2
"""Frames of 20 ms in a ring."""
DELAY: Final = 4
"""Units between the arrival of a stream's first packet and its being heard: 40 ms."""
LONGEST_DELAY: Final = 20
"""Units that the earliest packet may wait: 200 ms."""
WINDOW: Final = 50
"""Ticks between two looks at a leg's margin: a second."""
_SAFE: Final = 2
"""Units of margin that are aimed at: 20 ms."""
_PATIENCE: Final = 3
"""Windows of too little or too much margin in a row before a frame is added or left out."""
_FORCED: Final = 6
"""Windows after which a frame is left out although it is not quiet."""
_QUIET: Final = 400
"""Largest sample of a frame that nobody misses."""
_NOTHING: Final = 1 << 30
_MAX_PACKET_UNITS: Final = 6
_LATE_IN_A_ROW: Final = 5

Rows = NDArray[np.int64]


class JitterRing:
    """A ring of 64 units for each of `capacity` legs. One row of each array is one leg.

    Places are counted in units from the packet that began the stream. `playout` is the place that is due next, and
    always even, so that a frame of 20 ms is one slot of a ring of 32. All rings turn together: what is due is in the
    same slot for every leg, next to each other in memory. So each leg's places have a distance of their own from the
    slots, and when it is delayed or catches up, its ring is turned against the others.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._audio = np.zeros((SLOTS, capacity, 2 * UNIT), np.int16)
        self._have = np.zeros((SLOTS, capacity, 2), np.bool_)
        self._turn = np.zeros(capacity, np.int64)
        """What makes half a place the number of its slot."""
        self._base = np.zeros(capacity, np.uint32)
        self._ssrc = np.zeros(capacity, np.int64)
        self.playout = np.zeros(capacity, np.int64)
        self.started = np.zeros(capacity, np.bool_)
        self._late_in_a_row = np.zeros(capacity, np.int64)
        self._margin = np.full(capacity, _NOTHING, np.int64)
        self._earliest = np.zeros(capacity, np.int64)
        self._earliest_before = np.zeros(capacity, np.int64)
        self._late_lately = np.zeros(capacity, np.int64)
        self._pressure = np.zeros(capacity, np.int64)
        self._tick = 0
        self.added = np.zeros(capacity, np.int64)
        """Frames by which the audio was delayed further."""
        self.left_out = np.zeros(capacity, np.int64)
        """Frames that were left out to catch up."""
        self.late = np.zeros(capacity, np.int64)
        """Packets that came after their time."""
        self.duplicates = np.zeros(capacity, np.int64)
        self.resets = np.zeros(capacity, np.int64)
        """How often a stream had to be placed anew: another source, a jump of the timestamps."""
        # The same once more, a slot of a leg, or a unit, a row: one index is faster than two.
        self._frames = self._audio.reshape(SLOTS * capacity, 2 * UNIT)
        self._frame_pairs = self._have.reshape(SLOTS * capacity, 2)
        self._units = self._audio.reshape(UNITS * capacity, UNIT)
        self._have_units = self._have.reshape(UNITS * capacity)

    def clear(self, row: int) -> None:
        """Make the row ready for another leg."""
        self._have[:, row] = False
        self.started[row] = False
        self._margin[row] = _NOTHING
        for column in (self.late, self.duplicates, self.resets, self._late_in_a_row, self.playout, self._earliest):
            column[row] = 0
        for column in (self._late_lately, self._pressure, self.added, self.left_out, self._earliest_before):
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
        alone = len(rows) == 1 or np.bincount(rows).max() == 1
        if alone:
            self._margin[rows] = np.minimum(self._margin[rows], ahead)
            self._earliest[rows] = np.maximum(self._earliest[rows], ahead)
        else:
            np.minimum.at(self._margin, rows, ahead)
            np.maximum.at(self._earliest, rows, ahead)
        odd = (ahead < 0) | (ahead + units > UNITS)
        if odd.any():
            place, keep = self._misplaced(rows, timestamp, ahead, units, marker, np.flatnonzero(odd))
            rows, samples, place, units = rows[keep], samples[keep], place[keep], units[keep]
            if not len(rows):
                return
        self._late_in_a_row[rows] = 0
        self._store(rows, samples, place, units, alone=bool(alone))

    def take(self, out: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Write the frame that is due for each leg into `out`, int16[legs, 160], and move on.

        Returns bool[legs, 2]: which halves have arrived. The others are silence.
        """
        count = len(out)
        self._adapt(count)
        slot = self._tick % SLOTS
        out[...] = self._audio[slot, :count]
        have: NDArray[np.bool_] = self._have[slot, :count].copy()
        self._have[slot, :count] = False
        self.playout[:count] += 2 * self.started[:count]
        self._tick += 1
        if not have.all():
            out.reshape(count, 2, UNIT)[~have] = 0
        return have

    def place(self, row: int, timestamp: int) -> int:
        """Where a packet of that timestamp belongs, in units; `playout` is what is due next."""
        return int(self._place(np.array([row]), np.array([timestamp], np.uint32))[0])

    def latest_delay(self, rows: Rows) -> NDArray[np.int64]:
        """Units that the earliest packet waited, in the last whole second or since."""
        return np.asarray(np.maximum(self._earliest[rows], self._earliest_before[rows]))

    def _adapt(self, count: int) -> None:
        """Look at the margin of every fiftieth leg, and add or leave out a frame where it has been wrong for long."""
        first = (self._tick + 1) % WINDOW
        mine = slice(first, count, WINDOW)
        margin = self._margin[mine]
        heard = margin != _NOTHING
        if not heard.any():
            return
        pressure = self._pressure[mine]
        small, large = heard & (margin < _SAFE), heard & (margin >= 2 * _SAFE)
        pressure[:] = np.where(small, np.minimum(pressure, 0) - 1, np.where(large, np.maximum(pressure, 0) + 1, 0))
        for index in np.flatnonzero((pressure <= -_PATIENCE) | (pressure >= _PATIENCE)).tolist():
            row = first + index * WINDOW
            if pressure[index] < 0:
                self._delay_more(row, 2)
            else:
                self._catch_up(row, int(margin[index]), forced=pressure[index] >= _FORCED)
        self._margin[mine] = _NOTHING
        self._earliest_before[mine] = self._earliest[mine]
        self._earliest[mine] = 0
        self._late_lately[mine] = 0

    def _delay_more(self, row: int, units: int) -> bool:
        """Let the leg be heard later by so many units (even), where that is not beyond the longest delay."""
        if self._earliest[row] + units > LONGEST_DELAY:
            return False
        self._shift(row, -units // 2)
        self.added[row] += units // 2
        self._pressure[row] = 0
        return True

    def _catch_up(self, row: int, margin: int, *, forced: bool) -> None:
        """Leave out the frame that is due, if it is a quiet one or must be; at once all that is far too much."""
        frames = 1 if margin <= LONGEST_DELAY else (margin - 2 * _SAFE) // 2
        slot = self._tick % SLOTS
        quiet = not self._have[slot, row].any() or int(np.abs(self._audio[slot, row]).max()) < _QUIET
        if not (quiet or forced or frames > 1):
            return
        self._shift(row, frames)
        self.left_out[row] += frames
        self._pressure[row] = 0

    def _shift(self, row: int, frames: int) -> None:
        """Let another frame be due: so many further on, or, below 0, behind."""
        self.playout[row] += 2 * frames
        self._turn[row] -= frames
        self._audio[:, row] = np.roll(self._audio[:, row], -frames, axis=0)
        self._have[:, row] = np.roll(self._have[:, row], -frames, axis=0)
        # Forwards, what is passed over is behind what is due now; backwards, what is due again has been heard.
        first = self._tick - frames if frames > 0 else self._tick
        for slot in range(first, first + abs(frames)):
            self._have[slot % SLOTS, row] = False

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
        self._turn[row] = self._tick - (int(self.playout[row]) >> 1)
        self._have[:, row] = False
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
                self._late_lately[row] += 1
                missing = -int(again - self.playout[row])
                if self._late_lately[row] > 1 and self._delay_more(int(row), missing + missing % 2 + _SAFE):
                    continue  # not late any more
                if not marker[i] and self._late_in_a_row[row] < _LATE_IN_A_ROW:
                    keep[i] = False
                    continue
            self.resets[row] += 1
            self._anchor(int(row), int(timestamp[i]))
        place = self._place(rows, timestamp)
        ahead = place - self.playout[rows]
        return place, keep & (ahead >= 0) & (ahead + units <= UNITS)

    def _store(
        self,
        rows: Rows,
        samples: NDArray[np.int16],
        place: NDArray[np.int64],
        units: NDArray[np.int64],
        *,
        alone: bool,
    ) -> None:
        frame = self._frame_of(rows, place)
        begins = 2 * frame + (place & 1)
        again = self._have_units[begins]
        if not alone:
            # Two copies mostly come right after each other, in one tick: all but the first of a place are duplicates.
            again[~_first_of_each(begins)] = True
        if again.any():
            np.add.at(self.duplicates, rows, again)
        fast = (units == 2) & (place & 1 == 0)
        if fast.all():
            self._frames[frame] = samples[:, : 2 * UNIT]
            self._frame_pairs[frame] = True
            return
        for unit in range(int(units.max(initial=0))):
            some = units > unit
            where = place[some] + unit
            target = 2 * self._frame_of(rows[some], where) + (where & 1)
            self._units[target] = samples[some, unit * UNIT : (unit + 1) * UNIT]
            self._have_units[target] = True

    def _frame_of(self, rows: Rows, place: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of `_frames` where these places of these legs are."""
        slot = ((place >> 1) + self._turn[rows]) % SLOTS
        return np.asarray(slot * self._capacity + rows)


def _first_of_each(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    first = np.zeros(len(values), np.bool_)
    first[np.unique(values, return_index=True)[1]] = True
    return first
