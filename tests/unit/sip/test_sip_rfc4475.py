# ruff: noqa: E501 (a table is read by its rows)
"""Every message of RFC 4475 (SIP torture tests), the layer that must take or refuse it, and the answer that it gets.

`syntax` is the parser: `refused` means a SipParseError, with the status that the answer carries (None: no answer).
`endpoint` is the user agent behind it: a status, a new call, or silence.
"""

import random
from pathlib import Path
from typing import NamedTuple

import pytest

from ringback.sip import message
from ringback.sip.endpoint import Endpoint, Flow
from ringback.sip.events import IncomingCall, Send

VECTORS = Path(__file__).parents[2] / "vectors" / "rfc4475"
CALL, SILENCE = "call", "silence"


class Case(NamedTuple):
    """One message."""

    section: str
    name: str
    layer: str
    """The last layer that looks at it."""
    outcome: int | str
    why: str


CASES = [
    Case("3.1.1.1", "wsinv", "endpoint", 481, "Folded, oddly spaced, compact and unknown headers are all valid; its To tag names a dialog that we lack."),
    Case("3.1.1.2", "intmeth", "endpoint", 501, "All characters that a method, user part, display name, Call-ID and header name may have; nobody knows the method."),
    Case("3.1.1.3", "esc01", "endpoint", CALL, "Escapes in user parts and parameter names are no separators; an escaped sips: is a user, not a scheme."),
    Case("3.1.1.4", "escnull", "endpoint", 405, "Escaped NULs are part of three different URIs; registrations are not our business."),
    Case("3.1.1.5", "esc02", "endpoint", 501, "A percent sign in a method or header name escapes nothing, so this is neither REGISTER nor Contact."),
    Case("3.1.1.6", "lwsdisp", "endpoint", 200, "No blank is needed between a display name and its angle bracket."),
    Case("3.1.1.7", "longreq", "endpoint", CALL, "Very long values and 34 Via lines in all spellings are still one request."),
    Case("3.1.1.8", "dblreq", "endpoint", 405, "Content-Length ends the request; the second one in the same datagram is trailing noise."),
    Case("3.1.1.9", "semiuri", "endpoint", 200, "A semicolon before the @ belongs to the user part, not to parameters."),
    Case("3.1.1.10", "transports", "endpoint", 200, "Vias of other hops may name transports that nobody knows."),
    Case("3.1.1.11", "mpart01", "endpoint", 405, "A binary multipart body passes; MESSAGE is not supported."),
    Case("3.1.1.12", "unreason", "endpoint", SILENCE, "A reason phrase in UTF-8 is valid; the response belongs to no request of ours."),
    Case("3.1.1.13", "noreason", "endpoint", SILENCE, "An empty reason phrase is valid; the response belongs to no request of ours."),
    Case("3.1.2.1", "badinv01", "syntax", 400, "Semicolons and commas with nothing between them in Via and Contact."),
    Case("3.1.2.2", "clerr", "syntax", 400, "Content-Length is larger than the datagram."),
    Case("3.1.2.3", "ncl", "syntax", 400, "Content-Length is negative."),
    Case("3.1.2.4", "scalar02", "syntax", 400, "CSeq, Max-Forwards and Expires are beyond their ranges."),
    Case("3.1.2.5", "scalarlg", "syntax", SILENCE, "A response with a CSeq beyond 2**31 is dropped."),
    Case("3.1.2.6", "quotbal", "syntax", 400, "The quoted display name of To is not closed."),
    Case("3.1.2.7", "ltgtruri", "syntax", 400, "The Request-URI stands in angle brackets."),
    Case("3.1.2.8", "lwsruri", "syntax", 400, "A blank within the Request-URI: where does it end?"),
    Case("3.1.2.9", "lwsstart", "endpoint", CALL, "Two blanks between the parts of the start line can be read in one way only: forgiven."),
    Case("3.1.2.10", "trws", "endpoint", 200, "Blanks behind SIP/2.0 can be read in one way only: forgiven."),
    Case("3.1.2.11", "escruri", "syntax", 400, "A Request-URI must not carry headers."),
    Case("3.1.2.12", "baddate", "endpoint", CALL, "Date is not in GMT; nothing depends on it."),
    Case("3.1.2.13", "regbadct", "syntax", 400, "A Contact URI with headers must stand in angle brackets."),
    Case("3.1.2.14", "badaspec", "endpoint", 200, "Blanks inside the angle brackets of To can be read in one way only: forgiven."),
    Case("3.1.2.15", "baddn", "endpoint", 200, "A comma in an unquoted display name; From and To hold one address, so it is clear: forgiven."),
    Case("3.1.2.16", "badvers", "syntax", 505, "SIP/7.0 is not spoken here, but its request can be answered."),
    Case("3.1.2.17", "mismatch01", "syntax", 400, "CSeq names another method than the start line."),
    Case("3.1.2.18", "mismatch02", "syntax", 400, "CSeq names another method than the start line, which nobody knows besides."),
    Case("3.1.2.19", "bigcode", "syntax", SILENCE, "A status code of ten digits is dropped and overflows nothing."),
    Case("3.2.1", "badbranch", "endpoint", 200, "A branch of the magic cookie alone identifies nothing: matched as RFC 2543 says."),
    Case("3.3.1", "insuf", "syntax", 400, "From, To and Call-ID are missing; the answer repeats what there is."),
    Case("3.3.2", "unkscm", "endpoint", 416, "A Request-URI of an unknown scheme."),
    Case("3.3.3", "novelsc", "endpoint", 416, "A Request-URI of a known scheme that SIP cannot route to."),
    Case("3.3.4", "unksm2", "endpoint", 405, "Unknown schemes in From, To and Contact are opaque and do no harm; REGISTER is not supported."),
    Case("3.3.5", "bext01", "endpoint", 420, "Extensions that nobody supports are required; Proxy-Require is not for us."),
    Case("3.3.6", "invut", "endpoint", 415, "The body is of a type that nobody knows."),
    Case("3.3.7", "regaut01", "endpoint", 405, "An unknown authorization scheme is as good as none; REGISTER is not supported."),
    Case("3.3.8", "multi01", "syntax", 400, "Headers that stand once only stand twice, with different values."),
    Case("3.3.9", "mcl01", "syntax", 400, "Two Content-Lengths leave the length of the body unknown."),
    Case("3.3.10", "bcast", "endpoint", SILENCE, "A response that went astray: the second Via is a broadcast address, and it is not for us."),
    Case("3.3.11", "zeromf", "endpoint", 200, "Max-Forwards of 0 binds proxies only; who is asked answers (RFC 3261 §11)."),
    Case("3.3.12", "cparam01", "endpoint", 405, "Without brackets a parameter belongs to the Contact header; REGISTER is not supported."),
    Case("3.3.13", "cparam02", "endpoint", 405, "Within brackets a parameter belongs to the URI; REGISTER is not supported."),
    Case("3.3.14", "regescrt", "endpoint", 405, "Headers in a bracketed Contact URI are valid there; REGISTER is not supported."),
    Case("3.3.15", "sdp01", "endpoint", 406, "The caller accepts only bodies that we cannot write."),
    Case("3.4.1", "inv2543", "endpoint", CALL, "An INVITE of RFC 2543: no branch, From tag, Contact, Max-Forwards or Content-Length."),
]  # fmt: skip


