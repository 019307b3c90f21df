"""The registrar: where the phones of each user can be reached (RFC 3261 §10.3, Path of RFC 3327).

A binding keeps the flow that its REGISTER came by, because that is the one way through the NAT or firewall in front of
a phone, and for a phone on TCP, TLS or WebSocket the only way at all. Who may register is decided before: here comes
only what an authenticated user asks for its own name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ringback.sip.fields import FieldError, NameAddr, parse_name_addr, parse_uri, parse_via, split_outside
from ringback.sip.values import Flow, Headers

_MAX_CONTACTS: Final = 20
"""Contacts of one REGISTER that are looked at."""
_MAX_PATH: Final = 10
_NUMBER = re.compile(r"[0-9]{1,10}")
_QVALUE = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class Binding:
    """One phone of a user, as long as it lasts."""

    user: str
    contact: str
    """The URI that the phone gave: the Request-URI of calls to it."""
    flow: Flow
    """The way to it."""
    expires: float
    """When it ends, by the clock of the caller."""
    call_id: str
    cseq: int
    q: float = 1.0
    path: tuple[str, ...] = ()
    """Route headers for calls to it, the first hop first."""
    user_agent: str = ""
    instance: str = ""
    """`+sip.instance` (RFC 5626): tells a phone again that comes by a new address."""
    nat: bool = False
    """True where the address in `contact` is not the one that it came from."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others: the user and the URI (RFC 3261 §10.2.1.2 compares URIs)."""
        return self.user, _comparable(self.contact)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long bindings last, in seconds, and how many there may be."""

    min_expires: int = 60
    max_expires: int = 3600
    default_expires: int = 600
    per_user: int = 10
    total: int = 100_000


@dataclass(frozen=True, slots=True)
class Registered:
    """The answer to a REGISTER, and what it changed."""

    code: int
    headers: Headers = ()
    reason: str | None = None
    added: tuple[Binding, ...] = ()
    """New ones, and those that were refreshed."""
    removed: tuple[Binding, ...] = ()


class Registrar:
    """All bindings. Bounded by its limits; what has expired is gone from every answer."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._users: dict[str, dict[str, Binding]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def bindings(self, user: str, now: float) -> list[Binding]:
        """Return where a user can be reached: by q, then the newest first."""
        found = [binding for binding in self._users.get(user, {}).values() if binding.expires > now]
        return sorted(found, key=lambda binding: (-binding.q, -binding.expires))

    def all(self, now: float) -> list[Binding]:
        """Return every binding that lasts."""
        return [binding for user in list(self._users) for binding in self.bindings(user, now)]

    def restore(self, bindings: Iterable[Binding]) -> None:
        """Take over what was kept from before a restart. The connections of their flows are gone."""
        for binding in bindings:
            self._put(binding if not binding.flow.connection else replace(binding, flow=_direct(binding)))

    def expire(self, now: float) -> list[Binding]:
        """Forget what has expired, and return it."""
        gone = [b for held in self._users.values() for b in held.values() if b.expires <= now]
        for binding in gone:
            self._drop(binding)
        return gone

    def drop_user(self, user: str) -> list[Binding]:
        """Forget all bindings of a user, and return them."""
        gone = list(self._users.get(user, {}).values())
        for binding in gone:
            self._drop(binding)
        return gone

    def lost(self, flow: Flow) -> list[Binding]:
        """Learn that a connection has gone. Forget the bindings that nothing else leads to, and return them.

        A phone that listens at the address of its Contact is still reached there, by a new connection.
        """
        if not flow.connection:
            return []
        affected = [b for held in self._users.values() for b in held.values() if b.flow.connection == flow.connection]
        for binding in affected:
            if binding.nat:
                self._drop(binding)
            else:
                self._put(replace(binding, flow=_direct(binding)))
        return [binding for binding in affected if binding.nat]

    def register(self, user: str, headers: Headers, flow: Flow, now: float) -> Registered:
        """Carry out a REGISTER of an authenticated user, all of it or nothing (RFC 3261 §10.3, steps 6 to 8)."""
        try:
            asked = _Asked(headers)
        except FieldError as error:
            return Registered(400, reason=f"Bad Request ({_printable(str(error))})")
        result = self._clear(user, asked) if asked.star else self._change(user, asked, flow, now)
        if result.code != 200:
            return result
        for binding in result.removed:
            self._drop(binding)
        for binding in result.added:
            self._put(binding)
        contacts = tuple(
            ("Contact", f"<{b.contact}>;expires={round(b.expires - now)};q={b.q:g}") for b in self.bindings(user, now)
        )
        # RFC 3327 §5.3: the Path is told back, so that the phone sees who stands between.
        paths = tuple(("Path", value) for value in asked.path) if result.added else ()
        return replace(result, headers=contacts + paths)

    def _clear(self, user: str, asked: "_Asked") -> Registered:
        held = list(self._users.get(user, {}).values())
        if any(_out_of_order(binding, asked) for binding in held):
            return Registered(500, reason="Out of Order")
        return Registered(200, removed=tuple(held))

    def _change(self, user: str, asked: "_Asked", flow: Flow, now: float) -> Registered:
        limits = self._limits
        held = self._users.get(user, {})
        added: dict[str, Binding] = {}
        removed: dict[str, Binding] = {}
        for contact in asked.contacts:
            seconds = asked.seconds(contact, limits.default_expires)
            key = _comparable(contact.uri)
            before = held.get(key)
            if before is not None and before.expires > now and _out_of_order(before, asked):
                return Registered(500, reason="Out of Order")
            if seconds == 0:
                removed.update({key: before} if before is not None else {})
                continue
            if seconds < limits.min_expires:
                return Registered(423, (("Min-Expires", str(limits.min_expires)),))
            added[key] = asked.binding(user, contact, flow, now + min(seconds, limits.max_expires))
            for old in self._replaced(held, added[key]):
                removed[_comparable(old.contact)] = old
        remaining = {key for key, b in held.items() if b.expires > now} - removed.keys() | added.keys()
        if len(remaining) > limits.per_user:
            return Registered(403, reason="Too Many Contacts")
        if self._count + len(added.keys() - held.keys()) > limits.total:
            return Registered(503, (("Retry-After", "60"),))
        gone = tuple(binding for key, binding in removed.items() if key not in added)
        return Registered(200, added=tuple(added.values()), removed=gone)

    @staticmethod
    def _replaced(held: dict[str, Binding], new: Binding) -> list[Binding]:
        """Return what a phone leaves behind that comes by a new address, or with a new Contact on its connection."""

        def left(old: Binding) -> bool:
            same_phone = bool(new.instance) and old.instance == new.instance
            same_line = bool(new.flow.connection) and (old.flow, old.call_id) == (new.flow, new.call_id)
            return (same_phone or same_line) and old.key != new.key

        return [binding for binding in held.values() if left(binding)]

    def _put(self, binding: Binding) -> None:
        held = self._users.setdefault(binding.user, {})
        self._count += binding.key[1] not in held
        held[binding.key[1]] = binding

    def _drop(self, binding: Binding) -> None:
        held = self._users.get(binding.user, {})
        if held.pop(binding.key[1], None) is not None:
            self._count -= 1
        if not held:
            self._users.pop(binding.user, None)


