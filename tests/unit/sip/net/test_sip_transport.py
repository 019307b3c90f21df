"""The shell on real sockets: two endpoints call each other on loopback, on asyncio's loop and on uvloop."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop

from ringback.sip import sdp
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Acknowledged, Answered, Ended, Event, Flow, IncomingCall, Refusal, Trace
from ringback.sip.net.transport import SipTransport


class Side:
    """An endpoint on sockets, and what it tells."""

    def __init__(self, seed: int, **options: Any) -> None:
        self.endpoint = Endpoint(rng=random.Random(seed))
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.transport = SipTransport(self.endpoint, None, self.told, **options)
        self.address = ("", 0)
        self.fail = False

    def told(self, event: Event) -> None:
        if self.fail:
            raise RuntimeError("a handler that is broken")
        if not isinstance(event, Trace):
            self.events.put_nowait(event)

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def next(self, kind: type[Event]) -> Any:
        """Wait for the next event, which must be of that kind."""
        event = await asyncio.wait_for(self.events.get(), 5.0)
        assert isinstance(event, kind), event
        return event


@asynccontextmanager
async def side(seed: int, **options: Any) -> AsyncIterator[Side]:
    """An endpoint that listens on loopback."""
    made = Side(seed, **options)
    made.address = await made.transport.listen("127.0.0.1", 0)
    try:
        yield made
    finally:
        await made.transport.close()


async def one_call(transport: str) -> None:
    """Call, answer, hang up; actions need no call of drain."""
    async with side(1) as here, side(2) as there:
        flow = await here.transport.connect_flow(transport, *there.address)
        call = here.endpoint.invite(
            f"sip:x@{there.address[0]}:{there.address[1]}", flow, from_uri="sip:me@127.0.0.1",
            sdp=sdp.offer("127.0.0.1", 4000), now=here.now,
        )  # fmt: skip
        incoming = await there.next(IncomingCall)
        assert incoming.flow.transport == transport
        answer, _ = sdp.answer(incoming.sdp, "127.0.0.1", 5000)
        there.endpoint.answer(incoming.call, answer, there.now)
        assert (await here.next(Answered)).sdp == answer
        await there.next(Acknowledged)
        there.endpoint.bye(incoming.call, there.now)
        assert (await here.next(Ended)) == Ended(call, "bye", True)
        assert (await there.next(Ended)).remote is False


LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_a_call(loop: Callable[[], asyncio.AbstractEventLoop], transport: str) -> None:
    run(loop, one_call(transport))


def run(loop: Callable[[], asyncio.AbstractEventLoop], main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a loop of that kind."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main)


async def test_a_handler_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async with side(1) as here, side(2) as there:
        there.fail = True
        flow = await here.transport.connect_flow("UDP", *there.address)
        here.endpoint.invite("sip:x@127.0.0.1", flow, from_uri="sip:me@127.0.0.1", sdp=b"v=0", now=here.now)
        async with asyncio.timeout(5):
            while there.endpoint.calls == 0 or "handler of a SIP event failed" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0)


async def reply(address: tuple[str, int], data: bytes) -> bytes:
    """Say something over TCP, and read until the other side closes or has answered."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(data)
    answer = await asyncio.wait_for(reader.read(4000), 5.0)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_streams_that_misbehave() -> None:
    async with side(1) as there:
        assert await reply(there.address, b"\r\n\r\n") == b"\r\n"
        assert await reply(there.address, b"X sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n") == b""
        assert "Content-Length" in (await there.next(Refusal)).reason


async def test_connections_are_counted() -> None:
    async with side(1, max_connections=1) as there, side(2) as here:
        kept = await here.transport.connect_flow("TCP", *there.address)
        assert await here.transport.connect_flow("TCP", *there.address) == kept, "one connection for one host"
        assert await reply(there.address, b"\r\n\r\n") in (b"",)
        assert (await there.next(Refusal)).reason == "too many connections"


async def test_connections_that_cannot_be_opened() -> None:
    async with side(1) as here:
        free = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        address = free.sockets[0].getsockname()[:2]
        free.close()
        await free.wait_closed()
        with pytest.raises(OSError):
            await here.transport.connect_flow("TCP", *address)
        flow = Flow("TCP", here.address, address, 0)
        here.endpoint.invite("sip:x@127.0.0.1", flow, from_uri="sip:me@127.0.0.1", sdp=b"v=0", now=here.now)
        here.endpoint.invite("sip:y@127.0.0.1", flow, from_uri="sip:me@127.0.0.1", sdp=b"v=0", now=here.now)
        refused = [await asyncio.wait_for(here.events.get(), 5.0) for _ in range(2)]
        assert {getattr(event, "code", 0) for event in refused} == {503}


