"""How messages are handled; docs/reference/settings.md has the words for people."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """Limits and habits. Times are seconds."""

    region: str = "US"
    """How numbers without `+` are read."""
    smart_encoding: bool = True
    """Replace look-alikes where a draft does not say."""
    opt_out: bool = True
    """Handle STOP, START and HELP (2010-04-01 only)."""
    number_rate: float = 0.0
    """Messages a second from one number; 0 is no limit."""
    max_queued: int = 100_000
    """Messages that may wait to be sent; more are refused with 21611."""
    segment_timeout: float = 300.0
    """How long an incomplete message is waited for."""
    receipt_days: float = 7.0
    """How long a receipt is kept whose message is not known."""
    callback_tries: int = 10
    in_memory: int = 10_000
    """Messages that are handled at a time; the others wait in the store."""


RETRY_DELAYS = (1.0, 5.0, 20.0, 60.0, 300.0, 900.0, 1800.0, 3600.0)
"""Seconds from one try to the next; the last one counts for all that follow."""
