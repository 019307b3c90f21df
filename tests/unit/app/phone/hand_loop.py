"""What the tests of the phone share: a clock that is moved by hand, sounds, and a server that does as it is told."""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ringback.app.phone.hearing import Hearing
from ringback.app.phone.media import Media
from ringback.app.phone.speaking import Speaking
from ringback.media.g711 import CODECS
from ringback.sip import events as sip
from ringback.sip import sdp
from ringback.sip.endpoint import Endpoint
from ringback.sip.net.transport import SipTransport


class HandLoop:
    """As much of an event loop as a call needs, with a clock that the test moves."""

    class Handle:
        cancelled = False

        def cancel(self) -> None:
            self.cancelled = True

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], None], HandLoop.Handle]] = []
        self.reader: Callable[[], None] | None = None

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], None]) -> "HandLoop.Handle":
        return self.call_at(self.now, callback)

    def call_at(self, when: float, callback: Callable[[], None]) -> "HandLoop.Handle":
        self.timers.append((when, callback, self.Handle()))
        return self.timers[-1][2]

    def create_future(self) -> "asyncio.Future[float]":
        return asyncio.get_running_loop().create_future()

    def add_reader(self, opened: socket.socket, callback: Callable[[], None]) -> None:
        self.reader = callback

    def remove_reader(self, opened: socket.socket) -> None:
        self.reader = None

    def until(self, moment: float) -> None:
        """Run all timers that are due up to a moment, each at its time."""
        while self.timers and min(self.timers, key=lambda timer: timer[0])[0] <= moment:
            timer = min(self.timers, key=lambda timer: timer[0])
            self.timers.remove(timer)
            self.now = max(self.now, timer[0])
            if not timer[2].cancelled:
                timer[1]()
        self.now = max(self.now, moment)

    async def run(self, work: Awaitable[Any], seconds: float = 20.0) -> Any:
        """Let time pass, 20 ms after 20 ms, until the work is done or the seconds are over; return its result."""
        task = asyncio.ensure_future(work)  # noqa: TID251 - awaited or cancelled below
        end = self.now + seconds
        while not task.done() and self.now < end:
            for _ in range(8):
                await asyncio.sleep(0)
            if not task.done():
                self.until(self.now + 0.02)
        if not task.done():
            task.cancel()
        return await task


def sine(seconds: float = 0.02, level: float = 0.3, hertz: float = 440) -> NDArray[np.int16]:
    when = np.arange(round(seconds * 8000)) / 8000
    return np.asarray(level * 32767 * np.sin(2 * np.pi * hertz * when), np.int16)


class Server:
    """A SIP server that answers as the number says: 404 and the like refuse, 1xx rings for ever, others are answered.

    It says a tone of half a second at once, and hangs up when it hears `#`.
    """

    def __init__(self) -> None:
        self.endpoint = Endpoint(rng=random.Random(2))
        self.transport = SipTransport(self.endpoint, None, self.on_event)
        self.events: list[sip.Event] = []
        self.media: dict[sip.DialogId, Media] = {}
        self.says = sine(0.5)
        self.on_answer: Callable[[], object] = lambda: None

    async def __aenter__(self) -> Self:
        self.address = await self.transport.listen("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        for media in self.media.values():
            media.close()
        await self.transport.close()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def on_event(self, event: sip.Event) -> None:
        if not isinstance(event, sip.Trace):
            self.events.append(event)
        match event:
            case sip.IncomingCall(request_uri_user="100"):
                pass
            case sip.IncomingCall(request_uri_user="180"):
                self.endpoint.ring(event.call, self.now())
            case sip.IncomingCall(request_uri_user=user) if len(user) == 3:
                self.endpoint.reject(event.call, int(user), self.now())
            case sip.IncomingCall(request_uri_user="nonsense"):
                self.endpoint.answer(event.call, b"v=0\r\nnonsense", self.now())
            case sip.IncomingCall():
                self.endpoint.ring(event.call, self.now())
                self.answer(event)
            case sip.Ended():
                if media := self.media.get(event.call):
                    media.close()

    def answer(self, invite: sip.IncomingCall) -> None:
        assert invite.sdp is not None
        media = Media("127.0.0.1", Hearing(10), asyncio.get_running_loop())
        description, agreed = sdp.answer(invite.sdp, "127.0.0.1", media.port)
        self.media[invite.call] = media
        media.hearing.event_type = agreed.telephone_event
        media.hearing.on_key = lambda key: self.endpoint.bye(invite.call, self.now()) if key == "#" else None
        speaking = Speaking(
            9, 0, 0, codec=CODECS[agreed.codec], payload_type=agreed.payload_type, event_type=agreed.telephone_event
        )
        speaking.say(self.says)
        media.start(agreed.remote, speaking)
        self.endpoint.answer(invite.call, description, self.now())
        self.on_answer()

    def all(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]
