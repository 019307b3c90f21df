"""Several things at once, of which the first counts."""

import asyncio

import pytest
from calls_virtual import virtual

from ringback.calls.race import first_of, stopped


@virtual
async def test_the_first_counts_and_the_others_are_cancelled() -> None:
    log: list[str] = []

    async def work(name: str, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            log.append(name)
            raise

    assert await first_of(work("a", 3), work("b", 1), work("c", 2)) == 1
    assert log == ["a", "c"]
    assert await first_of(work("a", 1), work("b", 1)) == 0


@virtual
async def test_what_the_first_raises_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await first_of(asyncio.sleep(1), fail())


@virtual
async def test_cancelling_it_cancels_all() -> None:
    ended: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(True)

    task = asyncio.get_running_loop().create_task(first_of(work(), work()))
    await asyncio.sleep(1)
    await stopped(task)
    assert (ended, task.cancelled()) == ([True, True], True)
