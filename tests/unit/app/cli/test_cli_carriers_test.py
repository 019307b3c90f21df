"""`ringback carriers test`, with something at the other end."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from cli_typing import Ringback

from ringback.messaging.smpp.link import Link
from ringback.messaging.smpp.pdu import Pdu, Status
from ringback.messaging.smpp.session import BindAsked


class Plain(asyncio.Protocol):
    """Says nothing, and hangs up when the other side does."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set_result("")


def smsc() -> Link:
    """An SMSC that lets in who knows its password."""

    async def arrived(link: Link, request: Pdu) -> None:
        link.answer(request, 0)

    def asked(link: Link, bind: BindAsked) -> None:
        if bind.bind.password == "right":
            link.accept_bind(bind, "the-carrier")
        else:
            link.refuse_bind(bind, Status.RINVPASWD)

    return Link("smsc", arrived, on_bind=asked)


@contextmanager
def elsewhere(answer: Callable[[], Link | Plain]) -> Iterator[int]:
    """Run a server in another thread, as the carrier runs elsewhere; yields its port."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    ports: list[int] = []
    made: list[Link | Plain] = []
    arrived = asyncio.Event()

    def connected() -> Link | Plain:
        made.append(answer())
        arrived.set()
        return made[-1]

    async def serve() -> None:
        async with await loop.create_server(connected, "127.0.0.1", 0) as server:
            ports.append(server.sockets[0].getsockname()[1])
            ready.set()
            await over.wait()
            # The command may be through with its connection before it is accepted here.
            await asyncio.wait_for(arrived.wait(), 10)
            await asyncio.gather(*(one.ended for one in made))
            await asyncio.sleep(0)  # the sockets are closed then

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def add(ringback: Ringback, kind: str, *settings: str) -> None:
    ringback("carriers", "add", "net", kind, *settings)


@pytest.mark.parametrize(("binds", "kind"), [((), "transceiver"), (("bind=transmitter+receiver",), "transmitter")])
@pytest.mark.long
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
    with elsewhere(Plain) as port:
        add(ringback, "http", f"url=http://127.0.0.1:{port}/x", "secret=0123456789abcdef")
        assert ringback("carriers", "test", "net").output == f"net: 127.0.0.1 port {port} takes connections\n"
