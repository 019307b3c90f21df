"""Reliable provisional answers (RFC 3262), given."""

import pytest
from sip_talk import ANSWER, OFFER, Talk, parse

from ringback.sip.events import (
    Acknowledged,
    EarlyAcknowledged,
    Ended,
    IncomingCall,
    Reinvite,
    ReinviteAnswered,
)  # fmt: skip
from ringback.sip.message import Response

ABLE = "Supported: 100rel"
REQUIRED = "Require: 100rel"


def prack(talk: Talk, provisional: Response, cseq: int = 2, body: bytes = b"", rack: str = "") -> bytes:
    """Write the PRACK of a provisional answer."""
    talk.tag = provisional.to.tag
    rack = rack or f"{provisional.get('rseq')} {provisional.cseq_text}"
    return talk.request("PRACK", cseq, headers=f"RAck: {rack}", body=body)


def test_a_description_is_repeated_until_its_prack_comes() -> None:
    talk = Talk()
    call = talk.ring_in(headers=ABLE)
    talk.endpoint.ring(call, talk.now, 183, ANSWER)
    progress = talk.last_response()
    assert (progress.code, progress.get("require"), progress.body) == (183, "100rel", ANSWER)
    assert 0 < int(progress.get("rseq") or 0) < 2**31
    talk.wait(3.6)
    assert talk.heard() == ["183 INVITE"] * 3, "after 0.5, 1.5 and 3.5 seconds"
    talk.say(prack(talk, progress))
    assert talk.heard() == ["200 PRACK"]
    assert talk.told() == [EarlyAcknowledged(call, None)]
    talk.wait(20.0)
    assert talk.heard() == []
    talk.endpoint.answer(call, ANSWER, talk.now)
    ok = talk.last_response()
    assert (ok.code, ok.body) == (200, ANSWER)
    talk.ack()
    assert talk.told() == [Acknowledged(call, None)]


def test_the_answer_waits_for_the_prack() -> None:
    """RFC 3262 §3: no 2xx while a description is not acknowledged."""
    talk = Talk()
    call = talk.ring_in(headers=ABLE)
    talk.endpoint.ring(call, talk.now, 183, ANSWER)
    progress = talk.last_response()
    talk.endpoint.answer(call, b"another", talk.now)
    talk.endpoint.ring(call, talk.now)
    assert talk.heard() == []
    talk.say(prack(talk, progress))
    responses = [parse(item) for item in talk.sent]
    assert talk.heard() == ["200 PRACK", "200 INVITE"]
    assert responses[1].body == ANSWER, "what was said reliably holds"


def test_without_a_description_only_who_requires_it_gets_it() -> None:
    for header, reliable in ((ABLE, False), (REQUIRED, True), ("", False)):
        talk = Talk()
        talk.endpoint.ring(talk.ring_in(headers=header), talk.now)
        assert (talk.last_response().get("rseq") is not None) == reliable


def test_one_at_a_time() -> None:
    talk = Talk()
    call = talk.ring_in(headers=REQUIRED)
    for code in (180, 181, 182):
        talk.endpoint.ring(call, talk.now, code)
    first = talk.last_response()
    assert first.code == 180
    talk.say(prack(talk, first))
    second = talk.last_response()
    assert (second.code, second.get("rseq")) == (181, str(int(first.get("rseq") or 0) + 1))
    assert talk.told() == []
    talk.endpoint.answer(call, ANSWER, talk.now)
    assert talk.heard() == ["200 INVITE"], "only descriptions hold the answer up"
    talk.say(prack(talk, second, 3))
    assert talk.heard() == ["200 PRACK"], "a PRACK that was under way is answered"


def test_stray_pracks() -> None:
    talk = Talk()
    call = talk.ring_in(headers=REQUIRED)
    talk.endpoint.ring(call, talk.now)
    ringing = talk.last_response()
    rseq = int(ringing.get("rseq") or 0)
    bad = (f"{rseq + 1} 1 INVITE", f"{rseq} 2 INVITE", f"{rseq} 1 UPDATE", "x", "² 1 INVITE")
    for number, rack in enumerate(bad):
        talk.say(prack(talk, ringing, 2 + number, rack=rack))
        assert talk.heard() == ["481 PRACK"]
    talk.say(prack(talk, ringing, 20, body=b"x").replace(b"application/sdp", b"text/plain"))
    assert talk.heard() == ["415 PRACK"]


