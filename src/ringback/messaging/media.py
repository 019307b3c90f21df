"""Media files of messages: kept beside the database, named by their sids."""

import asyncio
import os
from pathlib import Path

from ringback.model.sids import is_sid

MOST_BYTES = 5 * 1024 * 1024
"""Of one file; handsets and carriers take less rather than more."""


class MediaFiles:
    """A directory of media files. Methods raise OSError when the disk fails."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def save(self, sid: str, data: bytes) -> None:
        """Keep a file: it is there whole, or not at all."""
        await asyncio.to_thread(self._save, sid, data)

    async def take(self, sid: str, path: Path) -> None:
        """Keep a file that is on the same disk already; `path` is gone afterwards."""
        await asyncio.to_thread(self._take, sid, path)

    async def read(self, sid: str) -> bytes | None:
        """Return a file, or None where there is none."""
        try:
            return await asyncio.to_thread(self._path(sid).read_bytes)
        except FileNotFoundError:
            return None

    async def remove(self, sid: str) -> None:
        """Forget a file."""
        await asyncio.to_thread(self._path(sid).unlink, missing_ok=True)

    def _path(self, sid: str) -> Path:
        if not is_sid(sid):
            raise FileNotFoundError(sid)
        return self._directory / sid

    def _save(self, sid: str, data: bytes) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self._path(sid).with_suffix(".part")
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path(sid))

    def _take(self, sid: str, path: Path) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.replace(self._path(sid))