def read(name: str) -> bytes:
    """Return the bytes of a vector."""
    return (VECTORS / f"{name}.dat").read_bytes()


def flow_of(data: bytes) -> Flow:
    """Return a flow of the transport that the top Via names."""
    transport = "TCP" if b"/TCP" in data.split(b"\r\n\r\n")[0].upper().replace(b" ", b"")[:400] else "UDP"
    return Flow(transport, ("192.0.2.200", 5060), ("192.0.2.15", 5060), connection=1 if transport == "TCP" else 0)


def test_every_message_is_here() -> None:
    """The table and the files are the same 49 messages."""
    assert len(CASES) == len({case.name for case in CASES}) == 49
    assert {case.name for case in CASES} == {path.stem for path in VECTORS.glob("*.dat")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.section}-{case.name}")
def test_layer(case: Case) -> None:
    """The parser refuses what the table says, with that status, and takes everything else."""
    if case.layer == "endpoint":
        message.parse(read(case.name))
        return
    with pytest.raises(message.SipParseError) as refusal:
        message.parse(read(case.name))
    assert refusal.value.status == (case.outcome if isinstance(case.outcome, int) else None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.section}-{case.name}")
def test_answer(case: Case) -> None:
    """The endpoint gives the answer of the table, or none."""
    data = read(case.name)
    endpoint = Endpoint(rng=random.Random(4475), trace=False)
    endpoint.receive(data, flow_of(data), now=0.0)
    items = []
    while (item := endpoint.poll()) is not None:
        items.append(item)
    answers = [int(item.data.split()[1]) for item in items if isinstance(item, Send)]
    calls = [item for item in items if isinstance(item, IncomingCall)]
    if case.outcome == CALL:
        assert (answers, len(calls)) == ([], 1)
    else:
        assert (answers, calls) == ([] if case.outcome == SILENCE else [case.outcome], [])


