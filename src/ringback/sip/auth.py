"""Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760): its arithmetic, and the half that answers challenges.

The half that challenges is `auth_server`. Texts are hashed as UTF-8, with what came undecodable off the wire hashed as
it came.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from ringback.sip.fields import FieldError, split_outside, unquote
from ringback.sip.message import Response
from ringback.sip.stack import Rng
from ringback.sip.wire import Fields

ALGORITHMS: Final = ("SHA-512-256", "SHA-256", "MD5")
"""Hash functions by their names in RFC 8760 §2, the strongest first. Each has a `-sess` variant."""

_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_SESSION: Final = "-SESS"
_MAX_PARAMETERS: Final = 40
_MAX_CHALLENGES: Final = 20
_PARAMETER = re.compile(r"\s*([A-Za-z0-9\-*_.]+)\s*=\s*(.*?)\s*", re.DOTALL)


class AuthError(ValueError):
    """Digest values that cannot be read, or a challenge that cannot be answered; the message says why."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password for the challenges of others."""

    username: str
    password: str = field(repr=False)
    realm: str = ""
    """The realm that they are for; empty where they are for any."""


def digest(algorithm: str, text: str | bytes) -> str:
    """Return H(text) in lower-case hexadecimal. Raises AuthError for an algorithm that there is not."""
    name = _HASHES.get(algorithm.upper().removesuffix(_SESSION))
    if name is None:
        raise AuthError(f"there is no digest algorithm {algorithm[:40]!r} here")
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


