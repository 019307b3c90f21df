"""Guards against strangers: who asks too much, guesses passwords or looks for users is not heard for a time.

What happens here costs the same whether one source knocks or a million do: the memory is bounded, and a decision is a
look-up. An address of the allow list is never judged.
"""

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network

SCANNERS: Final = (
    "friendly-scanner", "sipvicious", "sipcli", "sip-scan", "sipscan", "sundayddr", "sipsak", "iwar", "vaxsip",
    "vaxsipuseragent", "pplsip", "scanner", "siparmyknife", "smap", "sivus", "gulp", "test agent", "sipptk", "cia.sip",
)  # fmt: skip
"""Words in the User-Agent of programs that look for telephone systems to abuse; in lower case."""

_IPV6_SITE: Final = 64
"""Bits of an IPv6 address that stand for a source: whoever has one address has 2**64 of them."""
_PROVEN_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """What a source may do before it is blocked."""

    wrong_passwords: int = 5
    """In `window` seconds, wrong names included."""
    users: int = 8
    """Different users that one source asks for in `window` seconds without having proven to be one."""
    window: float = 600.0
    block_seconds: float = 3600.0
    requests_per_second: float = 10.0
    """That start something and are not proven; more get no answer."""
    burst: int = 50
    max_sources: int = 10_000


@dataclass(frozen=True, slots=True)
class Block:
    """A source that is not heard."""

    source: str
    until: float
    why: str


@dataclass(slots=True)
class Source:
    """What is remembered of one address."""

    name: str
    first: float
    last: float
    tokens: float
    refusals: Counter[str] = field(default_factory=Counter)
    """How often it was refused, by reason."""
    window_began: float = 0.0
    wrong: int = 0
    users: set[int] = field(default_factory=set)
    """Hashes of the names that it asked for."""
    proven: float | None = None
    """When it last proved to be one of ours."""
    blocked_until: float = 0.0
    why: str = ""


