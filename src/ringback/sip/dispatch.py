"""Which message belongs to which transaction and call, and what a request may start (RFC 3261 §8.2, §17)."""

import zlib
from collections.abc import Callable

from ringback.sip import bodies
from ringback.sip.call import EARLY, Call
from ringback.sip.events import Flow, Refusal
from ringback.sip.fields import Via, scheme_of
from ringback.sip.incoming import IncomingLeg
from ringback.sip.message import Request, Response, SipParseError, clean, parse
from ringback.sip.policy import ACCEPT, ALLOW_EVENTS, DIALOG_METHODS, KNOWN_METHODS, METHODS
from ringback.sip.requests import serve
from ringback.sip.screening import Screen, view
from ringback.sip.session_timer import interval_too_short
from ringback.sip.stack import ServerKey, Stack
from ringback.sip.transaction_server import ACCEPTED, PROCEEDING, ServerTransaction
from ringback.sip.transfer import replaced_by
from ringback.sip.values import Allow, Challenge, Silent
from ringback.sip.wire import Fields, ReplyHead, checked

RETRY_AFTER: Fields = [("Retry-After", "5")]


class Dispatcher:
    """Hands messages on. Holds nothing but the stack and the limits."""

    def __init__(
        self,
        stack: Stack,
        allowed: Callable[[Flow], bool] | None,
        screen: Screen | None,
        max_calls: int,
        max_transactions: int,
    ) -> None:
        self._stack = stack
        self._allowed = allowed
        self._screen = screen
        self.shed_until = float("-inf")
        """Until when new requests get 503."""
        self._max_calls = max_calls
        self._max_transactions = max_transactions

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one message."""
        if not data.strip(b"\r\n\0 "):
            return  # a keep-alive of UDP
        try:
            message = parse(data, stream=flow.reliable)
        except SipParseError as error:
            self._refuse_unreadable(error, flow)
            return
        if isinstance(message, Response):
            self._receive_response(message, flow, now)
        else:
            self._receive_request(message, flow, now)

    # -- responses ------------------------------------------------------------------------------------------------

    def _receive_response(self, response: Response, flow: Flow, now: float) -> None:
        """Give a response to its transaction, found by branch and method (§17.1.3)."""
        via = response.via
        if via is None or len(response.headers["via"]) != 1 or len(response.values("via")) != 1:
            self._refuse(flow, "a response with more than one Via")  # §8.1.3.3: misrouted
            return
        transaction = self._stack.clients.get((via.parameters.get("branch") or "", response.cseq_method))
        if transaction is None or not transaction.cseq.startswith(f"{response.cseq} "):
            self._refuse(flow, f"a stray response {response.code} to {clean(response.cseq_method)[:20]}")
            return
        self._stack.trace_in(response, transaction.call)
        transaction.receive(response, now)

    # -- requests -------------------------------------------------------------------------------------------------

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        """Give a request to its transaction or dialog, or start something new (§17.2.3, §12.2.2, §8.2)."""
        stack = self._stack
        via = request.via
        if via is None:
            return
        key = _server_key(request, via, "INVITE" if request.method == "ACK" else request.method)
        transaction = stack.servers.get(key)
        call = stack.dialogs.get((request.call_id, request.to.tag, request.from_.tag)) if request.to.tag else None
        if request.method == "ACK":
            self._receive_ack(request, transaction, call, now)
            return
        if transaction is not None:
            stack.trace_in(request, transaction.call)
            transaction.step("request", now)
            return
        cancelled = None
        if request.method == "CANCEL":
            cancelled = stack.servers.get(_server_key(request, via, "INVITE"))
        if call is None and cancelled is None and not self._may_start(request, flow):
            return
        if self._is_full(belongs=call is not None or cancelled is not None, now=now):
            self._reply(request, flow, 503, RETRY_AFTER)
            self._refuse(flow, "too many transactions, or too late with them")
            return
        verdict = Allow()
        if call is None and cancelled is None and self._screen is not None:
            found = self._screened(request, flow, now)
            if found is None:
                return
            verdict = found
        transaction = self._new_transaction(request, via, key, flow, now)
        if cancelled is not None:
            self._cancel(request, transaction, cancelled, now)
        elif call is not None:
            transaction.call = call.id
            stack.trace_in(request, call.id)
            call.receive(request, transaction, flow, now)
        else:
            self._start_something(request, transaction, flow, verdict, now)

    def _is_full(self, *, belongs: bool, now: float) -> bool:
        """Tell whether there is no room for a request: what belongs to a call still gets in when others do not."""
        if not belongs and now < self.shed_until:
            return True
        return len(self._stack.servers) >= self._max_transactions * (2 if belongs else 1)

    def _screened(self, request: Request, flow: Flow, now: float) -> Allow | None:
        """Ask the screen, and answer what it does not allow: without a transaction, so that strangers cost little."""
        if self._screen is None:
            return Allow()
        verdict = self._screen(view(request), flow, now)
        method = clean(request.method)[:20]
        if isinstance(verdict, Allow):
            return verdict
        if isinstance(verdict, Silent):
            self._refuse(flow, f"{method} {verdict.reason}")
        elif isinstance(verdict, Challenge):
            # Who speaks of a dialog that is not there needs no password to be told so.
            code, headers = (481, ()) if request.to.tag else (verdict.code, checked(verdict.headers))
            self._reply(request, flow, code, headers)
        else:
            self._reply(request, flow, verdict.code, checked(verdict.headers), verdict.reason)
            self._refuse(flow, f"{method} was refused with {verdict.code}")
        return None

    def _receive_ack(
        self, request: Request, transaction: ServerTransaction | None, call: Call | None, now: float
    ) -> None:
        """An ACK belongs to the refusal before it, or to the dialog whose 2xx came before it; it is never answered."""
        if transaction is not None and transaction.state != ACCEPTED:
            self._stack.trace_in(request, transaction.call)
            transaction.step("ack", now)
        elif call is not None:
            self._stack.trace_in(request, call.id)
            call.receive_ack(request, now)

    def _may_start(self, request: Request, flow: Flow) -> bool:
        """Strangers get silence: an answer would tell them that there is somebody. A screen decides by itself."""
        if self._screen is not None or self._allowed is None or self._allowed(flow):
            return True
        self._refuse(flow, f"{clean(request.method)[:20]} from an address that is not allowed")
        return False

    def _new_transaction(self, request: Request, via: Via, key: ServerKey, flow: Flow, now: float) -> ServerTransaction:
        answers = flow
        if not flow.reliable:
            destination = via.response_address(flow.remote)
            if destination != flow.remote:
                answers = Flow(flow.transport, flow.local, destination)
        reply = ReplyHead(request, flow.remote)
        transaction = ServerTransaction(
            self._stack, key, answers, reply, clean(request.cseq_text), now, invite=request.method == "INVITE"
        )
        transaction.tag = self._stack.new_tag()
        return transaction

    def _cancel(
        self, request: Request, transaction: ServerTransaction, cancelled: ServerTransaction, now: float
    ) -> None:
        """Answer a CANCEL, and end the INVITE unless its final answer is out already (§9.2)."""
        transaction.call = cancelled.call
        transaction.tag = cancelled.tag
        self._stack.trace_in(request, cancelled.call)
        transaction.respond(200, now)
        if cancelled.state == PROCEEDING:
            leg = self._stack.calls.get(cancelled.call) if cancelled.call is not None else None
            if isinstance(leg, IncomingLeg) and leg.state == EARLY:
                leg.cancelled(request, now)
            else:
                call = self._stack.calls.get(cancelled.call) if cancelled.call is not None else None
                if call is not None:
                    call.peer_offers.cancelled(cancelled, now)
                else:
                    cancelled.respond(487, now)

    def _start_something(
        self, request: Request, transaction: ServerTransaction, flow: Flow, verdict: Allow, now: float
    ) -> None:
        """Act on a request outside of any dialog."""
        stack = self._stack
        merge = (request.call_id, request.from_.tag, request.cseq_text)
        refusal = self._refusal(request, merge)
        if refusal is None:
            transaction.merge = merge
            stack.merges[merge] = transaction.key
            if request.method == "INVITE":
                replaced = replaced_by(stack, request)[0] if "replaces" in request.headers else None
                leg = IncomingLeg(stack, request, transaction, flow, now)
                stack.trace_in(request, leg.id)
                leg.announce(request, flow, verdict.identity, None if replaced is None else replaced.id)
                return
            if request.method in stack.policy.serves:
                stack.trace_in(request, None)
                serve(stack, request, transaction, flow, now, identity=verdict.identity)
                return
            refusal = 200, [("Contact", stack.contact(flow)), stack.policy.allow, ACCEPT, stack.policy.supported]
        else:
            self._refuse(flow, f"{clean(request.method)[:20]} was refused with {refusal[0]}")
        stack.trace_in(request, None)
        transaction.respond(refusal[0], now, refusal[1])

    def _refusal(self, request: Request, merge: tuple[str, str, str]) -> tuple[int, Fields] | None:
        """Inspect a request outside of any dialog in the order of §8.2; None where it may be served."""
        method = request.method
        policy = self._stack.policy
        if request.to.tag or method in DIALOG_METHODS:
            return 481, ()
        if method not in ("INVITE", "OPTIONS") and method not in policy.serves:
            return self._refusal_of_method(method)
        if scheme_of(request.uri) not in ("sip", "sips", "tel"):
            return 416, ()
        if merge in self._stack.merges:
            return 482, ()  # one request that came along two ways (§8.2.2.2)
        if lacking := policy.lacking(request.values("require")):
            return 420, lacking
        return self._refusal_of_call(request) if method == "INVITE" else None

    def _refusal_of_method(self, method: str) -> tuple[int, Fields]:
        policy = self._stack.policy
        if method == "SUBSCRIBE":
            return 489, [ALLOW_EVENTS]
        if method in METHODS:
            return 403, ()  # REFER, which we take from whoever is in a call
        return (405 if method in KNOWN_METHODS else 501), [policy.allow]

    def _refusal_of_call(self, request: Request) -> tuple[int, Fields] | None:
        """Tell what keeps an INVITE from becoming a call: its body, what it demands, what it replaces, our room."""
        policy = self._stack.policy
        try:
            bodies.sdp_of(request)
        except bodies.UnsupportedBodyError:
            return 415, [ACCEPT, ("Accept-Encoding", "identity")]
        if "accept" in request.headers and not bodies.takes_sdp(request.values("accept")):
            return 406, ()  # no answer of ours could be read
        if policy.reliable == "required" and "100rel" not in request.tags("supported") | request.tags("require"):
            return 421, [("Require", "100rel")]
        if policy.session_expires and (too_short := interval_too_short(request, policy.min_se)):
            return 422, too_short
        if "replaces" in request.headers and (status := replaced_by(self._stack, request)[1]):
            return status, ()
        return (503, RETRY_AFTER) if len(self._stack.calls) >= self._max_calls else None

    # -- refusals without a transaction ---------------------------------------------------------------------------

    def _refuse_unreadable(self, error: SipParseError, flow: Flow) -> None:
        self._refuse(flow, clean(str(error)))
        if error.status is not None and error.request is not None and (self._allowed is None or self._allowed(flow)):
            self._reply(error.request, flow, error.status, ())

    def _reply(self, request: Request, flow: Flow, code: int, headers: Fields, reason: str | None = None) -> None:
        """Answer without a transaction (§8.2.7): the same request gets the same answer, tag included."""
        if request.via is None or request.method == "ACK":
            return
        if not flow.reliable:
            flow = Flow(flow.transport, flow.local, request.via.response_address(flow.remote))
        reply = ReplyHead(request, flow.remote)
        tag = f"{zlib.crc32(reply.before.encode('utf-8', 'surrogateescape')):08x}"
        self._stack.trace_in(request, None)
        self._stack.send(
            reply.response(code, tag, headers, reason=reason), flow, None, clean(request.get("cseq") or "")
        )

    def _refuse(self, flow: Flow, reason: str) -> None:
        self._stack.emit(Refusal(flow, reason))


def _server_key(request: Request, via: Via, method: str) -> ServerKey:
    """Return what tells server transactions apart (§17.2.3)."""
    port = str(via.port or "")
    if via.branch:
        return via.branch, via.host.lower(), port, method
    # A peer of RFC 2543 sends no such branch. Its To tag is left out, for the ACK has ours, which the INVITE had not.
    return request.uri, request.from_.tag, request.call_id, str(request.cseq), via.host.lower(), port, method
