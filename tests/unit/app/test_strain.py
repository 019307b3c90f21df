"""When the server has enough to do."""

import asyncio
from collections.abc import Iterator

from ringback.app.strain import EVERY_SECONDS, Strain


class Process:
    """One that gets to things as late as it is told, and stops when there is nothing more to tell."""

    def __init__(self, *late: float, limit: float = 0.2) -> None:
        self.now = 100.0
        self._late: Iterator[float] = iter(late)
        self.strain = Strain(limit, lambda: self.now, self._sleep)
        self.reasons: list[str] = []

    async def _sleep(self, seconds: float) -> None:
        self.reasons.append(self.strain.reason())
        late = next(self._late, None)
        if late is None:
            await asyncio.get_running_loop().create_future()
            return
        self.now += seconds + late

    async def run(self) -> list[bool]:
        """Tell after each measurement whether there was a reason to refuse."""
        self.strain.start()
        for _ in range(50):
            await asyncio.sleep(0)
        await self.strain.close()
        return [bool(reason) for reason in self.reasons]


async def test_one_pause_is_no_overload_and_several_are() -> None:
    assert await Process(0.0, 0.5, 0.0, 0.0).run() == [False] * 5
    steady = Process(0.5, 0.5, 0.5, 0.5)
    assert await steady.run() == [False, False, True, True, True]
    assert steady.reasons[2] == "the server is 219 ms behind (calls.max_delay_ms is 200)"


async def test_it_recovers() -> None:
    assert await Process(0.5, 0.5, 0.5, *[0.0] * 4).run() == [False, False, True, True, True, False, False, False]


async def test_a_long_stop_counts_before_it_is_measured() -> None:
    process = Process()
    await process.run()
    assert process.strain.reason() == ""
    process.now += EVERY_SECONDS + 2.0
    assert process.strain.reason().startswith("the server is 500 ms behind")


async def test_it_can_be_switched_off() -> None:
    process = Process(9.0, 9.0, limit=0.0)
    assert await process.run() == []
    assert process.strain.reason() == ""
