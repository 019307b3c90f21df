"""The clock that jumps: timers come in order and at once, threads hold it, and deadlocks are found."""

import asyncio
import socket

import pytest

from ringback.testing.clock import DeadlockError, VirtualClockLoop, run


def now() -> float:
    return asyncio.get_running_loop().time()


def test_an_hour_passes_at_once() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        return now()

    assert run(main()) == pytest.approx(3600)


def test_time_starts_at_zero_and_stands_still_while_there_is_work() -> None:
    async def main() -> float:
        for _ in range(100):
            await asyncio.sleep(0)
        return now()

    assert run(main()) == 0.0


def test_timers_fire_in_order_each_at_its_time() -> None:
    async def main() -> list[tuple[str, float]]:
        log: list[tuple[str, float]] = []

        async def note(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            log.append((name, now()))

        async with asyncio.TaskGroup() as group:
            for name, seconds in [("c", 30), ("a", 0.02), ("b", 5)]:
                group.create_task(note(name, seconds))
        return log

    assert run(main()) == [("a", pytest.approx(0.02)), ("b", pytest.approx(5)), ("c", pytest.approx(30))]


def test_timeouts_are_timers_too() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.5):
                await asyncio.get_running_loop().create_future()
        return now()

    assert run(main()) == pytest.approx(2.5)


def test_the_clock_stands_still_while_a_thread_works() -> None:
    """Otherwise the timeout would always win against the thread."""

    async def main() -> tuple[int, float]:
        async with asyncio.timeout(1):
            total = await asyncio.to_thread(sum, range(200_000))
        return total, now()

    assert run(main()) == (19999900000, 0.0)


def test_waiting_for_what_cannot_come_is_an_error_and_does_not_hang() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(DeadlockError, match="no timer"):
        run(main())


def test_sockets_work() -> None:
    async def main() -> bytes:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.setblocking(False)
            loop = asyncio.get_running_loop()
            received = loop.create_task(loop.sock_recv(ours, 100))
            await asyncio.sleep(1)
            await loop.sock_sendall(theirs, b"hello")
            return await received

    assert run(main()) == b"hello"


def test_streams_can_be_changed_while_they_are_watched() -> None:
    """A transport that is written to and read from modifies its registration."""
    loop = VirtualClockLoop()
    ours, theirs = socket.socketpair()
    try:
        with ours, theirs:
            seen: list[str] = []
            ours.setblocking(False)
            loop.add_reader(ours, seen.append, "readable")
            loop.add_writer(ours, seen.append, "writable")
            loop.call_soon(loop.stop)
            loop.run_forever()
            loop.call_soon(loop.stop)
            loop.run_forever()
            assert "writable" in seen
            loop.remove_writer(ours)
            loop.remove_reader(ours)
    finally:
        loop.close()


def test_errors_come_out() -> None:
    async def main() -> None:
        raise LookupError("from within")

    with pytest.raises(LookupError, match="from within"):
        run(main())
