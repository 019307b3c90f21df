"""Calls within their dialog: what each side may do, and how they end."""

import pytest
from sip_talk import ANSWER, LOCAL, OFFER, TCP, Talk

from ringback.sip.events import (
    Acknowledged,
    Dtmf,
    Ended,
    Flow,
    PeerAlive,
    Reinvite,
)
from ringback.sip.policy import METHODS


def test_the_caller_hangs_up() -> None:
    talk = Talk()
    call = talk.answered_call()
    bye = talk.request("BYE", 2)
    talk.say(bye)
    assert talk.told() == [Ended(call, "bye", True)]
    talk.say(bye)
    assert talk.heard() == ["200 BYE", "200 BYE"], "a retransmission gets the same answer"
    talk.say(talk.request("BYE", 3))
    assert talk.heard() == ["481 BYE"]
    assert talk.endpoint.calls == 0


def test_we_hang_up() -> None:
    talk = Talk()
    call = talk.answered_call(headers="Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>")
    talk.endpoint.bye(call, talk.now, 'the "end"\r\n')
    bye = talk.last_request()
    assert (bye.method, bye.uri, bye.cseq) == ("BYE", "sip:caller@192.0.2.2", 1)
    assert (bye.from_.tag, bye.to.tag, bye.call_id) == (talk.tag, "peer", talk.call_id)
    assert bye.headers["route"] == ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]
    assert bye.get("reason") == 'SIP;cause=200;text="the end"'
    assert talk.told() == [Ended(call, "bye", False, 0, 'the "end"\r\n')]
    talk.endpoint.bye(call, talk.now)
    assert talk.heard() == []
    talk.say(talk.response(bye, 200))
    assert talk.endpoint.calls == 0
    talk.wait(33.0)
    assert (talk.told(), talk.endpoint.transactions) == ([], 0)


def test_byes_that_cross_are_both_answered() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.bye(call, talk.now)
    bye = talk.last_request()
    talk.say(talk.request("INFO", 2))
    talk.say(talk.request("BYE", 3))
    assert talk.heard() == ["481 INFO", "200 BYE"]
    talk.say(talk.response(bye, 481))
    assert len(talk.told()) == 1
    assert talk.endpoint.calls == 0


def test_a_bye_that_nobody_answers() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.bye(call, talk.now)
    talk.wait(40.0)
    assert talk.told() == [Ended(call, "bye", False)]
    assert (talk.endpoint.calls, talk.endpoint.transactions) == (0, 0)


def test_our_bye_waits_for_the_ack() -> None:
    """RFC 3261 §15: the callee must not send it before."""
    talk = Talk()
    call = talk.ring_in()
    talk.answer(call)
    talk.endpoint.bye(call, talk.now)
    assert talk.heard() == []
    assert talk.only(Ended).cause == "bye"
    talk.wait(0.6)
    assert talk.heard() == ["200 INVITE"]
    talk.ack()
    assert talk.heard() == ["BYE"]
    talk.wait(70.0)
    assert (talk.told(), talk.endpoint.calls, talk.endpoint.transactions) == ([], 0, 0)


def test_our_bye_waits_for_no_ack_for_ever() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.answer(call)
    talk.endpoint.bye(call, talk.now)
    talk.wait(32.1)
    assert talk.heard()[-1] == "BYE"
    assert [event.cause for event in talk.told() if isinstance(event, Ended)] == ["bye"]


def test_the_callers_bye_stops_the_repeated_2xx() -> None:
    talk = Talk()
    talk.answer(talk.ring_in())
    talk.say(talk.request("BYE", 2))
    talk.heard()
    talk.wait(10.0)
    assert talk.heard() == []


def test_requests_out_of_order_are_refused() -> None:
    """RFC 3261 §12.2.2."""
    talk = Talk()
    talk.answered_call(cseq=10)
    for cseq in (9, 10):
        talk.say(talk.request("INFO", cseq))
        assert talk.heard() == ["500 INFO"]
    talk.say(talk.request("INFO", 20))
    assert talk.heard() == ["200 INFO"]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_the_other_side_changes_the_session(method: str) -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request(method, 2, body=OFFER, contact="<sip:elsewhere@192.0.2.2:7000>"))
    assert talk.only(Reinvite) == Reinvite(call, OFFER)
    talk.say(talk.request(method, 3, body=OFFER, branch="z9hG4bK-third"))
    talk.say(talk.request("ACK", 3, branch="z9hG4bK-third"))
    refusal = talk.last_response()
    assert (refusal.code, "retry-after" in refusal.headers) == (500, True)
    talk.endpoint.reinvite(call, OFFER, talk.now)
    assert talk.told()
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    ok = talk.last_response()
    assert (ok.code, ok.body, ok.cseq) == (200, ANSWER, 2)
    assert ok.contacts
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    talk.wait(0.6)
    assert talk.heard() == (["200 INVITE"] if method == "INVITE" else [])
    talk.ack(2)
    assert talk.told() == ([Acknowledged(call, None)] if method == "INVITE" else [])
    talk.endpoint.bye(call, talk.now)
    bye = talk.last()
    assert bye.data.startswith(b"BYE sip:elsewhere@192.0.2.2:7000 SIP/2.0\r\n"), "the target was refreshed"
    assert bye.flow.remote == ("192.0.2.2", 7000)


