"""SIP over TCP: cutting the stream by Content-Length (RFC 3261 §18.3), and keep-alives (RFC 5626 §3.5.1)."""

import asyncio
import re
from collections.abc import Callable
from typing import cast

from ringback.sip.events import Flow
from ringback.sip.message import MAX_MESSAGE

IDLE_TIMEOUT = 600.0
"""Seconds without a byte after which a connection is closed."""
PARTIAL_TIMEOUT = 30.0
"""Seconds that a message may take from its first byte to its last."""
MAX_UNREAD = 1_000_000
"""Bytes that may wait for a peer to read them."""

_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r$", re.IGNORECASE | re.MULTILINE)


class FramingError(ValueError):
    """The stream cannot be cut into messages any more: the connection is of no further use."""


class Framer:
    """Bytes in as they come, whole messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._need = 0

    @property
    def partial(self) -> bool:
        """True when the beginning of a message waits for its rest."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes and return the messages that they complete; a keep-alive (double CRLF) comes out as b"".

        Raises FramingError when a message is too large or its length cannot be known.
        """
        self._buffer += data
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if not self._need:
            if buffer[:4] == b"\r\n\r\n":
                del buffer[:4]
                return b""
            # A single CRLF is the answer to a keep-alive; part of a double one may still be under way.
            while buffer[:2] == b"\r\n" and len(buffer) > 2 and buffer[2] != 13:
                del buffer[:2]
            if buffer[:3] == b"\r\n\r" and len(buffer) > 3:
                del buffer[:2]
            end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
            if end <= 0:
                self._searched = len(buffer)
                if len(buffer) > MAX_MESSAGE:
                    raise FramingError(f"more than {MAX_MESSAGE} bytes of headers")
                return None
            self._need = end + 4 + _body_length(bytes(buffer[: end + 2]))
            if self._need > MAX_MESSAGE:
                raise FramingError(f"a message of {self._need} bytes")
        if len(buffer) < self._need:
            return None
        message = bytes(buffer[: self._need])
        del buffer[: self._need]
        self._need = self._searched = 0
        return message


def _body_length(head: bytes) -> int:
    lengths = set(_LENGTH.findall(head))
    if not lengths:
        return 0  # what follows is the next message; the parser refuses a request that needs a body
    length = lengths.pop()
    if lengths or not re.fullmatch(rb"[0-9]{1,9}", length):
        raise FramingError("a Content-Length that is no number, or two of them")
    return int(length)


class TcpConnection(asyncio.Protocol):
    """One connection, accepted or opened by us."""

    def __init__(
        self,
        connection: int,
        opened: Callable[["TcpConnection"], bool],
        receive: Callable[[bytes, Flow], None],
        lost: Callable[["TcpConnection"], None],
        refused: Callable[[Flow, str], None],
        idle_timeout: float = IDLE_TIMEOUT,
    ) -> None:
        """`opened` tells whether there is room for one more; `refused` learns why a connection was closed by us."""
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._opened, self._receive, self._lost, self._refused = opened, receive, lost, refused
        self._framer = Framer()
        self._idle_timeout = idle_timeout
        self._deadline: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.closed = self._loop.create_future()
        self.flow = Flow("TCP", ("", 0), ("", 0), connection)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        # uvloop's transports do what asyncio's do without being derived from them.
        self._transport = transport = cast(asyncio.Transport, transport)
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if not local or not remote:
            transport.abort()  # gone before we looked
            return
        self.flow = Flow("TCP", (local[0], local[1]), (remote[0], remote[1]), self._connection)
        if not self._opened(self):
            self._refused(self.flow, "too many connections")
            transport.abort()
            return
        self._wait(self._idle_timeout)

    def data_received(self, data: bytes) -> None:
        """Cut and hand on."""
        was_partial = self._framer.partial
        try:
            messages = self._framer.feed(data)
        except FramingError as error:
            self._refused(self.flow, str(error))
            self.close()
            return
        if not self._framer.partial:
            self._wait(self._idle_timeout)
        elif messages or not was_partial:
            self._wait(PARTIAL_TIMEOUT)
        for message in messages:
            if message:
                self._receive(message, self.flow)
            else:
                self.send(b"\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by either side."""
        self._transport = None
        if self._deadline is not None:
            self._deadline.cancel()
        if not self.closed.done():
            self.closed.set_result(None)
        self._lost(self)

    def send(self, data: bytes) -> None:
        """Send bytes; nothing happens once the connection is gone. A peer that does not read is cut off."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_UNREAD:
            self._refused(self.flow, "a peer that does not read")
            self._transport.abort()
            return
        self._transport.write(data)

    def close(self) -> None:
        """Close after what is written has left."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _wait(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.call_later(seconds, self._too_long)

    def _too_long(self) -> None:
        self._refused(self.flow, "a message that never ended" if self._framer.partial else "an idle connection")
        self.abort()
