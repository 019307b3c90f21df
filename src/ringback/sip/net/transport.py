"""The asyncio shell around an endpoint: sockets, the clock, and nothing to decide.

It feeds what arrives, sends what `poll` gives, arms one timer for the next deadline, and hands events on. Actions on
the endpoint need no further call: the shell is told that there is something to drain.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress

from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Event, Flow, Refusal, Send
from ringback.sip.net.tcp import IDLE_TIMEOUT, TcpConnection
from ringback.sip.net.udp import UdpSocket

logger = logging.getLogger(__name__)

_MAX_WAITING = 64
"""Messages that wait for a TCP connection to one host to open."""
_FREE_PORT_TRIES = 20


class SipTransport:
    """The sockets of one endpoint. Use it within one running loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float] | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
        *,
        max_connections: int = 2_000,
        idle_timeout: float = IDLE_TIMEOUT,
        connect_timeout: float = 5.0,
    ) -> None:
        """`clock` None is that of the running loop; `on_event` must not block and may act on the endpoint."""
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._clock = clock or self._loop.time
        self._on_event = on_event
        self._max_connections = max_connections
        self._idle_timeout = idle_timeout
        self._connect_timeout = connect_timeout
        self._udp: list[UdpSocket] = []
        self._servers: list[asyncio.Server] = []
        self._connections: dict[int, TcpConnection] = {}
        self._opening: dict[Flow, deque[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_connection = 0
        self._timer: asyncio.TimerHandle | None = None
        self._draining = self._scheduled = self._closed = False
        endpoint.on_pending(self._wake)

    async def listen(self, host: str, port: int, udp: bool = True, tcp: bool = True) -> tuple[str, int]:
        """Bind, and return the address with the port that was got where 0 was asked for. Raises OSError."""
        if port == 0 and udp and tcp:
            # A port that is free over TCP may be taken over UDP: then the system is asked for another one.
            for _ in range(_FREE_PORT_TRIES - 1):
                with suppress(OSError):
                    return await self._bind(host, port, udp, tcp)
        return await self._bind(host, port, udp, tcp)

    async def _bind(self, host: str, port: int, udp: bool, tcp: bool) -> tuple[str, int]:
        """Bind all that is asked for, or nothing."""
        with ExitStack() as undo:
            if tcp:
                server = await self._loop.create_server(self._new_connection, host, port)
                undo.callback(server.close)
                port = server.sockets[0].getsockname()[1]
                self._servers.append(server)
                undo.callback(self._servers.remove, server)
            if udp:
                _, protocol = await self._loop.create_datagram_endpoint(
                    lambda: UdpSocket(self._receive), local_addr=(host, port)
                )
                self._udp.append(protocol)
                port = protocol.local[1]
            undo.pop_all()
        return host, port

    async def connect_flow(self, transport: str, host: str, port: int) -> Flow:
        """Return a flow to an IP address: over a bound UDP socket, or a TCP connection, opened if there is none.

        Raises OSError (TimeoutError included) when the connection cannot be opened, ValueError when no UDP socket
        is bound for such an address.
        """
        if transport.upper() == "UDP":
            for sock in self._udp:
                if (":" in sock.local[0]) == (":" in host):
                    return sock.flow_to((host, port))
            raise ValueError(f"no UDP socket is bound that could reach {host}")
        connection = self._connection_to((host, port)) or await self._open(host, port)
        return connection.flow

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
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._endpoint.next_timeout()
        if deadline is not None:
            self._timer = self._loop.call_later(max(0.0, deadline - self._clock()), self._timeout)

    async def close(self) -> None:
        """Close all sockets. Calls are not hung up: do that before."""
        self._closed = True
        self._endpoint.on_pending(None)
        if self._timer is not None:
            self._timer.cancel()
        for server in self._servers:
            server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        connections = list(self._connections.values())
        for connection in connections:
            connection.close()
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=1.0)
        for connection in connections:
            connection.abort()
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
        self._endpoint.receive(data, flow, self._clock())
        self.drain()

    def _tell(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:
            # One call's handler must not stop the sending for all others.
            logger.exception("the handler of a SIP event failed")

    def _refused(self, flow: Flow, reason: str) -> None:
        self._tell(Refusal(flow, reason))

    def _send(self, item: Send) -> None:
        flow = item.flow
        if flow.transport == "UDP":
            for sock in self._udp:
                if sock.local[1] == flow.local[1] and sock.local[0] in (flow.local[0], "0.0.0.0", "::"):
                    sock.send(item.data, flow.remote)
                    return
            return
        connection = self._connections.get(flow.connection) if flow.connection else self._connection_to(flow.remote)
        if connection is not None:
            connection.send(item.data)
        elif not flow.connection:
            self._send_when_open(item)

    def _send_when_open(self, item: Send) -> None:
        waiting = self._opening.get(item.flow)
        if waiting is None:
            self._opening[item.flow] = deque([item.data], _MAX_WAITING)
            task = self._loop.create_task(self._open_and_send(item.flow))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            waiting.append(item.data)

    async def _open_and_send(self, flow: Flow) -> None:
        try:
            connection = await self._open(*flow.remote)
        except OSError:
            self._opening.pop(flow, None)
            self._endpoint.connection_lost(flow, self._clock())
            self.drain()
            return
        for data in self._opening.pop(flow, ()):
            connection.send(data)

    def _connection_to(self, remote: tuple[str, int]) -> TcpConnection | None:
        return next((c for c in self._connections.values() if c.flow.remote == remote), None)

    async def _open(self, host: str, port: int) -> TcpConnection:
        async with asyncio.timeout(self._connect_timeout):
            _, connection = await self._loop.create_connection(self._new_connection, host, port)
        if connection.flow.connection not in self._connections:
            raise ConnectionAbortedError("too many connections, or closed at once")
        return connection

    def _new_connection(self) -> TcpConnection:
        self._last_connection += 1
        return TcpConnection(
            self._last_connection, self._connected, self._receive, self._disconnected, self._refused, self._idle_timeout
        )

    def _connected(self, connection: TcpConnection) -> bool:
        if len(self._connections) >= self._max_connections or self._closed:
            return False
        self._connections[connection.flow.connection] = connection
        return True

    def _disconnected(self, connection: TcpConnection) -> None:
        if self._connections.pop(connection.flow.connection, None) is not None and not self._closed:
            self._endpoint.connection_lost(connection.flow, self._clock())
            self.drain()
