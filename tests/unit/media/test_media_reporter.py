"""RTCP on real sockets: beside RTP or with it, plain or encrypted, from the peer and from strangers."""

import errno
import random
import socket
from collections.abc import Iterator

import pytest

from ringback.media import g711
from ringback.media.arena import ClipArena
from ringback.media.plane import LegSetup, Plane, SourceMoved
from ringback.media.reporter import Reporter
from ringback.media.secure import SecureLegs
from ringback.media.sockets import Sockets
from ringback.media.stats import LegStats
from ringback.rtp.packet import RtpPacket
from ringback.rtp.reports import ntp_short, ntp_time
from ringback.rtp.rtcp import ReportBlock, RtcpPacket, SenderInfo, SenderReport, compound, parse
from ringback.rtp.srtp import SUITES, SrtpSession

NOW = 1_750_000_000.0
PORTS = (31000, 31998)
HOST = "127.0.0.1"
THEIRS = 0xBBBB
KEY_IN, KEY_OUT = bytes(range(30)), bytes(range(30, 60))


class Rig:
    """What a worker has, without its thread and its clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.plane = Plane(4, ClipArena(10))
        self.sockets = Sockets(4, self.plane.sources)
        self.secure = SecureLegs(4)
        self.reporter = Reporter(self.plane, self.sockets, self.secure, lambda: self.now, random.Random(1))
        self.phones: list[socket.socket] = []

    def phone(self) -> tuple[socket.socket, socket.socket]:
        """A telephone's pair of sockets."""
        pair = self.sockets.bind(HOST, 32000, 32998)
        for one in pair:
            one.settimeout(1.0)
        self.phones += pair
        return pair

    def leg(self, mode: str, phone: socket.socket, remote: tuple[str, int] | None = None) -> int:
        rtp, rtcp = self.sockets.bind(HOST, *PORTS)
        row = self.plane.open(0xAAAA, 1, 1)
        self.sockets.add(row, rtp)
        self.reporter.add(row, rtcp)
        self.sockets.negotiate(row, *phone.getsockname())
        self.reporter.setup(row, mode, remote)
        self.plane.setup(row, LegSetup(0, {0: g711.PCMU}))
        return row

    def ports(self, row: int) -> tuple[int, int]:
        port = int(self.sockets._legs[row].main.getsockname()[1])
        return port, port + 1

    def ticks(self, count: int = 1) -> None:
        """What a worker does."""
        for _ in range(count):
            received = self.sockets.receive()
            if received is not None and self.secure.active:
                received = self.secure.unprotect(received)
            if received is not None:
                self.reporter.take(received)
            sent = self.plane.tick(received)
            for event in sent.events:
                if isinstance(event, SourceMoved):
                    self.sockets.aim(event.row)
            self.reporter.tick()

    def close(self, row: int) -> LegStats:
        self.reporter.close_leg(row)
        self.sockets.remove(row)
        return self.plane.close(row)

    def stop(self) -> None:
        self.reporter.close()
        self.sockets.close()
        for each in self.phones:
            each.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.stop()


def audio(number: int) -> bytes:
    return bytes(RtpPacket(0, number, 160 * number, THEIRS, b"\x80" * 160))


def their_report(rig: Rig, lost: int = 3) -> bytes:
    """They sent nothing lately, and heard our report of a second ago 20 ms after it was sent."""
    block = ReportBlock(0xAAAA, 0, lost, 9, 160, ntp_short(ntp_time(rig.now - 1)), round(0.9 * 65536))
    return compound(THEIRS, "they", (block,))


def kinds(data: bytes) -> list[str]:
    return [type(packet).__name__ for packet in parse(data)]


def first(data: bytes) -> RtcpPacket:
    return parse(data)[0]


def test_reports_go_to_the_port_above_that_of_the_audio_and_come_from_ours(rig: Rig) -> None:
    rtp, rtcp = rig.phone()
    row = rig.leg("port", rtp)
    rtp.sendto(audio(1), (HOST, rig.ports(row)[0]))
    rig.ticks(200)
    data, source = rtcp.recvfrom(2048)

    report = first(data)
    assert isinstance(report, SenderReport)
    assert (report.ssrc, report.blocks[0].ssrc) == (0xAAAA, THEIRS)
    assert source == (HOST, rig.ports(row)[1])
    rig.reporter.close_leg(row)
    rtcp.settimeout(1)
    while "Goodbye" not in kinds(data):
        data = rtcp.recv(2048)


def test_what_the_peer_reports_is_in_the_figures(rig: Rig) -> None:
    rtp, rtcp = rig.phone()
    row = rig.leg("port", rtp)
    for number in range(60):
        rtp.sendto(audio(number), (HOST, rig.ports(row)[0]))
        if number == 5:
            rtcp.sendto(their_report(rig), (HOST, rig.ports(row)[1]))
        rig.ticks()
    figures = rig.close(row)

    assert figures.rtt_ms == pytest.approx(100, abs=1)
    assert (figures.far_lost, figures.far_jitter_ms) == (3, 20.0)
    assert figures.delay_ms == pytest.approx(110, abs=30), "half of the round trip is in it"
    again = rig.leg("port", rtp)
    assert (rig.plane.stats(again).rtt_ms, rig.plane.stats(again).far_lost) == (0, 0)


def test_reports_go_where_the_peer_wants_them_and_then_where_its_own_come_from(rig: Rig) -> None:
    rtp, _ = rig.phone()
    wanted, real = rig.phone()
    row = rig.leg("port", rtp, wanted.getsockname())
    rig.ticks(200)
    assert kinds(wanted.recv(2048))

    real.sendto(their_report(rig), (HOST, rig.ports(row)[1]))
    rig.ticks(400)
    assert kinds(real.recv(2048))


