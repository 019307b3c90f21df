"""Fetching audio: a plain GET to a file, under the rules of every other request.

Source: clause 2.2 of the 2010-04-01 specification. The request says nothing of the call, but is signed like all.
"""

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ringback.model.errors import ApplicationError
from ringback.model.events import MEDIA_FETCH
from ringback.webhooks.body import ContentType, read_body
from ringback.webhooks.exchange import Reply
from ringback.webhooks.failures import INTERNAL, MEDIA_TOO_LARGE, FetchError
from ringback.webhooks.session import WebhookSession
from ringback.webhooks.timeline import Note, silent

_WRITE_SIZE = 256 * 1024  # bytes that are gathered before a thread writes them


@dataclass(frozen=True, slots=True)
class Media:
    """Audio that was fetched. The file belongs to the caller, who removes it."""

    url: str
    """Where it came from, redirects followed."""
    path: Path
    content_type: str
    """In lower case, without parameters; empty when the server named none."""
    size: int
    elapsed_ms: int


async def fetch_media(session: WebhookSession, url: str, directory: Path, *, note: Note | None = None) -> Media:
    """Fetch audio to a new file in a directory that exists.

    `note` gets a MEDIA_FETCH event (without `seconds`, which only a decoder knows). Raises ApplicationError, and
    nothing else: the codes of `WebhookSession.request`, with 11751 when it is larger than the settings allow. Whether
    the content type will do is for the caller to say. No file is left when it fails or is cancelled.
    """
    note = note or silent
    path: Path | None = None
    size = 0

    async def to_file(reply: Reply, kind: ContentType) -> bytes:
        nonlocal size
        assert path is not None
        limit = session.settings.max_media
        size = (await _link(reply, path, limit)) or (await _save(reply, path, limit))
        return b""

    try:
        path = _new_file(directory)  # not in a thread: a cancelled one would leave its file behind
        response = await session.fetch("GET", url, {}, to_file, total_timeout=session.settings.media_timeout)
    except BaseException as error:
        if path is not None:
            with suppress(OSError):
                path.unlink()
        if isinstance(error, ApplicationError):
            note(MEDIA_FETCH, url=error.url or url, error=f"{error.code}: {error.message}")
        raise
    note(
        MEDIA_FETCH,
        url=response.url,
        status=response.status,
        content_type=response.content_type,
        bytes=size,
        ms=response.elapsed_ms,
        **({"cached": response.cached} if response.cached else {}),
    )
    return Media(response.url, path, response.content_type, size, response.elapsed_ms)


def _new_file(directory: Path) -> Path:
    try:
        with tempfile.NamedTemporaryFile(dir=directory, prefix="media-", delete=False) as file:
            return Path(file.name)
    except OSError as error:
        raise _unwritable(error) from error


async def _link(reply: Reply, path: Path, limit: int) -> int:
    """Give the file of a kept answer another name, which copies nothing; return its size, 0 where that can't be."""
    if reply.kept is None or reply.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return 0
    body = reply.kept.file

    def link() -> int:
        size = body.stat().st_size
        if size <= limit:
            path.unlink()
            try:
                path.hardlink_to(body)
            except OSError:
                path.touch()
                return 0
        return size

    with suppress(OSError):
        size = await asyncio.to_thread(link)
        if size > limit:
            raise _too_large(limit)
        return size
    return 0


def _too_large(limit: int) -> FetchError:
    return FetchError(MEDIA_TOO_LARGE, f"the audio is larger than {limit} bytes")


async def _save(reply: Reply, path: Path, limit: int) -> int:
    buffer = bytearray()
    written = 0

    async def keep(data: bytes) -> None:
        buffer.extend(data)
        if len(buffer) >= _WRITE_SIZE:
            await flush()

    async def flush() -> None:
        nonlocal written
        await asyncio.to_thread(_write, path, written, bytes(buffer))
        written += len(buffer)
        buffer.clear()

    total = await read_body(reply, keep, limit, _too_large(limit))
    await flush()
    return total


def _write(path: Path, offset: int, data: bytes) -> None:
    try:
        # "r+": a write that comes after the file was given up must not make it again.
        with path.open("r+b") as file:
            file.truncate(offset)  # a retry begins again
            file.seek(offset)
            file.write(data)
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> FetchError:
    return FetchError(INTERNAL, f"fetched audio can't be kept: {error.strerror}; see the directory for media")
