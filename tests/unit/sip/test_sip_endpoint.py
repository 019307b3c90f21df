"""The endpoint as a whole: its surface, what it holds in the end, and whatever may come in."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_talk import ANSWER, LOCAL, OFFER, TCP, UDP, Talk, parse

from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Ended, Flow, IncomingCall, Send


def test_each_action_on_an_unknown_call_does_nothing() -> None:
    talk = Talk()
    call = talk.ring_in()
    talk.say(talk.request("CANCEL", branch="z9hG4bK-invite"))
    talk.heard()
    talk.told()
    endpoint, now = talk.endpoint, talk.now
    endpoint.ring(call, now)
    endpoint.answer(call, ANSWER, now)
    endpoint.reject(call, 486, now)
    endpoint.answer_reinvite(call, ANSWER, now)
    endpoint.reject_reinvite(call, 488, now)
    endpoint.bye(call, now)
    endpoint.check(call, now)
    endpoint.info(call, "text/plain", b"", now)
    endpoint.reinvite(call, OFFER, now)
    endpoint.cancel(call, now)
    assert (talk.heard(), talk.told()) == ([], [])


@pytest.mark.parametrize(
    ("advertised", "contact"),
    [
        (None, "sip:192.0.2.1:5060"),
        (("pbx.example.com", 0), "sip:pbx.example.com:5060"),
        (("203.0.113.1", 5070), "sip:203.0.113.1:5070"),
        (lambda flow: ("10.0.0.1", flow.local[1] + 1), "sip:10.0.0.1:5061"),
    ],
)
def test_the_advertised_address(advertised: object, contact: str) -> None:
    talk = Talk(advertised=advertised)
    talk.say(talk.request("OPTIONS"))
    assert talk.last_response().contacts[0].uri == contact


def test_a_broken_user_agent_is_refused() -> None:
    with pytest.raises(ValueError, match="header line"):
        Endpoint(rng=random.Random(1), user_agent="a\r\nb")


def test_waking_up_the_shell() -> None:
    """Whoever drains learns of actions and of what time brings, not only of what it fed itself."""
    talk = Talk()
    call = talk.ring_in()
    woken: list[int] = []
    talk.endpoint.on_pending(lambda: woken.append(1))
    talk.endpoint.ring(call, talk.now)
    assert woken
    talk.endpoint.on_pending(None)
    woken.clear()
    talk.endpoint.bye(call, talk.now)
    assert woken == []


def test_a_lost_connection_ends_what_waits_for_it() -> None:
    talk = Talk(TCP)
    call = talk.answered_call()
    talk.endpoint.check(call, talk.now)
    talk.endpoint.connection_lost(TCP, talk.now)
    assert talk.told() == [], "503 of a check does not end the call, nor is it a sign of life"
    assert talk.endpoint.calls == 1
    talk.endpoint.check(call, talk.now)
    again = talk.last()
    assert again.flow.connection == 0
    talk.endpoint.connection_lost(again.flow, talk.now)
    assert talk.only(Ended).cause == "unreachable"


def test_a_stranger_who_comes_and_goes_leaves_no_trace() -> None:
    talk = Talk(TCP, allowed=lambda flow: False)
    talk.say(talk.request("INVITE"))
    talk.endpoint.connection_lost(TCP, talk.now)
    assert talk.endpoint._stack.connections == set()
    known = Talk(TCP)
    known.say(known.request("OPTIONS"))
    assert known.endpoint._stack.connections == {TCP.connection}
    known.endpoint.connection_lost(TCP, known.now)
    assert known.endpoint._stack.connections == set()


def test_the_same_seed_says_the_same() -> None:
    first, second = Talk(), Talk()
    assert first.answer(first.ring_in()).headers == second.answer(second.ring_in()).headers


@pytest.mark.slow
def test_nothing_is_left_of_5000_calls() -> None:
    """Tables and timers are empty once all have run out, whichever way the calls ended."""
    talk = Talk()
    for number in range(5000):
        talk.call_id, talk.tag = f"call-{number}", ""
        talk.now += 0.01
        talk.endpoint.receive(talk.request("INVITE", branch=f"z9hG4bKi{number}", body=OFFER), UDP, talk.now)
        call = next(e for e in iter(talk.endpoint.poll, None) if isinstance(e, IncomingCall)).call
        if number % 5 == 0:
            talk.endpoint.receive(talk.request("CANCEL", branch=f"z9hG4bKi{number}"), UDP, talk.now)
        elif number % 5 == 1:
            talk.endpoint.reject(call, 486, talk.now)
        else:
            talk.endpoint.answer(call, ANSWER, talk.now)
            sent = next(e for e in iter(talk.endpoint.poll, None) if isinstance(e, Send))
            talk.tag = parse(sent).to.tag
            if number % 5 > 2:
                talk.endpoint.receive(talk.request("ACK"), UDP, talk.now)
            if number % 5 == 4:
                talk.endpoint.receive(talk.request("BYE", 2), UDP, talk.now)
            elif number % 5 == 3:
                talk.endpoint.bye(call, talk.now)
        talk.endpoint.handle_timeout(talk.now)
        while talk.endpoint.poll() is not None:
            pass
    talk.wait(120.0)
    stack = talk.endpoint._stack
    assert (stack.servers, stack.clients, stack.merges, stack.calls, stack.dialogs) == ({}, {}, {}, {}, {})
    assert (len(stack.timers), stack.timers._heap) == (0, [])


MULTIPART = b"--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--"
SEEDS = [
    Talk().request("INVITE", body=OFFER, headers="Record-Route: <sip:p;lr>\r\nRequire: x\r\nExpires: 9\r\nAccept: a/b"),
    Talk().request("OPTIONS"),
    Talk().request("INFO", 2, body=b"Signal=5", kind="application/dtmf-relay"),
    Talk().request("UPDATE", 2, body=OFFER),
    Talk().request("BYE", 3, headers='Reason: SIP;text="x"'),
    Talk().request("CANCEL", branch="z9hG4bK-invite"),
    Talk().request("ACK"),
    Talk().request("INVITE", 2, body=MULTIPART, kind="multipart/mixed;boundary=x"),
]  # fmt: skip
PIECES = st.sampled_from(
    [b"", b"\r\n", b"\0", b"\xff", b"\t", b"9" * 20, b";tag=x", b"SIP/2.0", *(bytes([c]) for c in b';,"<>:@ %')]
)


@given(
    seed=st.sampled_from(SEEDS),
    cuts=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 30), PIECES), max_size=4),
    state=st.integers(0, 3),
    flow=st.sampled_from([UDP, TCP]),
)
def test_whatever_comes_in_nothing_is_raised(
    seed: bytes, cuts: list[tuple[int, int, bytes]], state: int, flow: Flow
) -> None:
    """Any message, cut and patched, in any state of a call: `receive` takes it, and the endpoint lives on."""
    talk = Talk(flow, trace=True)
    if state:
        talk.endpoint.receive(talk.request("INVITE", branch="z9hG4bK-invite", body=OFFER), flow, 0.0)
        call = next(e for e in iter(talk.endpoint.poll, None) if isinstance(e, IncomingCall)).call
        if state > 1:
            talk.answer(call)
            seed = seed.replace(b"To: <sip:service@192.0.2.1>", f"To: <sip:service@192.0.2.1>;tag={talk.tag}".encode())
        if state > 2:
            talk.ack()
    for start, length, piece in cuts:
        seed = seed[:start] + piece + seed[start + length :]
    talk.say(seed)
    talk.say(seed)
    for open_call in list(talk.endpoint._stack.calls):
        talk.endpoint.bye(open_call, talk.now)
    talk.wait(200.0)
    assert talk.endpoint.calls == 0
    assert talk.endpoint.transactions == 0


@given(
    code=st.sampled_from([100, 180, 200, 302, 481, 486]),
    cuts=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 30), PIECES), max_size=3),
)
def test_whatever_answers_nothing_is_raised(code: int, cuts: list[tuple[int, int, bytes]]) -> None:
    """The same for responses to an INVITE and a BYE of ours."""
    talk = Talk()
    call, invite = talk.call_out()
    data = talk.response(invite, code, body=ANSWER, headers="Record-Route: <sip:p;lr>, <sip:q;lr>")
    for start, length, piece in cuts:
        data = data[:start] + piece + data[start + length :]
    talk.say(data)
    talk.endpoint.bye(call, talk.now)
    talk.say(data)
    talk.wait(400.0)
    assert talk.endpoint.transactions == 0
    assert sum(isinstance(event, Ended) for event in talk.told()) <= 1


def test_flows() -> None:
    assert (UDP.reliable, TCP.reliable) == (False, True)
    assert Flow("UDP", LOCAL, LOCAL).connection == 0


def test_each_action_reaches_its_call() -> None:
    """The surface is thin: what an action does is tested with the part that does it."""
    talk = Talk()
    endpoint = talk.endpoint
    call = talk.ring_in()
    endpoint.ring(call, talk.now)
    talk.answer(call)
    talk.ack()
    talk.say(talk.request("INVITE", 2, body=OFFER))
    endpoint.answer_reinvite(call, ANSWER, talk.now)
    talk.ack(2)
    talk.say(talk.request("INVITE", 3, body=OFFER, branch="z9hG4bK-3"))
    endpoint.reject_reinvite(call, 488, talk.now)
    talk.say(talk.request("ACK", 3, branch="z9hG4bK-3"))
    endpoint.info(call, "application/dtmf", b"1", talk.now)
    endpoint.reinvite(call, OFFER, talk.now)
    endpoint.bye(call, talk.now)
    assert talk.heard() == ["200 INVITE", "488 INVITE", "INFO", "INVITE", "BYE"]
    outgoing, _ = talk.call_out()
    endpoint.cancel(outgoing, talk.now)
    assert endpoint.calls == 2
    second = Talk()
    second.endpoint.reject(second.ring_in(), 486, 0.0)
    assert second.heard() == ["486 INVITE"]
