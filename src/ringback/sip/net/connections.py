"""All connections of one endpoint: who has how many, which one serves a flow, and what they tell (RFC 5923)."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ringback.sip.events import Flow

PING, PONG = b"\r\n\r\n", b"\r\n"
"""RFC 5626 §3.5.1: are you there, and the answer."""
_MAX_ALIASES = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What peers may take of us. Times are seconds."""

    connections: int = 2_000
    """Connections that others have opened, those in the middle of a handshake included."""
    per_source: int = 200
    """The same from one address."""
    connect: float = 5.0
    """Opening a connection, its handshakes included."""
    handshake: float = 10.0
    """The TLS handshake and the WebSocket upgrade of somebody who comes."""
    first: float = 30.0
    """From then on until the first message is complete."""
    partial: float = 30.0
    """From the first byte of a message to its last."""
    idle: float = 600.0
    """Without a byte, on a connection over which we have never said anything: strangers get silence."""
    quiet: float = 7_200.0
    """Without a byte, on any other: a registration of an hour is renewed meanwhile."""
    ping: float = 110.0
    """Between two keep-alives on a connection that we opened (RFC 5626 §4.4.1: 95 to 120)."""
    unread: int = 1_000_000
    """Bytes that may wait for a peer to read them."""


class Connection(Protocol):
    """One connection, whatever the transport."""

    flow: Flow
    closed: "asyncio.Future[None]"

    def send(self, data: bytes) -> None:
        """Send one message; nothing happens once the connection is gone."""

    def close(self) -> None:
        """Close after what is written has left."""

    def abort(self) -> None:
        """Close at once."""


class Owner(Protocol):
    """What connections report to."""

    def opened(self, connection: Connection) -> bool:
        """A connection stands. False is to close it: all are being closed."""

    def receive(self, data: bytes, flow: Flow) -> None:
        """A message has come."""

    def alias(self, connection: Connection, remote: tuple[str, int], name: str) -> None:
        """The peer of an accepted connection can be reached over it at an address and name of its own (RFC 5923)."""

    def lost(self, connection: Connection) -> None:
        """The connection is gone."""

    def refused(self, flow: Flow, reason: str) -> None:
        """We close the connection, or never took it; `reason` says why."""


Key = tuple[str, tuple[str, int], str]
"""Transport, remote address, and the name that was verified."""


@dataclass(frozen=True, slots=True)
class _Entry:
    connection: Connection
    keys: list[Key]
    served: set[Flow]
    """Flows without a number that it has served: those who use them learn of its end too."""


class Connections:
    """The connections that stand. It is the owner of them all."""

    def __init__(
        self,
        receive: Callable[[bytes, Flow], None],
        lost: Callable[[Flow], None],
        refused: Callable[[Flow, str], None],
        limits: Limits,
    ) -> None:
        """`lost` learns of each flow that a connection has served: its own, and those that asked for any."""
        self._receive, self._lost, self._refused = receive, lost, refused
        self._limits = limits
        self._entries: dict[int, _Entry] = {}
        self._by_key: dict[Key, _Entry] = {}
        self._sources: Counter[str] = Counter()
        self._taken = self._last = 0
        self.closing = False

    # -- numbers and room -----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many connections stand."""
        return len(self._entries)

    def number(self) -> int:
        """Return a number for a new connection."""
        self._last += 1
        return self._last

    def enter(self, source: str) -> str:
        """Take room for somebody who comes; returns why there is none, or an empty text. `leave` gives it back."""
        if self._taken >= self._limits.connections:
            return "too many connections"
        if self._sources[source] >= self._limits.per_source:
            return "too many connections from one address"
        self._sources[source] += 1
        self._taken += 1
        return ""

    def leave(self, source: str) -> None:
        """Give room back."""
        self._taken -= 1
        self._sources[source] -= 1
        if not self._sources[source]:
            del self._sources[source]

    # -- finding --------------------------------------------------------------------------------------------------

    def find(self, flow: Flow) -> Connection | None:
        """Return the connection of a flow, or where it has no number, one that leads to its remote address.

        Over TLS that is only one whose certificate was verified for the flow's name (RFC 5923 §9.3).
        """
        if flow.connection:
            entry = self._entries.get(flow.connection)
        else:
            entry = self._by_key.get((flow.transport, flow.remote, flow.name))
            if entry is not None:
                entry.served.add(flow)
        return None if entry is None else entry.connection

    def all(self) -> list[Connection]:
        """Return them all."""
        return [entry.connection for entry in self._entries.values()]

    # -- what connections report ----------------------------------------------------------------------------------

    def opened(self, connection: Connection) -> bool:
        """Take a connection."""
        if self.closing:
            return False
        flow = connection.flow
        entry = self._entries[flow.connection] = _Entry(connection, [], set())
        self._name(entry, (flow.transport, flow.remote, flow.name))
        return True

    def receive(self, data: bytes, flow: Flow) -> None:
        """Hand a message on."""
        self._receive(data, flow)

    def alias(self, connection: Connection, remote: tuple[str, int], name: str) -> None:
        """Let requests to that address and name use the connection."""
        entry = self._entries.get(connection.flow.connection)
        if entry is not None and len(entry.keys) < _MAX_ALIASES:
            self._name(entry, (connection.flow.transport, remote, name))

    def lost(self, connection: Connection) -> None:
        """Forget a connection."""
        entry = self._entries.pop(connection.flow.connection, None)
        if entry is None:
            return
        for key in entry.keys:
            del self._by_key[key]
        if not self.closing:
            for flow in (connection.flow, *entry.served):
                self._lost(flow)

    def refused(self, flow: Flow, reason: str) -> None:
        """Hand on why somebody was refused."""
        self._refused(flow, reason)

    def _name(self, entry: _Entry, key: Key) -> None:
        # A second connection to the same peer does not take the place of the first while that one stands.
        if key not in self._by_key:
            self._by_key[key] = entry
            entry.keys.append(key)
