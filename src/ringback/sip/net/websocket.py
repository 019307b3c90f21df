"""SIP over WebSocket (RFC 7118): one message a frame, subprotocol `sip`. aiohttp does the framing."""

import asyncio
import ipaddress
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from ringback.sip.events import Flow
from ringback.sip.message import MAX_MESSAGE
from ringback.sip.net.connections import PING, PONG, Limits, Owner

SUBPROTOCOL = "sip"
_HEARTBEAT = 30.0
"""Seconds of silence after which we ping (RFC 7118 §6); a peer that says nothing for half as long again is gone."""
_FAREWELL = 1.0
"""Seconds that the other side may take to say goodbye."""
_GOING_AWAY, _TOO_BIG = 1001, 1009

WebSocket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse
OPTIONS: dict[str, Any] = {
    "protocols": (SUBPROTOCOL,),
    "heartbeat": _HEARTBEAT,
    "max_msg_size": MAX_MESSAGE,
    "autoclose": True,
    "autoping": True,
}
"""What both sides of a WebSocket are made with."""


class WebSocketConnection:
    """One WebSocket, accepted or opened by us. `run` serves it until its end."""

    def __init__(self, owner: Owner, flow: Flow, limits: Limits, socket: WebSocket) -> None:
        """`socket` is connected, and its subprotocol agreed on."""
        self._owner = owner
        self._limits = limits
        self._socket = socket
        self._waiting: deque[bytes] = deque()
        self._unread = 0
        self._news = asyncio.Event()
        self._ended = self._aborted = False
        self._reader: asyncio.Task[None] | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.flow = flow

    async def run(self) -> None:
        """Hand on what comes and send what waits, until either side closes. Raises nothing but a cancellation."""
        if not self._owner.opened(self):
            self._gone()
            return
        try:
            async with asyncio.TaskGroup() as group:
                self._reader = group.create_task(self._read())
                writer = group.create_task(self._write())
                await asyncio.wait([self._reader])
                writer.cancel()
            if not self._aborted:
                with suppress(TimeoutError, ConnectionError):
                    async with asyncio.timeout(_FAREWELL):
                        await self._socket.close(code=_GOING_AWAY)
        finally:
            self._gone()

    def send(self, data: bytes) -> None:
        """Send one message; nothing happens once the connection is gone. A peer that does not read is cut off."""
        if self._ended:
            return
        self._waiting.append(data)
        self._unread += len(data)
        self._news.set()
        if self._unread > self._limits.unread:
            self._owner.refused(self.flow, "a peer that does not read")
            self.abort()

    def close(self) -> None:
        """Close after what is written has left."""
        self._ended = True
        self._news.set()

    def abort(self) -> None:
        """Close at once."""
        self._ended = self._aborted = True
        self._waiting.clear()
        if self._reader is not None:
            self._reader.cancel()

    def _gone(self) -> None:
        self._ended = True
        if not self.closed.done():
            self.closed.set_result(None)
        self._owner.lost(self)

    async def _read(self) -> None:
        """Read until the end."""
        spoken = False
        while not self._ended:
            try:
                async with asyncio.timeout(self._limits.quiet if spoken else self._limits.first):
                    message = await self._socket.receive()
            except TimeoutError:
                self._owner.refused(self.flow, "an idle connection" if spoken else "a connection without a message")
                self._ended = True
                return
            if message.type == aiohttp.WSMsgType.TEXT:
                data = message.data.encode()
            elif message.type == aiohttp.WSMsgType.BINARY:
                data = message.data
            else:
                if isinstance(message.data, aiohttp.WebSocketError) and message.data.code == _TOO_BIG:
                    self._owner.refused(self.flow, f"a message of more than {MAX_MESSAGE} bytes")
                self._ended = True
                return
            spoken = True
            if data == PING:
                self.send(PONG)  # RFC 7118 asks for none; SIP.js wants it
            elif data.strip(b"\r\n"):
                self._owner.receive(data, self.flow)

    async def _write(self) -> None:
        """Send what waits, in its order; after the last word of a closed connection, end."""
        try:
            while True:
                while self._waiting:
                    data = self._waiting.popleft()
                    await self._send(data)
                    self._unread -= len(data)
                if self._ended:
                    break
                self._news.clear()
                await self._news.wait()
        except (ConnectionError, RuntimeError):
            pass  # the reader sees the same end
        if self._reader is not None:
            self._reader.cancel()

    async def _send(self, data: bytes) -> None:
        """Send text, as everybody does; what is no UTF-8 goes as binary (RFC 7118 §5)."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            await self._socket.send_bytes(data)
        else:
            await self._socket.send_str(text)


def refusal_of(headers: Mapping[str, str], origins: Collection[str]) -> str:
    """Tell what keeps the request of a WebSocket from being served; an empty text when nothing does.

    A page of any web site can open a WebSocket to a server on its reader's machine or network, and would call from an
    address that is allowed. So a browser's `Origin` must be a page of this very host, called by address or as
    `localhost` (a name can be made to point anywhere), or be listed in `origins`; `*` lists them all.
    """
    offered = {name.strip().lower() for name in headers.get("Sec-WebSocket-Protocol", "").split(",")}
    if SUBPROTOCOL not in offered:
        return "this is a SIP server: a WebSocket needs the subprotocol `sip` (RFC 7118)"
    origin = headers.get("Origin")
    if origin is None or "*" in origins or origin.lower().rstrip("/") in {o.lower().rstrip("/") for o in origins}:
        return ""
    host = _host_of("//" + headers.get("Host", ""))
    if host and host == _host_of(origin) and _is_address(host):
        return ""
    return f"pages of {origin[:100]} may not connect: sip.ws_origins lists those that may"


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
