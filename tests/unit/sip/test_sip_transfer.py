"""Transfers: REFER and what is told of it, and calls that take the place of others."""

from urllib.parse import unquote

import pytest
from sip_talk import ANSWER, OFFER, Talk

from ringback.sip.events import DialogId, Ended, IncomingCall, Transfer, TransferProgress
from ringback.sip.fields import FieldError
from ringback.sip.message import Request
from ringback.sip.transfer import parse_refer_to, parse_replaces

REFER = "Refer-To: <sip:carol@192.0.2.3>"


def asked(talk: Talk, headers: str = REFER, cseq: int = 2) -> DialogId:
    """Let the other side of a call ask for a transfer."""
    call = talk.answered_call()
    talk.say(talk.request("REFER", cseq, headers=headers))
    return call


def notify(talk: Talk, refer: Request, status: str, cseq: int, state: str = "active", event: str = "refer") -> bytes:
    """Write a NOTIFY of the called side."""
    return talk.peer_request(
        refer, "NOTIFY", cseq, headers=f"Event: {event}\r\nSubscription-State: {state}",
        body=f"SIP/2.0 {status}\r\n".encode(), kind="message/sipfrag;version=2.0",
    )  # fmt: skip


def told_of(talk: Talk) -> tuple[str, str | None, str | None, bytes]:
    """Return what our last NOTIFY says, and answer it."""
    request = talk.last_request()
    talk.say(talk.response(request, 200))
    return request.method, request.get("event"), request.get("subscription-state"), request.body


# -- theirs ----------------------------------------------------------------------------------------------------------


def test_a_transfer_and_what_becomes_of_it() -> None:
    talk = Talk()
    call = asked(talk, REFER + "\r\nReferred-By: <sip:ann@192.0.2.2>")
    assert talk.told() == [Transfer(call, "sip:carol@192.0.2.3", None, "<sip:ann@192.0.2.2>")]
    talk.endpoint.accept_transfer(call, talk.now)
    talk.collect()
    accepted = talk.sent[0].data
    assert accepted.startswith(b"SIP/2.0 202")
    assert told_of(talk) == ("NOTIFY", "refer;id=2", "active;expires=180", b"SIP/2.0 100 Trying\r\n")
    talk.endpoint.notify_transfer(call, 180, None, talk.now)
    assert told_of(talk)[3] == b"SIP/2.0 180 Ringing\r\n"
    talk.say(talk.request("REFER", 3, headers=REFER))
    assert talk.heard() == ["491 REFER"], "one at a time"
    talk.endpoint.notify_transfer(call, 603, "No, thanks", talk.now)
    assert told_of(talk) == (
        "NOTIFY", "refer;id=2", "terminated;reason=noresource", b"SIP/2.0 603 No, thanks\r\n",
    )  # fmt: skip
    talk.endpoint.notify_transfer(call, 200, None, talk.now)
    assert talk.heard() == [], "the last was the last"
    talk.say(talk.request("REFER", 4, headers=REFER))
    assert talk.told() == [Transfer(call, "sip:carol@192.0.2.3")]


def test_who_asked_may_hang_up_and_is_still_told() -> None:
    talk = Talk()
    call = asked(talk)
    talk.told()
    talk.endpoint.accept_transfer(call, talk.now)
    talk.say(talk.request("BYE", 3))
    assert talk.only(Ended).cause == "bye"
    talk.heard()
    talk.endpoint.notify_transfer(call, 200, None, talk.now)
    assert told_of(talk)[3] == b"SIP/2.0 200 OK\r\n"
    assert talk.endpoint.calls == 0


def test_a_transfer_that_is_never_told_of_again() -> None:
    talk = Talk()
    call = asked(talk)
    talk.endpoint.accept_transfer(call, talk.now)
    told_of(talk)
    talk.wait(181.0)
    assert told_of(talk)[3] == b"SIP/2.0 408 Request Timeout\r\n"


def test_who_does_not_want_to_be_told_any_more() -> None:
    talk = Talk()
    call = asked(talk)
    talk.endpoint.accept_transfer(call, talk.now)
    talk.say(talk.response(talk.last_request(), 481))
    talk.endpoint.notify_transfer(call, 180, None, talk.now)
    assert talk.heard() == []
    assert talk.endpoint.calls == 1, "the call goes on"


