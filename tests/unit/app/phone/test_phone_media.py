"""The beat of a call: steady on a clock moved by hand, over real sockets."""

import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ringback.app.phone import media as media_module
from ringback.app.phone.hearing import Hearing
from ringback.app.phone.media import Media
from ringback.app.phone.speaking import Speaking
from ringback.rtp.packet import RtpPacket, parse
from tests.unit.app.phone.hand_loop import HandLoop


@pytest.fixture
def loop() -> HandLoop:
    return HandLoop()


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.setblocking(False)
        yield opened


@pytest.fixture
def media(loop: HandLoop) -> Iterator[Media]:
    opened = Media("127.0.0.1", Hearing(10), loop)  # type: ignore[arg-type]
    yield opened
    opened.close()


def started(media: Media, peer: socket.socket) -> Speaking:
    speaking = Speaking(1, 0, 0, codec=0, payload_type=0, event_type=101)
    media.start(peer.getsockname(), speaking)
    return speaking


def received(peer: socket.socket) -> list[RtpPacket]:
    packets = []
    while select.select([peer], [], [], 0)[0]:
        packets.append(parse(peer.recv(2048)))
    return packets


async def test_one_packet_leaves_every_20_ms(loop: HandLoop, media: Media, peer: socket.socket):
    started(media, peer)
    loop.until(100.99)
    assert [packet.sequence for packet in received(peer)] == list(range(50))


async def test_a_small_delay_is_caught_up_and_a_long_one_is_left_out(loop: HandLoop, media: Media, peer: socket.socket):
    started(media, peer)
    loop.until(100.0)
    loop.now = 100.05
    loop.until(100.05)
    assert [packet.timestamp for packet in received(peer)] == [0, 160, 320]
    loop.now = 101.0
    loop.until(101.0)
    late = received(peer)
    assert len(late) <= 2
    assert late[-1].timestamp == pytest.approx(50 * 160, abs=160)


async def test_nothing_is_sent_before_the_start_or_while_the_call_is_held(
    loop: HandLoop, media: Media, peer: socket.socket
):
    loop.until(101)
    assert received(peer) == []
    started(media, peer)
    media.turn_to(None)
    loop.until(102)
    assert received(peer) == []


async def test_the_port_is_even(media: Media):
    assert media.port % 2 == 0


async def test_only_the_other_side_is_heard(loop: HandLoop, media: Media, peer: socket.socket):
    packet = bytes(RtpPacket(0, 0, 0, 1, b"\x00" * 160))
    peer.sendto(packet, ("127.0.0.1", media.port))
    assert loop.reader is not None
    loop.reader()
    assert media.hearing.first_packet is None
    media.listen_to("127.0.0.1")
    peer.sendto(packet, ("127.0.0.1", media.port))
    loop.now = 100.5
    loop.reader()
    assert media.hearing.first_sound == 100.5


async def test_a_condition_is_looked_at_every_20_ms(loop: HandLoop, media: Media):
    late, never = media.when(lambda now: now >= 100.5), media.when(lambda now: False)
    gone = media.when(lambda now: False)
    gone.cancel()
    loop.until(101)
    assert late.result() == pytest.approx(100.5, abs=0.021)
    assert not never.done()
    media.close()
    media.close()
    assert never.cancelled()
    assert media.when(lambda now: True).cancelled()
    assert loop.reader is None


async def test_errors_of_the_socket_are_lost_packets(loop: HandLoop, media: Media, monkeypatch: pytest.MonkeyPatch):
    """An ICMP error turns up at the next call on the socket; the signalling will say what it meant."""

    class Failing:
        calls = 0

        def sendto(self, *_: Any) -> None:
            raise OSError("no buffer")

        def recvfrom(self, _: int) -> Any:
            self.calls += 1
            raise ConnectionRefusedError if self.calls < 3 else BlockingIOError

    started(media, media._socket)
    failing = Failing()
    with monkeypatch.context() as patch:
        patch.setattr(media, "_socket", failing)
        loop.until(100.1)
        media._read()
    assert failing.calls == 3


async def test_a_machine_without_free_ports_says_so(monkeypatch: pytest.MonkeyPatch):
    class Odd(socket.socket):
        def getsockname(self) -> Any:
            return ("127.0.0.1", 7)

    monkeypatch.setattr(media_module.socket, "socket", Odd)
    with pytest.raises(OSError, match=r"no even UDP port is free at 127\.0\.0\.1"):
        media_module._bind("127.0.0.1")


async def test_a_foreign_address_cannot_be_listened_at():
    with pytest.raises(OSError):
        media_module._bind("203.0.113.1")
