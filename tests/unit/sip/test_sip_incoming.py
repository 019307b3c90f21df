"""Calls that come in, from the INVITE to its final answer."""

import pytest
from sip_talk import ANSWER, OFFER, TCP, UDP, Talk

from ringback.sip.events import Acknowledged, Ended, IncomingCall
from ringback.sip.incoming import telling_headers
from ringback.sip.message import Request, parse

CANCEL = "z9hG4bK-invite"


def test_a_call_is_announced() -> None:
    talk = Talk()
    headers = "Diversion: <sip:+1@x>;reason=busy\r\nX-Tenant: J\udcf6rg\r\nVia: SIP/2.0/UDP far\r\nUser-Agent: P"
    talk.say(talk.request("INVITE", body=OFFER, headers=headers, uri="sip:%2b1212@192.0.2.1;user=phone"))
    call = talk.only(IncomingCall)
    assert (call.flow, call.call_id, call.sdp) == (UDP, talk.call_id, OFFER)
    assert (call.request_uri, call.request_uri_user) == ("sip:%2b1212@192.0.2.1;user=phone", "+1212")
    assert (call.from_, call.from_user, call.from_name) == ("sip:ann@192.0.2.2", "ann", "Ann")
    assert (call.to, call.to_user) == ("sip:service@192.0.2.1", "service")
    assert call.headers == (
        ("diversion", "<sip:+1@x>;reason=busy"),
        ("x-tenant", "J\ufffdrg"),
        ("user-agent", "P"),
    )
    assert (call.header("X-Tenant"), call.header("x-other")) == ("J\ufffdrg", None)


def test_headers_of_interest_are_bounded() -> None:
    talk = Talk()
    request = parse(talk.request("INVITE", headers="X-A: 1\r\n" * 80))
    assert isinstance(request, Request)
    assert len(telling_headers(request)) == 50


def test_ring_answer_acknowledge() -> None:
    talk = Talk()
    call = talk.ring_in(headers="Record-Route: <sip:p1;lr>, <sip:p2;lr>")
    talk.endpoint.ring(call, talk.now)
    ringing = talk.last_response()
    assert (ringing.code, ringing.body) == (180, b"")
    assert ringing.headers["record-route"] == ["<sip:p1;lr>, <sip:p2;lr>"]
    assert ringing.contacts[0].uri == "sip:192.0.2.1:5060"
    talk.endpoint.ring(call, talk.now, 183, ANSWER)
    early = talk.last_response()
    assert (early.code, early.body) == (183, ANSWER)
    ok = talk.answer(call)
    assert (ok.body, ok.to.tag) == (ANSWER, ringing.to.tag)
    assert ok.headers["record-route"] == ["<sip:p1;lr>, <sip:p2;lr>"]
    assert "INVITE" in ok.headers["allow"][0]
    talk.ack()
    assert talk.only(Acknowledged).sdp is None
    talk.ack()
    assert talk.told() == [], "a second ACK finds nothing to do"


def test_the_2xx_is_repeated_until_the_ack() -> None:
    """RFC 3261 §13.3.1.4: T1, doubled up to T2, on any transport."""
    for flow in (UDP, TCP):
        talk = Talk(flow)
        call = talk.ring_in()
        talk.answer(call)
        talk.say(talk.request("INVITE", body=OFFER, branch="z9hG4bK-invite", to_tag=""))
        talk.wait(12.0)
        assert talk.heard() == ["200 INVITE"] * 5
        talk.ack()
        talk.wait(100.0)
        assert talk.heard() == []
        assert talk.endpoint.calls == 1


def test_no_ack_at_all_ends_the_call_with_a_bye() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.answer(call)
    talk.wait(31.9)
    assert len(talk.heard()) == 10
    talk.wait(0.1)
    assert talk.heard() == ["BYE"]
    ended = talk.only(Ended)
    assert (ended.call, ended.cause, ended.remote) == (call, "ack-timeout", True)
    talk.wait(40.0)
    assert (talk.endpoint.calls, talk.endpoint.transactions) == (0, 0)


def test_an_offerless_call_gets_our_offer_and_acknowledges_with_its_answer() -> None:
    talk = Talk()
    call = talk.ring_in(body=b"")
    talk.answer(call)
    talk.say(talk.request("INVITE", 2, body=OFFER))
    assert talk.heard() == ["491 INVITE"], "our offer is still open"
    talk.ack(body=OFFER)
    assert talk.only(Acknowledged).sdp == OFFER


def test_an_ack_with_a_strange_body_is_an_ack() -> None:
    talk = Talk()
    talk.answer(talk.ring_in())
    talk.say(talk.request("ACK", 1, body=b"x", kind="text/plain"))
    assert talk.only(Acknowledged).sdp is None


