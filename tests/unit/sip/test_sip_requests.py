"""Requests that are no calls: those that our user serves, and those within calls."""

from typing import Any

import pytest
from sip_digest import ALICE, CHALLENGE, answers
from sip_talk import TCP, Talk

from ringback.sip.events import Ended, IncomingRequest, RequestAnswered, RequestId

SERVED = {"REGISTER", "MESSAGE"}


def test_a_registration() -> None:
    talk = Talk(serves=SERVED)
    talk.say(talk.request("REGISTER", headers="Expires: 60\r\nX-A: 1\r\nX-A: 2", contact="<sip:a@192.0.2.2>"))
    request = talk.only(IncomingRequest)
    assert (request.method, request.request_uri, request.from_, request.to) == (
        "REGISTER", "sip:service@192.0.2.1", "sip:ann@192.0.2.2", "sip:service@192.0.2.1",
    )  # fmt: skip
    assert (request.header("contact"), request.values("X-A"), request.header("none")) == (
        "<sip:a@192.0.2.2>", ["1", "2"], None,
    )  # fmt: skip
    assert (request.call, request.identity, request.flow) == (None, None, talk.flow)
    talk.endpoint.respond(
        request.request, 200, talk.now, headers=[("Contact", "<sip:a@192.0.2.2>;expires=60"), ("Date", "now")]
    )
    answer = talk.last_response()
    assert (answer.code, answer.get("contact"), answer.get("date")) == (200, "<sip:a@192.0.2.2>;expires=60", "now")
    assert answer.to.tag
    talk.endpoint.respond(request.request, 200, talk.now)
    assert talk.heard() == []


def test_a_message_and_its_answer() -> None:
    talk = Talk(serves=SERVED)
    talk.say(talk.request("MESSAGE", body=b"Hello", kind="text/plain"))
    request = talk.only(IncomingRequest)
    assert (request.body, request.header("content-type")) == (b"Hello", "text/plain")
    talk.endpoint.respond(request.request, 100, talk.now)
    talk.endpoint.respond(request.request, 415, talk.now, "No, thanks", body=b"x", content_type="text/plain")
    answer = talk.last_response()
    assert (answer.code, answer.reason, answer.body, answer.content_type) == (415, "No, thanks", b"x", "text/plain")


def test_a_retransmission_is_no_second_request() -> None:
    talk = Talk(serves=SERVED)
    data = talk.request("MESSAGE", body=b"Hello", kind="text/plain")
    talk.say(data)
    talk.say(data)
    request = talk.only(IncomingRequest)
    talk.endpoint.respond(request.request, 200, talk.now)
    talk.say(data)
    assert talk.heard() == ["200 MESSAGE"] * 2


def test_one_that_is_forgotten_is_answered_all_the_same() -> None:
    talk = Talk(serves=SERVED)
    talk.say(talk.request("MESSAGE", body=b"Hello", kind="text/plain"))
    talk.wait(31.0)
    assert talk.heard() == ["500 MESSAGE"]


def test_an_answer_that_cannot_be_sent() -> None:
    talk = Talk()
    with pytest.raises(ValueError, match="100 to 699"):
        talk.endpoint.respond(RequestId(1), 99, 0.0)
    with pytest.raises(ValueError, match="header line"):
        talk.endpoint.respond(RequestId(1), 200, 0.0, headers=[("X", "a\r\nb")])
    talk.endpoint.respond(RequestId(1), 200, 0.0)
    assert talk.heard() == []


@pytest.mark.parametrize(
    ("options", "code"),
    [({"headers": "Require: x"}, 420), ({"uri": "http://x"}, 416), ({"to_tag": "gone"}, 481)],
)  # fmt: skip
def test_what_is_refused_before(options: dict[str, str], code: int) -> None:
    talk = Talk(serves=SERVED)
    talk.say(talk.request("REGISTER", **options))  # type: ignore[arg-type]
    assert talk.heard() == [f"{code} REGISTER"]


def test_what_is_served_is_allowed() -> None:
    talk = Talk(serves=SERVED)
    talk.say(talk.request("OPTIONS"))
    allow = talk.last_response().get("allow") or ""
    assert allow.endswith("NOTIFY, MESSAGE, REGISTER")


def test_a_message_within_a_call() -> None:
    talk = Talk(serves=SERVED)
    call = talk.answered_call()
    talk.say(talk.request("MESSAGE", 2, body=b"Hello", kind="text/plain"))
    request = talk.only(IncomingRequest)
    assert (request.call, request.body) == (call, b"Hello")
    talk.endpoint.respond(request.request, 200, talk.now)
    assert talk.heard() == ["200 MESSAGE"]


