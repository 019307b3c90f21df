"""Requests within a call that leave its session as it is: INFO, OPTIONS, MESSAGE."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ringback.sip import bodies
from ringback.sip.dialog import Dialog
from ringback.sip.events import Dtmf, PeerAlive
from ringback.sip.message import Request
from ringback.sip.policy import ACCEPT
from ringback.sip.requests import serve
from ringback.sip.transaction_client import Failure, Outcome
from ringback.sip.transaction_server import ServerTransaction

if TYPE_CHECKING:
    from ringback.sip.call import Call

ACCEPT_INFO = ("Accept", f"{bodies.DTMF_RELAY}, {bodies.DTMF}")

Handler = Callable[["Call", Request, ServerTransaction, Dialog, float], None]


def receive_info(call: "Call", request: Request, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
    """Take a key (as `application/dtmf-relay` or `application/dtmf`), or an empty INFO as a sign of life."""
    if not request.body:
        transaction.respond(200, now)
        return
    try:
        key, duration = bodies.read_dtmf(request.content_type, request.body)
    except bodies.UnsupportedBodyError:
        transaction.respond(415, now, [ACCEPT_INFO])
        return
    transaction.respond(200, now)
    if key is not None:
        call.stack.emit(Dtmf(call.id, key, duration))


def receive_options(call: "Call", request: Request, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
    """Say what we can, and that we live."""
    transaction.respond(200, now, [*call.session_headers(), ACCEPT])


def receive_message(call: "Call", request: Request, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
    """Hand a MESSAGE (RFC 3428) to our user."""
    serve(call.stack, request, transaction, dialog.flow, now, call=call.id)


def check(call: "Call", now: float) -> None:
    """Ask the peer for a sign of life by OPTIONS."""
    if not call.established or call.dialog is None:
        return
    connected = call.dialog.next_hop().connection != 0

    def told(outcome: Outcome, now: float) -> None:
        if call.ended_by(outcome, now) or not call.established:
            return
        if outcome is Failure.TRANSPORT:
            # An old connection may have been closed for its age; a new one that cannot be opened says more.
            if not connected:
                call.end("unreachable", remote=True, now=now, code=503, reason="no connection could be opened")
                call.finish()
        elif isinstance(outcome, Failure) or outcome.code >= 200:
            call.stack.emit(PeerAlive(call.id))

    call.request("OPTIONS", now, told, [ACCEPT])


def info(call: "Call", content_type: str, body: bytes, now: float) -> None:
    """Send an INFO."""
    if call.established:
        call.request("INFO", now, call.ended_by, (), body, content_type)
