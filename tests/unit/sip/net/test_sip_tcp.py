"""Cutting a stream into messages, and connections that misbehave."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip.events import Flow
from ringback.sip.message import MAX_MESSAGE
from ringback.sip.net.tcp import Framer, FramingError, TcpConnection

ONE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"
TWO = b"OPTIONS sip:b SIP/2.0\r\nX: Content-Length: 9\r\nl : 2 \r\n\r\n\r\n"
NONE = b"OPTIONS sip:c SIP/2.0\r\n\r\n"


def test_glued_messages_are_cut() -> None:
    framer = Framer()
    assert framer.feed(ONE + TWO + NONE + ONE[:10]) == [ONE, TWO, NONE]
    assert framer.partial
    assert framer.feed(ONE[10:]) == [ONE]
    assert not framer.partial


def test_keep_alives() -> None:
    """RFC 5626 §3.5.1: a double CRLF is asked for an answer, a single one is the answer to ours."""
    framer = Framer()
    assert framer.feed(b"\r\n\r\n") == [b""]
    assert framer.feed(b"\r\n") == []
    assert framer.feed(b"\r\n") == [b""]
    assert framer.feed(b"\r\n" + ONE) == [ONE]
    assert framer.feed(ONE + b"\r\n\r\n" + ONE) == [ONE, b"", ONE]
    assert framer.feed(b"\r\n\r\n\r\n" + ONE) == [b"", ONE]


@given(st.lists(st.integers(1, 40), max_size=30))
def test_it_does_not_matter_where_the_stream_is_split(sizes: list[int]) -> None:
    stream = ONE + b"\r\n\r\n" + TWO + b"\r\n" + NONE + ONE
    framer, found = Framer(), []
    for size in sizes:
        found += framer.feed(stream[:size])
        stream = stream[size:]
    found += framer.feed(stream)
    assert found == [ONE, b"", TWO, NONE, ONE]


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: x", b"Content-Length: -1", b"Content-Length:", b"Content-Length: 1\r\nl: 2",
     b"Content-Length: 99999999999", b"Content-Length: %d" % MAX_MESSAGE],
)  # fmt: skip
def test_a_length_that_cannot_be_is_the_end(head: bytes) -> None:
    with pytest.raises(FramingError):
        Framer().feed(b"OPTIONS sip:a SIP/2.0\r\n" + head + b"\r\n\r\n")


def test_headers_without_end() -> None:
    framer = Framer()
    with pytest.raises(FramingError, match="headers"):
        for _ in range(100):
            framer.feed(b"x" * 1000)


class Wire(asyncio.Transport):
    """A transport that writes down what is done to it."""

    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        super().__init__(
            {"sockname": ("192.0.2.1", 5060), "peername": ("192.0.2.2", 40000)} if extra is None else extra
        )
        self.written: list[bytes] = []
        self.unread = 0
        self.ended = ""

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return bool(self.ended)


class Line:
    """A connection on such a transport, and what it tells."""

    def __init__(self, *, room: bool = True, extra: dict[str, Any] | None = None, idle: float = 600.0) -> None:
        self.received: list[tuple[bytes, Flow]] = []
        self.lost: list[TcpConnection] = []
        self.refused: list[str] = []
        self.wire = Wire(extra)
        self.connection = TcpConnection(
            3, lambda connection: room, lambda data, flow: self.received.append((data, flow)), self.lost.append,
            lambda flow, reason: self.refused.append(reason), idle,
        )  # fmt: skip
        self.connection.connection_made(self.wire)


async def test_messages_are_handed_on_and_keep_alives_answered() -> None:
    line = Line()
    line.connection.data_received(ONE + b"\r\n\r\n")
    flow = Flow("TCP", ("192.0.2.1", 5060), ("192.0.2.2", 40000), 3)
    assert line.received == [(ONE, flow)]
    assert line.wire.written == [b"\r\n"]
    line.connection.send(b"answer")
    assert line.wire.written == [b"\r\n", b"answer"]
    line.connection.close()
    line.connection.send(b"more")
    assert (line.wire.written[-1], line.wire.ended) == (b"answer", "closed")
    line.connection.connection_lost(None)
    assert line.lost == [line.connection]
    assert line.connection.closed.done()
    line.connection.send(b"x")
    line.connection.close()
    line.connection.abort()


async def test_a_stream_that_cannot_be_cut_is_closed() -> None:
    line = Line()
    line.connection.data_received(b"A sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n")
    assert (line.wire.ended, line.received) == ("closed", [])
    assert "Content-Length" in line.refused[0]
    line.connection.connection_lost(None)


async def test_a_peer_that_does_not_read() -> None:
    line = Line()
    line.wire.unread = 1_000_001
    line.connection.send(b"more")
    assert (line.wire.written, line.wire.ended, line.refused) == ([], "aborted", ["a peer that does not read"])
    line.connection.connection_lost(None)


async def test_no_room() -> None:
    line = Line(room=False)
    assert (line.wire.ended, line.refused) == ("aborted", ["too many connections"])
    line.connection.connection_lost(None)


async def test_gone_before_it_was_looked_at() -> None:
    line = Line(extra={"sockname": None, "peername": None})
    assert line.wire.ended == "aborted"
    line.connection.connection_lost(None)


async def test_idle_and_unfinished_connections_are_closed() -> None:
    """The deadlines stand in the loop; what they do is looked at without waiting for them."""
    line = Line(idle=100.0)
    loop = asyncio.get_running_loop()
    idle = line.connection._deadline
    assert idle is not None
    assert 99.0 < idle.when() - loop.time() <= 100.0
    line.connection.data_received(ONE[:5])
    partial = line.connection._deadline
    assert partial is not None
    assert idle.cancelled()
    assert 29.0 < partial.when() - loop.time() <= 30.0
    line.connection.data_received(ONE[5:7])
    assert line.connection._deadline is partial, "more of the same message gives no more time"
    line.connection._too_long()
    line.connection.data_received(ONE[7:])
    line.connection._too_long()
    assert line.refused == ["a message that never ended", "an idle connection"]
    assert line.wire.ended == "aborted"
    line.connection.connection_lost(None)
