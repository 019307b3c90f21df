"""Where a number leads: to a number of this server, to phones that registered, to a SIP address, or out by a trunk."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from ringback.calls.trunks import TRIES_NEXT, SrtpPolicy, Trunk, Trunks
from ringback.model.numbers import normalise
from ringback.sip.auth import Credentials
from ringback.sip.fields import FieldError, host_text, parse_uri, scheme_of
from ringback.sip.registrar import Binding
from ringback.sip.stack import Rng
from ringback.sip.values import Flow, Headers

__all__ = ["TRIES_NEXT", "Dialplan", "Home", "NoRoute", "Route", "RouteKind", "SrtpPolicy", "user_part"]

RouteKind = Literal["local", "phone", "sip", "trunk"]

_ENCRYPTED: Final = ("TLS", "WSS")
_NUMBER_CHARACTERS: Final = frozenset("+0123456789*#")
_ANONYMOUS: Final = frozenset({"", "anonymous", "unknown", "restricted", "unavailable"})


class NoRoute(Exception):  # noqa: N818 -- it reads as what it says: `except NoRoute`
    """There is no way to that target. `code` is the SIP status that says the same, `message` is for people."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Route:
    """One way to reach somebody: all that an INVITE needs, except its session description."""

    kind: RouteKind
    """`local` is a number of this server: there is nothing to send, its application is asked."""
    uri: str
    """The Request-URI; of a local route the number in its stored form."""
    from_uri: str
    from_name: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Header lines of this way, such as P-Asserted-Identity."""
    route: tuple[str, ...] = ()
    """Values for Route headers, the first hop first (the Path of a phone behind a proxy)."""
    credentials: Credentials | None = None
    """For the challenges of this way."""
    flow: Flow | None = None
    """Send it exactly here, over the connection that the phone came by. None: find the targets of `next_hop`."""
    next_hop: str = ""
    """SIP URI whose targets are to be found (RFC 3263) and tried in turn. Empty where there is a flow."""
    srtp: SrtpPolicy = "offered"
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    """What may be offered, the preferred one first."""
    trunk: str | None = None
    gateway: str = ""
    """The gateway of the trunk that `next_hop` is."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What a timeline may want to tell of it: `phone`, `trunk`, `gateway`."""

    def tries_next(self, code: int) -> bool:
        """Tell whether a final answer is a reason to try the next route of the same target.

        `code` is a SIP status, 0 where nothing could be sent. Between phones of one user there is no such question:
        they ring together.
        """
        return code in TRIES_NEXT


class Home(Protocol):
    """What a dial plan has to know of this server. Answers are wanted at once, but for the numbers in the store."""

    async def is_number(self, number: str) -> bool:
        """Tell whether a number in its stored form is one of this server."""
        ...

    async def application(self, sid: str, account_sid: str) -> Headers | None:
        """Return the headers of a call to an application of that account, None where it has none of that sid."""
        ...

    def is_phone(self, username: str) -> bool:
        """Tell whether there is a phone of that name, registered or not."""
        ...

    def bindings(self, username: str, now: float) -> Sequence[Binding]:
        """Return where a phone can be reached, the preferred one first."""
        ...

    def prefixes(self, account_sid: str) -> Collection[str]:
        """Return how numbers may begin that this account calls by a trunk; `*` is any number."""
        ...

    def is_home(self, host: str, port: int | None) -> bool:
        """Tell whether a host and port of a SIP URI mean this server."""
        ...

    def may_call(self, host: str) -> bool:
        """Tell whether SIP URIs at that host may be called."""
        ...


