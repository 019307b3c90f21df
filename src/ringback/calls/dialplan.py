"""Where a number leads: to a number of this server, to phones that registered, to a SIP address, or out by a trunk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ringback.sip.auth import Credentials
from ringback.sip.events import Flow

RouteKind = Literal["local", "phone", "sip", "trunk"]
SrtpPolicy = Literal["off", "offered", "required"]

TRIES_NEXT: Final = frozenset({0, 408, 500, 502, 503, 504, 513, 580})
"""Answers that say something of the way and nothing of the person called. 0 is a way that could not be gone at all."""


class NoRoute(Exception):  # noqa: N818 -- it reads as what it says: `except NoRoute`
    """There is no way to that target. `code` is the SIP status that says the same, `message` is for people."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Route:
    """One way to reach somebody: all that an INVITE needs, except its session description."""

    kind: RouteKind
    """`local` is a number of this server: there is nothing to send, its application is asked."""
    uri: str
    """The Request-URI; of a local route the number in its stored form."""
    from_uri: str
    from_name: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Header lines of this way, such as P-Asserted-Identity."""
    route: tuple[str, ...] = ()
    """Values for Route headers, the first hop first (the Path of a phone behind a proxy)."""
    credentials: Credentials | None = None
    """For the challenges of this way."""
    flow: Flow | None = None
    """Send it exactly here, over the connection that the phone came by. None: find the targets of `next_hop`."""
    next_hop: str = ""
    """SIP URI whose targets are to be found (RFC 3263) and tried in turn. Empty where there is a flow."""
    srtp: SrtpPolicy = "offered"
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    """What may be offered, the preferred one first."""
    trunk: str | None = None
    gateway: str = ""
    """The gateway of the trunk that `next_hop` is."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What a timeline may want to tell of it: `phone`, `trunk`, `gateway`."""

    def tries_next(self, code: int) -> bool:
        """Tell whether a final answer is a reason to try the next route of the same target.

        `code` is a SIP status, 0 where nothing could be sent. Between phones of one user there is no such question:
        they ring together.
        """
        return code in TRIES_NEXT
