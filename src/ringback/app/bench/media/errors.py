"""What can go wrong with a measurement."""

from ringback.app.errors import UserError


class BenchError(UserError):
    """It cannot be measured; the text says why."""


class NotAvailable(UserError):  # noqa: N818 (a state, not a fault)
    """The media worker cannot do this kind of work."""
