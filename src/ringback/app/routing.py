"""Where numbers lead, as the switch asks it: the dial plan's routes, with the addresses that they are reached at."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from ringback.calls.dialplan import NoRoute, Route
from ringback.calls.outgoing import Group, Hop
from ringback.sip.auth import Credentials
from ringback.sip.events import Flow
from ringback.sip.sdes import SrtpPolicy

logger = logging.getLogger(__name__)

_LOCATE_SECONDS: Final = 5.0
_SRTP: Final[dict[str, SrtpPolicy]] = {"off": "off", "offered": "optional", "required": "required"}


class Plan(Protocol):
    """The dial plan. `ringback.calls.dialplan.Dialplan` is the real one."""

    async def routes(self, target: str, *, account_sid: str, caller_id: str, now: float) -> Sequence[Route]:
        """Return the ways to somebody, the best first. Raises NoRoute."""
        ...

    def seized(self, route: Route, now: float) -> None:
        """A call over that way begins."""
        ...

    def released(self, route: Route, sip_code: int, now: float) -> None:
        """It is over, or was refused."""
        ...


Locate = Callable[[str], Awaitable[Sequence[Flow]]]
"""Finds where a SIP URI is reached (RFC 3263), the first to be tried first; nowhere when nothing is found."""


class PlannedRouting:
    """Implements `ringback.calls.outgoing.Routing`."""

    def __init__(self, plan: Plan, locate: Locate, clock: Callable[[], float], home: Callable[[], Flow]) -> None:
        """`home` is the way to this server itself: who dials one of its numbers calls it as anybody does."""
        self._plan = plan
        self._locate = locate
        self._clock = clock
        self._home = home

    async def hops(
        self, to: str, *, account_sid: str, caller_id: str, credentials: Credentials | None = None
    ) -> Sequence[Group]:
        """Return the ways to somebody: the phones of one user ring at once, everything else is tried in turn."""
        routes = await self._plan.routes(to, account_sid=account_sid, caller_id=caller_id, now=self._clock())
        phones: list[Hop] = []
        groups: list[Group] = []
        for route in routes:
            found = await self._hops(route)
            hops = [replace(hop, credentials=credentials or hop.credentials, origin=route) for hop in found]
            if route.kind == "phone":
                phones += hops
            else:
                groups += [[hop] for hop in hops]
        if phones:
            groups.insert(0, phones)
        if not groups:
            raise NoRoute(480, f"{to} cannot be reached now: no address was found for it")
        return groups

    async def _hops(self, route: Route) -> list[Hop]:
        if route.kind == "local":
            home = self._home()
            host, port = home.remote
            shown = f"[{host}]" if ":" in host else host
            caller = route.from_uri if route.from_uri.startswith("sip:") else f"sip:{route.from_uri}@{shown}"
            uri = f"sip:{route.uri}@{shown}:{port}"
            return [Hop(uri, home, caller, route.from_name, headers=route.headers, name="local")]
        if route.flow is not None:
            flows: Sequence[Flow] = [route.flow]
        else:
            try:
                async with asyncio.timeout(_LOCATE_SECONDS):
                    flows = await self._locate(route.next_hop or route.uri)
            except (TimeoutError, OSError, ValueError) as error:
                logger.warning("no address for %s: %s", route.next_hop or route.uri, str(error) or "no answer in time")
                return []
        return [
            Hop(
                route.uri, flow, route.from_uri, route.from_name, headers=route.headers, route=route.route,
                credentials=route.credentials, srtp=_SRTP[route.srtp], codecs=route.codecs,
                name=route.trunk or route.kind, phone=route.kind == "phone",
            )
            for flow in flows
        ]  # fmt: skip

    def seized(self, hop: Hop) -> None:
        """A call over that hop begins."""
        if isinstance(hop.origin, Route):
            self._plan.seized(hop.origin, self._clock())

    def released(self, hop: Hop, sip_code: int) -> None:
        """It is over, or was refused."""
        if isinstance(hop.origin, Route):
            self._plan.released(hop.origin, sip_code, self._clock())
