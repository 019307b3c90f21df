"""A seeded network for RTP in virtual time, and telephones that talk over it.

Packets are lost one by one or in bursts, held up, overtaken and doubled by the dice of one seed, so that whatever
happens can be had again. Times are in seconds. Nothing waits: who wants to know what has arrived says what time it is.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from ringback.media import g711
from ringback.rtp.packet import RtpPacket

RATE = 8000


@dataclass(frozen=True, slots=True)
class RtpConditions:
    """How bad a network is. Shares are of 1."""

    loss: float = 0.0
    """Share of packets lost in the long run."""
    burst: float = 1.0
    """How many packets are lost in a row on average; 1: each by itself (the model of Gilbert)."""
    latency: float = 0.02
    jitter: float = 0.0
    """The longest that the queue in the way holds a packet up; it fills and empties as queues do, in order."""
    reorder: float = 0.0
    """Share of packets that go another way, and so are overtaken or overtake."""
    detour: float = 0.03
    """How much longer that way is."""
    duplicate: float = 0.0


class RtpNetwork:
    """One way from a telephone to whom it talks to."""

    def __init__(self, seed: int, conditions: RtpConditions | None = None) -> None:
        self.conditions = conditions or RtpConditions()
        self._dice = random.Random(seed)
        self._losing = False
        self._queue = 0.0
        self._earliest = 0.0
        self._under_way: list[tuple[float, int, bytes]] = []
        self._sent = 0
        self.lost = self.doubled = 0

    def send(self, data: bytes, now: float) -> None:
        """Take a packet."""
        if self._loses():
            self.lost += 1
            return
        conditions, dice = self.conditions, self._dice
        # A queue's length wanders; packets leave it in the order in which they came.
        self._queue = min(1.0, max(0.0, self._queue + dice.uniform(-0.5, 0.5)))
        arrival = now + conditions.latency + conditions.jitter * self._queue
        if dice.random() < conditions.reorder:
            self._on_its_way(arrival + conditions.detour, data)
        else:
            self._earliest = max(self._earliest, arrival)
            self._on_its_way(self._earliest, data)
        if dice.random() < conditions.duplicate:
            self.doubled += 1
            self._on_its_way(arrival + dice.uniform(0, conditions.detour), data)

    def _loses(self) -> bool:
        loss, burst = self.conditions.loss, max(1.0, self.conditions.burst)
        if loss in (0.0, 1.0):
            return loss == 1.0
        if self._losing:
            self._losing = self._dice.random() >= 1 / burst
        else:
            # So many bursts begin that the share of all packets comes out.
            self._losing = self._dice.random() < loss / (burst * (1 - loss))
        return self._losing

    def _on_its_way(self, arrival: float, data: bytes) -> None:
        self._sent += 1
        heappush(self._under_way, (arrival, self._sent, data))

    def arrived(self, now: float) -> list[bytes]:
        """Take out what has arrived by now, in that order."""
        data = []
        while self._under_way and self._under_way[0][0] <= now:
            data.append(heappop(self._under_way)[2])
        return data


@dataclass(slots=True)
class RtpTelephone:
    """Says something, packet after packet, by a clock of its own.

    `drift` is how much faster than ours that clock is: 200e-6 are 200 ppm. With `silence` it sends comfort noise of
    that level (RFC 3389) in place of packets in which it has nothing to say, once for each silence.
    """

    says: NDArray[np.int16]
    """Samples, over and over again."""
    codec: int = g711.PCMU
    packet_ms: int = 20
    drift: float = 0.0
    starts: float = 0.0
    ssrc: int = 0x1234
    sequence: int = 0
    timestamp: int = 0
    silence: int | None = None
    sent: int = 0
    """Packets' worth of audio said so far."""
    quiet: bool = False

    def until(self, now: float) -> Iterator[tuple[float, bytes]]:
        """The packets that are finished by now, each with its time."""
        size = self.packet_ms * RATE // 1000
        while (when := self.starts + (self.sent + 1) * self.packet_ms / 1000 / (1 + self.drift)) <= now:
            at = np.arange(self.sent * size, (self.sent + 1) * size)
            samples = self.says.take(at, mode="wrap")
            self.sent += 1
            packet = self._packet(samples)
            self.timestamp = (self.timestamp + size) & 0xFFFFFFFF
            if packet is not None:
                self.sequence = (self.sequence + 1) & 0xFFFF
                yield when, packet

    def _packet(self, samples: NDArray[np.int16]) -> bytes | None:
        quiet = self.silence is not None and not samples.any()
        begins, self.quiet = self.quiet != quiet, quiet
        if not quiet:
            kind, payload = (8 if self.codec == g711.PCMA else 0), g711.encode(samples, self.codec)
        elif begins:
            kind, payload = 13, bytes([self.silence or 0])
        else:
            return None
        marker = begins and not quiet
        return bytes(RtpPacket(kind, self.sequence, self.timestamp, self.ssrc, payload, marker))
