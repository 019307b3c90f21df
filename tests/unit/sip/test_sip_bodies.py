"""Bodies: session descriptions and keys."""

import pytest

from ringback.sip import bodies
from ringback.sip.bodies import DTMF, DTMF_RELAY, UnsupportedBodyError, read_dtmf, sdp_of
from ringback.sip.message import Request, parse

HEAD = "INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:b>\r\nTo: <sip:a>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"


def request(headers: str, body: bytes) -> Request:
    """Make an INVITE with a body."""
    found = parse((HEAD + headers + "\r\n").encode() + body)
    assert isinstance(found, Request)
    return found


@pytest.mark.parametrize(
    "kind", ["Content-Type: application/sdp", "c: Application/SDP ; charset=utf-8", "", "Content-Encoding: identity"]
)
def test_sdp(kind: str) -> None:
    assert sdp_of(request(kind + "\r\n" if kind else "", b"v=0")) == b"v=0"


def test_no_body_is_no_sdp() -> None:
    assert sdp_of(request("Content-Type: text/plain\r\n", b"")) is None


@pytest.mark.parametrize("boundary", ["x1", '"x1"'])
def test_sdp_in_a_multipart_body(boundary: str) -> None:
    """RFC 5621: trunks put ISUP beside it."""
    body = (
        b"--x1\r\nContent-Type: application/ISUP\r\n\r\n\x01\x02\r\n"
        b"--x1\r\nContent-Type : application/sdp\r\n\r\nv=0\r\ns=-\r\n\r\n--x1--\r\n"
    )
    assert sdp_of(request(f"Content-Type: multipart/mixed; boundary={boundary}\r\n", body)) == b"v=0\r\ns=-\r\n"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Content-Type: text/plain\r\n", b"hi"),
        ("Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", b"v=0"),
        ("Content-Type: multipart/mixed\r\n", b"v=0"),
        ("Content-Type: multipart/mixed; boundary=x\r\n", b"--x\r\nContent-Type: text/plain\r\n\r\nv=0\r\n--x--"),
    ],
)
def test_other_bodies_are_refused(headers: str, body: bytes) -> None:
    with pytest.raises(UnsupportedBodyError):
        sdp_of(request(headers, body))


def test_a_body_that_may_be_ignored_is() -> None:
    """RFC 3261 §20.11."""
    headers = "Content-Type: text/plain\r\nContent-Disposition: icon; handling = optional\r\n"
    assert sdp_of(request(headers, b"hi")) is None


@pytest.mark.parametrize(
    ("kind", "body", "key", "milliseconds"),
    [
        (DTMF_RELAY, b"Signal=5\r\nDuration=160", "5", 160),
        (DTMF_RELAY, b"signal = * \r\n duration = 250 \r\n", "*", 250),
        (DTMF_RELAY, b"Duration=90\nSignal=#", "#", 90),
        (DTMF_RELAY, b"Signal=10\r\n", "*", 160),
        (DTMF_RELAY, b"Signal=11\r\nDuration=x", "#", 160),
        (DTMF_RELAY, b"Signal=d\r\nDuration=999999", "D", 10_000),
        (DTMF_RELAY, b"Signal=16\r\nDuration=160", None, 160),
        (DTMF, b"5", "5", 160),
        (DTMF, b" 7 \r\n", "7", 160),
        (DTMF, b"Signal=9\r\nDuration=100", "9", 100),
    ],
)
def test_keys(kind: str, body: bytes, key: str | None, milliseconds: int) -> None:
    assert read_dtmf(kind, body) == (key, milliseconds)


@pytest.mark.parametrize(
    ("kind", "body"),
    [(DTMF_RELAY, b"Signal=55"), (DTMF_RELAY, b"Duration=100"), (DTMF, b""), (DTMF, b"\xff"), ("text/plain", b"5")],
)
def test_what_is_no_key_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(UnsupportedBodyError):
        read_dtmf(kind, body)


def test_what_we_read_is_what_we_say_we_accept() -> None:
    assert (bodies.SDP, DTMF_RELAY, DTMF) == ("application/sdp", "application/dtmf-relay", "application/dtmf")
