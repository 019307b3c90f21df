"""Calls of ours, from the INVITE to its final answer."""

import pytest
from sip_talk import ANSWER, LOCAL, OFFER, REMOTE, TCP, Talk, parse

from ringback.sip.events import Answered, Ended, Flow, PeerAlive, Refused, Ringing, Send


def test_the_invite() -> None:
    talk = Talk(user_agent="Test")
    call, invite = talk.call_out(to_uri="sip:desk@example.com", headers=[("X-Trace", "1")], from_name='A "B" \\')
    assert (invite.method, invite.uri, invite.body) == ("INVITE", "sip:bob@192.0.2.2", OFFER)
    assert (invite.from_.uri, invite.from_.name) == ("sip:service@192.0.2.1", 'A "B" \\')
    assert (invite.to.uri, invite.to.tag) == ("sip:desk@example.com", "")
    assert (invite.get("x-trace"), invite.get("user-agent"), invite.get("max-forwards")) == ("1", "Test", "70")
    assert invite.contacts[0].uri == "sip:192.0.2.1:5060"
    assert invite.via is not None
    assert (invite.via.host, invite.via.port, "rport" in invite.via.parameters) == ("192.0.2.1", 5060, True)
    assert talk.endpoint.calls == 1
    assert call


def test_the_advertised_address_stands_in_via_and_contact() -> None:
    talk = Talk(TCP, advertised=("2001:db8::1", 0))
    _, invite = talk.call_out()
    assert invite.via is not None
    assert (invite.via.transport, invite.via.host, invite.via.port) == ("TCP", "[2001:db8::1]", 5060)
    assert invite.contacts[0].uri == "sip:[2001:db8::1]:5060;transport=tcp"


@pytest.mark.parametrize(
    "bad",
    [
        {"to_uri": "nobody"}, {"from_uri": "sip:a b@c"}, {"from_name": "a\r\nb"}, {"headers": [("X", "a\r\nb")]},
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused(bad: dict[str, object]) -> None:
    talk = Talk()
    arguments = {"from_uri": "sip:a@b.example", "sdp": OFFER, "now": 0.0} | bad
    with pytest.raises(ValueError, match="URI|header line"):
        talk.endpoint.invite("sip:x@y.example", talk.flow, **arguments)  # type: ignore[arg-type]
    assert (talk.endpoint.calls, talk.heard()) == (0, [])


def test_ringing_and_answer() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.response(invite, 100, tag=""))
    assert talk.told() == []
    talk.say(talk.response(invite, 180))
    talk.say(talk.response(invite, 183, body=ANSWER))
    talk.say(talk.response(invite, 183, body=b"?", headers="Content-Encoding: gzip"))
    assert talk.told() == [
        Ringing(call, 180, None, fork="callee"),
        Ringing(call, 183, ANSWER, fork="callee"),
        Ringing(call, 183, None, fork="callee"),
    ]
    ok = talk.response(
        invite, 200, body=ANSWER, headers="Record-Route: <sip:p1@192.0.2.9;lr>\r\nRecord-Route: <sip:p2;lr>"
    )
    talk.say(ok)
    ack = talk.last_request()
    assert (ack.method, ack.uri, ack.cseq, ack.to.tag) == ("ACK", "sip:callee@192.0.2.2", invite.cseq, "callee")
    assert ack.headers["route"] == ["<sip:p2;lr>", "<sip:p1@192.0.2.9;lr>"]
    assert ack.via != invite.via
    assert talk.told() == [Answered(call, ANSWER, fork="callee")]
    talk.say(ok)
    again = talk.last()
    assert parse(again).via == ack.via, "the same ACK for each 2xx"
    assert talk.told() == []


def test_refused() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.response(invite, 486))
    ack = talk.last_request()
    assert (ack.method, ack.uri, ack.via, ack.to.tag) == ("ACK", invite.uri, invite.via, "callee")
    assert talk.told() == [Refused(call, 486, "Whatever")]
    talk.wait(33.0)
    assert (talk.endpoint.calls, talk.endpoint.transactions) == (0, 0)


def test_nobody_answers() -> None:
    talk = Talk()
    call, _ = talk.call_out()
    talk.wait(31.9)
    assert talk.heard() == ["INVITE"] * 6
    talk.wait(0.1)
    assert talk.told() == [Refused(call, 408, "no answer")]
    assert (talk.endpoint.calls, talk.endpoint.transactions) == (0, 0)


def test_the_connection_fails() -> None:
    talk = Talk(TCP)
    call, _ = talk.call_out()
    talk.endpoint.connection_lost(TCP, talk.now)
    assert talk.told() == [Refused(call, 503, "the connection failed")]


