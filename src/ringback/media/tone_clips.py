"""Tones, beeps and hold music as clips: each is made once, when it is first wanted, away from the event loop."""

import asyncio
import tempfile
import threading
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ringback.media import tones
from ringback.media.hold_music import hold_music
from ringback.model.audio import Clip

RoomBeep = Literal["beep", "join", "leave"]
ToneKind = Literal["ringback", "busy", "reorder", "beep", "join", "leave", "hold-music"]

_BEEPS: Final = {"beep": tones.beep, "join": tones.join_beep, "leave": tones.leave_beep, "hold-music": hold_music}
_CADENCES: Final[dict[str, tones.Kind]] = {"ringback": "ringback", "busy": "busy", "reorder": "congestion"}


def samples_of(kind: ToneKind, country: str) -> NDArray[np.int16]:
    """One period of a cadence, a beep, or a piece of music. Raises `ringback.media.tones.ToneError`."""
    if kind in _BEEPS:
        return _BEEPS[kind]()
    if kind not in _CADENCES:
        raise tones.ToneError(f"no tone {kind!r}: there are {' '.join((*_CADENCES, *_BEEPS))}")
    return tones.tone(country, _CADENCES[kind])


def name_of(kind: ToneKind, country: str) -> str:
    """Beeps and music are the same in all countries."""
    return f"{country.lower()}-{kind}" if kind in _CADENCES else kind


class ToneClips:
    """Clips of tones in a directory of their own, which lasts until `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._clips: dict[str, asyncio.Future[Clip]] = {}

    async def get(self, kind: ToneKind, country: str = "us") -> Clip:
        """The clip of a tone. Raises `ringback.media.tones.ToneError`, and OSError where it cannot be written."""
        name = name_of(kind, country)
        made = self._clips.get(name)
        if made is None:
            made = asyncio.get_running_loop().run_in_executor(None, self._make, name, kind, country)
            self._clips[name] = made
        try:
            # Who gives up waiting does not take it away from others.
            return await asyncio.shield(made)
        except (tones.ToneError, OSError):
            self._clips.pop(name, None)
            raise

    def close(self) -> None:
        """Remove the files."""
        if self._directory is not None:
            self._directory.cleanup()
        self._directory = None
        self._clips.clear()

    def _make(self, name: str, kind: ToneKind, country: str) -> Clip:
        samples = samples_of(kind, country)
        with self._lock:
            if self._directory is None:
                self._directory = tempfile.TemporaryDirectory(prefix="ringback-tones-")
        path = Path(self._directory.name) / f"{name}.s16"
        path.write_bytes(samples.astype("<i2").tobytes())
        return Clip(path, len(samples))
