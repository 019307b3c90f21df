"""The front door of the HTTP server: the REST API, its description, and what others put behind other paths."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ringback.rest.application import RestApplication

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]


class Front:
    """An ASGI application that leads each request to the one that its path belongs to."""

    def __init__(self, rest: RestApplication) -> None:
        self._rest = rest
        self._mounted: list[tuple[str, AsgiApplication]] = []

    def mount(self, prefix: str, application: AsgiApplication) -> None:
        """Let an application answer what begins with a prefix. The longest prefix counts; `/` takes the rest."""
        self._mounted.append((prefix, application))
        self._mounted.sort(key=lambda one: -len(one[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one WebSocket."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(("/2010-04-01/", "/2008-08-01/")):
            await self._rest(scope, receive, send)
            return
        for prefix, application in self._mounted:
            if path == prefix or path.startswith((prefix.rstrip("/") + "/", prefix + ".")):
                await application(scope, receive, send)
                return
        if scope["type"] == "http":
            await self._rest(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
