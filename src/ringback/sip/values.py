"""Values that go in and out of the SIP core: names of calls and requests, flows, and what a screen may say."""

from dataclasses import dataclass, field
from typing import Literal, NewType

DialogId = NewType("DialogId", int)
"""Names a call at one endpoint. Opaque: keep it, compare it, hand it back."""

RequestId = NewType("RequestId", int)
"""Names a request that is no call, ours or one that came. Opaque as well."""

Headers = tuple[tuple[str, str], ...]
"""Header lines as pairs of name and value."""

Reliable = Literal["never", "supported", "required"]
"""How provisional answers are secured (RFC 3262): not at all, where both sides can, or not without."""


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
    """Whom the certificate of the other side must name on a connection of ours (RFC 5922); empty is the address."""

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
class RequestView:
    """A request outside of any dialog, as a screen sees it."""

    method: str
    request_uri: str
    from_: str
    """URI of the From header."""
    from_user: str
    to: str
    to_user: str
    call_id: str
    headers: Headers
    """All headers, names in lower case, in the order of the message for each name."""
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next(iter(self.values(name)), None)

    def values(self, name: str) -> list[str]:
        """Return the values of a header, one for each of its lines."""
        wanted = name.lower()
        return [value for key, value in self.headers if key == wanted]


@dataclass(frozen=True, slots=True)
class Allow:
    """The request may go on."""

    identity: str | None = None
    """Who it is from, proven: the user of a digest, the trunk of an address."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The request gets 401 (or 407) with these headers: who is it?"""

    headers: Headers
    code: int = 401


@dataclass(frozen=True, slots=True)
class Silent:
    """The request gets no answer at all."""

    reason: str = "from an address that is not allowed"
    """For the log."""


@dataclass(frozen=True, slots=True)
class Deny:
    """The request is refused."""

    code: int
    reason: str | None = None
    """The phrase on the wire; None takes the usual one."""
    headers: Headers = ()


Verdict = Allow | Challenge | Silent | Deny
"""What a screen says to a request outside of any dialog."""