def test_a_message_of_ours_within_a_call() -> None:
    talk = Talk()
    call = talk.answered_call()
    name = talk.endpoint.request_within(
        call, "MESSAGE", talk.now, headers=[("X-A", "1")], content_type="text/plain", body=b"Hello"
    )
    message = talk.last_request()
    assert (message.method, message.body, message.content_type, message.get("x-a")) == (
        "MESSAGE", b"Hello", "text/plain", "1",
    )  # fmt: skip
    assert (message.to.tag, message.call_id) == ("peer", talk.call_id)
    talk.say(talk.response(message, 202))
    answered = talk.only(RequestAnswered)
    assert (answered.request, answered.code) == (name, 202)
    talk.endpoint.request_within(call, "MESSAGE", talk.now)
    talk.say(talk.response(talk.last_request(), 481))
    assert [type(event) for event in talk.told()] == [RequestAnswered, Ended]
    assert talk.endpoint.request_within(call, "MESSAGE", talk.now) is None
    with pytest.raises(ValueError, match="cannot be sent"):
        talk.endpoint.request_within(call, "BYE", talk.now)


def test_the_connection_that_it_came_by_is_lost() -> None:
    talk = Talk(TCP, serves=SERVED)
    talk.say(talk.request("MESSAGE", body=b"Hello", kind="text/plain"))
    request = talk.only(IncomingRequest)
    talk.endpoint.connection_lost(TCP, talk.now)
    talk.endpoint.respond(request.request, 200, talk.now)
    assert talk.heard() == []
    assert talk.endpoint.transactions == 0


def test_requests_outside_of_calls_answer_challenges_too() -> None:
    talk = Talk()
    name = talk.endpoint.request(
        "REGISTER", "sip:192.0.2.2", talk.flow, from_uri="sip:alice@192.0.2.2", to_uri="sip:alice@192.0.2.2",
        headers=[("Contact", "<sip:alice@192.0.2.1>"), ("Expires", "60")], credentials=ALICE, call_id="reg", cseq=7,
        route=["<sip:192.0.2.2;lr>"], now=talk.now,
    )  # fmt: skip
    first = talk.last_request()
    assert (first.method, first.uri, first.call_id, first.cseq) == ("REGISTER", "sip:192.0.2.2", "reg", 7)
    assert (first.get("route"), first.get("contact"), first.to.uri) == (
        "<sip:192.0.2.2;lr>", "<sip:alice@192.0.2.1>", "sip:alice@192.0.2.2",
    )  # fmt: skip
    talk.say(talk.response(first, 401, headers=CHALLENGE))
    second = talk.last_request()
    assert answers(second, "n1")
    talk.say(talk.response(second, 100))
    assert talk.told() == []
    talk.say(talk.response(second, 200, headers="X-A: 1\r\nX-A: 2", body=b"x", kind="text/plain"))
    answered = talk.only(RequestAnswered)
    assert (answered.request, answered.code, answered.cseq, answered.body) == (name, 200, 8, b"x")
    assert (answered.values("X-A"), answered.answered) == (["1", "2"], True)


def test_requests_that_nobody_answers() -> None:
    talk = Talk()
    name = talk.endpoint.request("OPTIONS", "sip:x@192.0.2.2", talk.flow, from_uri="sip:a@b.example", now=0.0)
    options = talk.last_request()
    assert (options.to.uri, options.get("content-type")) == ("sip:x@192.0.2.2", None)
    talk.wait(33.0)
    assert talk.told() == [RequestAnswered(name, 408, "no answer", cseq=options.cseq, answered=False)]
    talk.endpoint.request("OPTIONS", "sip:x@192.0.2.2", TCP, from_uri="sip:a@b.example", now=talk.now)
    talk.endpoint.connection_lost(TCP, talk.now)
    assert talk.only(RequestAnswered).code == 503


@pytest.mark.parametrize(
    "bad",
    [
        {"method": "INVITE"}, {"method": "A B"}, {"target_uri": "nobody"}, {"headers": [("X", "\r\n")]},
        {"call_id": "a\r\nb"}, {"route": ["x"]}, {"content_type": "a\nb"},
    ],
)  # fmt: skip
def test_requests_that_cannot_be_sent(bad: dict[str, Any]) -> None:
    talk = Talk()
    arguments: dict[str, Any] = {"method": "MESSAGE", "target_uri": "sip:a@b.example", "from_uri": "sip:a@b.example"}
    arguments |= bad
    with pytest.raises(ValueError, match=r"method|URI|header line"):
        talk.endpoint.request(arguments.pop("method"), arguments.pop("target_uri"), talk.flow, now=0.0, **arguments)
    assert talk.heard() == []
