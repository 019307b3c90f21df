"""A load of HTTP requests: many connections that ask again and again, or at a steady rate; and what it came to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_TIMEOUT: Final = 30.0


@dataclass(slots=True)
class Outcome:
    """What a load came to."""

    seconds: float
    waits: list[float] = field(default_factory=list)
    """Seconds of each request."""
    failed: int = 0

    @property
    def per_second(self) -> float:
        """Requests that went well, a second."""
        return (len(self.waits) - self.failed) / self.seconds

    def quantile(self, share: float) -> float:
        """Milliseconds within which that share of the requests was answered."""
        ordered = sorted(self.waits)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Connection(asyncio.Protocol):
    """One kept connection: a request, its answer, the next."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read an answer to its end."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        _, named, after = head.partition(b"content-length:")
        length = int(after.partition(b"\r\n")[0]) if named else 0
        if len(self._buffer) >= end + 4 + length:
            status, self._buffer = int(head[9:12]), self._buffer[end + 4 + length :]
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result(status)

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits hears of it."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionError("the server closed the connection"))

    async def ask(self, request: bytes) -> int:
        """Send a request and return the status of its answer."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await asyncio.wait_for(self._waiting, _TIMEOUT)

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


async def load(
    port: int, request: Callable[[], bytes], seconds: float, *, connections: int = 32, rate: float | None = None
) -> Outcome:
    """Send requests for so many seconds: as fast as they are answered, or `rate` of them in each second."""
    loop = asyncio.get_running_loop()
    lines = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(connections)]
    outcome = Outcome(seconds)
    began = loop.time()
    due = (began + number / rate for number in range(int(seconds * rate))) if rate else None

    async def one(line: Connection) -> None:
        while True:
            if due is None:
                moment = loop.time()
                if moment >= began + seconds:
                    return
            else:
                # What comes too late waits from the moment that it was due: a slow server must not slow its judge.
                slot = next(due, None)
                if slot is None:
                    return
                moment = slot
                await asyncio.sleep(max(0.0, moment - loop.time()))
            status = await line.ask(request())
            outcome.waits.append(loop.time() - moment)
            outcome.failed += status >= 400

    try:
        async with asyncio.TaskGroup() as group:
            for line in lines:
                group.create_task(one(line))
    finally:
        for line in lines:
            line.close()
    outcome.seconds = max(seconds, loop.time() - began)
    return outcome
