"""Client transactions: RFC 3261 §17.1 with the Accepted state of RFC 6026 §7.2.

The tables below are the two figures; `ClientTransaction` only carries out their actions.
"""

from collections.abc import Callable
from enum import Enum

from ringback.sip.events import DialogId, Flow
from ringback.sip.message import Response, clean
from ringback.sip.stack import ClientKey, Stack
from ringback.sip.timers import T1, T2, T4, TIMEOUT, TIMER_D, Timer
from ringback.sip.transaction_server import Table

CALLING, PROCEEDING, ACCEPTED, COMPLETED, TERMINATED = "Calling", "Proceeding", "Accepted", "Completed", "Terminated"


class Failure(Enum):
    """Why a request got no answer. A user treats it as the status (RFC 3261 §8.1.3.1)."""

    TIMEOUT = 408
    TRANSPORT = 503


Outcome = Response | Failure
"""What a transaction tells its user."""


def code_and_reason(outcome: Outcome) -> tuple[int, str]:
    """Return the status of an outcome; a failure counts as the status that the RFC gives it."""
    if isinstance(outcome, Failure):
        return outcome.value, "no answer" if outcome is Failure.TIMEOUT else "the connection failed"
    return outcome.code, clean(outcome.reason)


INVITE: Table = {
    # §17.1.1, figure 5, with RFC 6026 figure 6 for the 2xx, of which forks and retransmissions bring several.
    (CALLING, "A"): (CALLING, ("send", "start_A")),
    (CALLING, "B"): (TERMINATED, ("tell_timeout",)),
    (CALLING, "1xx"): (PROCEEDING, ("stop_timers", "tell")),
    (CALLING, "2xx"): (ACCEPTED, ("stop_timers", "start_M", "tell")),
    (CALLING, "refusal"): (COMPLETED, ("stop_timers", "ack", "start_D", "tell")),
    (CALLING, "transport error"): (TERMINATED, ("tell_transport",)),
    (PROCEEDING, "1xx"): (PROCEEDING, ("tell",)),
    (PROCEEDING, "2xx"): (ACCEPTED, ("start_M", "tell")),
    (PROCEEDING, "refusal"): (COMPLETED, ("stop_timers", "ack", "start_D", "tell")),
    (PROCEEDING, "transport error"): (TERMINATED, ("tell_transport",)),
    # The user gave up on a call that nobody ends: §9.1 waits 64*T1 after a CANCEL.
    (PROCEEDING, "given up"): (TERMINATED, ("tell_timeout",)),
    (ACCEPTED, "2xx"): (ACCEPTED, ("tell",)),
    (ACCEPTED, "M"): (TERMINATED, ()),
    (COMPLETED, "refusal"): (COMPLETED, ("ack",)),
    # No figure has it: a fork that picks up after the refusal would else stay in a call with nobody.
    (COMPLETED, "2xx"): (COMPLETED, ("tell",)),
    (COMPLETED, "D"): (TERMINATED, ()),
    (COMPLETED, "transport error"): (TERMINATED, ()),
}

NON_INVITE: Table = {
    # §17.1.2, figure 6; Trying is called Calling here.
    (CALLING, "E"): (CALLING, ("send", "start_E")),
    (CALLING, "F"): (TERMINATED, ("tell_timeout",)),
    (CALLING, "1xx"): (PROCEEDING, ("tell",)),
    (CALLING, "2xx"): (COMPLETED, ("stop_timers", "start_K", "tell")),
    (CALLING, "refusal"): (COMPLETED, ("stop_timers", "start_K", "tell")),
    (CALLING, "transport error"): (TERMINATED, ("tell_transport",)),
    (PROCEEDING, "E"): (PROCEEDING, ("send", "start_E_slow")),
    (PROCEEDING, "F"): (TERMINATED, ("tell_timeout",)),
    (PROCEEDING, "1xx"): (PROCEEDING, ("tell",)),
    (PROCEEDING, "2xx"): (COMPLETED, ("stop_timers", "start_K", "tell")),
    (PROCEEDING, "refusal"): (COMPLETED, ("stop_timers", "start_K", "tell")),
    (PROCEEDING, "transport error"): (TERMINATED, ("tell_transport",)),
    (COMPLETED, "K"): (TERMINATED, ()),
}


