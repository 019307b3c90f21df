"""The half of digest authentication that challenges and checks (RFC 3261 §22, RFC 7616 §3.3–3.4, RFC 8760 §2).

A nonce tells by itself when and for whom it was made and that it is ours, so that challenging strangers costs no
memory. Only who knows a password makes the server remember something: how often a nonce was used.

A nonce is looked at before the digest. So passwords can only be guessed from an address that gets our answers, and
whoever forges the address of somebody else cannot have that one blocked for it.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from ringback.sip.auth import AuthError, Terms, parse_digest, quoted, same
from ringback.sip.fields import FieldError, parse_uri
from ringback.sip.stack import Rng
from ringback.sip.values import Headers

_SECONDS: Final = 12
_SALT: Final = 16
_MAC: Final = 32
"""Hexadecimal digits of the three parts of a nonce: its time in milliseconds, salt, HMAC."""
_NOBODY: Final = "0" * 32
"""Stands in for the secret of a user who is not there: the check of that name takes as long as of any other."""

Finding = Literal["accepted", "stale", "replayed", "wrong password", "unknown user", "unreadable"]

Secrets = Callable[[str, str], str | None]
"""Gives the `ringback.sip.auth.ha1` of a user for an algorithm, or None where there is none."""


@dataclass(frozen=True, slots=True)
class Check:
    """What became of an Authorization header. Only `accepted` may go on; `stale` says nothing of the password."""

    finding: Finding
    username: str = ""
    why: str = ""


@dataclass(slots=True)
class _Use:
    count: int
    expires: float


class DigestServer:
    """Challenges, and checks the answers. Bounded: beyond `max_nonces` in use the oldest count as stale."""

    def __init__(
        self,
        *,
        realm: str,
        key: bytes,
        rng: Rng,
        algorithms: tuple[str, ...] = ("MD5",),
        qop: tuple[str, ...] = ("auth",),
        lifetime: float = 300.0,
        max_nonces: int = 10_000,
    ) -> None:
        """`key` are secret bytes for the nonces, `algorithms` are offered in that order, `lifetime` is of a nonce."""
        self.realm = realm
        self._key = key
        self._rng = rng
        self._algorithms = algorithms
        self._qop = qop
        self._lifetime = lifetime
        self._max_nonces = max_nonces
        self._uses: dict[str, _Use] = {}
        self._forgotten = -1.0
        """Nonces made until then may have been used and forgotten."""

    def __len__(self) -> int:
        return len(self._uses)

    def challenge(self, now: float, source: str, *, stale: bool = False) -> Headers:
        """Return a WWW-Authenticate line for each algorithm, the preferred one first; `source` is whom it is for."""
        nonce = self._nonce(now, source)
        end = ", stale=true" if stale else ""
        return tuple(
            (
                "WWW-Authenticate",
                f"Digest realm={quoted(self.realm)}, nonce={quoted(nonce)}, algorithm={algorithm}, "
                f"qop={quoted(','.join(self._qop))}{end}",
            )
            for algorithm in self._algorithms
        )

    def own(self, values: Iterable[str]) -> dict[str, str] | None:
        """Return the parameters of the first Authorization value for our realm, or None. Raises AuthError."""
        for value in values:
            found = parse_digest(value)
            if found.get("realm") == self.realm:
                return found
        return None

    def check(
        self, found: dict[str, str], *, method: str, uri: str, body: bytes, secrets: Secrets, source: str, now: float
    ) -> Check:
        """Check what `own` found; `uri` is the Request-URI that it came with. An accepted answer uses its nonce up."""
        username = found.get("username", "")
        if not self._fresh(found.get("nonce", ""), source, now):
            return Check("stale", username)
        try:
            terms, count = self._terms(found, method, uri, body)
            secret = secrets(username, terms.algorithm)
            right = same(terms.response(secret or _NOBODY), found.get("response", "").lower())
        except AuthError as error:
            return Check("unreadable", username, str(error))
        if secret is None:
            return Check("unknown user", username, f"there is no user {username[:60]!r}")
        if not right:
            return Check("wrong password", username, f"the password of {username[:60]!r} is wrong")
        return Check("accepted" if self._use(terms.nonce, count, now) else "replayed", username)

    def _terms(self, found: dict[str, str], method: str, uri: str, body: bytes) -> tuple[Terms, int]:
        algorithm = found.get("algorithm", "MD5")
        if algorithm.upper() not in self._algorithms:
            raise AuthError(f"the algorithm {algorithm[:20]!r} was not offered")
        qop, nc = found.get("qop", ""), found.get("nc", "")
        if qop:
            if qop.lower() not in self._qop:
                raise AuthError(f"the quality of protection {qop[:20]!r} was not offered")
            if len(nc) != 8 or not set(nc.lower()) <= set("0123456789abcdef"):
                raise AuthError(f"the nonce count {nc[:20]!r} is no number of 8 hexadecimal digits")
        if not _same_target(found.get("uri", ""), uri):
            raise AuthError(f"it was made for {found.get('uri', '')[:60]!r}, not for {uri[:60]!r}")
        nonce, cnonce = found.get("nonce", ""), found.get("cnonce", "")
        # Without a quality of protection (RFC 2069) nothing counts the uses: then one is all there is.
        return Terms(algorithm, nonce, method, found["uri"], qop, cnonce, nc, body), int(nc, 16) if qop else 1

    def _nonce(self, now: float, source: str) -> str:
        head = f"{int(now * 1000) & (1 << 4 * _SECONDS) - 1:0{_SECONDS}x}{self._rng.getrandbits(64):0{_SALT}x}"
        return head + self._mac(head, source)

    def _mac(self, head: str, source: str) -> str:
        data = f"{head}:{source}:{self.realm}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()[:_MAC]

    def _fresh(self, nonce: str, source: str, now: float) -> bool:
        """Tell whether a nonce is ours, for that source, and not too old. After a restart of the server none is."""
        head, mac = nonce[: _SECONDS + _SALT], nonce[_SECONDS + _SALT :]
        if not same(self._mac(head, source), mac):
            return False
        made = _made(nonce)
        return made <= now <= made + self._lifetime and (nonce in self._uses or made > self._forgotten)

    def _use(self, nonce: str, count: int, now: float) -> bool:
        """Count one use of a nonce, by somebody who knows the password; False where it is none that is new."""
        use = self._uses.get(nonce)
        if use is None:
            self._make_room(now)
            self._uses[nonce] = _Use(count, _made(nonce) + self._lifetime)
        elif count <= use.count:
            return False
        else:
            use.count = count
        return True

    def _make_room(self, now: float) -> None:
        while self._uses:
            nonce, oldest = next(iter(self._uses.items()))
            if oldest.expires >= now and len(self._uses) < self._max_nonces:
                return
            del self._uses[nonce]
            self._forgotten = max(self._forgotten, oldest.expires - self._lifetime)


def _made(nonce: str) -> float:
    return int(nonce[:_SECONDS], 16) / 1000


def _same_target(told: str, uri: str) -> bool:
    """Tell whether a digest was made for this Request-URI. Phones leave out ports and parameters, or add them."""
    if told == uri:
        return True
    try:
        one, other = parse_uri(told), parse_uri(uri)
    except FieldError:
        return False
    return (one.user or "", one.host.lower()) == (other.user or "", other.host.lower())
