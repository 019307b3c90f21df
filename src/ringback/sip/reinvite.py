"""Our offers within a call, by re-INVITE or UPDATE: one at a time, and once more after a glare (RFC 3261 §14.1)."""

from typing import TYPE_CHECKING

from ringback.sip import bodies
from ringback.sip.events import Flow, ReinviteAnswered, ReinviteRefused
from ringback.sip.message import Response
from ringback.sip.reason import retry_after_of
from ringback.sip.request import ClientRequest
from ringback.sip.timers import TIMEOUT, Timer
from ringback.sip.transaction_client import Failure, Outcome, code_and_reason

if TYPE_CHECKING:
    from ringback.sip.call import Call

_TRIES = 5
_LONGEST_WAIT = 10
"""Seconds that a Retry-After may hold an offer up (RFC 3261 §14.2: 0 to 10)."""


class Reinvites:
    """The offers that we make within one call."""

    __slots__ = (
        "_ack",
        "_call",
        "_quiet",
        "_request",
        "_sdp",
        "_timer",
        "_tries",
        "_update",
        "_waiting",
        "owns_call_id",
    )

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._request: ClientRequest | None = None
        """The one under way, until its final answer."""
        self._sdp = b""
        """What it offers."""
        self._quiet = self._update = self._waiting = False
        """Whether it only refreshes the session; whether it is an UPDATE; whether it met one of the other side."""
        self._tries = 0
        self._ack: tuple[int, bytes, Flow] | None = None
        """CSeq and ACK of the last that was accepted, to be repeated with its 2xx."""
        self._timer: Timer | None = None
        self.owns_call_id = False

    @property
    def busy(self) -> bool:
        """True while an offer of ours has no answer."""
        return self._request is not None

    def offer(self, sdp: bytes, now: float, *, update: bool = False, quiet: bool = False) -> bool:
        """Make an offer, or refuse to when another one of either side is under way.

        `update` takes the method UPDATE; before the answer it is the only one. `quiet` is for an offer of what holds
        already, made to refresh the session: our user is told only of an answer that changes something.
        """
        call = self._call
        if call.dialog_to_change() is None or self._request is not None or self._waiting or call.peer_offers.open:
            if not quiet:
                call.stack.emit(ReinviteRefused(call.id, 491, "another offer is under way"))
            return False
        self._sdp, self._quiet, self._update, self._tries = sdp, quiet, update or not call.established, 0
        self._send(now)
        return True

    def stop(self, now: float) -> None:
        """The call has ended. Whoever was asked may have said goodbye in place of an answer: it is not waited for."""
        self._waiting = False
        if self._request is not None:
            self._request.stop()
            self._request.transaction.give_up_at(now + TIMEOUT)
        if self._timer is not None:
            self._call.stack.timers.stop(self._timer)

    def on_timer(self, letter: str, now: float) -> None:
        """The wait after a glare is over."""
        if not self._waiting:
            return
        self._waiting = False
        if self._call.peer_offers.open:
            self._wait(now, None)  # the other side was faster
        else:
            self._send(now)

    def _send(self, now: float) -> None:
        call = self._call
        dialog = call.dialog_to_change()
        if dialog is None:
            return
        self._tries += 1
        headers = [*call.session_headers(), *call.timer.request_fields()]
        method = "UPDATE" if self._update else "INVITE"

        def told(outcome: Outcome, now: float) -> None:
            self._told(request, outcome, now)

        request = call.request(method, now, told, headers, self._sdp, bodies.SDP, dialog)
        self._request = request

    def _told(self, request: ClientRequest | None, outcome: Outcome, now: float) -> None:
        if isinstance(outcome, Response) and outcome.code < 200:
            return
        first = self._request is request
        if first:
            self._request = None
        call = self._call
        if isinstance(outcome, Response) and outcome.code < 300:
            if outcome.cseq_method == "INVITE":
                self._acknowledge(request, outcome)
            if first and call.may_change:
                self._accepted(outcome, now)
        elif first and call.may_change and not call.ended_by(outcome, now):
            self._refused(request, outcome, now)

    def _accepted(self, response: Response, now: float) -> None:
        call = self._call
        answer = response.body if response.content_type == bodies.SDP else None
        changed = answer is not None and answer != call.remote_sdp
        call.local_sdp = self._sdp
        if answer is not None:
            call.remote_sdp = answer
        call.learn(response)
        if (dialog := call.dialog_to_change()) is not None:
            dialog.refresh_target(response)
        call.timer.take(response, now)
        if changed or not self._quiet:
            call.stack.emit(ReinviteAnswered(call.id, answer))

    def _refused(self, request: ClientRequest | None, outcome: Response | Failure, now: float) -> None:
        call = self._call
        code, reason = code_and_reason(outcome)
        longer = isinstance(outcome, Response) and code == 422 and call.timer.lengthen(outcome)
        if longer and request is not None:
            self._request = request
            if request.again(now, [*call.session_headers(), *call.timer.request_fields()]):
                return
            self._request = None
        wait = retry_after_of(outcome) if isinstance(outcome, Response) and code == 500 else None
        if self._tries < _TRIES and (code == 491 or (wait is not None and wait <= _LONGEST_WAIT)):
            self._wait(now, wait)
        elif self._quiet:
            call.timer.refresh_failed(now, alive=isinstance(outcome, Response))
        else:
            call.stack.emit(ReinviteRefused(call.id, code, reason))

    def _wait(self, now: float, seconds: int | None) -> None:
        """Both sides offered at once: the owner of the Call-ID waits 2.1 to 4 seconds, the other up to 2."""
        dice = self._call.stack.rng.getrandbits(8) / 255
        wait = (2.1 + 1.9 * dice if self.owns_call_id else 2.0 * dice) if seconds is None else float(seconds)
        self._waiting = True
        self._timer = self._call.stack.timers.start(now + wait, "glare", self)

    def _acknowledge(self, request: ClientRequest | None, response: Response) -> None:
        call = self._call
        dialog = call.dialog
        if dialog is None:
            return
        if self._ack is None or self._ack[0] != response.cseq:
            dialog.refresh_target(response)
            ack = dialog.start(call.stack, "ACK", response.cseq, call.stack.new_branch())
            self._ack = (response.cseq, ack.write(request.authorization if request is not None else ()), ack.flow)
        _, data, flow = self._ack
        call.stack.send(data, flow, call.id, f"{response.cseq} ACK")
