"""What comes to a listening socket: handshakes that fail, that never end, and pages of foreign web sites."""

import asyncio
import errno
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ringback.sip.events import Refusal
from ringback.sip.net.connections import Limits
from ringback.sip.net.tls import client_context
from tests.unit.sip.net.net_sides import Side, call_and_hang_up, certificate, side

UPGRADE = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


async def said(side: Side, transport: str, data: bytes, **options: Any) -> bytes:
    """Say something, and return all that is answered until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", side.at[transport].port, **options)
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.read(-1), 5.0)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_no_tls_where_tls_is_spoken(tmp_path: Path) -> None:
    async with side(1, "TLS", tls=certificate(tmp_path)) as there:
        await said(there, "TLS", b"OPTIONS sip:a SIP/2.0\r\n\r\n")
        assert "no handshake" in (await there.next(Refusal)).reason
        assert not there.transport._connections._sources, "the room is free again"


async def test_a_handshake_that_never_ends(tmp_path: Path) -> None:
    limits = Limits(handshake=0.05)
    async with side(1, "TLS", "WS", "WSS", tls=certificate(tmp_path), limits=limits) as there:
        for transport in ("TLS", "WS", "WSS"):
            assert await said(there, transport, b"") == b""
        assert not there.transport._connections._sources


async def test_a_client_without_certificate_where_one_is_needed(tmp_path: Path) -> None:
    tls = certificate(tmp_path, verify_clients=True)
    async with side(1, "TLS", tls=tls) as there:
        await said(there, "TLS", b"\r\n\r\n", ssl=client_context(tls), server_hostname="127.0.0.1")
        assert "no handshake" in (await there.next(Refusal)).reason


async def test_a_client_with_its_certificate(tmp_path: Path) -> None:
    tls = certificate(tmp_path, verify_clients=True, identify=True)
    async with side(1, "TLS", tls=tls, limits=Limits(first=0.2)) as there:
        assert await said(there, "TLS", b"\r\n\r\n", ssl=client_context(tls), server_hostname="127.0.0.1") == b"\r\n"


@pytest.mark.parametrize("transport", ["TCP", "TLS", "WS", "WSS"])
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_listener_outlives_its_connections(
    loop: Callable[[], asyncio.AbstractEventLoop], transport: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One calls after the other, on either loop: the server runs on uvloop, whose TLS is its own."""
    tls = certificate(tmp_path)

    async def scenario() -> None:
        async with side(1, tls=tls) as here, side(2, transport, tls=tls) as there:
            for _ in range(3):
                flow = here.transport.flow_to(transport, "127.0.0.1", there.at[transport].port)
                await call_and_hang_up(here, there, flow)
                connection = here.transport._connections.find(flow)
                assert connection is not None
                connection.close()
                while there.transport._connections._sources:  # noqa: ASYNC110  # bounded by the time of the whole
                    await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(scenario(), 20.0))
    assert not caplog.records


async def test_the_fault_of_one_connection_is_not_the_listeners(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise RuntimeError("a fault of ours")

    async with side(1) as here, side(2, "TCP") as there:
        with monkeypatch.context() as patch:
            patch.setattr("ringback.sip.net.listening.StreamConnection", broken)
            assert await said(there, "TCP", b"") == b""
        assert "a SIP connection from 127.0.0.1 failed" in caplog.text
        await call_and_hang_up(here, there, here.transport.flow_to("TCP", "127.0.0.1", there.at["TCP"].port))


async def test_old_versions_of_tls_are_not_spoken(tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    async with side(1, "TLS", tls=tls) as there:
        old = client_context(tls)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.set_ciphers("aNULL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, OSError)):
            await said(there, "TLS", b"", ssl=old, server_hostname="127.0.0.1")


async def test_a_blocked_address_is_closed_at_once() -> None:
    async with side(1, "TCP", admits=lambda address: address != "127.0.0.1") as there:
        assert await said(there, "TCP", b"\r\n\r\n") == b""
        assert (await there.next(Refusal)).reason == "a blocked address"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "subprotocol `sip`"),
        ("GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: sip\r\n\r\n", "only WebSockets"),
        (UPGRADE + "Sec-WebSocket-Protocol: chat\r\n\r\n", "subprotocol `sip`"),
        (UPGRADE + "Sec-WebSocket-Protocol: sip\r\nOrigin: https://evil.example\r\n\r\n", "may not connect"),
    ],
)
async def test_requests_that_are_no_sip(request_: str, answer: str) -> None:
    async with side(1, "WS") as there:
        text = (await said(there, "WS", request_.encode())).decode()
        assert text.startswith("HTTP/1.1 400")
        assert answer in text
        await there.next(Refusal)


async def test_what_is_no_http_at_all() -> None:
    async with side(1, "WS", limits=Limits(handshake=0.2)) as there:
        assert b"400" in await said(there, "WS", b"OPTIONS sip:a SIP/2.0\r\n\r\n")


async def test_when_the_system_has_no_file_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next one is accepted as soon as there is one."""
    from ringback.sip.net import listening

    monkeypatch.setattr(listening, "_PAUSE", 0.0)
    loop, faults = (
        asyncio.get_running_loop(),
        [OSError(errno.EMFILE, "Too many open files"), OSError(errno.ECONNABORTED, "")],
    )
    accept = loop.sock_accept

    async def fail_first(sock: Any) -> Any:
        if faults:
            raise faults.pop(0)
        return await accept(sock)

    monkeypatch.setattr(loop, "sock_accept", fail_first)
    async with side(1, "TCP", limits=Limits(first=0.1)) as there:
        assert await said(there, "TCP", b"\r\n\r\n") == b"\r\n"
    assert "Too many open files" in caplog.text


async def test_a_certificate_that_is_gone_ends_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with side(1, "TLS", "TCP", tls=certificate(tmp_path), limits=Limits(first=0.1)) as there:
        there.transport._tls._server = None
        assert await said(there, "TLS", b"") == b""
        assert await said(there, "TCP", b"\r\n\r\n") == b"\r\n"
    assert "takes a certificate" in caplog.text
