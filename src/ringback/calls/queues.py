"""Queues: who waits for somebody to talk to, in the order in which they came. 2010-04-01 clause 2.7."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ringback.calls.journal import Journal
from ringback.calls.queueing import Queued, Queueing, QueuePlace, QueueResult
from ringback.calls.race import first_of
from ringback.model import sids
from ringback.model.queues import QueueMemberRecord, QueueRecord

if TYPE_CHECKING:
    from ringback.calls.house import House
    from ringback.calls.leg import Leg

_REMEMBERED_WAITS: Final = 100
"""So many of the last waits make the average."""


@dataclass(eq=False, slots=True)
class Waiting:
    """A call that waits."""

    leg: "Leg"
    since: float
    taken: "asyncio.Future[Leg]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Done when somebody has come for it."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the talk is over."""
    waited: float = 0.0
    """Seconds, once that is over."""


class Queue:
    """One queue."""

    def __init__(self, record: QueueRecord, journal: Journal, house: "House") -> None:
        self.record = record
        self.waiting: deque[Waiting] = deque()
        self._journal = journal
        self._house = house
        self._waits: deque[float] = deque(maxlen=_REMEMBERED_WAITS)
        self._arrived = asyncio.Event()

    @property
    def average_wait(self) -> int:
        """Seconds that the last ones have waited, on average."""
        return round(sum(self._waits) / len(self._waits)) if self._waits else 0

    async def wait(self, leg: "Leg", queueing: Queueing) -> Queued:
        """Wait until somebody comes, the call ends, or who entertains it says that it leaves."""
        if len(self.waiting) >= min(self.record.max_size, queueing.max_size):
            return Queued("queue-full", self.record.sid)
        mine = Waiting(leg, leg.now())
        self.waiting.append(mine)
        self._journal.save(QueueMemberRecord(leg.info.sid, self.record.sid, leg.info.account_sid, self._house.utcnow()))
        self._arrived.set()
        result: QueueResult = "hangup"
        try:
            await self._until_taken(mine, queueing)
            result = "bridged" if mine.taken.done() else "leave"
            if mine.taken.done():
                await mine.released.wait()
        finally:
            queued = Queued(result, self.record.sid, round(mine.waited))
            if queueing.ended is not None:
                queueing.ended(queued)
        return queued

    async def _until_taken(self, mine: Waiting, queueing: Queueing) -> None:
        leg = mine.leg
        try:
            await first_of(_result(mine.taken), self._entertain(mine, queueing))
        finally:
            mine.waited = leg.now() - mine.since
            if mine in self.waiting:
                self.waiting.remove(mine)
            self._waits.append(mine.waited)
            self._journal.remove(QueueMemberRecord, leg.info.sid)

    async def _entertain(self, mine: Waiting, queueing: Queueing) -> None:
        def place() -> QueuePlace:
            position = self.waiting.index(mine) + 1 if mine in self.waiting else 0
            waited = round(mine.leg.now() - mine.since)
            return QueuePlace(
                self.record.sid, position, waited, self.average_wait, len(self.waiting), self.record.max_size
            )

        if queueing.wait is not None:
            if await queueing.wait(mine.leg, place):
                return
        elif mine.leg.audio.leg is not None:
            await mine.leg.audio.leg.tone("hold-music", loop=0)
        await asyncio.get_running_loop().create_future()

    async def take(self, by: "Leg", call_sid: str = "") -> Waiting:
        """Take the first who waits, or the one of that sid, and wait for somebody where nobody does."""
        while True:
            for waiting in self.waiting:
                if not call_sid or waiting.leg.info.sid == call_sid:
                    self.waiting.remove(waiting)
                    waiting.taken.set_result(by)
                    return waiting
            self._arrived.clear()
            await self._arrived.wait()


class Queues:
    """All queues that somebody has used since the start, by account and name."""

    def __init__(self, journal: Journal, house: "House") -> None:
        self._journal = journal
        self._house = house
        self._queues: dict[tuple[str, str], Queue] = {}

    def open(self, account_sid: str, name: str, max_size: int = 1000) -> Queue:
        """The queue of that name, made where there is none."""
        key = account_sid, name
        if key not in self._queues:
            record = QueueRecord(
                self._house.make_sid(sids.QUEUE), account_sid, name, self._house.utcnow(), max_size=max_size
            )
            self._journal.save(record)
            self._queues[key] = Queue(record, self._journal, self._house)
        return self._queues[key]

    def keep(self, record: QueueRecord) -> None:
        """Take over a queue that the store has, or its changes."""
        known = self._queues.get((record.account_sid, record.friendly_name))
        if known is None:
            self._queues[record.account_sid, record.friendly_name] = Queue(record, self._journal, self._house)
        else:
            known.record = record

    def find(self, sid: str) -> Queue | None:
        """The queue of that sid."""
        return next((queue for queue in self._queues.values() if queue.record.sid == sid), None)

    def named(self, account_sid: str, name: str) -> Queue | None:
        """The queue of that name, if there is one."""
        return self._queues.get((account_sid, name))

    def forget(self, sid: str) -> None:
        """A queue was deleted."""
        for key in [key for key, queue in self._queues.items() if queue.record.sid == sid]:
            del self._queues[key]

    async def enqueue(self, leg: "Leg", queueing: Queueing) -> Queued:
        """Wait in a queue."""
        return await self.open(leg.info.account_sid, queueing.name, queueing.max_size).wait(leg, queueing)


async def _result(future: "asyncio.Future[Leg]") -> None:
    await asyncio.shield(future)
