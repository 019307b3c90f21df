"""The shell on real sockets: two endpoints call each other on loopback, on asyncio's loop and on uvloop."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ringback.sip.events import Acknowledged, Answered, Ended, Flow, IncomingCall, Refusal, Trace
from ringback.sip.net import transport as transport_module
from ringback.sip.net.connections import Limits
from ringback.sip.net.tls import TlsError
from ringback.sip.net.transport import Listen
from tests.unit.sip.net.net_sides import Side, call_and_hang_up, certificate, side

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


async def one_call(transport: str, host: str, folder: Path) -> None:
    """Call, answer, hang up; actions need no call of drain."""
    tls = certificate(folder, "127.0.0.1", "::1")
    async with side(1, transport, host=host, tls=tls) as here, side(2, transport, host=host, tls=tls) as there:
        flow = here.transport.flow_to(transport, host, there.at[transport].port)
        assert flow.connection == 0
        assert flow.local == (host, here.at[transport].port)
        incoming = await call_and_hang_up(here, there, flow)
        assert here.transport.stands(flow)
        again = here.transport.flow_to(transport.lower(), host, there.at[transport].port)
        assert bool(again.connection) == (transport != "UDP"), "the connection that stands is used again"
        assert incoming.flow.local == (host, there.at[transport].port)
        if transport != "UDP":
            # The other way: the phone behind the connection is reached over it.
            await call_and_hang_up(there, here, there.transport.flow_to(transport, *incoming.flow.remote))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", transport_module.TRANSPORTS)
@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_a_call(loop: Callable[[], asyncio.AbstractEventLoop], transport: str, host: str, tmp_path: Path) -> None:
    run(loop, one_call(transport, host, tmp_path))


def run(loop: Callable[[], asyncio.AbstractEventLoop], main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a loop of that kind."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main)


async def test_a_handler_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async with side(1) as here, side(2) as there:
        there.fail = True
        flow = await here.transport.connect_flow("UDP", *there.address)
        here.invite(flow)
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
    async with side(1, limits=Limits(connections=1)) as there, side(2) as here:
        kept = await here.transport.connect_flow("TCP", *there.address)
        assert await here.transport.connect_flow("TCP", *there.address) == kept, "one connection for one host"
        assert await reply(there.address, b"") == b""
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
        here.invite(flow)
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
        for connection in here.transport._connections.all():
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
    made.invite(flow)
    made.transport._receive(b"OPTIONS sip:a SIP/2.0\r\n\r\n", flow)
    made.transport.drain()
    made.transport._wake()
    assert made.events.empty()


@pytest.mark.parametrize(("taken", "found"), [(3, True), (1000, False)])
async def test_a_free_port_is_free_over_both_transports(
    taken: int, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has the port over UDP that the system gives away over TCP: another one is tried, some times."""
    others: list[socket.socket] = []
    bound_socket = transport_module.bound_socket

    def offer_a_taken_one(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
        made = bound_socket(kind, host, port)
        if len(others) < taken:
            others.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with suppress(OSError):  # where another test has it, it is taken all the same
                others[-1].bind(made.getsockname())
        return made

    monkeypatch.setattr(transport_module, "bound_socket", offer_a_taken_one)
    made = Side(1)
    try:
        if found:
            address = await made.transport.listen("127.0.0.1", 0)
            assert address not in [other.getsockname() for other in others]
            assert len(others) == taken
        else:
            with pytest.raises(OSError, match="UDP 127.0.0.1 port"):
                await made.transport.listen("127.0.0.1", 0)
    finally:
        await made.transport.close()
        for other in others:
            other.close()


async def test_several_addresses_and_families(tmp_path: Path) -> None:
    """Every address of both families, each over sockets of its own; a flow takes the socket of its family."""
    async with side(2, host="::1") as six, side(3) as four:
        made = Side(1, tls=certificate(tmp_path))
        wanted = [Listen(name, host, 0) for host in ("0.0.0.0", "::") for name in ("UDP", "TCP", "TLS")]
        bound = await made.transport.listen_on(wanted)
        assert sorted(made.transport.listening, key=str) == sorted(bound, key=str)
        assert bound[0].port == bound[1].port
        assert [(where.transport, where.host) for where in bound] == [(w.transport, w.host) for w in wanted]
        for other, index in ((six, 3), (four, 0)):
            for transport in ("UDP", "TCP"):
                flow = made.transport.flow_to(transport, *other.address)
                assert flow.local == (other.address[0], bound[index].port)
                await call_and_hang_up(made, other, flow)
        await made.transport.close()


async def test_all_or_nothing_is_listened_on(tmp_path: Path) -> None:
    async with side(1, "TCP") as there:
        made = Side(2)
        with pytest.raises(OSError, match=f"TCP 127.0.0.1 port {there.address[1]}"):
            await made.transport.listen_on([Listen("UDP", "127.0.0.1", 0), Listen("TCP", *there.address)])
        assert made.transport.listening == []
        with pytest.raises(TlsError, match="certificate"):
            await made.transport.listen_on([Listen("TLS", "127.0.0.1", 0)])
        await made.transport.close()


async def test_a_keep_alive_goes_out_on_any_flow() -> None:
    async with side(1) as here, side(2) as there:
        for transport in ("UDP", "TCP"):
            here.transport.ping(here.transport.flow_to(transport, *there.address))
        async with asyncio.timeout(5):
            while not here.transport._connections.all():  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert there.events.empty()
        assert not here.transport.stands(Flow("TCP", here.address, there.address, 99))


async def test_an_early_timer_is_set_again() -> None:
    """Timers that were stopped do not move the loop's timer: it finds nothing due, and waits for the next."""
    async with side(1) as here:
        here.invite(here.transport.flow_to("UDP", "127.0.0.1", 9))
        here.transport.drain()
        armed, timer = here.transport._armed, here.transport._timer
        here.transport.drain()
        assert here.transport._timer is timer
        here.transport._timeout()
        assert here.transport._timer is not timer
        assert here.transport._armed == armed


async def test_a_fault_of_ours_does_not_end_the_connection(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with side(1) as there:

        def fail(data: bytes, flow: Flow, now: float) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(there.endpoint, "receive", fail)
        assert await reply(there.address, b"OPTIONS sip:a SIP/2.0\r\n\r\n\r\n\r\n") == b"\r\n"
        assert "could not be handled" in caplog.text


async def test_messages_wait_for_their_connection() -> None:
    """Two calls in one moment to a host that has no connection yet share the one that is opened."""
    async with side(1) as here, side(2) as there:
        flow = here.transport.flow_to("TCP", *there.address)
        here.invite(flow)
        here.invite(flow)
        await there.next(IncomingCall)
        await there.next(IncomingCall)
        assert len(there.transport._connections) == 1


async def test_a_lost_connection_is_told_to_the_flows_that_used_it() -> None:
    async with side(1) as here, side(2) as there:
        here.invite(here.transport.flow_to("TCP", *there.address))
        await there.next(IncomingCall)
        there.transport._connections.all()[0].abort()
        event = await asyncio.wait_for(here.events.get(), 5.0)
        assert getattr(event, "code", 0) == 503


async def test_transports_that_do_not_exist() -> None:
    async with side(1) as here:
        with pytest.raises(ValueError, match="no transport"):
            here.transport.flow_to("SCTP", "127.0.0.1", 5060)
        with pytest.raises(ValueError, match="does not appear to be"):
            here.transport.flow_to("TCP", "example.com", 5060)