def test_strangers_are_counted_and_not_heard(rig: Rig) -> None:
    """From a host that is neither the audio's nor the one that was negotiated."""
    rtp, _ = rig.phone()
    row = rig.leg("port", rtp)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.sendto(their_report(rig), (HOST, rig.ports(row)[1]))
        rig.ticks()
    figures = rig.plane.stats(row)
    assert (figures.refused, figures.rtt_ms) == (1, 0)


def test_nobody_is_reported_to_while_nothing_is_wanted(rig: Rig) -> None:
    rtp, rtcp = rig.phone()
    row = rig.leg("port", rtp)
    rig.sockets.negotiate(row, "0.0.0.0", 0)
    rtcp.sendto(their_report(rig), (HOST, rig.ports(row)[1]))
    rig.ticks(400)
    assert rig.plane.stats(row).refused == 1
    rtcp.setblocking(False)
    with pytest.raises(BlockingIOError):
        rtcp.recv(2048)


def test_on_one_port_reports_are_told_from_audio(rig: Rig) -> None:
    rtp, _ = rig.phone()
    row = rig.leg("mux", rtp)
    for number in range(20):
        rtp.sendto(audio(number), (HOST, rig.ports(row)[0]))
        rig.ticks()
    rtp.sendto(their_report(rig), (HOST, rig.ports(row)[0]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(their_report(rig, 99), (HOST, rig.ports(row)[0]))
        rig.ticks()
    rig.ticks(200)
    figures = rig.plane.stats(row)

    assert (figures.received, figures.invalid, figures.refused, figures.far_lost) == (20, 0, 1, 3)
    rtp.settimeout(1)
    data = rtp.recv(2048)
    assert kinds(data)[-1] == "SourceDescription"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, rig.ports(row)[1]))  # the port beside is not needed, and free


@pytest.mark.parametrize("mode", ["port", "mux"])
def test_where_audio_is_encrypted_reports_are_too(rig: Rig, mode: str) -> None:
    rtp, rtcp = rig.phone()
    row = rig.leg(mode, rtp)
    rig.secure.setup(row, next(iter(SUITES)), KEY_IN, KEY_OUT)
    peer = SrtpSession(next(iter(SUITES)), KEY_OUT, KEY_IN)
    theirs = rtcp if mode == "port" else rtp
    port = rig.ports(row)[mode == "port"]
    rtp.sendto(peer.protect(audio(1)), (HOST, rig.ports(row)[0]))
    rig.ticks()
    theirs.sendto(their_report(rig, 99), (HOST, port))
    theirs.sendto(peer.protect_rtcp(their_report(rig)), (HOST, port))
    rig.ticks(200)

    assert rig.plane.stats(row).far_lost == 3
    refused = rig.secure.refused(row)
    assert refused.forged + refused.malformed == 1
    plain = peer.unprotect_rtcp(theirs.recv(2048))
    assert plain is not None
    assert kinds(plain) == ["SenderReport" if rig.plane.stats(row).sent else "ReceiverReport", "SourceDescription"]


def test_a_leg_may_have_reports_or_not_with_each_offer(rig: Rig) -> None:
    """A port that was closed is not taken again."""
    rtp, rtcp = rig.phone()
    row = rig.leg("port", rtp)
    rig.reporter.setup(row, "port", None)
    rig.reporter.setup(row, "off", None)
    rig.reporter.setup(row, "port", None)
    rig.ticks(400)
    rtcp.setblocking(False)
    with pytest.raises(BlockingIOError):
        rtcp.recv(2048)
    rig.reporter.setup(row, "mux", None)
    rig.reporter.setup(row, "off", None)
    rig.close(row)


def test_junk_and_errors_of_the_network_end_nothing(rig: Rig) -> None:
    rtp, rtcp = rig.phone()
    row = rig.leg("port", rtp)
    for data in (
        b"",
        b"\x80",
        b"\x80\xc8\xff\xff",
        bytes(2000),
        SenderReport(1, SenderInfo(0, 0, 0, 0)).__bytes__()[:9],
    ):
        rtcp.sendto(data, (HOST, rig.ports(row)[1]))
        rig.ticks()
    rtcp.close()
    rig.ticks(800)  # each report comes back as an ICMP error
    assert rig.plane.stats(row).refused == 0


def test_a_read_that_fails_is_passed_over(rig: Rig) -> None:
    rtp, rtcp = rig.phone()
    row = rig.leg("port", rtp)

    class Failing:
        def recvfrom(self, size: int) -> tuple[bytes, tuple[str, int]]:
            raise OSError(errno.ECONNREFUSED, "refused")

    rtcp.sendto(their_report(rig), (HOST, rig.ports(row)[1]))
    real = rig.reporter._sockets[row]
    rig.reporter._sockets[row] = Failing()  # type: ignore[assignment]
    rig.ticks()
    rig.reporter._sockets[row] = real
    rig.ticks()
    assert rig.plane.stats(row).far_lost == 3


def test_a_report_that_cannot_be_encrypted_is_not_sent(rig: Rig) -> None:
    rtp, rtcp = rig.phone()
    row = rig.leg("port", rtp)
    rig.secure.setup(row, next(iter(SUITES)), KEY_IN, KEY_OUT)
    session = rig.secure.session(row)
    assert session is not None
    for ssrc in range(40):
        session._said.add(ssrc.to_bytes(4, "big"))
    rig.ticks(400)
    rtcp.setblocking(False)
    with pytest.raises(BlockingIOError):
        rtcp.recv(2048)


def test_a_mode_that_is_none_is_refused(rig: Rig) -> None:
    rtp, _ = rig.phone()
    with pytest.raises(ValueError, match="nowhere"):
        rig.leg("nowhere", rtp)
