"""Requests of ours: challenged, too large for a datagram, and both."""

from typing import Any

import pytest
from sip_digest import ALICE, CHALLENGE, answers
from sip_talk import ANSWER, OFFER, TCP, Talk

from ringback.sip.auth import Credentials
from ringback.sip.events import Answered, Ended, Flow, Refused
from ringback.sip.message import Request, parse


def test_a_challenged_invite_is_made_again() -> None:
    """RFC 3261 §22.2: with the same Call-ID, To and From, and the next CSeq; the ACK repeats the answer (§22.1)."""
    talk = Talk()
    call, first = talk.call_out(credentials=ALICE)
    talk.say(talk.response(first, 401, headers=CHALLENGE))
    ack, second = [request for item in talk.sent for request in [_request(item.data)]]
    assert (ack.method, ack.cseq) == ("ACK", first.cseq)
    assert (second.method, second.cseq, second.call_id) == ("INVITE", first.cseq + 1, first.call_id)
    assert (second.from_, second.to, second.body) == (first.from_, first.to, first.body)
    assert second.via != first.via
    assert answers(second, "n1")
    talk.heard()
    talk.say(talk.response(second, 200, body=ANSWER))
    acknowledgement = talk.last_request()
    assert (acknowledgement.cseq, acknowledgement.get("authorization")) == (second.cseq, second.get("authorization"))
    assert talk.told() == [Answered(call, ANSWER, fork="callee")]
    talk.endpoint.info(call, "text/plain", b"x", talk.now)
    info = talk.last_request()
    assert answers(info, "n1")
    assert info.cseq == second.cseq + 1
    assert "nc=00000002" in (info.get("authorization") or "")


def _request(data: bytes) -> Request:
    found = parse(data)
    assert isinstance(found, Request)
    return found


def test_a_wrong_password_is_tried_once() -> None:
    talk = Talk()
    call, first = talk.call_out(credentials=ALICE)
    talk.say(talk.response(first, 401, headers=CHALLENGE))
    second = talk.last_request()
    talk.say(talk.response(second, 401, headers=CHALLENGE.replace("n1", "n2")))
    assert talk.heard() == ["ACK"]
    assert talk.only(Refused).code == 401
    assert talk.endpoint.calls == 0
    assert call


def test_a_stale_nonce_is_replaced() -> None:
    talk = Talk()
    _, first = talk.call_out(credentials=ALICE)
    talk.say(talk.response(first, 407, headers=CHALLENGE.replace("WWW", "Proxy")))
    second = talk.last_request()
    assert answers(second, "n1", "proxy-authorization")
    talk.say(talk.response(second, 407, headers=CHALLENGE.replace("WWW", "Proxy").replace("n1", "n2") + ", stale=TRUE"))
    assert answers(talk.last_request(), "n2", "proxy-authorization")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"credentials": Credentials("alice", "secret", "elsewhere")},
    ],
)  # fmt: skip
def test_without_credentials_a_challenge_is_a_refusal(options: dict[str, Any]) -> None:
    talk = Talk()
    call, first = talk.call_out(**options)
    talk.say(talk.response(first, 401, headers=CHALLENGE))
    assert talk.heard() == ["ACK"]
    assert talk.told() == [Refused(call, 401, "Whatever")]


def test_a_server_that_always_asks_again_is_left() -> None:
    talk = Talk()
    _, request = talk.call_out(credentials=ALICE)
    for number in range(10):
        talk.say(talk.response(request, 401, headers=CHALLENGE.replace("n1", f"n{number}") + ", stale=true"))
        if talk.told():
            break
        request = talk.last_request()
    assert number == 5


def test_a_cancelled_call_answers_no_challenge() -> None:
    talk = Talk()
    call, first = talk.call_out(credentials=ALICE)
    talk.say(talk.response(first, 100, tag=""))
    talk.endpoint.cancel(call, talk.now)
    talk.heard()
    talk.say(talk.response(first, 401, headers=CHALLENGE))
    assert talk.heard() == ["ACK"]
    assert talk.told() == [Ended(call, "cancel", False)]
    assert talk.endpoint.calls == 0


LARGE = OFFER + b"a=x-long:" + b"x" * 1200 + b"\r\n"


def test_a_large_request_goes_over_tcp() -> None:
    """RFC 3261 §18.1.1."""
    talk = Talk()
    call, invite = talk.call_out(sdp=LARGE)
    assert invite.via is not None
    assert invite.via.transport == "TCP"
    over = Flow("TCP", talk.flow.local, talk.flow.remote)
    talk.say(talk.response(invite, 180), over)
    talk.endpoint.cancel(call, talk.now)
    cancel = talk.last()
    assert cancel.flow == over
    assert _request(cancel.data).via == invite.via


def test_where_there_is_no_tcp_the_datagram_is_tried() -> None:
    talk = Talk()
    _, invite = talk.call_out(sdp=LARGE)
    talk.endpoint.connection_lost(Flow("TCP", talk.flow.local, talk.flow.remote), talk.now)
    again = talk.last()
    second = _request(again.data)
    assert (again.flow, second.via and second.via.transport) == (talk.flow, "UDP")
    assert (second.call_id, second.cseq) == (invite.call_id, invite.cseq + 1)
    talk.say(talk.response(second, 200, body=ANSWER))
    assert talk.only(Answered)
    talk.wait(1.0)
    assert talk.heard() == ["ACK"]


def test_large_requests_may_stay_where_they_are() -> None:
    talk = Talk(max_datagram=0)
    _, invite = talk.call_out(sdp=LARGE)
    assert invite.via is not None
    assert invite.via.transport == "UDP"


def test_a_connection_that_fails_is_not_replaced_by_datagrams() -> None:
    talk = Talk(TCP)
    call, _ = talk.call_out(sdp=LARGE)
    talk.endpoint.connection_lost(TCP, talk.now)
    assert talk.told() == [Refused(call, 503, "the connection failed")]


def test_what_a_later_request_has_overtaken_is_made_again() -> None:
    """RFC 3261 §12.2.2: the other side takes it for an old one, and says 500."""
    talk = Talk()
    call, _ = talk.connected_call()
    talk.endpoint.info(call, "text/plain", b"1", talk.now)
    first = talk.last_request()
    talk.endpoint.info(call, "text/plain", b"2", talk.now)
    second = talk.last_request()
    talk.say(talk.response(second, 200))
    talk.say(talk.response(first, 500))
    again = talk.last_request()
    assert (again.body, again.cseq) == (b"1", second.cseq + 1)
    talk.say(talk.response(again, 500))
    assert talk.heard() == [], "nothing has overtaken that one"


def test_a_500_that_says_when_to_come_back_is_an_answer() -> None:
    talk = Talk()
    call, _ = talk.connected_call()
    talk.endpoint.info(call, "text/plain", b"1", talk.now)
    first = talk.last_request()
    talk.endpoint.info(call, "text/plain", b"2", talk.now)
    talk.last_request()
    talk.say(talk.response(first, 500, headers="Retry-After: 5"))
    assert talk.heard() == []


def test_a_request_may_be_made_again_with_other_headers() -> None:
    """As after 422 (RFC 4028): the answers to challenges are counted on."""
    talk = Talk()
    _, first = talk.call_out(credentials=ALICE)
    talk.say(talk.response(first, 401, headers=CHALLENGE))
    second = talk.last_request()
    talk.say(talk.response(second, 422, headers="Min-SE: 3600"))
    third = talk.last_request()
    assert (third.get("session-expires"), third.cseq) == ("3600", first.cseq + 2)
    assert answers(third, "n1")
    assert "nc=00000002" in (third.get("authorization") or "")
