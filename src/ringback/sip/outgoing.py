"""A call of ours: from our INVITE to its final answer (RFC 3261 §13.2), with its forks."""

from ringback.sip import bodies
from ringback.sip.call import CONFIRMED, EARLY, Call
from ringback.sip.dialog import Dialog, RequestStart
from ringback.sip.events import Answered, Flow, Refused, Ringing
from ringback.sip.fields import NameAddr
from ringback.sip.message import Message, Response
from ringback.sip.stack import Stack
from ringback.sip.timers import TIMEOUT
from ringback.sip.transaction_client import CALLING, ClientTransaction, Outcome, code_and_reason
from ringback.sip.wire import Fields

_MAX_FORKS = 16


class OutgoingLeg(Call):
    """A call of the calling side."""

    def __init__(
        self,
        stack: Stack,
        target_uri: str,
        flow: Flow,
        from_: NameAddr,
        to_uri: str,
        sdp: bytes,
        headers: Fields,
        now: float,
    ) -> None:
        """Send the INVITE. All texts were checked."""
        super().__init__(stack)
        self._offers.owns_call_id = True
        self._flow = flow
        self._local_tag = stack.new_tag()
        display = f'"{from_.name}" ' if from_.name else ""
        self._local = f"{display}<{from_.uri}>;tag={self._local_tag}"
        self._cancelled = False
        self._acks: dict[str, tuple[bytes, Flow]] = {}
        """The ACK of each fork's 2xx, by the fork's tag, to be repeated with the 2xx."""
        branch = stack.new_branch()
        call_id = f"{stack.rng.getrandbits(96):024x}"
        cseq = 1 + stack.rng.getrandbits(15)
        self._start = RequestStart(
            "INVITE", target_uri, flow, stack.via(flow, branch), [], self._local, f"<{to_uri}>", call_id, cseq, branch
        )
        data = self._start.write([*headers, *self._own_headers(), ("User-Agent", stack.user_agent)], sdp)
        self._transaction = ClientTransaction(
            stack, (branch, "INVITE"), flow, data, self._start.cseq_text, now, self._told,
            call=self.id, make_ack=self._start.ack,
        )  # fmt: skip

    def cancel(self, now: float) -> None:
        """Take the call back: CANCEL before its final answer, BYE after it."""
        if self.state == CONFIRMED:
            self.bye(now)
        elif self.state == EARLY:
            self.end("cancel", remote=False, now=now)
            self._cancelled = True
            if self._transaction.state != CALLING:
                self._send_cancel(now)

    def bye(self, now: float, reason: str | None = None) -> None:
        """Hang up; before the answer that is to cancel."""
        if self.state == EARLY:
            self.cancel(now)
        else:
            super().bye(now, reason)

    def _told(self, outcome: Outcome, now: float) -> None:
        """Take what became of the INVITE."""
        if isinstance(outcome, Response):
            if outcome.code < 200:
                self._receive_provisional(outcome, now)
                return
            if outcome.code < 300:
                self._receive_success(outcome, now)
                return
        if self.state == EARLY:
            code, reason = code_and_reason(outcome)
            self._stack.emit(Refused(self.id, code, reason))
        if self.dialog is None:
            self.finish()

    def _receive_provisional(self, response: Response, now: float) -> None:
        if self._cancelled:
            # §9.1: only a request that got a provisional answer may be cancelled.
            self._send_cancel(now)
        elif self.state == EARLY and response.code > 100:
            self._stack.emit(Ringing(self.id, response.code, _session_of(response)))

    def _receive_success(self, response: Response, now: float) -> None:
        """Acknowledge a 2xx. The first makes the call; those of other forks, and late ones, are hung up (§13.2.2.4)."""
        tag = response.to.tag
        if tag in self._acks:
            self._acknowledge(tag)
            return
        if len(self._acks) >= _MAX_FORKS:
            return
        dialog = Dialog.of_response(response, self._local, self._local_tag, self._flow)
        ack = dialog.start(self._stack, "ACK", response.cseq, self._stack.new_branch())
        self._acks[tag] = (ack.write(), ack.flow)
        self._acknowledge(tag)
        if self.state == EARLY:
            self.dialog = dialog
            self.state = CONFIRMED
            self._stack.dialogs[dialog.key] = self
            self._stack.emit(Answered(self.id, _session_of(response)))
            return
        # A dialog that our user never sees: it is over with the BYE.
        bye = dialog.start(self._stack, "BYE", dialog.next_cseq(), self._stack.new_branch())
        ClientTransaction(
            self._stack,
            (bye.branch, "BYE"),
            bye.flow,
            bye.write(),
            bye.cseq_text,
            now,
            lambda outcome, now: None,
            call=self.id,
        )
        if self.dialog is None:
            self.finish()

    def _acknowledge(self, tag: str) -> None:
        data, flow = self._acks[tag]
        self._stack.send(data, flow, self.id, f"{self._start.cseq} ACK")

    def _send_cancel(self, now: float) -> None:
        self._cancelled = False
        start = self._start
        ClientTransaction(
            self._stack, (start.branch, "CANCEL"), start.flow, start.cancel(), f"{start.cseq} CANCEL", now,
            lambda outcome, now: None, call=self.id,
        )  # fmt: skip
        self._transaction.give_up_at(now + TIMEOUT)

    def _own_headers(self) -> list[tuple[str, str]]:
        return [("Contact", self._stack.contact(self._flow)), *self.session_headers()]


def _session_of(message: Message) -> bytes | None:
    try:
        return bodies.sdp_of(message)
    except bodies.UnsupportedBodyError:
        return None
