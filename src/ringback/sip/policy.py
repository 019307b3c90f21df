"""What an endpoint can do and wants, and the headers that say so."""

from collections.abc import Iterable

from ringback.sip import bodies
from ringback.sip.values import Reliable
from ringback.sip.wire import Fields

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY")
"""Methods that every endpoint understands."""
KNOWN_METHODS = frozenset((*METHODS, "MESSAGE", "PUBLISH", "REGISTER", "SUBSCRIBE"))
"""Methods that exist: the ones we lack get 405, all others 501 (§8.2.1, §21.5.2)."""
DIALOG_METHODS = frozenset({"CANCEL", "BYE", "INFO", "UPDATE", "PRACK", "NOTIFY"})
"""Methods that mean something within a dialog only, or beside an INVITE."""
ACCEPT = ("Accept", bodies.SDP)
ALLOW_EVENTS = ("Allow-Events", "refer")

SHORTEST_SESSION = 90
"""Seconds below which no session interval may go (RFC 4028 §4)."""


class Policy:
    """The settings of an endpoint, checked, with the header lines that follow from them."""

    __slots__ = (
        "allow", "max_datagram", "min_se", "options", "reliable", "serves", "session_expires", "supported",
        "user_agent",
    )  # fmt: skip

    def __init__(
        self,
        user_agent: str = "Ringback",
        *,
        reliable: Reliable = "supported",
        session_expires: int = 1800,
        min_se: int = SHORTEST_SESSION,
        serves: Iterable[str] = (),
        max_datagram: int = 1300,
    ) -> None:
        """Arguments as those of `Endpoint`. Raises ValueError for intervals that RFC 4028 does not allow."""
        if reliable not in ("never", "supported", "required"):
            raise ValueError(f"reliable is never, supported or required, not {reliable!r}")
        if min_se < SHORTEST_SESSION or 0 < session_expires < min_se:
            raise ValueError(
                f"session intervals are {SHORTEST_SESSION} seconds or longer, and session_expires (now"
                f" {session_expires}) not less than min_se (now {min_se}); session_expires 0 switches them off"
            )
        self.user_agent = user_agent
        self.reliable: Reliable = reliable
        self.session_expires = session_expires
        self.min_se = min_se
        self.serves = frozenset(serves)
        self.max_datagram = max_datagram
        options = ["replaces", "norefersub"]
        if reliable != "never":
            options.append("100rel")
        if session_expires:
            options.append("timer")
        if "REGISTER" in self.serves:
            options.append("path")  # a registrar's matter (RFC 3327): proxies may demand it
        self.options = frozenset(options)
        """The option tags that we have."""
        self.allow = ("Allow", ", ".join((*METHODS, *sorted(self.serves.difference(METHODS)))))
        self.supported = ("Supported", ", ".join(options))

    def lacking(self, required: list[str]) -> Fields:
        """Return the header of a 420: what of the required extensions we lack (§8.2.2.3); empty where it is nothing."""
        lacking = [option for option in required if option.lower() not in self.options]
        return [("Unsupported", ", ".join(lacking))] if lacking else []
