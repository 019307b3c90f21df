"""Messages off the wire: forgiven, refused, and answered all the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip import message
from ringback.sip.message import MAX_HEADERS, MAX_MESSAGE, Request, Response, SipParseError, clean, parse

HEAD = (
    "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:b@h>;tag=1\r\n"
    "To: <sip:a@h>\r\nCall-ID: c\r\nCSeq: 7 OPTIONS\r\n"
)
RESPONSE = HEAD.replace("OPTIONS sip:a@192.0.2.1 SIP/2.0", "SIP/2.0 200 All is well")


def refused(data: bytes, *, stream: bool = False) -> SipParseError:
    """Return the refusal of a message that must be refused."""
    with pytest.raises(SipParseError) as caught:
        parse(data, stream=stream)
    return caught.value


def test_a_request() -> None:
    request = parse((HEAD + "Content-Length: 2\r\n\r\nhi").encode())
    assert isinstance(request, Request)
    assert (request.method, request.uri, request.body) == ("OPTIONS", "sip:a@192.0.2.1", b"hi")
    assert (request.cseq, request.cseq_text, request.call_id) == (7, "7 OPTIONS", "c")
    assert (request.from_.uri, request.from_.tag, request.to.tag) == ("sip:b@h", "1", "")


def test_a_response() -> None:
    response = parse((RESPONSE + "\r\n").encode())
    assert isinstance(response, Response)
    assert (response.code, response.reason) == (200, "All is well")


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n" + HEAD.encode() + b"\r\n",
        HEAD.replace("Via:", "Via  :").encode() + b"\r\n",
        HEAD.replace("Via:", "v:").replace("Call-ID:", "I:").encode() + b"\r\n",
        HEAD.replace("CSeq: 7 OPTIONS", "CSeq: 7\r\n  OPTIONS").encode() + b"\r\n",
        HEAD.encode() + b"X: \xff\xfe\r\n\r\n",
        HEAD.encode() + b"Contact: *\r\n\r\n",
        HEAD.encode() + b"Content-Length: 0\r\n\r\ntrailing",
        HEAD.encode() + b"Content-Length:\t0\r\n\r\n",
        HEAD.replace("SIP/2.0\r", "sip/2.0\r").encode() + b"\r\n",
        HEAD.encode(),
    ],
    ids=[
        "CRLF first",
        "blank before colon",
        "compact",
        "folded",
        "bad UTF-8",
        "star",
        "trailing",
        "tab",
        "case",
        "no end",
    ],
)
def test_what_is_forgiven(data: bytes) -> None:
    request = parse(data)
    assert (request.cseq, request.call_id, request.body) == (7, "c", b"")
    assert request.contacts == []


def test_undecodable_bytes_survive() -> None:
    request = parse(HEAD.encode() + b"X-Name: J\xf6rg\r\n\r\n")
    value = request.headers["x-name"][0]
    assert value.encode("utf-8", "surrogateescape") == b"J\xf6rg"
    assert clean(value) == "J\ufffdrg"
    assert clean("plain") == "plain"
    assert clean("ü") == "ü"


def test_a_datagram_needs_no_content_length_and_a_stream_does() -> None:
    data = HEAD.encode() + b"\r\nbody"
    assert parse(data).body == b"body"
    assert refused(data, stream=True).status == 400
    assert parse(HEAD.encode() + b"\r\n", stream=True).body == b""


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("Content-Length: 5\r\n", "Content-Length is 5"),
        ("Content-Length: -1\r\n", "no number"),
        ("Content-Length: 1x\r\n", "no number"),
        ("Content-Length: 0\r\nContent-Length: 0\r\n", "more than one Content-Length"),
        ("CSeq: 8 OPTIONS\r\n", "more than one Cseq"),
        ("Max-Forwards: 256\r\n", "Max-Forwards"),
        ("Max-Forwards: many\r\n", "Max-Forwards"),
        ("no colon\r\n", "cannot be read"),
        ("bad name: x\r\n", "cannot be read"),
        (": x\r\n", "cannot be read"),
        ("X: a\rb\r\n", "no CRLF"),
        ("X: a\nb\r\n", "no CRLF"),
        ("Contact: <sip:x\r\n", "no URI"),
        ('Record-Route: "x\r\n', "not closed"),
        ("Record-Route: <sip:a>, nowhere\r\n", "no URI"),
        ('Require: a,"x\r\n', "not closed"),
    ],
)
def test_what_is_refused_with_400(lines: str, reason: str) -> None:
    error = refused((HEAD + lines + "\r\n").encode())
    assert error.status == 400
    assert reason in str(error)
    assert error.request is not None
    assert error.request.via is not None


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq"])
def test_a_missing_header_is_refused_with_400(name: str) -> None:
    lines = [line for line in HEAD.split("\r\n") if not line.startswith(name)]
    assert refused(("\r\n".join(lines) + "\r\n").encode()).status == 400


def test_an_empty_call_id_is_refused() -> None:
    assert refused((HEAD.replace("Call-ID: c", "Call-ID:") + "\r\n").encode()).status == 400


def test_without_a_via_there_is_nobody_to_answer() -> None:
    error = refused(("\r\n".join(HEAD.split("\r\n")[:1] + HEAD.split("\r\n")[2:]) + "\r\n").encode())
    assert (error.status, error.request) == (None, None)
    assert refused((HEAD.replace("SIP/2.0/UDP h;branch=z9hG4bKx", "?") + "\r\n").encode()).status is None


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("OPTIONS sip:a@h SIP/3.0", 505),
        ("OPTIONS sip:a@h and more SIP/2.0", 400),
        ("OPTIONS a@h SIP/2.0", 400),
        ("OPTIONS sip:a@h?x=y SIP/2.0", 400),
        ("OPTIONS sip:a@h:99999 SIP/2.0", 400),
        ("INVITE sip:a@h SIP/2.0", 400),
        ("ACK sip:a@h SIP/3.0", None),
        ("OPTIONS sip:a@h HTTP/1.1", None),
        ("OPT(IONS sip:a@h SIP/2.0", None),
        ("GET", None),
        ("", None),
        ("SIP/2.0 99 Low", None),
        ("SIP/2.0 700 High", None),
        ("SIP/2.0 2000 Long", None),
        ("SIP/2.0 OK", None),
        ("SIP/2.0", None),
        ("SIP/3.0 200 OK", None),
    ],
)
def test_start_lines(line: str, status: int | None) -> None:
    assert refused((line + HEAD[HEAD.index("\r\n") :] + "\r\n").encode()).status == status


def test_a_broken_response_is_never_answered() -> None:
    assert refused((RESPONSE.replace("7 OPTIONS", "99999999999 OPTIONS") + "\r\n").encode()).status is None


def test_too_large() -> None:
    error = refused(HEAD.encode() + b"\r\n" + b"x" * MAX_MESSAGE)
    assert error.status == 513


def test_too_many_headers() -> None:
    error = refused((HEAD + "X: y\r\n" * (MAX_HEADERS + 1) + "\r\n").encode())
    assert error.status == 400
    assert "header lines" in str(error)


def test_no_end_of_headers() -> None:
    assert refused(HEAD.encode()[:-5]).status == 400


def test_values_of_several_lines_are_one_list() -> None:
    request = parse((HEAD + 'Require: a, "b,c"\r\nRequire:\r\nRequire: d\r\n\r\n').encode())
    assert request.values("require") == ["a", '"b,c"', "d"]
    assert request.get("require") == 'a, "b,c"'
    assert request.get("nothing") is None


def test_headers_are_read_once() -> None:
    request = parse((HEAD + "Contact: <sip:x@y>;q=1, <sip:z>\r\nContent-Type: Text/Plain; charset=x\r\n\r\n").encode())
    assert request.contacts is request.contacts
    assert [contact.uri for contact in request.contacts] == ["sip:x@y", "sip:z"]
    assert request.content_type == "text/plain"


@given(st.binary(max_size=300), st.integers(0, 200), st.integers(0, 40))
def test_nothing_but_the_documented_error(junk: bytes, start: int, cut: int) -> None:
    """Whatever is put into a message, it is read or refused by SipParseError."""
    data = (HEAD + 'Contact: "A" <sip:x@y>\r\nContent-Length: 4\r\n\r\nbody').encode()
    for mutated in (junk, data[:start] + junk + data[start + cut :]):
        for stream in (False, True):
            try:
                message.parse(mutated, stream=stream)
            except SipParseError as error:
                assert (error.status is None) == (error.request is None)


def test_headers_of_words() -> None:
    """Without regard to case, over several lines, and empty where there is none."""
    request = parse((HEAD + "Supported: 100rel, Timer\r\nk: path\r\n\r\n").encode())
    assert request.tags("supported") == {"100rel", "timer", "path"}
    assert request.tags("require") == frozenset()
