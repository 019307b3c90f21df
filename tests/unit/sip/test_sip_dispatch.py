"""Which message belongs to what, and what may start something."""

import pytest
from sip_talk import LOCAL, OFFER, REMOTE, TCP, UDP, Talk

from ringback.sip.events import Acknowledged, Answered, DialogId, Ended, Flow, IncomingCall, Refusal, Trace


def test_a_retransmitted_invite_is_one_call() -> None:
    talk = Talk()
    invite = talk.request("INVITE", body=OFFER)
    talk.say(invite)
    talk.say(invite)
    call = talk.only(IncomingCall).call
    talk.endpoint.ring(call, talk.now)
    talk.say(invite)
    assert talk.heard() == ["180 INVITE"] * 2
    talk.answer(call)
    talk.say(invite)
    talk.ack()
    talk.say(invite)
    assert talk.heard() == []
    assert talk.only(Acknowledged)


def test_a_request_that_came_two_ways_is_merged() -> None:
    """RFC 3261 §8.2.2.2."""
    talk = Talk()
    talk.say(talk.request("INVITE", body=OFFER))
    talk.say(talk.request("INVITE", body=OFFER))
    assert talk.heard() == ["482 INVITE"]
    assert isinstance(talk.told()[0], IncomingCall)
    talk.say(talk.request("INVITE", 2, body=OFFER))
    assert talk.only(IncomingCall)


def test_requests_with_a_branch_of_rfc_2543_are_told_apart() -> None:
    talk = Talk()
    old = talk.request("INVITE", body=OFFER, branch="1")
    talk.say(old)
    talk.say(old)
    call = talk.only(IncomingCall).call
    talk.endpoint.reject(call, 486, talk.now)
    talk.say(old)
    assert talk.heard() == ["486 INVITE"] * 2
    talk.say(talk.request("ACK", branch="1"))
    talk.wait(5.0)
    assert talk.endpoint.transactions == 0


def test_options() -> None:
    talk = Talk()
    talk.say(talk.request("OPTIONS", headers="Max-Forwards: 0").replace(b"Max-Forwards: 70\r\n", b""))
    ok = talk.last_response()
    assert (ok.code, ok.get("accept"), ok.get("allow")) == (
        200, "application/sdp", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY",
    )  # fmt: skip
    assert ok.to.tag
    assert ok.contacts[0].uri == "sip:192.0.2.1:5060"


@pytest.mark.parametrize(
    ("method", "code"),
    [("REGISTER", 405), ("MESSAGE", 405), ("SUBSCRIBE", 489), ("REFER", 403), ("WHATEVER", 501), ("BYE", 481),
     ("INFO", 481), ("UPDATE", 481), ("CANCEL", 481), ("PRACK", 481), ("NOTIFY", 481)],
)  # fmt: skip
def test_what_starts_nothing(method: str, code: int) -> None:
    talk = Talk()
    talk.say(talk.request(method))
    refusal = talk.last_response()
    assert (refusal.code, ("allow" in refusal.headers)) == (code, code in (405, 501))
    assert talk.only(Refusal).reason == f"{method} was refused with {code}"


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "BYE", "REGISTER"])
def test_a_dialog_that_we_lack(method: str) -> None:
    talk = Talk()
    talk.say(talk.request(method, to_tag="gone"))
    assert talk.heard() == [f"481 {method}"]
    talk.say(talk.request("ACK", to_tag="gone"))
    assert talk.heard() == []


@pytest.mark.parametrize(
    ("options", "code", "header"),
    [
        ({"uri": "http://x"}, 416, None),
        ({"headers": "Require: a, b\r\nRequire: c"}, 420, ("unsupported", "a, b, c")),
        ({"body": b"x", "kind": "text/plain"}, 415, ("accept", "application/sdp")),
        ({"headers": "Accept: text/plain"}, 406, None),
    ],
)
def test_invites_that_are_refused(options: dict[str, object], code: int, header: tuple[str, str] | None) -> None:
    """RFC 3261 §8.2."""
    talk = Talk()
    talk.say(talk.request("INVITE", **options))  # type: ignore[arg-type]
    refusal = talk.last_response()
    assert refusal.code == code
    if header is not None:
        assert refusal.get(header[0]) == header[1]
    assert talk.only(Refusal)
    assert talk.endpoint.calls == 0


@pytest.mark.parametrize("accept", ["application/sdp;q=0.5, text/plain", "*/*", "Application/*"])
def test_accept_that_suits_us(accept: str) -> None:
    talk = Talk()
    talk.say(talk.request("INVITE", headers=f"Accept: {accept}"))
    assert talk.only(IncomingCall)


