"""Queues: who waits, in which order they are taken, and how the wait ends; in virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from calls_virtual import ACCOUNT, NUMBER, conduct, finished, pick_up, virtual

from ringback.calls.dialing import Dialed, Dialing, Target
from ringback.calls.leg import Leg
from ringback.calls.port import Call
from ringback.calls.queueing import Queued, Queueing, QueuePlace
from ringback.model.queues import QueueMemberRecord, QueueRecord
from ringback.model.status import ApiVersion
from ringback.testing.exchange import EPOCH, Exchange

AGENT = "+15550100009"


class Office:
    """Callers of NUMBER wait; who calls AGENT takes the first of them."""

    def __init__(self, queueing: Queueing) -> None:
        self.queueing = queueing
        self.queued: list[Queued] = []
        self.dialed: list[Dialed] = []
        self.screened: list[str] = []
        self.exchange = Exchange(self._conduct)

    async def _conduct(self, leg: Leg) -> None:
        leg.assign(ACCOUNT, None, ApiVersion.V2010)
        if leg.info.to == NUMBER:
            self.queued.append(await leg.enqueue(self.queueing))
            await leg.sleep(2)
        else:
            self.dialed.append(await leg.dial(Dialing((Target("queue:help", screen=self._screen),), caller_id=AGENT)))

    async def _screen(self, call: Call) -> bool:
        self.screened.append(call.info.sid)
        await call.sleep(1)
        return True

    def waiting(self) -> int:
        return len(self.exchange.kept(QueueMemberRecord))


@virtual
async def test_the_first_who_came_is_the_first_who_is_taken() -> None:
    office = Office(Queueing("help"))
    first = office.exchange.dial(NUMBER)
    await asyncio.sleep(10)
    second = office.exchange.dial(NUMBER)
    await asyncio.sleep(10)
    assert office.waiting() == 2
    agent = office.exchange.dial(AGENT)
    await asyncio.sleep(30)
    assert office.screened == [first.sid]
    assert office.waiting() == 1
    agent.hang_up()
    await asyncio.sleep(1)
    (queued,) = office.queued
    assert (queued.result, queued.seconds) == ("bridged", 20)
    await asyncio.sleep(5)
    assert first.ended.is_set(), "its document has come to its end"
    second.hang_up()
    await finished(office.exchange)
    assert office.waiting() == 0


@virtual
async def test_who_takes_from_an_empty_queue_waits() -> None:
    office = Office(Queueing("help"))
    office.exchange.switch.queues.open(ACCOUNT, "help")
    office.exchange.dial(AGENT)
    await asyncio.sleep(60)
    caller = office.exchange.dial(NUMBER)
    await asyncio.sleep(11)
    caller.hang_up()
    await finished(office.exchange)
    (dialed,) = office.dialed
    assert (dialed.status, dialed.bridged, dialed.seconds) == ("completed", True, 10)


@pytest.mark.conforms("2010-04-01/2.6.5/Queue-unknown")
@virtual
async def test_a_queue_that_is_not_there_is_a_failure() -> None:
    office = Office(Queueing("help"))
    office.exchange.dial(AGENT)
    await asyncio.sleep(1)
    await finished(office.exchange)
    assert office.dialed == [Dialed("failed")]


@virtual
async def test_who_entertains_sees_the_place_and_may_leave() -> None:
    places: list[QueuePlace] = []

    async def wait(call: Call, place: Callable[[], QueuePlace]) -> bool:
        await call.sleep(15)
        places.append(place())
        return True

    office = Office(Queueing("help", wait))
    office.exchange.dial(NUMBER)
    office.exchange.dial(NUMBER)
    await asyncio.sleep(20)
    assert sorted((place.position, place.waited, place.size) for place in places) == [(1, 15, 2), (2, 15, 2)]
    assert [queued.result for queued in office.queued] == ["leave", "leave"]
    await finished(office.exchange)


@virtual
async def test_a_full_queue_takes_no_more() -> None:
    office = Office(Queueing("help", max_size=1))
    one = office.exchange.dial(NUMBER)
    await asyncio.sleep(1)
    office.exchange.dial(NUMBER)
    await asyncio.sleep(1)
    assert [queued.result for queued in office.queued] == ["queue-full"]
    one.hang_up()
    await finished(office.exchange)
    assert office.waiting() == 0


@virtual
async def test_a_certain_call_may_be_fetched_out_of_turn() -> None:
    office = Office(Queueing("help"))
    phones = [office.exchange.dial(NUMBER), office.exchange.dial(NUMBER)]
    await asyncio.sleep(4)
    queue = office.exchange.switch.queue(ACCOUNT, "help")
    agent = phones[0].leg
    assert queue is not None and agent is not None
    waiting = await queue.take(agent, phones[1].sid)
    assert waiting.leg is phones[1].leg
    waiting.released.set()
    await asyncio.sleep(1)
    assert [queued.result for queued in office.queued] == ["bridged"]
    assert queue.average_wait == 4
    await office.exchange.switch.close()


@virtual
async def test_how_it_ended_is_told_also_where_the_caller_hangs_up() -> None:
    told: list[Queued] = []
    office = Office(Queueing("help", ended=told.append))
    phone = office.exchange.dial(NUMBER)
    await asyncio.sleep(8)
    phone.hang_up()
    await finished(office.exchange)
    assert [(queued.result, queued.seconds) for queued in told] == [("hangup", 8)]


@virtual
async def test_queues_of_the_store_are_kept_found_and_forgotten() -> None:
    queues = Exchange(conduct(pick_up)).switch.queues
    record = QueueRecord("QU" + "1" * 32, ACCOUNT, "help", EPOCH, max_size=5)
    queues.keep(record)
    queue = queues.find(record.sid)
    assert queue is not None and queues.named(ACCOUNT, "help") is queue
    queues.keep(replace(record, max_size=2))
    assert queues.open(ACCOUNT, "help") is queue
    assert (queue.record.max_size, queue.average_wait) == (2, 0)
    queues.forget(record.sid)
    assert (queues.find(record.sid), queues.named(ACCOUNT, "help")) == (None, None)
