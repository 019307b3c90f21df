"""Two dialogs side by side, driven by whatever order of actions, losses and repetitions hypothesis can think of."""

import random
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ringback.sip.endpoint import Endpoint
from ringback.sip.events import (
    Answered,
    DialogId,
    Ended,
    Event,
    Flow,
    IncomingCall,
    IncomingRequest,
    Refused,
    Reinvite,
    RequestAnswered,
    Send,
    Transfer,
)  # fmt: skip

pytestmark = pytest.mark.slow

HOSTS = (("192.0.2.1", 5060), ("192.0.2.2", 5060))
OFFER = b"v=0\r\no=- 1 %d IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
CALLS = st.integers(0, 1)
SIDES = st.integers(0, 1)


class TwoDialogs(RuleBasedStateMachine):
    """Side 0 makes two calls to side 1. The network is a heap of datagrams, taken in any order, thrown away, kept."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.number = 0
        self.wire: list[tuple[int, bytes]] = []
        """Side that a datagram goes to, and its bytes."""
        self.sides = [Endpoint(rng=random.Random(n), serves={"MESSAGE"}, trace=False) for n in (1, 2)]
        self.told: list[dict[DialogId, list[Event]]] = [{}, {}]
        self.asked: list[list[object]] = [[], []]
        self.calls: list[list[DialogId]] = [[], []]

    def offer(self) -> bytes:
        """Return a description like no other."""
        self.number += 1
        return OFFER % self.number

    def drain(self) -> None:
        """Take what the endpoints have to say, and do at once what cannot wait."""
        for side, endpoint in enumerate(self.sides):
            while (item := endpoint.poll()) is not None:
                if isinstance(item, Send):
                    if item.flow.transport == "UDP":
                        self.wire.append((1 - side, item.data))
                    else:
                        endpoint.connection_lost(item.flow, self.now)
                elif isinstance(item, IncomingRequest):
                    endpoint.respond(item.request, 200, self.now)
                elif isinstance(item, RequestAnswered):
                    self.asked[side].remove(item.request)
                elif (call := getattr(item, "call", None)) is not None:
                    self.told[side].setdefault(call, []).append(item)
                    if isinstance(item, IncomingCall):
                        self.calls[side].append(call)

    def call(self, side: int, number: int) -> DialogId:
        """Return a call of a side, or one that there is not."""
        return self.calls[side][number] if number < len(self.calls[side]) else DialogId(99)

    def deliver(self, index: int) -> None:
        """Let a datagram arrive."""
        side, data = self.wire[index]
        flow = Flow("UDP", HOSTS[side], HOSTS[1 - side])
        self.sides[side].receive(data, flow, self.now)
        self.drain()

    # -- the network ------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.wire)
    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        """Any datagram under way arrives."""
        index = data.draw(st.integers(0, len(self.wire) - 1))
        self.deliver(index)
        del self.wire[index]

    @precondition(lambda self: self.wire)
    @rule()
    def arrive_in_order(self) -> None:
        """Everything arrives as it was sent."""
        for _ in range(len(self.wire)):
            self.deliver(0)
            del self.wire[0]

    @precondition(lambda self: self.wire)
    @rule()
    def arrive_twice(self) -> None:
        """A datagram arrives, and stays under way."""
        self.deliver(0)

    @precondition(lambda self: self.wire)
    @rule()
    def lose(self) -> None:
        """A datagram is lost."""
        del self.wire[0]

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0, 10.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        for endpoint in self.sides:
            endpoint.handle_timeout(self.now)
        self.drain()

    # -- the users --------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.calls[0]) < 2)
    @rule()
    def invite(self) -> None:
        """Side 0 calls."""
        flow = Flow("UDP", *HOSTS)
        call = self.sides[0].invite("sip:b@192.0.2.2", flow, from_uri="sip:a@192.0.2.1", sdp=self.offer(), now=self.now)
        self.calls[0].append(call)
        self.drain()

    @rule(number=CALLS, early=st.booleans())
    def ring(self, number: int, early: bool) -> None:
        """Side 1 rings."""
        self.sides[1].ring(self.call(1, number), self.now, 183 if early else 180, self.offer() if early else None)
        self.drain()

    @rule(number=CALLS)
    def answer(self, number: int) -> None:
        """Side 1 picks up."""
        self.sides[1].answer(self.call(1, number), self.offer(), self.now)
        self.drain()

    @rule(number=CALLS)
    def reject(self, number: int) -> None:
        """Side 1 is busy."""
        self.sides[1].reject(self.call(1, number), 486, self.now)
        self.drain()

    @rule(number=CALLS)
    def cancel(self, number: int) -> None:
        """Side 0 loses its patience."""
        self.sides[0].cancel(self.call(0, number), self.now)
        self.drain()

    @rule(side=SIDES, number=CALLS)
    def bye(self, side: int, number: int) -> None:
        """Somebody hangs up."""
        self.sides[side].bye(self.call(side, number), self.now)
        self.drain()

    @rule(side=SIDES, number=CALLS, update=st.booleans())
    def change(self, side: int, number: int, update: bool) -> None:
        """Somebody offers another session."""
        endpoint = self.sides[side]
        (endpoint.update if update else endpoint.reinvite)(self.call(side, number), self.offer(), self.now)
        self.drain()

    @rule(side=SIDES, number=CALLS, accept=st.booleans())
    def decide(self, side: int, number: int, accept: bool) -> None:
        """Somebody answers an offer, if there is any."""
        if accept:
            self.sides[side].answer_reinvite(self.call(side, number), self.offer(), self.now)
        else:
            self.sides[side].reject_reinvite(self.call(side, number), 488, self.now)
        self.drain()

    @rule(side=SIDES, number=CALLS, what=st.sampled_from(["refer", "accept", "reject", "180", "200"]))
    def transfer(self, side: int, number: int, what: str) -> None:
        """Somebody asks for a transfer, or answers that, or tells how it goes."""
        endpoint, call = self.sides[side], self.call(side, number)
        if what == "refer":
            endpoint.refer(call, "sip:c@192.0.2.3", self.now)
        elif what == "accept":
            endpoint.accept_transfer(call, self.now)
        elif what == "reject":
            endpoint.reject_transfer(call, 603, self.now)
        else:
            endpoint.notify_transfer(call, int(what), None, self.now)
        self.drain()

    @rule(side=SIDES, number=CALLS)
    def message(self, side: int, number: int) -> None:
        """Somebody writes."""
        name = self.sides[side].request_within(
            self.call(side, number), "MESSAGE", self.now, content_type="text/plain", body=b"x"
        )
        if name is not None:
            self.asked[side].append(name)
        self.drain()

    # -- what always holds ------------------------------------------------------------------------------------------

    TERMINAL: ClassVar = (Ended, Refused)

    @invariant()
    def nothing_follows_the_end(self) -> None:
        """A call ends once; after that only a transfer may still be told of."""
        for told in self.told:
            for events in told.values():
                ends = [index for index, event in enumerate(events) if isinstance(event, self.TERMINAL)]
                assert len(ends) <= 1
                assert not ends or ends[0] == len(events) - 1

    @invariant()
    def a_call_is_answered_once(self) -> None:
        """However many 2xx there are."""
        for events in self.told[0].values():
            assert sum(isinstance(event, Answered) for event in events) <= 1

    @invariant()
    def one_question_at_a_time(self) -> None:
        """Each offer and each transfer is told of once."""
        for told in self.told:
            for events in told.values():
                offers = [event.sdp for event in events if isinstance(event, Reinvite)]
                assert len(offers) == len(set(offers))
                assert sum(isinstance(event, Transfer) for event in events) <= 50

    def teardown(self) -> None:
        """Hang up, let everything arrive and all time pass: nothing is left."""
        for _ in range(3):
            for side, endpoint in enumerate(self.sides):
                for call in self.calls[side]:
                    endpoint.bye(call, self.now)
            self.drain()
            for _ in range(260):
                self.now += 0.5
                for endpoint in self.sides:
                    endpoint.handle_timeout(self.now)
                self.drain()
                while self.wire:
                    self.deliver(0)
                    del self.wire[0]
        assert [(e.calls, e.transactions, e.next_timeout()) for e in self.sides] == [(0, 0, None)] * 2
        assert self.asked == [[], []]
        self.nothing_follows_the_end()
        for side, told in enumerate(self.told):
            for call in self.calls[side]:
                assert sum(isinstance(event, self.TERMINAL) for event in told[call]) == 1


TwoDialogs.TestCase.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestTwoDialogs = TwoDialogs.TestCase
