"""SRTP of one leg: against RFC 3711's vectors, and against everything that can happen to a packet on its way."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.rtp.packet import RtpPacket
from ringback.rtp.rtcp import compound
from ringback.rtp.srtp import MAX_BYTES, MAX_SOURCES, SUITES, WINDOW, Refused, SrtpError, SrtpSession
from tests.unit.rtp import srtp_reference as reference

LONG, SHORT = SUITES
TAGS = {LONG: 10, SHORT: 4}
OURS, THEIRS = bytes(range(30)), bytes(range(100, 130))
RFC_KEY = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6")


def pair(suite: str = LONG, *, mki: bytes = b"") -> tuple[SrtpSession, SrtpSession]:
    """Both ends of a leg: ours, and the peer's."""
    return SrtpSession(suite, THEIRS, OURS), SrtpSession(suite, OURS, THEIRS, mki=mki)


def rtp(sequence: int, ssrc: int = 7, payload: bytes = b"hello" * 32) -> bytes:
    return bytes(RtpPacket(0, sequence, 160 * sequence, ssrc, payload))


def test_the_reference_is_that_of_the_rfc() -> None:
    """RFC 3711 appendix B.2 and B.3."""
    session_key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    stream = reference.key_stream(session_key, 0xF0F1F2F3F4F5F6F7F8F9FAFBFCFD0000, 48)

    assert stream.hex() == (
        "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0"
    )
    assert reference.derive(RFC_KEY, 0, 16).hex() == "c61e7a93744f39ee10734afe3ff7a087"
    assert reference.derive(RFC_KEY, 2, 14).hex() == "30cbbc08863d8c85d49db34a9ae1"
    assert reference.derive(RFC_KEY, 1, 20).hex() == "cebe321f6ff7716b6fd4ab49af256a156d38baa4"


@pytest.mark.parametrize("suite", SUITES)
def test_packets_are_those_of_the_rfc(suite: str) -> None:
    """Before and after the sequence number has wrapped."""
    session = SrtpSession(suite, THEIRS, RFC_KEY)
    for sequence, rollovers in ((65534, 0), (65535, 0), (0, 1), (1, 1)):
        packet = rtp(sequence, 0xCAFEBABE, b"\xab" * 16)
        assert session.protect(packet) == reference.protect(RFC_KEY, packet, rollovers=rollovers, tag=TAGS[suite])


@pytest.mark.parametrize("suite", SUITES)
def test_reports_are_those_of_the_rfc(suite: str) -> None:
    """The tag of SRTCP is the long one in both suites (RFC 4568 §6.2.2)."""
    session = SrtpSession(suite, THEIRS, RFC_KEY)
    report = compound(0xCAFEBABE, "pbx1")

    assert [session.protect_rtcp(report) for _ in range(2)] == [
        reference.protect_rtcp(RFC_KEY, report, index=index) for index in (1, 2)
    ]


@pytest.mark.parametrize("suite", SUITES)
@given(payload=st.binary(max_size=480), sequence=st.integers(0, 65535), ssrc=st.integers(0, 2**32 - 1))
def test_there_and_back(suite: str, payload: bytes, sequence: int, ssrc: int) -> None:
    us, peer = pair(suite)
    packet, report = rtp(sequence, ssrc, payload), compound(ssrc, "pbx1")
    sent = us.protect(packet)

    assert len(sent) == len(packet) + TAGS[suite]
    assert peer.unprotect(sent) == packet
    assert peer.unprotect_rtcp(us.protect_rtcp(report)) == report
    assert us.unprotect(peer.protect(packet)) == packet
    assert us.refused == peer.refused == Refused()


def test_a_long_call_rolls_over_twice() -> None:
    us, peer = pair(SHORT)
    for count in range(0, 3 * 65536, 400):
        packet = rtp(count & 0xFFFF, payload=b"")
        assert peer.unprotect(us.protect(packet)) == packet