def test_a_transfer_that_nothing_is_to_be_told_of() -> None:
    """RFC 4488."""
    talk = Talk()
    call = asked(talk, REFER + "\r\nRefer-Sub: false\r\nRequire: norefersub")
    talk.endpoint.accept_transfer(call, talk.now)
    accepted = talk.last_response()
    assert (accepted.code, accepted.get("refer-sub")) == (202, "false")
    talk.endpoint.notify_transfer(call, 180, None, talk.now)
    assert talk.heard() == []


def test_a_transfer_that_is_refused() -> None:
    talk = Talk()
    call = asked(talk)
    talk.endpoint.reject_transfer(call, 403, talk.now)
    assert talk.heard() == ["403 REFER"]
    talk.endpoint.accept_transfer(call, talk.now)
    talk.endpoint.reject_transfer(call, 403, talk.now)
    assert talk.heard() == []


def test_a_transfer_that_meets_the_end() -> None:
    talk = Talk()
    asked(talk)
    talk.say(talk.request("BYE", 3))
    assert talk.heard() == ["200 BYE", "603 REFER"]


@pytest.mark.parametrize(
    "headers",
    [
        "", "Refer-To: carol", f"{REFER}\r\n{REFER}", "Refer-To: <sip:a@b?Replaces=x>",
        f"Refer-To: <sip:{'a' * 1100}@b>", "Refer-To: <sip:a@b?Replaces=x%3Bto-tag%3D%22>",
    ],
)  # fmt: skip
def test_what_names_nobody(headers: str) -> None:
    talk = Talk()
    asked(talk, headers)
    assert (talk.heard(), talk.told()) == (["400 REFER"], [])


def test_a_ringing_call_is_not_transferred() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.endpoint.ring(call, talk.now)
    talk.say(talk.request("REFER", 2, headers=REFER, to_tag=talk.last_response().to.tag))
    assert talk.heard() == ["491 REFER"]


def test_a_phone_joins_its_two_calls() -> None:
    """An attended transfer: the Replaces names the other call that the same phone has with us."""
    talk = Talk()
    first = talk.answered_call()
    tag = talk.tag
    talk.call_id = "call-2@192.0.2.2"
    talk.tag = ""
    second = talk.ring_in(branch="z9hG4bK-second")
    talk.answer(second)
    talk.ack()
    talk.told()
    replaces = f"call-1%40192.0.2.2%3Bto-tag%3D{tag}%3Bfrom-tag%3Dpeer"
    talk.say(talk.request("REFER", 2, headers=f"Refer-To: <sip:bob@192.0.2.1?Replaces={replaces}&Require=replaces>"))
    transfer = talk.only(Transfer)
    assert (transfer.call, transfer.replaced_call, transfer.refer_to) == (second, first, "sip:bob@192.0.2.1")
    assert transfer.replaces == f"call-1@192.0.2.2;to-tag={tag};from-tag=peer"


def test_a_notify_nobody_asked_for() -> None:
    talk = Talk()
    talk.answered_call()
    talk.say(talk.request("NOTIFY", 2, headers="Event: refer"))
    talk.say(talk.request("NOTIFY", 3, headers="Event: message-summary"))
    assert talk.heard() == ["481 NOTIFY", "489 NOTIFY"]


# -- ours ------------------------------------------------------------------------------------------------------------


