"""Trunks: the lines to other telephone networks, their gateways, their limits, and whether they are alive."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final, Literal

import phonenumbers

from ringback.model.numbers import normalise
from ringback.sip.auth import ha1
from ringback.sip.fields import FieldError, parse_uri
from ringback.sip.guard import Network, within
from ringback.sip.stack import Rng

NumberFormat = Literal["e164", "plain", "national"]
"""How a trunk writes numbers: `+14155550100`, `14155550100`, or as dialled within the trunk's country."""
CallerIdAs = Literal["from", "pai", "rpid"]
"""Where a trunk wants the caller's number: From, P-Asserted-Identity (RFC 3325) or Remote-Party-ID."""
SrtpPolicy = Literal["off", "offered", "required"]

TRIES_NEXT: Final = frozenset({0, 408, 500, 502, 503, 504, 513, 580})
"""Answers that say something of the way and nothing of the person called. 0 is a way that could not be gone at all."""

_MOST_HOSTS: Final = 4096
_REST_SECONDS: Final = 30.0
"""For so long a gateway that failed a call comes last."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One machine of a trunk."""

    uri: str
    """`sip:gw1.example;transport=tls`; its addresses are found by RFC 3263."""
    priority: int = 1
    """Lower ones are tried first."""
    weight: int = 1
    """Share of the calls among gateways of one priority."""


@dataclass(frozen=True, slots=True)
class TrunkConfig:
    """What there is to know of a trunk. `docs/how-to/trunks.md` says what each is for."""

    name: str
    gateways: tuple[Gateway, ...]
    username: str = ""
    password: str = field(default="", repr=False)
    register: bool = False
    registrars: tuple[str, ...] = ()
    """SIP URIs to register at, the next where one fails; the gateways where it is empty."""
    expires: int = 600
    """Seconds to register for."""
    domain: str = ""
    """Host of From and of the registered address; that of the first gateway where it is empty."""
    prefixes: tuple[str, ...] = ("",)
    """Numbers that begin so go this way; the longest prefix wins. `*` is any number, as the empty one is."""
    priority: int = 1
    """Among trunks with an equally long prefix."""
    number_format: NumberFormat = "e164"
    region: str = "US"
    strip: str = ""
    """Taken off the front of a formatted number."""
    prefix: str = ""
    """Put before it."""
    caller_id: CallerIdAs = "from"
    caller_number: str = ""
    """The number that all its calls show; empty shows that of the caller."""
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    srtp: SrtpPolicy = "off"
    max_calls: int = 0
    """Calls at once; 0 is without limit."""
    calls_per_second: float = 0.0
    inbound: tuple[Network, ...] = ()
    """Addresses that its calls come from."""
    inbound_username: str = ""
    inbound_password: str = field(default="", repr=False)
    """For calls that come from anywhere and answer a challenge."""
    headers: tuple[tuple[str, str], ...] = ()
    """More headers of calls that go out."""
    options_interval: float = 60.0
    """Seconds between questions whether a gateway is alive; 0 asks none."""

    @property
    def host(self) -> str:
        """The host of From and of the registered address."""
        return self.domain or (parse_uri(self.gateways[0].uri).host if self.gateways else "")

    def dialled(self, number: str) -> str:
        """Return a number as this trunk wants it dialled."""
        return self.prefix + self.written(number).removeprefix(self.strip)

    def written(self, number: str) -> str:
        """Return a number as this trunk writes it; what is no E.164 number stays as it is."""
        if not number.startswith("+") or self.number_format == "e164":
            return number
        if self.number_format == "national":
            try:
                parsed = phonenumbers.parse(number, None)
            except phonenumbers.NumberParseException:
                return number[1:]
            if parsed.country_code == phonenumbers.country_code_for_region(self.region):
                text: str = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
                return "".join(character for character in text if character.isdigit())
            away: str = phonenumbers.format_out_of_country_calling_number(parsed, self.region)
            return "".join(character for character in away if character.isdigit())
        return number[1:]

    def read(self, user: str) -> str:
        """Return the stored form of a number that came from this trunk."""
        # Short numbers, and those of a carrier that does not keep to its format, are read as others are.
        if self.number_format == "plain" and user.isascii() and user.isdigit() and _valid("+" + user):
            return "+" + user
        return normalise(user, self.region)

    def inbound_networks(self) -> tuple[Network, ...]:
        """Return the addresses that its calls come from: those that were listed, else the numeric ones of gateways."""
        if self.inbound or self.inbound_username:
            return self.inbound
        return tuple(network for gateway in self.gateways if (network := _numeric(gateway.uri)) is not None)


def _valid(number: str) -> bool:
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, None)))
    except phonenumbers.NumberParseException:
        return False


def _numeric(uri: str) -> Network | None:
    try:
        return ip_network(parse_uri(uri).host.strip("[]"))
    except (FieldError, ValueError):
        return None


@dataclass(slots=True)
class GatewayState:
    """How a gateway fares."""

    gateway: Gateway
    alive: bool | None = None
    """None as long as nobody has asked."""
    since: float = 0.0
    why: str = ""
    rests_until: float = 0.0