def test_a_caller_that_never_acknowledges_is_refused() -> None:
    talk = Talk()
    call = talk.ring_in(headers=ABLE)
    talk.endpoint.ring(call, talk.now, 183, ANSWER)
    talk.wait(32.1)
    assert talk.heard()[-1] == "504 INVITE"
    assert talk.told() == [Ended(call, "ack-timeout", True, 504, "no PRACK came")]
    assert talk.endpoint.calls == 0


def test_our_offer_and_the_answer_in_the_prack() -> None:
    talk = Talk()
    call = talk.ring_in(headers=ABLE, body=b"")
    talk.endpoint.ring(call, talk.now, 183, OFFER)
    progress = talk.last_response()
    talk.say(talk.request("UPDATE", 2, body=OFFER, to_tag=progress.to.tag))
    assert talk.heard() == ["491 UPDATE"], "our offer has no answer"
    talk.say(prack(talk, progress, 3, body=ANSWER))
    assert talk.told() == [EarlyAcknowledged(call, ANSWER)]
    talk.heard()
    talk.endpoint.answer(call, OFFER, talk.now)
    ok = talk.last_response()
    assert ok.body == b"", "it would be another offer"
    talk.ack()
    assert talk.told() == [Acknowledged(call, None)]


def test_an_offer_in_the_prack_and_updates_before_the_answer() -> None:
    """RFC 3262 §5, RFC 3311 §5: the session may change before anybody picks up, from both sides."""
    talk = Talk()
    call = talk.ring_in(headers=f"{ABLE}\r\nAllow: INVITE, UPDATE")
    talk.endpoint.reinvite(call, OFFER, talk.now)
    assert talk.heard() == [], "there is no session to change"
    talk.endpoint.ring(call, talk.now, 183, ANSWER)
    progress = talk.last_response()
    talk.say(prack(talk, progress, body=OFFER))
    assert talk.told() == [Reinvite(call, OFFER)]
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    ok = talk.last_response()
    assert (ok.cseq_method, ok.body) == ("PRACK", ANSWER)
    talk.say(talk.request("UPDATE", 3, body=OFFER))
    assert talk.told() == [Reinvite(call, OFFER)]
    talk.say(talk.request("UPDATE", 4, body=OFFER))
    assert talk.heard() == ["500 UPDATE"]
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    assert talk.heard() == ["200 UPDATE"]
    talk.endpoint.reinvite(call, OFFER, talk.now)
    update = talk.last_request()
    assert (update.method, update.body) == ("UPDATE", OFFER)
    talk.say(talk.request("UPDATE", 5, body=OFFER))
    assert talk.heard() == ["491 UPDATE"], "both offer at once"
    talk.say(talk.response(update, 200, body=ANSWER))
    assert talk.told() == [ReinviteAnswered(call, ANSWER)]
    talk.endpoint.answer(call, ANSWER, talk.now)
    assert talk.last_response().body == b"", "what held at first holds no more"


def test_an_update_before_there_is_a_session() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.endpoint.ring(call, talk.now)
    tag = talk.last_response().to.tag
    talk.say(talk.request("UPDATE", 2, body=OFFER, to_tag=tag))
    refusal = talk.last_response()
    assert (refusal.code, 0 <= int(refusal.get("retry-after") or -1) < 10) == (500, True)


@pytest.mark.parametrize(
    ("reliable", "header", "code"),
    [("never", REQUIRED, 420), ("required", "", 421), ("required", ABLE, 0), ("never", ABLE, 0)],
)  # fmt: skip
def test_what_the_setting_says(reliable: str, header: str, code: int) -> None:
    talk = Talk(reliable=reliable)
    talk.say(talk.request("INVITE", body=OFFER, headers=header))
    if code:
        refusal = talk.last_response()
        assert (refusal.code, refusal.get("require" if code == 421 else "unsupported")) == (code, "100rel")
        return
    talk.endpoint.ring(talk.only(IncomingCall).call, talk.now)
    assert (talk.last_response().get("require") == "100rel") == (reliable == "required")


def test_a_setting_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="never, supported or required"):
        Talk(reliable="sometimes")
