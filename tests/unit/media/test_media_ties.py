"""Ties of a room between workers, with workers that write down what they are asked."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ringback.media import ties as ties_module
from ringback.media.leg import LegListener, MediaError
from ringback.media.recording import MediaRecording
from ringback.media.ties import RoomTies, Wire
from ringback.media.tone_clips import ToneClips
from ringback.media.worker_leg import WorkerLeg
from tests.unit.media.media_listener import Listener


class Worker:
    """Carries everything out at once; `full` refuses legs, `refuses` a command."""

    def __init__(self, name: str, ties: RoomTies, host: str = "127.0.0.1") -> None:
        self.name = name
        self.ties = ties
        self.tones = ToneClips()
        self.host = host
        self.legs: dict[int, WorkerLeg] = {}
        self.hidden: set[int] = set()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.full = False
        self.refuses = ""
        self._next = 0

    async def open(self, listener: LegListener, *, hidden: bool = False) -> WorkerLeg:
        await asyncio.sleep(0)
        if self.full:
            raise MediaError(f"{self.name} is full")
        self._next += 1
        leg = WorkerLeg(self, self._next, (self.host, 4000 + 2 * self._next), listener)
        self.legs[leg.number] = leg
        if hidden:
            self.hidden.add(leg.number)
        return leg

    def next_token(self) -> int:
        raise NotImplementedError

    def forget(self, number: int) -> None:
        del self.legs[number]
        self.hidden.discard(number)

    def send(self, command: str, **arguments: Any) -> "asyncio.Future[dict[str, Any]]":
        raise NotImplementedError

    async def call(self, command: str, **arguments: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        if command == self.refuses:
            raise MediaError(f"{self.name} does not {command}")
        self.asked.append((command, arguments))
        return {}

    async def record(self, *_: Any, **__: Any) -> MediaRecording:
        raise NotImplementedError

    def die(self) -> None:
        legs, self.legs = list(self.legs.values()), {}
        self.hidden.clear()
        for leg in legs:
            leg.lose()


class Rig:
    """Three workers, and ties that are looked after."""

    def __init__(self) -> None:
        self.ties = RoomTies()
        self.workers = [Worker(name, self.ties) for name in ("one", "two", "three")]

    async def leg(self, worker: int, room: int | None = 5) -> WorkerLeg:
        leg = await self.workers[worker].open(Listener())
        if room is not None:
            await leg.join(room)
        return leg

    @property
    def wires(self) -> list[int]:
        return [len(worker.hidden) for worker in self.workers]

    @staticmethod
    async def settle() -> None:
        for _ in range(50):
            await asyncio.sleep(0)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.ties.run())
        yield made
        task.cancel()


async def test_a_room_in_one_worker_needs_no_wire(rig: Rig) -> None:
    legs = [await rig.leg(0), await rig.leg(0)]
    await rig.leg(1, 6)
    assert rig.wires == [0, 0, 0]
    for leg in legs:
        await leg.leave()
    await rig.settle()
    assert list(rig.ties._rooms) == [6], "rooms without anybody are forgotten"


async def test_a_wire_is_two_legs_that_send_to_each_other_and_are_relays(rig: Rig) -> None:
    rig.workers[0].host, rig.workers[1].host = "0.0.0.0", "::"
    await rig.leg(0)
    await rig.leg(1)
    assert rig.wires == [1, 1, 0]
    for worker, far in zip(rig.workers, ("::1", "127.0.0.1"), strict=False):
        setups = [what["remote"] for command, what in worker.asked if command == "setup"]
        assert setups == [(far, 4004)]
        joins = [(what["leg"], what.get("relay", False)) for command, what in worker.asked if command == "join"]
        assert sorted(joins) == [(1, False), (2, True)]


async def test_the_first_worker_is_the_hub_as_long_as_it_is_needed(rig: Rig) -> None:
    first, second, third = [await rig.leg(worker) for worker in range(3)]
    assert rig.wires == [2, 1, 1]
    await first.leave()
    await rig.settle()
    assert rig.wires == [2, 1, 1], "the other two hear each other through it"
    await second.leave()
    await rig.settle()
    assert rig.wires == [0, 0, 0]
    assert rig.ties.busiest(5) is rig.workers[2]
    assert rig.ties.busiest(6) is None
    await third.leave()
    assert rig.ties._rooms == {}


async def test_when_the_hub_dies_there_is_another(rig: Rig) -> None:
    for worker in (0, 1, 2):
        await rig.leg(worker)
    rig.workers[0].die()
    await rig.settle()
    assert rig.wires == [0, 1, 1]
    rig.workers[2].die()
    await rig.settle()
    assert rig.wires == [0, 0, 0]


async def test_a_wire_that_cannot_be_had_is_an_error_of_who_joins(rig: Rig) -> None:
    await rig.leg(0)
    rig.workers[1].full = True
    leg = await rig.leg(2, None)
    other = WorkerLeg(rig.workers[1], 99, ("127.0.0.1", 4), Listener())
    with pytest.raises(MediaError, match="two is full"):
        await other.join(5)
    assert other.room is None
    assert rig.wires == [0, 0, 0]
    rig.workers[2].refuses = "join"
    with pytest.raises(MediaError, match="three does not join"):
        await leg.join(5)
    assert rig.wires == [0, 0, 0]
    assert rig.ties._rooms[5].members == 1


async def test_what_cannot_be_mended_is_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    for worker in (0, 1, 2):
        await rig.leg(worker)
    rig.workers[1].full = True
    with caplog.at_level(logging.ERROR):
        rig.workers[0].die()
        await rig.settle()
    assert "some members of room 5 do not hear each other: two is full" in caplog.text


async def test_a_room_has_as_many_members_as_may_be_in_all_workers(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ties_module, "MOST_MEMBERS", 2)
    await rig.leg(0)
    await rig.leg(1)
    await rig.ties.enter(5, rig.workers[2], "a recording")
    with pytest.raises(MediaError, match="^room 5 has 2 members, which is as many as may be$"):
        await rig.leg(2)
    rig.ties.exit(5, rig.workers[2], "a recording")
    rig.ties.exit(5, rig.workers[2], "a recording")
    rig.ties.exit(6, rig.workers[2], "a recording")


async def test_a_coach_has_a_wire_to_whom_it_coaches_whose_roles_come_first(rig: Rig) -> None:
    coach, member = await rig.leg(0), await rig.leg(1)
    for worker in rig.workers:
        worker.asked.clear()
    await coach.coach(member)
    assert rig.wires == [2, 2, 0]
    assert [what for what in rig.workers[0].asked if what[0] != "setup"] == [
        ("role", {"leg": 3, "muted": True, "deaf": True}),
        ("join", {"leg": 3, "room": 5, "relay": True}),
        ("role", {"leg": 1, "coaches": 3}),
    ]
    assert [what for what in rig.workers[1].asked if what[0] != "setup"] == [
        ("role", {"leg": 3, "deaf": True, "coaches": 1}),
        ("join", {"leg": 3, "room": 5, "relay": True}),
    ]
    await coach.coach(None)
    assert rig.wires == [1, 1, 0]
    assert ("role", {"leg": 1, "coaches": None}) in rig.workers[0].asked


async def test_a_coach_is_a_member_again_when_whom_it_coaches_has_left(rig: Rig) -> None:
    coach, member = await rig.leg(0), await rig.leg(1)
    await coach.coach(member)
    await member.leave()
    await rig.settle()
    assert rig.wires == [0, 0, 0]
    assert ("role", {"leg": 1, "coaches": None}) in rig.workers[0].asked


async def test_a_coach_that_dies_takes_its_wire_with_it(rig: Rig) -> None:
    coach, member = await rig.leg(0), await rig.leg(1)
    await coach.coach(member)
    rig.workers[0].die()
    await rig.settle()
    assert rig.wires == [0, 0, 0]


async def test_a_coach_that_cannot_be_heard_is_told(rig: Rig) -> None:
    coach, member = await rig.leg(0), await rig.leg(1)
    rig.workers[1].full = True
    with pytest.raises(MediaError, match="two is full"):
        await coach.coach(member)
    assert rig.wires == [1, 1, 0]


async def test_a_wire_hears_nothing_but_its_end() -> None:
    wire = Wire(RoomTies(), 5)
    end = ties_module._End(wire)
    end.on_key("1")
    end.on_quiet(1)
    assert not wire.broken
    end.on_lost()
    assert wire.broken
