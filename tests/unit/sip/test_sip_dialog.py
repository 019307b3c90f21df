"""Dialogs: who is who, and where requests go."""

import pytest
from sip_talk import LOCAL, REMOTE, TCP, UDP, Talk

from ringback.sip.call import Call
from ringback.sip.dialog import Dialog, RequestStart, UnacknowledgedAnswer
from ringback.sip.events import Flow
from ringback.sip.message import Request, Response, parse

INVITE = Talk().request(
    "INVITE",
    4,
    headers="Record-Route: <sip:a;lr>\r\nRecord-Route: <sip:b;lr>, <sip:c;lr>",
    contact="<sip:d@192.0.2.2:5070>",
)


def incoming(data: bytes = INVITE, flow: Flow = UDP) -> Dialog:
    """Make the dialog of an INVITE."""
    request = parse(data)
    assert isinstance(request, Request)
    return Dialog.of_request(request, "mine", flow)


def test_the_answering_side() -> None:
    """RFC 3261 §12.1.1."""
    dialog = incoming()
    assert dialog.key == ("call-1@192.0.2.2", "mine", "peer")
    assert (dialog.local, dialog.remote) == (
        "<sip:service@192.0.2.1>;tag=mine",
        '"Ann" <sip:ann@192.0.2.2>;tag=peer',
    )
    assert (dialog.target, dialog.routes) == ("sip:d@192.0.2.2:5070", ["<sip:a;lr>", "<sip:b;lr>", "<sip:c;lr>"])
    assert (dialog.remote_cseq, dialog.next_cseq(), dialog.next_cseq()) == (4, 1, 2)


def test_the_calling_side() -> None:
    """RFC 3261 §12.1.2: the route set is turned round."""
    text = (
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:me>;tag=mine\r\nTo: <sip:you>;tag=yours\r\n"
        "Call-ID: c\r\nCSeq: 9 INVITE\r\nRecord-Route: <sip:a;lr>, <sip:b;lr>\r\n\r\n"
    )
    response = parse(text.encode())
    assert isinstance(response, Response)
    dialog = Dialog.of_response(response, "<sip:me>;tag=mine", "mine", UDP)
    assert dialog.key == ("c", "mine", "yours")
    assert (dialog.target, dialog.routes) == ("sip:you", ["<sip:b;lr>", "<sip:a;lr>"])
    assert dialog.next_cseq() == 10


def test_without_a_contact_the_peer_is_where_from_says() -> None:
    dialog = incoming(Talk().request("INVITE", contact=""))
    assert dialog.target == "sip:ann@192.0.2.2"
    request = parse(Talk().request("INVITE", contact=""))
    dialog.refresh_target(request)
    assert dialog.target == "sip:ann@192.0.2.2"


@pytest.mark.parametrize(
    ("contact", "route", "hop"),
    [
        ("sip:d@192.0.2.2:5070", "", ("192.0.2.2", 5070)),
        ("sip:d@192.0.2.2", "", ("192.0.2.2", 5060)),
        ("sip:d@10.0.0.1:5070", "", ("192.0.2.2", 33333)),
        ("sip:d@phone.example", "", ("192.0.2.2", 33333)),
        ("name:d", "", ("192.0.2.2", 33333)),
        ("sip:d@10.0.0.1", "<sip:192.0.2.2:5080;lr>", ("192.0.2.2", 5080)),
        ("sip:d@192.0.2.2", "<sip:192.0.2.9;lr>", ("192.0.2.2", 33333)),
    ],
)
def test_the_next_hop(contact: str, route: str, hop: tuple[str, int]) -> None:
    """Where the peer sends from, except that a port of that very host is believed: right on both sides of a NAT."""
    headers = f"Record-Route: {route}" if route else ""
    data = Talk().request("INVITE", contact=f"<{contact}>", headers=headers)
    assert incoming(data, Flow("UDP", LOCAL, ("192.0.2.2", 33333))).next_hop() == Flow("UDP", LOCAL, hop)


