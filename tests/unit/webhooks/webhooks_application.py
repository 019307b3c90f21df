"""A real application on loopback, and a client for it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from ringback.webhooks.client import WebhookClient, WebhookSettings

AUTH_TOKEN = "12345"
TLS = Path(__file__).parent / "tls"


@dataclass(frozen=True)
class Seen:
    """A request as the application got it."""

    method: str
    url: str
    target: str
    headers: dict[str, str]
    form: list[tuple[str, str]]


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Application:
    """An application under test; a path without an answer of its own gets an empty document."""

    base: str = ""
    seen: list[Seen] = field(default_factory=list)
    answers: dict[str, list[Answer | web.Response]] = field(default_factory=dict)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def on(self, path: str, *answers: Answer | web.Response) -> str:
        """Answer a path so, one after the other and the last one for ever; return its URL."""
        self.answers[path] = list(answers)
        return self.base + path

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = [(name, str(value)) for name, value in (await request.post()).items()]
        headers = dict(request.headers.items())
        self.seen.append(Seen(request.method, str(request.url), request.raw_path, headers, form))
        self.asked.set()
        answers = self.answers.get(request.path)
        if not answers:
            return document("<Response/>")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        return await answer(request)


def document(text: str, **headers: str) -> web.Response:
    """A TwiML document."""
    return web.Response(body=text.encode(), headers={"Content-Type": "text/xml"} | headers)


def redirect(status: int, location: str) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


async def serve(stack: AsyncExitStack, application: Application, **site: Any) -> Application:
    """Serve an application on a free port of 127.0.0.1."""
    runner = web.AppRunner(catch_all(application), access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0, **site).start()
    application.base = f"{'https' if site else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    return application


def catch_all(application: Application) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", application.handle)
    return app


Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Speaker = Callable[[bytes | Raw], Awaitable[str]]
"""Starts a server that reads one request, then says the given bytes and closes, or does as it likes; gives its URL."""


def make_client(**settings: Any) -> WebhookClient:
    """A client with short times: everything is on this machine."""
    quick: dict[str, Any] = {"connect_timeout": 2.0, "read_timeout": 2.0, "total_timeout": 5.0}
    return WebhookClient(WebhookSettings(**quick | settings))


class FakeReply:
    """An answer whose body comes in the given pieces; a piece that is an exception is raised."""

    kept: Any = None

    def __init__(self, *pieces: bytes | Exception, status: int = 200, **headers: str) -> None:
        self.status = status
        self.headers = CIMultiDictProxy(CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}))
        self.pieces = list(pieces)

    async def read(self) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece


class Notes:
    """A timeline that keeps what is noted."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, kind: str, /, **data: Any) -> None:
        self.events.append((kind, data))
