"""Thousands of calls between two SIP endpoints over a bad network, in virtual time, by the dice of one seed.

Calls are made, cancelled, refused, forwarded in mid-call, held by both sides at once, transferred and hung up while
datagrams are lost, doubled and overtaken. Then the storm is over: after a while both sides must agree on which calls
there are and what their sessions are, and once those are hung up nothing may be left of any.

>>> storm(1, calls=3).started
3
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from ringback.sip.events import (
    Acknowledged,
    Answered,
    DialogId,
    EarlyAcknowledged,
    Ended,
    Event,
    IncomingCall,
    IncomingRequest,
    Refused,
    Reinvite,
    ReinviteAnswered,
    ReinviteRefused,
    RequestAnswered,
    RequestId,
    Ringing,
    Transfer,
    TransferProgress,
)  # fmt: skip
from ringback.testing.network import Conditions, SipNetwork, SipPeer

BAD = Conditions(loss=0.2, duplicate=0.2, reorder=0.2)
"""A fifth of all datagrams lost, a fifth doubled, a fifth held up."""
SETTLING = 250.0
"""Seconds of peace after which both sides must agree: some rounds of session timers."""
_SESSION = b"v=0\r\no=- 1 %d IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


@dataclass(slots=True)
class Party:
    """One side of one call, as its user sees it."""

    call: DialogId
    label: str
    calls_out: bool
    local: bytes = b""
    remote: bytes = b""
    offered: bytes = b""
    early: dict[str, bytes] = field(default_factory=dict)
    up: bool = False
    acknowledged: bool = False
    ends: list[Event] = field(default_factory=list)
    referring: bool = False


@dataclass(slots=True)
class Tally:
    """What happened in a storm."""

    started: int = 0
    events: Counter[str] = field(default_factory=Counter)
    """How often each kind of event was told, ends by their cause."""
    settled: int = 0
    """Calls that were still up when the storm was over, with sessions that both sides agreed on."""
    datagrams: int = 0
    seconds: float = 0.0


class _Side:
    """The users of one endpoint."""

    def __init__(self, storm: "_Storm", peer: SipPeer, name: str) -> None:
        self.storm = storm
        self.peer = peer
        self.name = name
        self.endpoint = peer.endpoint
        self.parties: dict[DialogId, Party] = {}
        self.asked: dict[RequestId, int] = {}
        """How often each request of ours was answered."""
        peer.on_event = self.on_event

    # -- what its users do ----------------------------------------------------------------------------------------

    def call(self, other: "_Side", label: str) -> None:
        """Call the other side, with one plan of several."""
        dice, now = self.storm.dice, self.storm.net.now
        sdp = self.storm.session()
        call = self.endpoint.invite(
            "sip:x@192.0.2.2", self.peer.flow_to(other.peer), from_uri="sip:y@192.0.2.1", sdp=sdp, now=now,
            headers=[("X-Call", label)],
        )  # fmt: skip
        self.parties[call] = Party(call, label, calls_out=True, local=sdp)
        if dice.random() < 0.15:
            self.storm.later(dice.random() * 6, lambda now: self.endpoint.cancel(call, now))

    def live(self, call: DialogId) -> None:
        """Do something with a call that is up, and then something else."""
        party, dice = self.parties[call], self.storm.dice
        if not party.up or party.ends or self.storm.over:
            return
        now = self.storm.net.now
        what = dice.choice(["hold", "hold", "update", "refer", "message", "check", "info", "bye"])
        if what in ("hold", "update") and not party.offered:
            party.offered = self.storm.session()
            (self.endpoint.reinvite if what == "hold" else self.endpoint.update)(call, party.offered, now)
        elif what == "refer" and not party.referring:
            party.referring = True
            self.endpoint.refer(call, "sip:z@192.0.2.3", now)
        elif what == "message":
            name = self.endpoint.request_within(call, "MESSAGE", now, content_type="text/plain", body=b"x")
            if name is not None:
                self.asked[name] = 0
        elif what == "check":
            self.endpoint.check(call, now)
        elif what == "info":
            self.endpoint.info(call, "application/dtmf", b"5", now)
        elif what == "bye" and dice.random() < 0.5:
            self.endpoint.bye(call, now)
        self.storm.later(dice.random() * 8, lambda now: self.live(call))

    # -- what they are told ---------------------------------------------------------------------------------------

    def on_event(self, event: Event, now: float) -> None:
        """Take an event, and act on it perhaps."""
        kind = type(event).__name__
        self.storm.tally.events[f"{kind} {event.cause}" if isinstance(event, Ended) else kind] += 1
        if isinstance(event, IncomingCall):
            self._incoming(event)
        elif isinstance(event, IncomingRequest):
            self.endpoint.respond(event.request, 200, now)
        elif isinstance(event, RequestAnswered):
            self.asked[event.request] += 1
        elif (party := self.parties.get(getattr(event, "call", None) or DialogId(-1))) is not None:
            self._told(party, event, now)

    def _incoming(self, event: IncomingCall) -> None:
        dice, endpoint, call = self.storm.dice, self.endpoint, event.call
        party = Party(call, event.header("x-call") or "", calls_out=False, remote=event.sdp or b"")
        self.parties[call] = party
        answer = self.storm.session()
        what = dice.choice(["ring", "early", "early", "silence"])
        if what == "ring":
            endpoint.ring(call, self.storm.net.now)
        elif what == "early":
            party.local = answer
            endpoint.ring(call, self.storm.net.now, 183, answer)

        def finally_(now: float) -> None:
            if dice.random() < 0.1:
                endpoint.reject(call, 486, now)
            elif not party.ends:
                party.local = party.local or answer
                endpoint.answer(call, party.local, now)

        self.storm.later(dice.random() * 5, finally_)

    def _told(self, party: Party, event: Event, now: float) -> None:
        dice = self.storm.dice
        match event:
            case Ringing(sdp=bytes(sdp), fork=fork):
                party.early[fork] = sdp
            case EarlyAcknowledged() if dice.random() < 0.5 and not party.offered:
                party.offered = self.storm.session()
                self.endpoint.reinvite(party.call, party.offered, now)
            case Answered(sdp=sdp, fork=fork):
                party.up = True
                if not party.remote:
                    party.remote = sdp or party.early.get(fork, b"")
                self.storm.later(dice.random() * 5, lambda now: self.live(party.call))
            case Acknowledged() if not party.up:
                party.up = party.acknowledged = True
                self.storm.later(dice.random() * 5, lambda now: self.live(party.call))
            case Reinvite(sdp=sdp):
                self.storm.later(dice.random() * 2, lambda now: self._answer(party, sdp or b"", now))
            case ReinviteAnswered(sdp=sdp):
                party.local, party.remote, party.offered = party.offered, sdp or b"", b""
            case ReinviteRefused():
                party.offered = b""
            case Transfer():
                self._transfer(party, now)
            case TransferProgress(code=code) if code >= 200:
                party.referring = False
            case Ended() | Refused():
                party.ends.append(event)

    def _answer(self, party: Party, sdp: bytes, now: float) -> None:
        if party.ends:
            return
        if self.storm.dice.random() < 0.2:
            self.endpoint.reject_reinvite(party.call, 488, now)
            return
        party.local, party.remote = self.storm.session(), sdp
        self.endpoint.answer_reinvite(party.call, party.local, now)

    def _transfer(self, party: Party, now: float) -> None:
        dice = self.storm.dice
        if dice.random() < 0.2:
            self.endpoint.reject_transfer(party.call, 603, now)
            return
        self.endpoint.accept_transfer(party.call, now)
        code = dice.choice([200, 486])
        self.storm.later(1.0, lambda now: self.endpoint.notify_transfer(party.call, 180, None, now))
        self.storm.later(
            1.0 + dice.random() * 5, lambda now: self.endpoint.notify_transfer(party.call, code, None, now)
        )


class _Storm:
    def __init__(self, seed: int, conditions: Conditions, options: dict[str, Any]) -> None:
        self.seed = seed
        self.dice = random.Random(f"storm {seed}")
        self.net = SipNetwork(seed, conditions)
        self.tally = Tally()
        self.over = False
        self._plans: list[tuple[float, int, Callable[[float], None]]] = []
        self._sessions = 0
        options = {"serves": {"MESSAGE"}, "session_expires": 90, **options}
        self.sides = [
            _Side(self, self.net.peer("192.0.2.1", **options), "one"),
            _Side(self, self.net.peer("192.0.2.2", **options), "two"),
        ]

    def session(self) -> bytes:
        """Return a description like no other."""
        self._sessions += 1
        return _SESSION % self._sessions

    def later(self, delay: float, what: Callable[[float], None]) -> None:
        """Do something after a while."""
        self._sessions += 1
        heappush(self._plans, (self.net.now + delay, self._sessions, what))

    def run(self, until: float) -> None:
        """Carry out plans until then, those included that are made meanwhile."""
        while self.net.now < until:
            self.net.run(min(until, self.net.now + 0.25, self._plans[0][0] if self._plans else until))
            while self._plans and self._plans[0][0] <= self.net.now:
                heappop(self._plans)[2](self.net.now)

    def expect(self, true: bool, what: str) -> None:
        """Raise AssertionError, with the seed, where something is not as it must be."""
        if not true:
            raise AssertionError(f"seed {self.seed}: {what}")

    def settle(self) -> None:
        """Check that both sides have the same calls with the same sessions."""
        one, two = ({p.label: p for p in side.parties.values() if p.up and not p.ends} for side in self.sides)
        self.expect(one.keys() == two.keys(), f"only one side has the calls {one.keys() ^ two.keys()}")
        for label, here in one.items():
            there = two[label]
            agree = (here.local, here.remote) == (there.remote, there.local)
            self.expect(agree, f"call {label}: {here} against {there}")
            self.expect(not (here.offered or there.offered), f"call {label}: an offer without an end")
            self.expect(not (here.referring or there.referring), f"call {label}: a transfer without an end")
        self.tally.settled = len(one)

    def finish(self) -> None:
        """Check that nothing is left, and that each call has ended once on each side that knows of it."""
        for side in self.sides:
            endpoint = side.endpoint
            left = (endpoint.calls, endpoint.transactions, endpoint.next_timeout())
            self.expect(left == (0, 0, None), f"side {side.name} has calls, transactions, timers left: {left}")
            for party in side.parties.values():
                self.expect(len(party.ends) == 1, f"call {party.label} ended so at side {side.name}: {party.ends}")
            unanswered = [name for name, times in side.asked.items() if times != 1]
            self.expect(not unanswered, f"requests {unanswered} of side {side.name} were not answered once")
        one, two = ({p.label: p for p in side.parties.values()} for side in self.sides)
        for label in one.keys() & two.keys():
            here, there = one[label], two[label]
            caller, callee = (here, there) if here.calls_out else (there, here)
            refused = isinstance(caller.ends[0], Refused)
            self.expect(not (refused and callee.acknowledged), f"call {label}: refused here, answered there")


def storm(seed: int, calls: int, conditions: Conditions = BAD, per_second: float = 5.0, **options: Any) -> Tally:
    """Make so many calls in so bad a network; `options` are those of both endpoints.

    Raises AssertionError, which tells the seed, when both sides do not agree in the end or something is left.
    """
    run = _Storm(seed, conditions, options)
    for number in range(calls):
        caller, callee = run.sides if run.dice.random() < 0.5 else run.sides[::-1]
        run.later(number / per_second, lambda now, c=caller, d=callee, n=number: c.call(d, str(n)))  # type: ignore[misc]
    run.run(calls / per_second + 30.0)
    run.over = True
    run.run(run.net.now + SETTLING)
    run.settle()
    for side in run.sides:
        for party in list(side.parties.values()):
            if party.up and not party.ends and run.dice.random() < 0.6:
                side.endpoint.bye(party.call, run.net.now)
    run.run(run.net.now + 2 * SETTLING)
    for side in run.sides:
        for party in list(side.parties.values()):
            side.endpoint.bye(party.call, run.net.now)
    run.run(run.net.now + 2 * SETTLING)
    run.finish()
    run.tally.started, run.tally.datagrams, run.tally.seconds = calls, run.net.network.sent, run.net.now
    return run.tally
