"""Reliable provisional answers (RFC 3262), asked for."""

import pytest
from sip_talk import ANSWER, OFFER, Talk

from ringback.sip.events import (
    Answered,
    Reinvite,
    ReinviteAnswered,
    ReinviteRefused,
    Ringing,
)  # fmt: skip


def reliably(talk: Talk, invite: object, rseq: int, **options: object) -> bytes:
    """Write a reliable provisional answer."""
    headers = f"Require: 100rel\r\nRSeq: {rseq}\r\n{options.pop('headers', '')}"
    return talk.response(invite, 183, headers=headers, **options)  # type: ignore[arg-type]


def test_reliable_answers_are_acknowledged_once_and_in_order() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    assert "100rel" in (invite.get("supported") or "")
    talk.say(reliably(talk, invite, 7, body=ANSWER, headers="Record-Route: <sip:p@192.0.2.9;lr>"))
    first = talk.last_request()
    assert (first.method, first.get("rack"), first.cseq) == ("PRACK", f"7 {invite.cseq} INVITE", invite.cseq + 1)
    assert (first.uri, first.to.tag, first.get("route")) == (
        "sip:callee@192.0.2.2", "callee", "<sip:p@192.0.2.9;lr>",
    )  # fmt: skip
    talk.say(reliably(talk, invite, 7, body=ANSWER))
    talk.say(reliably(talk, invite, 9))
    assert talk.heard() == [], "a retransmission, and one before its turn"
    talk.say(reliably(talk, invite, 8))
    assert talk.last_request().get("rack") == f"8 {invite.cseq} INVITE"
    assert talk.told() == [Ringing(call, 183, ANSWER, fork="callee"), Ringing(call, 183, None, fork="callee")]
    talk.say(talk.response(invite, 200))
    ack = talk.last_request()
    assert (ack.method, ack.cseq) == ("ACK", invite.cseq)
    assert talk.told() == [Answered(call, None, fork="callee")]
    talk.endpoint.info(call, "text/plain", b"x", talk.now)
    assert talk.last_request().cseq == invite.cseq + 3


@pytest.mark.parametrize("rseq", ["", "x", "0", "99999999999", "²"])
def test_an_rseq_that_is_none(rseq: str) -> None:
    talk = Talk()
    _, invite = talk.call_out()
    talk.say(talk.response(invite, 183, headers=f"Require: 100rel\r\nRSeq: {rseq}"))
    assert (talk.heard(), talk.told()) == ([], [])


def test_forks_are_kept_apart() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    for tag, rseq in (("one", 7), ("two", 100)):
        talk.say(reliably(talk, invite, rseq, tag=tag, body=ANSWER))
        request = talk.last_request()
        assert (request.to.tag, request.get("rack")) == (tag, f"{rseq} {invite.cseq} INVITE")
    talk.endpoint.reinvite(call, OFFER, talk.now)
    assert talk.told()[-1] == ReinviteRefused(call, 491, "another offer is under way"), "which one is meant?"
    talk.say(talk.peer_request(invite, "UPDATE", 1, body=OFFER).replace(b"tag=callee", b"tag=two"))
    assert talk.told() == [Reinvite(call, OFFER)]
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    assert talk.heard() == ["200 UPDATE"]
    talk.say(talk.peer_request(invite, "INFO", 2).replace(b"tag=callee", b"tag=three"))
    assert talk.heard() == ["481 INFO"]
    talk.say(talk.response(invite, 200, tag="two"))
    assert talk.last_request().to.tag == "two"
    talk.say(talk.peer_request(invite, "INFO", 3).replace(b"tag=callee", b"tag=one"))
    assert talk.heard() == ["481 INFO"], "the others are forgotten"
    talk.told()
    talk.say(talk.response(invite, 200, tag="one"))
    assert talk.heard() == ["ACK", "BYE"]


def test_the_session_is_changed_before_the_answer() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.response(invite, 180))
    talk.say(talk.peer_request(invite, "UPDATE", 1, body=OFFER))
    assert talk.heard() == ["491 UPDATE"], "our offer has no answer"
    talk.say(reliably(talk, invite, 1, body=ANSWER, headers="Allow: UPDATE"))
    talk.heard()
    talk.told()
    talk.endpoint.reinvite(call, OFFER, talk.now)
    update = talk.last_request()
    assert (update.method, update.contacts[0].uri) == ("UPDATE", "sip:192.0.2.1:5060")
    talk.say(talk.response(update, 200, body=ANSWER))
    assert talk.told() == [ReinviteAnswered(call, ANSWER)]
    talk.say(talk.response(invite, 486))
    talk.wait(100.0)
    assert (talk.endpoint.calls, talk.endpoint.transactions) == (0, 0)


def test_reliable_answers_may_be_demanded() -> None:
    talk = Talk()
    _, invite = talk.call_out(reliable="required")
    assert invite.get("require") == "100rel"