def test_a_transfer_of_ours() -> None:
    talk = Talk()
    call, invite = talk.connected_call()
    talk.endpoint.refer(call, "sip:carol@192.0.2.3", talk.now, headers=[("Referred-By", "<sip:we@192.0.2.1>")])
    refer = talk.last_request()
    assert (refer.method, refer.get("refer-to"), refer.get("referred-by")) == (
        "REFER", "<sip:carol@192.0.2.3>", "<sip:we@192.0.2.1>",
    )  # fmt: skip
    talk.endpoint.refer(call, "sip:dave@192.0.2.3", talk.now)
    assert talk.only(TransferProgress).code == 491
    talk.say(talk.response(refer, 202))
    assert talk.told() == []
    talk.say(notify(talk, invite, "100 Trying", 1))
    talk.say(notify(talk, invite, "180 Ringing", 2, event=f"refer;id={refer.cseq}"))
    talk.say(notify(talk, invite, "200 OK", 3, "terminated;reason=noresource"))
    assert talk.heard() == ["200 NOTIFY"] * 3
    assert talk.told() == [
        TransferProgress(call, 100, "Trying"),
        TransferProgress(call, 180, "Ringing"),
        TransferProgress(call, 200, "OK"),
    ]  # fmt: skip
    talk.endpoint.refer(call, "sip:dave@192.0.2.3", talk.now)
    assert talk.heard() == ["REFER"]


@pytest.mark.parametrize(("code", "headers"), [(603, ""), (202, "Refer-Sub: false")])
def test_the_answer_to_a_refer_may_be_the_end_of_it(code: int, headers: str) -> None:
    talk = Talk()
    call, _ = talk.connected_call()
    talk.endpoint.refer(call, "sip:carol@192.0.2.3", talk.now)
    refer = talk.last_request()
    talk.say(talk.response(refer, 100))
    talk.say(talk.response(refer, code, headers=headers))
    assert talk.told() == [TransferProgress(call, code, "Whatever")]


def test_a_refer_that_nobody_answers() -> None:
    talk = Talk()
    call, _ = talk.connected_call()
    talk.endpoint.refer(call, "sip:carol@192.0.2.3", talk.now)
    talk.wait(33.0)
    assert talk.only(Ended).cause == "unreachable"


def test_a_notify_that_does_not_say_how_it_ended() -> None:
    talk = Talk()
    call, invite = talk.connected_call()
    talk.endpoint.refer(call, "sip:carol@192.0.2.3", talk.now)
    talk.say(talk.response(talk.last_request(), 202))
    talk.say(notify(talk, invite, "100 Trying", 1, "terminated;reason=timeout"))
    assert talk.told() == [
        TransferProgress(call, 100, "Trying"), TransferProgress(call, 408, "the other side tells no more of it"),
    ]  # fmt: skip


def test_the_call_that_is_to_be_replaced_is_named() -> None:
    talk = Talk()
    other, invite = talk.connected_call()
    call, _ = talk.connected_call()
    talk.endpoint.refer(call, "sip:carol@192.0.2.3", talk.now, replaces=other)
    refer_to = talk.last_request().get("refer-to") or ""
    assert unquote(refer_to) == (
        f"<sip:carol@192.0.2.3?Replaces={invite.call_id};to-tag=callee;from-tag={invite.from_.tag}>"
    )
    assert parse_refer_to(refer_to)[0] == "sip:carol@192.0.2.3"


def test_a_phone_that_forgets_the_brackets_is_understood() -> None:
    """RFC 3261 clause 20 wants them around a URI with headers; baresip 1.0 sends none."""
    named = "a%3Bto-tag%3Db%3Bfrom-tag%3Dc"
    for value in (f"<sip:carol@192.0.2.3?Replaces={named}>", f" sip:carol@192.0.2.3?Replaces={named} "):
        assert parse_refer_to(value) == ("sip:carol@192.0.2.3", "a;to-tag=b;from-tag=c")


def test_what_cannot_be_referred_to() -> None:
    talk = Talk()
    call = talk.answered_call()
    with pytest.raises(ValueError, match="URI"):
        talk.endpoint.refer(call, "nobody", talk.now)
    with pytest.raises(ValueError, match="header line"):
        talk.endpoint.notify_transfer(call, 200, "a\r\nb", talk.now)


# -- calls that replace others ---------------------------------------------------------------------------------------


def replacing(
    talk: Talk, to_tag: str, from_tag: str = "peer", call_id: str = "call-1@192.0.2.2", more: str = ""
) -> None:
    """Let somebody call in the place of another call."""
    talk.call_id, talk.tag = "call-9", ""
    headers = f"Require: replaces\r\nReplaces: {call_id};to-tag={to_tag};from-tag={from_tag}{more}"
    talk.say(talk.request("INVITE", body=OFFER, headers=headers, from_tag="third"))


