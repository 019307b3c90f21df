"""The RTP sockets of legs: whose packets come in, where packets go, and what strangers are worth."""

import socket
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from ringback.media import sockets as sockets_module
from ringback.media.aio import Aio
from ringback.media.batch import Batch
from ringback.media.sockets import SocketError, Sockets
from ringback.media.sources import SourceLock
from ringback.media.uring import Uring

PORTS = (27000, 27998)


class Rig:
    """Sockets with the source lock of a plane, and peers."""

    def __init__(self, batches: Callable[[], Batch | None]) -> None:
        self.lock = SourceLock(8)
        self.sockets = Sockets(8, self.lock, batches)
        self.ports: dict[int, int] = {}
        self._peers: list[socket.socket] = []

    def leg(self, row: int) -> int:
        rtp, rtcp = self.sockets.bind("127.0.0.1", *PORTS)
        self._peers.append(rtcp)
        self.sockets.add(row, rtp)
        self.ports[row] = rtp.getsockname()[1]
        return self.ports[row]

    def peer(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 0))
        made.settimeout(1.0)
        self._peers.append(made)
        return made

    def heard(self) -> list[tuple[int, bytes, bool]]:
        """What has come: row, bytes, whether the lock admits it. What is learnt is aimed at, as the worker does."""
        received = self.sockets.receive()
        if received is None:
            return []
        valid = np.ones(len(received.rows), np.bool_)
        admitted, moved = self.lock.admit(received.rows, received.source, valid)
        for row in moved:
            self.sockets.aim(row)
        data = [bytes(line[:size]) for line, size in zip(received.buffer, received.length, strict=True)]
        told = zip(received.rows.tolist(), data, admitted.tolist(), strict=True)
        return [each for each, size in zip(told, received.length.tolist(), strict=True) if size >= 0]

    def send(self, row: int, data: bytes) -> None:
        packets = np.zeros((8, len(data)), np.uint8)
        packets[row] = np.frombuffer(data, np.uint8)
        self.sockets.send(np.array([row]), packets)

    def close(self) -> None:
        self.sockets.close()
        for peer in self._peers:
            peer.close()


