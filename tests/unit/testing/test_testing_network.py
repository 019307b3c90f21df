"""The seeded network, and two endpoints that must agree however bad it is."""

import random

import pytest

from ringback.sip.events import Acknowledged, Answered, DialogId, Ended, Event, IncomingCall, Refused, Reinvite
from ringback.testing.network import Conditions, Network, SipNetwork, SipPeer

OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
HERE, THERE = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
BAD = Conditions(loss=0.2, duplicate=0.2, reorder=0.2)


def arrivals(network: Network) -> list[tuple[bytes, float]]:
    """Let all datagrams arrive."""
    found = []
    while (moment := network.next_arrival()) is not None:
        arrived = network.arrive(moment)
        assert arrived is not None
        found.append((arrived[0], moment))
    return found


def test_a_good_network_delivers_in_order() -> None:
    network = Network(1)
    for number in range(3):
        network.send(bytes([number]), HERE, THERE, float(number))
    assert network.arrive(0.0) is None
    assert arrivals(network) == [(b"\0", 0.01), (b"\1", 1.01), (b"\2", 2.01)]
    assert network.arrive(9.0) is None


def test_a_bad_network_is_as_bad_as_it_should_be_and_the_same_for_one_seed() -> None:
    runs = []
    for seed in (1, 1, 2):
        network = Network(seed, BAD)
        for number in range(2000):
            network.send(number.to_bytes(2, "big"), HERE, THERE, number * 0.01)
        runs.append(arrivals(network))
    assert runs[0] == runs[1] != runs[2]
    order = [data for data, _ in runs[0]]
    assert 0.9 < len(order) / 2000 < 1.02, "20 % doubled, then 20 % lost"
    assert order != sorted(order)
    assert len(set(order)) < len(order)


class Answerer:
    """Answers each call after a while, or refuses it; may hang up by itself."""

    def __init__(self, net: SipNetwork, peer: SipPeer, dice: random.Random) -> None:
        self.peer = peer
        self.dice = dice
        self.net = net
        self.ended: list[Ended] = []
        self.calls: list[DialogId] = []
        self.plans: list[tuple[float, str, DialogId]] = []
        peer.on_event = self.on_event

    def on_event(self, event: Event, now: float) -> None:
        if isinstance(event, IncomingCall):
            self.calls.append(event.call)
            self.peer.endpoint.ring(event.call, now)
            plan = self.dice.choice(["answer", "answer", "answer", "reject"])
            self.plans.append((now + self.dice.random() * 3, plan, event.call))
        elif isinstance(event, Acknowledged) and self.dice.random() < 0.3:
            self.plans.append((now + self.dice.random() * 5, "bye", event.call))
        elif isinstance(event, Reinvite):
            self.peer.endpoint.answer_reinvite(event.call, OFFER, now)
        elif isinstance(event, Ended):
            self.ended.append(event)

    def act(self, now: float) -> None:
        """Carry out what is due."""
        due = [plan for plan in self.plans if plan[0] <= now]
        self.plans = [plan for plan in self.plans if plan[0] > now]
        for _, what, call in due:
            if what == "answer":
                self.peer.endpoint.answer(call, OFFER, now)
            elif what == "reject":
                self.peer.endpoint.reject(call, 486, now)
            else:
                self.peer.endpoint.bye(call, now)


def play(seed: int, conditions: Conditions) -> tuple[list[Event], list[Event]]:
    """One call from its INVITE until nothing is left of it: answered or refused, cancelled, held, hung up by either."""
    dice = random.Random(seed)
    net = SipNetwork(seed, conditions)
    caller, callee = net.peer(*HERE), net.peer(*THERE)
    answerer = Answerer(net, callee, dice)
    call = caller.endpoint.invite(
        "sip:x@192.0.2.2", caller.flow_to(callee), from_uri="sip:y@192.0.2.1", sdp=OFFER, now=0.0
    )
    patience = dice.choice([1.0, 20.0, 20.0, 20.0])
    hangup = patience + dice.random() * 10
    steps = [(patience, "cancel"), (patience + 1.0, "hold"), (hangup, "bye")]
    while net.now < 300.0:
        net.run(net.now + 0.25)
        answerer.act(net.now)
        while steps and steps[0][0] <= net.now:
            what = steps.pop(0)[1]
            answered = any(isinstance(event, Answered) for event in caller.events)
            if what == "cancel" and not answered:
                caller.endpoint.cancel(call, net.now)
            elif what == "hold" and answered:
                caller.endpoint.reinvite(call, OFFER, net.now)
            elif what == "bye":
                caller.endpoint.bye(call, net.now)
        if net.now > 60.0:
            net.run(300.0)
    for peer in (caller, callee):
        assert (peer.endpoint.calls, peer.endpoint.transactions) == (0, 0), f"seed {seed}"
        assert peer.endpoint.next_timeout() is None, f"seed {seed}"
    return caller.events, callee.events


def check(seed: int, conditions: Conditions) -> str:
    """Play one call and check that both sides agree about it; returns how it ended."""
    caller, callee = play(seed, conditions)
    at_caller = [event for event in caller if isinstance(event, Ended | Refused)]
    at_callee = [event for event in callee if isinstance(event, Ended)]
    begun = [event for event in callee if isinstance(event, IncomingCall)]
    assert len(at_caller) == 1, f"seed {seed}: {at_caller}"
    assert len(begun) <= 1, f"seed {seed}: one INVITE became several calls"
    assert len(at_callee) == len(begun), f"seed {seed}: {at_callee}"
    answered = any(isinstance(event, Answered) for event in caller)
    acknowledged = any(isinstance(event, Acknowledged) for event in callee)
    end = at_caller[0]
    if isinstance(end, Refused):
        assert not answered, f"seed {seed}"
        assert not at_callee or at_callee[0].cause in ("reject", "cancel"), f"seed {seed}: {end} {at_callee}"
        return "refused"
    if acknowledged:
        # Who did not hang up was told so; crossed byes were told nothing.
        assert end.cause in ("bye", "cancel", "unreachable"), f"seed {seed}: {end}"
        assert at_callee[0].cause == "bye", f"seed {seed}: {end} {at_callee}"
    return end.cause


@pytest.mark.slow
def test_both_sides_agree_on_hundreds_of_calls_over_a_bad_network() -> None:
    """A fifth of all datagrams lost, doubled and held up: each call ends, once, on both sides, and nothing is left."""
    ends = [check(seed, BAD) for seed in range(300)]
    assert {end: ends.count(end) >= 20 for end in ("refused", "cancel", "bye")} == dict.fromkeys(
        ("refused", "cancel", "bye"), True
    )


def test_both_sides_agree_over_a_good_network() -> None:
    for seed in range(10):
        check(seed, Conditions())


def test_nothing_arrives_where_nobody_is() -> None:
    net = SipNetwork(1)
    lonely = net.peer(*HERE, trace=True)
    gone = SipPeer(THERE, lonely.endpoint)
    call = lonely.endpoint.invite(
        "sip:x@192.0.2.2", lonely.flow_to(gone), from_uri="sip:y@192.0.2.1", sdp=OFFER, now=0.0
    )
    net.run(40.0)
    assert lonely.events[-1] == Refused(call, 408, "no answer")
    assert net.now == 40.0
    assert net.network.sent == 7
