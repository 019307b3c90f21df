"""Requests that are no calls: those that come and wait for an answer of our user, and ours (REGISTER, MESSAGE, …)."""

from collections.abc import Callable, Sequence

from ringback.sip.auth import ClientAuth, Credentials
from ringback.sip.dialog import RequestStart
from ringback.sip.events import DialogId, Flow, IncomingRequest, RequestAnswered, RequestId
from ringback.sip.message import Request, Response, clean
from ringback.sip.reason import all_headers
from ringback.sip.request import ClientRequest
from ringback.sip.stack import Stack
from ringback.sip.timers import TIMEOUT
from ringback.sip.transaction_client import Outcome, code_and_reason
from ringback.sip.transaction_server import ServerTransaction
from ringback.sip.wire import Fields

ANSWER_WITHIN = TIMEOUT - 2.0
"""Seconds that our user has for an answer; the other side waits 64*T1 (timer F)."""


class ServedRequest:
    """A request that came, until our user answers it."""

    __slots__ = ("_stack", "_timer", "id", "transaction")

    def __init__(self, stack: Stack, transaction: ServerTransaction, now: float) -> None:
        self._stack = stack
        self.id = stack.new_request()
        self.transaction = transaction
        self._timer = stack.timers.start(now + ANSWER_WITHIN, "answer", self)
        stack.requests[self.id] = self

    def respond(
        self, code: int, now: float, reason: str | None, headers: Fields, body: bytes, content_type: str
    ) -> None:
        """Send a provisional or the final answer."""
        if code >= 200:
            self._stack.requests.pop(self.id, None)
            self._stack.timers.stop(self._timer)
        self.transaction.respond(code, now, headers, body, reason=reason, content_type=content_type)

    def on_timer(self, letter: str, now: float) -> None:
        """Our user has forgotten it."""
        self.respond(500, now, None, (), b"", "")


def serve(
    stack: Stack,
    request: Request,
    transaction: ServerTransaction,
    flow: Flow,
    now: float,
    *,
    call: DialogId | None = None,
    identity: str | None = None,
) -> None:
    """Hand a request to our user."""
    served = ServedRequest(stack, transaction, now)
    event = IncomingRequest(
        served.id, flow, request.method, clean(request.uri), clean(request.from_.uri), clean(request.to.uri),
        all_headers(request), request.body, call, identity,
    )  # fmt: skip
    stack.emit(event)


def ask(
    stack: Stack,
    method: str,
    target_uri: str,
    flow: Flow,
    *,
    from_: str,
    to: str,
    headers: Fields,
    content_type: str,
    body: bytes,
    credentials: Credentials | None,
    call_id: str | None,
    cseq: int | None,
    route: Sequence[str],
    now: float,
) -> RequestId:
    """Send a request outside of any dialog. All texts were checked; `from_` and `to` are the texts of the headers."""
    name = stack.new_request()
    numbers = _Numbers((1 + stack.rng.getrandbits(15)) if cseq is None else cseq)
    branch = stack.new_branch()
    start = RequestStart(
        method, target_uri, flow, stack.via(flow, branch), list(route), f"{from_};tag={stack.new_tag()}", to,
        stack.new_call_id() if call_id is None else call_id, numbers.local_cseq, branch,
    )  # fmt: skip
    ClientRequest(
        stack, start, now, told(stack, name, numbers), numbers, headers=headers, body=body,
        content_type=content_type, auth=None if credentials is None else ClientAuth(credentials, stack.rng),
    )  # fmt: skip
    return name


def told(stack: Stack, name: RequestId, numbers: "_Numbers | None" = None) -> Callable[[Outcome, float], None]:
    """Return what tells our user of the final answer to a request of ours."""

    def hear(outcome: Outcome, now: float) -> None:
        code, reason = code_and_reason(outcome)
        if code < 200:
            return
        cseq = 0 if numbers is None else numbers.local_cseq
        if isinstance(outcome, Response):
            stack.emit(RequestAnswered(name, code, reason, all_headers(outcome), outcome.body, cseq))
        else:
            stack.emit(RequestAnswered(name, code, reason, cseq=cseq, answered=False))

    return hear


class _Numbers:
    """The CSeq of a request and of its further tries."""

    __slots__ = ("local_cseq",)

    def __init__(self, first: int) -> None:
        self.local_cseq = first

    def next_cseq(self) -> int:
        self.local_cseq += 1
        return self.local_cseq
