"""What happens in a call, shown to people as lines with a level below them, or to programs as JSON."""

import json
import math
from collections.abc import Callable
from typing import Any, Final, TextIO

from ringback.app.phone.hearing import Hearing
from ringback.app.phone.notes import Note

_CLEAR: Final = "\r\x1b[K"
_BARS: Final = " ▁▂▃▄▅▆▇█"
_QUIET_DB, _FULL_DB = -48.0, -8.0
_HEARD_LATELY: Final = 0.1
"""Seconds after which the newest packet says nothing of now."""

_TEXTS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "calling": lambda data: f"calling {data['number']} at {data['server']} over {data['transport']}",
    "ringing": lambda data: f"ringing ({data['code']})",
    "answered": lambda data: f"answered: {data['codec']}, keys as {data['keys_as']}",
    "sound": lambda data: f"sound, {data['seconds']:.2f} s after {_after(data['after'])}",
    "key": lambda data: f"pressed {data['key']} ({data['how']})",
    "key-heard": lambda data: f"the other side pressed {data['key']}",
    "hold": lambda data: "put on hold" if data["on"] else "taken off hold",
    "ended": lambda data: f"ended: {data['text']}",
}


def text(note: Note) -> str:
    """Return a note as a line: seconds since the call was made, and what happened."""
    return f"{note.at:8.3f}  {_TEXTS[note.kind](note.data)}"


def level_bars(decibels: float) -> str:
    """Return a level, in dB of full scale, as a row of ten bars."""
    share = (decibels - _QUIET_DB) / (_FULL_DB - _QUIET_DB)
    eighths = max(0, min(80, math.ceil(share * 80)))
    return "█" * (eighths // 8) + (_BARS[eighths % 8] if eighths < 80 else "") + " " * (9 - eighths // 8)


class Display:
    """Writes notes as they come. On a terminal, `refresh` keeps a line with the time and the level below them."""

    def __init__(self, output: TextIO, *, as_json: bool = False) -> None:
        self._output = output
        self._json = as_json
        self.live = output.isatty() and not as_json
        """Whether `refresh` shows anything."""

    def note(self, note: Note) -> None:
        """Show a note."""
        if self._json:
            self._write(json.dumps({"at": round(note.at, 3), "event": note.kind, **_rounded(note.data)}))
        else:
            self._write(text(note))

    def line(self, line: str) -> None:
        """Show a line for people."""
        if not self._json:
            self._write(line)

    def result(self, **data: Any) -> None:
        """Show what came of the call to programs."""
        if self._json:
            self._write(json.dumps({"event": "result", **_rounded(data)}))

    def refresh(self, seconds: float, hearing: Hearing, now: float) -> None:
        """Show how long the call takes and how loud it is."""
        if self.live:
            sound = hearing.last_sound is not None and now - hearing.last_sound < _HEARD_LATELY
            bars = level_bars(hearing.level() if sound else -96.0)
            self._output.write(f"{_CLEAR}{seconds:8.1f}  {bars}  {'sound' if sound else 'silence'}")
            self._output.flush()

    def _write(self, line: str) -> None:
        self._output.write(f"{_CLEAR if self.live else ''}{line}\n")
        self._output.flush()


def _after(what: str) -> str:
    return "the answer" if what == "answer" else f"{what} was pressed"


def _rounded(data: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in data.items()}
