"""A web application that a test writes: pages of TwiML, files of sound, and the requests that came."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from aiohttp import web

Page = str | Callable[[Mapping[str, str]], str]
"""What stands inside `<Response>`, or a function that makes it from the form of the request."""


@dataclass(frozen=True)
class Request:
    """A request that came: its method, its path, the fields of its form or query, and its headers."""

    method: str
    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]


class Application:
    """The application: set `pages` and `files`, look at `requests`."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.files: dict[str, bytes] = {}
        """WAV files by path."""
        self.requests: list[Request] = []
        self.port = 0
        self._news = asyncio.Condition()
        server = web.Application()
        server.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(server, access_log=None)

    @classmethod
    async def start(cls) -> Self:
        """Serve on a free port of 127.0.0.1."""
        application = cls()
        await application._runner.setup()
        await web.TCPSite(application._runner, "127.0.0.1", 0).start()
        application.port = application._runner.addresses[0][1]
        return application

    async def stop(self) -> None:
        """Serve no more."""
        await self._runner.cleanup()

    def url(self, path: str = "/") -> str:
        """Return where a page is."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def until(self, path: str, timeout: float = 10) -> Request:
        """Return the first request for a path, waiting for it."""

        def found() -> Request | None:
            return next((request for request in self.requests if request.path == path), None)

        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(lambda: found() is not None), timeout)
            except TimeoutError:
                came = " ".join(request.path for request in self.requests) or "none"
                raise AssertionError(f"no request for {path} in {timeout} s; those that came: {came}") from None
        request = found()
        assert request is not None
        return request

    async def _serve(self, request: web.Request) -> web.Response:
        fields = {name: str(value) for name, value in {**request.query, **await request.post()}.items()}
        seen = Request(request.method, request.path, fields, dict(request.headers))
        async with self._news:
            self.requests.append(seen)
            self._news.notify_all()
        if request.path in self.files:
            return web.Response(body=self.files[request.path], content_type="audio/x-wav")
        if request.path not in self.pages:
            return web.Response(status=404, text=f"no page {request.path}")
        page = self.pages[request.path]
        body = page if isinstance(page, str) else page(fields)
        return web.Response(text=f"<Response>{body}</Response>", content_type="text/xml")
