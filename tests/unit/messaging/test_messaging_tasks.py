"""Tasks have an owner."""

import asyncio

import pytest

from ringback.messaging.tasks import Tasks


async def test_errors_are_logged_and_the_rest_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    tasks = Tasks()

    async def fail() -> None:
        raise RuntimeError("a defect")

    tasks.start(fail(), "a thing")
    await tasks.drain()
    assert "a thing failed: RuntimeError('a defect')" in caplog.text
    endless = tasks.start(asyncio.Event().wait(), "for ever")
    assert len(tasks) == 1
    await tasks.close()
    assert endless.cancelled()
    assert len(tasks) == 0
