"""SRTP of legs: the other end is libsrtp itself, without ours around it."""

from collections.abc import Iterator

import numpy as np
import pytest
from pylibsrtp import Policy, Session

from ringback.media.inbound import PACKET_WIDTH, Received
from ringback.media.leg import SrtpKeys
from ringback.media.outbound import Sent
from ringback.media.secure import SecureLegs
from ringback.rtp.packet import RtpPacket, parse
from ringback.rtp.rtcp import compound
from ringback.rtp.srtp import MAX_SOURCES, SUITES, SrtpError
from tests.unit.media.worker_rig import EVENTS, Phone, WorkerRig

LONG, SHORT = SUITES
OURS, THEIRS = bytes(range(30)), bytes(range(100, 130))


class Peer:
    """libsrtp with the keys of the other end."""

    def __init__(self, suite: str = LONG, key: bytes = THEIRS, hears: bytes = OURS) -> None:
        profile = SUITES[suite]
        self.out = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self.back = Session(Policy(key=hears, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))

    def packet(self, sequence: int, ssrc: int = 7, payload: bytes = b"\x80" * 160) -> bytes:
        return self.out.protect(bytes(RtpPacket(0, sequence, 160 * sequence, ssrc, payload)))


def received(*arriving: tuple[int, bytes]) -> Received:
    buffer = np.zeros((len(arriving), PACKET_WIDTH), np.uint8)
    for line, (_, data) in zip(buffer, arriving, strict=True):
        line[: len(data)] = np.frombuffer(data, np.uint8)
    length = np.array([len(data) for _, data in arriving])
    rows = np.array([row for row, _ in arriving])
    return Received(buffer, length, rows, rows.copy())


def inside(left: Received | None) -> list[tuple[int, bytes]]:
    if left is None:
        return []
    return [
        (row, line[:size].tobytes())
        for row, line, size in zip(left.rows.tolist(), left.buffer, left.length, strict=True)
    ]


def legs(suite: str = LONG) -> SecureLegs:
    """Row 1 is encrypted, the others are not."""
    made = SecureLegs(4)
    made.setup(1, suite, THEIRS, OURS)
    return made


PLAIN = bytes(RtpPacket(0, 5, 800, 9, b"\x42" * 160))


@pytest.mark.parametrize("suite", SUITES)
def test_what_comes_for_a_leg_is_decrypted_and_what_comes_for_others_is_not_touched(suite: str) -> None:
    secure, peer = legs(suite), Peer(suite)

    left = inside(secure.unprotect(received((0, PLAIN), (1, peer.packet(1)), (2, PLAIN))))

    assert [row for row, _ in left] == [0, 1, 2]
    assert left[0][1] == left[2][1] == PLAIN
    assert parse(left[1][1]).payload == b"\x80" * 160


def test_replayed_and_forged_packets_are_counted_and_left_out() -> None:
    secure, peer = legs(), Peer()
    first = peer.packet(1)
    changed = bytearray(peer.packet(2))
    changed[20] ^= 1

    left = inside(
        secure.unprotect(received((1, first), (1, first), (1, bytes(changed)), (1, PLAIN), (1, b"\x80\0"), (0, PLAIN)))
    )

    assert [(row, parse(data).sequence) for row, data in left] == [(1, 1), (0, 5)]
    refused = secure.refused(1)
    assert (refused.replayed, refused.forged, refused.malformed) == (1, 2, 1)
    assert secure.unprotect(received((1, first))) is None


def test_legs_without_keys_are_not_looked_at() -> None:
    secure = legs()
    packets = received((0, PLAIN), (3, b""))

    assert secure.unprotect(packets) is packets
    assert secure.refused(0) == SecureLegs(1).refused(0)
    assert secure.session(0) is None


def test_reports_on_the_port_of_the_audio_are_decrypted_as_reports() -> None:
    secure, peer = legs(), Peer()
    report = compound(7, "phone")

    assert inside(secure.unprotect(received((1, peer.out.protect_rtcp(report))))) == [(1, report)]


def test_what_goes_out_is_encrypted_and_everything_else_stays_as_it_is() -> None:
    secure, peer = legs(), Peer()
    packets = np.zeros((4, 172), np.uint8)
    for row in range(4):
        packets[row] = np.frombuffer(bytes(RtpPacket(0, 10 + row, 0, row, b"\x11" * 160)), np.uint8)
    key = bytes(RtpPacket(EVENTS, 14, 0, 1, b"\1\2\3\4"))
    sent = Sent(np.array([0, 1, 3]), extra=[(1, key), (0, key)])

    secure.protect(sent, packets)

    assert sent.rows.tolist() == [0, 3]
    assert [row for row, _ in sent.extra] == [1, 1, 0]
    assert [peer.back.unprotect(data) for row, data in sent.extra if row == 1] == [packets[1].tobytes(), key]
    assert sent.extra[2][1] == key