@pytest.fixture(params=[lambda: None, Aio, Uring], ids=["one by one", "io_submit", "io_uring"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Every way of reading and sending that there is."""
    try:
        made = Rig(request.param)
    except OSError as error:
        pytest.skip(str(error))
    yield made
    made.close()


def where(peer: socket.socket) -> tuple[str, int]:
    return ("127.0.0.1", peer.getsockname()[1])


def test_packets_go_to_the_negotiated_address_until_another_is_learnt(rig: Rig) -> None:
    port, described, real = rig.leg(0), rig.peer(), rig.peer()
    rig.sockets.negotiate(0, *where(described))
    rig.send(0, b"one")
    assert described.recv(10) == b"one"
    real.sendto(b"here", ("127.0.0.1", port))
    assert rig.heard() == [(0, b"here", True)]
    rig.send(0, b"two")
    rig.sockets.send_one(0, b"three")
    assert [real.recv(10), real.recv(10)] == [b"two", b"three"]


def test_strangers_of_a_connected_leg_are_seen_and_refused(rig: Rig) -> None:
    port, phone, stranger = rig.leg(0), rig.peer(), rig.peer()
    rig.sockets.negotiate(0, *where(phone))
    phone.sendto(b"first", ("127.0.0.1", port))
    rig.heard()
    phone.sendto(b"audio", ("127.0.0.1", port))
    stranger.sendto(b"bleed", ("127.0.0.1", port))
    assert sorted(rig.heard()) == [(0, b"audio", True), (0, b"bleed", False)]
    assert rig.lock.refused[0] == 1


def test_a_peer_that_is_negotiated_anew_is_heard_from_its_new_address(rig: Rig) -> None:
    port, old, new = rig.leg(0), rig.peer(), rig.peer()
    rig.sockets.negotiate(0, *where(old))
    old.sendto(b"old", ("127.0.0.1", port))
    rig.heard()
    rig.sockets.negotiate(0, *where(new))
    rig.send(0, b"to you")
    assert new.recv(10) == b"to you"
    new.sendto(b"new", ("127.0.0.1", port))
    assert rig.heard() == [(0, b"new", True)]
    rig.send(0, b"again")
    assert new.recv(10) == b"again"
    old.sendto(b"late", ("127.0.0.1", port))
    assert rig.heard() == [(0, b"late", False)]


def test_legs_have_ports_of_their_own_also_while_strangers_are_listened_to(rig: Rig) -> None:
    port, phone = rig.leg(0), rig.peer()
    rig.sockets.negotiate(0, *where(phone))
    phone.sendto(b"hello", ("127.0.0.1", port))
    rig.heard()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
    assert rig.leg(1) != port


def test_four_packets_of_a_socket_are_read_at_once_and_the_rest_next_time(rig: Rig) -> None:
    port, phone = rig.leg(0), rig.peer()
    rig.sockets.negotiate(0, *where(phone))
    for number in range(6):
        phone.sendto(bytes([number]), ("127.0.0.1", port))
    assert [data for _, data, _ in rig.heard()] == [b"\0", b"\1", b"\2", b"\3"]
    assert [data for _, data, _ in rig.heard()] == [b"\4", b"\5"]
    assert rig.heard() == []


def test_a_peer_whose_port_is_closed_costs_its_packets_and_no_more(rig: Rig) -> None:
    port, phone, other = rig.leg(0), rig.peer(), rig.peer()
    other_port = rig.leg(1)
    rig.sockets.negotiate(0, *where(phone))
    rig.sockets.negotiate(1, *where(other))
    phone.sendto(b"hello", ("127.0.0.1", port))
    rig.heard()
    phone.close()
    for _ in range(5):
        rig.send(0, b"is anybody there")
        rig.sockets.send_one(0, b"hello")
        rig.heard()
    other.sendto(b"fine", ("127.0.0.1", other_port))
    assert (1, b"fine", True) in rig.heard() + rig.heard()


def test_nothing_is_sent_to_who_wants_nothing(rig: Rig) -> None:
    rig.leg(0)
    rig.sockets.negotiate(0, "0.0.0.0", 4000)
    rig.send(0, b"x")
    rig.sockets.send_one(0, b"x")
    assert 0 in rig.sockets
    rig.sockets.remove(0)
    assert 0 not in rig.sockets


@pytest.mark.parametrize(
    ("host", "port", "why"),
    [
        ("phone.example", 4000, "no IP address"),
        ("::1", 4000, "other family"),
        ("127.0.0.1", 70000, "no port"),
    ],
)
def test_an_address_that_cannot_be_sent_to_is_refused(rig: Rig, host: str, port: int, why: str) -> None:
    rig.leg(0)
    with pytest.raises(SocketError, match=why):
        rig.sockets.negotiate(0, host, port)


def test_a_port_that_cannot_be_had_says_what_to_set(rig: Rig) -> None:
    with pytest.raises(SocketError, match="media.host"):
        rig.sockets.bind("192.0.2.1", *PORTS)
    with pytest.raises(SocketError, match="no even port"):
        rig.sockets.bind("127.0.0.1", 27001, 27001)
    port = rig.leg(0)
    with pytest.raises(SocketError, match="are taken"):
        rig.sockets.bind("127.0.0.1", port, port)


def test_without_file_descriptors_it_says_so(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> socket.socket:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(sockets_module.socket, "socket", none_left)
    with pytest.raises(SocketError, match="ulimit"):
        rig.sockets.bind("127.0.0.1", *PORTS)


def test_a_leg_that_cannot_be_connected_goes_on_without(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    port, phone = rig.leg(0), rig.peer()
    rig.sockets.negotiate(0, *where(phone))

    def fails(main: socket.socket) -> socket.socket:
        raise OSError("no second socket")

    monkeypatch.setattr(sockets_module, "_beside", fails)
    phone.sendto(b"hello", ("127.0.0.1", port))
    assert rig.heard() == [(0, b"hello", True)]
    rig.send(0, b"all the same")
    assert phone.recv(20) == b"all the same"


def test_the_second_socket_is_closed_when_its_port_cannot_be_had() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as main,
    ):
        first.bind(("127.0.0.1", 0))

        class Elsewhere:
            family = socket.AF_INET
            setsockopt = main.setsockopt

            @staticmethod
            def getsockname() -> tuple[str, int]:
                return ("127.0.0.1", int(first.getsockname()[1]))

        with pytest.raises(OSError, match="in use"):
            sockets_module._beside(Elsewhere())  # type: ignore[arg-type]


def test_addresses_of_strangers_are_forgotten_and_those_of_legs_are_not(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets_module, "_MAX_SOURCES", 4)
    port, phone = rig.leg(0), rig.peer()
    rig.sockets.negotiate(0, *where(phone))
    phone.sendto(b"hello", ("127.0.0.1", port))
    rig.heard()
    strangers = [rig.peer() for _ in range(6)]
    for stranger in strangers:
        stranger.sendto(b"?", ("127.0.0.1", port))
    rig.heard()
    rig.heard()
    rig.sockets.tidy()
    assert len(rig.sockets._addresses) == 1
    phone.sendto(b"still me", ("127.0.0.1", port))
    assert rig.heard() == [(0, b"still me", True)]
    rig.send(0, b"still you")
    assert phone.recv(20) == b"still you"
