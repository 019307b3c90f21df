"""What the tests of calls share: virtual time, handlers made of steps, and a leg whose SIP side only remembers."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from ringback.calls.leg import CallSettings, Leg
from ringback.calls.port import CallInfo
from ringback.media.client import Media
from ringback.model.audio import Clip
from ringback.model.status import ApiVersion, Direction
from ringback.sip import sdp
from ringback.sip.events import Acknowledged, DialogId, EndCause, Ended, Flow, IncomingCall, PeerAlive, Reinvite
from ringback.testing.clock import run
from ringback.testing.exchange import Exchange

NUMBER = "+15550100001"
ACCOUNT = "AC" + "0" * 32
FLOW = Flow("UDP", ("127.0.0.1", 5060), ("127.0.0.9", 1))
CLIP = Clip(Path("/clips/two-seconds"), 16000)
OFFER = sdp.offer("127.0.0.1", 40000)


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def in_virtual_time(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return in_virtual_time


def conduct(*steps: Callable[[Leg], Coroutine[Any, Any, Any]]) -> Callable[[Leg], Coroutine[Any, Any, None]]:
    """A handler that assigns the call and takes the steps."""

    async def handler(leg: Leg) -> None:
        leg.assign(ACCOUNT, None, ApiVersion.V2010)
        for step in steps:
            await step(leg)

    return handler


async def pick_up(leg: Leg) -> None:
    await leg.answer()


async def wait_an_hour(leg: Leg) -> None:
    await leg.sleep(3600)


async def finished(exchange: Exchange) -> None:
    """Wait until no call is left."""
    while len(exchange.switch):  # noqa: ASYNC110 (virtual time: it costs nothing)
        await asyncio.sleep(1)


class OneCall:
    """A signalling side that only remembers what was said, and the leg that says it."""

    def __init__(
        self, exchange: Exchange, offer: bytes | None = OFFER, *, media: Media | None = None, **settings: Any
    ) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.ended: list[Leg] = []
        self.leg = Leg(
            IncomingCall(DialogId(7), FLOW, f"sip:{NUMBER}@h", NUMBER, "", "", "sip:a@h", "a", "", "id", offer),
            CallInfo("CA" + "1" * 32, ACCOUNT, "a", NUMBER, Direction.INBOUND, ApiVersion.V2010),
            signalling=self,  # type: ignore[arg-type]
            media=media or exchange.media,
            journal=exchange,
            settings=CallSettings(**settings),
            house=exchange.switch,
            entropy=bytes,
            on_ended=self.ended.append,
        )
        self.leg.assign(ACCOUNT, None, ApiVersion.V2010)

    def __getattr__(self, action: str) -> Callable[..., None]:
        return lambda call, *what: self.said.append((action, *what))

    def acknowledged(self, description: bytes | None) -> None:
        self.leg.on_sip(Acknowledged(DialogId(7), description))

    def reoffered(self, description: bytes | None) -> None:
        self.leg.on_sip(Reinvite(DialogId(7), description))

    def ended_by(self, cause: EndCause) -> None:
        self.leg.on_sip(Ended(DialogId(7), cause, remote=True))

    def alive(self) -> None:
        self.leg.on_sip(PeerAlive(DialogId(7)))

    async def end(self) -> None:
        """Hang up and wait for the last word."""
        await self.leg.hangup()
        await self.leg.tasks.drain(10)
