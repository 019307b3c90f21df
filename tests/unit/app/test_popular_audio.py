"""A prompt that everybody wants at once, from a real server to the clip: fetched once, decoded once."""

import asyncio
import io
from collections.abc import AsyncIterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from aiohttp import web

from ringback.app.services import CallServices, Facilities
from ringback.media.library import ClipLibrary
from ringback.testing.fake_call import FakeCall
from ringback.webhooks.cache import CachingExchange
from ringback.webhooks.cache_store import CacheStore
from ringback.webhooks.client import WebhookClient, WebhookSettings
from ringback.webhooks.exchange import HttpExchange, Reply, Request

CALLERS = 100


class Counting(Executor):
    """Decodes, and counts."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.jobs = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.jobs += 1
        return self.pool.submit(fn, *args, **kwargs)


class Watched(CachingExchange):
    """Tells when all callers have asked."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked = 0
        self.all_have_asked = asyncio.Event()

    def __call__(self, request: Request) -> AbstractAsyncContextManager[Reply]:
        self.asked += 1
        if self.asked == CALLERS + 1:
            self.all_have_asked.set()
        return super().__call__(request)


class Jukebox:
    """A web server with one MP3, as web servers serve files: with an ETag and nothing about freshness."""

    def __init__(self) -> None:
        samples = (np.sin(np.arange(22_050) / 9) * 9000).astype("<i2")
        file = io.BytesIO()
        soundfile.write(file, samples, 22_050, format="MP3")
        self.mp3 = file.getvalue()
        self.asked: list[int] = []
        self.url = ""
        self.ready = asyncio.Event()

    async def serve(self, request: web.Request) -> web.Response:
        await self.ready.wait()
        status = 304 if request.headers.get("If-None-Match") == '"1"' else 200
        self.asked.append(status)
        return web.Response(status=status, body=self.mp3 if status == 200 else b"", headers=self.headers())

    async def greet(self, request: web.Request) -> web.Response:
        return web.Response()

    def headers(self) -> dict[str, str]:
        return {"ETag": '"1"', "Content-Type": "audio/mpeg"}


@pytest.fixture
async def jukebox() -> AsyncIterator[Jukebox]:
    jukebox = Jukebox()
    app = web.Application()
    app.router.add_get("/tune.mp3", jukebox.serve)
    app.router.add_post("/tune.mp3", jukebox.greet)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    jukebox.url = f"http://127.0.0.1:{runner.addresses[0][1]}/tune.mp3"
    yield jukebox
    await runner.cleanup()


@pytest.mark.conforms("2008-08-01/2.3/cached", "2010-04-01/2.2/cached")
async def test_a_hundred_callers_cause_one_fetch_and_one_decoding(jukebox: Jukebox, tmp_path: Path) -> None:
    decoder = Counting()
    library = ClipLibrary(tmp_path / "clips", decoder)
    (tmp_path / "scratch").mkdir()
    settings = WebhookSettings()
    cache = Watched(HttpExchange(settings), CacheStore(tmp_path / "cache", 1 << 24), lambda: 1.8e9)
    jukebox.ready = cache.all_have_asked
    async with WebhookClient(settings, cache) as client:

        async def hear(number: int) -> Path:
            session = client.session("token")
            call = FakeCall()
            services = CallServices(call, session, Facilities(None, library, tmp_path / "scratch"))  # type: ignore[arg-type]
            return (await services.audio(call, jukebox.url)).path

        # The directory of the cache is read before the first answer, so that there is one.
        await client.session("token").request("POST", jukebox.url)
        clips = await asyncio.gather(*map(hear, range(CALLERS)))
        assert len(set(clips)) == 1
        assert jukebox.asked == [200]
        assert decoder.jobs == 1
        assert not list((tmp_path / "scratch").iterdir())
        # The next one asks whether it is still the same.
        assert await hear(CALLERS) == clips[0]
        assert jukebox.asked == [200, 304]
    decoder.pool.shutdown()
