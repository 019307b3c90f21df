"""Where a SIP URI leads (RFC 3263): transports, addresses and ports, best first. Pure: it asks, others look up.

`locating` is a generator of questions. It yields some, is sent their answers, and returns the targets in its end, so
the whole procedure can be read, and tested, in one piece:

    steps = locating("sip:me@example.com", rng)
    questions = next(steps)                 # (Question("NAPTR", "example.com"),)
    steps.send([(Naptr(...),)])             # the next questions, or StopIteration with the targets
"""

import ipaddress
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ringback.sip.fields import FieldError, parse_uri
from ringback.sip.stack import Rng

DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061, "WS": 80, "WSS": 443}
SECURE = {"UDP": "", "TCP": "TLS", "TLS": "TLS", "WS": "WSS", "WSS": "WSS"}
"""The transport that a `sips` URI makes of one; UDP has none (RFC 3261 §26.2.2)."""
_SERVICES = {
    # RFC 3263 §8.1, RFC 7118 §10.5.
    "SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS", "SIP+D2W": "WS", "SIPS+D2W": "WSS",
}  # fmt: skip
_SRV_LABELS = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp", "WS": "_sip._ws", "WSS": "_sips._ws"}
_MAX_RECORDS = 32
"""Records of one answer that are looked at: nobody has more, and each may ask for more."""
_MAX_TARGETS = 64


class LocateError(ValueError):
    """A URI leads nowhere; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to look up."""

    kind: Literal["NAPTR", "SRV", "A", "AAAA"]
    name: str


