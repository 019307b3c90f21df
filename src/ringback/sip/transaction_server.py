"""Server transactions: RFC 3261 §17.2 with the Accepted state of RFC 6026 §7.1.

The tables below are the two figures; `ServerTransaction` only carries out their actions.
"""

from ringback.sip.events import DialogId, Flow
from ringback.sip.stack import ServerKey, Stack
from ringback.sip.timers import T1, T2, T4, TIMEOUT, TRYING_AFTER, Timer
from ringback.sip.wire import Fields, ReplyHead

PROCEEDING, ACCEPTED, COMPLETED, CONFIRMED, TERMINATED = (
    "Proceeding",
    "Accepted",
    "Completed",
    "Confirmed",
    "Terminated",
)

Table = dict[tuple[str, str], tuple[str, tuple[str, ...]]]
"""(state, what happens) → (next state, actions). What is not listed changes nothing."""

INVITE: Table = {
    # §17.2.1, figure 7; a 2xx leads to Accepted, where its retransmission is the user's (RFC 6026 figure 5).
    (PROCEEDING, "request"): (PROCEEDING, ("send",)),
    (PROCEEDING, "trying"): (PROCEEDING, ("say_trying",)),
    (PROCEEDING, "1xx"): (PROCEEDING, ("stop_timers", "send")),
    (PROCEEDING, "2xx"): (ACCEPTED, ("stop_timers", "send", "start_L", "forget")),
    (PROCEEDING, "refusal"): (COMPLETED, ("stop_timers", "send", "start_G", "start_H")),
    (PROCEEDING, "transport error"): (TERMINATED, ()),
    (COMPLETED, "request"): (COMPLETED, ("send",)),
    (COMPLETED, "G"): (COMPLETED, ("send", "start_G")),
    (COMPLETED, "ack"): (CONFIRMED, ("stop_timers", "forget", "start_I")),
    (COMPLETED, "H"): (TERMINATED, ()),
    (COMPLETED, "transport error"): (TERMINATED, ()),
    (CONFIRMED, "I"): (TERMINATED, ()),
    # Retransmitted INVITEs are absorbed, so that they do not become a second call.
    (ACCEPTED, "L"): (TERMINATED, ()),
}

NON_INVITE: Table = {
    # §17.2.2, figure 8. Trying and Proceeding are one state: whether there is something to repeat tells them apart.
    (PROCEEDING, "request"): (PROCEEDING, ("send",)),
    (PROCEEDING, "1xx"): (PROCEEDING, ("send",)),
    (PROCEEDING, "2xx"): (COMPLETED, ("send", "start_J")),
    (PROCEEDING, "refusal"): (COMPLETED, ("send", "start_J")),
    (PROCEEDING, "transport error"): (TERMINATED, ()),
    (COMPLETED, "request"): (COMPLETED, ("send",)),
    (COMPLETED, "J"): (TERMINATED, ()),
    (COMPLETED, "transport error"): (TERMINATED, ()),
}


class ServerTransaction:
    """One request and its answers. It keeps the parts of the request that answers repeat, and nothing else of it."""

    __slots__ = (
        "_interval", "_last", "_stack", "_table", "_timers",
        "call", "cseq", "flow", "key", "merge", "reply", "state", "tag",
    )  # fmt: skip

    def __init__(
        self, stack: Stack, key: ServerKey, flow: Flow, reply: ReplyHead, cseq: str, now: float, *, invite: bool
    ) -> None:
        """`flow` is where answers go."""
        self._stack = stack
        self._table = INVITE if invite else NON_INVITE
        self._last = b""
        self._timers: list[Timer] = []
        self._interval = T1
        self.key = key
        self.flow = flow
        self.reply: ReplyHead | None = reply
        self.cseq = cseq
        self.tag = ""
        self.call: DialogId | None = None
        self.merge: tuple[str, str, str] | None = None
        self.state = PROCEEDING
        stack.servers[key] = self
        if flow.connection:
            stack.connections.add(flow.connection)
        if invite:
            self._start(now + TRYING_AFTER, "trying")

    @property
    def invite(self) -> bool:
        """True for an INVITE transaction."""
        return self._table is INVITE

    def respond(
        self,
        code: int,
        now: float,
        headers: Fields = (),
        body: bytes = b"",
        *,
        reason: str | None = None,
        establishes: bool = False,
    ) -> bytes:
        """Send an answer and return its bytes; b"" when a final one was given already or the transaction has ended."""
        if self.state != PROCEEDING or self.reply is None:
            return b""
        tag = self.tag if code > 100 else ""
        data = self.reply.response(code, tag, headers, body, reason=reason, establishes=establishes)
        self._last = data
        self.step("1xx" if code < 200 else "2xx" if code < 300 else "refusal", now)
        return data

    def step(self, happens: str, now: float) -> None:
        """Take one step of the table."""
        found = self._table.get((self.state, happens))
        if found is None:
            return
        self.state, actions = found
        for action in actions:
            _ACTIONS[action](self, now)
        if self.state == TERMINATED:
            self._end()
        elif self.state != PROCEEDING:
            self.reply = None

    def on_timer(self, letter: str, now: float) -> None:
        """A timer of this transaction has run out."""
        self.step(letter, now)

    def _send(self, now: float) -> None:
        if self._last:
            self._stack.send(self._last, self.flow, self.call, self.cseq)

    def _say_trying(self, now: float) -> None:
        if self.reply is not None and not self._last:
            self._last = self.reply.response(100)
            self._send(now)

    def _forget(self, now: float) -> None:
        self._last = b""

    def _start(self, deadline: float, letter: str) -> None:
        self._timers.append(self._stack.timers.start(deadline, letter, self))

    def _stop_timers(self, now: float) -> None:
        for timer in self._timers:
            self._stack.timers.stop(timer)
        self._timers.clear()

    def _start_g(self, now: float) -> None:
        if not self.flow.reliable:
            self._start(now + self._interval, "G")
            self._interval = min(self._interval * 2, T2)

    def _start_h(self, now: float) -> None:
        self._start(now + TIMEOUT, "H")

    def _start_i(self, now: float) -> None:
        self._start_or_end(now, T4, "I")

    def _start_j(self, now: float) -> None:
        self._start_or_end(now, TIMEOUT, "J")

    def _start_l(self, now: float) -> None:
        self._start(now + TIMEOUT, "L")

    def _start_or_end(self, now: float, seconds: float, letter: str) -> None:
        """Wait for retransmissions, of which a reliable transport has none."""
        if self.flow.reliable:
            self.step(letter, now)
        else:
            self._start(now + seconds, letter)

    def _end(self) -> None:
        self._stop_timers(0.0)
        self._last = b""
        self.reply = None
        self._stack.servers.pop(self.key, None)
        if self.merge is not None:
            self._stack.merges.pop(self.merge, None)


_ACTIONS = {
    "send": ServerTransaction._send,
    "say_trying": ServerTransaction._say_trying,
    "forget": ServerTransaction._forget,
    "stop_timers": ServerTransaction._stop_timers,
    "start_G": ServerTransaction._start_g,
    "start_H": ServerTransaction._start_h,
    "start_I": ServerTransaction._start_i,
    "start_J": ServerTransaction._start_j,
    "start_L": ServerTransaction._start_l,
}
