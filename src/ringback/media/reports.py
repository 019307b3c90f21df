"""The RTCP of legs: when each reports, what it says, and what it learns from its peer (RFC 3550 §6).

Pure: packets, ticks, the time and the dice are handed in. `ringback.media.reporter` has the sockets.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

from ringback.rtp.reports import Rng, delay_since, interval, loss, ntp_short, ntp_time, round_trip
from ringback.rtp.rtcp import (
    ReportBlock,
    RtcpError,
    SenderInfo,
    SenderReport,
    block_about,
    compound,
    parse,
)

_TICKS_PER_SECOND: Final = 50
_CLOCK: Final = 8000
"""RTP timestamp units in a second."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one leg has sent and heard so far."""

    ssrc: int
    timestamp: int
    """That of the frame being sent now."""
    packets: int
    octets: int
    """Of payload."""
    source: int
    """The peer's SSRC; below 0 before its first packet."""
    highest: int
    """Its highest sequence number, on a scale that does not wrap."""
    expected: int
    """Packets from this source, by their numbers."""
    received: int
    """Packets since the leg began, whatever their source."""
    jitter: float
    """In timestamp units."""


@dataclass(frozen=True, slots=True)
class FarEnd:
    """How the peer hears us, as it reports."""

    round_trip: float | None
    """Seconds; None where the report does not tell."""
    lost: int
    """Packets since the beginning."""
    jitter: float
    """Seconds."""


@dataclass(slots=True)
class _Leg:
    """One leg's reports. What ends in `before` is as of the last report."""

    cname: str
    number: int
    source: int = -1
    last_sr: int = 0
    last_sr_at: float = 0.0
    skipped: int = 0
    """Packets received from sources before this one."""
    expected_before: int = 0
    received_before: int = 0
    packets_before: int = 0


class Reports:
    """The reports of those legs that have RTCP."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._legs: dict[int, _Leg] = {}
        self._due: list[tuple[int, int, int]] = []
        self._number = 0

    def __contains__(self, row: int) -> bool:
        return row in self._legs

    def open(self, row: int, cname: str, tick: int) -> None:
        """Begin to report."""
        self._number += 1
        self._legs[row] = _Leg(cname, self._number)
        self._schedule(row, tick, first=True)

    def close(self, row: int) -> None:
        """Report no more."""
        self._legs.pop(row, None)

    def due(self, tick: int) -> list[int]:
        """The legs that are to report now; each is scheduled anew."""
        rows = []
        while self._due and self._due[0][0] <= tick:
            _, row, number = heappop(self._due)
            leg = self._legs.get(row)
            if leg is not None and leg.number == number:
                rows.append(row)
                self._schedule(row, tick)
        return rows

    def _schedule(self, row: int, tick: int, *, first: bool = False) -> None:
        wait = max(1, round(interval(self._rng, first=first) * _TICKS_PER_SECOND))
        heappush(self._due, (tick + wait, row, self._legs[row].number))

    def report(self, row: int, counts: Counts, now: float, *, bye: bool = False) -> bytes:
        """Build what a leg says at the time `now`, in seconds since 1970.

        A sender report if it has sent anything since the last one, with a block about the peer if that was heard.
        """
        leg = self._legs[row]
        sender = None
        if counts.packets > leg.packets_before:
            sender = SenderInfo(ntp_time(now), counts.timestamp, counts.packets, counts.octets)
        leg.packets_before = counts.packets
        block = self._block(leg, counts, now)
        return compound(counts.ssrc, leg.cname, () if block is None else (block,), sender, bye=bye)

    @staticmethod
    def _block(leg: _Leg, counts: Counts, now: float) -> ReportBlock | None:
        if counts.source < 0:
            return None
        if counts.source != leg.source:
            # How many of its packets were lost before it was first reported about is as good as none.
            leg.source, leg.skipped = counts.source, counts.received - counts.expected
            leg.expected_before = leg.received_before = 0
        received = counts.received - leg.skipped
        if received <= leg.received_before:
            return None
        fraction, lost = loss(counts.expected, received, leg.expected_before, leg.received_before)
        leg.expected_before, leg.received_before = counts.expected, received
        waited = delay_since(leg.last_sr_at, now) if leg.last_sr else 0
        highest, jitter = counts.highest & 0xFFFFFFFF, int(counts.jitter)
        return ReportBlock(counts.source, fraction, lost, highest, jitter, leg.last_sr, waited)

    def receive(self, row: int, data: bytes, ssrc: int, now: float) -> FarEnd | None:
        """Take what a peer says; return how it hears our source `ssrc`, where it tells. Damaged packets are passed
        over."""
        leg = self._legs[row]
        try:
            packets = parse(data)
        except RtcpError:
            return None
        for packet in packets:
            if isinstance(packet, SenderReport):
                leg.last_sr, leg.last_sr_at = ntp_short(packet.info.ntp), now
        block = block_about(packets, ssrc)
        if block is None:
            return None
        return FarEnd(round_trip(block, ntp_short(ntp_time(now))), block.cumulative_lost, block.jitter / _CLOCK)
