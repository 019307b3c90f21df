"""Tasks of one owner."""

import asyncio

from ringback.sip.net.tasks import Tasks


async def test_what_runs_is_cancelled_and_awaited_at_the_end() -> None:
    ended: list[str] = []

    async def wait(name: str, event: asyncio.Event) -> None:
        try:
            await event.wait()
        finally:
            ended.append(name)

    tasks, now = Tasks(), asyncio.Event()
    now.set()
    tasks.spawn(wait("short", now))
    tasks.spawn(wait("long", asyncio.Event()))
    while not ended:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert ended == ["short"]
    await tasks.close()
    assert ended == ["short", "long"]
    await tasks.close()
