"""Several things at once, of which the first to happen counts."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_of(*works: Coroutine[Any, Any, Any]) -> int:
    """Run all of them, cancel the others when one has ended, and return which it was; the first of several that did.

    Raises what that one raised. Cancelling it cancels all.
    """
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    index = next(index for index, task in enumerate(tasks) if task in done)
    tasks[index].result()
    return index


async def stopped(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait until it has let go; what it raises is of no interest any more."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