@pytest.mark.parametrize("suite", SUITES)
def test_no_byte_can_be_changed(suite: str) -> None:
    us, peer = pair(suite)
    sent, report = us.protect(rtp(5, payload=b"hi")), us.protect_rtcp(compound(7, "pbx1"))
    for at in range(len(sent)):
        assert peer.unprotect(sent[:at] + bytes((sent[at] ^ 1,)) + sent[at + 1 :]) is None
    for at in range(len(report)):
        assert peer.unprotect_rtcp(report[:at] + bytes((report[at] ^ 1,)) + report[at + 1 :]) is None
    assert peer.refused.forged > peer.refused.malformed
    assert peer.refused.forged + peer.refused.malformed == len(sent) + len(report)
    assert (peer.unprotect(sent), peer.unprotect_rtcp(report)) == (rtp(5, payload=b"hi"), compound(7, "pbx1"))


def test_no_end_can_be_cut() -> None:
    us, peer = pair()
    sent, report = us.protect(rtp(5)), us.protect_rtcp(compound(7, "pbx1"))

    assert not any(peer.unprotect(sent[:end]) for end in range(len(sent)))
    assert not any(peer.unprotect_rtcp(report[:end]) for end in range(len(report)))


@given(st.binary(max_size=1600))
def test_what_strangers_send_is_refused_and_counted(junk: bytes) -> None:
    peer = pair(mki=b"\x01")[1]
    for data in (junk, b"\x80\x00" + junk, b"\x81\xc9" + junk):
        assert peer.unprotect(data) is None
        assert peer.unprotect_rtcp(data) is None
    assert peer.refused.forged + peer.refused.malformed == 6


def test_plain_rtp_and_packets_under_another_key_are_forged() -> None:
    peer = pair()[1]
    assert peer.unprotect(rtp(1)) is None
    assert peer.unprotect(SrtpSession(LONG, OURS, THEIRS).protect(rtp(1))) is None
    assert peer.refused == Refused(forged=2)


def test_a_packet_is_taken_once() -> None:
    us, peer = pair()
    sent, report = us.protect(rtp(1)), us.protect_rtcp(compound(7, "pbx1"))
    assert (peer.unprotect(sent), peer.unprotect_rtcp(report)) == (rtp(1), compound(7, "pbx1"))

    assert (peer.unprotect(sent), peer.unprotect_rtcp(report)) == (None, None)
    assert peer.refused == Refused(replayed=2)