def ha1(algorithm: str, username: str, realm: str, password: str) -> str:
    """Return H(username:realm:password), which checks passwords without being one (RFC 7616 §3.4.2)."""
    return digest(algorithm, f"{username}:{realm}:{password}")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a digest is computed of, besides the secret (RFC 7616 §3.4.1)."""

    algorithm: str
    nonce: str
    method: str
    uri: str
    qop: str = ""
    """`auth`, `auth-int`, or empty as RFC 2069 had it."""
    cnonce: str = ""
    nc: str = ""
    body: bytes = b""

    def response(self, secret: str) -> str:
        """Return the digest; `secret` is the `ha1` of the user. Raises AuthError for an unknown algorithm."""
        if self.algorithm.upper().endswith(_SESSION):
            secret = digest(self.algorithm, f"{secret}:{self.nonce}:{self.cnonce}")
        a2 = f"{self.method}:{self.uri}"
        if self.qop == "auth-int":
            a2 += f":{digest(self.algorithm, self.body)}"
        middle = f"{self.nonce}:{self.nc}:{self.cnonce}:{self.qop}" if self.qop else self.nonce
        return digest(self.algorithm, f"{secret}:{middle}:{digest(self.algorithm, a2)}")


def same(one: str, other: str) -> bool:
    """Compare two digests without telling by the time it takes how much of them is alike."""
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))


def parse_digest(value: str) -> dict[str, str]:
    """Read `Digest name=value, name="value"`: names in lower case, values without their quotes.

    Raises AuthError for another scheme, for what cannot be read, and for a name that stands twice.
    """
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        raise AuthError(f"the scheme {scheme[:40]!r} is not Digest")
    try:
        pieces = split_outside(rest, ",")
    except FieldError as error:
        raise AuthError(str(error)) from None
    if len(pieces) > _MAX_PARAMETERS:
        raise AuthError(f"more than {_MAX_PARAMETERS} digest parameters")
    found: dict[str, str] = {}
    for piece in pieces:
        match = _PARAMETER.fullmatch(piece)
        if match is None:
            raise AuthError(f"digest parameter {piece[:60]!r} cannot be read")
        name, text = match[1].lower(), match[2]
        if name in found:
            raise AuthError(f"the digest parameter {name[:40]} stands twice")
        found[name] = unquote(text)
        if text.startswith('"') and found[name] == text:
            raise AuthError(f"the quotes of the digest parameter {name[:40]} are not closed")
    return found


def quoted(text: str) -> str:
    """Return the text as a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server wants to be answered."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    """As the server spells it."""
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False
    named: bool = False
    """Whether the server named the algorithm: an old one that did not may not know the word."""


def parse_challenge(value: str) -> Challenge:
    """Read a WWW-Authenticate or Proxy-Authenticate value. Raises AuthError, also for an unknown algorithm."""
    found = parse_digest(value)
    if "nonce" not in found or "realm" not in found:
        raise AuthError("a challenge without nonce or realm")
    algorithm = found.get("algorithm", "MD5")
    digest(algorithm, b"")
    qop = tuple(word.strip().lower() for word in found.get("qop", "").split(",") if word.strip())
    if qop and not {"auth", "auth-int"}.intersection(qop):
        raise AuthError(f"a challenge with no quality of protection but {qop}")
    stale = found.get("stale", "").lower() == "true"
    return Challenge(found["realm"], found["nonce"], algorithm, qop, found.get("opaque"), stale, "algorithm" in found)


def authorization(
    challenge: Challenge, credentials: Credentials, *, method: str, uri: str, body: bytes, cnonce: str, count: int
) -> str:
    """Return the value of an Authorization or Proxy-Authorization header.

    `uri` is the Request-URI as it goes on the wire, `count` how often this nonce was used, this time included.
    """
    qop = "" if not challenge.qop else "auth" if "auth" in challenge.qop else "auth-int"
    session = challenge.algorithm.upper().endswith(_SESSION)
    terms = Terms(
        challenge.algorithm, challenge.nonce, method, uri, qop, cnonce if qop or session else "", f"{count:08x}", body
    )
    secret = ha1(challenge.algorithm, credentials.username, challenge.realm, credentials.password)
    parts = [
        f"username={quoted(credentials.username)}",
        f"realm={quoted(challenge.realm)}",
        f"nonce={quoted(challenge.nonce)}",
        f"uri={quoted(uri)}",
        f'response="{terms.response(secret)}"',
    ]
    if challenge.named:
        parts.append(f"algorithm={challenge.algorithm}")
    if terms.cnonce:
        parts.append(f"cnonce={quoted(cnonce)}")
    if qop:
        parts += [f"qop={qop}", f"nc={terms.nc}"]
    if challenge.opaque is not None:
        parts.append(f"opaque={quoted(challenge.opaque)}")
    return "Digest " + ", ".join(parts)


_HEADERS: Final = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}


class ClientAuth:
    """The challenges that one dialog or one series of requests has met, and the answers to them.

    Make one for each call or registration. `answer` what was challenged and send the request again (with a new branch
    and the next CSeq); put `again` into requests that follow, so that they need no challenge of their own.
    """

    def __init__(self, credentials: Credentials, rng: Rng) -> None:
        self._credentials = credentials
        self._rng = rng
        self._met: dict[tuple[str, str], Challenge] = {}
        """By the name of the header that answers, and the realm."""
        self._counts: dict[str, int] = {}
        """How often each nonce of `_met` was used."""

    def answer(self, response: Response, *, method: str, uri: str, body: bytes = b"") -> Fields:
        """Return the header lines that answer a 401 or 407, those of earlier challenges included.

        Raises AuthError when the answer would be no use: the password was refused, or nothing on offer is known here.
        """
        name, header = _HEADERS.get(response.code, _HEADERS[401])
        chosen: dict[str, Challenge] = {}
        reasons: list[str] = []
        for value in response.headers.get(name, ())[:_MAX_CHALLENGES]:
            try:
                challenge = parse_challenge(value)
            except AuthError as error:
                reasons.append(str(error))
                continue
            # RFC 8760 §2.4: of several for one realm, the topmost that is supported.
            if self._credentials.realm in ("", challenge.realm):
                chosen.setdefault(challenge.realm, challenge)
            else:
                reasons.append(f"the realm is {challenge.realm[:60]!r}, not {self._credentials.realm!r}")
        if not chosen:
            raise AuthError("; ".join(reasons) or f"a {response.code} without a challenge")
        for challenge in chosen.values():
            self._meet(header, challenge)
        return self.again(method=method, uri=uri, body=body)

    def again(self, *, method: str, uri: str, body: bytes = b"") -> Fields:
        """Return header lines for one more request, answering the challenges met so far; none before the first."""
        fields: list[tuple[str, str]] = []
        for (header, _), challenge in self._met.items():
            count = self._counts[challenge.nonce] = self._counts.get(challenge.nonce, 0) + 1
            cnonce = f"{self._rng.getrandbits(64):016x}"
            value = authorization(
                challenge, self._credentials, method=method, uri=uri, body=body, cnonce=cnonce, count=count
            )
            fields.append((header, value))
        return fields

    def _meet(self, header: str, challenge: Challenge) -> None:
        before = self._met.get((header, challenge.realm))
        if before is None and len(self._met) >= _MAX_CHALLENGES:
            raise AuthError("too many realms")
        if before is not None and self._counts.pop(before.nonce, 0) == 1 and not challenge.stale:
            # The first answer to a challenge, and refused: not because its nonce had grown old. A later one may have
            # been, for not all servers say `stale`.
            raise AuthError(f"{challenge.realm[:60]!r} refuses the name or the password")
        self._met[header, challenge.realm] = challenge