class Dialplan:
    """Finds the ways to a target. Holds the limits of the trunks: tell it of `seized` and `released` routes."""

    def __init__(
        self,
        home: Home,
        trunks: Trunks,
        *,
        rng: Rng,
        domain: Callable[[], str],
        region: str = "US",
    ) -> None:
        """`domain` is the host that calls to phones and SIP URIs come from; `region` reads numbers without `+`."""
        self._home = home
        self._trunks = trunks
        self._rng = rng
        self._domain = domain
        self._region = region

    async def routes(self, target: str, *, account_sid: str, caller_id: str, now: float) -> list[Route]:
        """Return the ways to a telephone number, a phone's name or a SIP URI, the best first.

        The phones of one user come with one route each and ring together; all else is tried in turn. `caller_id` is a
        number, a name or a SIP URI. Raises NoRoute, with 404 (nobody), 480 (not registered), 403 (not allowed), 484
        (cannot be read) or 503 (limits), and StorageError.
        """
        target = target.strip()
        user = target
        if scheme_of(target) in ("sip", "sips"):
            try:
                uri = parse_uri(target)
            except FieldError as error:
                raise NoRoute(484, f"{target[:100]!r} cannot be called: {error}") from None
            host = uri.host.strip("[]").lower()
            if not self._home.is_home(host, uri.port):
                return [self._by_uri(target, host, caller_id)]
            user = uri.user or ""
        elif scheme_of(target) == "app":
            return [await self._to_application(target.partition(":")[2], account_sid, caller_id)]
        elif scheme_of(target) in ("tel", "client"):
            user = target.partition(":")[2].partition(";")[0]
        number = normalise(user, self._region)
        if not number:
            raise NoRoute(484, f"{target[:100]!r} names nobody")
        if await self._home.is_number(number):
            return [Route("local", number, self._from(caller_id), srtp="off")]
        if self._home.is_phone(user):
            return self._phones(user, caller_id, now)
        if not set(number) <= _NUMBER_CHARACTERS:
            raise NoRoute(404, f"there is neither a number nor a phone {user[:100]!r} here")
        return self._out(number, account_sid, caller_id, now)

    async def _to_application(self, sid: str, account_sid: str, caller_id: str) -> Route:
        headers = await self._home.application(sid, account_sid)
        if headers is None:
            raise NoRoute(404, f"this account has no application {sid[:100]!r}")
        return Route("local", sid, self._from(caller_id), headers=headers, srtp="off")

    def seized(self, route: Route, now: float) -> None:
        """A call by that route begins."""
        if (trunk := self._trunks.by_name.get(route.trunk or "")) is not None:
            trunk.seized(now)

    def released(self, route: Route, code: int, now: float) -> None:
        """A call by that route is over or was refused; `code` is its final SIP status, 0 where nothing was sent."""
        if (trunk := self._trunks.by_name.get(route.trunk or "")) is not None:
            trunk.released(route.gateway, code, now)

    def _by_uri(self, target: str, host: str, caller_id: str) -> Route:
        if not self._home.may_call(host):
            raise NoRoute(
                403, f"SIP addresses at {host} may not be called: add it to calls.outbound_hosts to allow that"
            )
        srtp: SrtpPolicy = "offered" if scheme_of(target) == "sips" or "transport=tls" in target.lower() else "off"
        return Route("sip", target, self._from(caller_id), next_hop=target, srtp=srtp)

    def _phones(self, username: str, caller_id: str, now: float) -> list[Route]:
        bindings = self._home.bindings(username, now)
        if not bindings:
            raise NoRoute(480, f"the phone {username} is not registered")
        return [
            Route(
                "phone",
                binding.contact,
                self._from(caller_id),
                route=binding.path,
                flow=binding.flow,
                # Keys in a description are no secret where anybody can read it.
                srtp="offered" if binding.flow.transport in _ENCRYPTED else "off",
                labels={"phone": username},
            )
            for binding in bindings
        ]

    def _out(self, number: str, account_sid: str, caller_id: str, now: float) -> list[Route]:
        trunks = self._trunks.for_number(number)
        if not trunks:
            raise NoRoute(404, f"{number} is no number of this server, and no trunk serves it")
        prefixes = self._home.prefixes(account_sid)
        if not any(prefix == "*" or number.startswith(prefix) for prefix in prefixes if prefix):
            allowed = f"only those that begin with {', '.join(sorted(prefixes))}" if prefixes else "none so far"
            raise NoRoute(
                403, f"{number} may not be called: of numbers outside, {allowed}. `ringback trunks allow` allows more"
            )
        routes: list[Route] = []
        full: list[str] = []
        for trunk in trunks:
            if (why := trunk.full(now)) is not None:
                full.append(why)
                continue
            routes += [self._by_trunk(trunk, gateway.uri, number, caller_id) for gateway in trunk.order(self._rng, now)]
        if not routes:
            raise NoRoute(503, f"no line is free: {'; '.join(full)}")
        return routes

    def _by_trunk(self, trunk: Trunk, gateway: str, number: str, caller_id: str) -> Route:
        config = trunk.config
        uri = parse_uri(gateway)
        caller = config.caller_number or self._user(caller_id)
        shown = config.written(normalise(caller, self._region)) if caller.lower() not in _ANONYMOUS else ""
        host = host_text(config.host)
        identity = f"sip:{user_part(shown)}@{host}" if shown else ""
        from_uri, headers = identity or "sip:anonymous@anonymous.invalid", list(config.headers)
        if config.caller_id != "from" or not shown:
            from_uri = f"sip:{user_part(config.username)}@{host}" if config.username else from_uri
        if shown and config.caller_id == "pai":
            headers.append(("P-Asserted-Identity", f"<{identity}>"))
        elif shown and config.caller_id == "rpid":
            headers.append(("Remote-Party-ID", f"<{identity}>;party=calling;screen=yes;privacy=off"))
        elif not shown:
            headers.append(("Privacy", "id"))
        port = f":{uri.port}" if uri.port else ""
        transport = uri.parameters.get("transport")
        return Route(
            "trunk",
            f"{uri.scheme}:{user_part(config.dialled(number))}@{uri.host}{port}"
            + (f";transport={transport}" if transport else ""),
            from_uri,
            headers=tuple(headers),
            credentials=Credentials(config.username, config.password) if config.username else None,
            next_hop=gateway,
            srtp=config.srtp,
            codecs=config.codecs,
            trunk=config.name,
            gateway=gateway,
            labels={"trunk": config.name, "gateway": gateway},
        )

    def _from(self, caller_id: str) -> str:
        if scheme_of(caller_id) in ("sip", "sips"):
            return caller_id
        return f"sip:{user_part(self._user(caller_id) or 'anonymous')}@{host_text(self._domain())}"

    @staticmethod
    def _user(caller_id: str) -> str:
        if scheme_of(caller_id) in ("sip", "sips"):
            try:
                return parse_uri(caller_id).user or ""
            except FieldError:
                return ""
        return caller_id.removeprefix("client:").removeprefix("tel:").strip()


def user_part(user: str) -> str:
    """Return a name as the user part of a SIP URI (RFC 3261 §25.1)."""
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,;?/"
    return "".join(
        character if character in plain else "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
        for character in user
    )
