"""Connections that we open: TCP and TLS, WebSockets in the clear and over TLS."""

import asyncio

import aiohttp

from ringback.sip.events import Flow
from ringback.sip.fields import host_text
from ringback.sip.net.connections import Connection, Connections, Limits
from ringback.sip.net.stream import StreamConnection
from ringback.sip.net.tls import Tls, TlsError
from ringback.sip.net.websocket import OPTIONS, SUBPROTOCOL, WebSocketConnection
from ringback.tasks import TaskOwner


class Opener:
    """Opens connections, each for one owner."""

    def __init__(self, connections: Connections, limits: Limits, tls: Tls, tasks: TaskOwner) -> None:
        """`tasks` runs what a connection needs as long as it stands."""
        self._connections, self._limits, self._tls, self._tasks = connections, limits, tls, tasks

    async def open(self, flow: Flow) -> Connection:
        """Return a new connection to the remote address of a flow; the flow's name must be in its certificate.

        Raises OSError, with words for people where the certificate is what stands in the way.
        """
        if len(self._connections) >= 2 * self._limits.connections:
            raise ConnectionAbortedError("too many connections")
        try:
            async with asyncio.timeout(self._limits.connect):
                if flow.transport in ("WS", "WSS"):
                    connection = await self._open_web(flow)
                else:
                    connection = await self._open_stream(flow)
        except TlsError as error:
            raise ConnectionError(str(error)) from error
        except TimeoutError as error:
            raise TimeoutError(f"no connection within {self._limits.connect:g} s") from error
        if self._connections.find(connection.flow) is not connection:
            raise ConnectionAbortedError("the connection was closed at once")
        return connection

    async def _open_stream(self, flow: Flow) -> Connection:
        (host, port), number = flow.remote, self._connections.number()

        def make() -> StreamConnection:
            return StreamConnection(
                self._connections, number, flow.transport, self._limits,
                accepted=False, name=flow.name, port=flow.local[1],
            )  # fmt: skip

        loop = asyncio.get_running_loop()
        if flow.transport == "TLS":
            _, connection = await loop.create_connection(
                make, host, port, ssl=self._tls.client(), server_hostname=flow.name or host
            )
        else:
            _, connection = await loop.create_connection(make, host, port)
        return connection

    async def _open_web(self, flow: Flow) -> Connection:
        secure = flow.transport == "WSS"
        scheme = "https" if secure else "http"
        session = aiohttp.ClientSession(auto_decompress=False)
        try:
            socket = await session.ws_connect(
                f"{scheme}://{host_text(flow.remote[0])}:{flow.remote[1]}/",
                ssl=self._tls.client() if secure else True,
                server_hostname=(flow.name or flow.remote[0]) if secure else None,
                **OPTIONS,
            )
            if socket.protocol != SUBPROTOCOL:
                await socket.close()
                raise ConnectionRefusedError("a WebSocket server that does not speak SIP")
        except BaseException as error:
            await session.close()
            if isinstance(error, aiohttp.ClientError) and not isinstance(error, OSError):
                raise ConnectionRefusedError(str(error)) from error
            raise
        local = socket.get_extra_info("sockname") or flow.local
        stands = Flow(
            flow.transport, (local[0], flow.local[1] or local[1]), flow.remote, self._connections.number(), flow.name
        )
        connection = WebSocketConnection(self._connections, stands, self._limits, socket)
        self._tasks.start(self._serve(connection, session), "a connection that was opened")
        await asyncio.sleep(0)  # its first step enters it into the list
        return connection

    async def _serve(self, connection: WebSocketConnection, session: aiohttp.ClientSession) -> None:
        try:
            await connection.run()
        finally:
            await session.close()
