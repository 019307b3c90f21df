"""The way out: which message goes to which carrier, and when.

Each carrier has a lane of messages that wait for it. What no carrier can take now is parked, and what has to wait for
its number's rate or for a pause is kept for later. A message is written down as `sending` before a carrier gets it, and
each of its units with the carrier's answer, so that after a crash it is known what was handed over. Only where an
answer was lost is something handed over twice, and the message says so (`repeated`).
"""

import asyncio
import heapq
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Final

from ringback.messaging.carriers.contract import (
    Accepted,
    Carrier,
    CarrierBusyError,
    CarrierDownError,
    CarrierLostError,
    CarrierRefusedError,
    Outgoing,
)
from ringback.messaging.fleet import Fleet
from ringback.messaging.flight import OFFERED, Flight
from ringback.messaging.limits import Rate
from ringback.model.messages import MessageRecord, MessageStatus
from ringback.storage.errors import StorageError
from ringback.storage.message_changes import Change, EarlyReceipt, Part, ReceiptUsed
from ringback.storage.messages import MessageStore
from ringback.tasks import TaskOwner

logger = logging.getLogger(__name__)

_REFERENCES: Final = 50_000
"""Names of units by their carriers that are remembered; others are looked up in the store."""
_SETTLED: Final = 20_000
"""Messages that were sent and are still in memory, because a receipt may come."""
_MOST_LOST: Final = 3
"""Answers that may be lost before a message is given up."""
_DOWN_PAUSE: Final = 2.0

Write = Callable[[Flight | None, list[Change]], Awaitable[None]]
"""Writes changes of a message durably, with those of its record and the callbacks that follow from it."""
IsOurs = Callable[[str], bool]
"""Tells whether a number is one of this server."""


