"""Bodies between the network and the cache: written while they are read, and read from where they were kept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from multidict import CIMultiDict, CIMultiDictProxy

from ringback.webhooks.cache_store import CacheStore, Stored
from ringback.webhooks.exchange import Kept, Reply

logger = logging.getLogger(__name__)

_PIECE = 256 * 1024  # bytes that are written or read at a time, in a thread


class Recorder:
    """Takes a body as it passes and hands the file over when it is complete. A disk that fails ends the recording, and
    nothing else.
    """

    def __init__(
        self,
        store: CacheStore,
        limit: int,
        complete: Callable[[Path, int], Awaitable[None]],
        gave_up: Callable[[], None],
    ) -> None:
        """`complete` gets the file and its size; `gave_up` is called instead when the disk fails, or when there are
        more than `limit` bytes.
        """
        self._store = store
        self._limit = limit
        self._complete = complete
        self._gave_up = gave_up
        self._buffer = bytearray()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._over = False

    async def take(self, data: bytes) -> None:
        """Take the next bytes; none at the end. Raises nothing but CancelledError."""
        if self._over:
            return
        self._buffer += data
        self._size += len(data)
        if self._size > self._limit:
            self.abandon()
            self._gave_up()
            return
        try:
            if not data:
                await self._finish()
            elif len(self._buffer) >= _PIECE:
                await asyncio.to_thread(self._write)
        except OSError as error:
            logger.warning("An answer is not kept in the cache: %s", error)
            self.abandon()
            self._gave_up()

    async def _finish(self) -> None:
        self._over = True
        part = await asyncio.to_thread(self._close)
        self._file = None
        await self._complete(part, self._size)

    def _write(self) -> None:
        if self._file is None:
            self._file = self._store.begin()
        self._file.write(self._buffer)
        self._buffer.clear()

    def _close(self) -> Path:
        self._write()
        assert self._file is not None
        self._file.close()
        return Path(self._file.name)

    def abandon(self) -> None:
        """Give up what is not complete. Does nothing when it is."""
        self._over = True
        self._buffer.clear()
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                Path(self._file.name).unlink()
            self._file = None


class RecordedReply:
    """An answer from the network whose body is recorded while it is read."""

    kept = None

    def __init__(self, reply: Reply, recorder: Recorder) -> None:
        self._reply = reply
        self._recorder = recorder

    @property
    def status(self) -> int:
        """As it came."""
        return self._reply.status

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """As they came."""
        return self._reply.headers

    async def read(self) -> bytes:
        """Return the next bytes. See `Reply`."""
        data = await self._reply.read()
        await self._recorder.take(data)
        return data


class StoredReply:
    """An answer out of the store."""

    def __init__(self, entry: Stored, file: IO[bytes], kept: Kept) -> None:
        """`file` is open; whoever makes the reply closes it."""
        headers: CIMultiDict[str] = CIMultiDict(entry.headers)
        headers["Age"] = str(kept.age)  # RFC 9111 clause 5.1
        self.status = entry.status
        self.headers: CIMultiDictProxy[str] = CIMultiDictProxy(headers)
        self.kept: Kept | None = kept
        self._file = file

    async def read(self) -> bytes:
        """Return the next bytes. See `Reply`."""
        return await asyncio.to_thread(self._file.read, _PIECE)
