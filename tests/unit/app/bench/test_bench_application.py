"""The application of `ringback bench call`: its documents, and the time they took."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from ringback.app.bench.application import ANSWER, GREETING, application


@pytest.fixture
async def base() -> AsyncIterator[str]:
    runner = web.AppRunner(application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "http://{}:{}".format(*runner.addresses[0])
    await runner.cleanup()


async def test_its_two_documents_and_how_long_each_call_waited_for_them(base: str) -> None:
    async with aiohttp.ClientSession() as session:
        pages = []
        for sid, path in (("CA1", "/"), ("CA2", "/"), ("CA1", "/next")):
            async with session.post(base + path, data={"CallSid": sid}) as answer:
                assert (answer.status, answer.content_type) == (200, "text/xml")
                pages.append(await answer.text())
        async with session.get(f"{base}/spent") as answer:
            spent = await answer.json()
    assert GREETING in pages[0] and 'action="/next"' in pages[0] and pages[1] == pages[0]
    assert ANSWER in pages[2] and "<Hangup/>" in pages[2]
    assert {sid: set(paths) for sid, paths in spent.items()} == {"CA1": {"/", "/next"}, "CA2": {"/"}}
    assert all(0 < seconds < 10 for paths in spent.values() for seconds in paths.values())
