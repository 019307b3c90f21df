# ruff: noqa: E501 (a table is read by its rows)
"""Every message of RFC 5118 (SIP torture tests for IPv6) and the answer that it gets.

The files have the line ends and Content-Lengths that RFC 3261 asks for: in the archive of the RFC both are those of a
text editor, which its erratum regrets.
"""

import random
from pathlib import Path
from typing import NamedTuple

import pytest

from ringback.sip import message, sdp
from ringback.sip.endpoint import Endpoint, Flow
from ringback.sip.events import IncomingCall, Send
from ringback.sip.fields import parse_uri, parse_via

VECTORS = Path(__file__).parents[2] / "vectors" / "rfc5118"
FLOW = Flow("UDP", ("2001:db8::10", 5060), ("2001:db8::9:1", 5060))
CALL = "call"


class Case(NamedTuple):
    """One message."""

    section: str
    name: str
    outcome: int | str
    why: str


CASES = [
    Case("4.1", "ipv6-good", 405, "IPv6 references in Request-URI, Via and Contact are valid; registrations are not served here."),
    Case("4.2", "ipv6-bad", 400, "Without brackets nobody can tell the address from the port."),
    Case("4.3", "port-ambiguous", 405, "Within brackets everything belongs to the address, whatever was meant."),
    Case("4.4", "port-unambiguous", 405, "Behind the bracket it is a port."),
    Case("4.5", "via-received-param-with-delim", 481, "`received` has no brackets by the grammar; with them it is clear all the same: forgiven."),
    Case("4.5", "via-received-param-no-delim", 200, "`received` as the grammar has it."),
    Case("4.6", "ipv6-in-sdp", CALL, "IPv6 in the description has no brackets."),
    Case("4.7", "mult-ip-in-header", 481, "Hops of both families, the topmost answers."),
    Case("4.8", "mult-ip-in-sdp", CALL, "Each media line may have a family of its own."),
    Case("4.9", "ipv4-mapped-ipv6", CALL, "An IPv4 address that is mapped into IPv6 is an IPv6 address."),
    Case("4.10", "ipv6-bug-abnf-3-colons", 200, "The grammar of RFC 3261 allows three colons before an IPv4 part: forgiven."),
    Case("4.10", "ipv6-correct-abnf-2-colons", 200, "As RFC 4291 has it."),
]  # fmt: skip


def read(name: str) -> bytes:
    """Return the bytes of a vector."""
    return (VECTORS / f"{name}.dat").read_bytes()


def test_every_message_is_here() -> None:
    """The table and the files are the same 12 messages."""
    assert len(CASES) == len({case.name for case in CASES}) == 12
    assert {case.name for case in CASES} == {path.stem for path in VECTORS.glob("*.dat")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.section}-{case.name}")
def test_answer(case: Case) -> None:
    """The endpoint gives the answer of the table, to where the message came from."""
    endpoint = Endpoint(rng=random.Random(5118), trace=False)
    endpoint.receive(read(case.name), FLOW, now=0.0)
    items = []
    while (item := endpoint.poll()) is not None:
        items.append(item)
    sent = [item for item in items if isinstance(item, Send)]
    calls = [item for item in items if isinstance(item, IncomingCall)]
    if case.outcome == CALL:
        assert (sent, len(calls)) == ([], 1)
        endpoint.ring(calls[0].call, 0.0)
        ringing = endpoint.poll()
        assert isinstance(ringing, Send)
        sent.append(ringing)
    else:
        assert ([int(item.data.split()[1]) for item in sent], calls) == ([case.outcome], [])
    assert sent[0].flow.remote[0] == "2001:db8::9:1"


def test_where_an_address_ends() -> None:
    """4.3, 4.4: the port is what follows the bracket."""
    for name, host, port in (
        ("port-ambiguous", "[2001:db8::10:5070]", None), ("port-unambiguous", "[2001:db8::10]", 5070),
    ):  # fmt: skip
        request = message.parse(read(name))
        assert isinstance(request, message.Request)
        uri = parse_uri(request.uri)
        assert (uri.host, uri.port) == (host, port)


def test_where_a_request_was_received() -> None:
    """4.5: with brackets and without; ours has none."""
    for name, received in (("with", "[2001:db8::9:255]"), ("no", "2001:db8::9:255")):
        via = message.parse(read(f"via-received-param-{name}-delim")).via
        assert via is not None
        assert via.parameters["received"] == received
        assert via.marked(("2001:db8::9:1", 5060)).endswith("[2001:db8::9:1];branch=" + (via.branch))
        assert via.marked(("2001:db8::7", 5060)).endswith(";received=2001:db8::7")


def test_hops_of_both_families() -> None:
    """4.7: all of them can be read."""
    request = message.parse(read("mult-ip-in-header"))
    hops = [parse_via(value) for value in request.values("via")]
    assert [(hop.transport, hop.host, hop.port) for hop in hops] == [
        ("UDP", "[2001:db8::9:1]", 6050), ("UDP", "192.0.2.1", None), ("TCP", "[2001:db8::9:255]", None),
    ]  # fmt: skip


def test_descriptions() -> None:
    """4.6, 4.8, 4.9: which address each media line has, and whether we have a codec for it."""
    addresses = {}
    for name in ("ipv6-in-sdp", "mult-ip-in-sdp", "ipv4-mapped-ipv6"):
        addresses[name] = [media.address for media in sdp.parse(message.parse(read(name)).body).media]
    assert addresses == {
        "ipv6-in-sdp": ["2001:db8::20"] * 2,
        "mult-ip-in-sdp": ["192.0.2.1", "2001:db8::1"],
        "ipv4-mapped-ipv6": ["::ffff:192.0.2.2"] * 2,
    }
    with pytest.raises(sdp.SdpError, match="no codec") as refusal:
        sdp.answer(message.parse(read("ipv6-in-sdp")).body, "2001:db8::10", 6000)
    assert refusal.value.status == 488
    answer, agreed = sdp.answer(message.parse(read("mult-ip-in-sdp")).body, "2001:db8::10", 6000)
    assert agreed.remote == ("192.0.2.1", 22334)
    assert b"c=IN IP6 2001:db8::10\r\n" in answer
