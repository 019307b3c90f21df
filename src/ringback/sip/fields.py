"""Header field values (RFC 3261 §20 and §25): lists, parameters, addresses, Via, URIs.

sipmessage's grammar is strict. What it refuses and phones and docker hosts send all the same is read here: hosts such
as `sip_proxy` and `pbx1`, an unescaped `#` in the user part, capital schemes, `"a" <…>, "b" <…>` in one line.
Text that cannot be read in one way only is a `FieldError`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from sipmessage import URI, Parameters

BRANCH_COOKIE = "z9hG4bK"
"""Branches that begin so are unique by themselves (RFC 3261 §8.1.1.7)."""

MAX_URI = 2_000
"""Characters of a URI that is looked into."""
TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
# One step of a quote-aware walk: a quoted string, a bracketed URI, plain text, or a character that matters.
_STEP = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|<[^<>]*>|[^"<,;]+|.', re.DOTALL)
_VIA = re.compile(
    r"SIP\s*/\s*(?P<version>[0-9.]+)\s*/\s*(?P<transport>[^\s/;,]+)\s+"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:;,\[\]<>\"]+)(?:\s*:\s*(?P<port>[0-9]{1,5}))?\s*(?P<rest>;.*)?",
    re.IGNORECASE | re.DOTALL,
)
# What nearly all Via, parameters, From and To look like; everything else is read step by step.
_PLAIN_VIA = re.compile(
    r"SIP/2\.0/([A-Z]+) ([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,4}|[1-5][0-9]{4}))?"
    r"(;rport)?;branch=([A-Za-z0-9\-.!%*_+`'~]+)(;rport)?"
)
_PLAIN_PARAMETERS = re.compile(r"(?:;[^\s;=\"<>]+(?:=[^\s;=\"<>]+)?)+")
_PLAIN = re.compile(r"""([^"<]*)<([A-Za-z][A-Za-z0-9+.\-]*:[^\s<>"]+)>(?:;tag=([A-Za-z0-9\-.!%*_+`'~]+))?""")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*(?=:)")
_SIP_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^\s@<>\"]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<parameters>(?:;[^\s;?<>\",@]+)*)",
    re.IGNORECASE,
)
_TEL_URI = re.compile(r"tel:(?P<number>\+?[0-9A-F*#().\-]+)(?P<parameters>(?:;[^\s;?<>\",@]+)*)", re.IGNORECASE)


class FieldError(ValueError):
    """A header field value that cannot be read; the message says what is wrong with it."""


def split_outside(text: str, separator: str) -> list[str]:
    """Split at `,` or `;` where it stands in neither a quoted string nor angle brackets.

    Raises FieldError when a quoted string is not closed.
    """
    if separator not in text:
        return [text]
    if '"' not in text and "<" not in text:
        return text.split(separator)
    pieces: list[str] = []
    current: list[str] = []
    for match in _STEP.finditer(text):
        step = match[0]
        if step == separator:
            pieces.append("".join(current))
            current = []
        elif step == '"':
            raise FieldError("a quoted string is not closed")
        else:
            current.append(step)
    pieces.append("".join(current))
    return pieces


def parse_parameters(text: str) -> dict[str, str | None]:
    """Read `;name=value;flag`; names in lower case, values without their quotes, the first of equal names wins.

    Raises FieldError when a parameter is empty or text stands before the first semicolon.
    """
    if not text:
        return {}
    if _PLAIN_PARAMETERS.fullmatch(text):
        plain: dict[str, str | None] = {}
        for piece in text[1:].split(";"):
            name, equals, value = piece.partition("=")
            plain.setdefault(name.lower(), value if equals else None)
        return plain
    before, *pieces = split_outside(text, ";")
    if before.strip():
        raise FieldError(f"unexpected text {before.strip()[:40]!r} before the parameters")
    parameters: dict[str, str | None] = {}
    for piece in pieces:
        name, equals, value = piece.partition("=")
        name, value = name.strip().lower(), value.strip()
        if not name or " " in name:
            raise FieldError("an empty or broken parameter")
        if value.startswith('"'):
            value = unquote(value)
        parameters.setdefault(name, value if equals else None)
    return parameters


@lru_cache(maxsize=1024)
def words_of(text: str) -> frozenset[str]:
    """Return the words of a header such as Supported, in lower case; phones of one make say the same ones each time."""
    return frozenset(word.strip().lower() for word in text[:MAX_URI].split(",")) if text else frozenset()


def unquote(text: str) -> str:
    """Return the content of a quoted string, or the text as it is."""
    match = _QUOTED.fullmatch(text)
    return _ESCAPE.sub(r"\1", match[1]) if match else text


class NameAddr(NamedTuple):
    """An address of From, To, Contact, Route, Record-Route or Refer-To (RFC 3261 §20.10)."""

    name: str
    uri: str
    parameters: Mapping[str, str | None]

    @property
    def tag(self) -> str:
        """Its tag, empty where it has none (RFC 2543 peers send none)."""
        return self.parameters.get("tag") or ""


def parse_name_addr(text: str) -> NameAddr:
    """Read `"Name" <uri>;parameters` or `uri;parameters`. Raises FieldError.

    Without brackets the parameters belong to the header, and a URI with `?` or `,` is ambiguous (§20): refused.
    A display name that should have been quoted is taken as it is.
    """
    # The messages of a call name the same two again and again.
    return _cached_name_addr(text) if len(text) < 200 else _parse_name_addr(text)


def _parse_name_addr(text: str) -> NameAddr:
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        return NameAddr(plain[1].strip(), plain[2], {} if plain[3] is None else {"tag": plain[3]})
    text = text.strip()
    name = ""
    if text.startswith('"'):
        quoted = _QUOTED.match(text)
        if quoted is None:
            raise FieldError("a quoted string is not closed")
        name = _ESCAPE.sub(r"\1", quoted[1])
        rest = text[quoted.end() :].lstrip()
        if not rest.startswith("<"):
            raise FieldError("no <URI> after a display name")
    else:
        opening = text.find("<")
        if opening < 0:
            uri, semicolon, parameters = text.partition(";")
            uri = uri.strip()
            if not _SCHEME.match(uri) or any(c in uri for c in '?," '):
                raise FieldError(f"{uri[:60]!r} is no URI that can stand without brackets")
            return NameAddr("", uri, parse_parameters(semicolon + parameters))
        name = text[:opening].strip()
        rest = text[opening:]
        if '"' in name:
            raise FieldError("a quote stands inside a display name")
    uri, closing, parameters = rest[1:].partition(">")
    uri = uri.strip()
    if not closing or not _SCHEME.match(uri) or any(c in uri for c in ' "<'):
        raise FieldError(f"{uri[:60]!r} is no URI")
    return NameAddr(name, uri, parse_parameters(parameters))


_cached_name_addr = lru_cache(maxsize=4096)(_parse_name_addr)


class Via(NamedTuple):
    """One Via value (RFC 3261 §20.42)."""

    version: str
    transport: str
    host: str
    port: int | None
    parameters: dict[str, str | None]

    @property
    def branch(self) -> str:
        """The branch, or an empty string when it cannot identify a transaction (missing, RFC 2543, bare cookie)."""
        branch = self.parameters.get("branch") or ""
        return branch if branch.startswith(BRANCH_COOKIE) and len(branch) > len(BRANCH_COOKIE) else ""

    def marked(self, remote: tuple[str, int]) -> str:
        """Return it as text with `received` and `rport` telling the source (RFC 3261 §18.2.1, RFC 3581 §4)."""
        asks_port = "rport" in self.parameters
        text = [f"SIP/{self.version}/{self.transport} {self.host}"]
        if self.port is not None:
            text.append(f":{self.port}")
        for name, value in self.parameters.items():
            if name == "rport":
                text.append(f";rport={remote[1]}")
            elif name != "received":
                text.append(f";{name}" if value is None else f";{name}={_quoted_if_needed(value)}")
        if asks_port or self.host.strip("[]") != remote[0]:
            text.append(f";received={remote[0]}")
        return "".join(text)

    def response_address(self, remote: tuple[str, int]) -> tuple[str, int]:
        """Return where a response to an unreliable request goes (RFC 3261 §18.2.2, RFC 3581 §4)."""
        if "rport" in self.parameters:
            return remote
        # maddr is for multicast only and would let a stranger aim our responses: the source address decides.
        return remote[0], self.port or 5060


def _quoted_if_needed(value: str) -> str:
    # `[`, `]` and `:` stand in a host, which may be a parameter's value; the rest must be a token.
    if TOKEN.fullmatch(value) or TOKEN.fullmatch(value.translate(_HOST_PUNCTUATION)):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


_HOST_PUNCTUATION = str.maketrans("[]:", "---")


def parse_via(text: str, *, salvage: bool = False) -> Via:
    """Read one Via value. Raises FieldError.

    `salvage` leaves out parameters that cannot be read: enough to answer a request that is refused for them.
    """
    plain = _PLAIN_VIA.fullmatch(text)
    if plain is not None:
        transport, host, port, rport, branch, late_rport = plain.groups()
        parameters: dict[str, str | None] = {"branch": branch}
        if rport or late_rport:
            parameters = {"rport": None, **parameters} if rport else {**parameters, "rport": None}
        return Via("2.0", transport, host, int(port) if port else None, parameters)
    text = text.strip()
    match = _VIA.match(text) if salvage else _VIA.fullmatch(text)
    if match is None or int(match["port"] or 0) > 65535:
        raise FieldError(f"Via {text[:60]!r} cannot be read")
    try:
        parameters = parse_parameters(match["rest"] or "")
    except FieldError:
        if not salvage:
            raise
        parameters = {}
    return Via(
        match["version"],
        match["transport"].upper(),
        match["host"],
        int(match["port"]) if match["port"] else None,
        parameters,
    )


def scheme_of(uri: str) -> str:
    """Return the scheme of a URI in lower case, empty where it has none."""
    if uri.startswith("sip:"):
        return "sip"
    match = _SCHEME.match(uri)
    return match[0].lower() if match else ""


def parse_uri(text: str) -> URI:
    """Read a sip, sips or tel URI; URI headers (`?Route=…`) are refused. Raises FieldError."""
    # One call names the same few URIs again and again; long ones are not worth the memory.
    return _cached_uri(text) if len(text) < 200 else _parse_uri(text)


def _parse_uri(text: str) -> URI:
    if len(text) > MAX_URI:
        raise FieldError(f"a URI of {len(text)} characters")
    if scheme_of(text) == "tel":
        return _parse_tel(text)
    try:
        uri = URI.parse(text)
    except (ValueError, TypeError):
        # TypeError: sipmessage 0.7.1 passes parameters as keywords, and one may be called `self`.
        uri = _parse_sloppy_uri(text)
    if uri.port is not None and uri.port > 65535:
        raise FieldError(f"port {uri.port} of a URI is too large")
    return uri


_cached_uri = lru_cache(maxsize=4096)(_parse_uri)


def _parse_tel(text: str) -> URI:
    """Read a tel URI (RFC 3966). sipmessage 0.7.1 takes the square of its length for one: 26 ms for 800 digits."""
    match = _TEL_URI.fullmatch(text)
    if match is None:
        raise FieldError(f"{text[:60]!r} is no tel URI")
    return URI(scheme="tel", host="", user=match["number"], parameters=_uri_parameters(match["parameters"]))


def _uri_parameters(text: str) -> Parameters:
    parameters: dict[str, str | None] = {}
    for piece in text.split(";")[1:]:
        name, equals, value = piece.partition("=")
        parameters[name] = value if equals else None
    parameters.pop("self", None)
    return Parameters(**parameters)


def _parse_sloppy_uri(text: str) -> URI:
    match = _SIP_URI.fullmatch(text)
    if match is None:
        raise FieldError(f"{text[:60]!r} is no SIP URI")
    user, _, password = (match["user"] or "").partition(":")
    return URI(
        scheme=match["scheme"].lower(),
        host=match["host"],
        user=_unescape(user) if match["user"] else None,
        password=_unescape(password) or None,
        port=int(match["port"]) if match["port"] else None,
        parameters=_uri_parameters(match["parameters"]),
    )


def _unescape(text: str) -> str:
    """Undo %-escapes; what is not one stays."""
    return re.sub("(?:%[0-9A-Fa-f]{2})+", lambda m: bytes.fromhex(m[0].replace("%", "")).decode(errors="replace"), text)


def user_of(uri: str) -> str:
    """Return the user part of a URI with its escapes undone; empty where it has none or is of a foreign scheme."""
    try:
        return parse_uri(uri).user or ""
    except FieldError:
        return ""


def host_text(host: str) -> str:
    """Return a host as it stands in a URI or Via: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
