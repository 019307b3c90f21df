"""Enqueue: let the caller wait until somebody has time. 2010-04-01 clause 2.7."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from lxml import etree

from ringback.calls.port import Call
from ringback.calls.queueing import Queued, Queueing, QueuePlace
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import attribute, free_text, http_method, integer
from ringback.twiml.reader import Reader
from ringback.twiml.services import Fetch
from ringback.twiml.session import QUEUE_WAIT, Session
from ringback.twiml.verb import End, GoOn, Next, Verb

MAX_NAME = 64
LEAVE = "leave"
"""The end of a wait document that Leave brought about."""


@dataclass(frozen=True)
class Enqueue(Verb):
    """The name of a queue, what is heard there, and whom to tell how it ended."""

    name: ClassVar[str] = "Enqueue"
    since: ClassVar[ApiVersion] = ApiVersion.V2010
    drops_keys: ClassVar[bool] = True

    queue: str = ""
    action: str = attribute(free_text, "")
    method: Literal["GET", "POST"] = attribute(http_method, "POST")
    wait_url: str | None = attribute(free_text, None)
    """None: the built-in music."""
    wait_url_method: Literal["GET", "POST"] = attribute(http_method, "POST")
    max_queue_size: int = attribute(integer(1, 5000), 1000)

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, *, nested: bool = False) -> Self | None:
        """Build it; None without the name of a queue."""
        enqueue = cls(queue=reader.text(element), **reader.attributes(cls, element, nested=nested))
        if not 0 < len(enqueue.queue) <= MAX_NAME:
            reader.warn(12200, f"Enqueue takes the name of a queue, of up to {MAX_NAME} characters", element)
            return None
        return enqueue

    def content(self) -> str:
        """The queue."""
        return self.queue

    async def run(self, session: Session) -> Next:
        """Wait, and go on when the wait and the talk after it are over."""
        began = session.call.now()
        wait = self._wait(session) if self.wait_url is not None else None
        ended: list[Queued] = []

        async def after_hangup() -> Fetch | None:
            return session.fetch(self.action, self.method, _told(ended[0])) if self.action and ended else None

        settle = session.owe(after_hangup)
        queued = await session.call.enqueue(Queueing(self.queue, wait, self.max_queue_size, ended.append))
        settle()
        session.spent(began)
        return session.fetch(self.action, self.method, _told(queued)) if self.action else GoOn(queued.result)

    def _wait(self, session: Session) -> Callable[[Call, Callable[[], QueuePlace]], Awaitable[bool]]:
        url = self.wait_url or ""

        async def wait(call: Call, place: Callable[[], QueuePlace]) -> bool:
            while url:
                began = call.now()
                fetch = session.fetch(url, self.wait_url_method, _place(place()))
                end = await session.conduct(call, fetch, QUEUE_WAIT)
                if end.reason == LEAVE:
                    return True
                if end.error_code is not None:
                    return False
                if call.now() - began < 1.0:
                    await call.sleep(1.0)
            return False

        return wait


@dataclass(frozen=True)
class Leave(Verb):
    """Leave the queue: in its wait document."""

    name: ClassVar[str] = "Leave"
    since: ClassVar[ApiVersion] = ApiVersion.V2010

    async def run(self, session: Session) -> Next:
        """End the wait."""
        if session.part is QUEUE_WAIT:
            return End(LEAVE)
        session.warn(12200, "Leave is for the wait document of a queue; it is skipped")
        return GoOn("no queue")


def _place(place: QueuePlace) -> dict[str, str]:
    return {
        "QueueSid": place.queue_sid,
        "QueuePosition": str(place.position),
        "QueueTime": str(place.waited),
        "AvgQueueTime": str(place.average_wait),
        "CurrentQueueSize": str(place.size),
        "MaxQueueSize": str(place.max_size),
    }


def _told(queued: Queued) -> dict[str, str]:
    return {"QueueResult": queued.result, "QueueSid": queued.queue_sid, "QueueTime": str(queued.seconds)}
