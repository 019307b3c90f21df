"""A registration of ours: the way that a trunk finds us (RFC 3261 §10.2), for as long as it is wanted.

It says what to send (`poll`), hears what came of it (`answered`, `failed`) and has deadlines (`next_timeout`,
`handle_timeout`). It is refreshed well before it ends. A registrar that fails is followed by the next one at once;
when all have failed, the waits grow as in RFC 5626 §4.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ringback.sip.fields import FieldError, parse_name_addr, split_outside
from ringback.sip.stack import Rng
from ringback.sip.values import Headers

State = Literal["stopped", "registering", "registered", "waiting", "unregistering"]

_BASE: Final = 30.0
_LONGEST: Final = 1800.0
"""Seconds: base-time (all flows have failed) and max-time of RFC 5626 §4.5."""
_REFUSED_WAIT: Final = 300.0
"""Least seconds after a refusal that more of the same will not change. Carriers block who tries a password often."""
_MAX_EXPIRES: Final = 86_400
_REFUSALS: Final = frozenset({400, 401, 403, 404, 405, 407, 410, 420, 484, 604})


@dataclass(frozen=True, slots=True)
class Register:
    """Send a REGISTER: to this registrar, for so many seconds (0 takes the registration back)."""

    registrar: str
    expires: int


@dataclass(frozen=True, slots=True)
class RegistrationStatus:
    """What can be shown of it. Times are of the caller's clock, None where there is no such time."""

    state: State
    registrar: str
    """The one that has us, or that is asked next."""
    until: float | None
    """When it ends unless it is refreshed."""
    next_try: float | None
    failures: int
    """How often in a row all registrars have failed."""
    why: str
    """What the last failure was, for people; empty after a success."""


class Registration:
    """The state of one registration."""

    def __init__(self, registrars: Sequence[str], *, expires: int, rng: Rng) -> None:
        """`registrars` are SIP URIs in the order of preference; `expires` is how many seconds are asked for."""
        if not registrars:
            raise ValueError("a registration needs a registrar")
        self._registrars = tuple(registrars)
        self._wanted = self._expires = expires
        self._rng = rng
        self._state: State = "stopped"
        self._index = 0
        self._tried = 0
        """Registrars that have failed one after another since the last success or wait."""
        self._failures = 0
        self._until: float | None = None
        self._deadline: float | None = None
        self._order: Register | None = None
        self._why = ""

    def start(self, now: float) -> None:
        """Begin; does nothing when it has begun."""
        if self._state in ("stopped", "unregistering"):
            self._index = self._tried = self._failures = 0
            self._ask()

    def stop(self, now: float) -> None:
        """Take it back. There is one REGISTER to send where it stands, and nothing waits for its answer for long."""
        self._deadline = None
        if self._until is not None and self._until > now:
            self._state = "unregistering"
            self._order = Register(self._registrars[self._index], 0)
        else:
            self._state, self._order = "stopped", None

    def poll(self) -> Register | None:
        """Take what is to be sent now, once."""
        order, self._order = self._order, None
        return order

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due, or None."""
        return self._deadline

    def handle_timeout(self, now: float) -> None:
        """Refresh, or try again, if that is due."""
        if self._deadline is not None and now >= self._deadline:
            self._ask()

    def answered(self, code: int, reason: str, headers: Headers, contact: str, now: float) -> None:
        """Hear the final answer to what `poll` gave; `contact` is the URI that was registered."""
        if self._state == "unregistering":
            self._state, self._until = "stopped", None
        elif self._state != "registering":
            return
        elif 200 <= code < 300:
            self._succeed(_granted(headers, contact, self._expires), now)
        elif code == 423 and (longer := _number(headers, "min-expires")) > self._expires:
            # §10.2.8. Bounded, so that a registrar cannot have us ask for ever longer times.
            self._expires = min(longer, _MAX_EXPIRES)
            if longer > _MAX_EXPIRES:
                self._fail(f"it wants registrations of {longer} seconds", now, refused=True)
            else:
                self._ask()
        else:
            refused = code in _REFUSALS
            wait = float(min(_number(headers, "retry-after"), _LONGEST))
            advice = ": the name or the password is refused" if code in (401, 403, 407) else ""
            self._fail(f"{code} {reason}".strip() + advice, now, refused=refused, wait=wait)

    def failed(self, why: str, now: float) -> None:
        """Learn that it could not be sent, or was not answered."""
        if self._state == "unregistering":
            self._state, self._until = "stopped", None
        elif self._state == "registering":
            self._fail(why, now, refused=False)

    def status(self, now: float) -> RegistrationStatus:
        """Return what can be shown."""
        until = self._until if self._until is not None and self._until > now else None
        # While it is refreshed, or even where that fails, it stands until it ends.
        state = self._state
        if until is not None and state in ("registering", "waiting"):
            state = "registered"
        return RegistrationStatus(
            state, self._registrars[self._index], until, self._deadline, self._failures, self._why
        )

    def _ask(self) -> None:
        self._state, self._deadline = "registering", None
        self._order = Register(self._registrars[self._index], self._expires)

    def _succeed(self, granted: int, now: float) -> None:
        self._tried = self._failures = 0
        self._why = ""
        self._state, self._until = "registered", now + granted
        # Ahead by a tenth, and by the 32 seconds that an unanswered try takes where there is the time.
        ahead = max(granted * 0.1, min(40.0, granted * 0.5))
        self._deadline = now + granted - ahead

    def _fail(self, why: str, now: float, *, refused: bool, wait: float = 0.0) -> None:
        self._why = why
        self._expires = max(self._expires, self._wanted)
        self._tried += 1
        self._index = (self._index + 1) % len(self._registrars)
        if self._tried < len(self._registrars):
            self._ask()
            return
        self._tried = 0
        longest = min(_LONGEST, _BASE * 2 ** min(self._failures, 10))
        self._failures += 1
        # §4.5: between half of it and all of it, so that the phones of a network don't come back as one.
        chosen = longest * (0.5 + 0.5 * self._rng.getrandbits(32) / 2**32)
        self._state, self._deadline = "waiting", now + max(chosen, wait, _REFUSED_WAIT if refused else 0.0)


def _granted(headers: Headers, contact: str, asked: int) -> int:
    """Return for how long we are registered (§10.2.4): our Contact tells, else Expires, else what we asked for."""
    for value in (piece for name, line in headers if name == "contact" for piece in _split(line)):
        try:
            found = parse_name_addr(value)
        except FieldError:
            continue
        expires = found.parameters.get("expires") or ""
        if _same(found.uri, contact) and expires.isascii() and expires.isdigit():
            return max(1, min(int(expires[:9]), _MAX_EXPIRES))
    return max(1, min(_number(headers, "expires") or asked, _MAX_EXPIRES))


def _same(one: str, other: str) -> bool:
    return one.lower().partition(";")[0] == other.lower().partition(";")[0]


def _split(line: str) -> list[str]:
    try:
        return split_outside(line, ",")
    except FieldError:
        return []


def _number(headers: Headers, name: str) -> int:
    value = next((value for key, value in headers if key == name), "")
    digits = value.strip().partition(" ")[0].partition(";")[0].partition("(")[0]
    return int(digits[:9]) if digits.isascii() and digits.isdigit() else 0
