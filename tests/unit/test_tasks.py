"""Tasks have an owner who answers for them."""

import asyncio

import pytest

from ringback.tasks import TaskOwner


async def test_an_error_in_a_task_is_logged_with_what_it_was(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("no such luck")

    owner = TaskOwner()
    owner.start(fail(), "counting sheep")
    await owner.drain()
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
    assert len(owner) == 1
    await owner.close()
    assert ended.is_set()
    assert task.cancelled()
    assert len(owner) == 0
    await owner.close()


async def test_draining_waits_for_what_comes_meanwhile() -> None:
    owner, done = TaskOwner(), list[str]()

    async def first() -> None:
        owner.start(second(), "second")

    async def second() -> None:
        done.append("second")

    owner.start(first(), "first")
    await owner.drain(10.0)
    assert done == ["second"]


async def test_draining_does_not_wait_for_ever() -> None:
    owner = TaskOwner()
    owner.start(asyncio.Event().wait(), "for ever")
    await owner.drain(0.0)
    assert len(owner) == 1
    await owner.close()


async def test_draining_with_nothing_to_do_returns_at_once() -> None:
    await TaskOwner().drain(10.0)