def test_details_of_the_short_tortuous_invite() -> None:
    """3.1.1.1: what the folds and blanks hide."""
    request = message.parse(read("wsinv"))
    assert isinstance(request, message.Request)
    assert (request.to.uri, request.to.tag) == ("sip:vivekg@chair-dnrc.example.com", "1918181833n")
    assert (request.from_.name, request.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert (request.cseq, request.via and request.via.host, len(request.values("via"))) == (9, "192.0.2.2", 3)
    assert request.contacts[0].name == 'Quoted string ""'
    assert request.contacts[0].parameters == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert request.get("newfangledheader") == "newfangled value continued newfangled value"
    assert request.get("subject") == ""


def test_details_of_the_wide_range_of_characters() -> None:
    """3.1.1.2: nothing is lost or changed on the way."""
    request = message.parse(read("intmeth"))
    assert isinstance(request, message.Request)
    assert request.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert request.to.name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert request.from_.name == "token1~` token2'+_ token3*%!.-"
    assert request.from_.tag == "_token~1'+`*%!-."
    assert request.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"


def test_details_of_escapes() -> None:
    """3.1.1.3: the user part of the Request-URI is `sips:user@example.com`."""
    endpoint = Endpoint(rng=random.Random(1), trace=False)
    endpoint.receive(read("esc01"), flow_of(read("esc01")), 0.0)
    call = endpoint.poll()
    assert isinstance(call, IncomingCall)
    assert (call.request_uri_user, call.from_user) == ("sips:user@example.com", "I have spaces")
    assert call.to_user == "user"


def test_details_of_contact_parameters() -> None:
    """3.3.12, 3.3.13: whose parameter it is depends on the brackets."""
    without, within = message.parse(read("cparam01")).contacts[0], message.parse(read("cparam02")).contacts[0]
    assert (without.uri, without.parameters) == ("sip:+19725552222@gw1.example.net", {"unknownparam": None})
    assert (within.uri, within.parameters) == ("sip:+19725552222@gw1.example.net;unknownparam", {})


def test_details_of_the_2543_caller() -> None:
    """3.4.1: with no Contact the caller is where From says, and the ACK finds its transaction without a branch."""
    data = read("inv2543")
    flow = flow_of(data)
    endpoint = Endpoint(rng=random.Random(1), trace=False)
    endpoint.receive(data, flow, 0.0)
    call = endpoint.poll()
    assert isinstance(call, IncomingCall)
    assert call.sdp is not None
    assert (call.from_user, call.to_user, call.request_uri_user) == ("+13035551111", "+16505552222", "UserB")
    endpoint.receive(data, flow, 0.1)
    assert endpoint.poll() is None, "a retransmission is no second call"
    endpoint.reject(call.call, 486, 0.1)
    refusal = endpoint.poll()
    assert isinstance(refusal, Send)
    tag = refusal.data.split(b";tag=")[-1].split(b"\r\n")[0]
    head = data.partition(b"\r\n\r\n")[0].replace(b"INVITE sip", b"ACK sip").replace(b"56 INVITE", b"56 ACK")
    endpoint.receive(
        head.replace(b"user=phone\r\nCall", b"user=phone;tag=" + tag + b"\r\nCall") + b"\r\n\r\n", flow, 0.2
    )
    endpoint.poll()
    endpoint.handle_timeout(5.3)
    assert endpoint.transactions == 0, "timer I has run out: the ACK was recognised"
