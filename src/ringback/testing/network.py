"""A seeded network in virtual time, and SIP endpoints that talk over it.

Datagrams are lost, doubled and overtaken by the dice of one seed, so that a failure can be had again. Nothing waits:
time jumps from one arrival or deadline to the next.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Event, Flow, Send

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Conditions:
    """How bad the network is. Shares are of 1, times in seconds."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    """Share of datagrams that are held up for up to `hold_up`."""
    latency: float = 0.01
    hold_up: float = 0.3


class Network:
    """Datagrams under way."""

    def __init__(self, seed: int, conditions: Conditions | None = None) -> None:
        self._dice = random.Random(seed)
        self.conditions = conditions or Conditions()
        self._under_way: list[tuple[float, int, bytes, Address, Address]] = []
        self.sent = 0
        self.lost = 0

    def send(self, data: bytes, source: Address, target: Address, now: float) -> None:
        """Take a datagram."""
        copies = 2 if self._dice.random() < self.conditions.duplicate else 1
        for _ in range(copies):
            self.sent += 1
            if self._dice.random() < self.conditions.loss:
                self.lost += 1
                continue
            delay = self.conditions.latency
            if self._dice.random() < self.conditions.reorder:
                delay += self._dice.random() * self.conditions.hold_up
            heappush(self._under_way, (now + delay, self.sent, data, source, target))

    def next_arrival(self) -> float | None:
        """Return when the next datagram arrives, or None when none is under way."""
        return self._under_way[0][0] if self._under_way else None

    def arrive(self, now: float) -> tuple[bytes, Address, Address] | None:
        """Take out the next datagram that has arrived: its bytes, source and target."""
        if not self._under_way or self._under_way[0][0] > now:
            return None
        _, _, data, source, target = heappop(self._under_way)
        return data, source, target


class SipPeer:
    """One endpoint on the network. `events` collects what it tells; `on_event` may act on it at once."""

    def __init__(self, address: Address, endpoint: Endpoint) -> None:
        self.address = address
        self.endpoint = endpoint
        self.events: list[Event] = []
        self.on_event: Callable[[Event, float], None] = lambda event, now: None

    def flow_to(self, other: "SipPeer") -> Flow:
        """Return the flow to another peer."""
        return Flow("UDP", self.address, other.address)


class SipNetwork:
    """Endpoints on one network, and the clock that they share."""

    def __init__(self, seed: int, conditions: Conditions | None = None) -> None:
        self.seed = seed
        self.now = 0.0
        self.network = Network(seed, conditions)
        self._peers: dict[Address, SipPeer] = {}

    def peer(self, host: str, port: int = 5060, *, trace: bool = False, **options: Any) -> SipPeer:
        """Add an endpoint with a random source of its own; `options` are those of `Endpoint`."""
        rng = random.Random(f"{self.seed} {host} {port}")
        peer = self._peers[(host, port)] = SipPeer((host, port), Endpoint(rng=rng, trace=trace, **options))
        return peer

    def drain(self) -> None:
        """Send and tell what the endpoints have."""
        for peer in self._peers.values():
            while (item := peer.endpoint.poll()) is not None:
                if isinstance(item, Send) and item.flow.transport != "UDP":
                    peer.endpoint.connection_lost(item.flow, self.now)  # nobody listens on TCP here
                elif isinstance(item, Send):
                    self.network.send(item.data, peer.address, item.flow.remote, self.now)
                else:
                    peer.events.append(item)
                    peer.on_event(item, self.now)

    def run(self, until: float) -> None:
        """Go on until that time, or until nothing is under way and no timer runs."""
        self.drain()
        while (moment := self._next()) is not None and moment <= until:
            self.now = max(self.now, moment)
            while (arrived := self.network.arrive(self.now)) is not None:
                data, source, target = arrived
                if target in self._peers:
                    self._peers[target].endpoint.receive(data, Flow("UDP", target, source), self.now)
                    self.drain()
            for peer in self._peers.values():
                peer.endpoint.handle_timeout(self.now)
            self.drain()
        self.now = max(self.now, until)

    def _next(self) -> float | None:
        moments = [peer.endpoint.next_timeout() for peer in self._peers.values()] + [self.network.next_arrival()]
        return min((moment for moment in moments if moment is not None), default=None)
