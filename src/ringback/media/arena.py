"""The arena: all clips of a worker in one array, so that one gather serves every player of every leg."""

import os
from collections import OrderedDict
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Final

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
    file: FileIO | None = field(default=None, repr=False)


class ClipArena:
    """Frames of clips, kept while there is room and given up oldest first.

    A clip is read in pieces, so that a long file never delays a tick: 4 s at once (`acquire`), and then some of each
    clip with each tick (`pump`), always more than is played. What has not been read holds old samples, which nobody
    ever hears. The memory is only reserved: what no clip has touched takes none.
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

    def pump(self, budget: int = 1048576) -> None:
        """Read on in the clips that are not whole yet: an equal share of `budget` bytes, but two frames at least.

        To be called with each tick. One frame is played in that time, so that no clip is ever heard faster than read.
        """
        share = max(2 * _FRAME_BYTES, budget // max(1, len(self._loading)))
        for clip in self._loading:
            self._read(clip, share)
        self._loading = [clip for clip in self._loading if clip.file is not None]

    @property
    def loading(self) -> bool:
        """True while a clip is not whole yet."""
        return bool(self._loading)

    def _open(self, path: Path) -> Loaded:
        try:
            file = path.open("rb", buffering=0)
        except OSError as error:
            raise ArenaError(f"clip {path} cannot be read: {error.strerror}") from error
        try:
            frames = -(-os.fstat(file.fileno()).st_size // _FRAME_BYTES)
            first = self._allocate(frames)
        except ArenaError:
            file.close()
            raise
        return Loaded(path, first, first + frames, first, file=file)

    def _read(self, clip: Loaded, budget: int) -> None:
        file = clip.file
        if file is None:
            return
        frames = min(max(1, budget // _FRAME_BYTES), clip.end - clip.ready)
        piece = self.samples[clip.ready : clip.ready + frames].reshape(-1).view(np.uint8)
        try:
            got = file.readinto(piece.data) if frames else 0
        except OSError:
            got = 0
        # The end of the last frame, and of a file that is shorter than it was when opened, is silence.
        piece[got:] = 0
        clip.ready += frames
        if clip.ready == clip.end:
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
