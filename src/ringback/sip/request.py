"""A request of ours with all that it takes to get a real answer to it.

One that is too large for a datagram goes over TCP, and over UDP all the same where there is no TCP (RFC 3261 §18.1.1).
One that is challenged is made again with credentials, once for each nonce (§22). One that a later request of ours has
overtaken on the way is refused with 500 (§12.2.2), and made again too.
"""

import dataclasses
from collections.abc import Callable
from typing import Protocol

from ringback.sip.auth import AuthError, ClientAuth
from ringback.sip.dialog import RequestStart
from ringback.sip.events import DialogId, Flow
from ringback.sip.message import Response
from ringback.sip.stack import Stack
from ringback.sip.transaction_client import ClientTransaction, Failure, Outcome
from ringback.sip.wire import Fields

_MAX_TRIES = 6
"""Transactions of one request: two challenges on the way, each stale once, and the way back from TCP."""


class Numbering(Protocol):
    """Who numbers requests: a dialog, or a series of requests outside of any."""

    local_cseq: int
    """The number given last."""

    def next_cseq(self) -> int:
        """Give the next number."""


class ClientRequest:
    """One request, and the transactions that carry it one after the other."""

    __slots__ = (
        "_auth", "_body", "_call", "_content_type", "_headers", "_moved_from", "_numbers", "_stack", "_stopped",
        "_told", "_tries", "authorization", "start", "transaction",
    )  # fmt: skip

    def __init__(
        self,
        stack: Stack,
        start: RequestStart,
        now: float,
        told: Callable[[Outcome, float], object],
        numbers: Numbering,
        *,
        headers: Fields = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
        call: DialogId | None = None,
        auth: ClientAuth | None = None,
    ) -> None:
        """Send it. `told` hears of the answers to the last try, and of each 2xx; `numbers` those after it.

        A User-Agent is added to `headers`. ACK and CANCEL are not for this class.
        """
        self._stack = stack
        self._told = told
        self._numbers = numbers
        self._headers = (*headers, ("User-Agent", stack.policy.user_agent))
        self._body = body
        self._content_type = content_type
        self._call = call
        self._auth = auth
        self._moved_from: Flow | None = None
        self._stopped = False
        self._tries = 0
        self.authorization: Fields = ()
        """The header lines that answer challenges, which an ACK of a 2xx repeats (§22.1)."""
        if auth is not None:
            self.authorization = auth.again(method=start.method, uri=start.uri, body=body)
        self._submit(start, now)

    def again(self, now: float, headers: Fields | None = None) -> bool:
        """Make the request once more, perhaps with other headers; False when it was made too often already."""
        if self._tries >= _MAX_TRIES or self._stopped:
            return False
        if headers is not None:
            self._headers = (*headers, ("User-Agent", self._stack.policy.user_agent))
        if self._auth is not None:
            start = self.start
            self.authorization = self._auth.again(method=start.method, uri=start.uri, body=self._body)
        self._resubmit(self.start.flow, now)
        return True

    def stop(self) -> None:
        """Make no further try: whoever asked does not want it any more."""
        self._stopped = True

    def _resubmit(self, flow: Flow, now: float) -> None:
        self._submit(self.start.again(self._stack, self._numbers.next_cseq(), flow), now)

    def _submit(self, start: RequestStart, now: float) -> None:
        self._tries += 1
        headers = (*self._headers, *self.authorization)
        data = start.write(headers, self._body, self._content_type)
        limit = self._stack.policy.max_datagram
        if start.flow.transport == "UDP" and limit and len(data) > limit and self._moved_from is None:
            self._moved_from = start.flow
            start = start.again(self._stack, start.cseq, dataclasses.replace(start.flow, transport="TCP"))
            data = start.write(headers, self._body, self._content_type)
        self.start = start

        def hear(outcome: Outcome, now: float) -> None:
            self._hear(start, outcome, now)

        self.transaction = ClientTransaction(
            self._stack, (start.branch, start.method), start.flow, data, start.cseq_text, now, hear,
            call=self._call, make_ack=start.ack if start.method == "INVITE" else None,
        )  # fmt: skip

    def _hear(self, start: RequestStart, outcome: Outcome, now: float) -> None:
        success = isinstance(outcome, Response) and 200 <= outcome.code < 300
        if start is not self.start and not success:
            return
        if not self._stopped and self._tries < _MAX_TRIES:
            if outcome is Failure.TRANSPORT and start.flow.transport == "TCP" and self._moved_from is not None:
                # Nobody listens on TCP there: the datagram, large as it is, may yet get through.
                self._resubmit(self._moved_from, now)
                return
            if isinstance(outcome, Response) and (self._was_overtaken(outcome) or self._answers(outcome)):
                self._resubmit(self.start.flow, now)
                return
        self._told(outcome, now)

    def _was_overtaken(self, response: Response) -> bool:
        """Tell whether the other side has seen a later request first, and so took this one for an old one."""
        overtaken = self._numbers.local_cseq > self.start.cseq and "retry-after" not in response.headers
        return response.code == 500 and overtaken

    def _answers(self, response: Response) -> bool:
        """Prepare the answer to a challenge; False where there is none that would help."""
        if response.code not in (401, 407) or self._auth is None:
            return False
        start = self.start
        try:
            self.authorization = self._auth.answer(response, method=start.method, uri=start.uri, body=self._body)
        except AuthError:
            return False
        return True
