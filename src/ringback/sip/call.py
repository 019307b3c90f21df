"""A call within its dialog: what both sides may do to it, and how it ends (RFC 3261 §12-§15)."""

from collections.abc import Callable

from ringback.sip import within
from ringback.sip.auth import ClientAuth
from ringback.sip.dialog import Dialog, UnacknowledgedAnswer
from ringback.sip.events import DialogId, EndCause, Ended, Flow
from ringback.sip.message import Message, Request, clean
from ringback.sip.peer_offers import PeerOffers
from ringback.sip.policy import KNOWN_METHODS
from ringback.sip.reason import q850_of, reason_fields, reason_text
from ringback.sip.reinvite import Reinvites
from ringback.sip.reliable import Provisional
from ringback.sip.request import ClientRequest
from ringback.sip.session_timer import SessionTimer
from ringback.sip.stack import Stack
from ringback.sip.transaction_client import Failure, Outcome, code_and_reason
from ringback.sip.transaction_server import ServerTransaction
from ringback.sip.transfer import Transfers
from ringback.sip.wire import Fields

EARLY, CONFIRMED, ENDING, ENDED = "early", "confirmed", "ending", "ended"


class Call:
    """One call from the moment that it has a name. `IncomingLeg` and `OutgoingLeg` add how it begins."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.id: DialogId = stack.new_call()
        self.state = EARLY
        self.dialog: Dialog | None = None
        self.auth: ClientAuth | None = None
        self.local_sdp: bytes | None = None
        """The description that we gave last, of a session that both sides agreed on or that is being agreed on."""
        self.remote_sdp: bytes | None = None
        self.peer_allows: frozenset[str] = frozenset()
        """Methods that the other side says to understand, in lower case."""
        self.reinvites = Reinvites(self)
        self.peer_offers = PeerOffers(self)
        self.timer = SessionTimer(self)
        self._transfers: Transfers | None = None
        self.unacknowledged: dict[int, UnacknowledgedAnswer] = {}
        """Our 2xx whose ACK has not come, by CSeq."""
        self._bye_headers: Fields | None = None
        """Set while a BYE waits for the ACK of our 2xx (§15)."""
        stack.calls[self.id] = self

    @property
    def transfers(self) -> Transfers:
        """The transfers that are asked for within the call."""
        if self._transfers is None:
            self._transfers = Transfers(self)
        return self._transfers

    @property
    def established(self) -> bool:
        """True between the answer and the end."""
        return self.state == CONFIRMED

    @property
    def ending(self) -> bool:
        """True when it is over for our user."""
        return self.state in (ENDING, ENDED)

    @property
    def early_session(self) -> bool:
        """True while a call that is not answered has a session already, so that it may be changed (RFC 3311 §5.1)."""
        return False

    @property
    def may_change(self) -> bool:
        """True when there is a session that an offer may change."""
        return self.state == CONFIRMED or (self.state == EARLY and self.early_session)

    def dialog_to_change(self) -> Dialog | None:
        """Return the dialog whose session an offer of ours would change, or None while there is none."""
        return self.dialog if self.may_change else None

    @property
    def early_refusal(self) -> int:
        """The status for an offer that comes while `may_change` is False: 500 where we owe an answer, 491 where not."""
        return 500

    def take_prack(self, request: Request, now: float) -> Provisional | None:
        """Return the provisional answer of ours that a PRACK acknowledges, or None."""
        return None

    # -- requests of the peer -------------------------------------------------------------------------------------

    def dialog_of(self, request: Request) -> Dialog | None:
        """Return the dialog that a request belongs to: a call of ours that forked has several until it is answered."""
        return self.dialog

    def receive(self, request: Request, transaction: ServerTransaction, flow: Flow, now: float) -> None:
        """Take a request within the dialog, ACK and CANCEL aside."""
        dialog = self.dialog_of(request)
        if dialog is None or self.state == ENDED:
            transaction.respond(481, now)
        elif request.cseq <= dialog.remote_cseq:
            transaction.respond(500, now)  # out of order (§12.2.2)
        else:
            dialog.remote_cseq = request.cseq
            dialog.flow = flow
            self._serve(request, transaction, dialog, now)

    def _serve(self, request: Request, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        policy = self.stack.policy
        method = request.method
        if method == "MESSAGE" and method in policy.serves:
            handler: within.Handler | None = within.receive_message
        else:
            handler = _HANDLERS.get(method)
        if handler is None:
            transaction.respond(405 if method in KNOWN_METHODS else 501, now, [policy.allow])
        elif "require" in request.headers and (lacking := policy.lacking(request.values("require"))):
            transaction.respond(420, now, lacking)
        elif self.state == ENDING and method != "BYE":
            transaction.respond(481, now)
        else:
            self.learn(request)
            handler(self, request, transaction, dialog, now)

    def learn(self, message: Message) -> None:
        """Note the methods that the other side understands."""
        if "allow" in message.headers:
            self.peer_allows = message.tags("allow")

    def receive_ack(self, request: Request, now: float) -> None:
        """Take the ACK of a 2xx; the ACK of a repeated 2xx finds nothing to do."""
        answer = self.unacknowledged.pop(request.cseq, None)
        if answer is None:
            return
        answer.stop()
        if self.state == ENDING:
            self._send_waiting_bye(now)
        else:
            self.peer_offers.acknowledged(request, answer)

    def receive_bye(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take the BYE of the other side."""
        transaction.respond(200, now)
        self.end("bye", remote=True, reason=reason_text(request), q850=q850_of(request), now=now)
        self.finish()

    # -- actions of our user --------------------------------------------------------------------------------------

    def bye(self, now: float, reason: str | None = None, q850: int | None = None) -> None:
        """Hang up. A BYE to a caller that has not acknowledged our 2xx waits for the ACK (§15)."""
        if self.state == CONFIRMED:
            self.end("bye", remote=False, now=now, reason=reason or "", q850=q850)
            self._part(reason_fields(reason, q850), now)

    def expire(self, now: float) -> None:
        """Hang up since the session was not refreshed in time (RFC 4028 §10)."""
        if self.state == CONFIRMED:
            self.end("session-expired", remote=True, now=now, code=408, reason="the session was not refreshed")
            self._part(reason_fields("session expired", None, 408), now)

    def _part(self, headers: Fields, now: float) -> None:
        self.state = ENDING
        self._bye_headers = headers
        if not self.unacknowledged:
            self._send_waiting_bye(now)

    def request(
        self,
        method: str,
        now: float,
        told: Callable[[Outcome, float], object],
        headers: Fields = (),
        body: bytes = b"",
        content_type: str = "",
        dialog: Dialog | None = None,
    ) -> ClientRequest | None:
        """Send a request other than ACK and CANCEL within the dialog, or within that of a fork."""
        dialog = dialog or self.dialog
        if dialog is None:
            return None
        stack = self.stack
        start = dialog.start(stack, method, dialog.next_cseq(), stack.new_branch())
        return ClientRequest(
            stack, start, now, told, dialog,
            headers=headers, body=body, content_type=content_type, call=self.id, auth=self.auth,
        )  # fmt: skip

    # -- how it goes on and ends ----------------------------------------------------------------------------------

    def repeat_until_acknowledged(
        self, transaction: ServerTransaction, cseq: int, data: bytes, now: float, *, carries_offer: bool
    ) -> None:
        """Repeat a 2xx to an INVITE until its ACK comes."""
        self.unacknowledged[cseq] = UnacknowledgedAnswer(
            self.stack, self, cseq, data, transaction.flow, now, carries_offer=carries_offer
        )

    def ack_timeout(self, answer: UnacknowledgedAnswer, now: float) -> None:
        """Nobody acknowledged our 2xx: the session is ended with a BYE (§13.3.1.4)."""
        self.unacknowledged.pop(answer.cseq, None)
        if self.state == CONFIRMED:
            self.end("ack-timeout", remote=True, now=now, code=408, reason="no ACK came")
            self.state = ENDING
            self._bye_headers = ()
        if self.state == ENDING and not self.unacknowledged:
            self._send_waiting_bye(now)

    def ended_by(self, outcome: Outcome, now: float) -> bool:
        """End the call when this outcome means that the peer knows it no more (§12.2.1.2); tell whether it does."""
        code, reason = code_and_reason(outcome)
        if code not in (408, 481) or self.state != CONFIRMED:
            return False
        self.end("unreachable", remote=True, now=now, code=code, reason=reason)
        self.finish()
        return True

    def end(
        self, cause: EndCause, *, remote: bool, now: float, code: int = 0, reason: str = "", q850: int | None = None
    ) -> None:
        """Tell our user that the call is over, once, and stop all that waits."""
        if self.ending:
            return
        self.state = ENDED
        self.stack.emit(Ended(self.id, cause, remote, code, clean(reason), q850))
        self.peer_offers.reject(487, now)
        if self._transfers is not None:
            self._transfers.call_ended(now)
        self.reinvites.stop(now)
        self.timer.stop()

    def connection_lost(self, flow: Flow, now: float) -> None:
        """The connection of the peer is gone. An established call goes on: the next request opens a new one."""
        if self.dialog is not None and self.dialog.flow == flow:
            self.dialog.connection_lost()

    def _send_waiting_bye(self, now: float) -> None:
        headers, self._bye_headers = self._bye_headers, None
        if headers is not None:
            self.request("BYE", now, self._bye_told, headers)

    def _bye_told(self, outcome: Outcome, now: float) -> None:
        if isinstance(outcome, Failure) or outcome.code >= 200:
            self.finish()

    def finish(self) -> None:
        """Leave the tables: nothing can happen to the call any more."""
        self.state = ENDED
        for answer in self.unacknowledged.values():
            answer.stop()
        self.unacknowledged.clear()
        self.timer.stop()
        self.stack.calls.pop(self.id, None)
        if self.dialog is not None:
            self.stack.dialogs.pop(self.dialog.key, None)

    def session_headers(self) -> list[tuple[str, str]]:
        """Return what the requests and answers that make or change a session carry."""
        flow = self.flow
        contact = [] if flow is None else [("Contact", self.stack.contact(flow, secure=self.secure))]
        return [*contact, self.stack.policy.allow, self.stack.policy.supported]

    @property
    def secure(self) -> bool:
        """True for a call to or from a `sips` URI, whose Contact must be one too (§8.1.1.8, §12.1.1)."""
        return self.dialog is not None and self.dialog.target.startswith("sips:")

    @property
    def flow(self) -> Flow | None:
        """Where the other side is, as far as is known."""
        return None if self.dialog is None else self.dialog.flow


_HANDLERS: dict[str, within.Handler] = {
    "BYE": lambda call, request, transaction, dialog, now: call.receive_bye(request, transaction, now),
    "INVITE": lambda call, request, transaction, dialog, now: call.peer_offers.receive(
        request, transaction, dialog, now
    ),
    "UPDATE": lambda call, request, transaction, dialog, now: call.peer_offers.receive(
        request, transaction, dialog, now
    ),
    "PRACK": lambda call, request, transaction, dialog, now: call.peer_offers.receive_prack(
        request, transaction, dialog, now
    ),
    "INFO": within.receive_info,
    "OPTIONS": within.receive_options,
    "REFER": lambda call, request, transaction, dialog, now: call.transfers.receive_refer(request, transaction, now),
    "NOTIFY": lambda call, request, transaction, dialog, now: call.transfers.receive_notify(request, transaction, now),
}
