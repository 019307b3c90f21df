"""SIP messages off the wire (RFC 3261 §7): a front end that is tolerant where phones are sloppy and strict where two
readings are possible.

Text is kept with undecodable bytes escaped (`surrogateescape`), so that what is copied into a response is the same
bytes again; `clean` makes it fit for everything else.
"""

import re

from ringback.sip.fields import TOKEN as _TOKEN
from ringback.sip.fields import (
    FieldError,
    NameAddr,
    Via,
    parse_name_addr,
    parse_uri,
    parse_via,
    scheme_of,
    split_outside,
    words_of,
)

MAX_MESSAGE = 32_768
"""Bytes of the largest message. Real ones have some thousand."""
MAX_HEADERS = 200
"""Header lines of a message. A call forwarded across the world carries some 40 Via and Record-Route lines."""
VERSION = "SIP/2.0"

Headers = dict[str, list[str]]
"""Values in the order of their lines, by full name in lower case."""

_COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "o": "event", "r": "refer-to", "s": "subject", "t": "to",
    "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip
# Spellings that nearly all messages use, to be recognised without a pattern.
_NAMES = _COMPACT | {
    spelling: name.lower()
    for name in (
        "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Type", "Content-Length", "Server",
        "User-Agent", "Allow", "Supported", "Route", "Record-Route", "Subject", "Expires", "Require", "Accept",
        "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Session-Expires", "Min-SE", "P-Asserted-Identity",
    )
    for spelling in (name, name.lower())
}  # fmt: skip
# §7.3.1: these may stand once only; two of them are two readings.
_SINGLE = frozenset({"from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type"})
_FOLD = re.compile(r"\r\n[ \t]+")
_CSEQ = re.compile(r"([0-9]{1,10})[ \t]+(\S+)")
_VERSION = re.compile(r"SIP/[0-9]+\.[0-9]+", re.IGNORECASE)


class SipParseError(ValueError):
    """These bytes are no SIP message that could be acted on; the message says why.

    `status` is the SIP status to answer with (400, 416, 505, 513) when `request` was read far enough to be answered:
    its top Via is known. It is None for responses, for ACK, and where there is nobody to answer.
    """

    def __init__(self, reason: str, status: int | None = None, request: "Request | None" = None) -> None:
        super().__init__(reason)
        answerable = request is not None and request.via is not None and request.method != "ACK"
        self.status = status if answerable else None
        self.request = request if answerable else None


class Message:
    """What requests and responses share. Headers that routing needs are read once, here."""

    __slots__ = ("_contacts", "body", "call_id", "cseq", "cseq_method", "first_line", "from_", "headers", "to", "via")

    def __init__(self, first_line: str, headers: Headers, body: bytes) -> None:
        self.first_line = first_line
        self.headers = headers
        self.body = body
        self.via: Via | None = None
        self.from_ = self.to = NameAddr("", "", {})
        self.call_id = ""
        self.cseq = 0
        self.cseq_method = ""
        self._contacts: list[NameAddr] | None = None

    def get(self, name: str) -> str | None:
        """Return the first value of a header (full name, lower case), or None."""
        values = self.headers.get(name)
        return values[0] if values else None

    def values(self, name: str) -> list[str]:
        """Return all values of a comma-separated header, in order. Raises FieldError on an unclosed quote."""
        if name not in self.headers:
            return []
        return [v for line in self.headers.get(name, ()) for piece in split_outside(line, ",") if (v := piece.strip())]

    def tags(self, name: str) -> frozenset[str]:
        """Return the values of a header that holds words, such as Supported, in lower case."""
        return words_of(",".join(self.headers.get(name, ())))

    @property
    def contacts(self) -> list[NameAddr]:
        """The Contact addresses; empty for `*` and for none. Raises FieldError."""
        if self._contacts is None:
            self._contacts = [parse_name_addr(value) for value in self.values("contact") if value != "*"]
        return self._contacts

    @property
    def content_type(self) -> str:
        """Media type of the body in lower case without its parameters; empty where none is given."""
        return (self.get("content-type") or "").partition(";")[0].strip().lower()

    @property
    def cseq_text(self) -> str:
        """The CSeq as text."""
        return f"{self.cseq} {self.cseq_method}"


