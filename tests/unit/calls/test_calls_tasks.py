"""Tasks have an owner who answers for them."""

import asyncio

import pytest

from ringback.calls.tasks import TaskOwner


async def test_an_error_in_a_task_is_logged_with_what_it_was(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("no such luck")

    owner = TaskOwner()
    owner.start(fail(), "counting sheep")
    await owner.drain(1.0)
    assert "counting sheep failed: ValueError('no such luck')" in caplog.text


async def test_closing_cancels_what_still_runs_and_waits_for_its_end() -> None:
    ended = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    owner = TaskOwner()
    task = owner.start(forever(), "for ever")
    await asyncio.sleep(0)
    await owner.close()
    assert ended.is_set()
    assert task.cancelled()


async def test_draining_waits_but_not_for_ever() -> None:
    owner = TaskOwner()
    owner.start(asyncio.Event().wait(), "for ever")  # type: ignore[arg-type]
    await owner.drain(0.0)
    await owner.close()


async def test_draining_with_nothing_to_do_returns_at_once() -> None:
    await TaskOwner().drain(10.0)
