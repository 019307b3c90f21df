"""URLs of webhooks: what is sent and signed, who logs in, and what the fragment asks for.

Sources: clauses 6 and 7 of the 2010-04-01 specification, RFC 3986.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, unquote, urlencode, urljoin, urlsplit

from yarl import URL

from ringback.model.errors import ApplicationError

MALFORMED = 11100
MAX_LENGTH = 8192
"""Characters of a URL. Servers in use refuse longer request lines."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USERINFO = re.compile(r"//[^/?#]*@")
_PATH_SAFE = "/%:@!$&'()*+,;="  # RFC 3986 pchar, and % so that what is encoded already stays as it is
_QUERY_SAFE = _PATH_SAFE + "?"

RETRY_KINDS = frozenset({"4xx", "5xx", "ct", "rt", "all"})


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the fragment of a URL asks of the client; None where it doesn't ask. Times in seconds."""

    connect_timeout: float | None = None
    read_timeout: float | None = None
    total_timeout: float | None = None
    retries: int | None = None
    retry_on: frozenset[str] | None = None
    """Of RETRY_KINDS."""
    sni: bool = True
    """Whether the server's name is told in the TLS handshake."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart."""

    url: str
    """As it is sent and signed: ASCII, without user, fragment and default port."""
    origin: str
    """Scheme, host and port: where a login holds."""
    login: tuple[str, str] | None
    """User and password of the URL."""
    overrides: Overrides


@lru_cache(maxsize=4096)  # the same few are asked again and again
def parse_target(text: str) -> Target:
    """Take a URL apart. Raises ApplicationError 11100 unless it is an absolute http or https URL with a valid host."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise ApplicationError(MALFORMED, f"the URL is longer than {MAX_LENGTH} characters", _shown(text[:200]))
    shown = _shown(text)
    if _CONTROL.search(text):
        raise ApplicationError(MALFORMED, "the URL has a control character in it", shown)
    try:
        text.encode()  # no lone surrogates
        parts = urlsplit(text)
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError("it must begin with http:// or https://")
        port = parts.port
        host = _host(parts.hostname or "")
        url, origin = _wire(parts, host, port)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError as error:
        # UnicodeError is a ValueError too: a lone surrogate, a host that IDNA can't hold.
        raise ApplicationError(MALFORMED, f"the URL is malformed: {_shown(str(error))}", shown) from error
    if ":" in user:
        raise ApplicationError(MALFORMED, "the user name in the URL must not have a colon in it (RFC 7617)", url)
    return Target(url, origin, (user, password) if user or password else None, parse_overrides(parts.fragment))


def _shown(text: str) -> str:
    """Return a text as a message may hold it: printable, and without the password of a URL that can't be read."""
    return _USERINFO.sub("//", text).encode("ascii", "backslashreplace").decode("ascii")


def _host(host: str) -> str:
    """Return a host as it goes on the wire: lower case, IDNA, IPv6 in brackets. Raises ValueError."""
    if not host:
        raise ValueError("it names no host")
    if ":" in host:
        if "%" in host:
            raise ValueError("an address with a zone is not allowed")
        return f"[{ip_address(host)}]"
    encoded = URL.build(scheme="http", host=host).raw_host or ""
    if len(encoded) > 253 or not _HOST.fullmatch(encoded):
        raise ValueError(f"{host!r} is not a valid host name (letters, digits and hyphens; no underscores)")
    return encoded.lower()


def _wire(parts: SplitResult, host: str, port: int | None) -> tuple[str, str]:
    if port == 0:
        raise ValueError("port 0 can't be connected to")
    origin = f"{parts.scheme}://{host}"
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        origin += f":{port}"
    path = quote(_STRAY_PERCENT.sub("%25", parts.path), safe=_PATH_SAFE) or "/"
    query = quote(_STRAY_PERCENT.sub("%25", parts.query), safe=_QUERY_SAFE)
    return origin + path + (f"?{query}" if query else ""), origin


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """Return the URL with the parameters behind its own query."""
    if not parameters:
        return url
    separator = "&" if "?" in url else "?"
    return f"{url}{separator}{urlencode(parameters)}"


def resolve(base: str, reference: str) -> str:
    """Resolve a reference of a document against the URL of the document (RFC 3986 clause 5).

    Raises ApplicationError 11100 when the two give no URL.
    """
    try:
        return urljoin(base, reference.strip())
    except ValueError as error:
        raise ApplicationError(MALFORMED, f"{_shown(reference[:200])!r} gives no URL with {base}: {error}") from error


def parse_overrides(fragment: str) -> Overrides:
    """Read the connection overrides of a fragment, such as `ct=2000&rc=2`; what makes no sense is ignored."""
    pairs = dict(pair.partition("=")[::2] for pair in unquote(fragment).split("&"))
    retry_on = frozenset(pairs.get("rp", "").split(","))
    return Overrides(
        connect_timeout=_milliseconds(pairs, "ct", 10_000),
        read_timeout=_milliseconds(pairs, "rt", 15_000),
        total_timeout=_milliseconds(pairs, "tt", 15_000),
        retries=_number(pairs, "rc", 0, 5),
        retry_on=retry_on if retry_on <= RETRY_KINDS else None,
        sni=pairs.get("sni") != "n",
    )


def _milliseconds(pairs: Mapping[str, str], name: str, most: int) -> float | None:
    value = _number(pairs, name, 100, most)
    return None if value is None else value / 1000


def _number(pairs: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = pairs.get(name, "")
    if not re.fullmatch(r"[0-9]{1,5}", text):
        return None
    value = int(text)
    return value if least <= value <= most else None
