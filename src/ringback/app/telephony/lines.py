"""The lines to other networks: they are registered at, and asked whether they are alive."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ringback.calls.dialplan import user_part
from ringback.calls.trunks import Trunk, TrunkConfig, Trunks
from ringback.sip.auth import Credentials
from ringback.sip.events import RequestAnswered
from ringback.sip.fields import host_text, parse_uri
from ringback.sip.registration import Register, Registration, RegistrationStatus
from ringback.sip.stack import Rng
from ringback.sip.values import Flow, RequestId
from ringback.tasks import TaskOwner

logger = logging.getLogger(__name__)

_LOCATE_SECONDS: Final = 5.0
_FAREWELL_SECONDS: Final = 2.0

Locate = Callable[[str], Awaitable[Sequence[Flow]]]
"""Finds where a SIP URI is reached (RFC 3263), the first to be tried first."""


class Asking(Protocol):
    """Sends requests: `ringback.sip.endpoint.Endpoint.request`."""

    def request(
        self,
        method: str,
        target_uri: str,
        flow: Flow,
        *,
        from_uri: str,
        to_uri: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int | None = None,
        now: float,
    ) -> RequestId:
        """Send one."""
        ...  # fmt: skip


@dataclass(slots=True)
class _Line:
    """One registration of ours."""

    config: TrunkConfig
    registration: Registration
    call_id: str
    cseq: int = 1
    order: Register | None = None
    flows: list[Flow] = field(default_factory=list)
    """Addresses of the registrar that are not tried yet."""
    contact: str = ""
    was: str = ""
    """The state that was told last."""


class Lines:
    """All trunks at work. `tick` is called a few times a second, `on_answer` with each `RequestAnswered`."""

    def __init__(
        self,
        trunks: Trunks,
        *,
        asking: Asking,
        locate: Locate,
        advertised: Callable[[Flow], tuple[str, int]],
        rng: Rng,
        clock: Callable[[], float],
    ) -> None:
        """`advertised` is the address that Contact shows on a flow."""
        self._trunks = trunks
        self._asking = asking
        self._locate = locate
        self._advertised = advertised
        self._rng = rng
        self._clock = clock
        self._tasks = TaskOwner()
        self._parted = asyncio.Event()
        self._lines: dict[str, _Line] = {}
        self._registers: dict[RequestId, _Line] = {}
        self._asked: dict[RequestId, tuple[str, str]] = {}
        """Questions whether a gateway is alive: the trunk's name, the gateway."""
        self._ask_at: dict[tuple[str, str], float] = {}

    def set(self, configs: Sequence[TrunkConfig]) -> None:
        """Have these trunks. A registration whose settings have not changed goes on as it is."""
        self._trunks.set(configs)
        wanted = {config.name: config for config in configs if config.register}
        for name, line in list(self._lines.items()):
            if wanted.get(name) != line.config:
                line.registration.stop(self._clock())
                self._send(line)
                del self._lines[name]
        for name, config in wanted.items():
            if name not in self._lines:
                registrars = config.registrars or tuple(gateway.uri for gateway in config.gateways)
                registration = Registration(registrars, expires=config.expires, rng=self._rng)
                self._lines[name] = _Line(config, registration, f"{self._rng.getrandbits(96):024x}")
                registration.start(self._clock())
        self.tick(self._clock())

    def tick(self, now: float) -> None:
        """Do what is due."""
        for line in self._lines.values():
            line.registration.handle_timeout(now)
            self._send(line)
        for name, trunk in self._trunks.by_name.items():
            for uri in trunk.states:
                if trunk.config.options_interval and self._ask_at.get((name, uri), now) <= now:
                    self._ask_at[name, uri] = now + trunk.config.options_interval
                    if (name, uri) not in self._asked.values():
                        self._tasks.start(self._ask(trunk, uri), f"asking gateway {uri} of trunk {name}")
        if len(self._ask_at) > 10 * sum(len(trunk.states) for trunk in self._trunks.by_name.values()) + 100:
            self._ask_at.clear()  # of trunks that are gone

    def on_answer(self, event: RequestAnswered) -> bool:
        """Hear an answer, and tell whether it was to a request of a line."""
        now = self._clock()
        if (asked := self._asked.pop(event.request, None)) is not None:
            # Whatever it answers, it lives; but for one that says that it has no time.
            alive = event.answered and event.code not in (408, 503)
            why = f"{event.code} {event.reason}" if event.answered else "no answer"
            self._news(*asked, alive, "" if alive else why, now)
            return True
        line = self._registers.pop(event.request, None)
        if line is None:
            return False
        line.cseq = max(line.cseq, event.cseq) + 1
        if (not event.answered or event.code == 503) and line.flows:
            self._ask_registrar(line)
        elif event.answered:
            line.registration.answered(event.code, event.reason, event.headers, line.contact, now)
        else:
            line.registration.failed("no answer", now)
        self._tell(line, now)
        self._send(line)
        if not self._parting():
            self._parted.set()
        return True

    def status(self, name: str, now: float) -> RegistrationStatus | None:
        """Return how the registration of a trunk stands; None where it does not register."""
        line = self._lines.get(name)
        return None if line is None else line.registration.status(now)

    def report(self, name: str, now: float) -> dict[str, Any]:
        """Return what can be told of a trunk, as JSON."""
        trunk = self._trunks.by_name[name]
        status = self.status(name, now)
        gateways = [
            {"uri": uri, "alive": state.alive, "why": state.why, "rests": state.rests_until > now}
            for uri, state in trunk.states.items()
        ]
        registration = status and {
            "state": status.state,
            "registrar": status.registrar,
            "seconds_left": None if status.until is None else round(status.until - now),
            "next_try_in": None if status.next_try is None else round(max(0.0, status.next_try - now)),
            "failures": status.failures,
            "why": status.why,
        }
        return {"calls": trunk.calls, "gateways": gateways, "registration": registration}

    async def close(self) -> None:
        """Take the registrations back, and wait for the answers for a moment."""
        self._parted.clear()
        for line in self._lines.values():
            line.registration.stop(self._clock())
            self._send(line)
        if self._parting():
            with suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL_SECONDS):
                    await self._parted.wait()
        await self._tasks.close()

    def _parting(self) -> bool:
        """Tell whether a registration is being taken back."""
        now = self._clock()
        return any(line.registration.status(now).state == "unregistering" for line in self._lines.values())

    # -- registering -----------------------------------------------------------------------------------------------

    def _send(self, line: _Line) -> None:
        order = line.registration.poll()
        if order is not None:
            line.order = order
            line.flows = []
            self._tasks.start(self._register(line, order), f"registering trunk {line.config.name}")

    async def _register(self, line: _Line, order: Register) -> None:
        flows, why = await self._found(order.registrar)
        if line.order is not order:
            return  # settings have changed meanwhile
        line.flows = flows
        if not flows:
            line.registration.failed(why, self._clock())
            self._tell(line, self._clock())
            self._send(line)
            return
        self._ask_registrar(line)

    def _ask_registrar(self, line: _Line) -> None:
        order, config = line.order, line.config
        assert order is not None
        flow = line.flows.pop(0)
        host, port = self._advertised(flow)
        transport = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
        user = user_part(config.username)
        line.contact = f"sip:{user}@{host_text(host)}:{port}{transport}"
        address = f"sip:{user}@{host_text(config.host)}"
        registrar = parse_uri(order.registrar)
        # §10.2: the Request-URI names the domain, without a user.
        target = f"{registrar.scheme}:{host_text(registrar.host)}" + (f":{registrar.port}" if registrar.port else "")
        try:
            name = self._asking.request(
                "REGISTER",
                f"{registrar.scheme}:{host_text(config.domain)}" if config.domain else target,
                flow,
                from_uri=address,
                to_uri=address,
                headers=[("Contact", f"<{line.contact}>"), ("Expires", str(order.expires))],
                credentials=Credentials(config.username, config.password),
                call_id=line.call_id,
                cseq=line.cseq,
                now=self._clock(),
            )
        except ValueError as error:
            line.registration.failed(str(error), self._clock())
            self._tell(line, self._clock())
            return
        self._registers[name] = line

    def _tell(self, line: _Line, now: float) -> None:
        status = line.registration.status(now)
        told = f"{status.state} {status.why}"
        if told == line.was:
            return
        line.was = told
        name = line.config.name
        if status.why:
            wait = 0.0 if status.next_try is None else status.next_try - now
            logger.warning("trunk %s cannot register: %s; next try in %.0f s", name, status.why, max(0.0, wait))
        elif status.state == "registered":
            logger.info("trunk %s is registered at %s", name, status.registrar)

    # -- asking whether they are alive -----------------------------------------------------------------------------

    async def _ask(self, trunk: Trunk, uri: str) -> None:
        flows, why = await self._found(uri)
        name = trunk.config.name
        if not flows:
            self._news(name, uri, False, why, self._clock())
            return
        user = f"{user_part(trunk.config.username)}@" if trunk.config.username else ""
        try:
            request = self._asking.request(
                "OPTIONS", uri, flows[0], from_uri=f"sip:{user}{host_text(trunk.config.host)}", now=self._clock()
            )
        except ValueError as error:
            self._news(name, uri, False, str(error), self._clock())
            return
        self._asked[request] = (name, uri)

    def _news(self, name: str, uri: str, alive: bool, why: str, now: float) -> None:
        trunk = self._trunks.by_name.get(name)
        if trunk is not None and trunk.told(uri, alive, why, now):
            logger.log(
                logging.INFO if alive else logging.WARNING,
                "gateway %s of trunk %s %s", uri, name, "is alive" if alive else f"is dead: {why}",
            )  # fmt: skip

    async def _found(self, uri: str) -> tuple[list[Flow], str]:
        try:
            async with asyncio.timeout(_LOCATE_SECONDS):
                flows = list(await self._locate(uri))
        except TimeoutError:
            return [], f"no name server answers for {uri}"
        except (OSError, ValueError) as error:
            return [], str(error)
        return flows, "" if flows else f"no address was found for {uri}"
