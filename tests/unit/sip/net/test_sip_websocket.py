"""SIP over WebSocket as RFC 7118 shows it, spoken by another implementation of WebSockets."""

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from ringback.sip.events import IncomingCall, Refusal
from ringback.sip.net.connections import Limits
from ringback.sip.net.tls import client_context
from ringback.sip.net.websocket import refusal_of
from tests.unit.sip.net.net_sides import Side, certificate, side

SIP = [Subprotocol("sip")]
# RFC 7118 §8.3, with a body and a domain that are there.
INVITE = """\
INVITE sip:bob@127.0.0.1 SIP/2.0
Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks
From: sip:alice@example.com;tag=asdyka899
To: sip:bob@127.0.0.1
Call-ID: asidkj3ss
CSeq: 1 INVITE
Max-Forwards: 70
Supported: path, outbound, gruu
Contact: <sip:alice@example.com;gr=urn:uuid:f81-7dec-14a06cf1;ob>
Content-Type: application/sdp
Content-Length: 4

v=0
""".replace("\n", "\r\n")[:-1]


def url(there: Side, scheme: str = "ws") -> str:
    return f"{scheme}://127.0.0.1:{there.at[scheme.upper()].port}/"


async def answer(socket: ClientConnection) -> str | bytes:
    return await asyncio.wait_for(socket.recv(), 5.0)


async def test_the_call_of_rfc_7118() -> None:
    """The answers come over the connection, whatever the Via says, and go as text; so does our BYE."""
    async with side(1, "WS") as there, connect(url(there), subprotocols=SIP) as phone:
        assert phone.subprotocol == "sip"
        await phone.send(INVITE)
        incoming = await there.next(IncomingCall)
        assert incoming.flow.transport == "WS"
        there.endpoint.answer(incoming.call, b"v=0\r\n", there.now)
        ok = str(await answer(phone))
        assert ok.startswith("SIP/2.0 200 OK\r\n")
        assert "Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks;received=127.0.0.1\r\n" in ok
        assert f"Contact: <sip:127.0.0.1:{there.at['WS'].port};transport=ws>" in ok
        to = next(line for line in ok.split("\r\n") if line.startswith("To:"))
        ack = INVITE.replace("INVITE", "ACK").replace("To: sip:bob@127.0.0.1", to).replace("56sdasks", "ack")
        await phone.send(ack.replace("Content-Length: 4", "Content-Length: 0").replace("v=0\n", ""))
        there.endpoint.bye(incoming.call, there.now)
        async with asyncio.timeout(5):
            while not (text := str(await phone.recv())).startswith("BYE "):
                pass
        assert "Via: SIP/2.0/WS 127.0.0.1" in text


async def test_binary_frames_and_keep_alives() -> None:
    async with side(1, "WS") as there, connect(url(there), subprotocols=SIP) as phone:
        await phone.send("\r\n\r\n")
        assert await answer(phone) == "\r\n"
        await phone.send("\r\n")
        await phone.send(INVITE.encode().replace(b"alice@example.com;tag", b"alic\xe9@example.com;tag"))
        incoming = await there.next(IncomingCall)
        there.endpoint.reject(incoming.call, 486, there.now)
        text = await answer(phone)
        assert isinstance(text, bytes), "what is no UTF-8 goes as binary"
        assert b"alic\xe9" in text
        pong = await phone.ping()
        await asyncio.wait_for(pong, 5.0)


async def test_over_tls(tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    options = {"subprotocols": SIP, "ssl": client_context(tls)}
    async with side(1, "WSS", tls=tls) as there, connect(url(there, "wss"), **options) as phone:
        await phone.send(INVITE.replace("SIP/2.0/WS", "SIP/2.0/WSS"))
        assert (await there.next(IncomingCall)).flow.transport == "WSS"


async def test_a_message_that_is_too_long() -> None:
    async with side(1, "WS") as there, connect(url(there), subprotocols=SIP) as phone:
        await phone.send("x" * 40_000)
        with pytest.raises(ConnectionClosed) as closed:
            await answer(phone)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        assert "more than 32768 bytes" in (await there.next(Refusal)).reason


async def test_a_phone_that_says_nothing() -> None:
    async with side(1, "WS", limits=Limits(first=0.05)) as there, connect(url(there), subprotocols=SIP) as phone:
        assert (await there.next(Refusal)).reason == "a connection without a message"
        with pytest.raises(ConnectionClosed):
            await answer(phone)


async def test_a_phone_that_goes_quiet() -> None:
    limits = Limits(first=5.0, quiet=0.05)
    async with side(1, "WS", limits=limits) as there, connect(url(there), subprotocols=SIP) as phone:
        await phone.send("\r\n\r\n")
        assert (await there.next(Refusal)).reason == "an idle connection"


async def test_a_phone_that_does_not_read() -> None:
    async with side(1, "WS", limits=Limits(unread=10_000)) as there, connect(url(there), subprotocols=SIP) as phone:
        await phone.send(INVITE)
        await there.next(IncomingCall)
        (connection,) = there.transport._connections.all()
        for _ in range(20):
            connection.send(b"x" * 1000)
        assert (await there.next(Refusal)).reason == "a peer that does not read"
        await asyncio.wait_for(connection.closed, 5.0)
        connection.send(b"more")
        connection.abort()


async def test_what_was_said_before_the_end_arrives() -> None:
    async with side(1, "WS") as there, connect(url(there), subprotocols=SIP) as phone:
        await phone.send("\r\n\r\n")
        await answer(phone)
        (connection,) = there.transport._connections.all()
        connection.send(b"the last word")
        connection.close()
        assert await answer(phone) == "the last word"
        with pytest.raises(ConnectionClosed) as closed:
            await answer(phone)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001


async def test_a_phone_that_vanishes() -> None:
    async with side(1, "WS") as there, connect(url(there), subprotocols=SIP) as phone:
        await phone.send(INVITE)
        incoming = await there.next(IncomingCall)
        phone.transport.abort()
        assert (await asyncio.wait_for(there.events.get(), 5.0)).cause == "transport"  # type: ignore[union-attr]
        there.endpoint.answer(incoming.call, b"v=0", there.now)


async def test_while_all_is_closed_nobody_comes_in() -> None:
    async with side(1, "WS") as there:
        there.transport._connections.closing = True
        with pytest.raises((ConnectionClosed, OSError, EOFError)):
            async with connect(url(there), subprotocols=SIP) as phone:
                await answer(phone)


@pytest.mark.parametrize(
    ("origin", "host", "origins", "served"),
    [
        (None, "127.0.0.1:5066", (), True),
        ("http://127.0.0.1:8000", "127.0.0.1:5066", (), True),
        ("http://localhost:8000", "localhost:5066", (), True),
        ("http://[::1]:8000", "[::1]:5066", (), True),
        ("https://evil.example", "127.0.0.1:5066", (), False),
        ("https://evil.example", "evil.example", (), False),
        ("null", "127.0.0.1", (), False),
        ("http://[", "127.0.0.1", (), False),
        ("https://phone.example", "sip.example", ("https://Phone.example/",), True),
        ("https://phone.example", "sip.example", ("*",), True),
    ],
)
def test_pages_that_may_connect(origin: str | None, host: str, origins: tuple[str, ...], served: bool) -> None:
    """A page of a foreign web site must not call from its reader's machine: not even by a name that points there."""
    headers = {"Sec-WebSocket-Protocol": "chat, sip", "Host": host} | ({"Origin": origin} if origin else {})
    assert (refusal_of(headers, origins) == "") is served