class Dispatcher:
    """Messages on their way out. All methods belong to one event loop."""

    def __init__(
        self,
        fleet: Fleet,
        store: MessageStore,
        write: Write,
        is_ours: IsOurs,
        *,
        clock: Callable[[], float],
        utcnow: Callable[[], datetime],
        number_rate: float = 0.0,
        in_memory: int = 10_000,
    ) -> None:
        self._fleet, self._store, self._write, self._is_ours = fleet, store, write, is_ours
        self._clock, self._utcnow = clock, utcnow
        self._numbers = Rate(number_rate)
        self._rates: dict[str, Rate] = {}
        self._in_memory = in_memory
        self._tasks = TaskOwner()
        self._waiting: dict[str, Flight] = {}
        """Every message that is on its way to a carrier, by sid."""
        self._settled: OrderedDict[str, Flight] = OrderedDict()
        self._lanes: dict[str, deque[Flight]] = {}
        self._busy: dict[str, int] = {}
        self._paused: dict[str, float] = {}
        self._parked: list[Flight] = []
        self._later: list[tuple[float, int, Flight]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._references: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()
        self._early: OrderedDict[tuple[str, str], EarlyReceipt] = OrderedDict()
        self._unmatched: list[EarlyReceipt] = []
        """Early receipts that the store was not asked about."""
        self._backlog = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    # -- in -------------------------------------------------------------------------------------------------------

    def put(self, flight: Flight) -> None:
        """Take a message that is queued in the store."""
        record = flight.record
        if self._closed or record.sid in self._waiting:
            return
        if len(self._waiting) >= self._in_memory:
            self._backlog = True
            return
        self._waiting[record.sid] = flight
        self._assign(flight)

    async def start(self) -> None:
        """Take up what the store has: messages that wait, and early receipts."""
        for receipt in await self._store.receipts(_REFERENCES):
            self._early[receipt.carrier, receipt.reference] = receipt
        self._backlog = True
        await self.tick()

    async def tick(self) -> None:
        """Look after what waits. To be called about once a second."""
        if self._backlog and len(self._waiting) <= self._in_memory // 2:
            await self._refill()
        await self._match()
        now = self._utcnow()
        for flight in [f for f in self._waiting.values() if f.record.expires is not None and f.record.expires <= now]:
            if flight in self._parked or any(flight in lane for lane in self._lanes.values()) or self._is_later(flight):
                self._take_out(flight)
                self._tasks.start(self._give_up(flight, 30001, "no carrier took it in time"), "an expired message")
        parked, self._parked = self._parked, []
        for flight in parked:
            self._assign(flight)
        self._wake()

    async def _refill(self) -> None:
        """Take up messages of the store, the oldest first. One that was being sent may have been handed over."""
        room = self._in_memory - len(self._waiting)
        statuses = (MessageStatus.QUEUED, MessageStatus.SENDING)
        found = await self._store.oldest(statuses, limit=len(self._waiting) + room)
        self._backlog = len(found) == len(self._waiting) + room
        for record in found:
            if record.sid in self._waiting:
                continue
            flight = Flight(record)
            if record.status is MessageStatus.SENDING:
                flight = Flight(record, await self._store.parts(record.sid))
                if any(part.state == OFFERED for part in flight.parts.values()):
                    flight.record = replace(record, repeated=True)
                for part in flight.parts.values():
                    self._remember(part)
            self.put(flight)

    def ready(self, carrier: str) -> None:
        """A carrier takes messages again, or more of them."""
        self._paused.pop(carrier, None)
        parked, self._parked = self._parked, []
        for flight in parked:
            self._assign(flight)
        self._pump(carrier)

    def changed(self) -> None:
        """The carriers are others now: whatever waits is routed again."""
        self._rates.clear()
        flights = [flight for lane in self._lanes.values() for flight in lane] + self._parked
        self._lanes.clear()
        self._parked = []
        for flight in flights:
            self._assign(flight)

    # -- lanes ----------------------------------------------------------------------------------------------------

    def _assign(self, flight: Flight) -> None:
        """Put a message into the lane of the first carrier that works, or park it where none does."""
        if flight.begun:
            name = next(iter(flight.parts.values())).carrier
            bound = self._fleet.get(name)
            if bound is not None:
                self._line_up(flight, bound)
                return
            # Its carrier is gone for good: another one gets all of it.
            flight.parts, flight.total = {}, 0
            flight.record = replace(flight.record, repeated=True)
        options = self._fleet.options(flight.record, ours=self._is_ours(flight.record.to))
        untried = [carrier for carrier in options if carrier.name not in flight.tried]
        if not untried:
            code, text = flight.refusal or (30006, "no carrier reaches this number")
            self._tasks.start(self._give_up(flight, code, text), "a message that nobody takes")
            return
        working = [carrier for carrier in untried if carrier.window > 0]
        if working:
            self._line_up(flight, working[0])
        else:
            self._parked.append(flight)

    def _line_up(self, flight: Flight, carrier: Carrier) -> None:
        if carrier.window <= 0:
            self._parked.append(flight)
            return
        self._lanes.setdefault(carrier.name, deque()).append(flight)
        self._pump(carrier.name)

    def _pump(self, name: str) -> None:
        """Hand over as much of a lane as the carrier takes."""
        lane, carrier = self._lanes.get(name), self._fleet.get(name)
        while lane and carrier is not None and not self._closed:
            now = self._clock()
            if carrier.window <= 0:
                self._lanes[name] = deque()
                for flight in lane:
                    self._assign(flight)
                return
            if self._busy.get(name, 0) >= carrier.window:
                return
            wait = self._paused.get(name, 0.0) - now
            if wait <= 0:
                wait = self._rate(name).delay(name, now)
            if wait > 0:
                self._paused[name] = max(self._paused.get(name, 0.0), now + wait)
                self._wake_at(now + wait)
                return
            flight = lane.popleft()
            if not flight.begun and (wait := self._numbers.delay(flight.record.from_, now)) > 0:
                self._keep_for(flight, wait)
                continue
            self._busy[name] = self._busy.get(name, 0) + 1
            self._tasks.start(self._send(flight, carrier), f"message {flight.record.sid}")

    def _rate(self, name: str) -> Rate:
        if name not in self._rates:
            record = self._fleet.record(name)
            self._rates[name] = Rate(record.rate if record is not None else 0.0)
        return self._rates[name]

    def _keep_for(self, flight: Flight, seconds: float) -> None:
        heapq.heappush(self._later, (self._clock() + seconds, next(self._order), flight))
        self._wake_at(self._clock() + seconds)

    def _is_later(self, flight: Flight) -> bool:
        return any(entry[2] is flight for entry in self._later)

    def _wake_at(self, when: float) -> None:
        if self._timer is not None:
            if self._timer_due <= when:
                return
            self._timer.cancel()
        self._timer_due = when
        self._timer = asyncio.get_running_loop().call_later(max(when - self._clock(), 0.0), self._wake)

    def _wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            self._assign(heapq.heappop(self._later)[2])
        for name in [name for name, until in self._paused.items() if until <= now]:
            del self._paused[name]
            self._pump(name)
        pending = [self._later[0][0]] if self._later else []
        if pending := pending + list(self._paused.values()):
            self._wake_at(min(pending))

    def _take_out(self, flight: Flight) -> None:
        for lane in self._lanes.values():
            if flight in lane:
                lane.remove(flight)
        if flight in self._parked:
            self._parked.remove(flight)
        self._later = [entry for entry in self._later if entry[2] is not flight]
        heapq.heapify(self._later)

    # -- handing over ---------------------------------------------------------------------------------------------

    async def _send(self, flight: Flight, carrier: Carrier) -> None:
        try:
            await self._hand_over(flight, carrier)
        except StorageError as error:
            # What was not written down was not handed over; it is tried again.
            logger.error("A message waits because it cannot be written down: %s", error)
            self._keep_for(flight, _DOWN_PAUSE)
        finally:
            self._busy[carrier.name] -= 1
            self._pump(carrier.name)

    async def _hand_over(self, flight: Flight, carrier: Carrier) -> None:
        message = _outgoing(flight)
        changes: list[Change] = list(flight.offer(carrier.name, carrier.units(message)))
        flight.record = replace(flight.record, carrier=carrier.name)
        flight.move(self._utcnow(), MessageStatus.SENDING)
        await self._write(flight, changes)
        for number in flight.left():
            try:
                accepted = await carrier.submit(message, number)
            except CarrierBusyError as error:
                self._paused[carrier.name] = self._clock() + error.seconds
                await self._not_taken(flight, number)
                self._lanes.setdefault(carrier.name, deque()).appendleft(flight)
                return
            except CarrierDownError as error:
                await self._not_taken(flight, number)
                self._try_another(flight, carrier, 30006, str(error), down=True)
                return
            except CarrierRefusedError as error:
                await self._not_taken(flight, number)
                self._try_another(flight, carrier, error.code, error.message, down=False)
                return
            except CarrierLostError as error:
                await self._lost(flight, str(error))
                return
            last = number == flight.total
            await self._taken(flight, carrier.name, number, accepted, last=last)

    async def _not_taken(self, flight: Flight, number: int) -> None:
        """The unit, and those behind it, were not handed over: a crash must not make that a question."""
        changes: list[Change] = [flight.refused(n) for n in flight.left() if n >= number]
        await self._write_surely(None, changes)

    def _try_another(self, flight: Flight, carrier: Carrier, code: int, text: str, *, down: bool) -> None:
        flight.refusal = code, text
        if flight.begun:
            if down:
                self._keep_for(flight, _DOWN_PAUSE)
                return
            self._tasks.start(self._give_up(flight, code, text), "a message that was taken in part")
            return
        flight.tried.add(carrier.name)
        options = self._fleet.options(flight.record, ours=self._is_ours(flight.record.to))
        if down and all(option.name in flight.tried for option in options):
            # All of them may be back soon; whoever refused it for good does not change its mind.
            flight.tried.discard(carrier.name)
            self._keep_for(flight, _DOWN_PAUSE)
            return
        self._assign(flight)

    async def _lost(self, flight: Flight, text: str) -> None:
        flight.lost += 1
        flight.record = replace(flight.record, repeated=True)
        if flight.lost >= _MOST_LOST:
            await self._give_up(flight, 30008, f"the carrier does not answer: {text}")
            return
        await self._write_surely(flight, [])
        self._keep_for(flight, min(2.0**flight.lost, 30.0))

    async def _taken(self, flight: Flight, carrier: str, number: int, accepted: Accepted, *, last: bool) -> None:
        changes: list[Change] = [flight.accepted(number, accepted.reference, delivered=accepted.delivered)]
        self._remember(flight.parts[number])
        early = self._early.pop((carrier, accepted.reference), None) if accepted.reference else None
        if early is not None:
            part = flight.receipt(number, delivered=early.state == "delivered", error_code=early.error_code)
            changes += [ReceiptUsed(carrier, early.reference), *([part] if part else [])]
        if not last:
            await self._write_surely(None, changes)
            return
        now = self._utcnow()
        flight.move(now, MessageStatus.SENT)
        # Out of the queue before it is written: a receipt may be here sooner than the disk.
        self._settle(flight)
        await self._write_surely(flight, changes)
        await self._conclude(flight, [])

    async def _conclude(self, flight: Flight, changes: list[Change]) -> None:
        status, code = flight.status()
        moved = flight.record.status is MessageStatus.SENT and flight.move(self._utcnow(), status, code)
        if moved or changes:
            await self._write(flight if moved else None, changes)

    async def _give_up(self, flight: Flight, code: int, text: str) -> None:
        flight.move(self._utcnow(), MessageStatus.UNDELIVERED if flight.begun else MessageStatus.FAILED, code, text)
        self._settle(flight)
        await self._write_surely(flight, [])

    async def _write_surely(self, flight: Flight | None, changes: list[Change]) -> None:
        """Write what has happened already, however long it takes: it cannot be undone."""
        while True:
            try:
                await self._write(flight, changes)
                return
            except StorageError as error:
                if not error.unavailable:
                    logger.error("What became of a message cannot be written down: %s", error)
                    return
            await asyncio.sleep(_DOWN_PAUSE)

    # -- receipts -------------------------------------------------------------------------------------------------

    async def receipt(self, carrier: str, reference: str, *, delivered: bool, error_code: int | None) -> None:
        """A unit was delivered, or will never be. Raises StorageError."""
        known = self._references.get((carrier, reference))
        if known is None and self._busy.get(carrier, 0) > 0:
            # Most likely its answer is right behind it: some carriers report before they answer.
            await self._keep_early(carrier, reference, delivered, error_code)
            return
        if known is None:
            known = await self._look_up(carrier, reference)
        if known is None:
            await self._keep_early(carrier, reference, delivered, error_code)
            return
        await self._report(*known, delivered=delivered, error_code=error_code)

    async def _look_up(self, carrier: str, reference: str) -> tuple[str, int] | None:
        part = await self._store.part_by_reference(carrier, reference)
        return (part.message_sid, part.number) if part is not None else self._references.get((carrier, reference))

    async def _report(self, sid: str, number: int, *, delivered: bool, error_code: int | None) -> None:
        flight = self._waiting.get(sid) or self._settled.get(sid) or await self._load(sid)
        if flight is None:
            return  # deleted meanwhile
        changed = flight.receipt(number, delivered=delivered, error_code=error_code)
        if changed is not None:
            await self._conclude(flight, [changed])

    async def _keep_early(self, carrier: str, reference: str, delivered: bool, error_code: int | None) -> None:
        state = "delivered" if delivered else "undelivered"
        receipt = EarlyReceipt(carrier, reference, state, error_code, self._utcnow())
        self._early[carrier, reference] = receipt
        self._unmatched.append(receipt)
        if len(self._early) > _REFERENCES:
            self._early.popitem(last=False)
        await self._write(None, [receipt])

    async def _match(self) -> None:
        """Look for the units of receipts that came early, and are for messages of long ago after all."""
        unmatched, self._unmatched = self._unmatched, []
        for receipt in unmatched:
            key = receipt.carrier, receipt.reference
            if key not in self._early or (known := await self._look_up(*key)) is None:
                continue
            self._early.pop(key, None)
            delivered = receipt.state == "delivered"
            await self._report(*known, delivered=delivered, error_code=receipt.error_code)
            await self._write(None, [ReceiptUsed(*key)])

    async def _load(self, sid: str) -> Flight | None:
        record = await self._store.get(sid)
        if record is None:
            return None
        flight = Flight(record, await self._store.parts(sid))
        return self._settled.setdefault(sid, flight)

    def _remember(self, part: Part) -> None:
        if part.reference:
            self._references[part.carrier, part.reference] = part.message_sid, part.number
            if len(self._references) > _REFERENCES:
                self._references.popitem(last=False)

    def _settle(self, flight: Flight) -> None:
        sid = flight.record.sid
        self._waiting.pop(sid, None)
        self._settled[sid] = flight
        if len(self._settled) > _SETTLED:
            self._settled.popitem(last=False)

    # -- what others ask ------------------------------------------------------------------------------------------

    def current(self, sid: str) -> MessageRecord | None:
        """Return the newest state of a message that is in memory."""
        flight = self._waiting.get(sid) or self._settled.get(sid)
        return flight.record if flight is not None else None

    def forget(self, sid: str) -> None:
        """A message was deleted or redacted: what is remembered of it is no longer true."""
        self._settled.pop(sid, None)

    @property
    def busy(self) -> bool:
        """Is a message being handed over?"""
        return len(self._tasks) > 0

    async def idle(self) -> None:
        """Return when nothing is being handed over. For tests and an orderly end."""
        await self._tasks.drain()

    async def close(self) -> None:
        """Finish what is being handed over, and take no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        try:
            async with asyncio.timeout(5):
                await self._tasks.drain()
        except TimeoutError:
            await self._tasks.close()


def _outgoing(flight: Flight) -> Outgoing:
    record = flight.record
    return Outgoing(
        record.sid, record.account_sid, record.from_, record.to, record.body, flight.media_urls, record.expires,
        record.repeated,
    )  # fmt: skip