@dataclass(frozen=True, slots=True)
class Naptr:
    """A record that names a service (RFC 3403)."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """A record that names a host of a service (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No name server has answered, or one could not."""

    reason: str


Answer = Sequence[Naptr] | Sequence[Srv] | Sequence[str] | Unanswered
"""The records; none for a name that is not there or has none of the kind. Addresses are texts."""
Steps = Generator[tuple[Question, ...], Sequence[Answer], "list[Target]"]


@dataclass(frozen=True, slots=True)
class Target:
    """One place where a request can be sent."""

    transport: str
    """`UDP`, `TCP`, `TLS`, `WS` or `WSS`."""
    host: str
    """An IP address, IPv6 without brackets."""
    port: int
    name: str = ""
    """Whom the certificate of a TLS peer must name (RFC 5922 §4): the domain of the URI. Empty is the address."""


def locating(
    uri: str,
    rng: Rng,
    *,
    transports: Sequence[str] = ("UDP", "TCP", "TLS"),
    families: Sequence[Literal["A", "AAAA"]] = ("A", "AAAA"),
) -> Steps:
    """Find the targets of a URI (RFC 3263 §4), in the order in which to try them.

    `transports` are ours, the preferred one first where DNS leaves the choice to us; one that the URI itself names is
    taken all the same. `families` are those of our sockets, the preferred one first. Raises LocateError, in the middle
    of the steps or before them.
    """
    where = _Where.of(uri)
    if where.address is not None:
        transport = where.transport or ("TLS" if where.secure else "UDP")
        port = where.port or DEFAULT_PORTS[transport]
        name = where.name if where.name != where.address else ""
        return [Target(transport, where.address, port, name)]
    if where.port is not None:
        transport = where.transport or ("TLS" if where.secure else "UDP")
        return (yield from _addresses([(transport, where.host, where.port)], where, families))
    usable = [where.transport] if where.transport else [t for t in transports if not where.secure or SECURE[t] == t]
    if where.secure and not usable:
        usable = ["TLS"]
    hosts = yield from _services(where, usable, rng)
    if hosts is None:
        transport = where.transport or ("TLS" if where.secure else "UDP")
        hosts = [(transport, where.host, DEFAULT_PORTS[transport])]
    return (yield from _addresses(hosts, where, families))


@dataclass(frozen=True, slots=True)
class _Where:
    """What a URI says itself (§4.1): the host that is meant, and what of the rest is left to find out."""

    name: str
    """The domain that certificates must name."""
    host: str
    address: str | None
    port: int | None
    transport: str
    """Empty where it names none."""
    secure: bool

    @classmethod
    def of(cls, text: str) -> "_Where":
        try:
            uri = parse_uri(text)
        except FieldError as error:
            raise LocateError(f"{text[:60]!r} is no URI to call: {error}") from error
        if uri.scheme not in ("sip", "sips") or not uri.host:
            raise LocateError(f"{text[:60]!r} names no host: a call needs a sip or sips URI")
        parameters = {name.lower(): value or "" for name, value in uri.parameters.items()}
        name = uri.host.strip("[]").rstrip(".").lower()
        host = parameters.get("maddr", "").strip("[]").rstrip(".").lower() or name
        transport = parameters.get("transport", "").upper()
        if transport and transport not in DEFAULT_PORTS:
            raise LocateError(f"{text[:60]!r} asks for the transport {transport[:20]}, which is not spoken here")
        secure = uri.scheme == "sips"
        if transport and secure:
            transport = SECURE[transport]
            if not transport:
                raise LocateError(f"{text[:60]!r} contradicts itself: sips is TLS, and UDP has none")
        return cls(name, host, _numeric(host), uri.port, transport, secure)


def _numeric(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


Host = tuple[str, str, int]
"""Transport, name, port."""


def _services(
    where: _Where, usable: Sequence[str], rng: Rng
) -> Generator[tuple[Question, ...], Sequence[Answer], list[Host] | None]:
    """Ask for the servers of a domain (§4.1, §4.2); None when it names none."""
    names: list[tuple[str, str]] = []
    if not where.transport:
        (answer,) = yield (Question("NAPTR", where.host),)
        names = list(_chosen_services(answer, usable))
    names = names or [(transport, f"{_SRV_LABELS[transport]}.{where.host}") for transport in usable]
    answers = yield tuple(Question("SRV", name) for _, name in names)
    hosts: list[Host] = []
    refused = False
    for (transport, _), answer in zip(names, answers, strict=True):
        records = [record for record in _records(answer) if isinstance(record, Srv)]
        refused = refused or any(record.target in ("", ".") for record in records)
        hosts += [(transport, record.target.rstrip("."), record.port) for record in by_weight(records, rng)]
    hosts = [host for host in hosts if host[1]]
    if refused and not hosts:
        # RFC 2782: a target of "." says that the service is decidedly not there.
        raise LocateError(f"{where.host} says in DNS that it has no SIP server for {', '.join(usable)}")
    return hosts[:_MAX_TARGETS] or None


def _chosen_services(answer: Answer, usable: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Pick what we speak from NAPTR records: transport and the name of SRV records, the domain's favourite first."""
    records = [record for record in _records(answer) if isinstance(record, Naptr)]
    for record in sorted(records, key=lambda record: (record.order, record.preference)):
        transport = _SERVICES.get(record.service.upper(), "")
        if transport in usable and record.flags.lower() == "s" and record.replacement.strip("."):
            yield transport, record.replacement.rstrip(".").lower()


def by_weight(records: Sequence[Srv], rng: Rng) -> list[Srv]:
    """Order SRV records: by priority, and within one by dice loaded with their weights (RFC 2782)."""
    ordered: list[Srv] = []
    for priority in sorted({record.priority for record in records}):
        left = sorted((r for r in records if r.priority == priority), key=lambda record: record.weight)
        while left:
            dice = (rng.getrandbits(32) * (sum(record.weight for record in left) + 1)) >> 32
            for index, record in enumerate(left):
                dice -= record.weight
                if dice <= 0:
                    ordered.append(left.pop(index))
                    break
    return ordered


def _addresses(hosts: Sequence[Host], where: _Where, families: Sequence[Literal["A", "AAAA"]]) -> Steps:
    """Look the hosts up, each once."""
    names = list(dict.fromkeys(name for _, name, _ in hosts if _numeric(name) is None))
    questions = tuple(Question(kind, name) for name in names for kind in families)
    answers = dict(zip(questions, (yield questions) if questions else (), strict=True))
    targets: list[Target] = []
    for transport, host, port in hosts:
        literal = _numeric(host)
        if literal is not None:  # not allowed in SRV records, and found there
            found: list[str] = [literal]
        else:
            found = [a for kind in families for a in _records(answers[Question(kind, host)]) if isinstance(a, str)]
        targets += [Target(transport, address, port, where.name) for address in found]
    if not targets:
        silent = [answer.reason for answer in answers.values() if isinstance(answer, Unanswered)]
        host = names[0] if names else where.host
        if silent:
            raise LocateError(f"the address of {host} cannot be looked up: {silent[0]}")
        raise LocateError(f"there is no host {host}")
    return list(dict.fromkeys(targets))[:_MAX_TARGETS]


def _records(answer: Answer) -> Sequence[object]:
    return () if isinstance(answer, Unanswered) else answer[:_MAX_RECORDS]


class Attempts:
    """The targets of one request, tried one after the other (RFC 3263 §4.3). Each try is a transaction of its own."""

    def __init__(self, targets: Iterable[Target]) -> None:
        """`targets` has at least one."""
        self._left = list(targets)
        self.current = self._left.pop(0)

    def after(self, code: int, *, answered: bool = True) -> Target | None:
        """Return the target to try next after a failure, or None when the failure stands.

        `answered` False is a failure of our own making: nobody answered (408), or the transport failed (503). Of
        answers only 503 leads on: any other one is the word of the server that is responsible.
        """
        if not self._left or (code != 503 if answered else code not in (408, 503)):
            return None
        self.current = self._left.pop(0)
        return self.current
