"""What a request is refused with: an HTTP status, a code that its author can look up, and a sentence."""

from typing import Final

from ringback.model.errors import ERRORS, WARNINGS

MORE_INFO_2010: Final = "https://www.twilio.com/docs/errors/{code}"
MORE_INFO_2008: Final = "http://www.twilio.com/docs/errors/{code}"

_STATUSES: Final = {
    20003: 401, 20004: 405, 20005: 403, 20006: 403, 20008: 403, 20403: 403, 20404: 404, 20409: 409, 20429: 429,
    20500: 500, 20503: 503,
}  # fmt: skip
"""Codes whose HTTP status is not 400 (clause 15 of the 2010-04-01 specification)."""


class RestError(Exception):
    """A request that is refused. Raised by resources, access checks and the control of calls alike."""

    def __init__(self, http_status: int, code: int | None, message: str) -> None:
        """Take the HTTP status, the error code if there is one, and a sentence for the author of the request."""
        super().__init__(http_status, code, message)
        self.http_status = http_status
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.http_status} {self.code}: {self.message}"


def refused(code: int, message: str | None = None) -> RestError:
    """Make the error of a code: its usual HTTP status, and its title where there is no better sentence."""
    title = ERRORS.get(code) or WARNINGS.get(code) or "The request is not valid"
    return RestError(_STATUSES.get(code, 400), code, message or title)


def not_found(path: str) -> RestError:
    """Make the error for something that is not there, or is another account's: the two look alike."""
    return RestError(404, 20404, f"The requested resource {path} was not found")
