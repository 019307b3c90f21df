"""Audio that is fetched to a file."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from webhooks_application import AUTH_TOKEN, Application, FakeReply, Notes, Speaker, make_client, redirect

from ringback.model.errors import ApplicationError
from ringback.webhooks.client import WebhookClient, WebhookSession, WebhookSettings
from ringback.webhooks.exchange import Kept, Reply, Request
from ringback.webhooks.media_fetch import fetch_media
from ringback.webhooks.signature import sign

SOUND = bytes(range(256)) * 3000


def sound(size: int = len(SOUND)) -> web.Response:
    return web.Response(body=SOUND[:size], content_type="audio/mpeg")


async def failure(session: WebhookSession, url: str, directory: Path, notes: Notes | None = None) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised:
        await fetch_media(session, url, directory, note=notes)
    return raised.value


@pytest.mark.conforms("2008-08-01/2.3/get", "2010-04-01/2.2/plain-get")
async def test_audio_comes_to_a_file(
    application: Application, session: WebhookSession, tmp_path: Path, notes: Notes
) -> None:
    """Clause 2.2 of the 2010-04-01 specification: a plain GET without the parameters of the call, but signed."""
    url = application.on("/old", redirect(302, "/new.mp3?v=1"))
    application.on("/new.mp3", sound())
    media = await fetch_media(session, url, tmp_path, note=notes)
    assert media.path.read_bytes() == SOUND
    assert list(tmp_path.iterdir()) == [media.path]
    assert (media.url, media.content_type, media.size) == (application.base + "/new.mp3?v=1", "audio/mpeg", len(SOUND))
    assert [(seen.method, seen.target) for seen in application.seen] == [("GET", "/old"), ("GET", "/new.mp3?v=1")]
    assert application.seen[1].headers["X-Twilio-Signature"] == sign(AUTH_TOKEN, media.url)
    ((kind, data),) = notes.events
    assert kind == "media.fetch"
    assert data == {"url": media.url, "status": 200, "content_type": "audio/mpeg", "bytes": len(SOUND),
                    "ms": media.elapsed_ms}  # fmt: skip


async def test_cookies_of_the_call_go_along(application: Application, session: WebhookSession, tmp_path: Path) -> None:
    application.on("/", web.Response(headers={"Set-Cookie": "a=1"}))
    await session.request("POST", application.base)
    await fetch_media(session, application.on("/a", sound()), tmp_path)
    assert application.seen[1].headers["Cookie"] == "a=1"


async def test_size_is_bounded(application: Application, tmp_path: Path) -> None:
    url = application.on("/a", sound())
    async with make_client(max_media=len(SOUND)) as client:
        assert (await fetch_media(client.session("t"), url, tmp_path)).size == len(SOUND)
    async with make_client(max_media=len(SOUND) - 1) as client:
        assert (await failure(client.session("t"), url, tmp_path)).code == 11751
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_failure_is_noted_and_leaves_no_file(
    application: Application, session: WebhookSession, tmp_path: Path, notes: Notes
) -> None:
    url = application.on("/a", web.Response(status=404, text="no such prompt"))
    error = await failure(session, url, tmp_path, notes)
    assert (error.code, error.url) == (11200, url)
    assert list(tmp_path.iterdir()) == []
    ((kind, data),) = notes.events
    assert (kind, data["url"]) == ("media.fetch", url)
    assert data["error"].startswith("11200: the server answered 404: no such prompt")


async def test_a_broken_off_body_leaves_no_file(speaker: Speaker, session: WebhookSession, tmp_path: Path) -> None:
    url = await speaker(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + SOUND[:300_000])
    assert (await failure(session, url, tmp_path)).code == 11206
    assert list(tmp_path.iterdir()) == []


async def test_private_addresses_are_refused(session: WebhookSession, tmp_path: Path) -> None:
    assert (await failure(session, "http://192.168.0.1/a.mp3", tmp_path)).code == 11205


async def test_a_retry_begins_the_file_again(application: Application, session: WebhookSession, tmp_path: Path) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(SOUND))})
        await response.prepare(request)
        await response.write(b"x" * 300_000)
        assert request.transport is not None
        request.transport.abort()
        return response

    url = application.on("/a", half, sound(5))
    media = await fetch_media(session, url + "#rp=all", tmp_path)
    assert media.path.read_bytes() == SOUND[:5]


async def test_it_may_take_longer_than_a_document(application: Application, tmp_path: Path) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with make_client(total_timeout=5.0, media_timeout=0.03) as client:
        error = await failure(client.session("t"), application.on("/a", hang), tmp_path)
    assert "0.03 s (the total timeout)" in error.message


async def test_a_directory_that_is_none(application: Application, client: WebhookClient, tmp_path: Path) -> None:
    error = await failure(client.session("t"), application.on("/a", sound()), tmp_path / "none")
    assert error.code == 12400


async def test_a_disk_that_is_full(
    application: Application, session: WebhookSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringback.webhooks.media_fetch._new_file", lambda directory: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda path: None)
    error = await failure(session, application.on("/a", sound()), tmp_path)
    assert error.code == 12400
    assert "No space left" in error.message or "Invalid argument" in error.message


async def test_who_gives_up_leaves_no_file(application: Application, session: WebhookSession, tmp_path: Path) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    url = application.on("/a", hang)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(fetch_media(session, url, tmp_path))
        await application.asked.wait()
        task.cancel()
    assert list(tmp_path.iterdir()) == []


# Out of the cache


class CacheOf:
    """An exchange whose one answer is a file of the cache."""

    def __init__(self, file: Path, **headers: str) -> None:
        self.file = file
        self.headers = headers

    @asynccontextmanager
    async def __call__(self, request: Request) -> AsyncIterator[Reply]:
        reply = FakeReply(b"as it was read", **{"Content_Type": "audio/wav"} | self.headers)
        reply.kept = Kept("fresh", 7, self.file)
        yield reply

    async def close(self) -> None:
        pass


async def test_a_kept_file_is_not_copied(tmp_path: Path, notes: Notes) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(SOUND)
    async with WebhookClient(exchange=CacheOf(kept)) as client:
        media = await fetch_media(client.session("t"), "http://a/", tmp_path, note=notes)
    assert media.path.samefile(kept)
    assert media.size == len(SOUND)
    media.path.unlink()
    assert kept.read_bytes() == SOUND
    assert notes.events[-1][1]["cached"] == "fresh"
    assert notes.events[-1][1]["bytes"] == len(SOUND)


@pytest.mark.parametrize("why", ["gone", "compressed", "another file system"])
async def test_a_kept_file_that_cannot_be_used_as_it_is(
    tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    headers = {}
    if why != "gone":
        kept.write_bytes(SOUND)
    if why == "compressed":
        headers["Content_Encoding"] = "gzip"
    if why == "another file system":

        def link(*_: object) -> None:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(Path, "hardlink_to", link)
    exchange = CacheOf(kept, **headers)
    async with WebhookClient(exchange=exchange) as client:
        if why == "compressed":
            assert (await failure(client.session("t"), "http://a/", tmp_path)).code == 11206
        else:
            media = await fetch_media(client.session("t"), "http://a/", tmp_path)
            assert media.path.read_bytes() == b"as it was read"


async def test_a_kept_file_may_be_too_large(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(SOUND)
    async with WebhookClient(WebhookSettings(max_media=100), CacheOf(kept)) as client:
        assert (await failure(client.session("t"), "http://a/", tmp_path)).code == 11751
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
