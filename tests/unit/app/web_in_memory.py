"""The web without a network: pages by URL, in virtual time. test_web_in_memory.py shows that it is true to the real."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from multidict import CIMultiDict, CIMultiDictProxy

from ringback.webhooks.exchange import Reply, Request
from ringback.webhooks.failures import CONNECTION, FetchError, classify

NEVER = float("inf")


@dataclass(frozen=True)
class Page:
    """An answer: a document unless it says otherwise, after so many seconds."""

    body: str | bytes = ""
    content_type: str = "text/xml"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Asked:
    """A request that came: its fields are those of its form, or of its query."""

    at: float
    method: str
    url: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]


Source = str | Page | Callable[[Asked], "str | Page"]


class WebInMemory:
    """A `ringback.webhooks.exchange.Exchange`: `pages` by URL without query. What is not there is a 404; a host that
    has no page at all cannot be connected to.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Source] = {}
        self.asked: list[Asked] = []
        self.open = 0
        """Requests that are being carried out."""
        self.closed = False

    def __call__(self, request: Request) -> AbstractAsyncContextManager[Reply]:
        return self._exchange(request)

    @asynccontextmanager
    async def _exchange(self, request: Request) -> AsyncIterator[Reply]:
        self.open += 1
        try:
            page = self._page(request)
            if page.seconds > request.read_timeout:
                await asyncio.sleep(request.read_timeout)
                raise classify(TimeoutError(), request.url, request.connect_timeout, request.read_timeout)
            await asyncio.sleep(page.seconds)
            yield _Reply(page)
        finally:
            self.open -= 1

    def _page(self, request: Request) -> Page:
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if not any(url.startswith(f"{origin}/") for url in self.pages):
            raise FetchError(CONNECTION, f"no connection to {parts.netloc}: Connection refused", request.url, "ct")
        encoded = parts.query if request.body is None else request.body.decode("ascii")
        fields = dict(parse_qsl(encoded, keep_blank_values=True))
        now = asyncio.get_running_loop().time()
        asked = Asked(now, request.method, request.url, fields, dict(request.headers))
        self.asked.append(asked)
        found = self.pages.get(f"{origin}{parts.path}", Page("not found", "text/plain", 404))
        page = found(asked) if callable(found) else found
        return Page(page) if isinstance(page, str) else page

    async def close(self) -> None:
        """Nothing is open."""
        self.closed = True


class _Reply:
    kept = None

    def __init__(self, page: Page) -> None:
        body = page.body.encode() if isinstance(page.body, str) else page.body
        self.status = page.status
        # A server says both of itself.
        told = {"Content-Type": page.content_type, "Content-Length": str(len(body))} | dict(page.headers)
        self.headers = CIMultiDictProxy(CIMultiDict(told))
        self._pieces = [body] if body else []

    async def read(self) -> bytes:
        return self._pieces.pop() if self._pieces else b""
