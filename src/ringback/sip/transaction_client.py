"""Client transactions: RFC 3261 §17.1 with the Accepted state of RFC 6026 §7.2.

The tables below are the two figures; `ClientTransaction` only carries out their actions.
"""

import math
from collections.abc import Callable
from enum import Enum
from typing import ClassVar

from ringback.sip.events import DialogId, Flow
from ringback.sip.message import Response, clean
from ringback.sip.stack import ClientKey, Stack
from ringback.sip.timers import T2, T4, TIMEOUT, TIMER_D, Timer
from ringback.sip.transaction import TERMINATED, Table, Transaction

CALLING, PROCEEDING, ACCEPTED, COMPLETED = "Calling", "Proceeding", "Accepted", "Completed"


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


class ClientTransaction(Transaction):
    """One request of ours, until its last answer can no longer come."""

    __slots__ = ("_data", "_deadline", "_make_ack", "_outcome", "key", "tell")

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
        super().__init__(stack, NON_INVITE if make_ack is None else INVITE, CALLING, flow, cseq)
        self._data = data
        self._make_ack = make_ack
        self._outcome: Response | None = None
        self._deadline: Timer | None = None
        """Of an INVITE that nobody waits for any more. A provisional answer does not stop it."""
        self.key = key
        self.call = call
        self.tell: Callable[[Outcome, float], object] | None = tell
        stack.clients[key] = self
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

    def give_up_at(self, deadline: float) -> None:
        """End an INVITE that was cancelled and still has no final answer then (§9.1)."""
        if self._deadline is None and self.state != TERMINATED:
            self._deadline = self._stack.timers.start(deadline, "given up", self)

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

    def _start_a(self, now: float) -> None:
        self._repeat(now, "A", math.inf)

    def _start_e(self, now: float) -> None:
        self._repeat(now, "E")

    def _start_e_slow(self, now: float) -> None:
        self._start(now + T2, "E")

    def _start_d(self, now: float) -> None:
        self._linger(now, TIMER_D, "D")

    def _start_k(self, now: float) -> None:
        self._data = b""
        self._linger(now, T4, "K")

    def _start_m(self, now: float) -> None:
        self._data = b""
        self._start(now + TIMEOUT, "M")

    def _end(self) -> None:
        super()._end()
        if self._deadline is not None:
            self._stack.timers.stop(self._deadline)
        self._data = b""
        self.tell = self._make_ack = None
        self._stack.clients.pop(self.key, None)

    ACTIONS: ClassVar = {
        "send": _send,
        "ack": _ack,
        "tell": _tell,
        "tell_timeout": _tell_timeout,
        "tell_transport": _tell_transport,
        "stop_timers": Transaction._stop_timers,
        "start_A": _start_a,
        "start_D": _start_d,
        "start_E": _start_e,
        "start_E_slow": _start_e_slow,
        "start_K": _start_k,
        "start_M": _start_m,
    }
