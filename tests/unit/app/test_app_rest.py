"""The HTTP server: its port, its addresses, its beginning and its end."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ringback.app.rest import HttpError, HttpServer, build_front, rest_settings
from ringback.app.settings import HttpSettings
from ringback.rest.services import Services


@contextmanager
def made(**settings: Any) -> Iterator[HttpServer]:
    """A server that has its port and was never started."""
    server = HttpServer(HttpSettings.model_validate({"port": 0, **settings}))
    try:
        yield server
    finally:
        asyncio.run(server.close())


class Gate:
    """An application that answers when it may."""

    def __init__(self) -> None:
        self.asked, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.set()
        await self.open.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def get(address: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /x HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
    try:
        return await reader.read()
    finally:
        writer.close()


def test_where_it_is_reached() -> None:
    with made() as server:
        host, port = server.address
        assert (host, server.url) == ("127.0.0.1", f"http://127.0.0.1:{port}")
    with made(host="0.0.0.0") as server:
        assert server.url == f"http://127.0.0.1:{server.address[1]}"
    with made(host="::") as server:
        assert server.url == f"http://[::1]:{server.address[1]}"
    with made(public_url="https://calls.example.com/") as server:
        assert server.url == "https://calls.example.com"


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(HttpError, match=rf"port {port}: Address already in use.*RINGBACK_HTTP__PORT"):
            HttpServer(HttpSettings(port=port))
    with pytest.raises(HttpError, match="cannot listen for HTTP on 192.0.2.1 port 8080: Cannot assign"):
        HttpServer(HttpSettings(host="192.0.2.1"))


async def test_a_request_that_goes_on_is_answered_before_the_server_goes_down() -> None:
    server, gate = HttpServer(HttpSettings(port=0)), Gate()
    address = server.address
    await server.start(gate)
    async with asyncio.TaskGroup() as group:
        answer = group.create_task(get(address))
        await gate.asked.wait()
        group.create_task(server.close())
        gate.open.set()
    assert answer.result().startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"server:" not in answer.result().lower()  # nobody needs to know what it runs on
    with pytest.raises(ConnectionRefusedError):
        await get(address)


def test_the_settings_of_the_server_are_those_of_the_api() -> None:
    told = rest_settings(
        HttpSettings(max_body_bytes=4096, max_concurrent=7, requests_per_second=2, failures_per_minute=5,
                     recordings_need_credentials=False), "DE", "example.com",
    )  # fmt: skip
    assert (told.max_body, told.max_concurrent, told.requests_per_second, told.failures_per_minute) == (4096, 7, 2, 5)
    assert (told.recordings_need_credentials, told.region, told.sip_realm) == (False, "DE", "example.com")


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/docs", 200, b"text/html; charset=utf-8"),
        ("/openapi/2010-04-01.json", 200, b"application/json"),
        ("/2010-04-01/Accounts.json", 401, b"application/json"),
        ("/elsewhere", 404, b"application/xml"),
    ],
)
async def test_the_api_and_its_description_are_behind_one_door(path: str, status: int, kind: bytes) -> None:
    never: Any = None  # nothing that is asked here needs a call, a message or the store
    database: Any = SimpleNamespace(accounts={}, keys={})
    services = Services(
        database, never, never, utcnow=lambda: datetime(2024, 2, 29, tzinfo=UTC), clock=lambda: 0.0, entropy=bytes,
        directory=Path(),
    )  # fmt: skip
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "client": None}
    await build_front(services)(scope, never, send)
    assert (sent[0]["status"], dict(sent[0]["headers"])[b"content-type"]) == (status, kind)
