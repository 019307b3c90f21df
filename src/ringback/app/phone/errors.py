"""What can go wrong with a call, said to whoever holds the phone."""

from typing import Final

from ringback.app.errors import UserError


class PhoneError(UserError):
    """The call cannot be made, or not go on; the text says why, `hint` what to do about it."""


class NoServer(PhoneError):  # noqa: N818 - what it is
    """Nothing that speaks SIP answers at the address."""

    def __init__(self, host: str, port: int, transport: str, why: str) -> None:
        super().__init__(
            f"no SIP server answers at {host}:{port} over {transport} ({why})",
            "is `ringback serve` running there, and does its setting sip.allow hold the address of this machine?",
        )


class CallRefused(PhoneError):  # noqa: N818 - what it is
    """The server did not take the call. `code` is its SIP status (RFC 3261 §21)."""

    def __init__(self, code: int, reason: str, number: str) -> None:
        self.code, self.reason = code, reason
        text, hint = _REFUSALS.get(code, ("the server refused the call", None))
        super().__init__(f"{text.format(number=number)} ({code} {reason})".rstrip(), hint)


class CallOver(PhoneError):  # noqa: N818 - what it is
    """The call ended while something was still to be done."""


class NotHeard(PhoneError):  # noqa: N818 - what it is
    """What was waited for did not come in time."""


_REFUSALS: Final[dict[int, tuple[str, str | None]]] = {
    401: ("the server wants a password, which this phone has not", None),
    403: ("the server takes no calls from this address", "its setting sip.allow lists the addresses that may call"),
    404: (
        "the server has no number {number}",
        "`ringback numbers list` shows those that it has, `ringback numbers add` makes one",
    ),
    407: ("the server wants a password, which this phone has not", None),
    408: ("{number} did not answer in time", None),
    480: ("{number} is not available", None),
    486: ("{number} is busy", None),
    488: ("the server takes none of the codecs that were offered", None),
    500: ("the server failed to take the call", "its log says why"),
    503: (
        "the server takes no further call now",
        "it is going down, or has as many calls as its setting calls.max_concurrent allows",
    ),
    603: ("{number} declines the call", None),
}