@pytest.mark.parametrize("start", [100, 65500])
def test_packets_may_overtake_each_other_within_the_window(start: int) -> None:
    us, peer = pair()
    sent = [us.protect(rtp((start + n) & 0xFFFF)) for n in range(300)]
    assert peer.unprotect(sent[0]) is not None
    rng = random.Random(1)
    shuffled = sorted(range(1, 300), key=lambda n: n + rng.randrange(WINDOW // 2))

    assert all(peer.unprotect(sent[n]) for n in shuffled)
    assert not any(peer.unprotect(packet) for packet in sent)
    assert peer.refused == Refused(replayed=300)


def test_a_packet_that_comes_after_the_window_is_too_late() -> None:
    us, peer = pair()
    sent = [us.protect(rtp(n)) for n in range(WINDOW + 2)]
    assert peer.unprotect(sent[-1]) is not None

    assert peer.unprotect(sent[0]) is None
    assert peer.unprotect(sent[2]) is not None
    assert peer.refused == Refused(replayed=1)


def test_the_peer_may_change_its_source_as_often_as_it_likes() -> None:
    """Each is kept apart, those heard last are remembered, and no more than MAX_SOURCES."""
    us = SrtpSession(LONG, THEIRS, OURS)
    others = [SrtpSession(LONG, OURS, THEIRS) for _ in range(4)]  # each of which may send from MAX_SOURCES sources
    sent = [others[n // MAX_SOURCES].protect(rtp(1, ssrc=n)) for n in range(4 * MAX_SOURCES)]
    for packet in sent[:MAX_SOURCES]:
        assert us.unprotect(packet)
    assert us.unprotect(others[0].protect(rtp(2, ssrc=0)))
    assert us.unprotect(sent[MAX_SOURCES])

    assert us.unprotect(sent[0]) is None, "heard last but one"
    assert us.unprotect(sent[1]), "heard longest ago, and forgotten"
    assert all(us.unprotect(packet) for packet in sent[MAX_SOURCES + 1 :])
    assert not any(us.unprotect(packet) for packet in sent[3 * MAX_SOURCES :])


def test_reports_count_as_sources_too() -> None:
    us = SrtpSession(LONG, THEIRS, OURS)
    for ssrc in range(3 * MAX_SOURCES):
        peer = SrtpSession(LONG, OURS, THEIRS)
        report = peer.protect_rtcp(compound(ssrc, "pbx1"))
        assert us.unprotect_rtcp(report)
        assert us.unprotect_rtcp(report) is None


def test_our_own_sources_are_few_and_never_begin_again() -> None:
    us = pair()[0]
    for ssrc in range(MAX_SOURCES):
        us.protect(rtp(1, ssrc=ssrc))
    for protect, packet in ((us.protect, rtp(1, ssrc=99)), (us.protect_rtcp, compound(99, "pbx1"))):
        with pytest.raises(SrtpError, match="32 sources"):
            protect(packet)
    assert us.protect(rtp(2, ssrc=0))


def test_what_cannot_be_encrypted() -> None:
    us, peer = pair()
    assert peer.unprotect(us.protect(rtp(1, payload=bytes(MAX_BYTES - 12))))
    for packet in (rtp(1), rtp(2, payload=bytes(MAX_BYTES - 11)), b"", rtp(2)[:11]):
        with pytest.raises(SrtpError, match="a packet cannot be encrypted"):
            us.protect(packet)
    with pytest.raises(SrtpError, match="a report cannot be encrypted"):
        us.protect_rtcp(bytes(7))


def test_keys_and_suites_are_checked() -> None:
    with pytest.raises(SrtpError, match="'AES_256' is none of AES_CM_128_HMAC_SHA1_80, "):
        SrtpSession("AES_256", OURS, THEIRS)
    with pytest.raises(SrtpError, match="30 bytes with their salt, not 30 and 29"):
        SrtpSession(LONG, OURS, THEIRS[:29])


def test_a_session_does_not_show_its_keys() -> None:
    assert repr(SrtpSession(LONG, OURS, THEIRS)) == f"SrtpSession({LONG})"


def test_a_new_agreement_on_the_same_keys_goes_on_where_it_was() -> None:
    us, peer = pair()
    sent = [us.protect(rtp(n & 0xFFFF)) for n in (65535, 65536, 65537)]
    assert all(peer.unprotect(packet) for packet in sent[:2])
    us.renew(LONG, THEIRS, OURS)
    peer.renew(LONG, OURS, THEIRS)

    assert peer.unprotect(sent[2])
    assert peer.unprotect(sent[1]) is None
    assert peer.unprotect(us.protect(rtp(2))) == rtp(2)
    with pytest.raises(SrtpError):
        us.protect(rtp(1))


def test_a_new_key_of_one_side_leaves_the_other_direction_alone() -> None:
    us, peer = pair()
    new = bytes(30)
    there, back = us.protect(rtp(1)), peer.protect(rtp(1))
    assert (peer.unprotect(there), us.unprotect(back)) == (rtp(1), rtp(1))
    us.renew(LONG, new, OURS)
    peer.renew(LONG, OURS, new)

    assert peer.unprotect(there) is None
    assert us.unprotect(back) is None
    assert us.unprotect(peer.protect(rtp(1))) == rtp(1)
    assert (us.refused, peer.refused) == (Refused(forged=1), Refused(replayed=1))


def test_another_suite_is_another_session() -> None:
    us, peer = pair()
    us.renew(SHORT, THEIRS, OURS)
    peer.renew(SHORT, OURS, THEIRS)

    assert peer.unprotect(us.protect(rtp(1))) == rtp(1)


@pytest.mark.parametrize("mki", [b"\x01", b"\x00\x00\x00\x01"])
@pytest.mark.parametrize("suite", SUITES)
def test_a_peer_may_name_its_key_in_each_packet(suite: str, mki: bytes) -> None:
    """RFC 3711 §3.1: the name stands before the tag. Who has announced one and sends none is understood too."""
    us, peer = pair(suite, mki=mki)
    tag = TAGS[suite]
    for number in range(1, 5):
        sent, report = us.protect(rtp(number)), us.protect_rtcp(compound(7, "pbx1"))
        if number < 4:
            sent, report = sent[:-tag] + mki + sent[-tag:], report[:-10] + mki + report[-10:]
        assert peer.unprotect(sent) == rtp(number)
        assert peer.unprotect_rtcp(report) == compound(7, "pbx1")
