"""Sockets that others connect to: TCP and TLS, WebSockets in the clear and over TLS, with room for so many."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ringback.sip.events import Flow
from ringback.sip.net.connections import Connections, Limits
from ringback.sip.net.stream import StreamConnection
from ringback.sip.net.tls import Tls, TlsError
from ringback.sip.net.websocket import OPTIONS, WebSocketConnection, refusal_of

logger = logging.getLogger(__name__)

_BACKLOG = 512
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE = 0.5
"""Seconds to wait when the system has no file left for one more connection."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen: `transport` is UDP, TCP, TLS, WS or WSS; `host` an IP address, `::` every one of IPv6."""

    transport: str
    host: str
    port: int


def bound_socket(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    """Return a socket at an address, for its family alone. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Else its callers of IPv4 would come with addresses that no list of allowed ones has.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


class Listener:
    """One listening socket. `run` accepts until it is cancelled, and serves each connection to its end."""

    def __init__(
        self,
        where: Listen,
        sock: socket.socket,
        connections: Connections,
        limits: Limits,
        *,
        tls: Tls,
        admits: Callable[[str], bool],
        origins: Collection[str] = (),
    ) -> None:
        """`sock` is bound. `admits` tells whether an address may connect at all; `origins` are those of web pages."""
        sock.listen(_BACKLOG)
        self.where = where
        self._sock = sock
        self._connections, self._limits, self._tls = connections, limits, tls
        self._admits, self._origins = admits, origins
        self._loop = asyncio.get_running_loop()
        self._upgrading: dict[tuple[str, int], asyncio.Future[None]] = {}
        self._upgraded: set[tuple[str, int]] = set()
        self._accepting: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Accept until `stop`, and serve each connection to its end."""
        web_server = web.Server(self._handle, access_log=None, logger=_quiet, lingering_time=0.0)
        try:
            async with asyncio.TaskGroup() as group:
                self._accepting = group.create_task(self._accept_all(group, web_server))
        finally:
            self._sock.close()
            await web_server.shutdown(0)

    def stop(self) -> None:
        """Accept no more."""
        if self._accepting is not None:
            self._accepting.cancel()
        self._sock.close()

    async def _accept_all(self, group: asyncio.TaskGroup, web_server: web.Server) -> None:
        while True:
            try:
                sock, remote = await self._loop.sock_accept(self._sock)
            except OSError as error:
                if error.errno in _OUT_OF_FILES:
                    logger.error("no SIP connection can be accepted: %s", error.strerror)
                await asyncio.sleep(_PAUSE if error.errno in _OUT_OF_FILES else 0)
                continue
            if self._enters(sock, remote):
                group.create_task(self._serve(sock, remote[:2], web_server))

    def _enters(self, sock: socket.socket, remote: tuple[str, int]) -> bool:
        reason = "" if self._admits(remote[0]) else "a blocked address"
        reason = reason or self._connections.enter(remote[0])
        if reason:
            sock.close()
            where = self.where
            self._connections.refused(Flow(where.transport, (where.host, where.port), remote[:2]), reason)
        return not reason

    async def _serve(self, sock: socket.socket, remote: tuple[str, int], web_server: web.Server) -> None:
        try:
            if self.where.transport in ("WS", "WSS"):
                await self._serve_web(sock, remote, web_server)
            else:
                await self._serve_stream(sock)
        except OSError as error:
            # A handshake that failed (ssl.SSLError is an OSError): scanners do it all the time.
            flow = Flow(self.where.transport, (self.where.host, self.where.port), remote)
            self._connections.refused(flow, f"no handshake: {_why(error)}")
        except TlsError as error:
            sock.close()
            logger.error("no SIP connection can be accepted: %s", error)
        except Exception:
            # The fault of one connection must not end the listener, and with it all the others.
            sock.close()
            logger.exception("a SIP connection from %s failed", remote[0])
        finally:
            self._connections.leave(remote[0])

    async def _serve_stream(self, sock: socket.socket) -> None:
        kind, port = self.where.transport, self.where.port
        connection = StreamConnection(
            self._connections, self._connections.number(), kind, self._limits, accepted=True, port=port
        )
        # Not what is returned beside the transport: with TLS that is uvloop's own protocol.
        await self._accept(lambda: connection, sock)
        await connection.closed

    async def _accept(self, make: Callable[[], asyncio.Protocol], sock: socket.socket) -> asyncio.Transport:
        options: dict[str, Any] = {}
        if self.where.transport in ("TLS", "WSS"):
            options = {"ssl": self._tls.server(), "ssl_handshake_timeout": self._limits.handshake}
        return (await self._loop.connect_accepted_socket(make, sock, **options))[0]

    async def _serve_web(self, sock: socket.socket, remote: tuple[str, int], web_server: web.Server) -> None:
        """Serve one HTTP connection: it becomes a WebSocket in time, or is closed."""
        over = self._upgrading[remote] = self._loop.create_future()
        try:
            transport = await self._accept(web_server, sock)
            await asyncio.wait([over], timeout=self._limits.handshake)
            if remote in self._upgraded:
                await over
                transport.abort()
            elif over.done():
                transport.close()  # the refusal is still to leave
            else:
                transport.abort()
        finally:
            self._upgrading.pop(remote, None)
            self._upgraded.discard(remote)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        remote = (request.get_extra_info("peername") or ("", 0))[:2]
        local = (request.get_extra_info("sockname") or ("", 0))[0], self.where.port
        over = self._upgrading.get(remote)
        if over is None:
            raise web.HTTPBadRequest  # gone before we looked
        try:
            reason = refusal_of(request.headers, self._origins)
            flow = Flow(self.where.transport, local, remote, self._connections.number())
            socket_ = web.WebSocketResponse(**OPTIONS, compress=False)
            if reason or not socket_.can_prepare(request).ok:
                self._connections.refused(flow, reason or "no WebSocket")
                answer = web.Response(status=400, text=(reason or "only WebSockets are served here") + "\n")
                answer.force_close()
                await answer.prepare(request)
                await answer.write_eof()
                return answer
            await socket_.prepare(request)
            self._upgraded.add(remote)
            await WebSocketConnection(self._connections, flow, self._limits, socket_).run()
            return socket_
        finally:
            if not over.done():
                over.set_result(None)


def _why(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else str(error) or "it was broken off"


_quiet = logging.getLogger(f"{__name__}.http")
_quiet.setLevel(logging.CRITICAL)
