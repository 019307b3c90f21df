"""What the user of an endpoint may do: what is refused at once, and what goes on the wire."""

from typing import Any

import pytest
from sip_talk import ANSWER, OFFER, Talk

from ringback.sip.actions import checked_routes
from ringback.sip.events import DialogId, RequestId

GONE = DialogId(99)


def test_actions_on_what_is_gone_do_nothing() -> None:
    talk = Talk()
    endpoint, now = talk.endpoint, talk.now
    endpoint.ring(GONE, now)
    endpoint.answer(GONE, ANSWER, now)
    endpoint.reject(GONE, 486, now)
    endpoint.answer_reinvite(GONE, ANSWER, now)
    endpoint.reject_reinvite(GONE, 488, now)
    endpoint.bye(GONE, now)
    endpoint.cancel(GONE, now)
    endpoint.check(GONE, now)
    endpoint.info(GONE, "text/plain", b"x", now)
    endpoint.reinvite(GONE, OFFER, now)
    endpoint.update(GONE, OFFER, now)
    endpoint.accept_transfer(GONE, now)
    endpoint.reject_transfer(GONE, 603, now)
    endpoint.notify_transfer(GONE, 200, None, now)
    endpoint.refer(GONE, "sip:a@b.example", now)
    endpoint.respond(RequestId(99), 200, now)
    assert endpoint.request_within(GONE, "MESSAGE", now) is None
    assert (talk.heard(), talk.told()) == ([], [])


def test_actions_on_calls_go_on_the_wire() -> None:
    talk = Talk(serves={"MESSAGE"})
    endpoint, now = talk.endpoint, talk.now
    call = talk.ring_in()
    endpoint.ring(call, now)
    endpoint.answer(call, ANSWER, now)
    talk.tag = talk.last_response().to.tag
    talk.ack()
    endpoint.check(call, now)
    endpoint.info(call, "text/plain", b"x", now)
    endpoint.request_within(call, "MESSAGE", now)
    endpoint.refer(call, "sip:carol@192.0.2.3", now)
    endpoint.update(call, OFFER, now)
    assert talk.heard() == ["OPTIONS", "INFO", "MESSAGE", "REFER", "UPDATE"]
    talk.say(talk.request("REFER", 2, headers="Refer-To: <sip:d@192.0.2.3>"))
    endpoint.accept_transfer(call, now)
    endpoint.notify_transfer(call, 200, None, now)
    endpoint.reject_transfer(call, 603, now)
    assert talk.heard() == ["202 REFER", "NOTIFY", "NOTIFY"]
    talk.say(talk.request("MESSAGE", 3))
    endpoint.respond(RequestId(2), 200, now)
    assert talk.heard() == ["200 MESSAGE"]
    endpoint.bye(call, now)
    assert talk.heard() == ["BYE"]


def test_offers_and_calls_of_ours() -> None:
    talk = Talk()
    endpoint, now = talk.endpoint, talk.now
    call = talk.answered_call()
    endpoint.reinvite(call, OFFER, now)
    talk.say(talk.response(talk.last_request(), 200, body=ANSWER))
    talk.say(talk.request("INVITE", 2, body=OFFER))
    endpoint.answer_reinvite(call, ANSWER, now)
    talk.ack(2)
    talk.say(talk.request("INVITE", 3, body=OFFER))
    endpoint.reject_reinvite(call, 488, now)
    assert talk.heard() == ["ACK", "200 INVITE", "488 INVITE"]
    call, invite = talk.call_out(route=["<sip:proxy.example;lr>", "<sip:next.example;lr>"], max_forwards=12)
    assert invite.headers["route"] == ["<sip:proxy.example;lr>", "<sip:next.example;lr>"]
    assert invite.get("max-forwards") == "12"
    talk.say(talk.response(invite, 100))
    endpoint.cancel(call, now)
    assert talk.heard() == ["CANCEL"]
    endpoint.request("OPTIONS", "sip:a@192.0.2.2", talk.flow, from_uri="sip:b@192.0.2.1", now=now)
    assert talk.heard() == ["OPTIONS"]
    talk.tag = ""
    talk.call_id = "another"
    talk.told()
    endpoint.reject(talk.ring_in(branch="z9hG4bK-another"), 486, now)
    assert talk.heard() == ["486 INVITE"]


@pytest.mark.parametrize(
    "bad",
    [{"max_forwards": 0}, {"max_forwards": 256}, {"route": ["x"]}, {"route": ["<sip:a>\r\n"]}, {"to_uri": "nobody"}],
)  # fmt: skip
def test_calls_that_cannot_be_made(bad: dict[str, Any]) -> None:
    talk = Talk()
    with pytest.raises(ValueError, match=r"Max-Forwards|URI|header line"):
        talk.call_out(**bad)
    assert talk.endpoint.calls == 0


def test_what_cannot_be_said() -> None:
    talk = Talk()
    for act in (
        lambda: talk.endpoint.respond(RequestId(1), 700, 0.0),
        lambda: talk.endpoint.request_within(GONE, "PRACK", 0.0),
        lambda: talk.endpoint.request("BYE", "sip:a@b", talk.flow, from_uri="sip:a@b", now=0.0),
        lambda: talk.endpoint.refer(GONE, "nobody", 0.0),
        lambda: checked_routes(["nobody"]),
    ):
        with pytest.raises(ValueError, match=r"status|cannot be sent|method|URI"):
            act()
