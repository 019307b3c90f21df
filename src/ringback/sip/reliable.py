"""Reliable provisional answers (RFC 3262) of the answering side: one at a time, repeated until its PRACK comes."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringback.sip.message import Request
from ringback.sip.stack import Stack
from ringback.sip.timers import T1, TIMEOUT, Timer
from ringback.sip.transaction_server import ServerTransaction
from ringback.sip.wire import Fields

if TYPE_CHECKING:
    from ringback.sip.incoming import IncomingLeg

_MAX_WAITING = 20


@dataclass(slots=True)
class Provisional:
    """One reliable provisional answer."""

    code: int
    headers: Fields
    sdp: bytes
    carries_offer: bool
    """True when its description is an offer, so that the PRACK brings the answer."""
    then: Callable[[float], None]
    """To be called when its PRACK was answered."""
    rseq: int = 0

    @property
    def carries_sdp(self) -> bool:
        """True when it has a description."""
        return bool(self.sdp)


class ReliableAnswers:
    """The reliable provisional answers to one INVITE."""

    __slots__ = ("_cseq", "_current", "_data", "_interval", "_leg", "_past", "_rseq", "_stack", "_timers", "_waiting")

    def __init__(self, leg: "IncomingLeg", stack: Stack, cseq: int) -> None:
        self._leg = leg
        self._stack = stack
        self._cseq = cseq
        self._rseq = 0
        self._current: Provisional | None = None
        """The one without a PRACK; §3 allows several, and one at a time cannot be confused."""
        self._waiting: deque[Provisional] = deque()
        self._past: set[int] = set()
        """RSeqs whose PRACK may still come when the call has a final answer already."""
        self._data = b""
        self._interval = T1
        self._timers: list[Timer] = []

    @property
    def owed(self) -> bool:
        """True while a description in one of them is not acknowledged: then there may be no 2xx (§3)."""
        current = () if self._current is None else (self._current,)
        return any(answer.sdp for answer in (*current, *self._waiting))

    def send(self, code: int, headers: Fields, sdp: bytes, now: float, *, carries_offer: bool) -> None:
        """Send a provisional answer, after those before it."""
        if len(self._waiting) < _MAX_WAITING:
            self._waiting.append(Provisional(code, headers, sdp, carries_offer, self._next))
            if self._current is None:
                self._next(now)

    def take(self, request: Request) -> Provisional | None:
        """Return the answer that a PRACK acknowledges (RAck, §7.2), or None; its `then` lets the next one go."""
        parts = (request.get("rack") or "").split()
        if len(parts) != 3 or parts[1] != str(self._cseq) or parts[2] != "INVITE":
            return None
        current = self._current
        if current is not None and parts[0] == str(current.rseq):
            self._current = None
            self._stop_timers()
            return current
        if parts[0].isascii() and parts[0].isdigit() and int(parts[0][:10]) in self._past:
            return Provisional(0, (), b"", carries_offer=False, then=lambda now: None)
        return None

    def stop(self) -> None:
        """There is a final answer: nothing is repeated any more, but a PRACK under way is still answered."""
        self._stop_timers()
        self._waiting.clear()
        if self._current is not None:
            self._past.add(self._current.rseq)
            self._current = None

    def on_timer(self, letter: str, now: float) -> None:
        """Say it again, or give up: nobody acknowledges (§3)."""
        transaction = self._leg.invite
        if self._current is None or transaction is None:
            return
        if letter == "no PRACK":
            self.stop()
            self._leg.unacknowledged_provisional(now)
        else:
            self._stack.send(self._data, transaction.flow, self._leg.id, f"{self._cseq} INVITE")
            self._interval *= 2
            self._timers.append(self._stack.timers.start(now + self._interval, "1xx", self))

    def _next(self, now: float) -> None:
        transaction = self._leg.invite
        if transaction is not None and self._waiting and self._current is None:
            self._say(self._waiting.popleft(), transaction, now)
        elif transaction is not None and not self._waiting:
            self._leg.all_acknowledged(now)

    def _say(self, answer: Provisional, transaction: ServerTransaction, now: float) -> None:
        # §3: the first is a number of chance up to 2**31 - 1, the others follow it.
        self._rseq = self._rseq + 1 if self._rseq else 1 + self._stack.rng.getrandbits(30)
        answer.rseq = self._rseq
        self._current = answer
        headers = [("Require", "100rel"), ("RSeq", str(self._rseq)), *answer.headers]
        self._data = transaction.respond(answer.code, now, headers, answer.sdp, establishes=True)
        self._interval = T1
        timers = self._stack.timers
        self._timers = [timers.start(now + T1, "1xx", self), timers.start(now + TIMEOUT, "no PRACK", self)]

    def _stop_timers(self) -> None:
        for timer in self._timers:
            self._stack.timers.stop(timer)
        self._timers.clear()
