"""A call that comes in: from its INVITE to our final answer (RFC 3261 §13.3)."""

from ringback.sip import bodies
from ringback.sip.call import CONFIRMED, EARLY, Call
from ringback.sip.dialog import Dialog
from ringback.sip.events import DialogId, Flow, IncomingCall
from ringback.sip.fields import user_of
from ringback.sip.message import Request, clean
from ringback.sip.reason import q850_of, reason_text, telling_headers
from ringback.sip.reliable import Provisional, ReliableAnswers
from ringback.sip.stack import Stack
from ringback.sip.timers import RING_REFRESH, Timer
from ringback.sip.transaction_server import ServerTransaction
from ringback.sip.wire import Fields, checked

_MAX_EXPIRES = 86_400


class IncomingLeg(Call):
    """A call of the answering side."""

    def __init__(self, stack: Stack, request: Request, transaction: ServerTransaction, flow: Flow, now: float) -> None:
        """`request` is an INVITE that was checked; `transaction` has the tag of the new dialog.

        Raises UnsupportedBodyError, before anything has changed, for a body that is no session description.
        """
        self._offer = bodies.sdp_of(request)
        super().__init__(stack)
        self.dialog = Dialog.of_request(request, transaction.tag, flow)
        self.remote_sdp = self._offer
        self.learn(request)
        self.invite: ServerTransaction | None = transaction
        """The transaction of the INVITE until its final answer."""
        self._request: Request | None = request
        """The INVITE until its final answer, which repeats what it says of session timers."""
        self._cseq = request.cseq
        self._ringing: tuple[int, bytes] | None = None
        self._timers: list[Timer] = []
        self._required = "100rel" in request.tags("require")
        self._able = self._required or "100rel" in request.tags("supported")
        self._provisionals = ReliableAnswers(self, stack, request.cseq)
        self._early_sdp: bytes | None = None
        """The description of a reliable provisional answer."""
        self._early = False
        """Whether offer and answer were exchanged before the final answer, and are known to have arrived."""
        self._answer: bytes | None = None
        """The answer of our user, while a provisional one must be acknowledged first."""
        transaction.call = self.id
        stack.dialogs[self.dialog.key] = self
        expires = request.get("expires") or ""
        if expires.isascii() and expires.isdigit() and 0 < int(expires[:9]) <= _MAX_EXPIRES:
            self._timers.append(stack.timers.start(now + int(expires), "expires", self))

    def announce(
        self, request: Request, flow: Flow, identity: str | None = None, replaces: DialogId | None = None
    ) -> None:
        """Tell our user that somebody calls."""
        self.stack.emit(
            IncomingCall(
                call=self.id,
                flow=flow,
                request_uri=clean(request.uri),
                request_uri_user=clean(user_of(request.uri)),
                to=clean(request.to.uri),
                to_user=clean(user_of(request.to.uri)),
                from_=clean(request.from_.uri),
                from_user=clean(user_of(request.from_.uri)),
                from_name=clean(request.from_.name),
                call_id=clean(request.call_id),
                sdp=self._offer,
                headers=telling_headers(request),
                identity=identity,
                replaces=replaces,
                max_forwards=int(request.get("max-forwards") or 70),
            )
        )

    # -- provisional answers --------------------------------------------------------------------------------------

    def ring(self, code: int, sdp: bytes | None, now: float) -> None:
        """Send a provisional answer, and repeat it each minute. Raises ValueError when the code is not 101 to 199."""
        if not 100 < code < 200:
            raise ValueError(f"a provisional answer is 101 to 199, not {code}")
        if self.state == EARLY and self._answer is None:
            self._ringing = code, sdp or b""
            self._say_ringing(now)

    def _say_ringing(self, now: float) -> None:
        if self.invite is None or self._ringing is None:
            return
        code, sdp = self._ringing
        wanted = self.stack.policy.reliable
        if self._able and wanted != "never" and (sdp or self._required or wanted == "required"):
            if sdp:
                self.local_sdp = self._early_sdp = sdp
                self._ringing = code, b""  # a description is said reliably once
            offers = self._offer is None and bool(sdp)
            self._provisionals.send(code, self.session_headers(), sdp, now, carries_offer=offers)
        else:
            self.invite.respond(code, now, self.session_headers(), sdp, establishes=True)
        self._stop_timers("ring")
        self._timers.append(self.stack.timers.start(now + RING_REFRESH, "ring", self))

    def take_prack(self, request: Request, now: float) -> Provisional | None:
        """Return the provisional answer that a PRACK acknowledges."""
        acknowledged = self._provisionals.take(request)
        if acknowledged is not None and acknowledged.sdp:
            self._early = True
        return acknowledged

    def all_acknowledged(self, now: float) -> None:
        """Every provisional answer has arrived: now our user's answer may go."""
        if self._answer is not None:
            sdp, self._answer = self._answer, None
            self.answer(sdp, now)

    def unacknowledged_provisional(self, now: float) -> None:
        """Nobody acknowledges a provisional answer: the call is refused with a 5xx (RFC 3262 §3)."""
        if self.state == EARLY:
            self._refuse(504, now)
            self.end("ack-timeout", remote=True, now=now, code=504, reason="no PRACK came")
            self.finish()

    @property
    def early_session(self) -> bool:
        """True when a reliable provisional answer has made a session."""
        return self._early

    @property
    def early_refusal(self) -> int:
        """491 while an offer of ours has no answer."""
        return 491 if self._offer is None and self.local_sdp is not None else 500

    # -- the final answer -----------------------------------------------------------------------------------------

    def answer(self, sdp: bytes, now: float) -> None:
        """Accept the call; the 2xx is repeated until its ACK comes."""
        if self.state != EARLY or self.invite is None or self._request is None:
            return
        if self._provisionals.owed:
            self._answer = sdp
            return
        self._stop_timers()
        self._provisionals.stop()
        (transaction, request), self.invite, self._request = (self.invite, self._request), None, None
        headers = [*self.session_headers(), *self.timer.answer(request, now)]
        headers.append(("User-Agent", self.stack.policy.user_agent))
        if self._early:
            # What a reliable answer has said may be said again, and not otherwise (RFC 3261 §13.2.1).
            same = self._offer is not None and self.local_sdp == self._early_sdp
            sdp = self._early_sdp if same and self._early_sdp else b""
        data = transaction.respond(200, now, headers, sdp, establishes=True)
        if data:
            self.local_sdp = sdp or self.local_sdp
            self.state = CONFIRMED
            offers = self._offer is None and not self._early
            self.repeat_until_acknowledged(transaction, self._cseq, data, now, carries_offer=offers)

    def reject(self, code: int, reason: str | None, headers: Fields, now: float) -> None:
        """Refuse the call. Raises ValueError when the code is not 300 to 699 or a header cannot be sent."""
        if not 300 <= code < 700:
            raise ValueError(f"a refusal is 300 to 699, not {code}")
        checked([*headers, ("Reason-Phrase", reason or "")])
        if self.state == EARLY:
            self._refuse(code, now, reason, headers)
            self.end("reject", remote=False, now=now, code=code, reason=reason or "")
            self.finish()

    def bye(self, now: float, reason: str | None = None, q850: int | None = None) -> None:
        """Hang up; before the answer that is a refusal."""
        if self.state == EARLY:
            self.reject(480, None, (), now)
        else:
            super().bye(now, reason, q850)

    def cancelled(self, cancel: Request, now: float) -> None:
        """Take the CANCEL of the INVITE (§9.2)."""
        if self.state == EARLY:
            self._refuse(487, now)
            self.end("cancel", remote=True, now=now, code=487, reason=reason_text(cancel), q850=q850_of(cancel))
            self.finish()

    def receive_bye(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a BYE, which ends an early dialog too; the INVITE still wants its answer (§15.1.2)."""
        if self.state == EARLY:
            self._refuse(487, now)
        super().receive_bye(request, transaction, now)

    # -- how it ends before that ----------------------------------------------------------------------------------

    def on_timer(self, letter: str, now: float) -> None:
        """Ring again; or the caller's patience (Expires, §13.3.1) is at an end."""
        if letter == "ring":
            self._say_ringing(now)
        elif self.state == EARLY:
            self._refuse(487, now)
            self.end("cancel", remote=True, now=now, code=487, reason="the invitation expired")
            self.finish()

    def connection_lost(self, flow: Flow, now: float) -> None:
        """A caller whose connection is gone before the answer cannot be answered."""
        if self.state == EARLY and self.dialog is not None and self.dialog.flow == flow:
            self.end("transport", remote=True, now=now, reason="the connection was lost")
            self.finish()
        else:
            super().connection_lost(flow, now)

    def finish(self) -> None:
        """Leave the tables, and let go of the INVITE."""
        self._stop_timers()
        self._provisionals.stop()
        self.invite = self._request = None
        super().finish()

    def _refuse(self, code: int, now: float, reason: str | None = None, headers: Fields = ()) -> None:
        self._provisionals.stop()
        if self.invite is not None:
            self.invite.respond(code, now, [*headers, self.stack.policy.allow], reason=reason)

    def _stop_timers(self, letter: str = "") -> None:
        for timer in self._timers:
            if timer.letter == (letter or timer.letter):
                self.stack.timers.stop(timer)
        self._timers = [timer for timer in self._timers if timer.target is not None]
