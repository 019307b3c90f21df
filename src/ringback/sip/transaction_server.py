"""Server transactions: RFC 3261 §17.2 with the Accepted state of RFC 6026 §7.1.

The tables below are the two figures; `ServerTransaction` only carries out their actions.
"""

from typing import ClassVar

from ringback.sip.events import Flow
from ringback.sip.stack import ServerKey, Stack
from ringback.sip.timers import T4, TIMEOUT, TRYING_AFTER
from ringback.sip.transaction import TERMINATED, Table, Transaction
from ringback.sip.wire import Fields, ReplyHead

PROCEEDING, ACCEPTED, COMPLETED, CONFIRMED = "Proceeding", "Accepted", "Completed", "Confirmed"

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


class ServerTransaction(Transaction):
    """One request and its answers. It keeps the parts of the request that answers repeat, and nothing else of it."""

    __slots__ = ("_last", "key", "merge", "reply", "tag")

    def __init__(
        self, stack: Stack, key: ServerKey, flow: Flow, reply: ReplyHead, cseq: str, now: float, *, invite: bool
    ) -> None:
        """`flow` is where answers go."""
        super().__init__(stack, INVITE if invite else NON_INVITE, PROCEEDING, flow, cseq)
        self._last = b""
        self.key = key
        self.reply: ReplyHead | None = reply
        self.tag = ""
        self.merge: tuple[str, str, str] | None = None
        stack.servers[key] = self
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
        content_type: str = "application/sdp",
        establishes: bool = False,
    ) -> bytes:
        """Send an answer and return its bytes; b"" when a final one was given already or the transaction has ended."""
        if self.state != PROCEEDING or self.reply is None:
            return b""
        tag = self.tag if code > 100 else ""
        data = self.reply.response(
            code, tag, headers, body, reason=reason, content_type=content_type, establishes=establishes
        )
        self._last = data
        self.step("1xx" if code < 200 else "2xx" if code < 300 else "refusal", now)
        return data

    def step(self, happens: str, now: float) -> None:
        """Take one step of the table; after the final answer the request is no longer needed."""
        super().step(happens, now)
        if self.state != PROCEEDING:
            self.reply = None

    def _send(self, now: float) -> None:
        if self._last:
            self._stack.send(self._last, self.flow, self.call, self.cseq)

    def _say_trying(self, now: float) -> None:
        if self.reply is not None and not self._last:
            self._last = self.reply.response(100)
            self._send(now)

    def _forget(self, now: float) -> None:
        self._last = b""

    def _start_g(self, now: float) -> None:
        self._repeat(now, "G")

    def _start_h(self, now: float) -> None:
        self._start(now + TIMEOUT, "H")

    def _start_i(self, now: float) -> None:
        self._linger(now, T4, "I")

    def _start_j(self, now: float) -> None:
        self._linger(now, TIMEOUT, "J")

    def _start_l(self, now: float) -> None:
        self._start(now + TIMEOUT, "L")

    def _end(self) -> None:
        super()._end()
        self._last = b""
        self.reply = None
        self._stack.servers.pop(self.key, None)
        if self.merge is not None:
            self._stack.merges.pop(self.merge, None)

    ACTIONS: ClassVar = {
        "send": _send,
        "say_trying": _say_trying,
        "forget": _forget,
        "stop_timers": Transaction._stop_timers,
        "start_G": _start_g,
        "start_H": _start_h,
        "start_I": _start_i,
        "start_J": _start_j,
        "start_L": _start_l,
    }
