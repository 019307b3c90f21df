"""One request over the network, with servers that do what servers shouldn't."""

import asyncio
import random
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from aiohttp import web
from webhooks_application import TLS, Application, Speaker, document, serve

from ringback.webhooks.exchange import HttpExchange, Request
from ringback.webhooks.failures import FetchError
from ringback.webhooks.settings import WebhookSettings


@pytest.fixture
async def exchange() -> AsyncIterator[HttpExchange]:
    exchange = HttpExchange(WebhookSettings())
    yield exchange
    await exchange.close()


def request(url: str, method: str = "GET", connect: float = 2.0, read: float = 2.0) -> Request:
    return Request(method, url, {"Accept": "*/*"}, b"a=b" if method == "POST" else None, connect, read)


async def body(exchange: HttpExchange, asked: Request) -> bytes:
    async with exchange(asked) as reply:
        pieces = []
        while piece := await reply.read():
            pieces.append(piece)
        return b"".join(pieces)


async def failure(exchange: HttpExchange, asked: Request) -> FetchError:
    with pytest.raises(FetchError) as raised:
        await body(exchange, asked)
    assert raised.value.url == asked.url
    return raised.value


async def test_an_answer_arrives(application: Application, exchange: HttpExchange) -> None:
    url = application.on("/a", document("<Response/>"))
    async with exchange(request(url, "POST")) as reply:
        assert (reply.status, reply.headers["Content-Type"]) == (200, "text/xml")
        assert await reply.read() == b"<Response/>"
        assert await reply.read() == b""
    (seen,) = application.seen
    assert seen.headers == {"Host": application.base[7:], "Accept": "*/*", "Content-Length": "3"}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"", 11206),
        (b"garbage\r\n\r\n", 11206),
        (b"\x00\x01\x02\x03" * 100, 11206),
        (b"HTTP/1.1\r\n\r\n", 11206),
        (b"HTTP/1.1 20000 OK\r\n\r\n", 11206),
        (b"SIP/2.0 200 OK\r\n\r\n", 11206),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 11206),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 11206),
        (b"HTTP/1.1 200 OK\r\nNo colon here\r\n\r\n", 11206),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 11206),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 5000 + b"\r\n", 11206),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", 11206),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 11206),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n", 11206),
    ],
)
async def test_what_is_not_http(speaker: Speaker, exchange: HttpExchange, method: str, said: bytes, code: int) -> None:
    assert (await failure(exchange, request(await speaker(said), method))).code == code


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.0 200 OK\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
    ],
)
async def test_what_is_http(speaker: Speaker, exchange: HttpExchange, said: bytes) -> None:
    assert await body(exchange, request(await speaker(said))) == b"ab"


async def test_how_often_is_decided_above(exchange: HttpExchange, speaker: Speaker) -> None:
    """The client underneath would send a GET that was not answered once more, unasked."""
    count = 0

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1

    error = await failure(exchange, request(await speaker(drop)))
    assert (error.kind, count) == ("dropped", 1)


async def test_a_kept_connection_that_was_closed_is_no_failure(exchange: HttpExchange) -> None:
    """RFC 9112 clause 9.3.1. The server answers once a connection, and hangs up on the second request."""
    connections = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"a=b")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(once, "127.0.0.1", 0)
        stack.callback(server.close)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for _ in range(3):
            assert await body(exchange, request(url, "POST")) == b"ab"
        await exchange.close()
    assert len(connections) == 3


async def test_connections_are_kept(application: Application, exchange: HttpExchange) -> None:
    peers = set()

    async def answer(asked: web.Request) -> web.Response:
        peers.add(asked.transport and asked.transport.get_extra_info("peername"))
        return document("<Response/>")

    url = application.on("/a", answer)
    for _ in range(3):
        await body(exchange, request(url))
    assert len(peers) == 1


async def test_silence(speaker: Speaker, exchange: HttpExchange) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
        await reader.read()

    for server in (hang, stall):
        error = await failure(exchange, request(await speaker(server), read=0.03))
        assert (error.code, error.kind) == (11200, "rt")
        assert "0.03 s (the read timeout)" in error.message


async def test_no_connection_in_time(exchange: HttpExchange) -> None:
    """The server has a backlog of none that is taken, so that a further connection is not accepted."""
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        error = await failure(exchange, request(url, connect=0.05))
    assert (error.code, error.kind) == (11205, "ct")
    assert "0.05 s" in error.message


async def test_no_server(exchange: HttpExchange) -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()
    await server.wait_closed()
    error = await failure(exchange, request(url))
    assert (error.code, error.kind) == (11205, "ct")


