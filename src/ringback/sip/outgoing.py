"""A call of ours: from our INVITE to its final answer (RFC 3261 §13.2), with its forks."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringback.sip import bodies
from ringback.sip.auth import ClientAuth, Credentials
from ringback.sip.call import CONFIRMED, EARLY, Call
from ringback.sip.dialog import MAX_FORWARDS, Dialog, RequestStart
from ringback.sip.events import Answered, Flow, Refused, Ringing
from ringback.sip.message import Message, Request, Response
from ringback.sip.reason import contacts_of, q850_of, reason_fields, retry_after_of, telling_headers
from ringback.sip.request import ClientRequest
from ringback.sip.stack import Stack
from ringback.sip.timers import TIMEOUT
from ringback.sip.transaction_client import CALLING, ClientTransaction, Outcome, code_and_reason
from ringback.sip.values import Reliable
from ringback.sip.wire import Fields

_MAX_FORKS = 16


@dataclass(frozen=True, slots=True)
class Invitation:
    """What is wanted of a call of ours. All texts were checked."""

    target_uri: str
    flow: Flow
    from_: str
    """Text of the From header, without its tag."""
    to: str
    """Text of the To header."""
    sdp: bytes
    headers: Fields = ()
    credentials: Credentials | None = None
    route: Sequence[str] = ()
    """Values of Route headers: the way through proxies that was set beforehand."""
    reliable: Reliable = "supported"
    max_forwards: int = MAX_FORWARDS


class _Fork:
    """One of the phones that ring: its early dialog, and what it has acknowledged of it."""

    __slots__ = ("ack", "answered", "cseq", "dialog", "rseq")

    def __init__(self, dialog: Dialog, cseq: int) -> None:
        self.dialog = dialog
        self.cseq = cseq
        """CSeq of the INVITE that it answers."""
        self.rseq = 0
        """The last reliable provisional answer, 0 before the first."""
        self.answered = False
        """Whether a reliable provisional answer has brought the answer to our offer."""
        self.ack: tuple[bytes, Flow] | None = None
        """The ACK of its 2xx, to be repeated with the 2xx."""


class OutgoingLeg(Call):
    """A call of the calling side."""

    def __init__(self, stack: Stack, invitation: Invitation, now: float) -> None:
        """Send the INVITE."""
        super().__init__(stack)
        self.reinvites.owns_call_id = True
        self.local_sdp = invitation.sdp
        self._invitation = invitation
        self._cancelled = False
        """Whether a CANCEL waits for the first provisional answer."""
        self._cancel_headers: Fields = ()
        self._forks: dict[str, _Fork] = {}
        """By the tag of the fork."""
        if invitation.credentials is not None:
            self.auth = ClientAuth(invitation.credentials, stack.rng)
        self._local_tag = stack.new_tag()
        self._local = f"{invitation.from_};tag={self._local_tag}"
        self.local_cseq = 1 + stack.rng.getrandbits(15)
        branch = stack.new_branch()
        flow = invitation.flow
        start = RequestStart(
            "INVITE", invitation.target_uri, flow, stack.via(flow, branch), list(invitation.route), self._local,
            invitation.to, stack.new_call_id(), self.local_cseq, branch, invitation.max_forwards,
        )  # fmt: skip
        self._request = ClientRequest(
            stack, start, now, self._told, self,
            headers=self._headers(), body=invitation.sdp, call=self.id, auth=self.auth,
        )  # fmt: skip

    def next_cseq(self) -> int:
        """Number the INVITE when it is made once more."""
        self.local_cseq += 1
        return self.local_cseq

    def _headers(self) -> Fields:
        require = [("Require", "100rel")] if self._invitation.reliable == "required" else []
        return [*self._invitation.headers, *self.session_headers(), *require, *self.timer.request_fields()]

    @property
    def secure(self) -> bool:
        """True for a call to a `sips` URI."""
        return self._invitation.target_uri.startswith("sips:") if self.dialog is None else super().secure

    @property
    def flow(self) -> Flow | None:
        """Where the INVITE went, until somebody answers it."""
        return self._invitation.flow if self.dialog is None else super().flow

    # -- our user -------------------------------------------------------------------------------------------------

    def cancel(self, now: float, reason: str | None = None, q850: int | None = None) -> None:
        """Take the call back: CANCEL before its final answer, BYE after it."""
        if self.state == CONFIRMED:
            self.bye(now, reason, q850)
        elif self.state == EARLY:
            self.end("cancel", remote=False, now=now, reason=reason or "", q850=q850)
            self._cancelled = True
            self._cancel_headers = reason_fields(reason, q850)
            self._request.stop()
            if self._request.transaction.state != CALLING:
                self._send_cancel(now)

    def bye(self, now: float, reason: str | None = None, q850: int | None = None) -> None:
        """Hang up; before the answer that is to cancel."""
        if self.state == EARLY:
            self.cancel(now, reason, q850)
        else:
            super().bye(now, reason, q850)

    def _send_cancel(self, now: float) -> None:
        self._cancelled = False
        start, headers = self._request.start, self._cancel_headers
        ClientTransaction(
            self.stack, (start.branch, "CANCEL"), start.flow, start.cancel(headers), f"{start.cseq} CANCEL", now,
            lambda outcome, now: None, call=self.id,
        )  # fmt: skip
        self._request.transaction.give_up_at(now + TIMEOUT)

    # -- what becomes of the INVITE -------------------------------------------------------------------------------

    def _told(self, outcome: Outcome, now: float) -> None:
        if isinstance(outcome, Response):
            if outcome.code < 200:
                self._receive_provisional(outcome, now)
                return
            if outcome.code < 300:
                self._receive_success(outcome, now)
                return
            longer = outcome.code == 422 and self.state == EARLY and self.timer.lengthen(outcome)
            if longer and self._request.again(now, self._headers()):
                return
        if self.state == EARLY:
            self.stack.emit(self._refusal(outcome))
            self.timer.stop()
            self.peer_offers.reject(487, now)
            self.reinvites.stop(now)
        if self.dialog is None:
            self.finish()

    def _refusal(self, outcome: Outcome) -> Refused:
        code, reason = code_and_reason(outcome)
        if not isinstance(outcome, Response):
            return Refused(self.id, code, reason)
        return Refused(
            self.id,
            code,
            reason,
            contacts=contacts_of(outcome) if code < 400 else (),
            retry_after=retry_after_of(outcome),
            q850=q850_of(outcome),
            headers=telling_headers(outcome),
        )

    def _receive_provisional(self, response: Response, now: float) -> None:
        if self._cancelled:
            # §9.1: only a request that got a provisional answer may be cancelled.
            self._send_cancel(now)
        elif self.state == EARLY and response.code > 100:
            tag = response.to.tag
            sdp = _session_of(response)
            fork = self._fork_of(response) if tag else None
            if fork is not None and "100rel" in response.tags("require"):
                if not self._acknowledge_provisional(fork, response, now):
                    return
                fork.answered = fork.answered or sdp is not None
                if sdp is not None:
                    self.remote_sdp = sdp
            self.stack.emit(Ringing(self.id, response.code, sdp, telling_headers(response), tag))

    def _fork_of(self, response: Response) -> _Fork | None:
        """Return the fork of a response, a new one for a new tag; None when there are too many."""
        tag = response.to.tag
        fork = self._forks.get(tag)
        if fork is None and len(self._forks) < _MAX_FORKS:
            dialog = Dialog.of_response(response, self._local, self._local_tag, self._invitation.flow)
            fork = self._forks[tag] = _Fork(dialog, response.cseq)
            if self.state == EARLY:
                self.stack.dialogs[dialog.key] = self
        if fork is not None and fork.ack is None:
            fork.dialog.refresh_target(response)
            self.learn(response)
        return fork

    def _acknowledge_provisional(self, fork: _Fork, response: Response, now: float) -> bool:
        """Send a PRACK (RFC 3262 §4); False for one that came before, or before its turn."""
        rseq = response.get("rseq") or ""
        if not (rseq.isascii() and rseq.isdigit() and len(rseq) <= 10 and 0 < int(rseq) < 2**32):
            return False
        if fork.rseq and int(rseq) != fork.rseq + 1:
            return False
        fork.rseq = int(rseq)
        # The answer to a PRACK is of no interest: if there is none, the INVITE will get none either.
        rack = ("RAck", f"{rseq} {response.cseq} INVITE")
        self.request("PRACK", now, lambda outcome, now: None, [rack], dialog=fork.dialog)
        return True

    def _receive_success(self, response: Response, now: float) -> None:
        """Acknowledge a 2xx. The first makes the call; those of other forks, and late ones, are hung up (§13.2.2.4)."""
        fork = self._fork_of(response)
        if fork is None:
            return
        if fork.ack is not None:
            self.stack.send(*fork.ack, self.id, f"{response.cseq} ACK")
            return
        dialog = fork.dialog
        dialog.confirm(response)
        ack = dialog.start(self.stack, "ACK", response.cseq, self.stack.new_branch())
        fork.ack = ack.write(self._request.authorization), ack.flow
        self.stack.send(*fork.ack, self.id, f"{response.cseq} ACK")
        if self.state == EARLY:
            self._take(fork, response, now)
            return
        # A dialog that our user never sees: it is over with the BYE.
        self.stack.dialogs.pop(dialog.key, None)
        self.request("BYE", now, lambda outcome, now: None, dialog=dialog)
        if self.dialog is None:
            self.finish()

    def _take(self, fork: _Fork, response: Response, now: float) -> None:
        """This fork is the call."""
        self._forget_dialogs()
        self.dialog = fork.dialog
        self.state = CONFIRMED
        self.stack.dialogs[fork.dialog.key] = self
        # After a reliable answer what the 2xx says of the session is nothing new (RFC 3261 §13.2.1).
        sdp = None if fork.answered else _session_of(response)
        self.remote_sdp = sdp or self.remote_sdp
        self.timer.take(response, now)
        self.stack.emit(Answered(self.id, sdp, telling_headers(response), response.to.tag))

    # -- early dialogs --------------------------------------------------------------------------------------------

    def dialog_of(self, request: Request) -> Dialog | None:
        """Return the dialog of the fork that a request is of."""
        if self.state != EARLY:
            return self.dialog
        fork = self._forks.get(request.from_.tag)
        return None if fork is None else fork.dialog

    def dialog_to_change(self) -> Dialog | None:
        """Return the dialog of the one fork that has answered reliably."""
        if self.state != EARLY:
            return super().dialog_to_change()
        answered = [fork for fork in self._forks.values() if fork.answered]
        return answered[0].dialog if len(answered) == 1 and "update" in self.peer_allows else None

    @property
    def early_session(self) -> bool:
        """True when one fork has answered our offer reliably."""
        return any(fork.answered for fork in self._forks.values())

    @property
    def early_refusal(self) -> int:
        """It is our offer that has no answer."""
        return 491

    def _forget_dialogs(self) -> None:
        for fork in self._forks.values():
            self.stack.dialogs.pop(fork.dialog.key, None)

    def finish(self) -> None:
        """Leave the tables; a fork that answers late is still acknowledged and hung up."""
        self._forget_dialogs()
        super().finish()


def _session_of(message: Message) -> bytes | None:
    try:
        return bodies.sdp_of(message)
    except bodies.UnsupportedBodyError:
        return None