class ClientTransaction:
    """One request of ours, until its last answer can no longer come."""

    __slots__ = (
        "_data", "_interval", "_make_ack", "_outcome", "_stack", "_table", "_timers",
        "call", "cseq", "flow", "key", "state", "tell",
    )  # fmt: skip

    def __init__(
        self,
        stack: Stack,
        key: ClientKey,
        flow: Flow,
        data: bytes,
        cseq: str,
        now: float,
        tell: Callable[[Outcome, float], object],
        *,
        call: DialogId | None = None,
        make_ack: Callable[[Response], bytes] | None = None,
    ) -> None:
        """Send the request. `key` is its branch and method; `make_ack` builds the ACK of a refusal and marks an INVITE.

        `tell` is called with each answer, or with the reason why none came.
        """
        self._stack = stack
        self._table = NON_INVITE if make_ack is None else INVITE
        self._data = data
        self._make_ack = make_ack
        self._outcome: Response | None = None
        self._timers: list[Timer] = []
        self._interval = T1
        self.key = key
        self.flow = flow
        self.cseq = cseq
        self.call = call
        self.tell: Callable[[Outcome, float], object] | None = tell
        self.state = CALLING
        stack.clients[key] = self
        if flow.connection:
            stack.connections.add(flow.connection)
        self._send(now)
        if make_ack is None:
            self._start_e(now)
            self._start(now + TIMEOUT, "F")
        else:
            self._start_a(now)
            self._start(now + TIMEOUT, "B")

    def receive(self, response: Response, now: float) -> None:
        """Take an answer that matches by branch and CSeq method (§17.1.3)."""
        self._outcome = response
        code = response.code
        self.step("1xx" if code < 200 else "2xx" if code < 300 else "refusal", now)
        self._outcome = None

    def step(self, happens: str, now: float) -> None:
        """Take one step of the table."""
        found = self._table.get((self.state, happens))
        if found is None:
            return
        self.state, actions = found
        # First the timers and the table, then the user: it may send something of its own from `tell`.
        for action in actions:
            _ACTIONS[action](self, now)
        if self.state == TERMINATED:
            self._end()

    def on_timer(self, letter: str, now: float) -> None:
        """A timer of this transaction has run out."""
        self.step(letter, now)

    def give_up_at(self, deadline: float) -> None:
        """End an INVITE that was cancelled and still has no final answer then (§9.1)."""
        self._start(deadline, "given up")

    def _send(self, now: float) -> None:
        self._stack.send(self._data, self.flow, self.call, self.cseq)

    def _ack(self, now: float) -> None:
        if self._make_ack is not None:
            if self._outcome is not None and self.cseq.endswith("INVITE"):
                # From now on the request is not needed: its place is taken by the ACK, which each refusal brings again.
                self._data = self._make_ack(self._outcome)
                self.cseq = self.cseq.replace("INVITE", "ACK")
            self._send(now)

    def _tell(self, now: float) -> None:
        if self.tell is not None and self._outcome is not None:
            self.tell(self._outcome, now)

    def _tell_timeout(self, now: float) -> None:
        if self.tell is not None:
            self.tell(Failure.TIMEOUT, now)

    def _tell_transport(self, now: float) -> None:
        if self.tell is not None:
            self.tell(Failure.TRANSPORT, now)

    def _start(self, deadline: float, letter: str) -> None:
        self._timers.append(self._stack.timers.start(deadline, letter, self))

    def _stop_timers(self, now: float) -> None:
        for timer in self._timers:
            self._stack.timers.stop(timer)
        self._timers.clear()

    def _start_a(self, now: float) -> None:
        if not self.flow.reliable:
            self._start(now + self._interval, "A")
            self._interval *= 2

    def _start_e(self, now: float) -> None:
        if not self.flow.reliable:
            self._start(now + self._interval, "E")
            self._interval = min(self._interval * 2, T2)

    def _start_e_slow(self, now: float) -> None:
        self._start(now + T2, "E")

    def _start_d(self, now: float) -> None:
        self._start_or_end(now, TIMER_D, "D")

    def _start_k(self, now: float) -> None:
        self._data = b""
        self._start_or_end(now, T4, "K")

    def _start_m(self, now: float) -> None:
        self._data = b""
        self._start(now + TIMEOUT, "M")

    def _start_or_end(self, now: float, seconds: float, letter: str) -> None:
        """Wait for retransmissions, of which a reliable transport has none."""
        self._start(now if self.flow.reliable else now + seconds, letter)

    def _end(self) -> None:
        self._stop_timers(0.0)
        self._data = b""
        self.tell = self._make_ack = None
        self._stack.clients.pop(self.key, None)


_ACTIONS = {
    "send": ClientTransaction._send,
    "ack": ClientTransaction._ack,
    "tell": ClientTransaction._tell,
    "tell_timeout": ClientTransaction._tell_timeout,
    "tell_transport": ClientTransaction._tell_transport,
    "stop_timers": ClientTransaction._stop_timers,
    "start_A": ClientTransaction._start_a,
    "start_D": ClientTransaction._start_d,
    "start_E": ClientTransaction._start_e,
    "start_E_slow": ClientTransaction._start_e_slow,
    "start_K": ClientTransaction._start_k,
    "start_M": ClientTransaction._start_m,
}
