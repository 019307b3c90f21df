"""Answers kept on disk: two files each, what is known of the answer and its body, within a bound.

The directory may be looked at and emptied while a server uses it (`ringback cache`): an answer whose files are gone is
one that was never kept.
"""

import json
import os
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from multidict import CIMultiDict, CIMultiDictProxy

from ringback.webhooks.freshness import Moment

_KNOWN, _BODY, _PART = ".json", ".body", ".part"
_LOW_WATER = 0.9
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer that is kept."""

    id: uuid.UUID
    key: str
    """For what requests it may be: the same account, method and URL."""
    url: str
    status: int
    headers: CIMultiDictProxy[str]
    varies: Mapping[str, str]
    """Of the headers that Vary names, what they were in the request; not legible, for there may be cookies in them."""
    moment: Moment
    size: int
    """Bytes of the body."""


class CacheStore:
    """The answers in a directory. All methods may be called from any thread; those that touch the disk raise OSError.
    One server to a directory.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        """Use `directory`, which `open` makes; keep at most `max_bytes` of bodies and what is known of them."""
        self.directory = directory
        self.max_bytes = max_bytes
        self._entries: OrderedDict[uuid.UUID, Stored] = OrderedDict()
        """Those used longest ago are first."""
        self._of_key: dict[str, list[uuid.UUID]] = {}
        self._bytes = 0
        self._lock = threading.RLock()

    @property
    def used(self) -> int:
        """Bytes that are kept now."""
        return self._bytes

    def open(self) -> None:
        """Make the directory if need be, read what it has, and remove what an interrupted run left behind."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for entry in read_directory(self.directory):
            self._enter(entry)
        bodies = {f"{entry.hex}{_BODY}" for entry in self._entries}
        for file in os.scandir(self.directory):
            if file.name.endswith(_PART) or (file.name.endswith(_BODY) and file.name not in bodies):
                Path(file.path).unlink(missing_ok=True)
        self._shrink()

    def find(self, key: str) -> list[Stored]:
        """Return the answers of a key. Doesn't touch the disk."""
        with self._lock:
            return [self._entries[entry] for entry in self._of_key.get(key, ())]

    def begin(self) -> IO[bytes]:
        """Open a new file for a body on its way."""
        return (self.directory / f"{uuid.uuid4().hex}{_PART}").open("xb")

    def keep(self, entry: Stored, part: Path) -> None:
        """Keep an answer whose body is complete in a file of `begin`, which is closed; make room if need be."""
        try:
            part.replace(self.body(entry))
            self.update(entry)
        except OSError:
            for file in (part, self.body(entry)):
                with suppress(OSError):
                    file.unlink(missing_ok=True)
            raise
        self._shrink()

    def update(self, entry: Stored) -> None:
        """Write down what is known of an answer, anew where it is kept already."""
        part = self._path(entry, _PART)
        part.write_text(json.dumps(_to_json(entry)), encoding="ascii")
        part.replace(self._path(entry, _KNOWN))
        with self._lock:
            self._leave(entry.id)
            self._enter(entry)

    def use(self, entry: Stored) -> IO[bytes]:
        """Open the body of an answer, and remember that it was used. Raises FileNotFoundError when it is gone."""
        file = self.body(entry).open("rb")
        with suppress(OSError, KeyError):
            with self._lock:
                self._entries.move_to_end(entry.id)
            os.utime(self._path(entry, _KNOWN))
        return file

    def body(self, entry: Stored) -> Path:
        """The file of a body. It never changes; it may go at any time."""
        return self._path(entry, _BODY)

    def remove(self, ids: Iterable[uuid.UUID]) -> None:
        """Forget answers, whether they are there or not."""
        for one in ids:
            with self._lock:
                entry = self._leave(one)
            if entry is not None:
                with suppress(OSError):
                    self._path(entry, _KNOWN).unlink(missing_ok=True)
                    self.body(entry).unlink(missing_ok=True)

    def _path(self, entry: Stored, suffix: str) -> Path:
        return self.directory / f"{entry.id.hex}{suffix}"

    def _enter(self, entry: Stored) -> None:
        self._entries[entry.id] = entry
        self._of_key.setdefault(entry.key, []).append(entry.id)
        self._bytes += _cost(entry)

    def _leave(self, one: uuid.UUID) -> Stored | None:
        entry = self._entries.pop(one, None)
        if entry is not None:
            self._bytes -= _cost(entry)
            rest = [other for other in self._of_key[entry.key] if other != one]
            if rest:
                self._of_key[entry.key] = rest
            else:
                del self._of_key[entry.key]
        return entry

    def _shrink(self) -> None:
        gone = []
        with self._lock:
            goal = self.max_bytes if self._bytes <= self.max_bytes else self.max_bytes * _LOW_WATER
            left = self._bytes
            for entry in self._entries.values():
                if left <= goal:
                    break
                gone.append(entry.id)
                left -= _cost(entry)
        self.remove(gone)


def read_directory(directory: Path) -> list[Stored]:
    """Return the answers in a directory, those used longest ago first. What can't be read is left out.

    Raises OSError when the directory can't be read.
    """
    found = []
    with os.scandir(directory) as files:
        for file in files:
            if file.name.endswith(_KNOWN):
                with suppress(OSError, ValueError, KeyError, TypeError):
                    path = Path(file.path)
                    entry = _from_json(json.loads(path.read_text("ascii")))
                    if path.with_suffix(_BODY).stat().st_size == entry.size and path.stem == entry.id.hex:
                        found.append((file.stat().st_mtime_ns, entry))
    return [entry for _, entry in sorted(found, key=lambda one: one[0])]


def clear_directory(directory: Path) -> int:
    """Remove every answer from a directory; return how many there were. Raises OSError."""
    count = 0
    for path in _files(directory):
        count += path.suffix == _KNOWN
        path.unlink(missing_ok=True)
    return count


def _files(directory: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from [path for path in directory.iterdir() if path.suffix in (_KNOWN, _BODY)]


def _cost(entry: Stored) -> int:
    # A file system gives out blocks: ten thousand answers of ten bytes are not a hundred kilobytes.
    return entry.size + 4096


def _to_json(entry: Stored) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "id": entry.id.hex,
        "key": entry.key,
        "url": entry.url,
        "status": entry.status,
        "headers": list(entry.headers.items()),
        "varies": dict(entry.varies),
        "asked": entry.moment.asked,
        "came": entry.moment.came,
        "size": entry.size,
    }


def _from_json(known: dict[str, Any]) -> Stored:
    if known["format"] != _FORMAT:
        raise ValueError("another release has written this")
    return Stored(
        id=uuid.UUID(hex=known["id"]),
        key=str(known["key"]),
        url=str(known["url"]),
        status=int(known["status"]),
        headers=CIMultiDictProxy(CIMultiDict((str(name), str(value)) for name, value in known["headers"])),
        varies={str(name): str(value) for name, value in known["varies"].items()},
        moment=Moment(float(known["asked"]), float(known["came"])),
        size=int(known["size"]),
    )