def test_tel_uris_are_taken() -> None:
    talk = Talk()
    talk.say(talk.request("INVITE", uri="tel:+12125551234"))
    assert talk.only(IncomingCall).request_uri_user == "+12125551234"


def test_no_room_for_calls() -> None:
    talk = Talk(max_calls=1)
    talk.ring_in()
    talk.call_id = "another"
    talk.say(talk.request("INVITE", body=OFFER))
    refusal = talk.last_response()
    assert (refusal.code, refusal.get("retry-after")) == (503, "5")
    assert talk.only(Refusal)


def test_no_room_for_transactions() -> None:
    """New things are refused without a transaction; a call that is up may still be ended."""
    talk = Talk(max_transactions=1)
    talk.answered_call()
    tag, talk.tag, talk.call_id = talk.tag, "", "other"
    options = talk.request("OPTIONS", 7)
    talk.say(options)
    first = talk.last()
    talk.say(options)
    assert talk.last() == first, "the same tag each time"
    assert b"503" in first.data
    assert all(isinstance(event, Refusal) for event in talk.told())
    talk.tag, talk.call_id = tag, "call-1@192.0.2.2"
    talk.say(talk.request("BYE", 2))
    assert talk.heard() == ["200 BYE"]


def test_strangers_get_silence() -> None:
    stranger = Flow("UDP", LOCAL, ("198.51.100.1", 5060))
    talk = Talk(allowed=lambda flow: flow.remote == REMOTE)
    for method in ("INVITE", "OPTIONS", "REGISTER", "CANCEL", "BYE"):
        talk.say(talk.request(method), stranger)
    talk.say(talk.request("BYE", to_tag="x"), stranger)
    talk.say(talk.request("OPTIONS").replace(b"SIP/2.0\r", b"SIP/9.0\r", 1), stranger)
    assert talk.heard() == []
    told = talk.told()
    assert [type(event) for event in told] == [Refusal] * 7
    assert told[0] == Refusal(stranger, "INVITE from an address that is not allowed")
    assert talk.endpoint.transactions == 0


def test_what_belongs_to_a_call_is_taken_from_anywhere() -> None:
    """The tags are secret; a phone may move to another address in mid-call."""
    moved = Flow("UDP", LOCAL, ("198.51.100.1", 5060))
    talk = Talk(allowed=lambda flow: flow.remote == REMOTE)
    call = talk.ring_in()
    talk.endpoint.ring(call, talk.now)
    talk.answer(call)
    talk.say(talk.request("ACK"), moved)
    assert talk.only(Acknowledged)
    talk.say(talk.request("BYE", 2), moved)
    assert talk.only(Ended)


def test_a_cancel_from_anywhere_belongs_to_its_invite() -> None:
    talk = Talk(allowed=lambda flow: flow.remote == REMOTE)
    talk.ring_in()
    talk.say(talk.request("CANCEL", branch="z9hG4bK-invite"), Flow("UDP", LOCAL, ("198.51.100.1", 5060)))
    assert talk.heard() == ["200 CANCEL", "487 INVITE"]


def test_junk() -> None:
    talk = Talk()
    for data in (b"", b"\r\n\r\n", b"\0\0\0\0", b" \r\n"):
        talk.say(data)
    assert talk.told() == [], "keep-alives"
    talk.say(b"GET / HTTP/1.1\r\n\r\n")
    talk.say(b"\x00\x01\x00\x00\x21\x12\xa4\x42")
    assert [type(event) for event in talk.told()] == [Refusal, Refusal]
    assert talk.heard() == []


def test_a_request_that_cannot_be_read_is_answered() -> None:
    talk = Talk()
    broken = talk.request("INVITE", body=OFFER).replace(b"INVITE\r\nContact", b"BYE\r\nContact")
    talk.say(broken)
    refusal = talk.last()
    assert refusal.data.startswith(b"SIP/2.0 400 Bad Request\r\n")
    assert b";tag=" in refusal.data.split(b"To: ")[1].split(b"\r\n")[0]
    assert talk.told() == [Refusal(UDP, "CSeq speaks of BYE")]
    assert talk.endpoint.transactions == 0
    ack = broken.replace(b"INVITE sip", b"ACK sip")
    talk.say(ack)
    assert talk.heard() == [], "an ACK is never answered"


