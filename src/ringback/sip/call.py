"""A call within its dialog: what both sides may do to an established session, and how it ends (RFC 3261 §12–§15)."""

from collections.abc import Callable

from ringback.sip import bodies
from ringback.sip.dialog import Dialog, UnacknowledgedAnswer
from ringback.sip.events import (
    Acknowledged,
    DialogId,
    Dtmf,
    EndCause,
    Ended,
    Flow,
    PeerAlive,
    Reinvite,
)  # fmt: skip
from ringback.sip.message import Message, Request, clean
from ringback.sip.reinvite import Reinvites
from ringback.sip.stack import Stack
from ringback.sip.transaction_client import ClientTransaction, Failure, Outcome, code_and_reason
from ringback.sip.transaction_server import ServerTransaction
from ringback.sip.wire import Fields

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE")
ALLOW = ("Allow", ", ".join(METHODS))
ACCEPT = ("Accept", bodies.SDP)
ACCEPT_INFO = ("Accept", f"{bodies.DTMF_RELAY}, {bodies.DTMF}")
KNOWN_METHODS = frozenset((*METHODS, "MESSAGE", "NOTIFY", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE"))
"""Methods that exist: the ones we lack get 405, all others 501 (§8.2.1, §21.5.2)."""

EARLY, CONFIRMED, ENDING, ENDED = "early", "confirmed", "ending", "ended"


def unsupported(required: list[str]) -> Fields:
    """Return the header of a 420: of the extensions that a request requires we have none (§8.2.2.3)."""
    return [("Unsupported", ", ".join(required))]


class Call:
    """One call from the moment that it has a name. `IncomingLeg` and `OutgoingLeg` add how it begins."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.id: DialogId = stack.new_call()
        self.state = EARLY
        self.dialog: Dialog | None = None
        self._unacknowledged: dict[int, UnacknowledgedAnswer] = {}
        self._offered: tuple[ServerTransaction, Request, bytes | None] | None = None
        """The re-INVITE or UPDATE that our user has not answered, and its offer."""
        self._offers = Reinvites(self, stack)
        self._bye_headers: Fields | None = None
        """Set while a BYE waits for the ACK of our 2xx (§15)."""
        stack.calls[self.id] = self

    # -- requests of the peer -------------------------------------------------------------------------------------

    @property
    def established(self) -> bool:
        """True between the answer and the end."""
        return self.state == CONFIRMED

    @property
    def answering(self) -> bool:
        """True while an INVITE of the other side is under way: no offer of ours may be made then (§14.1)."""
        return self._offered is not None or bool(self._unacknowledged)

    def receive(self, request: Request, transaction: ServerTransaction, flow: Flow, now: float) -> None:
        """Take a request within the dialog, ACK and CANCEL aside."""
        dialog = self.dialog
        if dialog is None or self.state == ENDED:
            transaction.respond(481, now)
        elif request.cseq <= dialog.remote_cseq:
            transaction.respond(500, now)  # out of order (§12.2.2)
        else:
            dialog.remote_cseq = request.cseq
            dialog.flow = flow
            handler = _HANDLERS.get(request.method)
            if handler is None:
                transaction.respond(405 if request.method in KNOWN_METHODS else 501, now, [ALLOW])
            elif required := request.values("require"):
                transaction.respond(420, now, unsupported(required))
            elif self.state == ENDING and request.method != "BYE":
                transaction.respond(481, now)
            else:
                getattr(self, handler)(request, transaction, now)

    def receive_ack(self, request: Request, now: float) -> None:
        """Take the ACK of a 2xx; the ACK of a repeated 2xx finds nothing to do."""
        answer = self._unacknowledged.pop(request.cseq, None)
        if answer is None:
            return
        answer.stop()
        if self.state == ENDING:
            self._send_waiting_bye(now)
            return
        try:
            sdp = bodies.sdp_of(request)
        except bodies.UnsupportedBodyError:
            sdp = None
        self._stack.emit(Acknowledged(self.id, sdp))

    def _receive_bye(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        transaction.respond(200, now)
        self.end("bye", remote=True, now=now, reason=reason_text(request))
        self.finish()

    def _receive_offer(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a re-INVITE (§14.2) or an UPDATE (RFC 3311 §5.2)."""
        update = request.method == "UPDATE"
        if update and not request.body and self.dialog is not None:
            self.dialog.refresh_target(request)
            transaction.respond(200, now, self.session_headers())
        elif self.state == EARLY or self._offered is not None:
            # Our own answer is still owed: try again in a while.
            transaction.respond(500, now, [("Retry-After", str(self._stack.rng.getrandbits(3)))])
        elif self._offers.busy or any(a.carries_offer for a in self._unacknowledged.values()):
            transaction.respond(491, now)  # both sides offer at once
        else:
            try:
                sdp = bodies.sdp_of(request)
            except bodies.UnsupportedBodyError:
                transaction.respond(415, now, [ACCEPT])
                return
            self._offered = (transaction, request, sdp)
            self._stack.emit(Reinvite(self.id, sdp))

    def _receive_info(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        if not request.body:
            transaction.respond(200, now)  # a sign of life
            return
        try:
            key, duration = bodies.read_dtmf(request.content_type, request.body)
        except bodies.UnsupportedBodyError:
            transaction.respond(415, now, [ACCEPT_INFO])
            return
        transaction.respond(200, now)
        if key is not None:
            self._stack.emit(Dtmf(self.id, key, duration))

    def _receive_options(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        transaction.respond(200, now, [*self.session_headers(), ACCEPT])

    # -- actions of our user --------------------------------------------------------------------------------------

    def bye(self, now: float, reason: str | None = None) -> None:
        """Hang up. A BYE to a caller that has not acknowledged our 2xx waits for the ACK (§15)."""
        if self.state != CONFIRMED:
            return
        headers: Fields = () if not reason else [("Reason", f'SIP;cause=200;text="{_quotable(reason)}"')]
        self.end("bye", remote=False, now=now, reason=reason or "")
        self.state = ENDING
        self._bye_headers = headers
        if not self._unacknowledged:
            self._send_waiting_bye(now)

    def answer_offer(self, sdp: bytes, now: float) -> None:
        """Accept the re-INVITE or UPDATE with this answer, or with this offer where it had none."""
        if self._offered is None or self.dialog is None:
            return
        (transaction, request, offer), self._offered = self._offered, None
        data = transaction.respond(200, now, self.session_headers(), sdp)
        if data:
            self.dialog.refresh_target(request)
        if data and transaction.invite:
            self.repeat_until_acknowledged(transaction, request.cseq, data, now, carries_offer=offer is None)

    def reject_offer(self, code: int, now: float) -> None:
        """Refuse the re-INVITE or UPDATE; the session stays as it is."""
        if self._offered is not None:
            (transaction, _, _), self._offered = self._offered, None
            transaction.respond(code, now)

    def check(self, now: float) -> None:
        """Ask the peer for a sign of life."""
        if self.state != CONFIRMED or self.dialog is None:
            return
        connected = self.dialog.next_hop().connection != 0

        def told(outcome: Outcome, now: float) -> None:
            if self.ended_by(outcome, now) or self.state != CONFIRMED:
                return
            if outcome is Failure.TRANSPORT:
                # An old connection may have been closed for its age; a new one that cannot be opened says more.
                if not connected:
                    self.end("unreachable", remote=True, now=now, code=503, reason="no connection could be opened")
                    self.finish()
            elif _final(outcome):
                self._stack.emit(PeerAlive(self.id))

        self.request("OPTIONS", now, told, [ACCEPT])

    def info(self, content_type: str, body: bytes, now: float) -> None:
        """Send an INFO."""
        if self.state == CONFIRMED:
            self.request("INFO", now, self.ended_by, (), body, content_type)

    def reinvite(self, sdp: bytes, now: float) -> None:
        """Offer a change of the session."""
        if self.state == CONFIRMED:
            self._offers.offer(sdp, now, free=not self.answering)

    # -- how it goes on and ends ----------------------------------------------------------------------------------

    def repeat_until_acknowledged(
        self, transaction: ServerTransaction, cseq: int, data: bytes, now: float, *, carries_offer: bool
    ) -> None:
        """Repeat a 2xx to an INVITE until its ACK comes."""
        self._unacknowledged[cseq] = UnacknowledgedAnswer(
            self._stack, self, cseq, data, transaction.flow, now, carries_offer=carries_offer
        )

    def ack_timeout(self, answer: UnacknowledgedAnswer, now: float) -> None:
        """Nobody acknowledged our 2xx: the session is ended with a BYE (§13.3.1.4)."""
        self._unacknowledged.pop(answer.cseq, None)
        if self.state == CONFIRMED:
            self.end("ack-timeout", remote=True, now=now, code=408, reason="no ACK came")
            self.state = ENDING
            self._bye_headers = ()
        if self.state == ENDING and not self._unacknowledged:
            self._send_waiting_bye(now)

    def request(
        self,
        method: str,
        now: float,
        told: Callable[[Outcome, float], object],
        headers: Fields = (),
        body: bytes = b"",
        content_type: str = "",
    ) -> None:
        """Send a request other than INVITE and ACK within the dialog."""
        if self.dialog is None:
            return
        stack = self._stack
        start = self.dialog.start(stack, method, self.dialog.next_cseq(), stack.new_branch())
        data = start.write([*headers, ("User-Agent", stack.user_agent)], body, content_type)
        ClientTransaction(stack, (start.branch, method), start.flow, data, start.cseq_text, now, told, call=self.id)

    def ended_by(self, outcome: Outcome, now: float) -> bool:
        """End the call when this outcome means that the peer knows it no more (§12.2.1.2); tell whether it does."""
        code, reason = code_and_reason(outcome)
        if code not in (408, 481) or self.state != CONFIRMED:
            return False
        self.end("unreachable", remote=True, now=now, code=code, reason=reason)
        self.finish()
        return True

    def end(self, cause: EndCause, *, remote: bool, now: float, code: int = 0, reason: str = "") -> None:
        """Tell our user that the call is over, once, and stop all that waits."""
        if self.state in (ENDING, ENDED):
            return
        self.state = ENDED
        self._stack.emit(Ended(self.id, cause, remote, code, clean(reason)))
        self.reject_offer(487, now)
        self._offers.stop()

    def connection_lost(self, flow: Flow, now: float) -> None:
        """The TCP connection of the peer is gone. An established call goes on: the next request opens a new one."""
        if self.dialog is not None and self.dialog.flow == flow:
            self.dialog.connection_lost()

    def _send_waiting_bye(self, now: float) -> None:
        headers, self._bye_headers = self._bye_headers, None
        if headers is not None:
            self.request("BYE", now, self._bye_told, headers)

    def _bye_told(self, outcome: Outcome, now: float) -> None:
        if _final(outcome):
            self.finish()

    def finish(self) -> None:
        """Leave the tables: nothing can happen to the call any more."""
        self.state = ENDED
        for answer in self._unacknowledged.values():
            answer.stop()
        self._unacknowledged.clear()
        self._stack.calls.pop(self.id, None)
        if self.dialog is not None:
            self._stack.dialogs.pop(self.dialog.key, None)

    def session_headers(self) -> list[tuple[str, str]]:
        """Return what the requests and answers that make or change a session carry."""
        contact = [("Contact", self._stack.contact(self.dialog.flow))] if self.dialog is not None else []
        return [*contact, ALLOW]


_HANDLERS = {
    "BYE": "_receive_bye",
    "INVITE": "_receive_offer",
    "UPDATE": "_receive_offer",
    "INFO": "_receive_info",
    "OPTIONS": "_receive_options",
}


def _final(outcome: Outcome) -> bool:
    return isinstance(outcome, Failure) or outcome.code >= 200


def reason_text(message: Message) -> str:
    """Return the Reason header of a BYE or CANCEL (RFC 3326) as it stands; empty where there is none."""
    return clean((message.get("reason") or "")[:200])


def _quotable(text: str) -> str:
    """Return text that can stand in a quoted string of one line."""
    return "".join(c for c in text if c.isprintable() and c not in '"\\')[:200]