class _Asked:
    """What a REGISTER asks for; raises FieldError where it cannot be read."""

    def __init__(self, headers: Headers) -> None:
        values = [value for name, value in headers if name == "contact"]
        contacts = [piece.strip() for line in values for piece in split_outside(line, ",") if piece.strip()]
        self.call_id = _first(headers, "call-id")
        number = _first(headers, "cseq").partition(" ")[0]
        self.cseq = int(number) if _NUMBER.fullmatch(number) else 0
        expires = _first(headers, "expires")
        # §10.3 step 6: what cannot be read counts as the default.
        self.expires = int(expires) if _NUMBER.fullmatch(expires) else None
        self.star = "*" in contacts
        if self.star and (len(contacts) > 1 or self.expires != 0):
            raise FieldError("Contact * stands alone and with Expires 0")
        if len(contacts) > _MAX_CONTACTS:
            raise FieldError(f"more than {_MAX_CONTACTS} contacts")
        self.contacts = [] if self.star else [_contact(value) for value in contacts]
        paths = [value for name, value in headers if name == "path"]
        self.path = tuple(piece.strip() for line in paths for piece in split_outside(line, ",") if piece.strip())
        if len(self.path) > _MAX_PATH:
            raise FieldError(f"more than {_MAX_PATH} hops of a Path")
        for value in self.path:
            parse_name_addr(value)
        self.user_agent = _printable(_first(headers, "user-agent"))[:200]
        via = _first(headers, "via")
        self._asks_rport = not via or "rport" in parse_via(split_outside(via, ",")[0]).parameters

    def seconds(self, contact: NameAddr, default: int) -> int:
        own = contact.parameters.get("expires") or ""
        if _NUMBER.fullmatch(own):
            return int(own)
        return default if self.expires is None else self.expires

    def binding(self, user: str, contact: NameAddr, flow: Flow, expires: float) -> Binding:
        q = contact.parameters.get("q") or ""
        uri = parse_uri(contact.uri)
        symmetric = flow.reliable or self._asks_rport
        here = _bare(uri.host) == _bare(flow.remote[0])
        port = uri.port or 5060
        # Connections have a port of their own, which tells nothing of where the phone listens.
        same_port = flow.reliable or not symmetric or port == flow.remote[1]
        nat = not self.path and not (here and same_port)
        if here and not symmetric and not self.path:
            # A phone that sends from one port and listens on another, and says so by not asking for rport (RFC 3581).
            flow = replace(flow, remote=(flow.remote[0], port))
        return Binding(
            user,
            contact.uri,
            flow,
            expires,
            self.call_id,
            self.cseq,
            float(q) if _QVALUE.fullmatch(q) else 1.0,
            self.path,
            self.user_agent,
            (contact.parameters.get("+sip.instance") or "")[:200],
            nat,
        )


