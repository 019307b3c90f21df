"""Messages to the wire."""

import pytest

from ringback.sip import wire
from ringback.sip.message import Request, SipParseError, parse
from ringback.sip.wire import ReplyHead, checked

REMOTE = ("192.0.2.2", 5060)
REQUEST = (
    "INVITE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKx, SIP/2.0/TCP b;q=\",\"\r\n"
    "v: SIP/2.0/UDP c\r\nRecord-Route: <sip:p;lr>,\r\n <sip:q>\r\nFrom:   J\udcf6rg   <sip:b@h> ;tag=1\r\n"
    "To: <sip:a@h>\r\nCall-ID: c\r\nCSeq: 0007  INVITE\r\n\r\n"
)  # fmt: skip


def read(text: str) -> Request:
    """Parse a request."""
    found = parse(text.encode("utf-8", "surrogateescape"))
    assert isinstance(found, Request)
    return found


def test_a_response_repeats_the_text_of_the_request() -> None:
    """RFC 3261 §8.2.6.2: same bytes, same order, whatever they are."""
    data = ReplyHead(read(REQUEST), REMOTE).response(180, "t1", [("Contact", "<sip:x>")], b"hi", establishes=True)
    assert data.decode("utf-8", "surrogateescape").split("\r\n") == [
        "SIP/2.0 180 Ringing",
        'Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKx, SIP/2.0/TCP b;q=","',
        "Via: SIP/2.0/UDP c",
        "From: J\udcf6rg   <sip:b@h> ;tag=1",
        "To: <sip:a@h>;tag=t1",
        "Call-ID: c",
        "CSeq: 0007  INVITE",
        "Record-Route: <sip:p;lr>, <sip:q>",
        "Contact: <sip:x>",
        "Content-Type: application/sdp",
        "Content-Length: 2",
        "",
        "hi",
    ]


def test_a_tag_that_is_there_stays() -> None:
    head = ReplyHead(read(REQUEST.replace("To: <sip:a@h>", "To: <sip:a@h> ; Tag=old")), REMOTE)
    assert b"To: <sip:a@h> ; Tag=old\r\n" in head.response(200, "new")


def test_reasons() -> None:
    head = ReplyHead(read(REQUEST), REMOTE)
    assert head.response(486).startswith(b"SIP/2.0 486 Busy Here\r\n")
    assert head.response(486, reason="Out for lunch").startswith(b"SIP/2.0 486 Out for lunch\r\n")
    assert head.response(299).startswith(b"SIP/2.0 299 Unknown\r\n")
    assert b"Record-Route" not in head.response(486)


def refusal(text: str) -> Request:
    """Return what could be read of a broken request."""
    with pytest.raises(SipParseError) as caught:
        parse(text.encode())
    assert caught.value.request is not None
    return caught.value.request


def test_a_request_that_lacks_headers_is_answered_with_those_it_has() -> None:
    data = ReplyHead(refusal("INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 INVITE\r\n\r\n"), REMOTE).response(
        400, "t"
    )
    assert data == (
        b"SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP h;received=192.0.2.2\r\n"
        b"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )


def test_a_broken_via_line_is_not_repeated_beyond_what_can_be_read() -> None:
    request = refusal('OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;x=", y\r\nFrom: <sip:b>\r\nTo: "\r\n\r\n')
    data = ReplyHead(request, REMOTE).response(400, "t")
    assert b"Via: SIP/2.0/UDP h;received=192.0.2.2\r\n" in data
    assert b'To: ";tag=t\r\n' in data


def test_a_request_of_ours() -> None:
    data = wire.request("BYE sip:b SIP/2.0", [("Via", "v"), ("To", "t")], [("Reason", "r")], b"x", "text/plain")
    assert data == (
        b"BYE sip:b SIP/2.0\r\nVia: v\r\nTo: t\r\nReason: r\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx"
    )


@pytest.mark.parametrize(
    "pair", [("X", "a\r\nEvil: b"), ("X", "a\nb"), ("X:", "a"), ("X\r", "a"), ("", "a"), ("X", "a\0")]
)
def test_lines_that_would_break_out_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="no header line"):
        checked([pair])


def test_harmless_lines_pass() -> None:
    assert checked([("X-Name", "Jörg\tB")]) == (("X-Name", "Jörg\tB"),)