def test_a_change_may_be_refused() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("INVITE", 2, body=OFFER, branch="z9hG4bK-re"))
    talk.endpoint.reject_reinvite(call, 488, talk.now)
    assert talk.heard() == ["488 INVITE"]
    talk.say(talk.request("ACK", 2, branch="z9hG4bK-re"))
    talk.endpoint.reject_reinvite(call, 488, talk.now)
    assert talk.heard() == []
    assert talk.endpoint.calls == 1


def test_a_reinvite_without_offer_asks_for_ours() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("INVITE", 2))
    assert talk.only(Reinvite).sdp is None
    talk.endpoint.answer_reinvite(call, OFFER, talk.now)
    talk.say(talk.request("UPDATE", 3, body=OFFER))
    assert talk.heard()[-1] == "491 UPDATE"
    talk.ack(2, body=ANSWER)
    assert talk.told() == [Acknowledged(call, ANSWER)]


def test_a_reinvite_that_nobody_acknowledges_ends_the_call() -> None:
    """RFC 3261 §14.2."""
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("INVITE", 2, body=OFFER))
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    talk.told()
    talk.wait(32.1)
    assert talk.heard()[-1] == "BYE"
    assert talk.only(Ended).cause == "ack-timeout"


def test_a_reinvite_is_cancelled_and_the_call_goes_on() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("INVITE", 2, body=OFFER, branch="z9hG4bK-re"))
    talk.say(talk.request("CANCEL", 2, branch="z9hG4bK-re"))
    assert talk.heard() == ["200 CANCEL", "487 INVITE"]
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    assert talk.heard() == []
    talk.say(talk.request("INVITE", 3, body=OFFER))
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    assert talk.heard() == ["200 INVITE"]


def test_a_change_of_another_type_is_refused() -> None:
    talk = Talk()
    talk.answered_call()
    talk.say(talk.request("INVITE", 2, body=b"x", kind="text/plain"))
    refusal = talk.last_response()
    assert (refusal.code, refusal.get("accept")) == (415, "application/sdp")
    assert talk.told() == []


def test_a_change_before_the_answer_is_put_off() -> None:
    """RFC 3261 §14.2, RFC 3311 §5.2."""
    talk = Talk()
    call = talk.ring_in()
    talk.endpoint.ring(call, talk.now)
    talk.tag = talk.last_response().to.tag
    talk.say(talk.request("UPDATE", 2, body=OFFER))
    talk.say(talk.request("INVITE", 3, body=OFFER))
    assert talk.heard() == ["500 UPDATE", "500 INVITE"]
    assert talk.told() == []


def test_an_update_without_offer_is_answered_at_once() -> None:
    """It refreshes the target, or shows that we are alive."""
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("UPDATE", 2, contact="<sip:new@192.0.2.2>"))
    assert talk.heard() == ["200 UPDATE"]
    talk.endpoint.check(call, talk.now)
    assert talk.last_request().uri == "sip:new@192.0.2.2"


def test_hanging_up_answers_what_is_open() -> None:
    talk = Talk()
    talk.answered_call()
    talk.say(talk.request("INVITE", 2, body=OFFER))
    talk.say(talk.request("BYE", 3))
    assert talk.heard() == ["200 BYE", "487 INVITE"]


def test_keys_in_info() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("INFO", 2, body=b"Signal= 10\r\nDuration=250\r\n", kind="application/dtmf-relay"))
    talk.say(talk.request("INFO", 3, body=b"#", kind="application/dtmf"))
    talk.say(talk.request("INFO", 4, body=b"Signal=16", kind="application/dtmf-relay"))
    talk.say(talk.request("INFO", 5))
    assert talk.heard() == ["200 INFO"] * 4
    assert talk.told() == [Dtmf(call, "*", 250), Dtmf(call, "#", 160)]
    talk.say(talk.request("INFO", 6, body=b"<xml/>", kind="application/media_control+xml"))
    refusal = talk.last_response()
    assert (refusal.code, refusal.get("accept")) == (415, "application/dtmf-relay, application/dtmf")


@pytest.mark.parametrize(("method", "code"), [("MESSAGE", 405), ("PUBLISH", 405), ("WHATEVER", 501)])
def test_methods_that_we_lack(method: str, code: int) -> None:
    talk = Talk()
    talk.answered_call()
    talk.say(talk.request(method, 2))
    refusal = talk.last_response()
    assert (refusal.code, refusal.get("allow")) == (code, ", ".join(METHODS))


