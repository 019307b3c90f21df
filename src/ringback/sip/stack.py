"""What all parts of the SIP core share: the outbox, the timers, the random source, the tables of transactions."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ringback.sip.events import DialogId, Event, Flow, RequestId, Send, Trace
from ringback.sip.fields import BRANCH_COOKIE, host_text
from ringback.sip.message import Request, Response, clean
from ringback.sip.policy import Policy
from ringback.sip.timers import Timers

if TYPE_CHECKING:
    from ringback.sip.call import Call
    from ringback.sip.requests import ServedRequest
    from ringback.sip.transaction_client import ClientTransaction
    from ringback.sip.transaction_server import ServerTransaction
    from ringback.sip.transfer import Transfers

ServerKey = tuple[str, ...]
ClientKey = tuple[str, str]
DialogKey = tuple[str, str, str]
"""Call-ID, local tag, remote tag (RFC 3261 §12)."""


class Rng(Protocol):
    """A source of randomness: `random.Random` with a seed in tests, `random.SystemRandom` in service."""

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of k random bits."""


@dataclass(slots=True)
class Stack:
    """Mutated by all parts, drained by `Endpoint.poll`."""

    rng: Rng
    policy: Policy
    advertised: Callable[[Flow], tuple[str, int]]
    """The address that Via and Contact tell the peer of a flow."""
    trace: bool = True
    outbox: deque[Send | Event] = field(default_factory=deque)
    timers: Timers = field(default_factory=Timers)
    servers: dict[ServerKey, "ServerTransaction"] = field(default_factory=dict)
    clients: dict[ClientKey, "ClientTransaction"] = field(default_factory=dict)
    calls: dict[DialogId, "Call"] = field(default_factory=dict)
    dialogs: dict[DialogKey, "Call"] = field(default_factory=dict)
    requests: dict[RequestId, "ServedRequest"] = field(default_factory=dict)
    """Requests that are no calls and wait for the answer of our user."""
    transfers: dict[DialogId, "Transfers"] = field(default_factory=dict)
    """Transfers whose progress is still to be told, which may outlive their calls."""
    merges: dict[tuple[str, str, str], ServerKey] = field(default_factory=dict)
    """Requests outside of dialogs under way, by Call-ID, From tag and CSeq (§8.2.2.2)."""
    connections: set[int] = field(default_factory=set)
    """TCP connections that carry, or carried, something of ours. Losing any other one concerns nobody."""
    last_call: int = 0
    last_request: int = 0
    wakeup: Callable[[], None] | None = None
    """Called when there is something to drain; set by the shell."""

    def emit(self, event: Event) -> None:
        """Tell the user of the endpoint."""
        self.outbox.append(event)
        if self.wakeup is not None:
            self.wakeup()

    def send(self, data: bytes, flow: Flow, call: DialogId | None, cseq: str) -> None:
        """Put a message on the wire."""
        if self.trace:
            line = data[: data.find(b"\r\n")].decode("utf-8", "replace")
            self.outbox.append(Trace(call, "out", line, cseq))
        self.outbox.append(Send(data, flow))
        if self.wakeup is not None:
            self.wakeup()

    def trace_in(self, message: Request | Response, call: DialogId | None) -> None:
        """Note that a message came in."""
        if self.trace:
            self.outbox.append(Trace(call, "in", clean(message.first_line), clean(message.cseq_text)))

    def new_call(self) -> DialogId:
        """Return a name for a new call."""
        self.last_call += 1
        return DialogId(self.last_call)

    def new_request(self) -> RequestId:
        """Return a name for a new request."""
        self.last_request += 1
        return RequestId(self.last_request)

    def new_tag(self) -> str:
        """Return a tag: 64 random bits (§19.3 wants 32)."""
        return f"{self.rng.getrandbits(64):016x}"

    def new_call_id(self) -> str:
        """Return a Call-ID that no other call has."""
        return f"{self.rng.getrandbits(96):024x}"

    def new_branch(self) -> str:
        """Return a branch that no other request has."""
        return f"{BRANCH_COOKIE}{self.rng.getrandbits(80):020x}"

    def via(self, flow: Flow, branch: str) -> str:
        """Return our Via for a request on that flow; `rport` asks for answers where we send from (RFC 3581).

        `alias` lets a TLS peer that has verified our certificate use the connection for its own requests (RFC 5923).
        """
        host, port = self.advertised(flow)
        alias = ";alias" if flow.transport == "TLS" else ""
        return f"SIP/2.0/{flow.transport} {host_text(host)}:{port};branch={branch};rport{alias}"

    def contact(self, flow: Flow, *, secure: bool = False) -> str:
        """Return our Contact for a dialog on that flow; `secure` makes it a `sips` URI."""
        host, port = self.advertised(flow)
        # RFC 7118 §5.2.4: `ws` stands for both kinds of WebSocket.
        name = "ws" if flow.transport == "WSS" else flow.transport.lower()
        if secure:
            name = {"tls": "tcp"}.get(name, name)  # RFC 3261 §26.2.2: sips is TLS already
        transport = "" if name == "udp" else f";transport={name}"
        return f"<sip{'s' * secure}:{host_text(host)}:{port}{transport}>"