@pytest.mark.conforms("2008-08-01/1.4/private")
@pytest.mark.parametrize("host", ["10.0.0.1", "[::ffff:192.168.0.1]", "169.254.169.254"])
async def test_private_addresses_are_refused(exchange: HttpExchange, host: str) -> None:
    error = await failure(exchange, request(f"http://{host}/"))
    assert (error.code, error.kind) == (11205, "other")
    assert "webhooks.allow_private" in error.message


async def test_a_name_is_judged_by_its_address(application: Application) -> None:
    """`localhost` is refused when loopback is not allowed: what counts is the address that is connected to."""
    exchange = HttpExchange(WebhookSettings(allow_private=()))
    try:
        error = await failure(exchange, request(application.base.replace("127.0.0.1", "localhost") + "/"))
    finally:
        await exchange.close()
    assert error.code == 11205
    assert "webhooks.allow_private" in error.message


@pytest.fixture
async def secure() -> AsyncIterator[dict[str, Application]]:
    """Servers with certificates of the test authority (tls/, made with openssl ca; all keys are for tests only)."""
    async with AsyncExitStack() as stack:
        servers = {}
        for name in ("valid", "expired", "elsewhere"):
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(TLS / f"{name}.pem")
            servers[name] = await serve(stack, Application(), ssl_context=context)
        yield servers


@pytest.mark.conforms("2008-08-01/1.4/tls", "2010-04-01/7/tls")
async def test_certificates(secure: dict[str, Application]) -> None:
    exchange = HttpExchange(WebhookSettings(ca_file=TLS / "authority.pem"))
    try:
        assert await body(exchange, request(secure["valid"].base + "/")) == b"<Response/>"
        assert (await failure(exchange, request(secure["expired"].base + "/"))).code == 11236
        assert (await failure(exchange, request(secure["elsewhere"].base + "/"))).code == 11235
    finally:
        await exchange.close()


@pytest.mark.conforms("2008-08-01/1.4/tls", "2010-04-01/7/tls")
async def test_unknown_authorities_are_refused_unless_told_otherwise(
    secure: dict[str, Application], exchange: HttpExchange
) -> None:
    assert (await failure(exchange, request(secure["valid"].base + "/"))).code == 11237
    careless = HttpExchange(WebhookSettings(verify_certificates=False))
    try:
        assert await body(careless, request(secure["elsewhere"].base + "/")) == b"<Response/>"
    finally:
        await careless.close()


@pytest.mark.conforms("2010-04-01/7/sni")
async def test_a_server_need_not_be_told_its_name_and_must_have_it(exchange: HttpExchange) -> None:
    told: list[str | None] = []
    async with AsyncExitStack() as stack:
        servers = {}
        for name in ("valid", "expired", "elsewhere"):
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(TLS / f"{name}.pem")
            context.sni_callback = lambda _socket, server, _context: told.append(server)
            served = await serve(stack, Application(), ssl_context=context)
            servers[name] = served.base.replace("127.0.0.1", "localhost") + "/"
        trusting = HttpExchange(WebhookSettings(ca_file=TLS / "authority.pem"))
        stack.push_async_callback(trusting.close)
        assert await body(trusting, request(servers["valid"])) == b"<Response/>"
        assert await body(trusting, replace(request(servers["valid"]), sni=False)) == b"<Response/>"
        assert told == ["localhost", None]
        for name, code in (("expired", 11236), ("elsewhere", 11235)):
            error = await failure(trusting, replace(request(servers[name]), sni=False))
            assert error.code == code, name
        assert (await failure(exchange, replace(request(servers["valid"]), sni=False))).code == 11237
        careless = HttpExchange(WebhookSettings(verify_certificates=False))
        stack.push_async_callback(careless.close)
        assert await body(careless, replace(request(servers["elsewhere"]), sni=False)) == b"<Response/>"
        assert set(told[1:]) == {None}


async def test_a_server_without_tls(application: Application, exchange: HttpExchange) -> None:
    error = await failure(exchange, request(application.base.replace("http:", "https:") + "/"))
    assert (error.code, error.kind) == (11220, "ct")


async def test_any_bytes_are_an_answer_or_a_failure(exchange: HttpExchange, speaker: Speaker) -> None:
    """Answers with some bytes changed, cut or doubled, and every time an answer or a FetchError."""
    entropy = random.Random(11206)
    good = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    said = good

    async def mutated(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    url = await speaker(mutated)
    outcomes = set()
    for _ in range(60):
        place, length = entropy.randrange(len(good)), entropy.randrange(5)
        said = good[:place] + entropy.randbytes(entropy.randrange(4)) + good[place + length :]
        try:
            outcomes.add(len(await body(exchange, request(url, "POST", read=0.01))))
        except FetchError as error:
            outcomes.add(error.code)
    assert {3, 11206} <= outcomes