def test_ringing_is_repeated_each_minute() -> None:
    """RFC 3261 §13.3.1.1."""
    talk = Talk()
    call = talk.ring_in()
    talk.endpoint.ring(call, talk.now)
    talk.heard()
    talk.wait(150.0)
    assert talk.heard() == ["180 INVITE"] * 2
    talk.endpoint.ring(call, talk.now, 183)
    talk.answer(call)
    talk.ack()
    talk.wait(300.0)
    assert talk.heard() == []


def test_reject() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.endpoint.reject(call, 486, talk.now, "Out for lunch", [("Retry-After", "60")])
    refusal = talk.last_response()
    assert (refusal.code, refusal.reason, refusal.get("retry-after")) == (486, "Out for lunch", "60")
    ended = talk.only(Ended)
    assert (ended.cause, ended.remote, ended.code, ended.reason) == ("reject", False, 486, "Out for lunch")
    talk.say(talk.request("ACK", branch="z9hG4bK-invite", to_tag=refusal.to.tag))
    talk.wait(5.0)
    assert (talk.endpoint.calls, talk.endpoint.transactions) == (0, 0)
    talk.endpoint.answer(call, ANSWER, talk.now)
    talk.endpoint.ring(call, talk.now)
    talk.endpoint.reject(call, 486, talk.now)
    assert talk.heard() == []


def test_actions_check_their_arguments() -> None:
    talk = Talk()
    call = talk.ring_in()
    for code in (100, 200, 99):
        with pytest.raises(ValueError, match="101 to 199"):
            talk.endpoint.ring(call, talk.now, code)
    for code in (299, 700):
        with pytest.raises(ValueError, match="300 to 699"):
            talk.endpoint.reject(call, code, talk.now)
    with pytest.raises(ValueError, match="header line"):
        talk.endpoint.reject(call, 486, talk.now, "evil\r\nX: y")
    with pytest.raises(ValueError, match="header line"):
        talk.endpoint.reject(call, 486, talk.now, headers=[("X", "a\r\nb")])
    assert talk.heard() == []


def test_cancel() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.say(talk.request("CANCEL", branch=CANCEL, headers='Reason: SIP;cause=200;text="Call completed elsewhere"'))
    assert talk.heard() == ["200 CANCEL", "487 INVITE"]
    ended = talk.only(Ended)
    assert (ended.call, ended.cause, ended.remote, ended.code) == (call, "cancel", True, 487)
    assert "completed elsewhere" in ended.reason
    talk.say(talk.request("CANCEL", branch=CANCEL))
    assert talk.heard() == ["200 CANCEL"]
    assert talk.endpoint.calls == 0


def test_a_cancel_that_comes_too_late_changes_nothing() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.answer(call)
    talk.say(talk.request("CANCEL", branch=CANCEL, to_tag=""))
    assert talk.heard() == ["200 CANCEL"]
    talk.ack()
    assert isinstance(talk.only(Acknowledged), Acknowledged)


def test_bye_before_the_answer_ends_the_call_too() -> None:
    """RFC 3261 §15.1.2."""
    talk = Talk()
    call = talk.ring_in()
    talk.endpoint.ring(call, talk.now)
    talk.tag = talk.last_response().to.tag
    talk.say(talk.request("BYE", 2))
    assert talk.heard() == ["487 INVITE", "200 BYE"]
    assert talk.only(Ended).cause == "bye"


def test_our_own_bye_before_the_answer_is_a_refusal() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.endpoint.bye(call, talk.now)
    assert talk.heard() == ["480 INVITE"]
    assert talk.only(Ended).cause == "reject"


def test_an_invitation_expires() -> None:
    """RFC 3261 §13.3.1."""
    talk = Talk()
    call = talk.ring_in(headers="Expires: 20")
    talk.wait(19.9)
    assert talk.told() == []
    talk.wait(0.2)
    assert talk.heard()[-1] == "487 INVITE"
    ended = talk.only(Ended)
    assert (ended.call, ended.cause, ended.reason) == (call, "cancel", "the invitation expired")
    assert talk.endpoint.calls == 0


@pytest.mark.parametrize("expires", ["0", "-1", "soon", "99999999999999"])
def test_odd_expires_are_ignored(expires: str) -> None:
    talk = Talk()
    talk.ring_in(headers=f"Expires: {expires}")
    talk.wait(30.0)
    assert talk.told() == []


def test_an_answered_call_does_not_expire() -> None:
    talk = Talk()
    talk.answered_call(headers="Expires: 20")
    talk.wait(30.0)
    assert talk.told() == []


def test_a_caller_whose_connection_is_lost_has_hung_up() -> None:
    talk = Talk(TCP)
    talk.ring_in()
    talk.endpoint.connection_lost(UDP, talk.now)
    assert talk.told() == []
    talk.endpoint.connection_lost(TCP, talk.now)
    ended = talk.only(Ended)
    assert (ended.cause, ended.remote) == ("transport", True)
    assert (talk.endpoint.calls, talk.endpoint.transactions) == (0, 0)
