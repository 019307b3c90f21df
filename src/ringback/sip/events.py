"""What comes out of the SIP core: bytes to send, and what happened.

Every call that was announced (by `IncomingCall`, or by `Endpoint.invite` returning) ends with exactly one terminal
event: `Ended`, or `Refused` for a call of ours that the other side would not take.
"""

from dataclasses import dataclass
from typing import Literal, NewType

DialogId = NewType("DialogId", int)
"""Names a call at one endpoint. Opaque: keep it, compare it, hand it back."""

EndCause = Literal["bye", "cancel", "reject", "ack-timeout", "unreachable", "transport"]


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a message came from or goes to: a pair of socket addresses, and the connection between them if any."""

    transport: str
    """`UDP`, `TCP`, `TLS`, `WS` or `WSS`."""
    local: tuple[str, int]
    """Our address as peers should know it: for connections with the port that we listen on, not that of the socket."""
    remote: tuple[str, int]
    connection: int = 0
    """Identity of a connection; 0 asks the shell for any connection to `remote`, opened if there is none."""
    name: str = ""
    """Whom the certificate of the other side must name on a connection that we open (RFC 5922); empty is the address."""

    @property
    def reliable(self) -> bool:
        """True where the transport itself retransmits (RFC 3261 §17)."""
        return self.transport != "UDP"


@dataclass(frozen=True, slots=True)
class Send:
    """Put these bytes on the wire, in this direction."""

    data: bytes
    flow: Flow


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
    headers: tuple[tuple[str, str], ...] = ()
    """Headers that tell more of the call, in lower case: diversion, p-asserted-identity, user-agent, x-… ."""

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


@dataclass(frozen=True, slots=True)
class Answered:
    """A call of ours was picked up; the ACK is on its way."""

    call: DialogId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A call of ours was refused or not answered in time (408). The end of the call."""

    call: DialogId
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The other side has our 200. `sdp` is the answer when the 200 carried our offer."""

    call: DialogId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Reinvite:
    """The other side wants to change the session (re-INVITE, or UPDATE with an offer).

    Answer with `answer_reinvite` or `reject_reinvite`. `sdp` None asks for our offer.
    """

    call: DialogId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class ReinviteAnswered:
    """Our re-INVITE was accepted; `sdp` is the answer to our offer."""

    call: DialogId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class ReinviteRefused:
    """Our re-INVITE was refused; the session stays as it was (RFC 3261 §14.1)."""

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
    | Acknowledged
    | Reinvite
    | ReinviteAnswered
    | ReinviteRefused
    | Dtmf
    | PeerAlive
    | Ended
    | Trace
    | Refusal
)
