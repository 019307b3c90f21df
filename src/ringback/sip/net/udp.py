"""SIP over UDP: one socket, one message a datagram (RFC 3261 §18)."""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from ringback.sip.events import Flow

_RECEIVE_BUFFER = 4 * 1024 * 1024
"""Bytes of kernel buffer: some thousand calls that arrive in one moment."""
_MAX_ROUTES = 10_000


class UdpSocket(asyncio.DatagramProtocol):
    """A bound socket. `receive` is called with each datagram and its flow."""

    def __init__(self, receive: Callable[[bytes, Flow], None]) -> None:
        self._receive = receive
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.get_running_loop().create_future()
        self._local_hosts: dict[str, str] = {}
        self.local: tuple[str, int] = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is bound."""
        # Not asserted: the loop of 3.11 has a datagram transport that is no DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)
        host, port = transport.get_extra_info("sockname")[:2]
        self.local = (host, port)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand a datagram on."""
        self._receive(data, self.flow_to((addr[0], addr[1])))

    def error_received(self, exc: Exception) -> None:
        """A port is closed or a host out of reach. The timers of the transaction find out; nothing to do here."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._transport = None
        if not self._closed.done():
            self._closed.set_result(None)

    def flow_to(self, remote: tuple[str, int]) -> Flow:
        """Return the flow between this socket and a remote address."""
        return Flow("UDP", (self._local_host(remote[0]), self.local[1]), remote)

    def send(self, data: bytes, remote: tuple[str, int]) -> None:
        """Send a datagram; nothing happens once the socket is closed."""
        if self._transport is not None:
            self._transport.sendto(data, remote)

    async def close(self) -> None:
        """Close the socket and wait until it is."""
        if self._transport is not None:
            self._transport.close()
        await self._closed

    def _local_host(self, remote: str) -> str:
        """Return our address towards a host: a socket bound to all addresses has to ask the routing table."""
        if self.local[0] not in ("0.0.0.0", "::"):
            return self.local[0]
        host = self._local_hosts.get(remote)
        if host is None:
            host = local_host_towards(remote)
            if len(self._local_hosts) >= _MAX_ROUTES:
                self._local_hosts.clear()
            self._local_hosts[remote] = host
        return host


def local_host_towards(remote: str) -> str:
    """Return the address of this machine that packets to a host are sent from. Sends nothing."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, 9))
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        host: str = probe.getsockname()[0]
        return host
