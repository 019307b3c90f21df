"""Offers of the other side within a call: re-INVITE (RFC 3261 §14.2), UPDATE (RFC 3311 §5.2), PRACK (RFC 3262 §5)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringback.sip import bodies
from ringback.sip.dialog import Dialog, UnacknowledgedAnswer
from ringback.sip.events import Acknowledged, EarlyAcknowledged, Reinvite
from ringback.sip.message import Request
from ringback.sip.policy import ACCEPT
from ringback.sip.transaction_server import ServerTransaction
from ringback.sip.wire import Fields

if TYPE_CHECKING:
    from ringback.sip.call import Call


@dataclass(slots=True)
class _Offer:
    """A request whose offer, or wish for one of ours, our user has not answered."""

    transaction: ServerTransaction
    request: Request
    dialog: Dialog
    sdp: bytes | None
    extra: Fields
    """Headers of its 2xx."""


class PeerOffers:
    """What the other side wants to change, one at a time."""

    __slots__ = ("_call", "_waiting")

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._waiting: _Offer | None = None

    @property
    def open(self) -> bool:
        """True while an offer has no answer, or a 2xx to an INVITE no ACK: no offer of ours may be made (§14.1)."""
        return self._waiting is not None or bool(self._call.unacknowledged)

    def receive(self, request: Request, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """Take a re-INVITE or an UPDATE; one without an offer may refresh the session (RFC 4028) and the target."""
        call = self._call
        update = request.method == "UPDATE"
        if too_short := call.timer.too_short(request):
            transaction.respond(422, now, too_short)
        elif update and not request.body:
            dialog.refresh_target(request)
            transaction.respond(200, now, [*call.session_headers(), *call.timer.answer(request, now)])
        elif (refusal := self._refusal(update=update)) is not None:
            # 500: our own answer is still owed, so try again in a while. 491: both sides offer at once.
            wait = [("Retry-After", str(call.stack.rng.getrandbits(3)))] if refusal == 500 else []
            transaction.respond(refusal, now, wait)
        else:
            try:
                sdp = bodies.sdp_of(request)
            except bodies.UnsupportedBodyError:
                transaction.respond(415, now, [ACCEPT])
                return
            self._ask(_Offer(transaction, request, dialog, sdp, ()))

    def receive_prack(self, request: Request, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """Take a PRACK: it acknowledges a provisional answer, and may bring our answer or a new offer."""
        call = self._call
        acknowledged = call.take_prack(request, now)
        if acknowledged is None:
            transaction.respond(481, now)
            return
        try:
            sdp = bodies.sdp_of(request)
        except bodies.UnsupportedBodyError:
            transaction.respond(415, now, [ACCEPT])
            return
        if sdp is not None and not acknowledged.carries_offer:
            if self._waiting is not None or call.reinvites.busy:
                transaction.respond(491, now)
            else:
                self._ask(_Offer(transaction, request, dialog, sdp, ()))
        else:
            transaction.respond(200, now)
            if sdp is not None:
                call.remote_sdp = sdp
            if acknowledged.carries_offer or acknowledged.carries_sdp:
                call.stack.emit(EarlyAcknowledged(call.id, sdp))
        acknowledged.then(now)

    def _ask(self, offer: _Offer) -> None:
        self._waiting = offer
        self._call.stack.emit(Reinvite(self._call.id, offer.sdp))

    def _refusal(self, *, update: bool) -> int | None:
        call = self._call
        if self._waiting is not None:
            return 500
        if call.reinvites.busy or any(answer.carries_offer for answer in call.unacknowledged.values()):
            return 491
        if call.established or (update and call.early_session):
            return None
        return call.early_refusal

    def answer(self, sdp: bytes, now: float) -> None:
        """Accept with this answer, or with this offer where there was none."""
        call = self._call
        if self._waiting is None:
            return
        offer, self._waiting = self._waiting, None
        request, transaction = offer.request, offer.transaction
        headers = [] if request.method == "PRACK" else call.session_headers()
        timer = () if request.method == "PRACK" else call.timer.answer(request, now)
        data = transaction.respond(200, now, [*headers, *timer], sdp)
        if not data:
            return
        offer.dialog.refresh_target(request)
        call.local_sdp = sdp
        if offer.sdp is not None:
            call.remote_sdp = offer.sdp
        if transaction.invite:
            call.repeat_until_acknowledged(transaction, request.cseq, data, now, carries_offer=offer.sdp is None)

    def reject(self, code: int, now: float, headers: Fields = ()) -> None:
        """Refuse; the session stays as it is."""
        if self._waiting is not None:
            offer, self._waiting = self._waiting, None
            offer.transaction.respond(code, now, headers)

    def cancelled(self, transaction: ServerTransaction, now: float) -> None:
        """The other side takes its re-INVITE back: the call goes on without it."""
        if self._waiting is not None and self._waiting.transaction is transaction:
            self._waiting = None
        transaction.respond(487, now)

    def acknowledged(self, request: Request, answer: UnacknowledgedAnswer) -> None:
        """Take the ACK of a 2xx, with the answer when that carried our offer."""
        try:
            sdp = bodies.sdp_of(request)
        except bodies.UnsupportedBodyError:
            sdp = None
        if answer.carries_offer and sdp is not None:
            self._call.remote_sdp = sdp
        self._call.stack.emit(Acknowledged(self._call.id, sdp))