class Guard:
    """All sources, the least recently heard first. Times are seconds of the caller's clock."""

    def __init__(self, limits: GuardLimits | None = None, *, scanners: Iterable[str] = SCANNERS) -> None:
        self._limits = limits or GuardLimits()
        self._scanners = re.compile("|".join(re.escape(word.lower()) for word in scanners) or "(?!)")
        self._sources: OrderedDict[str, Source] = OrderedDict()
        self._allowed: tuple[Network, ...] = ()
        self.totals: Counter[str] = Counter()
        """How often something was refused, by reason."""

    # -- what people decide ----------------------------------------------------------------------------------------

    def allow(self, networks: Iterable[Network]) -> None:
        """Set the addresses that are never judged, in place of those before. Blocks of them end."""
        self._allowed = tuple(networks)
        for source in self._sources.values():
            if source.blocked_until and self.always_allowed(source.name):
                source.blocked_until, source.why = 0.0, ""

    def always_allowed(self, host: str) -> bool:
        """Tell whether an address is on the allow list."""
        return within(host, self._allowed)

    def unblock(self, name: str) -> bool:
        """Hear a source again, and forget what it did; tells whether it was blocked."""
        source = self._sources.pop(source_of(name), None)
        return source is not None and source.blocked_until > 0

    def restore(self, blocks: Iterable[Block], now: float) -> None:
        """Take over blocks from before a restart."""
        for block in blocks:
            if block.until > now and not self.always_allowed(block.source):
                source = self._source(source_of(block.source), now)
                source.blocked_until, source.why = block.until, block.why

    # -- what happens ----------------------------------------------------------------------------------------------

    def blocked(self, host: str, now: float) -> Block | None:
        """Return the block of an address, if it is blocked."""
        source = self._sources.get(source_of(host))
        if source is None or source.blocked_until <= now or self.always_allowed(host):
            return None
        return Block(source.name, source.blocked_until, source.why)

    def inspect(self, host: str, user_agent: str, now: float) -> str | None:
        """Look at a request that is not proven yet. Returns why it is not to be answered, or None."""
        if self.always_allowed(host):
            return None
        source = self._source(source_of(host), now)
        if source.blocked_until > now:
            return self._refused(source, "blocked")
        if self._scanners.search(user_agent.lower()[:200]):
            self._block(source, now, f"its User-Agent is {user_agent[:40]!r}", proof=False)
            return self._refused(source, "scanner")
        limits = self._limits
        source.tokens = min(limits.burst, source.tokens + (now - source.last) * limits.requests_per_second)
        source.last = now
        if source.tokens < 1:
            return self._refused(source, "too many requests")
        source.tokens -= 1
        return None

    def refused(self, host: str, reason: str, now: float) -> None:
        """Count something that was refused for another reason."""
        self._refused(self._source(source_of(host), now), reason)

    def asked(self, host: str, user: str, now: float) -> None:
        """Somebody who has proven nothing asks for a user, or as one: many of them are a search."""
        if self.always_allowed(host):
            return
        source = self._windowed(host, now)
        if len(source.users) <= self._limits.users:
            source.users.add(hash(user))
        if len(source.users) > self._limits.users:
            self._block(source, now, f"it asked for more than {self._limits.users} users", proof=False)

    def failed(self, host: str, reason: str, now: float) -> None:
        """A password was wrong, or the name. It came in answer to a challenge, so the address is not forged."""
        source = self._windowed(host, now)
        self._refused(source, reason)
        source.wrong += 1
        if source.wrong >= self._limits.wrong_passwords and not self.always_allowed(host):
            self._block(source, now, f"{source.wrong} wrong names or passwords", proof=True)

    def proven(self, host: str, now: float) -> None:
        """Somebody at that address has shown to be one of ours: what was amiss before was a slip."""
        source = self._source(source_of(host), now)
        source.proven = now
        source.wrong = 0
        source.users.clear()

    # -- what can be seen ------------------------------------------------------------------------------------------

    def blocks(self, now: float) -> list[Block]:
        """Return all blocks, the one that ends last first."""
        found = [Block(s.name, s.blocked_until, s.why) for s in self._sources.values() if s.blocked_until > now]
        return sorted(found, key=lambda block: (-block.until, block.source))

    def sources(self) -> list[Source]:
        """Return every source that was refused something, the last heard first."""
        return [source for source in reversed(self._sources.values()) if source.refusals]

    def _source(self, name: str, now: float) -> Source:
        source = self._sources.get(name)
        if source is None:
            if len(self._sources) >= self._limits.max_sources:
                self._make_room(now)
            source = self._sources[name] = Source(name, now, now, self._limits.burst, window_began=now)
        else:
            self._sources.move_to_end(name)
        return source

    def _windowed(self, host: str, now: float) -> Source:
        source = self._source(source_of(host), now)
        if now - source.window_began > self._limits.window:
            source.window_began, source.wrong = now, 0
            source.users.clear()
        return source

    def _make_room(self, now: float) -> None:
        """Forget the least recently heard source; one that is blocked only where the first few all are."""
        few = [name for name, _ in zip(self._sources, range(16), strict=False)]
        name = next((name for name in few if self._sources[name].blocked_until <= now), few[0])
        del self._sources[name]

    def _block(self, source: Source, now: float, why: str, *, proof: bool) -> None:
        # The address of a datagram is easily forged. One of ours is not blocked for what somebody may have sent in
        # its name; only an answer to a challenge shows that an address is real.
        if not proof and source.proven is not None and now - source.proven < _PROVEN_SECONDS:
            return
        source.blocked_until, source.why = now + self._limits.block_seconds, why

    def _refused(self, source: Source, reason: str) -> str:
        source.refusals[reason] += 1
        self.totals[reason] += 1
        return reason


@lru_cache(maxsize=4096)
def source_of(host: str) -> str:
    """Return what stands for a source: an IPv4 address, or the /64 of an IPv6 one. Other texts as they are."""
    try:
        address = ip_address(host.partition("/")[0].partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, _IPV6_SITE), strict=False))
    return str(address)


def within(host: str, networks: Iterable[Network]) -> bool:
    """Tell whether an address is in one of the networks; an IPv4 address may be written as IPv6 has it."""
    try:
        address = ip_address(host.partition("/")[0].partition("%")[0])
    except ValueError:
        return False
    # A socket for both families shows IPv4 callers so.
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(plain in network for network in networks)
