"""Media workers as processes: they keep the promises that the fake keeps, and what the kernel may do to them."""

import asyncio
import os
import resource
import signal
from pathlib import Path

import pytest

from ringback.media.client import MediaSettings, MediaWorkers
from ringback.testing.contracts_media import ROOM, check_media
from tests.unit.media.media_listener import Listener

PORTS = (32768, 60998)


def kill(media: MediaWorkers) -> None:
    for pid in media.pids:
        os.kill(pid, signal.SIGKILL)


async def test_real_workers_keep_the_promises_that_the_fake_keeps(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = MediaSettings(ports=PORTS, legs_per_worker=ROOM, clip_memory_mb=4)
    await check_media(lambda: MediaWorkers(settings), kill, tmp_path, tolerance=0.15)

    assert "media worker died; starting another in 0.0 s" in caplog.text


async def test_a_worker_that_dies_takes_only_its_own_legs_with_it() -> None:
    async with MediaWorkers(MediaSettings(ports=PORTS, workers=2, legs_per_worker=4, clip_memory_mb=4)) as media:
        listeners = [Listener() for _ in range(4)]
        legs = [await media.open(listener) for listener in listeners]
        os.kill(media.pids[0], signal.SIGKILL)
        await listeners[0].wait()
        figures = [await leg.close() for leg in legs]

    assert [listener.lost for listener in listeners] == [1, 0, 1, 0]
    assert [bool(each) for each in figures] == [False, True, False, True]


async def test_a_worker_may_have_more_legs_than_files_were_allowed() -> None:
    """Each leg is an open file; most systems allow 1024 until somebody asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, hard))
    try:
        media = MediaWorkers(MediaSettings(ports=PORTS, legs_per_worker=80, clip_memory_mb=1))
        await media.__aenter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    legs = [await media.open(Listener()) for _ in range(80)]
    await media.__aexit__(None, None, None)

    assert len({leg.address for leg in legs}) == 80


async def test_a_worker_outlives_an_interrupt_that_was_meant_for_its_server() -> None:
    """Ctrl-C reaches every process of the terminal; calls must be ended by the server first."""
    async with MediaWorkers(MediaSettings(ports=PORTS, clip_memory_mb=1)) as media:
        listener = Listener()
        leg = await media.open(listener)
        os.kill(media.pids[0], signal.SIGINT)
        await asyncio.sleep(0.1)
        figures = await leg.close()

    assert listener.lost == 0
    assert figures["received"] == 0