def test_options_within_the_dialog() -> None:
    talk = Talk()
    talk.answered_call()
    talk.say(talk.request("OPTIONS", 2))
    ok = talk.last_response()
    assert (ok.code, ok.get("accept"), "INVITE" in (ok.get("allow") or "")) == (200, "application/sdp", True)


def test_extensions_are_refused_within_the_dialog_too() -> None:
    talk = Talk()
    talk.answered_call()
    talk.say(talk.request("INFO", 2, headers="Require: 100rel, gruu, timer, x"))
    refusal = talk.last_response()
    assert (refusal.code, refusal.get("unsupported")) == (420, "gruu, x")


@pytest.mark.parametrize("code", [200, 405, 486])
def test_any_answer_is_a_sign_of_life(code: int) -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.check(call, talk.now)
    options = talk.last_request()
    assert options.method == "OPTIONS"
    talk.say(talk.response(options, 100))
    assert talk.told() == []
    talk.say(talk.response(options, code))
    assert talk.told() == [PeerAlive(call)]


@pytest.mark.parametrize("code", [408, 481])
def test_a_peer_that_knows_the_call_no_more(code: int) -> None:
    """RFC 3261 §12.2.1.2."""
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.check(call, talk.now)
    talk.say(talk.response(talk.last_request(), code))
    assert talk.told() == [Ended(call, "unreachable", True, code, "Whatever")]
    assert (talk.heard(), talk.endpoint.calls) == ([], 0)
    talk.endpoint.check(call, talk.now)
    assert talk.heard() == []


def test_a_peer_that_is_gone() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.check(call, talk.now)
    talk.wait(33.0)
    assert talk.told() == [Ended(call, "unreachable", True, 408, "no answer")]


def test_info_of_ours() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.info(call, "application/dtmf", b"5", talk.now)
    info = talk.last_request()
    assert (info.method, info.content_type, info.body) == ("INFO", "application/dtmf", b"5")
    talk.say(talk.response(info, 500))
    assert talk.told() == []
    talk.endpoint.info(call, "application/dtmf", b"5", talk.now)
    talk.say(talk.response(talk.last_request(), 481))
    assert talk.only(Ended).cause == "unreachable"
    talk.endpoint.info(call, "application/dtmf", b"5", talk.now)
    assert talk.heard() == []


def test_actions_on_calls_that_are_not_up_do_nothing() -> None:
    talk = Talk()
    call = talk.ring_in()
    for act in (talk.endpoint.check, talk.endpoint.cancel):
        act(call, talk.now)
    talk.endpoint.info(call, "text/plain", b"x", talk.now)
    talk.endpoint.reinvite(call, OFFER, talk.now)
    talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
    assert (talk.heard(), talk.told()) == ([], [])


def test_a_call_outlives_its_connection() -> None:
    """A proxy may close an idle connection; the next request opens one."""
    talk = Talk(TCP)
    call = talk.answered_call()
    talk.endpoint.connection_lost(TCP, talk.now)
    assert talk.told() == []
    talk.endpoint.bye(call, talk.now)
    assert talk.last().flow == Flow("TCP", LOCAL, ("192.0.2.2", 5060), 0)


def test_a_call_follows_its_peer_to_another_connection() -> None:
    talk = Talk(TCP)
    call = talk.answered_call()
    other = Flow("TCP", LOCAL, ("192.0.2.2", 40001), 8)
    talk.say(talk.request("INFO", 2), other)
    assert talk.last().flow == other
    talk.endpoint.bye(call, talk.now)
    assert talk.last().flow == other


def test_a_lost_request_within_the_dialog_leaves_a_gap_that_does_not_matter() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("BYE", 9))
    assert talk.told() == [Ended(call, "bye", True)]


def test_a_session_that_nobody_refreshes_is_over() -> None:
    talk = Talk()
    call = talk.answered_call(headers="Supported: timer\r\nSession-Expires: 90;refresher=uac")
    talk.wait(60.1)
    assert talk.heard()[-1] == "BYE"
    assert talk.told() == [Ended(call, "session-expired", True, 408, "the session was not refreshed")]


def test_methods_that_only_some_serve() -> None:
    talk = Talk(serves={"MESSAGE"})
    talk.answered_call()
    for method in ("MESSAGE", "PUBLISH", "PRACK", "NOTIFY", "REFER"):
        talk.branches += 1
        talk.say(talk.request(method, 10 + talk.branches))
    assert talk.heard() == ["405 PUBLISH", "481 PRACK", "489 NOTIFY", "400 REFER"]


def test_an_update_before_the_answer() -> None:
    """There is no session to be changed yet."""
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.peer_request(invite, "UPDATE", 1, body=OFFER))
    assert talk.heard() == ["481 UPDATE"], "no fork has this tag yet"
    talk.endpoint.update(call, OFFER, talk.now)
    assert talk.heard() == []
