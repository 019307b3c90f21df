"""Which message belongs to which transaction and call, and what a request may start (RFC 3261 §8.2, §17)."""

import zlib
from collections.abc import Callable

from ringback.sip import bodies
from ringback.sip.call import ACCEPT, ALLOW, EARLY, Call, refuse_method
from ringback.sip.events import Flow, Refusal
from ringback.sip.fields import Via, scheme_of
from ringback.sip.incoming import IncomingLeg
from ringback.sip.message import Request, Response, SipParseError, clean, parse
from ringback.sip.stack import ServerKey, Stack
from ringback.sip.transaction_server import ACCEPTED, PROCEEDING, ServerTransaction
from ringback.sip.wire import Fields, ReplyHead

_RETRY_AFTER: Fields = [("Retry-After", "5")]


class Dispatcher:
    """Hands messages on. Holds nothing but the stack and the limits."""

    def __init__(
        self, stack: Stack, allowed: Callable[[Flow], bool] | None, max_calls: int, max_transactions: int
    ) -> None:
        self._stack = stack
        self._allowed = allowed
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
        if via is None or len(response.values("via")) != 1:
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
        if len(stack.servers) >= self._max_transactions * (1 if call is None else 2):
            self._reply(request, flow, 503, _RETRY_AFTER)
            self._refuse(flow, "too many transactions")
            return
        transaction = self._new_transaction(request, via, key, flow, now)
        if cancelled is not None:
            self._cancel(request, transaction, cancelled, now)
        elif call is not None:
            transaction.call = call.id
            stack.trace_in(request, call.id)
            if self._supported(request, transaction, now):
                call.receive(request, transaction, flow, now)
        else:
            self._start_something(request, transaction, flow, now)

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
        """Strangers get silence: an answer would tell them that there is somebody."""
        if self._allowed is None or self._allowed(flow):
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
                cancelled.respond(487, now)  # a re-INVITE: the call goes on without it

    def _start_something(self, request: Request, transaction: ServerTransaction, flow: Flow, now: float) -> None:
        """Inspect a request outside of any dialog in the order of §8.2 and act on it."""
        stack = self._stack
        merge = (request.call_id, request.from_.tag, request.cseq_text)
        method = request.method
        if method != "INVITE":
            stack.trace_in(request, None)
        if request.to.tag or method == "CANCEL":
            transaction.respond(481, now)
        elif method not in ("INVITE", "OPTIONS"):
            # BYE, INFO and UPDATE live in a dialog only (§15.1.2, RFC 6086, RFC 3311).
            if method in ("BYE", "INFO", "UPDATE"):
                transaction.respond(481, now)
            else:
                refuse_method(transaction, method, now)
        elif scheme_of(request.uri) not in ("sip", "sips", "tel"):
            transaction.respond(416, now)
        elif merge in stack.merges:
            transaction.respond(482, now)  # one request that came along two ways (§8.2.2.2)
        elif self._supported(request, transaction, now):
            transaction.merge = merge
            stack.merges[merge] = transaction.key
            if method == "OPTIONS":
                transaction.respond(200, now, [("Contact", stack.contact(flow)), ALLOW, ACCEPT])
            else:
                self._start_call(request, transaction, flow, now)

    def _supported(self, request: Request, transaction: ServerTransaction, now: float) -> bool:
        """Refuse a request that requires an extension: we have none (§8.2.2.3)."""
        required = request.values("require")
        if required and request.method != "CANCEL":
            transaction.respond(420, now, [("Unsupported", ", ".join(required))])
            return False
        return True

    def _start_call(self, request: Request, transaction: ServerTransaction, flow: Flow, now: float) -> None:
        """Make a call of an INVITE, if its body and our room allow it."""
        stack = self._stack
        accept = [value.partition(";")[0].strip().lower() for value in request.values("accept")]
        try:
            bodies.sdp_of(request)
        except bodies.UnsupportedBodyError as error:
            stack.trace_in(request, None)
            self._refuse(flow, str(error))
            transaction.respond(415, now, [ACCEPT, ("Accept-Encoding", "identity")])
            return
        if accept and not {bodies.SDP, "application/*", "*/*"}.intersection(accept):
            stack.trace_in(request, None)
            transaction.respond(406, now)  # no answer of ours could be read
            return
        if len(stack.calls) >= self._max_calls:
            stack.trace_in(request, None)
            self._refuse(flow, "too many calls")
            transaction.respond(503, now, _RETRY_AFTER)
            return
        leg = IncomingLeg(stack, request, transaction, flow, now)
        stack.trace_in(request, leg.id)
        leg.announce(request, flow)

    # -- refusals without a transaction ---------------------------------------------------------------------------

    def _refuse_unreadable(self, error: SipParseError, flow: Flow) -> None:
        self._refuse(flow, clean(str(error)))
        if error.status is not None and error.request is not None and (self._allowed is None or self._allowed(flow)):
            self._reply(error.request, flow, error.status, ())

    def _reply(self, request: Request, flow: Flow, code: int, headers: Fields) -> None:
        """Answer without a transaction (§8.2.7): the same request gets the same answer, tag included."""
        if request.via is None or request.method == "ACK":
            return
        if not flow.reliable:
            flow = Flow(flow.transport, flow.local, request.via.response_address(flow.remote))
        reply = ReplyHead(request, flow.remote)
        tag = f"{zlib.crc32(reply.before.encode('utf-8', 'surrogateescape')):08x}"
        self._stack.trace_in(request, None)
        self._stack.send(reply.response(code, tag, headers), flow, None, clean(request.get("cseq") or ""))

    def _refuse(self, flow: Flow, reason: str) -> None:
        self._stack.emit(Refusal(flow, reason))


def _server_key(request: Request, via: Via, method: str) -> ServerKey:
    """Return what tells server transactions apart (§17.2.3)."""
    port = str(via.port or "")
    if via.branch:
        return via.branch, via.host.lower(), port, method
    # A peer of RFC 2543 sends no such branch. Its To tag is left out, for the ACK has ours, which the INVITE had not.
    return request.uri, request.from_.tag, request.call_id, str(request.cseq), via.host.lower(), port, method
