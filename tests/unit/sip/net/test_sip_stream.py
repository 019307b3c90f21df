"""One connection over TCP or TLS: keep-alives, deadlines, peers that misbehave, and names that it may go by."""

import asyncio
import random
from typing import Any

import pytest

from ringback.sip.events import Flow
from ringback.sip.net.connections import Connection, Limits
from ringback.sip.net.stream import StreamConnection, Watch

ONE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"
HERE, THERE = ("192.0.2.1", 5060), ("192.0.2.2", 40000)


class Certificate:
    """What a TLS connection tells of its peer."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def getpeercert(self) -> dict[str, Any]:
        return {"subjectAltName": tuple(("DNS", name) for name in self.names)} if self.names else {}


class Wire(asyncio.Transport):
    """A transport that writes down what is done to it."""

    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        super().__init__({"sockname": HERE, "peername": THERE} if extra is None else extra)
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
    """A connection on such a transport, and the owner that it reports to."""

    def __init__(
        self, transport: str = "TCP", *, room: bool = True, extra: dict[str, Any] | None = None, **options: Any
    ) -> None:
        self.room = room
        self.got: list[tuple[bytes, Flow]] = []
        self.gone: list[Connection] = []
        self.reasons: list[str] = []
        self.aliases: list[tuple[tuple[str, int], str]] = []
        self.wire = Wire(extra)
        settings = {"accepted": True, **options}
        self.connection = StreamConnection(self, 3, transport, Limits(), **settings)
        self.connection.connection_made(self.wire)

    def opened(self, connection: Connection) -> bool:
        return self.room

    def receive(self, data: bytes, flow: Flow) -> None:
        self.got.append((data, flow))

    def alias(self, connection: Connection, remote: tuple[str, int], name: str) -> None:
        self.aliases.append((remote, name))

    def lost(self, connection: Connection) -> None:
        self.gone.append(connection)

    def refused(self, flow: Flow, reason: str) -> None:
        self.reasons.append(reason)

    def patience(self) -> float:
        """Seconds until it is closed if nothing comes."""
        return self.connection._watch.deadline - asyncio.get_running_loop().time()


async def test_messages_are_handed_on_and_keep_alives_answered() -> None:
    line = Line()
    line.connection.data_received(ONE + b"\r\n\r\n")
    assert line.got == [(ONE, Flow("TCP", HERE, THERE, 3))]
    assert line.wire.written == [b"\r\n"]
    line.connection.send(b"answer")
    assert line.wire.written == [b"\r\n", b"answer"]
    line.connection.close()
    line.connection.send(b"more")
    assert (line.wire.written[-1], line.wire.ended) == (b"answer", "closed")
    line.connection.connection_lost(None)
    assert line.gone == [line.connection]
    assert line.connection.closed.done()
    line.connection.send(b"x")
    line.connection.close()
    line.connection.abort()
    line.connection.connection_lost(None)


async def test_the_flow_has_the_port_that_others_reach_us_at() -> None:
    assert Line(port=5061, name="a.example").connection.flow == Flow("TCP", ("192.0.2.1", 5061), THERE, 3, "a.example")


async def test_a_stream_that_cannot_be_cut_is_closed() -> None:
    line = Line()
    line.connection.data_received(b"A sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n")
    assert (line.wire.ended, line.got) == ("closed", [])
    assert "Content-Length" in line.reasons[0]
    line.connection.connection_lost(None)


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_comes_nothing_is_raised(seed: int) -> None:
    dice = random.Random(seed)
    line = Line()
    pieces = [ONE, b"\r\n", b"\r\n\r\n", b"l: 9\r\n", b"\0\xff", ONE[:20], b"content-length: 7\r\n\r\n"]
    for _ in range(200):
        line.connection.data_received(b"".join(dice.choices(pieces, k=dice.randrange(4))))
    line.connection.connection_lost(None)


async def test_a_peer_that_does_not_read() -> None:
    line = Line()
    line.wire.unread = 1_000_001
    line.connection.send(b"more")
    assert (line.wire.written, line.wire.ended, line.reasons) == ([], "aborted", ["a peer that does not read"])
    line.connection.connection_lost(None)


async def test_no_room() -> None:
    line = Line(room=False)
    assert line.wire.ended == "aborted"
    line.connection.connection_lost(None)


async def test_gone_before_it_was_looked_at() -> None:
    line = Line(extra={"sockname": None, "peername": None})
    assert line.wire.ended == "aborted"
    line.connection.connection_lost(None)


async def test_how_long_a_peer_may_be_silent() -> None:
    """Thirty seconds for the first message and for each, ten minutes for strangers, two hours for those we answered."""
    line = Line()
    assert 29 < line.patience() <= 30
    line.connection.data_received(b"\r\n\r\n")
    assert 29 < line.patience() <= 30, "a keep-alive is no message"
    line.connection.data_received(ONE[:5])
    first = line.connection._watch.deadline
    line.connection.data_received(ONE[5:7])
    assert line.connection._watch.deadline == first, "more of the same message gives no more time"
    line.connection._too_long()
    line.connection.data_received(ONE[7:])
    assert 599 < line.patience() <= 600
    line.connection._too_long()
    line.connection.send(b"answer")
    assert 7199 < line.patience() <= 7200
    assert line.reasons == ["a message that never ended", "an idle connection"]
    assert line.wire.ended == "aborted"
    line.connection.connection_lost(None)


async def test_a_connection_without_a_message() -> None:
    line = Line()
    line.connection._too_long()
    assert line.reasons == ["a connection without a message"]
    line.connection.connection_lost(None)


async def test_a_connection_of_ours_is_kept_alive() -> None:
    line = Line(accepted=False)
    assert 7199 < line.patience() <= 7200
    assert line.connection._ping._timer is not None
    line.connection._send_ping()
    assert line.wire.written == [b"\r\n\r\n"]
    assert line.connection._ping._timer is not None
    line.connection.connection_lost(None)
    assert line.connection._ping._timer is None


VIA = b"Via: SIP/2.0/TLS %s;branch=z9hG4bK1;alias\r\n"


@pytest.mark.parametrize(
    ("via", "names", "aliases"),
    [
        (VIA % b"Phone.example:5071", ["phone.example"], [(("192.0.2.2", 5071), "phone.example")]),
        (VIA % b"phone.example", ["phone.example"], [(("192.0.2.2", 5061), "phone.example")]),
        (VIA % b"victim.example", ["phone.example"], []),
        (VIA % b"phone.example", [], []),
        (VIA.replace(b";alias", b"") % b"phone.example", ["phone.example"], []),
        (VIA % b"phone.example:99999", ["phone.example"], []),
    ],
)
async def test_who_proved_a_name_is_reached_by_it(via: bytes, names: list[str], aliases: list[Any]) -> None:
    """RFC 5923: over the connection, at the address of the Via, for requests to that name; nobody takes another's."""
    extra = {"sockname": HERE, "peername": THERE, "ssl_object": Certificate(*names)}
    line = Line("TLS", extra=extra)
    line.connection.data_received(b"OPTIONS sip:a SIP/2.0\r\n" + via + b"\r\n")
    line.connection.data_received(b"OPTIONS sip:a SIP/2.0\r\n" + via + b"\r\n")
    assert line.aliases == aliases
    line.connection.connection_lost(None)


async def test_a_watch_goes_off_once_and_not_before() -> None:
    late: list[float] = []
    loop = asyncio.get_running_loop()
    watch = Watch(lambda: late.append(loop.time()))
    watch.set(100.0)
    timer = watch._timer
    watch.set(200.0)
    assert watch._timer is timer, "a later deadline moves no timer"
    watch._due()
    assert (late, watch._timer is not None) == ([], True)
    watch.set(0.0)
    assert watch._timer is not timer
    watch._due()
    assert len(late) == 1
    watch.stop()
