"""What a call is asked to connect to, and what came of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ringback.calls.recording import RecordOptions

if TYPE_CHECKING:
    from ringback.calls.port import Call

DialStatus = Literal["completed", "answered", "busy", "no-answer", "failed", "canceled"]
"""DialCallStatus of 2010-04-01 clause 2.6; `answered` is a conference's."""

Progress = Literal["initiated", "ringing", "answered", "completed"]
"""The events of a call that is made, in the words of a statusCallbackEvent."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to call."""

    to: str
    """A number, `client:NAME`, or a SIP URI."""
    send_keys: str = ""
    """Pressed when it has answered, before anything else; `w` waits half a second."""
    screen: "Callable[[Call], Awaitable[bool]] | None" = None
    """Conducts the callee alone, before the two are connected; false declines for it. Cancelled when it hangs up."""
    watch: "Callable[[Call, Progress], None] | None" = None
    """Told how the callee's call gets on; it must not block."""
    username: str = ""
    password: str = ""
    """To answer a challenge with."""
    headers: tuple[tuple[str, str], ...] = ()
    """SIP headers of the INVITE, `X-…`."""


@dataclass(frozen=True, slots=True)
class Dialing:
    """Call somebody and connect the call to whoever answers first. Times are seconds."""

    targets: tuple[Target, ...]
    caller_id: str
    timeout: float = 30.0
    """How long it may ring; for each target where they are tried one after another."""
    time_limit: float = 14400.0
    hangup_on_star: bool = False
    """The caller's `*` ends the callee's call alone."""
    sequential: bool = False
    """One target after another, not all at once."""
    answer_on_bridge: bool = False
    """The caller is picked up when the callee is; until then it rings there."""
    ring_tone: str = ""
    """Country of the tone that the caller hears meanwhile; empty: the callee's own early audio, or the default tone."""
    record: RecordOptions | None = None
    record_from_ringing: bool = False
    referrable: bool = False
    """The callee's REFER ends its call, and is told in `Dialed.referred_to`; otherwise only phones may transfer."""


@dataclass(frozen=True, slots=True)
class Dialed:
    """How it ended."""

    status: DialStatus
    call_sid: str = ""
    """The callee's call: the one that was connected, else the last that was tried."""
    seconds: int = 0
    """How long it was connected."""
    bridged: bool = False
    recording_sid: str = ""
    sip_code: int = 0
    """The SIP status that the callee's side refused with."""
    sip_call_id: str = ""
    referred_to: str = ""
    """Where the callee has referred the call to: a URI."""
