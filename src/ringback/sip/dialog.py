"""Dialogs (RFC 3261 §12), requests within them, and the 2xx that is repeated until its ACK comes (§13.3.1.4)."""

from typing import TYPE_CHECKING

from ringback.sip.events import DialogId, Flow
from ringback.sip.fields import FieldError, parse_name_addr, parse_uri
from ringback.sip.message import Message, Request, Response
from ringback.sip.stack import DialogKey, Stack
from ringback.sip.timers import T1, T2, TIMEOUT
from ringback.sip.wire import Fields
from ringback.sip.wire import request as write_request

if TYPE_CHECKING:
    from ringback.sip.call import Call


MAX_FORWARDS = 70
"""How many hops a request of ours may take (§8.1.1.6)."""


class Dialog:
    """What both sides of a dialog keep (§12.1): who is who, where requests go, and how they are numbered."""

    __slots__ = (
        "call_id", "flow", "local", "local_cseq", "local_tag",
        "remote", "remote_cseq", "remote_tag", "routes", "target",
    )  # fmt: skip

    def __init__(self, call_id: str, local: str, local_tag: str, remote: str, remote_tag: str, flow: Flow) -> None:
        """`local` and `remote` are the texts of From and To in requests of ours, tags included."""
        self.call_id = call_id
        self.local = local
        self.local_tag = local_tag
        self.remote = remote
        self.remote_tag = remote_tag
        self.flow = flow
        self.target = ""
        self.routes: list[str] = []
        self.local_cseq = 0
        self.remote_cseq = -1

    @classmethod
    def of_request(cls, request: Request, tag: str, flow: Flow) -> "Dialog":
        """Make the dialog of an INVITE that came in (§12.1.1); `tag` is ours."""
        local = f"{request.headers['to'][0]};tag={tag}"
        dialog = cls(request.call_id, local, tag, request.headers["from"][0], request.from_.tag, flow)
        # A peer of RFC 2543 may send no Contact: then the caller is where From says.
        dialog.target = request.contacts[0].uri if request.contacts else request.from_.uri
        dialog.routes = request.values("record-route")
        dialog.remote_cseq = request.cseq
        return dialog

    @classmethod
    def of_response(cls, response: Response, local: str, local_tag: str, flow: Flow) -> "Dialog":
        """Make the dialog of an answer to our INVITE (§12.1.2)."""
        dialog = cls(response.call_id, local, local_tag, response.headers["to"][0], response.to.tag, flow)
        dialog.target = response.contacts[0].uri if response.contacts else response.to.uri
        dialog.routes = response.values("record-route")[::-1]
        dialog.local_cseq = response.cseq
        return dialog

    @property
    def key(self) -> DialogKey:
        """What identifies it here."""
        return self.call_id, self.local_tag, self.remote_tag

    def confirm(self, response: Response) -> None:
        """Take what the 2xx says of an early dialog that it confirms: its route set is computed again (§13.2.2.4)."""
        self.routes = response.values("record-route")[::-1]
        self.refresh_target(response)

    def refresh_target(self, message: Message) -> None:
        """Take the Contact of a re-INVITE, an UPDATE or its 2xx as the new remote target (§12.2.1.2, §12.2.2)."""
        if message.contacts:
            self.target = message.contacts[0].uri

    def next_cseq(self) -> int:
        """Number the next request of ours."""
        self.local_cseq += 1
        return self.local_cseq

    def next_hop(self) -> Flow:
        """Return where requests go.

        That is where the peer's last message came from, which also holds behind a NAT. When the route set or the
        target names a port of that very host, the port is believed: the peer may send from another one.
        """
        flow = self.flow
        if flow.reliable and flow.connection:
            return flow
        try:
            uri = parse_uri(parse_name_addr(self.routes[0]).uri if self.routes else self.target)
        except FieldError:
            return flow
        if uri.host.strip("[]") != flow.remote[0]:
            return flow
        port = uri.port or (5061 if flow.transport in ("TLS", "WSS") else 5060)
        return Flow(flow.transport, flow.local, (flow.remote[0], port), 0, flow.name)

    def connection_lost(self) -> None:
        """Its connection is gone: the next request asks for a new one."""
        flow = self.flow
        self.flow = Flow(flow.transport, flow.local, flow.remote, 0, flow.name)

    def start(self, stack: Stack, method: str, cseq: int, branch: str) -> "RequestStart":
        """Address a request to the peer (§12.2.1.1)."""
        target, routes = self.target, self.routes
        if routes:
            first = parse_name_addr(routes[0]).uri
            if ";lr" not in first.lower():
                # A strict router of RFC 2543 wants to find itself in the Request-URI.
                target, routes = first, [*routes[1:], f"<{target}>"]
        hop = self.next_hop()
        return RequestStart(
            method, target, hop, stack.via(hop, branch), routes, self.local, self.remote, self.call_id, cseq, branch
        )


