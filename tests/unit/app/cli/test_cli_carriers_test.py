"""`ringback carriers test`, with something at the other end."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from cli_typing import Ringback

from ringback.messaging.smpp.link import Link
from ringback.messaging.smpp.pdu import Pdu, Status
from ringback.messaging.smpp.session import BindAsked

Listening = Callable[[], Awaitable[asyncio.Server]]


@contextmanager
def elsewhere(listen: Listening) -> Iterator[int]:
    """Run a server in another thread, as the carrier runs elsewhere; yields its port."""
    loop, ports, over = asyncio.new_event_loop(), list[int](), asyncio.Event()
    ready = threading.Event()

    async def serve() -> None:
        async with await listen() as server:
            ports.append(server.sockets[0].getsockname()[1])
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


async def smsc() -> asyncio.Server:
    """An SMSC that lets in who knows its password."""

    async def arrived(link: Link, request: Pdu) -> None:
        link.answer(request, 0)

    def asked(link: Link, bind: BindAsked) -> None:
        if bind.bind.password != "right":
            link.refuse_bind(bind, Status.RINVPASWD)
            return
        link.accept_bind(bind, "the-carrier")

    return await asyncio.get_running_loop().create_server(lambda: Link("smsc", arrived, on_bind=asked), "127.0.0.1", 0)


async def plain() -> asyncio.Server:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    return await asyncio.start_server(hang_up, "127.0.0.1", 0)


def add(ringback: Ringback, kind: str, *settings: str) -> None:
    ringback("carriers", "add", "net", kind, *settings)


@pytest.mark.parametrize(("binds", "kind"), [((), "transceiver"), (("bind=transmitter+receiver",), "transmitter")])
def test_an_smpp_carrier_says_what_it_calls_itself(ringback: Ringback, binds: tuple[str, ...], kind: str) -> None:
    with elsewhere(smsc) as port:
        add(ringback, "smpp", "host=127.0.0.1", f"port={port}", "system_id=x", "password=right", *binds)
        told = ringback("carriers", "test", "net").output
    assert told == f"net: bound to 127.0.0.1 port {port} as {kind}; it calls itself the-carrier\n"


def test_an_smpp_carrier_that_refuses_says_why(ringback: Ringback) -> None:
    with elsewhere(smsc) as port:
        add(ringback, "smpp", "host=127.0.0.1", f"port={port}", "system_id=x", "password=wrong")
        told = ringback("carriers", "test", "net", code=2).stderr
    assert told == "error: the bind was refused with status 0x0e\n"


def test_others_take_connections(ringback: Ringback) -> None:
    with elsewhere(plain) as port:
        add(ringback, "http", f"url=http://127.0.0.1:{port}/x", "secret=0123456789abcdef")
        assert ringback("carriers", "test", "net").output == f"net: 127.0.0.1 port {port} takes connections\n"
