"""A call that comes in: from its INVITE to our final answer (RFC 3261 §13.3)."""

from ringback.sip import bodies
from ringback.sip.call import ALLOW, CONFIRMED, EARLY, Call, reason_text
from ringback.sip.dialog import Dialog
from ringback.sip.events import Flow, IncomingCall
from ringback.sip.fields import user_of
from ringback.sip.message import Request, clean
from ringback.sip.stack import Stack
from ringback.sip.timers import RING_REFRESH, Timer
from ringback.sip.transaction_server import ServerTransaction
from ringback.sip.wire import Fields, checked

_TELLING = frozenset(
    [
        "alert-info",
        "call-info",
        "diversion",
        "geolocation",
        "history-info",
        "p-asserted-identity",
        "p-called-party-id",
        "p-charging-vector",
        "p-preferred-identity",
        "privacy",
        "reason",
        "remote-party-id",
        "replaces",
        "referred-by",
        "session-expires",
        "subject",
        "supported",
        "user-agent",
        "user-to-user",
        "x-forwarded-for",
    ]
)
_MAX_TELLING = 50
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
        self._invite: ServerTransaction | None = transaction
        self._cseq = request.cseq
        self._ringing: tuple[int, bytes] | None = None
        self._timers: list[Timer] = []
        transaction.call = self.id
        stack.dialogs[self.dialog.key] = self
        expires = request.get("expires") or ""
        if expires.isascii() and expires.isdigit() and 0 < int(expires[:9]) <= _MAX_EXPIRES:
            self._timers.append(stack.timers.start(now + int(expires), "expires", self))

    def announce(self, request: Request, flow: Flow) -> None:
        """Tell our user that somebody calls."""
        self._stack.emit(
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
            )
        )

    def ring(self, code: int, sdp: bytes | None, now: float) -> None:
        """Send a provisional answer, and repeat it each minute. Raises ValueError when the code is not 101 to 199."""
        if not 100 < code < 200:
            raise ValueError(f"a provisional answer is 101 to 199, not {code}")
        if self.state == EARLY:
            self._ringing = (code, sdp or b"")
            self._say_ringing(now)

    def answer(self, sdp: bytes, now: float) -> None:
        """Accept the call; the 2xx is repeated until its ACK comes."""
        if self.state != EARLY or self._invite is None:
            return
        self._stop_timers()
        transaction, self._invite = self._invite, None
        headers = [*self.session_headers(), ("User-Agent", self._stack.user_agent)]
        data = transaction.respond(200, now, headers, sdp, establishes=True)
        if data:
            self.state = CONFIRMED
            self.repeat_until_acknowledged(transaction, self._cseq, data, now, carries_offer=self._offer is None)

    def reject(self, code: int, reason: str | None, headers: Fields, now: float) -> None:
        """Refuse the call. Raises ValueError when the code is not 300 to 699 or a header cannot be sent."""
        if not 300 <= code < 700:
            raise ValueError(f"a refusal is 300 to 699, not {code}")
        checked([*headers, ("Reason-Phrase", reason or "")])
        if self.state == EARLY:
            self._refuse(code, now, reason, headers)
            self.end("reject", remote=False, now=now, code=code, reason=reason or "")
            self.finish()

    def bye(self, now: float, reason: str | None = None) -> None:
        """Hang up; before the answer that is a refusal."""
        if self.state == EARLY:
            self.reject(480, None, (), now)
        else:
            super().bye(now, reason)

    def cancelled(self, cancel: Request, now: float) -> None:
        """Take the CANCEL of the INVITE (§9.2)."""
        if self.state == EARLY:
            self._refuse(487, now)
            self.end("cancel", remote=True, now=now, code=487, reason=reason_text(cancel))
            self.finish()

    def _receive_bye(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        if self.state == EARLY:
            self._refuse(487, now)  # a BYE ends an early dialog too, and the INVITE still wants its answer (§15.1.2)
        super()._receive_bye(request, transaction, now)

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
        self._invite = None
        super().finish()

    def _say_ringing(self, now: float) -> None:
        if self._invite is not None and self._ringing is not None:
            code, sdp = self._ringing
            self._invite.respond(code, now, self.session_headers(), sdp, establishes=True)
            self._stop_timers("ring")
            self._timers.append(self._stack.timers.start(now + RING_REFRESH, "ring", self))

    def _refuse(self, code: int, now: float, reason: str | None = None, headers: Fields = ()) -> None:
        if self._invite is not None:
            self._invite.respond(code, now, [*headers, ALLOW], reason=reason)

    def _stop_timers(self, letter: str = "") -> None:
        for timer in self._timers:
            if timer.letter == (letter or timer.letter):
                self._stack.timers.stop(timer)
        self._timers = [timer for timer in self._timers if timer.target is not None]


def telling_headers(request: Request) -> tuple[tuple[str, str], ...]:
    """Pick the headers of an INVITE that an application may want to see."""
    found = [
        (name, clean(value))
        for name, values in request.headers.items()
        if name in _TELLING or name.startswith("x-")
        for value in values
    ]
    return tuple(found[:_MAX_TELLING])
