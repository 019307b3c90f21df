"""The web in memory does to requests what the real one does: each test runs on both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from web_in_memory import NEVER, Page, WebInMemory

from ringback.webhooks.exchange import Exchange, HttpExchange, Request
from ringback.webhooks.failures import FetchError
from ringback.webhooks.settings import WebhookSettings

PAGES = {
    "/": Page("<Response/>"),
    "/set": Page("x", "text/plain; charset=utf-8", 201, {"Set-Cookie": "a=b", "X-Odd": "yes"}),
    "/empty": Page(b"", "audio/wav"),
    "/never": Page(seconds=NEVER),
}


class Both:
    """An exchange and where its pages are."""

    def __init__(self, exchange: Exchange, base: str, asked: list[tuple[str, str, dict[str, str]]]) -> None:
        self.exchange, self.base, self.asked = exchange, base, asked

    async def ask(self, path: str, method: str = "GET", body: bytes | None = None, **times: float) -> Any:
        timeouts = {"connect_timeout": 2.0, "read_timeout": 2.0} | times
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        async with self.exchange(Request(method, self.base + path, headers, body, **timeouts)) as reply:
            return reply.status, reply.headers, await reply.read(), await reply.read()


@pytest.fixture(params=["memory", "network"])
async def both(request: pytest.FixtureRequest) -> AsyncIterator[Both]:
    asked: list[tuple[str, str, dict[str, str]]] = []
    if request.param == "memory":
        memory = WebInMemory()
        for path, page in PAGES.items():

            def serve(one: Any, page: Page = page) -> Page:
                asked.append((one.method, one.url.removeprefix("http://web").partition("?")[0], dict(one.fields)))
                return page

            memory.pages[f"http://web{path}"] = serve
        yield Both(memory, "http://web", asked)
        await memory.close()
        assert (memory.closed, memory.open) == (True, 0)
        return

    async def answer(request: web.Request) -> web.Response:
        fields = {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}
        asked.append((request.method, request.path, fields))
        page = PAGES.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        if page.seconds == NEVER:
            await asyncio.sleep(1)
        body = page.body.encode() if isinstance(page.body, str) else page.body
        return web.Response(
            status=page.status, body=body, headers={"Content-Type": page.content_type} | dict(page.headers)
        )

    async with AsyncExitStack() as stack:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        exchange = HttpExchange(WebhookSettings())
        stack.push_async_callback(exchange.close)
        yield Both(exchange, "http://{}:{}".format(*runner.addresses[0]), asked)


async def test_a_page_is_read_to_its_end(both: Both) -> None:
    status, headers, body, rest = await both.ask("/")
    assert (status, headers["Content-Type"], headers["content-length"]) == (200, "text/xml", "11")
    assert (body, rest) == (b"<Response/>", b"")
    assert both.asked == [("GET", "/", {})]


async def test_fields_come_in_the_query_or_the_form(both: Both) -> None:
    await both.ask("/?a=1&b=x+%2B&c=")
    await both.ask("/", "POST", b"a=1&b=x+%2B&c=")
    fields = {"a": "1", "b": "x +", "c": ""}
    assert both.asked == [("GET", "/", fields), ("POST", "/", fields)]


async def test_headers_and_status_are_those_of_the_page(both: Both) -> None:
    status, headers, body, _ = await both.ask("/set")
    assert (status, headers.getall("Set-Cookie"), headers["X-Odd"], body) == (201, ["a=b"], "yes", b"x")


async def test_an_empty_page_has_no_bytes(both: Both) -> None:
    assert (await both.ask("/empty"))[2:] == (b"", b"")


async def test_what_is_not_there_is_404(both: Both) -> None:
    assert (await both.ask("/nowhere"))[0] == 404


async def test_a_page_that_does_not_come_is_given_up(both: Both) -> None:
    with pytest.raises(FetchError, match="nothing came for 0.05 s") as raised:
        await both.ask("/never", read_timeout=0.05)
    assert (raised.value.code, raised.value.kind) == (11200, "rt")


async def test_a_host_that_is_not_there_cannot_be_connected_to(both: Both) -> None:
    both.base = "http://127.0.0.1:9"
    with pytest.raises(FetchError, match="no connection to 127.0.0.1:9: Connection refused") as raised:
        await both.ask("/")
    assert (raised.value.code, raised.value.kind) == (11205, "ct")
