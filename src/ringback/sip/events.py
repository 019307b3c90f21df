"""What comes out of the SIP core: bytes to send, and what happened.

Every call that was announced (by `IncomingCall`, or by `Endpoint.invite` returning) ends with exactly one terminal
event: `Ended`, or `Refused` for a call of ours that the other side would not take.
"""

from dataclasses import dataclass
from typing import Literal

from ringback.sip.values import DialogId, Flow, Headers, RequestId, Send

EndCause = Literal["bye", "cancel", "reject", "ack-timeout", "unreachable", "transport", "session-expired"]


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """Somebody calls. Answer it with `ring`, `answer` or `reject` of the endpoint."""

    call: DialogId
    flow: Flow
    request_uri: str
    request_uri_user: str
    """User part of the Request-URI with its escapes undone; empty where it has none."""
    to: str
    """URI of the To header."""
    to_user: str
    from_: str
    """URI of the From header."""
    from_user: str
    from_name: str
    """Display name of the caller; empty where there is none."""
    call_id: str
    sdp: bytes | None
    """The offer; None where the caller waits for ours (RFC 3264 §4)."""
    headers: Headers = ()
    """Headers that tell more of the call, in lower case: diversion, p-asserted-identity, user-agent, x-… ."""

    identity: str | None = None
    """Who calls, as the screen of the endpoint has proven it."""
    replaces: DialogId | None = None
    """The call that this one is to take the place of (RFC 3891): answer this one, then hang up that one."""
    max_forwards: int = 70
    """How many more hops the call may take; whoever forwards it makes it one less, and stops at 0 with 483."""

    def header(self, name: str) -> str | None:
        """Return the first value of one of `headers`, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), None)


@dataclass(frozen=True, slots=True)
class Ringing:
    """A call of ours has a provisional answer (180, 183, …), perhaps with early media."""

    call: DialogId
    code: int
    sdp: bytes | None
    headers: Headers = ()
    """As `headers` of `IncomingCall`."""
    fork: str = ""
    """Tells the phones apart that ring at once; empty where the answer does not say which it is of."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A call of ours was picked up; the ACK is on its way. `sdp` is None where the early answer of `fork` holds."""

    call: DialogId
    sdp: bytes | None
    headers: Headers = ()
    fork: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A call of ours was refused or not answered in time (408). The end of the call."""

    call: DialogId
    code: int
    reason: str
    contacts: tuple[str, ...] = ()
    """The URIs to try in place of it, the most wanted first, where the code is 3xx (RFC 3261 §8.1.3.4)."""
    retry_after: int | None = None
    """Seconds after which another try may have more luck."""
    q850: int | None = None
    """The cause of the telephone network, where a Reason header tells it (RFC 3326)."""
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class EarlyAcknowledged:
    """The other side has a reliable provisional answer of ours (RFC 3262).

    `sdp` is its answer, where the provisional one carried our offer.
    """

    call: DialogId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The other side has our 200. `sdp` is the answer when the 200 carried our offer."""

    call: DialogId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Reinvite:
    """The other side wants to change the session (re-INVITE, or UPDATE or PRACK with an offer).

    Answer with `answer_reinvite` or `reject_reinvite`. `sdp` None asks for our offer.
    """

    call: DialogId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class ReinviteAnswered:
    """Our re-INVITE or UPDATE was accepted; `sdp` is the answer to our offer."""

    call: DialogId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class ReinviteRefused:
    """Our re-INVITE or UPDATE was refused; the session stays as it was (RFC 3261 §14.1)."""

    call: DialogId
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key came in an INFO request."""

    call: DialogId
    key: str
    """One of `0`-`9`, `*`, `#`, `A`-`D`."""
    duration_ms: int


@dataclass(frozen=True, slots=True)
class PeerAlive:
    """The other side answered `check`."""

    call: DialogId


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over."""

    call: DialogId
    cause: EndCause
    remote: bool
    """True when the other side, or the network, ended it."""
    code: int = 0
    """The SIP status that goes with it, 0 where there is none."""
    reason: str = ""
    q850: int | None = None
    """The cause of the telephone network, where a Reason header tells it (RFC 3326)."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """The other side asks us to call somebody in its place (REFER, RFC 3515).

    Answer with `accept_transfer` or `reject_transfer`, and tell how it goes with `notify_transfer`.
    """

    call: DialogId
    refer_to: str
    """The URI to call, without its headers."""
    replaces: str | None = None
    """The Replaces header of the INVITE to make (RFC 3891), where the new call takes the place of another one."""
    referred_by: str | None = None
    """The Referred-By header to pass on (RFC 3892)."""
    replaced_call: DialogId | None = None
    """The call of this endpoint that `replaces` names: then there is nobody to call, only two calls to be joined."""


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """How a transfer goes that we asked for: the answer to our REFER if it refuses, else what is told of the new call.

    A code of 200 or more is the last.
    """

    call: DialogId
    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """A request that is no call: REGISTER, MESSAGE. Answer it with `Endpoint.respond`."""

    request: RequestId
    flow: Flow
    method: str
    request_uri: str
    from_: str
    """URI of the From header."""
    to: str
    headers: Headers
    """All headers, names in lower case."""
    body: bytes
    call: DialogId | None = None
    """The call that it came within."""
    identity: str | None = None
    """Who sent it, as the screen of the endpoint has proven it."""

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next(iter(self.values(name)), None)

    def values(self, name: str) -> list[str]:
        """Return the values of a header, one for each of its lines."""
        wanted = name.lower()
        return [value for key, value in self.headers if key == wanted]


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """The final answer to `Endpoint.request`."""

    request: RequestId
    code: int
    """The status; 408 and 503 also where no answer came or the connection failed."""
    reason: str
    headers: Headers = ()
    """All headers of the answer, names in lower case; empty where none came."""
    body: bytes = b""
    cseq: int = 0
    """The CSeq of the last try: a REGISTER that follows under the same Call-ID has a higher one."""
    answered: bool = True
    """False where no answer came."""

    def values(self, name: str) -> list[str]:
        """Return the values of a header, one for each of its lines."""
        wanted = name.lower()
        return [value for key, value in self.headers if key == wanted]


@dataclass(frozen=True, slots=True)
class Trace:
    """A SIP message passed, retransmissions included."""

    call: DialogId | None
    direction: Literal["in", "out"]
    line: str
    """Its first line."""
    cseq: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something was refused without a call coming of it: junk, a stranger, overload. To be logged and counted."""

    flow: Flow
    reason: str


Event = (
    IncomingCall
    | Ringing
    | Answered
    | Refused
    | EarlyAcknowledged
    | Acknowledged
    | Reinvite
    | ReinviteAnswered
    | ReinviteRefused
    | Dtmf
    | PeerAlive
    | Ended
    | Transfer
    | TransferProgress
    | IncomingRequest
    | RequestAnswered
    | Trace
    | Refusal
)

__all__ = [
    "Acknowledged", "Answered", "DialogId", "Dtmf", "EarlyAcknowledged", "EndCause", "Ended", "Event", "Flow",
    "Headers", "IncomingCall", "IncomingRequest", "PeerAlive", "Refusal", "Refused", "Reinvite", "ReinviteAnswered",
    "ReinviteRefused", "RequestAnswered", "RequestId", "Ringing", "Send", "Trace", "Transfer", "TransferProgress",
]  # fmt: skip
