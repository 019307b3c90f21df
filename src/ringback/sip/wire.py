"""Messages to the wire: responses by copying header text (RFC 3261 §8.2.6.2), and requests from parts."""

import re
from collections.abc import Iterable, Sequence

from ringback.sip.fields import TOKEN, split_outside
from ringback.sip.message import Request

REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    200: "OK", 202: "Accepted", 300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
    413: "Request Entity Too Large", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension",
    421: "Extension Required", 422: "Session Interval Too Small", 423: "Interval Too Brief",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
    484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending", 493: "Undecipherable",
    500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere",
    603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip

Fields = Sequence[tuple[str, str]]
"""Header lines as pairs of name and value."""

_TAG = re.compile(r";\s*tag\s*=", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def checked(headers: Iterable[tuple[str, str]]) -> Fields:
    """Return header lines given by the application; raises ValueError where one would break out of its line."""
    pairs = tuple(headers)
    for name, value in pairs:
        if not TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise ValueError(f"{name!r}: {value[:60]!r} is no header line: no line breaks or control characters")
    return pairs


class ReplyHead:
    """The part of a request that its responses repeat: all that a server transaction keeps of it."""

    __slots__ = ("after", "before", "record_route", "tagged")

    def __init__(self, request: Request, remote: tuple[str, int]) -> None:
        headers = request.headers
        lines = []
        if request.via is not None:
            first, *others = headers["via"]
            lines.append(f"Via: {request.via.marked(remote)}{_behind_first(first)}\r\n")
            lines += [f"Via: {value}\r\n" for value in others]
        # A request without one of these is answered all the same, with 400 (RFC 4475 §3.3.1).
        lines += [f"From: {value}\r\n" for value in headers.get("from", ())[:1]]
        to = headers.get("to")
        if to:
            lines.append(f"To: {to[0]}")
        self.before = "".join(lines)
        self.tagged = not to or bool(request.to.tag or _TAG.search(to[0]))
        after = [f"Call-ID: {value}\r\n" for value in headers.get("call-id", ())[:1]]
        after += [f"CSeq: {value}\r\n" for value in headers.get("cseq", ())[:1]]
        self.after = ("\r\n" if to else "") + "".join(after)
        self.record_route = "".join(f"Record-Route: {value}\r\n" for value in headers.get("record-route", ()))

    def response(
        self,
        code: int,
        tag: str = "",
        headers: Fields = (),
        body: bytes = b"",
        *,
        reason: str | None = None,
        content_type: str = "application/sdp",
        establishes: bool = False,
    ) -> bytes:
        """Serialise a response; `establishes` adds the Record-Route of a response that makes a dialog (§12.1.1)."""
        text = [f"SIP/2.0 {code} {REASONS.get(code, 'Unknown') if reason is None else reason}\r\n", self.before]
        if tag and not self.tagged:
            text.append(f";tag={tag}")
        text.append(self.after)
        if establishes:
            text.append(self.record_route)
        return finish(text, headers, body, content_type)


def _behind_first(vias: str) -> str:
    """Return the rest of a Via line that holds more than one value, with its comma."""
    if "," not in vias:
        return ""
    try:
        rest = split_outside(vias, ",")[1:]
    except ValueError:
        return ""
    return "".join("," + value for value in rest)


def request(start: str, fixed: Fields, headers: Fields = (), body: bytes = b"", content_type: str = "") -> bytes:
    """Serialise a request: its first line, header lines, and a body with its type."""
    text = [start, "\r\n"]
    text += [f"{name}: {value}\r\n" for name, value in fixed]
    return finish(text, headers, body, content_type)


def finish(text: list[str], headers: Fields, body: bytes, content_type: str) -> bytes:
    """Close a message: further header lines, type and length of the body, the body."""
    text += [f"{name}: {value}\r\n" for name, value in headers]
    if body:
        text.append(f"Content-Type: {content_type}\r\n")
    text.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "".join(text).encode("utf-8", "surrogateescape") + body
