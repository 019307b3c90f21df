"""Phones, trunks, guards and the dial plan of a running server, kept up with the store.

The server makes it before its endpoint, gives the endpoint its `screen`, starts it with the endpoint, and hands it the
events that are for it (`on_event`). The dial plan is `plan`.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final, Protocol

from ringback.app.directory import Directory
from ringback.app.settings import Settings
from ringback.app.telephony.applications import OwnApplications
from ringback.app.telephony.domains import IDENTITY, Domains
from ringback.app.telephony.guarding import Guarding
from ringback.app.telephony.lines import Asking, Lines, Locate
from ringback.app.telephony.phones import Phones
from ringback.app.trunk_settings import read_trunks
from ringback.calls.dialplan import Dialplan
from ringback.calls.trunks import TrunkConfig, Trunks
from ringback.model.numbers import normalise
from ringback.model.telephony import TrunkState
from ringback.sip.auth_server import DigestServer
from ringback.sip.events import Event, IncomingRequest, RequestAnswered
from ringback.sip.fields import host_text
from ringback.sip.registrar import Binding
from ringback.sip.screen import Screen
from ringback.sip.stack import Rng
from ringback.sip.values import Flow, Headers, RequestId
from ringback.storage.database import Database
from ringback.storage.errors import StorageError
from ringback.storage.phones import Version
from ringback.tasks import TaskOwner

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.5
STORE_SECONDS: Final = 2.0
"""How soon the server takes up what somebody changes in the store, and writes down what has happened."""
_TIDY_SECONDS: Final = 600.0


class SipEndpoint(Asking, Protocol):
    """The endpoint, as far as it is needed here."""

    def respond(
        self, request: RequestId, code: int, now: float, reason: str | None = None, headers: Headers = ()
    ) -> None:
        """Answer an `IncomingRequest`."""
        ...


class SipServices:
    """Implements `ringback.sip.screen.Peers` and `ringback.calls.dialplan.Home`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        directory: Directory,
        *,
        rng: Rng,
        key: bytes,
        clock: Callable[[], float],
        utcnow: Callable[[], datetime],
    ) -> None:
        """`key` are secret bytes, new for each start."""
        self._settings = settings
        self._database = database
        self._directory = directory
        self._rng = rng
        self._clock = clock
        self._utcnow = utcnow
        self._tasks = TaskOwner()
        self._trunks = Trunks()
        self._trunk_version: Version | None = None
        self._prefixes: dict[str, set[str]] = {}
        self._places: set[tuple[str, int]] = set()
        self._address = ""
        self._keepalives: dict[RequestId, tuple[str, str]] = {}
        self._kept_alive: dict[tuple[str, str], float] = {}
        self._reports: dict[str, object] = {}
        self._tidy_at = 0.0
        self._endpoint: SipEndpoint | None = None
        self._stands: Callable[[Flow], bool] = lambda flow: True
        self.lines: Lines | None = None
        self.domains = Domains(database)
        self.phones = Phones(database, settings.phones, self.domains)
        self.guarding = Guarding(database, settings.guard)
        self.applications = OwnApplications(database, key)
        digest = DigestServer(
            realm=settings.phones.realm, key=key, rng=rng, algorithms=tuple(settings.phones.algorithms)
        )
        self.screen = Screen(
            self.guarding.guard,
            digest,
            self,
            open_to=settings.sip.allow,
            is_bound=lambda flow: self.phones.is_bound(flow, clock()),
            is_own=lambda flow: self._is_own(flow) or self.domains.opens(flow.remote[0]),
            asks_all=lambda view: view.method == "INVITE" and self.domains.wants_password(view.request_uri),
        )
        self.plan = Dialplan(
            self, self._trunks, rng=rng, domain=lambda: self._address, region=settings.calls.default_region
        )

    def read_number(self, user: str, identity: str | None) -> str:
        """Return the stored form of a number that came from whom the screen has named so: trunks have their ways."""
        kind, _, name = (identity or "").partition(":")
        trunk = self._trunks.by_name.get(name) if kind == "trunk" else None
        return trunk.config.read(user) if trunk else normalise(user, self._settings.calls.default_region)

    async def load(self) -> None:
        """Read the store, before the first request comes. Raises StorageError."""
        now, utcnow = self._clock(), self._utcnow()
        await self.phones.load(now, utcnow)
        await self.guarding.synchronise(now, utcnow)
        self._trunks.set(await self._configs())
        await self._read_prefixes()

    def start(
        self,
        endpoint: SipEndpoint,
        *,
        locate: Locate,
        advertised: Callable[[Flow], tuple[str, int]],
        addresses: Sequence[tuple[str, int]],
        stands: Callable[[Flow], bool] = lambda flow: True,
    ) -> None:
        """Begin to work, once the sockets are there.

        `addresses` are those that it listens on, the main one first; `stands` tells whether a flow can be used without
        opening anything.
        """
        self._endpoint = endpoint
        self._stands = stands
        advertised_address = self._settings.sip.advertised_address
        self._address = advertised_address or _reachable(addresses[0][0])
        self._places = {(_reachable(host), port) for host, port in addresses}
        if advertised_address:
            self._places |= {(advertised_address, port) for _, port in addresses}
        self.lines = Lines(
            self._trunks, asking=endpoint, locate=locate, advertised=advertised, rng=self._rng, clock=self._clock
        )
        self.lines.set([trunk.config for trunk in self._trunks.by_name.values()])
        self._tasks.start(self._run(), "phones and trunks")

    def on_event(self, event: Event) -> bool:
        """Take an event of the endpoint, and tell whether it was one for phones and trunks."""
        if isinstance(event, IncomingRequest) and event.method == "REGISTER" and event.call is None:
            self._register(event)
            return True
        if isinstance(event, RequestAnswered):
            if self._keepalives.pop(event.request, None) is not None:
                return True
            return self.lines is not None and self.lines.on_answer(event)
        return False

    async def close(self) -> None:
        """Take registrations of ours back and write everything down."""
        await self._tasks.close()
        if self.lines is not None:
            await self.lines.close()
        try:
            await self._save()
        except StorageError as error:
            logger.error("what phones and guards did last is lost: %s", error)

    # -- peers (the screen asks) -----------------------------------------------------------------------------------

    def secret(self, username: str, algorithm: str) -> str | None:
        """Return what checks the password of a phone, or of a trunk's calls."""
        own = self.phones.secret(username, algorithm)
        return own or self._trunks.secret(username, self._settings.phones.realm, algorithm)

    def identity(self, username: str) -> str:
        """Return who that user is."""
        trunk = None if self.phones.account_of(username) else self._trunks.user(username)
        return f"{IDENTITY}{username}" if trunk is None else f"trunk:{trunk.name}"

    def trunk_at(self, host: str) -> str | None:
        """Return the name of the trunk that calls from this address."""
        return self._trunks.at(host)

    def any_users(self) -> bool:
        """Tell whether there is anybody who could answer a challenge."""
        return bool(len(self.phones)) or any(t.config.inbound_username for t in self._trunks.by_name.values())

    def _is_own(self, flow: Flow) -> bool:
        """Tell whether it is this server that calls one of its numbers. No packet comes in with an address of ours."""
        return flow.remote in self._places or (flow.reliable and flow.remote[0] in {host for host, _ in self._places})

    # -- home (the dial plan asks) ---------------------------------------------------------------------------------

    async def is_number(self, number: str) -> bool:
        """Tell whether a number in its stored form is one of this server."""
        return await self._directory.find(number) is not None

    async def application(self, sid: str, account_sid: str) -> Headers | None:
        """Return the headers of a call to an application of that account, None where it has none of that sid."""
        return await self.applications.headers(sid, account_sid)

    def is_phone(self, username: str) -> bool:
        """Tell whether there is a phone of that name."""
        return self.phones.is_phone(username)

    def bindings(self, username: str, now: float) -> Sequence[Binding]:
        """Return where a phone can be reached; one whose connection is gone may not be reached any more."""
        for binding in self.phones.bindings(username, now):
            if binding.flow.connection and not self._stands(binding.flow):
                self.phones.lost(binding.flow)
        return self.phones.bindings(username, now)

    def prefixes(self, account_sid: str) -> Collection[str]:
        """Return how numbers may begin that this account calls by a trunk."""
        return {*self._settings.calls.outbound_prefixes, *self._prefixes.get(account_sid, ())}

    def is_home(self, host: str, port: int | None) -> bool:
        """Tell whether a host and port of a SIP URI mean this server."""
        names = {name.lower() for name in self._settings.phones.domains}
        return host in names or host in self.domains.names or (host, port or 5060) in self._places

    def may_call(self, host: str) -> bool:
        """Tell whether SIP URIs at that host may be called."""
        allowed = self._settings.calls.outbound_hosts
        return "*" in allowed or host in {name.lower() for name in allowed}

    # -- at work ---------------------------------------------------------------------------------------------------

    def _register(self, event: IncomingRequest) -> None:
        assert self._endpoint is not None
        now = self._clock()
        result = self.phones.register(event, now)
        if result.code == 403:
            self.guarding.guard.refused(event.flow.remote[0], "not allowed to register so", now)
        self._endpoint.respond(event.request, result.code, now, result.reason, result.headers)

    async def _run(self) -> None:
        store_at = self._clock() + STORE_SECONDS
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = self._clock()
            self.phones.expire(now)
            self._keep_alive(now)
            if self.lines is not None:
                self.lines.tick(now)
            if now >= store_at:
                try:
                    await self._exchange()
                except StorageError as error:
                    logger.warning("phones and trunks go on with what was known: %s", error)
                store_at = self._clock() + STORE_SECONDS

    async def _exchange(self) -> None:
        """Write down what has happened, take up what was changed."""
        await self._save()
        await self.phones.refresh()
        await self._read_prefixes()
        if await self._database.trunks.version() != self._trunk_version and self.lines is not None:
            self.lines.set(await self._configs())

    async def _save(self) -> None:
        now, utcnow = self._clock(), self._utcnow()
        await self.phones.save(now, utcnow)
        if now >= self._tidy_at:
            self._tidy_at = now + _TIDY_SECONDS
            await self._database.bindings.forget_expired(utcnow)
        await self.guarding.synchronise(now, utcnow)
        if self.lines is not None:
            reports: dict[str, object] = {name: self.lines.report(name, now) for name in self._trunks.by_name}
            if reports != self._reports:
                states = [TrunkState(name, self.lines.report(name, now), utcnow) for name in reports]
                await self._database.trunk_states.replace(states)
                self._reports = reports

    async def _configs(self) -> list[TrunkConfig]:
        """Return the trunks of the settings and of the store; the settings win where both have a name."""
        self._trunk_version = await self._database.trunks.version()
        records = {record.name: record for record in await self._database.trunks.list()}
        problems: list[str] = []
        stored = read_trunks(
            {name: {**record.settings, **record.secrets} for name, record in records.items()},
            {},
            problems,
            where="the store",
        )
        for problem in problems:
            logger.error("a trunk is left out: %s", problem)
        trunks = {**stored, **self._settings.trunks}
        return [trunk.config(name) for name, trunk in sorted(trunks.items())]

    async def _read_prefixes(self) -> None:
        found: dict[str, set[str]] = {}
        for allowed in await self._database.outbound_prefixes.list():
            found.setdefault(allowed.account_sid, set()).add(allowed.prefix)
        self._prefixes = found

    def _keep_alive(self, now: float) -> None:
        """Ask phones behind NATs for a sign of life: what goes out keeps the way in open (RFC 5626 §3.5)."""
        every = self._settings.phones.keepalive
        if not every or self._endpoint is None:
            return
        under_way = set(self._keepalives.values())
        bindings = [b for b in self.phones.registrar.all(now) if b.nat and not b.flow.reliable]
        for binding in bindings:
            if self._kept_alive.setdefault(binding.key, now) + every > now or binding.key in under_way:
                continue
            self._kept_alive[binding.key] = now
            request = self._endpoint.request(
                "OPTIONS", binding.contact, binding.flow, from_uri=f"sip:{host_text(self._address)}", now=now
            )
            self._keepalives[request] = binding.key
        if len(self._kept_alive) > 2 * len(bindings) + 100:
            self._kept_alive = {b.key: self._kept_alive[b.key] for b in bindings}


def _reachable(host: str) -> str:
    """Return an address that one can call where a server listens on all of them."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
