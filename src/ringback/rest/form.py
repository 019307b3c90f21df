"""The bodies and queries of requests, within bounds."""

from typing import Final
from urllib.parse import parse_qsl

from ringback.rest.errors import RestError, refused

FORM: Final = "application/x-www-form-urlencoded"


def too_large(limit: int) -> RestError:
    """The error for a body that is larger than allowed."""
    return RestError(413, 20422, f"The body of the request is larger than {limit} bytes")


def pairs(text: str, limit: int) -> list[tuple[str, str]]:
    """Read names and values, in their order. Raises RestError when there are more than `limit`, or no UTF-8."""
    if not text:
        return []
    if text.count("&") >= limit:
        raise refused(20422, f"A request may have {limit} parameters at most")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=limit)
    except ValueError as error:
        raise refused(20422, "The parameters of the request are not UTF-8") from error


def body_pairs(body: bytes, content_type: str, limit: int) -> list[tuple[str, str]]:
    """Read a form. Raises RestError for a body that is none."""
    if not body:
        return []
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("", FORM):
        raise RestError(415, 20422, f"The body of a request is a form ({FORM}), not {kind[:100]}")
    try:
        return pairs(body.decode("ascii") if body.isascii() else body.decode("utf-8"), limit)
    except UnicodeDecodeError as error:
        raise refused(20422, "The body of the request is not UTF-8") from error