class Trunk:
    """A trunk at work. Times are seconds of the caller's clock."""

    def __init__(self, config: TrunkConfig) -> None:
        self.config = config
        self.calls = 0
        self.states = {gateway.uri: GatewayState(gateway) for gateway in config.gateways}
        self._tokens = self._capacity
        self._filled = 0.0

    @property
    def _capacity(self) -> float:
        return max(1.0, self.config.calls_per_second)

    def full(self, now: float) -> str | None:
        """Say what keeps it from one more call, or None."""
        config = self.config
        if config.max_calls and self.calls >= config.max_calls:
            return f"trunk {config.name} has its {config.max_calls} calls"
        self._refill(now)
        if config.calls_per_second and self._tokens < 1:
            return f"trunk {config.name} takes {config.calls_per_second:g} calls a second"
        return None

    def seized(self, now: float) -> None:
        """A call begins."""
        self._refill(now)
        self.calls += 1
        self._tokens -= 1 if self.config.calls_per_second else 0

    def released(self, gateway: str, code: int, now: float) -> None:
        """A call is over; `code` is how it was answered."""
        self.calls = max(0, self.calls - 1)
        state = self.states.get(gateway)
        if state is None:
            return
        if code in TRIES_NEXT:
            state.rests_until = now + _REST_SECONDS
        else:
            state.rests_until = 0.0
            self.told(gateway, True, "", now)

    def told(self, gateway: str, alive: bool, why: str, now: float) -> bool:
        """Learn whether a gateway is alive, and tell whether that is news."""
        state = self.states.get(gateway)
        if state is None:
            return False
        news = state.alive is not alive
        if news:
            state.alive, state.since = alive, now
        state.why = why
        if alive:
            state.rests_until = 0.0
        return news

    def order(self, rng: Rng, now: float) -> list[Gateway]:
        """Return the gateways in the order to try them: by priority, by weight, those that do not answer last."""
        well = [s.gateway for s in self.states.values() if s.alive is not False and s.rests_until <= now]
        ill = [s.gateway for s in self.states.values() if s.alive is not False and s.rests_until > now]
        # Where none is known to be alive, all are tried: a wrong guess costs a moment, an untried way a call.
        dead = [] if well or ill else list(self.config.gateways)
        return _shuffled(well, rng) + _shuffled(ill, rng) + _shuffled(dead, rng)

    def takes_over(self, old: "Trunk") -> None:
        """Go on where the same trunk was before its settings changed."""
        self.calls = old.calls
        self._tokens, self._filled = min(old._tokens, self._capacity), old._filled
        for uri, state in old.states.items():
            if uri in self.states:
                state.gateway = self.states[uri].gateway
                self.states[uri] = state

    def _refill(self, now: float) -> None:
        self._tokens = min(self._capacity, self._tokens + max(0.0, now - self._filled) * self.config.calls_per_second)
        self._filled = now


def _shuffled(gateways: Iterable[Gateway], rng: Rng) -> list[Gateway]:
    """Order by priority, and within one at random by weight (the way of RFC 2782)."""
    ordered: list[Gateway] = []
    remaining = sorted(gateways, key=lambda gateway: gateway.priority)
    while remaining:
        first = [gateway for gateway in remaining if gateway.priority == remaining[0].priority]
        pick = rng.getrandbits(32) % max(1, sum(gateway.weight for gateway in first))
        for gateway in first:
            pick -= gateway.weight
            if pick < 0:
                break
        ordered.append(gateway)
        remaining.remove(gateway)
    return ordered


class Trunks:
    """All trunks, by name."""

    def __init__(self, configs: Iterable[TrunkConfig] = ()) -> None:
        self._trunks: dict[str, Trunk] = {}
        self._at: dict[str, str | None] = {}
        """What `at` found for the hosts that came last: each request asks it."""
        self.set(configs)

    def set(self, configs: Iterable[TrunkConfig]) -> None:
        """Have these trunks in place of those before; what is known of the same ones is kept."""
        trunks: dict[str, Trunk] = {}
        for config in configs:
            trunk, old = Trunk(config), self._trunks.get(config.name)
            if old is not None:
                trunk.takes_over(old)
            trunks[config.name] = trunk
        self._trunks = trunks
        self._inbound = [(config.inbound_networks(), name) for name, config in self._configs()]
        self._at.clear()

    def _configs(self) -> Iterable[tuple[str, TrunkConfig]]:
        return ((name, trunk.config) for name, trunk in self._trunks.items())

    @property
    def by_name(self) -> Mapping[str, Trunk]:
        """Every trunk."""
        return self._trunks

    def at(self, host: str) -> str | None:
        """Return the name of the trunk whose calls come from this address."""
        if host not in self._at:
            if len(self._at) >= _MOST_HOSTS:
                self._at.clear()
            self._at[host] = next((name for networks, name in self._inbound if within(host, networks)), None)
        return self._at[host]

    def user(self, username: str) -> TrunkConfig | None:
        """Return the trunk whose calls answer challenges with this name."""
        for trunk in self._trunks.values():
            if username and trunk.config.inbound_username == username:
                return trunk.config
        return None

    def secret(self, username: str, realm: str, algorithm: str) -> str | None:
        """Return the digest of the password that calls of a trunk come with."""
        config = self.user(username)
        return None if config is None else ha1(algorithm, username, realm, config.inbound_password)

    def for_number(self, number: str) -> list[Trunk]:
        """Return the trunks that serve a number: by the length of their prefix, their priority, their name."""
        found = []
        for trunk in self._trunks.values():
            prefixes = ["" if prefix == "*" else prefix for prefix in trunk.config.prefixes]
            lengths = [len(prefix) for prefix in prefixes if number.startswith(prefix)]
            if lengths and trunk.config.gateways:
                found.append((-max(lengths), trunk.config.priority, trunk.config.name, trunk))
        return [trunk for *_, trunk in sorted(found, key=lambda entry: entry[:3])]
