"""Why calls end, and where else to try."""

import pytest
from sip_talk import ANSWER, Talk

from ringback.sip.events import Ended, Refused
from ringback.sip.reason import reason_fields, warning


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ('Q.850;cause=16;text="Normal"', 16), ("SIP;cause=600, q.850 ; cause=17", 17), ("Q.850", None),
        ("SIP;cause=200", None), ("Q.850;cause=abc", None), ("Q.850;cause=99999", None), ('Q.850;text="', None),
    ],
)  # fmt: skip
def test_the_cause_of_the_telephone_network(value: str, cause: int | None) -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("BYE", 2, headers=f"Reason: {value}"))
    assert talk.told() == [Ended(call, "bye", True, 0, value, cause)]


def test_a_cancel_tells_why() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.say(talk.request("CANCEL", branch="z9hG4bK-invite", headers='Reason: SIP;cause=200;text="Call completed"'))
    assert talk.told() == [Ended(call, "cancel", True, 487, 'SIP;cause=200;text="Call completed"')]


def test_a_refusal_tells_where_else_to_try() -> None:
    """RFC 3261 §8.1.3.4: in the order of q, where 1 is what is not said."""
    talk = Talk()
    call, invite = talk.call_out()
    contacts = "Contact: <sip:a@x>;q=0.2, <sip:b@x>;q=x\r\nContact: <sip:c@x>;q=0.7"
    response = talk.response(invite, 302, headers=f"{contacts}\r\nReason: Q.850;cause=23\r\nX-Why: moved")
    talk.say(response.replace(b"Contact: <sip:callee@192.0.2.2>\r\n", b""))
    refused = talk.only(Refused)
    assert (refused.call, refused.code, refused.q850) == (call, 302, 23)
    assert refused.contacts == ("sip:b@x", "sip:c@x", "sip:a@x")
    assert dict(refused.headers)["x-why"] == "moved"


@pytest.mark.parametrize(("value", "seconds"), [("120 (maintenance);duration=60", 120), ("soon", None)])
def test_a_refusal_tells_when_to_try_again(value: str, seconds: int | None) -> None:
    talk = Talk()
    _, invite = talk.call_out()
    talk.say(talk.response(invite, 503, headers=f"Retry-After: {value}"))
    refused = talk.only(Refused)
    assert (refused.retry_after, refused.contacts) == (seconds, ())


def test_what_ours_say() -> None:
    assert reason_fields(None) == []
    assert reason_fields("no", 17) == [("Reason", 'Q.850;cause=17;text="no"')]
    assert reason_fields(None, 16) == [("Reason", "Q.850;cause=16")]
    assert reason_fields('a "b"\n') == [("Reason", 'SIP;cause=200;text="a b"')]


def test_our_bye_and_our_cancel_tell_why() -> None:
    talk = Talk()
    call, _ = talk.connected_call()
    talk.endpoint.bye(call, talk.now, q850=16)
    assert talk.last_request().get("reason") == "Q.850;cause=16"
    assert talk.told() == [Ended(call, "bye", False, 0, "", 16)]
    call, invite = talk.call_out()
    talk.endpoint.cancel(call, talk.now, "Call completed elsewhere")
    talk.say(talk.response(invite, 180))
    assert talk.last_request().get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'


def test_a_refusal_of_ours_warns() -> None:
    """RFC 3261 §20.43."""
    talk = Talk()
    call = talk.ring_in()
    talk.endpoint.reject(call, 488, talk.now, headers=[warning('no "codec" fits', 305)])
    assert talk.last_response().get("warning") == '305 ringback "no codec fits"'


def test_a_re_invite_is_refused_with_a_warning() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.say(talk.request("INVITE", 2, body=ANSWER))
    talk.endpoint.reject_reinvite(call, 488, talk.now, [warning("no")])
    assert talk.last_response().get("warning") == '399 ringback "no"'
