"""Many questions become one; nobody is forgotten, whoever is cancelled."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from ringback.storage.gathering import Gathered


class Work:
    """Doubles numbers when it is let."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.last: Callable[[], object] | None = None
        """Called at the end of a round."""

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.rounds.append(list(items))
        await self.gate.wait()
        if self.last is not None:
            self.last()
        if self.error is not None:
            raise self.error
        return [2 * item for item in items]


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_comes_meanwhile_is_done_together() -> None:
    work = Work()
    double: Gathered[int, int] = Gathered(work)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(double(number)) for number in range(6)]
        await turns()
        work.gate.set()
    assert [task.result() for task in tasks] == [0, 2, 4, 6, 8, 10]
    assert work.rounds == [[0], [1, 2, 3, 4, 5]]


async def test_a_round_has_a_size() -> None:
    work = Work()
    double: Gathered[int, int] = Gathered(work, most=2)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(double(number)) for number in range(6)]
        await turns()
        work.gate.set()
    assert [task.result() for task in tasks] == [0, 2, 4, 6, 8, 10]
    assert work.rounds == [[0], [1, 2], [3, 4], [5]]


async def test_an_error_is_everyones_of_that_round_and_no_other() -> None:
    work = Work()
    work.gate.set()
    work.error = OSError("the disk is gone")
    double: Gathered[int, int] = Gathered(work)
    found = await asyncio.gather(*(double(number) for number in range(3)), return_exceptions=True)
    assert all(isinstance(error, OSError) for error in found)
    work.error = None
    assert await double(4) == 8


@pytest.mark.parametrize("victim", [0, 1, 2, 3])
@pytest.mark.parametrize("after", [1, 3, 6])
async def test_whoever_is_cancelled_the_others_get_their_answer(victim: int, after: int) -> None:
    work = Work()
    double: Gathered[int, int] = Gathered(work, most=2)
    tasks = [asyncio.get_running_loop().create_task(double(number)) for number in range(4)]
    await turns(after)
    tasks[victim].cancel()
    await turns(1)
    work.gate.set()
    async with asyncio.timeout(5):
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[victim], asyncio.CancelledError)
    assert [found[number] for number in range(4) if number != victim] == [2 * n for n in range(4) if n != victim]
    assert await double(9) == 18


async def test_cancelled_in_the_moment_of_being_chosen() -> None:
    """The next leader is cancelled when the one before is just about to hand over: somebody else leads."""
    work = Work()
    double: Gathered[int, int] = Gathered(work, most=1)
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(double(number)) for number in range(3)]
    await turns()

    def cancel_the_next() -> None:
        # Runs after the hand-over, and before the one that was chosen.
        work.last = None
        loop.call_soon(tasks[1].cancel)

    work.last = cancel_the_next
    work.gate.set()
    async with asyncio.timeout(5):
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[1], asyncio.CancelledError)
    assert (found[0], found[2]) == (0, 4)
    assert work.rounds == [[0], [2]]
    assert await double(9) == 18


async def test_an_error_finds_everyone_who_waits_and_no_one_who_has_left() -> None:
    work = Work()
    double: Gathered[int, int] = Gathered(work)
    tasks = [asyncio.get_running_loop().create_task(double(number)) for number in range(4)]
    await turns()

    def fail_the_next() -> None:
        work.gate.clear()
        work.last = None
        work.error = None

    work.last = fail_the_next
    work.gate.set()
    await turns()
    assert work.rounds == [[0], [1, 2, 3]]
    tasks[3].cancel()
    await turns()
    work.error = OSError("the disk is gone")
    work.gate.set()
    async with asyncio.timeout(5):
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert found[0] == 0
    assert found[1] is found[2] is work.error
    assert isinstance(found[3], asyncio.CancelledError)
