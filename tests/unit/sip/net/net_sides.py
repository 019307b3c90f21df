"""Endpoints on real sockets of loopback, and certificates for them."""

import asyncio
import datetime
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ringback.sip import sdp
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Acknowledged, Answered, Ended, Event, Flow, IncomingCall, Trace
from ringback.sip.net.tls import TlsSettings, own_certificate
from ringback.sip.net.transport import Listen, SipTransport

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Side:
    """An endpoint on sockets, and what it tells."""

    def __init__(self, seed: int, **options: Any) -> None:
        self.endpoint = Endpoint(rng=random.Random(seed))
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.transport = SipTransport(self.endpoint, None, self.told, **options)
        self.address = ("", 0)
        self.at: dict[str, Listen] = {}
        self.fail = False

    def told(self, event: Event) -> None:
        if self.fail:
            raise RuntimeError("a handler that is broken")
        if not isinstance(event, Trace):
            self.events.put_nowait(event)

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def next(self, kind: type[Event]) -> Any:
        """Wait for the next event, which must be of that kind."""
        event = await asyncio.wait_for(self.events.get(), 5.0)
        assert isinstance(event, kind), event
        return event

    def invite(self, flow: Flow, uri: str = "sip:x@127.0.0.1") -> Any:
        return self.endpoint.invite(
            uri, flow, from_uri="sip:me@127.0.0.1", sdp=sdp.offer("127.0.0.1", 4000), now=self.now
        )


@asynccontextmanager
async def side(seed: int, *transports: str, host: str = "127.0.0.1", **options: Any) -> AsyncIterator[Side]:
    """An endpoint that listens on loopback, on UDP and TCP unless told otherwise."""
    made = Side(seed, **options)
    wanted = [Listen(transport, host, 0) for transport in transports or ("TCP", "UDP")]
    bound = await made.transport.listen_on(wanted)
    made.at = {where.transport: where for where in bound}
    made.address = (host, bound[0].port)
    try:
        yield made
    finally:
        await made.transport.close()


async def call_and_hang_up(here: Side, there: Side, flow: Flow) -> IncomingCall:
    """Call through a flow, answer, hang up by the callee; returns what the callee saw."""
    call = here.invite(flow)
    incoming: IncomingCall = await there.next(IncomingCall)
    assert incoming.flow.transport == flow.transport
    answer, _ = sdp.answer(incoming.sdp or b"", "127.0.0.1", 5000)
    there.endpoint.answer(incoming.call, answer, there.now)
    assert (await here.next(Answered)).sdp == answer
    await there.next(Acknowledged)
    there.endpoint.bye(incoming.call, there.now)
    assert (await here.next(Ended)) == Ended(call, "bye", True)
    assert (await there.next(Ended)).remote is False
    return incoming


def certificate(folder: Path, *names: str, **options: Any) -> TlsSettings:
    """A certificate of its own that is its own authority."""
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251  # TLS looks at the real clock
    files = own_certificate(folder, names or ("127.0.0.1",), now)
    return TlsSettings(*files, **{"ca": files[0], **options})