def _contact(value: str) -> NameAddr:
    contact = parse_name_addr(value)
    if parse_uri(contact.uri).scheme not in ("sip", "sips"):
        raise FieldError(f"{contact.uri[:60]!r} is no SIP address")
    return contact


def _out_of_order(binding: Binding, asked: _Asked) -> bool:
    """§10.3 step 7: an older request that comes late must not undo a newer one."""
    return binding.call_id == asked.call_id and asked.cseq <= binding.cseq


def _first(headers: Headers, name: str) -> str:
    return next((value.strip() for key, value in headers if key == name), "")


def _comparable(uri: str) -> str:
    """Return a URI so that equal ones are equal texts (§19.1.4): host and scheme in lower case, parameters sorted."""
    try:
        parsed = parse_uri(uri)
    except FieldError:
        return uri
    parameters = sorted(
        f"{name}={value}".lower()
        for name, value in parsed.parameters.items()
        if name.lower() in ("transport", "user", "ttl", "method", "maddr", "ob", "line", "rinstance", "gr")
    )
    user = f"{parsed.user}@" if parsed.user else ""
    return f"{parsed.scheme}:{user}{parsed.host.lower()}:{parsed.port or ''};{';'.join(parameters)}"


def _direct(binding: Binding) -> Flow:
    """Return the way to the address of the Contact, without the connection that the phone came by."""
    uri = parse_uri(binding.contact)
    port = uri.port or (5061 if binding.flow.transport in ("TLS", "WSS") else 5060)
    remote = binding.flow.remote if binding.nat or binding.path else (_bare(uri.host), port)
    return replace(binding.flow, remote=remote, connection=0)


def _bare(host: str) -> str:
    return host.strip("[]").lower().partition("%")[0]


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
