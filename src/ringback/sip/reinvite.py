"""Our re-INVITEs: one at a time, and once more after a glare (RFC 3261 §14.1)."""

from typing import TYPE_CHECKING

from ringback.sip import bodies
from ringback.sip.dialog import RequestStart
from ringback.sip.events import Flow, ReinviteAnswered, ReinviteRefused
from ringback.sip.message import Response
from ringback.sip.stack import Stack
from ringback.sip.timers import Timer
from ringback.sip.transaction_client import ClientTransaction, Failure, Outcome, code_and_reason

if TYPE_CHECKING:
    from ringback.sip.call import Call

_TRIES = 5


class Reinvites:
    """The offers that we make within one call."""

    __slots__ = ("_ack", "_call", "_stack", "_start", "_timer", "_waiting", "owns_call_id")

    def __init__(self, call: "Call", stack: Stack) -> None:
        self._call = call
        self._stack = stack
        self._start: RequestStart | None = None
        """The one under way, until its final answer."""
        self._ack: tuple[int, bytes, Flow] | None = None
        """CSeq and ACK of the last that was accepted, to be repeated with its 2xx."""
        self._waiting: tuple[bytes, int] | None = None
        """An offer that met one of the other side, and how often it was made."""
        self._timer: Timer | None = None
        self.owns_call_id = False

    @property
    def busy(self) -> bool:
        """True while an offer of ours has no answer."""
        return self._start is not None

    def offer(self, sdp: bytes, now: float, *, free: bool, tries: int = 1) -> None:
        """Make an offer, or refuse to when another is under way or (`free` is False) one of the other side is."""
        dialog = self._call.dialog
        if dialog is None or not free or self._start is not None or self._waiting is not None:
            self._stack.emit(ReinviteRefused(self._call.id, 491, "another offer is under way"))
            return
        stack = self._stack

        def told(outcome: Outcome, now: float) -> None:
            self._told(start, sdp, tries, outcome, now)

        start = dialog.start(stack, "INVITE", dialog.next_cseq(), stack.new_branch())
        self._start = start
        data = start.write([*self._call.session_headers(), ("User-Agent", stack.user_agent)], sdp)
        ClientTransaction(
            stack, (start.branch, "INVITE"), start.flow, data, start.cseq_text, now, told,
            call=self._call.id, make_ack=start.ack,
        )  # fmt: skip

    def stop(self) -> None:
        """The call has ended."""
        self._waiting = None
        if self._timer is not None:
            self._stack.timers.stop(self._timer)

    def on_timer(self, letter: str, now: float) -> None:
        """The wait after a glare is over."""
        if self._waiting is not None:
            (sdp, tries), self._waiting = self._waiting, None
            self.offer(sdp, now, free=not self._call.answering, tries=tries)

    def _told(self, start: RequestStart, sdp: bytes, tries: int, outcome: Outcome, now: float) -> None:
        if isinstance(outcome, Response) and outcome.code < 200:
            return
        first = self._start is start
        if first:
            self._start = None
        if isinstance(outcome, Response) and outcome.code < 300:
            self._acknowledge(start, outcome)
            if first and self._call.established:
                answer = outcome.body if outcome.content_type == bodies.SDP else None
                self._stack.emit(ReinviteAnswered(self._call.id, answer))
        elif first and self._call.established and not self._call.ended_by(outcome, now):
            self._refused(sdp, tries, outcome, now)

    def _refused(self, sdp: bytes, tries: int, outcome: Response | Failure, now: float) -> None:
        code, reason = code_and_reason(outcome)
        if code != 491 or tries >= _TRIES:
            self._stack.emit(ReinviteRefused(self._call.id, code, reason))
            return
        # Both sides offered at once: the owner of the Call-ID waits 2.1 to 4 seconds, the other up to 2.
        dice = self._stack.rng.getrandbits(8) / 255
        wait = 2.1 + 1.9 * dice if self.owns_call_id else 2.0 * dice
        self._waiting = (sdp, tries + 1)
        self._timer = self._stack.timers.start(now + wait, "glare", self)

    def _acknowledge(self, start: RequestStart, response: Response) -> None:
        dialog = self._call.dialog
        if dialog is None:
            return
        if self._ack is None or self._ack[0] != start.cseq:
            dialog.refresh_target(response)
            ack = dialog.start(self._stack, "ACK", start.cseq, self._stack.new_branch())
            self._ack = (start.cseq, ack.write(), ack.flow)
        _, data, flow = self._ack
        self._stack.send(data, flow, self._call.id, f"{start.cseq} ACK")