class Request(Message):
    """A SIP request."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, first_line: str, headers: Headers, body: bytes) -> None:
        super().__init__(first_line, headers, body)
        self.method = method
        self.uri = uri


class Response(Message):
    """A SIP response."""

    __slots__ = ("code", "reason")

    def __init__(self, code: int, reason: str, first_line: str, headers: Headers, body: bytes) -> None:
        super().__init__(first_line, headers, body)
        self.code = code
        self.reason = reason


def parse(data: bytes, *, stream: bool = False) -> Request | Response:
    """Read one message. Raises SipParseError, and nothing else.

    `data` is a datagram, which may carry trailing bytes and needs no Content-Length, or, with `stream`, exactly the
    bytes that the framing of a TCP connection cut out (RFC 3261 §18.3).
    """
    head_bytes, end, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    head = head_bytes.decode("utf-8", "surrogateescape")
    if "\r\n " in head or "\r\n\t" in head:
        head = _FOLD.sub(" ", head)
    first_line, *lines = head.split("\r\n")
    lone_breaks = head.count("\n") + head.count("\r") > 2 * len(lines)
    # A phone that forgets the empty line after its last header is still understood.
    if not end and lines and not lines[-1]:
        end = b"\r\n"
        lines.pop()
    headers, fault = _read_headers(lines)
    if lone_breaks:
        fault = fault or "a line break that is no CRLF"
    message, start_fault, status = _read_first_line(first_line, headers, body)
    request = message if isinstance(message, Request) else None
    try:
        _read_identity(message)
        if start_fault:
            raise SipParseError(start_fault, status, request)
        if len(data) > MAX_MESSAGE:
            raise SipParseError(f"{len(data)} bytes are more than {MAX_MESSAGE}", 513, request)
        if not end:
            raise FieldError("no empty line ends the headers")
        if fault:
            raise FieldError(fault)
        _check(message)
        _cut_body(message, stream)
    except FieldError as error:
        _salvage_via(message)
        raise SipParseError(str(error), 400, request) from None
    return message


def _read_headers(lines: list[str]) -> tuple[Headers, str]:
    """Sort header lines by name; the text tells the first that cannot be read."""
    headers: Headers = {}
    fault = ""
    if len(lines) > MAX_HEADERS:
        fault = f"more than {MAX_HEADERS} header lines"
        del lines[MAX_HEADERS:]
    for line in lines:
        written, colon, value = line.partition(":")
        name = _NAMES.get(written)
        if name is None or not colon:
            name = written.rstrip(" \t").lower()
            if not colon or not _TOKEN.fullmatch(name):
                fault = fault or f"header line {line[:60]!r} cannot be read"
                continue
            name = _COMPACT.get(name, name)
        if name in headers:
            headers[name].append(value.strip(" \t"))
            if name in _SINGLE:
                fault = fault or f"more than one {name.title()}"
        else:
            headers[name] = [value.strip(" \t")]
    return headers, fault


def _read_first_line(line: str, headers: Headers, body: bytes) -> tuple[Request | Response, str, int | None]:
    """Read the start line (§7.1, §7.2); the text tells a fault of it and the number the status to answer with.

    Raises SipParseError when it is of neither kind. Blanks around its parts are forgiven, within them they are not.
    """
    parts = line.split()
    if len(parts) == 3 and parts[2] == VERSION and _TOKEN.fullmatch(parts[0]) and scheme_of(parts[1]):
        return Request(parts[0], parts[1], line, headers, body), "", None
    if parts and _VERSION.fullmatch(parts[0]):
        code = parts[1] if len(parts) > 1 else ""
        if parts[0].upper() != VERSION or not (
            code.isascii() and code.isdigit() and len(code) == 3 and "1" <= code < "7"
        ):
            raise SipParseError(f"status line {line[:60]!r} cannot be read")
        return Response(int(code), " ".join(parts[2:]), line, headers, body), "", None
    if len(parts) < 3 or not _VERSION.fullmatch(parts[-1]) or not _TOKEN.fullmatch(parts[0]):
        raise SipParseError(f"{line[:60]!r} is not the first line of a SIP message")
    uri = " ".join(parts[1:-1])
    request = Request(parts[0], uri, line, headers, body)
    if parts[-1].upper() != VERSION:
        return request, f"version {parts[-1][:20]} is not {VERSION}", 505
    if len(parts) > 3 or not scheme_of(uri):
        return request, f"Request-URI {uri[:60]!r} cannot be read", 400
    return request, "", None


def _read_identity(message: Message) -> None:
    """Read what tells transactions and dialogs apart; raises FieldError."""
    headers = message.headers
    vias = headers.get("via")
    if not vias:
        raise FieldError("no Via")
    message.via = parse_via(split_outside(vias[0], ",")[0])
    for name in ("from", "to", "call-id", "cseq"):
        if not headers.get(name):
            raise FieldError(f"no {name.title()}")
    message.from_ = parse_name_addr(headers["from"][0])
    message.to = parse_name_addr(headers["to"][0])
    message.call_id = headers["call-id"][0]
    match = _CSEQ.fullmatch(headers["cseq"][0])
    if match is None or int(match[1]) >= 2**31:
        raise FieldError("CSeq is not a number below 2**31 and a method")
    message.cseq, message.cseq_method = int(match[1]), match[2]


def _check(message: Request | Response) -> None:
    """Refuse what can be read in two ways, and make sure that no later look at a header fails; raises FieldError."""
    headers = message.headers
    if not message.call_id:
        raise FieldError("an empty Call-ID")
    if "contact" in headers:
        _ = message.contacts
    if "record-route" in headers:
        for route in message.values("record-route"):
            parse_name_addr(route)
    for name in ("require", "accept"):
        if name in headers:
            message.values(name)
    if isinstance(message, Response):
        return
    if message.method != message.cseq_method:
        raise FieldError(f"CSeq speaks of {message.cseq_method[:40]}")
    hops = message.get("max-forwards")
    if hops is not None and not (hops.isascii() and hops.isdigit() and len(hops) <= 9 and int(hops) <= 255):
        raise FieldError("Max-Forwards is not a number up to 255")
    if scheme_of(message.uri) in ("sip", "sips", "tel"):
        parse_uri(message.uri)


def _cut_body(message: Message, stream: bool) -> None:
    """Give the body its Content-Length (§18.3); raises FieldError."""
    length = message.get("content-length")
    if length is None:
        if stream and message.body:
            raise FieldError("no Content-Length on a stream")
        return
    if not (length.isascii() and length.isdigit() and len(length) <= 9):
        raise FieldError(f"Content-Length {length[:20]!r} is no number")
    if int(length) > len(message.body):
        raise FieldError(f"Content-Length is {length}, but {len(message.body)} bytes follow")
    message.body = message.body[: int(length)]


def _salvage_via(message: Message) -> None:
    """Find whom to answer when the top Via is what could not be read."""
    vias = message.headers.get("via")
    if message.via is None and vias:
        try:
            message.via = parse_via(vias[0].partition(",")[0], salvage=True)
        except FieldError:
            return


def clean(text: str) -> str:
    """Return text fit for events, logs and databases: undecodable bytes become U+FFFD."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
