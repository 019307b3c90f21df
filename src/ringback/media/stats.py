"""Figures of each leg's streams, counted as columns (RFC 3550 §6.4.1)."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ringback.media.quality import Quality
from ringback.media.reports import FarEnd
from ringback.rtp.packet import Columns
from ringback.rtp.reports import NO_TRANSIT


@dataclass(frozen=True, slots=True)
class LegStats:
    """What a leg received and sent, in packets."""

    received: int
    sent: int
    lost: int
    """Expected by sequence number and never seen; duplicates may hide some (RFC 3550 §6.4.1)."""
    late: int
    duplicates: int
    refused: int
    """From a source that was neither negotiated nor learnt first."""
    invalid: int
    """No RTP at all."""
    resets: int
    bytes_in: int
    mos: float = 0.0
    """How the peer sounded, 1 to 4.5 (ITU-T G.107); 0 where nothing was heard."""
    delay_ms: float = 0.0
    """From the peer's mouth to our ear, on the average: packets, jitter buffer, and the network where the peer reports
    about it."""
    rtt_ms: float = 0.0
    """The round trip to the peer by its reports (RTCP); 0 where it sends none."""
    far_lost: int = 0
    """Packets of ours that the peer says it lost."""
    far_jitter_ms: float = 0.0
    """How irregularly they came, as it says."""
    replayed: int = 0
    """SRTP packets that had come before, or were too old to tell."""
    forged: int = 0
    """SRTP packets that are not the peer's: not encrypted at all, or not with its key."""

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


class StreamStats:
    """Counters of all legs."""

    def __init__(self, capacity: int) -> None:
        self.received = np.zeros(capacity, np.int64)
        self.sent = np.zeros(capacity, np.int64)
        self.bytes_in = np.zeros(capacity, np.int64)
        self.invalid = np.zeros(capacity, np.int64)
        self._ssrc = np.full(capacity, -1, np.int64)
        self._first = np.zeros(capacity, np.int64)
        self._highest = np.zeros(capacity, np.int64)
        self._expected_before = np.zeros(capacity, np.int64)
        self.jitter = np.zeros(capacity)
        """In timestamp units (RFC 3550 §6.4.1)."""
        self.transit = np.full(capacity, NO_TRANSIT, np.int64)
        self.far_end: dict[int, FarEnd] = {}
        """What peers have reported last."""
        self.round_trip = np.full(capacity, np.nan)
        """Seconds, NaN where it is not known."""

    def clear(self, row: int) -> None:
        """Make the row ready for another leg."""
        for column in (self.received, self.sent, self.bytes_in, self.invalid, self._expected_before, self._highest):
            column[row] = 0
        self._ssrc[row] = -1
        self._begin(row)
        self.round_trip[row] = np.nan
        self.far_end.pop(row, None)

    def _begin(self, row: int) -> None:
        """Another source: its jitter begins anew."""
        self.jitter[row], self.transit[row] = 0, NO_TRANSIT

    def hear(self, row: int, far: FarEnd) -> None:
        """Take how the peer hears us."""
        self.far_end[row] = far
        if far.round_trip is not None:
            self.round_trip[row] = far.round_trip

    def source(self, row: int) -> tuple[int, int, int]:
        """The peer's SSRC (-1 before its first packet), its highest sequence number, and how many packets it has sent
        by its numbers."""
        highest = int(self._highest[row])
        return int(self._ssrc[row]), highest, highest - int(self._first[row]) + 1

    def count(
        self,
        rows: NDArray[np.int64],
        columns: Columns,
        length: NDArray[np.int64],
        admitted: NDArray[np.bool_],
        invalid: NDArray[np.int64],
    ) -> None:
        """Count the packets of a tick."""
        if len(invalid):
            np.add.at(self.invalid, rows[invalid], 1)
        which = np.flatnonzero(admitted)
        if not len(which):
            return
        rows, sequence = rows[which], columns.sequence[which].astype(np.int64)
        ssrc = columns.ssrc[which].astype(np.int64)
        np.add.at(self.received, rows, 1)
        np.add.at(self.bytes_in, rows, length[which])
        for i in np.flatnonzero(self._ssrc[rows] != ssrc).tolist():
            row = rows[i]
            if self._ssrc[row] == ssrc[i]:
                continue
            if self._ssrc[row] >= 0:
                self._expected_before[row] += self._highest[row] - self._first[row] + 1
            self._ssrc[row] = ssrc[i]
            self._first[row] = self._highest[row] = sequence[i]
            self._begin(row)
        # The distance to the highest number so far as a signed 16-bit number extends the sequence over its wrap.
        ahead = ((sequence - self._highest[rows] + 0x8000) & 0xFFFF) - 0x8000
        np.maximum.at(self._highest, rows, self._highest[rows] + ahead)

    def expected(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many packets the sequence numbers of these legs say that there were."""
        now = np.where(self._ssrc[rows] >= 0, self._highest[rows] - self._first[rows] + 1, 0)
        return np.asarray(self._expected_before[rows] + now)

    def of(
        self, row: int, *, late: int, duplicates: int, resets: int, refused: int, quality: Quality | None = None
    ) -> LegStats:
        """The figures of one leg."""
        expected = int(self.expected(np.array([row]))[0])
        received = int(self.received[row])
        far = self.far_end.get(row)
        return LegStats(
            received=received,
            sent=int(self.sent[row]),
            lost=max(0, expected - received + duplicates),
            late=late,
            duplicates=duplicates,
            refused=refused,
            invalid=int(self.invalid[row]),
            resets=resets,
            bytes_in=int(self.bytes_in[row]),
            mos=round(quality.mos, 2) if quality else 0.0,
            delay_ms=round(quality.delay_ms, 1) if quality else 0.0,
            rtt_ms=round(1000 * float(np.nan_to_num(self.round_trip[row])), 1),
            far_lost=far.lost if far else 0,
            far_jitter_ms=round(1000 * far.jitter, 1) if far else 0.0,
        )
