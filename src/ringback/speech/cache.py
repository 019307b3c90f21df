"""Speech that has been made, kept as clips on disk so that nothing is synthesised twice."""

import hashlib
import os
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.model.audio import Clip

DEFAULT_BYTES: Final = 512 << 20
"""About nine hours of speech."""
_SUFFIX: Final = ".pcm"
_WIDTH: Final = 2
_LOW_WATER: Final = 0.9


def key(*parts: object) -> str:
    """Return the name for what was made from `parts`."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:40]


class ClipCache:
    """A directory of clips, bounded in bytes; the least recently used go first.

    Files appear under their name only when they are whole, and never change. A file that a media worker has mapped
    may be deleted: the mapping stays. One server to a directory. All methods may be called from any thread.
    """

    def __init__(self, directory: Path, max_bytes: int = DEFAULT_BYTES) -> None:
        """Use `directory`, which `open` makes if need be."""
        self._directory = directory
        self._max_bytes = max_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """How much is kept now."""
        return self._bytes

    def open(self) -> None:
        """Make the directory and read what it has, oldest use first; remove what an interrupted run left behind."""
        self._directory.mkdir(parents=True, exist_ok=True)
        found = []
        for entry in os.scandir(self._directory):
            if entry.name.endswith(_SUFFIX):
                stat = entry.stat()
                found.append((stat.st_mtime_ns, entry.name.removesuffix(_SUFFIX), stat.st_size))
            elif entry.name.endswith(".part"):
                Path(entry.path).unlink(missing_ok=True)
        with self._lock:
            self._sizes = OrderedDict((name, size) for _, name, size in sorted(found))
            self._bytes = sum(self._sizes.values())
        self._shrink()

    def get(self, name: str) -> Clip | None:
        """Return the clip of that name, and remember that it was used. None when there is none (any more)."""
        path = self._path(name)
        try:
            os.utime(path)
            size = path.stat().st_size
        except FileNotFoundError:
            with self._lock:
                self._bytes -= self._sizes.pop(name, 0)
            return None
        self._note(name, size)
        return Clip(path, size // _WIDTH)

    def put(self, name: str, samples: NDArray[np.int16]) -> Clip:
        """Keep `samples`, shape `[samples]` at 8000 a second, under `name`; make room if need be."""
        path = self._path(name)
        handle, part = tempfile.mkstemp(suffix=".part", dir=self._directory)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(samples.astype("<i2").tobytes())
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
        self._note(name, len(samples) * _WIDTH)
        self._shrink()
        return Clip(path, len(samples))

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}{_SUFFIX}"

    def _note(self, name: str, size: int) -> None:
        with self._lock:
            self._bytes += size - self._sizes.pop(name, 0)
            self._sizes[name] = size

    def _shrink(self) -> None:
        gone = []
        with self._lock:
            goal = self._max_bytes if self._bytes <= self._max_bytes else self._max_bytes * _LOW_WATER
            # The newest clip stays whatever its size: somebody is about to play it.
            while self._bytes > goal and len(self._sizes) > 1:
                name, size = self._sizes.popitem(last=False)
                self._bytes -= size
                gone.append(name)
        for name in gone:
            self._path(name).unlink(missing_ok=True)
