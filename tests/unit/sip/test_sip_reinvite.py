"""Our offers within a call."""

from sip_talk import ANSWER, OFFER, Talk, parse

from ringback.sip.events import DialogId, Ended, ReinviteAnswered, ReinviteRefused
from ringback.sip.message import Request


def offered(talk: Talk, call: DialogId) -> Request:
    """Let the endpoint offer; return its re-INVITE."""
    talk.endpoint.reinvite(call, OFFER, talk.now)
    return talk.last_request()


def test_accepted() -> None:
    talk = Talk()
    call = talk.answered_call()
    invite = offered(talk, call)
    assert (invite.method, invite.body, invite.to.tag) == ("INVITE", OFFER, "peer")
    assert invite.contacts
    talk.say(talk.response(invite, 100))
    talk.say(talk.response(invite, 200, body=ANSWER))
    ack = talk.last_request()
    assert (ack.method, ack.cseq, ack.uri) == ("ACK", invite.cseq, "sip:callee@192.0.2.2")
    assert talk.told() == [ReinviteAnswered(call, ANSWER)]
    talk.say(talk.response(invite, 200, body=ANSWER))
    assert talk.last_request().via == ack.via
    assert talk.told() == []


def test_refused() -> None:
    """RFC 3261 §14.1: the session stays as it was."""
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.response(offered(talk, call), 488))
    assert talk.heard() == ["ACK"]
    assert talk.told() == [ReinviteRefused(call, 488, "Whatever")]
    assert talk.endpoint.calls == 1
    assert offered(talk, call).method == "INVITE"


def test_the_peer_knows_the_call_no_more() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.response(offered(talk, call), 481))
    assert talk.told() == [Ended(call, "unreachable", True, 481, "Whatever")]


def test_one_at_a_time() -> None:
    talk = Talk()
    call = talk.answered_call()
    offered(talk, call)
    talk.endpoint.reinvite(call, OFFER, talk.now)
    assert talk.told() == [ReinviteRefused(call, 491, "another offer is under way")]
    talk.say(talk.request("INVITE", 2, body=OFFER))
    assert talk.heard() == ["491 INVITE"], "both sides at once"


def test_no_offer_before_the_ack() -> None:
    """RFC 3261 §14.1: not while an INVITE of the other side is under way."""
    talk = Talk()
    call = talk.ring_in()
    talk.answer(call)
    talk.endpoint.reinvite(call, OFFER, talk.now)
    assert talk.told() == [ReinviteRefused(call, 491, "another offer is under way")]


def glare(talk: Talk, call: DialogId) -> float:
    """Refuse an offer with 491; return when it is made again."""
    talk.say(talk.response(offered(talk, call), 491))
    assert talk.heard() == ["ACK"]
    before = talk.now
    while not talk.sent:
        due = talk.endpoint.next_timeout()
        assert due is not None
        talk.wait(due - talk.now)
    return talk.now - before


def test_after_a_glare_the_called_side_waits_less() -> None:
    talk = Talk()
    assert 0.0 <= glare(talk, talk.answered_call()) <= 2.0
    assert talk.heard() == ["INVITE"]


def test_after_a_glare_the_calling_side_waits_longer() -> None:
    talk = Talk()
    call, _ = talk.connected_call()
    assert 2.1 <= glare(talk, call) <= 4.0
    again = parse(talk.last())
    assert isinstance(again, Request)
    talk.say(talk.response(again, 200, body=ANSWER))
    assert talk.told() == [ReinviteAnswered(call, ANSWER)]


def test_glare_without_end_is_given_up() -> None:
    talk = Talk()
    call = talk.answered_call()
    invite = offered(talk, call)
    for _ in range(4):
        talk.say(talk.response(invite, 491))
        talk.endpoint.reinvite(call, OFFER, talk.now)
        assert talk.told() == [ReinviteRefused(call, 491, "another offer is under way")]
        talk.heard()
        talk.wait(2.1)
        invite = talk.last_request()
    talk.say(talk.response(invite, 491))
    assert talk.told() == [ReinviteRefused(call, 491, "Whatever")]


def test_the_end_of_the_call_ends_the_wait() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.response(offered(talk, call), 491))
    talk.say(talk.request("BYE", 2))
    talk.heard()
    talk.wait(40.0)
    assert talk.heard() == []


def test_an_answer_after_the_end_is_acknowledged_only() -> None:
    talk = Talk()
    call = talk.answered_call()
    invite = offered(talk, call)
    talk.say(talk.request("BYE", 2))
    talk.heard()
    talk.say(talk.response(invite, 200, body=ANSWER))
    assert talk.heard() == ["ACK"]
    assert talk.told() == [Ended(call, "bye", True)]


def test_an_offer_by_update() -> None:
    """RFC 3311: the same without an ACK."""
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.update(call, OFFER, talk.now)
    update = talk.last_request()
    assert (update.method, update.body) == ("UPDATE", OFFER)
    talk.say(talk.response(update, 200, body=ANSWER))
    assert talk.heard() == []
    assert talk.told() == [ReinviteAnswered(call, ANSWER)]


def test_a_500_with_a_time_is_waited_for() -> None:
    """RFC 3261 §14.2: the other side owes an answer, and says when to come back."""
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.reinvite(call, OFFER, talk.now)
    talk.say(talk.response(talk.last_request(), 500, headers="Retry-After: 4"))
    assert talk.heard() == ["ACK"]
    talk.wait(3.9)
    assert talk.heard() == []
    talk.wait(0.2)
    assert talk.heard() == ["INVITE"]
    assert talk.told() == []


def test_the_other_side_was_faster_after_the_glare() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.reinvite(call, OFFER, talk.now)
    talk.say(talk.response(talk.last_request(), 491))
    talk.say(talk.request("INVITE", 2, body=OFFER))
    talk.wait(10.0)
    assert "INVITE" not in talk.heard()
    talk.told()
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    talk.ack(2)
    talk.heard()
    talk.wait(2.1)
    assert "INVITE" in talk.heard()


def test_a_change_under_way_is_forgotten_with_the_call() -> None:
    """Who was asked may say goodbye in place of an answer."""
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.reinvite(call, OFFER, talk.now)
    invite = talk.last_request()
    talk.say(talk.response(invite, 100))
    talk.say(talk.request("BYE", 2))
    assert talk.heard() == ["200 BYE"]
    talk.wait(70.0)
    assert talk.endpoint.transactions == 0
    assert call


def test_a_longer_session_is_demanded() -> None:
    """RFC 4028 §7.3: the same offer again, with what was demanded."""
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.reinvite(call, OFFER, talk.now)
    first = talk.last_request()
    talk.say(talk.response(first, 422, headers="Min-SE: 9000"))
    second = talk.last_request()
    assert (second.method, second.body, second.get("min-se")) == ("INVITE", OFFER, "9000")
    for number in range(5):
        talk.say(talk.response(second, 422, headers=f"Min-SE: {9001 + number}"))
        sent = [item for item in talk.sent if item.data.startswith(b"INVITE")]
        if not sent:
            break
        found = parse(sent[-1])
        assert isinstance(found, Request)
        second = found
        talk.heard()
    assert talk.told() == [ReinviteRefused(call, 422, "Whatever")], "there is an end to it"


def test_a_refresh_that_is_refused() -> None:
    """Our user, who did not ask for it, hears nothing of it."""
    talk = Talk()
    talk.answered_call(headers="Supported: timer\r\nSession-Expires: 600;refresher=uas")
    talk.wait(300.0)
    talk.say(talk.response(talk.last_request(), 488))
    assert (talk.heard(), talk.told()) == (["ACK"], [])
