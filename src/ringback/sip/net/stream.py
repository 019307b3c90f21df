"""One connection over TCP or TLS: messages cut out of its stream, keep-alives, and time that runs out."""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from ringback.sip.events import Flow
from ringback.sip.net.connections import PING, PONG, Limits, Owner
from ringback.sip.net.framing import Framer, FramingError
from ringback.sip.net.tls import names_of

_ALIAS = re.compile(
    rb"^(?:via|v)[ \t]*:[ \t]*SIP/2\.0/TLS[ \t]+"
    rb"(\[[0-9a-f:.]+\]|[0-9a-z.\-]+)(?::([0-9]{1,5}))?[ \t]*;[^\r\n,]*\balias\b",
    re.IGNORECASE | re.MULTILINE,
)
# A peer that vanished without a word is found out within some three minutes, at the cost of nobody.
_KERNEL_KEEP_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 4))


class Watch:
    """A deadline that is moved often and reached seldom: one timer, however often it moves."""

    def __init__(self, late: Callable[[], None]) -> None:
        """`late` is called when the deadline is reached."""
        self._loop = asyncio.get_running_loop()
        self._late = late
        self._timer: asyncio.TimerHandle | None = None
        self.deadline = 0.0

    def set(self, seconds: float) -> None:
        """Put the deadline so far into the future."""
        self.deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self.deadline:
            self.stop()
            self._timer = self._loop.call_at(self.deadline, self._due)

    def stop(self) -> None:
        """Wait for nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        # A timer may be a trifle early.
        if self._loop.time() < self.deadline - 0.001:
            self._timer = self._loop.call_at(self.deadline, self._due)
        else:
            self._late()


class StreamConnection(asyncio.Protocol):
    """One connection over TCP or TLS, accepted or opened by us."""

    def __init__(
        self,
        owner: Owner,
        number: int,
        transport: str,
        limits: Limits,
        *,
        accepted: bool,
        name: str = "",
        port: int = 0,
    ) -> None:
        """`transport` is TCP or TLS, `name` whom the peer's certificate names, `port` where we listen or 0."""
        self._owner = owner
        self._number, self._kind, self._name, self._port = number, transport, name, port
        self._limits = limits
        self._accepted = accepted
        self._framer = Framer()
        self._watch = Watch(self._too_long)
        self._ping = Watch(self._send_ping)
        self._transport: asyncio.Transport | None = None
        self._heard = self._spoken = self._may_alias = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.flow = Flow(transport, ("", 0), ("", 0), number, name)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        # uvloop's transports do what asyncio's do without being derived from them.
        self._transport = transport = cast(asyncio.Transport, transport)
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if not local or not remote:
            transport.abort()  # gone before we looked
            return
        self.flow = Flow(self._kind, (local[0], self._port or local[1]), remote[:2], self._number, self._name)
        if not self._owner.opened(self):
            transport.abort()
            return
        _keep_alive(transport)
        if self._accepted:
            certificate = transport.get_extra_info("ssl_object")
            self._may_alias = certificate is not None and bool(certificate.getpeercert())
            self._watch.set(self._limits.first)
        else:
            self._watch.set(self._limits.quiet)
            self._ping.set(self._limits.ping)

    def data_received(self, data: bytes) -> None:
        """Cut and hand on."""
        was_partial = self._framer.partial
        try:
            messages = self._framer.feed(data)
        except FramingError as error:
            self._owner.refused(self.flow, str(error))
            self.close()
            return
        self._heard = self._heard or any(messages)
        if not self._framer.partial:
            self._wait()
        elif messages or not was_partial:
            self._watch.set(self._limits.partial)
        for message in messages:
            if not message:
                self._write(PONG)
                continue
            if self._may_alias:
                self._look_for_alias(message)
            self._owner.receive(message, self.flow)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by either side."""
        self._transport = None
        self._watch.stop()
        self._ping.stop()
        if not self.closed.done():
            self.closed.set_result(None)
        self._owner.lost(self)

    def send(self, data: bytes) -> None:
        """Send one message; nothing happens once the connection is gone. A peer that does not read is cut off."""
        if not self._spoken:
            self._spoken = True
            if self._heard:
                self._wait()
        self._write(data)

    def close(self) -> None:
        """Close after what is written has left."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > self._limits.unread:
            self._owner.refused(self.flow, "a peer that does not read")
            transport.abort()
            return
        transport.write(data)

    def _wait(self) -> None:
        """Wait for the next message."""
        if self._heard or not self._accepted:
            self._watch.set(self._limits.quiet if self._spoken or not self._accepted else self._limits.idle)

    def _too_long(self) -> None:
        if self._framer.partial:
            reason = "a message that never ended"
        else:
            reason = "an idle connection" if self._heard or not self._accepted else "a connection without a message"
        self._owner.refused(self.flow, reason)
        self.abort()

    def _send_ping(self) -> None:
        self._write(PING)
        self._ping.set(self._limits.ping)

    def _look_for_alias(self, message: bytes) -> None:
        """Let a peer that proved its name be reached at the address of its Via (RFC 5923 §9.2): the first request says.

        The name counts only where the certificate has it: else anybody could draw the calls of others to himself.
        """
        self._may_alias = False
        found = _ALIAS.search(message[: message.find(b"\r\n\r\n")])
        if found is None or self._transport is None or message.startswith(b"SIP/"):
            return
        host = found[1].decode().strip("[]").lower()
        tls: ssl.SSLObject = self._transport.get_extra_info("ssl_object")
        port = int(found[2] or 5061)
        if host in names_of(tls.getpeercert() or {}) and 0 < port < 65536:
            name = "" if host == self.flow.remote[0] else host
            self._owner.alias(self, (self.flow.remote[0], port), name)


def _keep_alive(transport: asyncio.Transport) -> None:
    """Have the kernel find out whether the peer is still there."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name, value in _KERNEL_KEEP_ALIVE:
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
