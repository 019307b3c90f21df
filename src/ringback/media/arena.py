"""The arena: all clips of a worker in one array, so that one gather serves every player of every leg."""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

FRAME: Final = 160
"""Samples in a frame: 20 ms at 8000 per second."""
_FRAME_BYTES: Final = 2 * FRAME


class ArenaError(Exception):
    """A clip cannot be had: its file is missing or unfit, or the arena is full of clips that are playing."""


@dataclass(slots=True)
class Loaded:
    """A clip in the arena: frames `first` to `end`, of which those before `ready` have been read from its file."""

    path: Path
    first: int
    end: int
    ready: int
    users: int = 0
    file: BinaryIO | None = field(default=None, repr=False)


class ClipArena:
    """Frames of clips, kept while there is room and given up oldest first.

    A clip is read in pieces (`pump`), always faster than it plays, so that a long file never delays a tick.
    The memory is only reserved: what no clip has touched takes none.
    """

    def __init__(self, frames: int) -> None:
        """Reserve room for `frames` frames of 20 ms (320 bytes each). The first one is silence."""
        self.samples: NDArray[np.int16] = np.zeros((frames, FRAME), np.int16)
        self._clips: OrderedDict[Path, Loaded] = OrderedDict()
        self._loading: list[Loaded] = []
        self._free: list[tuple[int, int]] = [(1, frames)]

    def acquire(self, path: Path, budget: int = 65536) -> Loaded:
        """Return the clip of a headerless s16le file, counted as in use until `release`.

        Reads at most `budget` bytes now, the rest in later calls of `pump`. Raises ArenaError.
        """
        clip = self._clips.get(path)
        if clip is None:
            clip = self._open(path)
            self._clips[path] = clip
            self._loading.append(clip)
            self._read(clip, budget)
        self._clips.move_to_end(path)
        clip.users += 1
        return clip

    def release(self, clip: Loaded) -> None:
        """Give the clip back; it stays until its room is needed."""
        clip.users -= 1

    def pump(self, budget: int = 262144) -> None:
        """Read on in the clips that are not whole yet, at most `budget` bytes of each of the oldest four."""
        for clip in self._loading[:4]:
            self._read(clip, budget)
        self._loading = [clip for clip in self._loading if clip.file is not None]

    @property
    def loading(self) -> bool:
        """True while a clip is not whole yet."""
        return bool(self._loading)

    def _open(self, path: Path) -> Loaded:
        try:
            file = path.open("rb", buffering=0)
            size = path.stat().st_size
        except OSError as error:
            raise ArenaError(f"clip {path} cannot be read: {error.strerror}") from error
        frames = -(-size // _FRAME_BYTES)
        try:
            first = self._allocate(frames)
        except ArenaError:
            file.close()
            raise
        self.samples[first : first + frames] = 0
        return Loaded(path, first, first + frames, first, file=file)

    def _read(self, clip: Loaded, budget: int) -> None:
        file = clip.file
        if file is None:
            return
        frames = min(max(1, budget // _FRAME_BYTES), clip.end - clip.ready)
        try:
            view = self.samples[clip.ready : clip.ready + frames].reshape(-1).view(np.uint8).data
            got = file.readinto(view) if frames else 0  # type: ignore[attr-defined]
        except OSError:
            got = 0
        # A file that is shorter than it was when opened ends in silence rather than holding its players up.
        clip.ready += frames if got == frames * _FRAME_BYTES else max(-(-got // _FRAME_BYTES), 1 if got else 0)
        if clip.ready >= clip.end or not got:
            clip.ready = clip.end
            file.close()
            clip.file = None

    def _allocate(self, frames: int) -> int:
        while True:
            for index, (first, end) in enumerate(self._free):
                if end - first >= frames:
                    if end - first == frames:
                        del self._free[index]
                    else:
                        self._free[index] = (first + frames, end)
                    return first
            if not self._evict():
                raise ArenaError(f"no room for a clip of {frames * 0.02:.0f} s: raise media.clip_memory_mb")

    def _evict(self) -> bool:
        for path, clip in self._clips.items():
            if clip.users == 0:
                if clip.file is not None:
                    clip.file.close()
                    self._loading.remove(clip)
                del self._clips[path]
                self._give_back(clip.first, clip.end)
                return True
        return False

    def _give_back(self, first: int, end: int) -> None:
        merged: list[tuple[int, int]] = []
        for a, b in sorted([*self._free, (first, end)]):
            if merged and merged[-1][1] == a:
                merged[-1] = (merged[-1][0], b)
            elif a < b:
                merged.append((a, b))
        self._free = merged