class RequestStart:
    """The address of a request: what CANCEL and the ACK of a refusal repeat of it (§9.1, §17.1.1.3)."""

    __slots__ = ("branch", "call_id", "cseq", "flow", "from_", "max_forwards", "method", "routes", "to", "uri", "via")

    def __init__(
        self, method: str, uri: str, flow: Flow, via: str, routes: list[str], from_: str, to: str, call_id: str,
        cseq: int, branch: str, max_forwards: int = MAX_FORWARDS,
    ) -> None:  # fmt: skip
        self.method = method
        self.uri = uri
        self.flow = flow
        self.via = via
        self.routes = routes
        self.from_ = from_
        self.to = to
        self.call_id = call_id
        self.cseq = cseq
        self.branch = branch
        self.max_forwards = max_forwards

    def again(self, stack: Stack, cseq: int, flow: Flow) -> "RequestStart":
        """Address the request once more, as a transaction of its own, perhaps by another way."""
        branch = stack.new_branch()
        return RequestStart(
            self.method, self.uri, flow, stack.via(flow, branch), self.routes, self.from_, self.to, self.call_id, cseq,
            branch, self.max_forwards,
        )  # fmt: skip

    @property
    def cseq_text(self) -> str:
        """The CSeq as text."""
        return f"{self.cseq} {self.method}"

    def write(self, headers: Fields = (), body: bytes = b"", content_type: str = "application/sdp") -> bytes:
        """Serialise the request."""
        return self._write(self.method, self.to, headers, body, content_type)

    def ack(self, response: Response) -> bytes:
        """Serialise the ACK of a refusal: To as the refusal has it, the Via of the INVITE."""
        return self._write("ACK", response.headers["to"][0])

    def cancel(self, headers: Fields = ()) -> bytes:
        """Serialise the CANCEL."""
        return self._write("CANCEL", self.to, headers)

    def _write(self, method: str, to: str, headers: Fields = (), body: bytes = b"", content_type: str = "") -> bytes:
        fixed = [("Via", self.via), ("Max-Forwards", str(self.max_forwards))]
        fixed += [("Route", route) for route in self.routes]
        fixed += [("From", self.from_), ("To", to), ("Call-ID", self.call_id), ("CSeq", f"{self.cseq} {method}")]
        return write_request(f"{method} {self.uri} SIP/2.0", fixed, headers, body, content_type)


class UnacknowledgedAnswer:
    """A 2xx to an INVITE, repeated on any transport until its ACK comes or 64*T1 have passed (§13.3.1.4)."""

    __slots__ = ("_call", "_data", "_flow", "_interval", "_stack", "_timers", "carries_offer", "cseq")

    def __init__(
        self, stack: Stack, call: "Call", cseq: int, data: bytes, flow: Flow, now: float, *, carries_offer: bool
    ) -> None:
        """`carries_offer` tells that the ACK will bring the answer."""
        self._stack = stack
        self._call = call
        self._data = data
        self._flow = flow
        self._interval = T1
        self.cseq = cseq
        self.carries_offer = carries_offer
        timers = stack.timers
        self._timers = [timers.start(now + T1, "2xx", self), timers.start(now + TIMEOUT, "no ACK", self)]

    def on_timer(self, letter: str, now: float) -> None:
        """Say it again, or give up."""
        if letter == "2xx":
            self._stack.send(self._data, self._flow, self.call, f"{self.cseq} INVITE")
            self._interval = min(self._interval * 2, T2)
            self._timers[0] = self._stack.timers.start(now + self._interval, "2xx", self)
        else:
            self.stop()
            self._call.ack_timeout(self, now)

    @property
    def call(self) -> DialogId:
        """Whose answer it is."""
        return self._call.id

    def stop(self) -> None:
        """The ACK has come, or the call has ended."""
        for timer in self._timers:
            self._stack.timers.stop(timer)