def test_cancel_waits_for_a_provisional_answer() -> None:
    """RFC 3261 §9.1."""
    talk = Talk()
    call, invite = talk.call_out()
    talk.endpoint.cancel(call, talk.now)
    assert talk.told() == [Ended(call, "cancel", False)]
    assert talk.heard() == []
    talk.say(talk.response(invite, 100, tag=""))
    cancel = talk.last_request()
    assert (cancel.method, cancel.uri, cancel.via, cancel.cseq) == ("CANCEL", invite.uri, invite.via, invite.cseq)
    talk.say(talk.response(invite, 180))
    talk.say(talk.response(cancel, 200))
    talk.say(talk.response(invite, 487))
    assert talk.heard() == ["ACK"]
    assert talk.told() == []
    talk.wait(100.0)
    assert (talk.endpoint.calls, talk.endpoint.transactions) == (0, 0)


def test_cancel_at_once_while_it_rings() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.response(invite, 180))
    talk.endpoint.bye(call, talk.now)
    assert talk.heard() == ["CANCEL"]
    talk.endpoint.cancel(call, talk.now)
    assert talk.heard() == []


def test_an_answer_that_crosses_the_cancel_is_hung_up() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.response(invite, 180))
    talk.endpoint.cancel(call, talk.now)
    talk.heard()
    talk.say(talk.response(invite, 200, body=ANSWER))
    assert talk.heard() == ["ACK", "BYE"]
    talk.say(talk.response(invite, 200, body=ANSWER))
    assert talk.heard() == ["ACK"]
    assert talk.told() == [Ringing(call, 180, None, fork="callee"), Ended(call, "cancel", False)]
    talk.wait(100.0)
    assert (talk.endpoint.calls, talk.endpoint.transactions) == (0, 0)


def test_an_answer_after_the_refusal_is_hung_up() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.response(invite, 486))
    talk.heard()
    talk.say(talk.response(invite, 200, tag="fork"))
    assert talk.heard() == ["ACK", "BYE"]
    assert talk.told() == [Refused(call, 486, "Whatever")]


def test_a_cancelled_call_that_nobody_ends() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.response(invite, 180))
    talk.endpoint.cancel(call, talk.now)
    talk.wait(32.0)
    assert (talk.endpoint.calls, talk.endpoint.transactions) == (0, 0)


def test_one_of_several_forks_is_taken() -> None:
    """RFC 3261 §13.2.2.4: the others are acknowledged and hung up, and do not grow without end."""
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.response(invite, 200, tag="first", body=ANSWER))
    assert talk.heard() == ["ACK"]
    talk.say(talk.response(invite, 200, tag="second", body=ANSWER))
    sent = [parse(item) for item in talk.sent]
    assert talk.heard() == ["ACK", "BYE"]
    assert {request.to.tag for request in sent} == {"second"}
    assert talk.told() == [Answered(call, ANSWER, fork="first")]
    for number in range(30):
        talk.say(talk.response(invite, 200, tag=f"t{number}"))
    assert len(talk.heard()) == 28
    assert talk.endpoint.calls == 1


def test_cancel_of_a_call_that_is_up_hangs_up() -> None:
    talk = Talk()
    call, _ = talk.connected_call()
    talk.endpoint.cancel(call, talk.now)
    assert talk.heard() == ["BYE"]
    assert talk.told() == [Ended(call, "bye", False)]


def test_the_called_side_hangs_up() -> None:
    talk = Talk()
    call, invite = talk.connected_call()
    talk.say(talk.peer_request(invite, "BYE", 1, headers='Reason: Q.850;cause=16;text="bye"'))
    assert talk.heard() == ["200 BYE"]
    assert talk.told() == [Ended(call, "bye", True, 0, 'Q.850;cause=16;text="bye"', 16)]


def test_the_answering_side_sends_from_another_port() -> None:
    """Requests go to the port of the Contact when its host is where the peer sends from."""
    talk = Talk()
    flow = Flow("UDP", LOCAL, (REMOTE[0], 40000))
    call = talk.endpoint.invite("sip:b@192.0.2.2", flow, from_uri="sip:a@192.0.2.1", sdp=OFFER, now=0.0)
    invite = talk.last_request()
    talk.say(talk.response(invite, 200, body=ANSWER), flow)
    assert talk.last().flow.remote == REMOTE
    talk.endpoint.check(call, 0.0)
    options = talk.last_request()
    talk.told()
    talk.say(talk.response(options, 200))
    assert talk.told() == [PeerAlive(call)]


def test_a_call_to_a_sips_uri_has_such_a_contact() -> None:
    """RFC 3261 §8.1.1.8: else the other side would answer in the clear."""
    talk = Talk(Flow("TLS", LOCAL, REMOTE, 7))
    talk.endpoint.invite("sips:bob@192.0.2.2", talk.flow, from_uri="sips:me@192.0.2.1", sdp=OFFER, now=0.0)
    sent = talk.endpoint.poll()
    assert isinstance(sent, Send)
    assert b"\r\nContact: <sips:192.0.2.1:5060;transport=tcp>\r\n" in sent.data
