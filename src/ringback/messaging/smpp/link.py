"""A TCP or TLS connection that carries an SMPP session: the shell around `session`, which decides nothing."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, cast

from ringback.messaging.smpp.pdu import Bind, Pdu
from ringback.messaging.smpp.session import (
    Answered,
    Arrived,
    BindAsked,
    Bound,
    Closed,
    Event,
    Role,
    Send,
    Session,
    Timers,
    Unanswered,
)
from ringback.tasks import TaskOwner

_MOST_ARRIVALS: Final = 500
"""Messages of one connection that may be on their way to the disk. Beyond that it is not read from."""


class LinkError(Exception):
    """There is no session, or none any more. `status` is that of a bind that was refused, or 0."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class AnswerLostError(Exception):
    """A message was sent, and its answer did not come: the other side may have it."""


OnArrived = Callable[["Link", Pdu], Awaitable[None]]
OnBind = Callable[["Link", BindAsked], None]
OnOpened = Callable[["Link"], None]
OnClosed = Callable[["Link", str], None]


async def connect(
    host: str,
    port: int,
    bind: Bind,
    on_arrived: OnArrived,
    *,
    timers: Timers | None = None,
    tls: ssl.SSLContext | None = None,
    connect_timeout: float = 10.0,
) -> "Link":
    """Connect to an SMSC and bind. Raises LinkError, also for a bind that is refused."""
    loop = asyncio.get_running_loop()
    try:
        bind.pdu(1)
    except ValueError as error:
        raise LinkError(f"the bind cannot be sent: {error}") from error
    link = Link("esme", on_arrived, timers=timers, bind=bind)
    try:
        async with asyncio.timeout(connect_timeout):
            await loop.create_connection(lambda: link, host, port, ssl=tls)
    except TimeoutError:
        raise LinkError(f"no connection to {host} port {port} within {connect_timeout:g} s") from None
    except (OSError, ssl.SSLError) as error:
        raise LinkError(f"no connection to {host} port {port}: {error}") from error
    try:
        await link.bound
    except asyncio.CancelledError:
        link.abort("given up")
        raise
    return link


class Link(asyncio.Protocol):
    """One connection."""

    def __init__(
        self,
        role: Role,
        on_arrived: OnArrived,
        *,
        timers: Timers | None = None,
        bind: Bind | None = None,
        on_bind: OnBind | None = None,
        on_opened: OnOpened | None = None,
        on_closed: OnClosed | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._role, self._timers, self._bind = role, timers, bind
        self._on_arrived, self._on_bind = on_arrived, on_bind
        self._on_opened, self._on_closed = on_opened, on_closed
        self._tasks = TaskOwner()
        self._waiting: dict[int, asyncio.Future[Answered]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._arriving = 0
        self.session: Session | None = None
        self.remote = ""
        self.bound: asyncio.Future[Bound] = self._loop.create_future()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        """Why it is over, once it is."""

    # -- what the user does ---------------------------------------------------------------------------------------

    @property
    def may_send(self) -> bool:
        """Whether messages can go out this way now."""
        return self.session is not None and self.session.may_send()

    @property
    def pending(self) -> int:
        """How many messages wait for their answer."""
        return len(self._waiting)

    async def request(self, make: Callable[[int], Pdu]) -> Answered:
        """Send a message, made for the sequence number that it is given, and return its answer.

        Raises LinkError when it could not be sent, and AnswerLostError when its answer did not come.
        """
        if self.session is None or not self.session.may_send():
            raise LinkError("the session is not bound")
        sequence = self.session.send(make, self._loop.time())
        answer: asyncio.Future[Answered] = self._loop.create_future()
        self._waiting[sequence] = answer
        self._drain()
        return await answer

    def answer(self, request: Pdu, status: int, body: bytes = b"") -> None:
        """Answer a message that came."""
        if self.session is not None:
            self.session.answer(request, status, body)
            self._drain()

    def accept_bind(self, asked: BindAsked, system_id: str) -> None:
        """Let somebody in."""
        if self.session is not None:
            self.session.accept_bind(asked, system_id)
            self._drain()

    def refuse_bind(self, asked: BindAsked, status: int) -> None:
        """Keep somebody out."""
        if self.session is not None:
            self.session.refuse_bind(asked, status)
            self._drain()

    async def close(self) -> None:
        """Finish what came, unbind, and close the connection."""
        await self._tasks.drain()
        if self.session is not None and not self.session.closed:
            self.session.unbind(self._loop.time())
            self._drain()
            await asyncio.shield(self.ended)

    def abort(self, reason: str) -> None:
        """Close the connection at once."""
        if self.session is not None:
            self.session.lost(reason)
            self._drain()
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        # uvloop's transports have all of asyncio.Transport, but are none of its subclasses.
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername") or ("?", 0)
        self.remote = f"{peer[0]}:{peer[1]}"
        self.session = Session(self._role, self._loop.time(), timers=self._timers, bind=self._bind)
        self._drain()
        if self._on_opened is not None:
            self._on_opened(self)

    def data_received(self, data: bytes) -> None:
        """Hand octets on."""
        if self.session is not None:
            self.session.receive(data, self._loop.time())
            self._drain()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the session."""
        if self.session is not None:
            self.session.lost(f"the connection was lost{f': {exc}' if exc else ''}")
            self._drain()

    def pause_writing(self) -> None:
        """A peer that reads too slowly shows in the window and the timers."""

    def resume_writing(self) -> None:
        """See pause_writing."""

    # -- inside ---------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        session = self.session
        if session is None:
            return
        octets: list[bytes] = []
        closed: Closed | None = None
        while (event := session.poll()) is not None:
            if isinstance(event, Send):
                octets.append(event.data)
            elif isinstance(event, Closed):
                closed = event
            else:
                self._take(event)
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(octets))
        if closed is not None:
            self._over(closed)
        self._set_timer()

    def _take(self, event: Event) -> None:
        match event:
            case Answered(sequence=sequence):
                future = self._waiting.pop(sequence, None)
                if future is not None and not future.done():
                    future.set_result(event)
            case Unanswered(sequence=sequence):
                future = self._waiting.pop(sequence, None)
                if future is not None and not future.done():
                    future.set_exception(AnswerLostError("the answer did not come"))
            case Arrived(request=request):
                self._arriving += 1
                self._tasks.start(self._arrived(request), "an SMPP message")
                if self._arriving >= _MOST_ARRIVALS and self._transport is not None and not self._paused:
                    self._paused = True
                    self._transport.pause_reading()
            case BindAsked() if self._on_bind is not None:
                self._on_bind(self, event)
            case Bound() if not self.bound.done():
                self.bound.set_result(event)
            case _:
                pass

    async def _arrived(self, request: Pdu) -> None:
        try:
            await self._on_arrived(self, request)
        finally:
            self._arriving -= 1
            if self._paused and self._arriving < _MOST_ARRIVALS // 2 and self._transport is not None:
                self._paused = False
                self._transport.resume_reading()

    def _over(self, closed: Closed) -> None:
        if self._transport is not None:
            self._transport.close()
        if not self.bound.done():
            self.bound.set_exception(LinkError(closed.reason, closed.status))
            self.bound.exception()
        if not self.ended.done():
            self.ended.set_result(closed.reason)
            if self._on_closed is not None:
                self._on_closed(self, closed.reason)

    def _set_timer(self) -> None:
        assert self.session is not None
        deadline = self.session.next_timeout()
        if self._timer is not None:
            # Nearly every message moves the deadline on; a timer that comes too early looks again.
            if deadline is not None and self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        if self.session is not None:
            self.session.handle_timeout(self._loop.time())
            self._drain()