def test_what_cannot_be_encrypted_is_not_sent() -> None:
    """Never plain: an SSRC more than one key may have."""
    secure = legs()
    for ssrc in range(MAX_SOURCES + 1):
        sent = Sent(extra=[(1, bytes(RtpPacket(0, 1, 0, ssrc, b"x" * 160)))])
        secure.protect(sent, np.zeros((4, 172), np.uint8))
    assert sent.extra == []


def test_a_new_offer_with_the_same_keys_goes_on_where_it_was() -> None:
    """Also when the leg was plain in between."""
    secure, peer = legs(), Peer()
    first = peer.packet(1)
    secure.unprotect(received((1, first)))

    secure.plain(1)
    assert not secure.active
    assert inside(secure.unprotect(received((1, PLAIN)))) == [(1, PLAIN)]
    secure.setup(1, LONG, THEIRS, OURS)

    assert secure.unprotect(received((1, first))) is None
    assert secure.refused(1).replayed == 1


def test_another_key_begins_anew_and_a_closed_leg_is_forgotten() -> None:
    secure, peer = legs(), Peer()
    first = peer.packet(1)
    secure.unprotect(received((1, first)))
    secure.setup(1, LONG, bytes(30), OURS)
    assert secure.unprotect(received((1, peer.packet(2)))) is None
    assert secure.session(1) is not None

    secure.close(1)

    assert not secure.active
    assert secure.refused(1).forged == 0
    secure.setup(1, LONG, THEIRS, OURS)
    assert inside(secure.unprotect(received((1, first))))


def test_keys_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(SrtpError, match="AES_256"):
        legs().setup(0, "AES_256", THEIRS, OURS)


def test_keys_are_not_shown() -> None:
    keys = SrtpKeys(LONG, THEIRS, OURS)
    assert repr(keys) == f"SrtpKeys(suite={LONG!r}, mki=b'')"
    assert keys.as_dict() == {"suite": LONG, "key_in": THEIRS_TEXT, "key_out": OURS_TEXT, "mki": ""}


OURS_TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
THEIRS_TEXT = "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CB"
KEYS = {"suite": LONG, "key_in": THEIRS_TEXT, "key_out": OURS_TEXT, "mki": ""}


@pytest.fixture
def rig() -> Iterator[WorkerRig]:
    made = WorkerRig()
    yield made
    made.stop()


def decrypted(phone: Phone, peer: Peer) -> RtpPacket:
    return parse(peer.back.unprotect(phone.socket.recv(2048)))


def test_a_worker_talks_to_a_peer_in_srtp(rig: WorkerRig) -> None:
    """Audio both ways, keys both ways, and what is no packet of the peer's counts and does nothing."""
    leg, port, phone = rig.call(srtp=KEYS)
    peer = Peer()
    before = decrypted(phone, peer)
    assert before.payload == b"\xff" * 160

    first = peer.packet(1)
    for data in (first, first, PLAIN, b"\x80\0" + 400 * b"x"):
        phone.socket.sendto(data, ("127.0.0.1", port))
    event = bytes(RtpPacket(EVENTS, 3, 480, 7, bytes([5, 10, 0, 160])))
    phone.socket.sendto(peer.out.protect(event), ("127.0.0.1", port))
    rig.wait_for("key", leg, key="5")
    rig.do("press", leg=leg, keys="9", token=1)
    for _ in range(100):
        packet = decrypted(phone, peer)
        if packet.payload_type == EVENTS:
            break
    assert packet.payload[0] == 9
    figures = rig.hang_up(leg)
    assert (figures["received"], figures["invalid"], figures["refused"]) == (2, 0, 0)
    assert (figures["replayed"], figures["forged"]) == (1, 2)


def test_keys_that_the_worker_cannot_use_leave_the_leg_as_it_was(rig: WorkerRig) -> None:
    leg, _, phone = rig.call()
    refused = rig.setup(leg, phone.address, srtp=KEYS | {"suite": "AES_256"})
    assert refused["error"].startswith("'AES_256' is none of")
    for broken in ({"key_in": "*"}, {"key_out": None}):
        assert OURS_TEXT not in rig.setup(leg, phone.address, srtp=KEYS | broken)["error"]
    phone.drain()
    assert phone.receive().payload == b"\xff" * 160