def test_a_call_that_takes_the_place_of_another() -> None:
    talk = Talk()
    call = talk.answered_call()
    replacing(talk, talk.tag)
    incoming = talk.only(IncomingCall)
    assert incoming.replaces == call
    talk.endpoint.answer(incoming.call, ANSWER, talk.now)
    talk.endpoint.bye(call, talk.now)
    assert talk.heard() == ["200 INVITE", "BYE"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [({"from_tag": "x"}, 481), ({"call_id": "x"}, 481), ({"more": ";early-only"}, 486), ({"more": ";x="}, 0)],
)  # fmt: skip
def test_what_it_is_refused_with(arguments: dict[str, str], code: int) -> None:
    talk = Talk()
    talk.answered_call()
    replacing(talk, talk.tag, **arguments)
    assert talk.heard() == ([f"{code} INVITE"] if code else [])


def test_a_call_that_has_ended_is_not_replaced() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.bye(call, talk.now)
    talk.heard()
    replacing(talk, talk.tag)
    assert talk.heard() == ["603 INVITE"]


def test_only_who_calls_may_be_replaced_while_it_rings() -> None:
    """RFC 3891 §3."""
    talk = Talk()
    talk.endpoint.ring(talk.ring_in(), talk.now)
    replacing(talk, talk.last_response().to.tag)
    assert talk.heard() == ["481 INVITE"]
    call, invite = talk.call_out()
    talk.told()
    talk.say(talk.response(invite, 180))
    talk.told()
    talk.branches += 100
    replacing(talk, invite.from_.tag, "callee", invite.call_id, ";early-only")
    assert talk.only(IncomingCall).replaces == call


def test_two_places_are_none() -> None:
    talk = Talk()
    talk.say(talk.request("INVITE", body=OFFER, headers="Replaces: a;to-tag=b;from-tag=c\r\nReplaces: d"))
    assert talk.heard() == ["400 INVITE"]


@pytest.mark.parametrize("value", ["", "a;to-tag=b", ";to-tag=a;from-tag=b", "a;from-tag=b", 'a;to-tag="'])
def test_a_replaces_that_cannot_be_read(value: str) -> None:
    with pytest.raises(FieldError):
        parse_replaces(value)


def test_a_notify_of_the_transfer_before_concerns_nobody() -> None:
    talk = Talk()
    call, invite = talk.connected_call()
    talk.endpoint.refer(call, "sip:carol@192.0.2.3", talk.now)
    first = talk.last_request()
    talk.say(talk.response(first, 603))
    talk.told()
    talk.endpoint.refer(call, "sip:carol@192.0.2.3", talk.now)
    talk.say(notify(talk, invite, "200 OK", 1, event=f"refer;id={first.cseq}"))
    assert talk.heard() == ["REFER", "481 NOTIFY"]
    assert talk.told() == []


def test_the_end_of_a_transfer_before_does_not_end_the_next() -> None:
    talk = Talk()
    call = asked(talk)
    talk.endpoint.accept_transfer(call, talk.now)
    first = talk.last_request()
    talk.endpoint.notify_transfer(call, 200, None, talk.now)
    told_of(talk)
    talk.say(talk.request("REFER", 3, headers=REFER))
    talk.endpoint.accept_transfer(call, talk.now)
    told_of(talk)
    talk.say(talk.response(first, 481))
    talk.endpoint.notify_transfer(call, 180, None, talk.now)
    assert told_of(talk)[3] == b"SIP/2.0 180 Ringing\r\n"


def test_a_call_that_is_over_is_not_transferred() -> None:
    talk = Talk()
    call, _ = talk.call_out()
    talk.endpoint.cancel(call, talk.now)
    talk.told()
    talk.endpoint.refer(call, "sip:carol@192.0.2.3", talk.now)
    assert talk.told() == []


def test_a_transfer_that_nobody_decides_on() -> None:
    talk = Talk()
    call = asked(talk)
    talk.wait(31.0)
    assert talk.heard() == ["603 REFER"]
    talk.endpoint.accept_transfer(call, talk.now)
    assert talk.heard() == []
