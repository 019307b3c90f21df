"""An endpoint with sockets of its own, for `ringback trunks test`: a running server is not disturbed."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from ringback.app.errors import UserError
from ringback.app.settings import Settings
from ringback.app.sip_sockets import tls_settings
from ringback.app.telephony.trunk_check import TrunkCheck
from ringback.calls.trunks import TrunkConfig
from ringback.sip.endpoint import Endpoint
from ringback.sip.net.resolve import DnsResolver, locate_flows
from ringback.sip.net.tls import TlsError
from ringback.sip.net.transport import Listen, SipTransport
from ringback.sip.sdes import ENTROPY_BYTES
from ringback.sip.values import Flow


class _Sockets:
    """Implements `ringback.app.telephony.trunk_check.Network`."""

    def __init__(self, transport: SipTransport) -> None:
        self._transport = transport
        self._resolver = DnsResolver()

    async def locate(self, uri: str) -> list[Flow]:
        return await locate_flows(uri, self._transport, self._resolver)

    async def connect(self, flow: Flow) -> Flow:
        return await self._transport.connect_flow(flow.transport, *flow.remote, flow.name)


@asynccontextmanager
async def probing(settings: Settings, config: TrunkConfig) -> AsyncIterator[TrunkCheck]:
    """Give a check of a trunk that sends from the address of the settings, at a free port. Raises UserError."""
    clock = asyncio.get_running_loop().time
    endpoint = Endpoint(rng=random.SystemRandom(), user_agent=settings.sip.user_agent, allowed=lambda flow: False)
    checks: list[TrunkCheck] = []
    try:
        transport = SipTransport(
            endpoint,
            clock,
            lambda event: checks[0].on_event(event),
            tls=tls_settings(settings.sip, settings.storage.directory, datetime.now(UTC)),
        )
        hosts = dict.fromkeys((settings.sip.host, *settings.sip.also_listen))
        await transport.listen_on([Listen("UDP", host, 0) for host in hosts])
    except (OSError, TlsError) as error:
        raise UserError(f"no socket for the test: {error}") from error
    checks.append(TrunkCheck(config, endpoint, _Sockets(transport), clock, secrets.token_bytes(ENTROPY_BYTES)))
    try:
        yield checks[0]
        await asyncio.sleep(0.05)  # the last BYE or CANCEL
    finally:
        await transport.close()
