"""The asyncio shell around an endpoint: sockets, the clock, and nothing to decide.

It feeds what arrives, sends what `poll` gives, arms one timer for the next deadline, and hands events on. Actions on
the endpoint need no further call: the shell is told that there is something to drain.
"""

import asyncio
import ipaddress
import logging
import socket
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack

from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Event, Flow, Refusal, Send
from ringback.sip.net.connections import PING, Connections, Limits
from ringback.sip.net.listening import Listen, Listener, bound_socket
from ringback.sip.net.opening import Opener
from ringback.sip.net.tls import Tls, TlsError, TlsSettings
from ringback.sip.net.udp import UdpSocket, local_host_towards
from ringback.tasks import TaskOwner

__all__ = ["Limits", "Listen", "SipTransport", "TlsError", "TlsSettings"]

logger = logging.getLogger(__name__)

TRANSPORTS = ("UDP", "TCP", "TLS", "WS", "WSS")
DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061, "WS": 80, "WSS": 443}
_MAX_WAITING = 64
"""Messages that wait for a connection to one host to open."""
_FREE_PORT_TRIES = 20
_FAREWELL = 1.0
"""Seconds that the last words may take when all is closed."""


class SipTransport:
    """The sockets of one endpoint. Use it within one running loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float] | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
        *,
        limits: Limits | None = None,
        tls: TlsSettings | None = None,
        admits: Callable[[str], bool] = lambda address: True,
        origins: Collection[str] = (),
    ) -> None:
        """`clock` None is that of the running loop; `on_event` must not block and may act on the endpoint.

        `tls` is needed to listen for TLS and WSS, and to connect to servers of other authorities than the system's.
        `admits` tells whether an address may connect at all; `origins` are the web sites whose pages may open a
        WebSocket, beside those of this host. Raises TlsError when a certificate cannot be used.
        """
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._clock = clock or self._loop.time
        self._on_event = on_event
        self._limits = limits or Limits()
        self._tls = Tls(tls, self._loop.time)
        self._admits, self._origins = admits, origins
        self._udp: list[UdpSocket] = []
        self._udp_of: dict[tuple[str, int], UdpSocket] = {}
        self._listeners: list[Listener] = []
        self._connections = Connections(self._receive, self._lost, self._refused, self._limits)
        self._opening: dict[Flow, deque[bytes]] = {}
        self._tasks = TaskOwner()
        self._opener = Opener(self._connections, self._limits, self._tls, self._tasks)
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0.0
        self._draining = self._scheduled = self._closed = False
        endpoint.on_pending(self._wake)

    # -- listening ------------------------------------------------------------------------------------------------

    async def listen(self, host: str, port: int, udp: bool = True, tcp: bool = True) -> tuple[str, int]:
        """Listen at one address on UDP, TCP or both; returns it with the port that was got. Raises OSError."""
        wanted = [Listen(name, host, port) for name, on in (("TCP", tcp), ("UDP", udp)) if on]
        bound = await self.listen_on(wanted)
        return host, bound[0].port

    async def listen_on(self, wanted: Iterable[Listen]) -> list[Listen]:
        """Listen on all of these or none, and return them with the ports that were got where 0 was asked for.

        Port 0 is one and the same port for UDP and TCP of a host. Raises OSError, with `filename` telling which one
        cannot be had, and TlsError where TLS is asked for without a certificate.
        """
        wanted = list(wanted)
        if any(where.transport in ("TLS", "WSS") for where in wanted):
            self._tls.server()
        tries = _FREE_PORT_TRIES if any(where.port == 0 for where in wanted) else 1
        for last in range(tries - 1, -1, -1):
            # A port that is free over TCP may be taken over UDP: then the system is asked for another one.
            try:
                return await self._listen_on(wanted)
            except OSError:
                if not last:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _listen_on(self, wanted: list[Listen]) -> list[Listen]:
        got: dict[str, int] = {}
        bound: list[tuple[Listen, socket.socket]] = []
        with ExitStack() as undo:
            for where in wanted:
                pair = where.transport in ("UDP", "TCP") and where.port == 0
                kind = socket.SOCK_DGRAM if where.transport == "UDP" else socket.SOCK_STREAM
                try:
                    sock = bound_socket(kind, where.host, got.get(where.host, 0) if pair else where.port)
                except OSError as error:
                    error.filename = f"{where.transport} {where.host} port {where.port}"
                    raise
                undo.callback(sock.close)
                port = sock.getsockname()[1]
                if pair:
                    got[where.host] = port
                bound.append((Listen(where.transport, where.host, port), sock))
            for where, sock in bound:
                if where.transport == "UDP":
                    _, protocol = await self._loop.create_datagram_endpoint(lambda: UdpSocket(self._receive), sock=sock)
                    self._udp.append(protocol)
                else:
                    listener = Listener(
                        where, sock, self._connections, self._limits,
                        tls=self._tls, admits=self._admits, origins=self._origins,
                    )  # fmt: skip
                    self._listeners.append(listener)
                    self._tasks.start(listener.run(), "a listener")
            undo.pop_all()
        return [where for where, _ in bound]

    @property
    def listening(self) -> list[Listen]:
        """Where others reach us."""
        return [Listen("UDP", *sock.local) for sock in self._udp] + [listener.where for listener in self._listeners]

    # -- flows ----------------------------------------------------------------------------------------------------

    def flow_to(self, transport: str, host: str, port: int, tls_name: str = "") -> Flow:
        """Return a flow to an IP address: over a bound UDP socket, or a connection that stands or will be opened.

        `tls_name` is whom the certificate of the other side must name over TLS and WSS; empty is the address itself.
        Raises ValueError when no UDP socket is bound for such an address, or it is none.
        """
        transport, host = transport.upper(), str(ipaddress.ip_address(host))
        if transport == "UDP":
            for sock in self._udp:
                if (":" in sock.local[0]) == (":" in host):
                    return sock.flow_to((host, port))
            raise ValueError(f"no UDP socket is bound that could reach {host}")
        if transport not in TRANSPORTS:
            raise ValueError(f"{transport} is no transport of SIP")
        name = tls_name.rstrip(".").lower() if transport in ("TLS", "WSS") and tls_name != host else ""
        flow = Flow(transport, ("", 0), (host, port), 0, name)
        connection = self._connections.find(flow)
        if connection is not None:
            return connection.flow
        return Flow(transport, (local_host_towards(host), self._port_of(transport, host)), (host, port), 0, name)

    async def connect_flow(self, transport: str, host: str, port: int, tls_name: str = "") -> Flow:
        """Return such a flow whose connection stands.

        Raises OSError (TimeoutError and ssl.SSLError included) when the connection cannot be opened, and ValueError as
        `flow_to` does.
        """
        flow = self.flow_to(transport, host, port, tls_name)
        if flow.transport == "UDP" or flow.connection:
            return flow
        return (await self._opener.open(flow)).flow

    def ping(self, flow: Flow) -> None:
        """Send a keep-alive (RFC 5626 §3.5.1), which also keeps the way through a NAT open; answers are swallowed."""
        self._send(Send(PING, flow))

    def stands(self, flow: Flow) -> bool:
        """Tell whether a flow can be used without opening anything."""
        return flow.transport == "UDP" or self._connections.find(flow) is not None

    def _port_of(self, transport: str, host: str) -> int:
        """Return the port that peers reach us at over a transport; 0 where we do not listen on it."""
        for listener in self._listeners:
            where = listener.where
            if where.transport == transport and (":" in where.host) == (":" in host):
                return where.port
        return 0

    # -- the run loop ---------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Send, tell, and set the timer. Called by itself; calling it again does no harm."""
        if self._draining or self._closed:
            return
        self._draining = True
        try:
            while (item := self._endpoint.poll()) is not None:
                if isinstance(item, Send):
                    self._send(item)
                else:
                    self._tell(item)
        finally:
            self._draining = False
        deadline = self._endpoint.next_timeout()
        # A timer that is too early finds nothing to do and is set again: cheaper than to move it with each message.
        if deadline is not None and (self._timer is None or self._armed > deadline):
            if self._timer is not None:
                self._timer.cancel()
            self._armed = deadline
            self._timer = self._loop.call_later(max(0.0, deadline - self._clock()), self._timeout)

    async def close(self) -> None:
        """Close all sockets. Calls are not hung up: do that before."""
        self._closed = self._connections.closing = True
        self._endpoint.on_pending(None)
        if self._timer is not None:
            self._timer.cancel()
        for listener in self._listeners:
            listener.stop()
        connections = self._connections.all()
        for connection in connections:
            connection.close()
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=_FAREWELL)
        for connection in self._connections.all():
            connection.abort()
        await self._tasks.close()
        for sock in self._udp:
            await sock.close()

    def _wake(self) -> None:
        if not self._draining and not self._scheduled and not self._closed:
            self._scheduled = True
            self._loop.call_soon(self._woken)

    def _woken(self) -> None:
        self._scheduled = False
        self.drain()

    def _timeout(self) -> None:
        self._timer = None
        self._endpoint.handle_timeout(self._clock())
        self.drain()

    def _receive(self, data: bytes, flow: Flow) -> None:
        if self._closed:
            return
        self._draining = True  # what the endpoint has to say is said below
        try:
            self._endpoint.receive(data, flow, self._clock())
        except Exception:
            # Whatever a stranger's bytes bring to light, the calls of all others go on.
            logger.exception("a SIP message from %s could not be handled", flow.remote[0])
        finally:
            self._draining = False
        self.drain()

    def _tell(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:
            # One call's handler must not stop the sending for all others.
            logger.exception("the handler of a SIP event failed")

    def _refused(self, flow: Flow, reason: str) -> None:
        self._tell(Refusal(flow, reason))

    def _lost(self, flow: Flow) -> None:
        self._endpoint.connection_lost(flow, self._clock())
        self.drain()

    def _send(self, item: Send) -> None:
        flow = item.flow
        if flow.transport == "UDP":
            sock = self._udp_of.get(flow.local) or self._find_udp(flow)
            if sock is not None:
                sock.send(item.data, flow.remote)
            return
        connection = self._connections.find(flow)
        if connection is not None:
            connection.send(item.data)
        elif not flow.connection:
            self._send_when_open(item)

    def _find_udp(self, flow: Flow) -> UdpSocket | None:
        for sock in self._udp:
            host, port = sock.local
            same_family = (":" in host) == (":" in flow.remote[0])
            if port == flow.local[1] and same_family and host in (flow.local[0], "0.0.0.0", "::"):
                if len(self._udp_of) < _MAX_WAITING:
                    self._udp_of[flow.local] = sock
                return sock
        return None

    def _send_when_open(self, item: Send) -> None:
        waiting = self._opening.get(item.flow)
        if waiting is None:
            self._opening[item.flow] = deque([item.data], _MAX_WAITING)
            self._tasks.start(self._open_and_send(item.flow), "a connection to a peer")
        else:
            waiting.append(item.data)

    async def _open_and_send(self, flow: Flow) -> None:
        try:
            connection = await self._opener.open(flow)
        except OSError as error:
            self._opening.pop(flow, None)
            logger.warning("no %s connection to %s port %d: %s", flow.transport, *flow.remote, error)
            self._lost(flow)
            return
        self._connections.find(flow)  # from now on it serves that flow
        for data in self._opening.pop(flow, ()):
            connection.send(data)
