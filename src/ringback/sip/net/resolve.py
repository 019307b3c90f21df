"""DNS for `sip.locate`: dnspython asks, within bounded time; answers are kept as long as they may be."""

import asyncio
import ipaddress
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from ringback.sip.events import Flow
from ringback.sip.locate import Answer, LocateError, Naptr, Question, Srv, Target, Unanswered, locating
from ringback.sip.net.transport import SipTransport
from ringback.sip.stack import Rng

_LONGEST, _SHORTEST = 86_400.0, 1.0
_NOT_THERE, _TROUBLE = 60.0, 5.0
"""Seconds that "no such name" and "no answer" are believed."""
_LOCALHOST = {"A": ("127.0.0.1",), "AAAA": ("::1",)}


class Resolver(Protocol):
    """Whoever answers questions."""

    async def resolve(self, question: Question) -> Answer:
        """Return the records. Raises nothing."""


async def locate(
    uri: str,
    *,
    resolver: Resolver,
    rng: Rng | None = None,
    transports: Sequence[str] = ("UDP", "TCP", "TLS"),
    families: Sequence[Literal["A", "AAAA"]] = ("A", "AAAA"),
) -> list[Target]:
    """Return the targets of a URI, best first (RFC 3263). Raises LocateError."""
    steps = locating(uri, rng or random.SystemRandom(), transports=transports, families=families)
    try:
        questions = next(steps)
        while True:
            questions = steps.send(await asyncio.gather(*map(resolver.resolve, questions)))
    except StopIteration as end:
        targets: list[Target] = end.value
        return targets


async def locate_flows(uri: str, transport: SipTransport, resolver: Resolver) -> list[Flow]:
    """Return the flows to a URI, best first, of the transports and address families that can be reached from here.

    Raises LocateError. Nothing is opened yet.
    """
    ours = {":" in where.host for where in transport.listening}
    families: list[Literal["A", "AAAA"]] = []
    if False in ours:
        families.append("A")
    if True in ours:
        families.append("AAAA")
    targets = await locate(uri, resolver=resolver, families=families or ("A", "AAAA"))
    flows: list[Flow] = []
    for target in targets:
        with suppress(ValueError):  # no socket of that family
            flows.append(transport.flow_to(target.transport, target.host, target.port, target.name))
    if not flows:
        raise LocateError(f"{targets[0].host} cannot be reached: no socket of its family listens (sip.also_listen)")
    return flows


class DnsResolver:
    """Asks the name servers of the system, or given ones. A name in the hosts file is looked up nowhere else."""

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        port: int = 53,
        *,
        lifetime: float = 4.0,
        hosts: Path = Path("/etc/hosts"),
        clock: Callable[[], float] | None = None,
        max_kept: int = 10_000,
    ) -> None:
        """`lifetime` bounds one question in seconds, all servers and tries together."""
        self._clock = clock or asyncio.get_running_loop().time
        self._hosts = HostsFile(hosts)
        self._kept: dict[Question, tuple[float, Answer]] = {}
        self._max_kept = max_kept
        self._trouble = ""
        try:
            self._dns = dns.asyncresolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration:
            self._dns = dns.asyncresolver.Resolver(configure=False)
            self._trouble = "this machine has no name servers (/etc/resolv.conf)"
        if nameservers:
            self._dns.nameservers = list(nameservers)
            self._dns.port = port
        self._dns.lifetime = lifetime
        self._dns.timeout = lifetime / 2

    async def resolve(self, question: Question) -> Answer:
        """Return the records, kept ones while they last. Raises nothing."""
        local = self._hosts.answer(question)
        if local is not None:
            return local
        kept = self._kept.get(question)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        answer, seconds = await self._ask(question)
        if len(self._kept) >= self._max_kept:
            self._forget()
        self._kept[question] = (self._clock() + seconds, answer)
        return answer

    async def _ask(self, question: Question) -> tuple[Answer, float]:
        if self._trouble:
            return Unanswered(self._trouble), _TROUBLE
        try:
            name = dns.name.from_text(question.name)
            found = await self._dns.resolve(name, question.kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return (), _NOT_THERE
        except dns.resolver.LifetimeTimeout:
            return Unanswered("no name server answers"), _TROUBLE
        except dns.resolver.NoNameservers:
            return Unanswered("the name servers fail"), _TROUBLE
        except (dns.exception.DNSException, OSError, UnicodeError, ValueError):
            # A name that cannot be asked for: too long, an empty label.
            return (), _NOT_THERE
        seconds = min(max(float(found.rrset.ttl if found.rrset else 0), _SHORTEST), _LONGEST)
        return tuple(_record(question.kind, data) for data in found), seconds  # type: ignore[return-value]

    def _forget(self) -> None:
        """Make room: what has run out, else the oldest half."""
        now = self._clock()
        self._kept = {question: kept for question, kept in self._kept.items() if kept[0] > now}
        for question in list(self._kept)[: max(0, len(self._kept) - self._max_kept // 2)]:
            del self._kept[question]


def _record(kind: str, data: Any) -> Naptr | Srv | str:
    """Turn a record of dnspython into ours."""
    if kind == "NAPTR":
        flags, service = (part.decode("ascii", "replace") for part in (data.flags, data.service))
        return Naptr(data.order, data.preference, flags, service, data.replacement.to_text(omit_final_dot=True))
    if kind == "SRV":
        return Srv(data.priority, data.weight, data.port, data.target.to_text(omit_final_dot=True))
    return str(data.address)


class HostsFile:
    """The addresses that the administrator of this machine wrote down. Read again when the file has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = 0
        self._addresses: dict[str, list[str]] = {}

    def answer(self, question: Question) -> Answer | None:
        """Return what it says, or None where the name is not in it: then DNS is asked."""
        host = question.name.rstrip(".").lower()
        while host.startswith("_"):
            host = host.partition(".")[2]
        if host == "localhost":
            return _LOCALHOST.get(question.kind, ())  # RFC 6761 §6.3
        addresses = self._read().get(host)
        if addresses is None:
            return None
        return tuple(a for a in addresses if question.kind == ("AAAA" if ":" in a else "A"))

    def _read(self) -> dict[str, list[str]]:
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp != self._stamp:
                self._addresses = parse_hosts(self._path.read_text(errors="replace"))
                self._stamp = stamp
        except OSError:
            self._addresses = {}
        return self._addresses


def parse_hosts(text: str) -> dict[str, list[str]]:
    """Read a hosts file: addresses by name in lower case. What cannot be read is passed over."""
    addresses: dict[str, list[str]] = {}
    for line in text.splitlines():
        fields = line.partition("#")[0].split()
        try:
            address = str(ipaddress.ip_address(fields[0].partition("%")[0])) if fields else ""
        except ValueError:
            continue
        for name in fields[1:]:
            addresses.setdefault(name.lower(), []).append(address)
    return addresses


__all__ = ["DnsResolver", "HostsFile", "LocateError", "Resolver", "Target", "locate", "locate_flows", "parse_hosts"]
