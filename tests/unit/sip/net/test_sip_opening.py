"""Connections that we open: names that are verified, servers that are none."""

# Covers: sip/net/listening.py

import asyncio
import ssl
from pathlib import Path

import pytest
from aiohttp import web

from ringback.sip.events import Refusal
from ringback.sip.net.connections import Limits
from tests.unit.sip.net.net_sides import call_and_hang_up, certificate, side


@pytest.mark.parametrize("transport", ["TLS", "WSS"])
async def test_the_name_of_the_other_side_is_verified(tmp_path: Path, transport: str) -> None:
    """By SNI and certificate; connections are shared by those who ask for the same name, and by nobody else."""
    tls = certificate(tmp_path, "sip.example.com", "127.0.0.1")
    async with side(1, "TLS", tls=tls) as here, side(2, transport, tls=tls) as there:
        where = ("127.0.0.1", there.at[transport].port)
        flow = await here.transport.connect_flow(transport, *where, "sip.example.com.")
        assert flow.name == "sip.example.com"
        assert await here.transport.connect_flow(transport, *where, "SIP.example.com") == flow
        assert await here.transport.connect_flow(transport, *where) != flow
        with pytest.raises(OSError, match="not valid for 'other.example.com'"):
            await here.transport.connect_flow(transport, *where, "other.example.com")
        assert "no handshake" in (await there.next(Refusal)).reason
        await call_and_hang_up(here, there, flow)


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with side(1) as here, side(2, "TLS", tls=certificate(tmp_path)) as there:
        port = there.at["TLS"].port
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
            await here.transport.connect_flow("TLS", "127.0.0.1", port)
        here.invite(here.transport.flow_to("TLS", "127.0.0.1", port))
        assert getattr(await asyncio.wait_for(here.events.get(), 5.0), "code", 0) == 503
        assert "no TLS connection to 127.0.0.1" in caplog.text


async def test_authorities_that_cannot_be_read(tmp_path: Path) -> None:
    tls = certificate(tmp_path, ca=tmp_path / "none")
    async with side(1, tls=tls) as here:
        with pytest.raises(ConnectionError, match="authorities of"):
            await here.transport.connect_flow("TLS", "127.0.0.1", 9)


async def test_mutual_tls_both_ways(tmp_path: Path) -> None:
    tls = certificate(tmp_path, verify_clients=True, identify=True)
    async with side(1, "TLS", tls=tls) as here, side(2, "TLS", tls=tls) as there:
        await call_and_hang_up(here, there, here.transport.flow_to("TLS", "127.0.0.1", there.at["TLS"].port))


async def test_a_web_server_that_does_not_speak_sip() -> None:
    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.receive()
            return socket
        return web.Response()

    runner = web.ServerRunner(web.Server(refuse))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with side(1) as here, side(2) as there, side(3, limits=Limits(connect=0.05)) as hasty:
        with pytest.raises(ConnectionError, match="does not speak SIP"):
            await here.transport.connect_flow("WS", *runner.addresses[0])
        # SIP over TCP takes the request for the beginning of a message, and waits for its end.
        with pytest.raises(TimeoutError):
            await hasty.transport.connect_flow("WS", *there.address)
    await runner.cleanup()


async def test_a_server_that_takes_too_long() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with side(1, limits=Limits(connect=0.05)) as here:
        for transport in ("TLS", "WS"):
            with pytest.raises(TimeoutError, match="within 0.05 s"):
                await here.transport.connect_flow(transport, *server.sockets[0].getsockname()[:2])
    server.close()


async def test_connections_of_ours_are_bounded_too() -> None:
    async with side(1, limits=Limits(connections=0)) as here, side(2) as there:
        with pytest.raises(ConnectionAbortedError, match="too many"):
            await here.transport.connect_flow("TCP", *there.address)


async def test_a_connection_that_opens_while_all_is_closed() -> None:
    async with side(1) as here, side(2) as there:
        here.transport._connections.closing = True
        for transport in ("TCP",):
            with pytest.raises(ConnectionAbortedError, match="closed at once"):
                await here.transport.connect_flow(transport, *there.address)
