"""Offers of the other side: answered, refused, crossed, and taken back."""

import pytest
from sip_talk import ANSWER, OFFER, Talk

from ringback.sip.events import Acknowledged, EarlyAcknowledged, Reinvite


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_an_offer_is_answered(method: str) -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request(method, 2, body=OFFER))
    assert talk.only(Reinvite) == Reinvite(call, OFFER)
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    ok = talk.last_response()
    assert (ok.code, ok.body, bool(ok.contacts)) == (200, ANSWER, True)
    talk.wait(1.0)
    if method == "INVITE":
        assert talk.heard() == ["200 INVITE"]
        talk.ack(2)
        assert talk.told() == [Acknowledged(call, None)]
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    talk.endpoint.reject_reinvite(call, 488, talk.now)
    assert talk.heard() == []


def test_our_offer_is_asked_for() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("INVITE", 2))
    assert talk.only(Reinvite).sdp is None
    talk.endpoint.answer_reinvite(call, OFFER, talk.now)
    talk.say(talk.request("INVITE", 3, body=OFFER))
    assert talk.heard() == ["200 INVITE", "491 INVITE"], "our offer has no answer yet"
    talk.ack(2, ANSWER)
    assert talk.told() == [Acknowledged(call, ANSWER)]
    talk.say(talk.request("INVITE", 4))
    talk.endpoint.answer_reinvite(call, OFFER, talk.now)
    talk.say(talk.request("ACK", 4, body=b"x", kind="text/plain"))
    assert talk.told()[-1] == Acknowledged(call, None)


def test_a_second_offer_before_our_answer() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("INVITE", 2, body=OFFER))
    talk.say(talk.request("UPDATE", 3, body=OFFER))
    refusal = talk.last_response()
    assert (refusal.code, "retry-after" in refusal.headers) == (500, True)
    talk.endpoint.reject_reinvite(call, 488, talk.now)
    assert talk.heard() == ["488 INVITE"]


def test_both_offer_at_once() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.reinvite(call, OFFER, talk.now)
    talk.heard()
    talk.say(talk.request("UPDATE", 2, body=OFFER))
    assert talk.heard() == ["491 UPDATE"]


def test_an_offer_that_is_none() -> None:
    talk = Talk()
    talk.answered_call()
    talk.say(talk.request("INVITE", 2, body=b"x", kind="text/plain"))
    refusal = talk.last_response()
    assert (refusal.code, refusal.get("accept")) == (415, "application/sdp")


def test_an_offer_is_taken_back() -> None:
    """The call goes on without it, and the answer that comes too late goes nowhere."""
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("INVITE", 2, body=OFFER, branch="z9hG4bK-again"))
    talk.say(talk.request("CANCEL", 2, branch="z9hG4bK-again"))
    assert talk.heard() == ["200 CANCEL", "487 INVITE"]
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    assert talk.heard() == []
    talk.say(talk.request("INVITE", 3, body=OFFER))
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    assert talk.heard() == ["200 INVITE"]


def test_an_answer_after_the_connection_is_gone() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("UPDATE", 2, body=OFFER))
    for transaction in list(talk.endpoint._stack.servers.values()):
        transaction.step("transport error", talk.now)
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    assert talk.heard() == []


def test_an_update_without_an_offer_refreshes() -> None:
    talk = Talk(min_se=300)
    call = talk.answered_call()
    talk.say(talk.request("UPDATE", 2, contact="<sip:elsewhere@192.0.2.2>"))
    assert (talk.heard(), talk.told()) == (["200 UPDATE"], [])
    talk.endpoint.check(call, talk.now)
    assert talk.last_request().uri == "sip:elsewhere@192.0.2.2"
    talk.say(talk.request("UPDATE", 3, headers="Supported: timer\r\nSession-Expires: 100"))
    assert talk.heard() == ["422 UPDATE"]


def test_pracks() -> None:
    """With nothing, with an offer, with a body that is none, crossing another offer, and for nothing."""
    talk = Talk()
    call = talk.ring_in(headers="Supported: 100rel")
    talk.endpoint.ring(call, talk.now, 183, ANSWER)
    progress = talk.last_response()
    talk.tag = progress.to.tag
    rack = f"RAck: {progress.get('rseq')} 1 INVITE"
    talk.say(talk.request("PRACK", 2, headers="RAck: 1 2 INVITE"))
    talk.say(talk.request("PRACK", 3, headers=rack))
    assert talk.heard() == ["481 PRACK", "200 PRACK"]
    assert talk.told() == [EarlyAcknowledged(call, None)]
    for number, (body, kind, code) in enumerate(((OFFER, "application/sdp", 0), (b"x", "text/plain", 415))):
        talk.endpoint.ring(call, talk.now, 183, ANSWER)
        rack = f"RAck: {int(talk.last_response().get('rseq') or 0)} 1 INVITE"
        talk.say(talk.request("PRACK", 4 + number, headers=rack, body=body, kind=kind))
        assert talk.heard() == ([f"{code} PRACK"] if code else [])
    assert talk.told() == [Reinvite(call, OFFER)]
    talk.endpoint.ring(call, talk.now, 183, ANSWER)
    rack = f"RAck: {int(talk.last_response().get('rseq') or 0)} 1 INVITE"
    talk.say(talk.request("PRACK", 8, headers=rack, body=OFFER))
    assert talk.heard() == ["491 PRACK"]
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    assert talk.heard() == ["200 PRACK"]


def test_the_answer_in_a_prack() -> None:
    talk = Talk()
    call = talk.ring_in(headers="Supported: 100rel", body=b"")
    talk.endpoint.ring(call, talk.now, 183, OFFER)
    progress = talk.last_response()
    talk.say(talk.request("UPDATE", 2, body=OFFER, to_tag=progress.to.tag))
    assert talk.heard() == ["491 UPDATE"]
    rack = f"RAck: {progress.get('rseq')} 1 INVITE"
    talk.say(talk.request("PRACK", 3, headers=rack, body=ANSWER, to_tag=progress.to.tag))
    assert talk.told() == [EarlyAcknowledged(call, ANSWER)]
