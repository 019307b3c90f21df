"""Bodies of answers: read bit by bit, decoded, and never further than a limit."""

import asyncio
import codecs
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from aiohttp.helpers import parse_mimetype
from multidict import CIMultiDictProxy

from ringback.webhooks.exchange import Reply
from ringback.webhooks.failures import PROTOCOL, RETRIEVAL, FetchError

Sink = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ContentType:
    """What an answer says of its body."""

    name: str
    """Type and subtype in lower case; empty when the answer doesn't say."""
    charset: str
    """A charset that Python knows; empty when the answer names none, or none that exists."""


def content_type(headers: CIMultiDictProxy[str]) -> ContentType:
    """Read the Content-Type of an answer. Never raises."""
    return _content_type(headers.get("Content-Type", "").strip())


@lru_cache(maxsize=256)
def _content_type(text: str) -> ContentType:
    if not text:
        return ContentType("", "")
    mime = parse_mimetype(text)
    name = f"{mime.type}/{mime.subtype}" + (f"+{mime.suffix}" if mime.suffix else "")
    charset = mime.parameters.get("charset", "").strip("\"' ").lower()
    try:
        codecs.lookup(charset)
    except (LookupError, ValueError):
        charset = ""
    return ContentType(name.lower(), charset)


async def read_body(reply: Reply, sink: Sink, limit: int, too_large: FetchError) -> int:
    """Hand the decoded body of an answer to `sink` piece by piece and return its length.

    Raises `too_large` as soon as it is clear that there are more than `limit` bytes; else FetchError 11200 for a
    Content-Encoding that was not asked for and isn't known, 11206 for a body that breaks off or doesn't decode.
    """
    announced = reply.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:18]) > limit:
        raise too_large
    decode = _decoder(reply)
    total = 0
    while True:
        raw = await reply.read()
        # One byte past the limit is enough to know; a "zip bomb" is never unpacked further.
        data = decode(raw, limit + 1 - total)
        total += len(data)
        if total > limit:
            raise too_large
        if data:
            await sink(data)
        if not raw:
            return total


async def read_prefix(reply: Reply, length: int, seconds: float) -> bytes:
    """Return the first bytes of a body, or as many as come in time: for messages, so that nothing is an error."""
    prefix = bytearray()
    enough = FetchError(RETRIEVAL, "enough")

    async def keep(data: bytes) -> None:
        prefix.extend(data)
        if len(prefix) >= length:
            raise enough

    with suppress(FetchError, TimeoutError):
        async with asyncio.timeout(seconds):
            await read_body(reply, keep, 1 << 30, enough)
    return bytes(prefix[:length])


def _decoder(reply: Reply) -> Callable[[bytes, int], bytes]:
    """Return what decodes the next raw bytes to at most so many bytes; it is called with none at the end."""
    coding = reply.headers.get("Content-Encoding", "").strip().lower()
    if coding in ("", "identity"):
        return lambda raw, most: raw[:most]
    if coding in ("gzip", "x-gzip", "deflate"):
        return _Inflater().decode
    raise FetchError(RETRIEVAL, f"the answer's Content-Encoding {coding[:40]!r} was not asked for and is not known")


class _Inflater:
    """gzip and deflate (RFC 9110 clause 8.4.1), bounded."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: gzip or zlib, as its header says
        self._started = False

    def decode(self, raw: bytes, most: int) -> bytes:
        if not raw:
            if self._started and not self._inflate.eof:
                raise FetchError(PROTOCOL, "the compressed body of the answer breaks off")
            return b""
        self._started = True
        try:
            return self._inflate.decompress(raw, most)
        except zlib.error as error:
            raise FetchError(PROTOCOL, f"the body of the answer is not compressed as it says: {error}") from error
