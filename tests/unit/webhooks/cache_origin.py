"""A scripted application behind the cache, an `Exchange` that answers as it is told, and a clock set by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from ringback.webhooks.cache import CachingExchange
from ringback.webhooks.cache_store import CacheStore
from ringback.webhooks.exchange import Kept, Reply, Request
from ringback.webhooks.failures import FetchError

BEGIN = 1_800_000_000.0


@dataclass
class Clock:
    """The time of day."""

    now: float = BEGIN

    def __call__(self) -> float:
        return self.now


def date(seconds: float) -> str:
    """A moment as HTTP writes it, so many seconds after the beginning."""
    return formatdate(BEGIN + seconds, usegmt=True)


class OriginReply:
    """An answer of the application; its body comes in pieces, and `gate` holds it back behind the first."""

    kept = None

    def __init__(self, status: int, headers: CIMultiDict[str], body: bytes, gate: asyncio.Event | None) -> None:
        self.status = status
        self.headers = CIMultiDictProxy(headers)
        half = len(body) // 2
        self._pieces = [piece for piece in (body[:half], body[half:]) if piece]
        self._gate = gate
        self.breaks = False

    async def read(self) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if self._gate is not None and not self._pieces:
            await self._gate.wait()
        if self.breaks and not self._pieces:
            raise FetchError(11206, "the body breaks off")
        return piece


@dataclass
class Origin:
    """The application: gives the answers one after the other, the last one for ever."""

    answers: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    """`status`, `body`, `headers` (a list of pairs), `error`; `held` waits for `gate` before the end of the body."""
    asked: list[Request] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    @asynccontextmanager
    async def __call__(self, request: Request) -> AsyncIterator[Reply]:
        self.asked.append(request)
        self.arrived.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if "hangs" in answer:
            await asyncio.Event().wait()
        if "error" in answer:
            raise answer["error"]
        headers = CIMultiDict(answer.get("headers", ()))
        headers.setdefault("Content-Type", "text/xml")
        body = b"" if answer.get("status") == 304 else answer.get("body", f"answer {len(self.asked)}".encode())
        reply = OriginReply(answer.get("status", 200), headers, body, self.gate if answer.get("held") else None)
        reply.breaks = bool(answer.get("breaks"))
        yield reply

    async def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class Got:
    """An answer, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    kept: Kept | None

    @property
    def how(self) -> str:
        return self.kept.how if self.kept else "new"


def request(url: str = "http://a.example/x", method: str = "GET", account: str = "one", **headers: str) -> Request:
    return Request(
        method, url, {name.replace("_", "-"): value for name, value in headers.items()}, None, 5, 10, None, account
    )


async def get(exchange: CachingExchange, asked: Request | None = None) -> Got:
    """Ask, and read the answer to its end."""
    async with exchange(asked or request()) as reply:
        body = b""
        while piece := await reply.read():
            body += piece
        return Got(reply.status, reply.headers, body, reply.kept)


class World:
    """A cache, its clock and the application behind it."""

    def __init__(self, directory: Path, *answers: dict[str, Any], limit: int = 1 << 24, **options: Any) -> None:
        self.clock = Clock()
        self.origin = Origin(list(answers) or [{}])
        self.store = CacheStore(directory, limit)
        self.cache = CachingExchange(self.origin, self.store, self.clock, **options)

    async def get(self, asked: Request | None = None, **headers: str) -> Got:
        return await get(self.cache, asked or request(**headers))

    async def how(self, asked: Request | None = None, **headers: str) -> str:
        """Ask, and tell how the answer came: new, fresh, validated or stale."""
        return (await self.get(asked, **headers)).how


def says(*cache_control: str, **headers: str) -> dict[str, Any]:
    """An answer with that Cache-Control and those header fields, made at the beginning."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return {"headers": [*(("Cache-Control", value) for value in cache_control), ("Date", date(0)), *named]}