def test_answers_go_where_rport_or_the_via_says() -> None:
    """RFC 3581 §4, RFC 3261 §18.2.2."""
    source = Flow("UDP", LOCAL, ("192.0.2.2", 40000))
    talk = Talk()
    plain = talk.request("OPTIONS")
    talk.say(plain, source)
    assert talk.last().flow.remote == ("192.0.2.2", 5060)
    talk.say(talk.request("OPTIONS", 2, branch="z9hG4bKq;rport"), source)
    sent = talk.last()
    assert sent.flow == source
    assert b";rport=40000" in sent.data
    assert b";received=192.0.2.2" in sent.data
    talk.say(plain.replace(b"OPTIONS sip", b"OPTIONS sip bad").replace(b"5060;", b"5061;"), source)
    assert talk.last().flow.remote == ("192.0.2.2", 5061)
    over_tcp = Talk(TCP)
    over_tcp.say(over_tcp.request("OPTIONS"))
    assert over_tcp.last().flow == TCP


def test_stray_responses_are_dropped() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    good = talk.response(invite, 200)
    for bad in (
        good.replace(b"z9hG4bK", b"z9hG4bKz"),
        good.replace(b" INVITE\r\nContact", b" BYE\r\nContact"),
        good.replace(f"CSeq: {invite.cseq} ".encode(), b"CSeq: 99999 "),
        good.replace(b"From:", b"Via: SIP/2.0/UDP 255.255.255.255\r\nFrom:"),
    ):
        talk.say(bad)
        assert talk.only(Refusal)
    talk.say(good)
    assert talk.told() == [Answered(call, None, fork="callee")]


def test_traces() -> None:
    """Each message of a call, and each of none."""
    talk = Talk(trace=True)
    talk.say(talk.request("INVITE", branch="z9hG4bK-invite", body=OFFER))
    talk.endpoint.ring(DialogId(1), talk.now)
    talk.answer(DialogId(1))
    talk.ack()
    talk.say(talk.request("INFO", 2))
    talk.endpoint.bye(DialogId(1), talk.now)
    bye = talk.last_request()
    talk.say(talk.response(bye, 200))
    talk.say(talk.request("OPTIONS", 3, to_tag=""))
    traces = [event for event in talk.events if isinstance(event, Trace)]
    assert [(trace.call, trace.direction, trace.line, trace.cseq) for trace in traces] == [
        (1, "in", "INVITE sip:service@192.0.2.1 SIP/2.0", "1 INVITE"),
        (1, "out", "SIP/2.0 180 Ringing", "1 INVITE"),
        (1, "out", "SIP/2.0 200 OK", "1 INVITE"),
        (1, "in", "ACK sip:service@192.0.2.1 SIP/2.0", "1 ACK"),
        (1, "in", "INFO sip:service@192.0.2.1 SIP/2.0", "2 INFO"),
        (1, "out", "SIP/2.0 200 OK", "2 INFO"),
        (1, "out", "BYE sip:caller@192.0.2.2 SIP/2.0", "1 BYE"),
        (1, "in", "SIP/2.0 200 Whatever", "1 BYE"),
        (None, "in", "OPTIONS sip:service@192.0.2.1 SIP/2.0", "3 OPTIONS"),
        (None, "out", "SIP/2.0 200 OK", "3 OPTIONS"),
    ]


def test_demands_that_are_not_met() -> None:
    """RFC 3262, RFC 4028, RFC 3891: what an INVITE wants, or does not bring, before it becomes a call."""
    talk = Talk(reliable="required")
    talk.say(talk.request("INVITE", body=OFFER))
    assert talk.last_response().get("require") == "100rel"
    talk = Talk(min_se=300)
    talk.say(talk.request("INVITE", body=OFFER, headers="Supported: timer\r\nSession-Expires: 100"))
    assert talk.last_response().get("min-se") == "300"
    talk.say(talk.request("INVITE", 2, body=OFFER, headers="Replaces: a;to-tag=b;from-tag=c"))
    assert talk.heard() == ["481 INVITE"]
    talk.say(talk.request("SUBSCRIBE", 3))
    assert talk.last_response().get("allow-events") == "refer"


def test_a_re_invite_is_taken_back() -> None:
    talk = Talk()
    talk.answered_call()
    talk.say(talk.request("INVITE", 2, body=OFFER, branch="z9hG4bK-again"))
    talk.say(talk.request("CANCEL", 2, branch="z9hG4bK-again"))
    assert talk.heard() == ["200 CANCEL", "487 INVITE"]