async def test_a_call_over_a_connection_that_was_lost_opens_another() -> None:
    async with side(1) as here, side(2) as there:
        flow = await here.transport.connect_flow("TCP", *there.address)
        uri = f"sip:x@127.0.0.1:{there.address[1]};transport=tcp"
        call = here.endpoint.invite(uri, flow, from_uri="sip:me@127.0.0.1", sdp=b"v=0", now=here.now)
        incoming = await there.next(IncomingCall)
        there.endpoint.answer(incoming.call, b"v=0", there.now)
        await here.next(Answered)
        await there.next(Acknowledged)
        for connection in list(here.transport._connections.values()):
            connection.abort()
            await connection.closed
        here.endpoint.bye(call, here.now)
        await here.next(Ended)
        assert (await there.next(Ended)).remote is True


async def test_flows_that_cannot_be() -> None:
    async with side(1) as here:
        with pytest.raises(ValueError, match="no UDP socket"):
            await here.transport.connect_flow("UDP", "::1", 5060)


async def test_only_udp_or_only_tcp() -> None:
    made = Side(1)
    udp = await made.transport.listen("127.0.0.1", 0, tcp=False)
    tcp = await made.transport.listen("127.0.0.1", 0, udp=False)
    assert udp[1] > 0
    assert tcp[1] > 0
    await made.transport.close()


async def test_timers_are_kept_by_the_loop() -> None:
    """A retransmission comes without anything coming in; nothing is sent from a socket that is not ours."""
    async with side(1) as here:
        lines: list[str] = []
        here.transport._on_event = lambda event: lines.append(event.line) if isinstance(event, Trace) else None
        flow = await here.transport.connect_flow("UDP", "127.0.0.1", 9)
        elsewhere = Flow("UDP", ("127.0.0.1", 1), ("127.0.0.1", 9))
        for target in (flow, elsewhere):
            here.endpoint.invite("sip:x@127.0.0.1", target, from_uri="sip:me@127.0.0.1", sdp=b"v=0", now=here.now)
        here.transport.drain()
        due = here.endpoint.next_timeout()
        assert due is not None
        assert here.transport._timer is not None
        assert abs(here.transport._timer.when() - due) < 0.1
        here.transport._clock = lambda: due + 0.1
        here.transport._timeout()
        assert len(lines) == 4


async def test_after_the_end_nothing_is_done() -> None:
    made = Side(1)
    await made.transport.listen("127.0.0.1", 0)
    flow = await made.transport.connect_flow("UDP", "127.0.0.1", 9)
    await made.transport.close()
    made.endpoint.invite("sip:x@127.0.0.1", flow, from_uri="sip:me@127.0.0.1", sdp=b"v=0", now=0.0)
    made.transport.drain()
    made.transport._wake()
    assert made.events.empty()


@pytest.mark.parametrize(("taken", "found"), [(3, True), (1000, False)])
async def test_a_free_port_is_free_over_both_transports(
    taken: int, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has the port over UDP that the system gives away over TCP: another one is tried, some times."""
    loop = asyncio.get_running_loop()
    create_server, others = loop.create_server, []

    async def offer_a_taken_one(*arguments: Any, **options: Any) -> asyncio.Server:
        server = await create_server(*arguments, **options)
        if len(others) < taken:
            others.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with suppress(OSError):  # where another test has it, it is taken all the same
                others[-1].bind(server.sockets[0].getsockname())
        return server

    monkeypatch.setattr(loop, "create_server", offer_a_taken_one)
    made = Side(1)
    try:
        if found:
            address = await made.transport.listen("127.0.0.1", 0)
            assert address not in [other.getsockname() for other in others]
            assert len(others) == taken
        else:
            with pytest.raises(OSError, match="in use"):
                await made.transport.listen("127.0.0.1", 0)
            assert made.transport._servers == []
    finally:
        await made.transport.close()
        for other in others:
            other.close()


async def test_a_port_that_is_taken_over_udp_is_not_kept_over_tcp() -> None:
    made = Side(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        host, port = other.getsockname()
        with pytest.raises(OSError, match="in use"):
            await made.transport.listen(host, port)
    assert await made.transport.listen(host, port) == (host, port)
    await made.transport.close()
