"""Requests within a call that leave its session as it is."""

import pytest
from sip_talk import TCP, Talk

from ringback.sip.events import Dtmf, Ended, IncomingRequest, PeerAlive


def test_keys() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("INFO", 2, body=b"Signal=5\r\nDuration=200", kind="application/dtmf-relay"))
    talk.say(talk.request("INFO", 3))
    talk.say(talk.request("INFO", 4, body=b"Signal=FLASH", kind="application/dtmf-relay"))
    talk.say(talk.request("INFO", 5, body=b"x", kind="text/plain"))
    assert talk.heard() == ["200 INFO"] * 3 + ["415 INFO"]
    assert talk.told() == [Dtmf(call, "5", 200)]


def test_what_we_can() -> None:
    talk = Talk()
    talk.answered_call()
    talk.say(talk.request("OPTIONS", 2))
    ok = talk.last_response()
    assert (ok.get("accept"), ok.get("supported")) == ("application/sdp", "replaces, norefersub, 100rel, timer")


def test_messages_go_to_our_user() -> None:
    talk = Talk(serves={"MESSAGE"})
    call = talk.answered_call()
    talk.say(talk.request("MESSAGE", 2, body=b"x", kind="text/plain"))
    assert talk.only(IncomingRequest).call == call


@pytest.mark.parametrize("code", [200, 486])
def test_a_sign_of_life(code: int) -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.endpoint.check(call, talk.now)
    assert talk.heard() == []
    talk.answer(call)
    talk.ack()
    talk.told()
    talk.endpoint.check(call, talk.now)
    options = talk.last_request()
    talk.say(talk.response(options, 100))
    talk.say(talk.response(options, code))
    assert talk.told() == [PeerAlive(call)]


@pytest.mark.parametrize("what", ["481", "silence", "no connection"])
def test_no_sign_of_life(what: str) -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.check(call, talk.now)
    if what == "481":
        talk.say(talk.response(talk.last_request(), 481))
    elif what == "silence":
        talk.wait(33.0)
    else:
        for transaction in list(talk.endpoint._stack.clients.values()):
            transaction.step("transport error", talk.now)
    assert talk.only(Ended).cause == "unreachable"


def test_an_old_connection_that_is_gone_says_nothing() -> None:
    talk = Talk(TCP)
    call = talk.answered_call()
    talk.endpoint.check(call, talk.now)
    talk.endpoint.connection_lost(TCP, talk.now)
    assert talk.told() == []


def test_a_check_that_outlives_its_call() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.check(call, talk.now)
    options = talk.last_request()
    talk.endpoint.bye(call, talk.now)
    talk.told()
    talk.say(talk.response(options, 200))
    assert talk.told() == []


def test_an_info_of_ours() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.endpoint.info(call, "text/plain", b"x", talk.now)
    assert talk.heard() == []
    talk.answer(call)
    talk.ack()
    talk.endpoint.info(call, "text/plain", b"x", talk.now)
    assert talk.last_request().body == b"x"