def test_the_next_hop_of_a_connection_is_the_connection_while_it_lasts() -> None:
    dialog = incoming(flow=TCP)
    dialog.routes = []
    assert dialog.next_hop() == TCP
    dialog.connection_lost()
    assert dialog.next_hop() == Flow("TCP", LOCAL, ("192.0.2.2", 5070), 0)


def start(dialog: Dialog) -> tuple[str, list[str]]:
    """Return the Request-URI and the routes of a request."""
    stack = Talk().endpoint._stack
    begun = dialog.start(stack, "BYE", 1, "z9hG4bKx")
    return begun.uri, begun.routes


def test_loose_and_strict_routing() -> None:
    """RFC 3261 §12.2.1.1."""
    dialog = incoming()
    assert start(dialog) == ("sip:d@192.0.2.2:5070", ["<sip:a;lr>", "<sip:b;lr>", "<sip:c;lr>"])
    dialog.routes = ["<sip:old>", "<sip:b;lr>"]
    assert start(dialog) == ("sip:old", ["<sip:b;lr>", "<sip:d@192.0.2.2:5070>"])
    assert UDP.remote == REMOTE


def bye() -> RequestStart:
    """Begin a request within a dialog."""
    return incoming().start(Talk().endpoint._stack, "INVITE", 5, "z9hG4bKx")


def read(data: bytes) -> Request:
    """Read a request of ours."""
    request = parse(data)
    assert isinstance(request, Request)
    return request


def test_a_request_and_what_repeats_its_address() -> None:
    """RFC 3261 §9.1, §17.1.1.3: CANCEL and ACK have the Via, Route, From, Call-ID and number of their INVITE."""
    start = bye()
    invite, cancel = read(start.write([("X-Y", "y")], b"hi")), read(start.cancel())
    refusal = parse(Talk().response(invite, 486, tag="theirs"))
    assert isinstance(refusal, Response)
    ack = read(start.ack(refusal))
    assert (start.cseq_text, invite.body, invite.get("x-y")) == ("5 INVITE", b"hi", "y")
    assert [message.cseq_text for message in (invite, cancel, ack)] == ["5 INVITE", "5 CANCEL", "5 ACK"]
    for message in (cancel, ack):
        for name in ("via", "route", "from", "call-id"):
            assert message.headers[name] == invite.headers[name]
        assert message.uri == invite.uri
    assert (cancel.to, ack.headers["to"]) == (invite.to, refusal.headers["to"])


class Waiting(Call):
    """A call that notes when an ACK did not come."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(talk.endpoint._stack)
        self.missed: list[float] = []

    def ack_timeout(self, answer: UnacknowledgedAnswer, now: float) -> None:
        self.missed.append(now)


def test_a_2xx_is_repeated_with_growing_pauses_until_nobody_is_believed_to_be_there() -> None:
    """RFC 3261 §13.3.1.4: T1, doubled up to T2; 64*T1 is the end."""
    talk = Talk()
    call = Waiting(talk)
    data = Talk().request("OPTIONS")
    answer = UnacknowledgedAnswer(talk.endpoint._stack, call, 1, data, TCP, 0.0, carries_offer=True)
    assert (answer.cseq, answer.carries_offer, answer.call) == (1, True, call.id)
    talk.wait(8.0)
    assert len(talk.heard()) == 4, "0.5, 1.5, 3.5, 7.5"
    talk.wait(24.0)
    assert len(talk.heard()) == 6, "every 4 seconds"
    assert call.missed == [32.0]
    talk.wait(100.0)
    assert talk.heard() == []


def test_an_acknowledged_2xx_is_not_repeated() -> None:
    talk = Talk()
    call = Waiting(talk)
    answer = UnacknowledgedAnswer(talk.endpoint._stack, call, 1, b"x", UDP, 0.0, carries_offer=False)
    answer.stop()
    talk.wait(100.0)
    assert (talk.sent, call.missed) == ([], [])
