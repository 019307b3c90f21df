"""Keys towards a peer: as telephone events (RFC 4733) or, where it takes none, as tones (ITU-T Q.23)."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.rtp.telephone_event import KEYS, KeySender

KEY_FRAMES: Final = 8
"""A key is held for 160 ms; Q.24 asks for at least 40."""
GAP_FRAMES: Final = 5
"""100 ms between two keys; Q.24 asks for at least 40."""
HALF_SECOND_FRAMES: Final = 25
_LEVEL: Final = 0.2
_ROWS: Final = (697, 770, 852, 941)
_COLUMNS: Final = (1209, 1336, 1477, 1633)
_LAYOUT: Final = "123A456B789C*0#D"
_TIME: Final = np.arange(FRAME) / 8000


class KeypadError(ValueError):
    """The text holds something that is neither a key nor a pause."""


def tone(key: str, frame: int) -> NDArray[np.int16]:
    """Frame number `frame` of the key's two tones (ITU-T Q.23): int16[160]."""
    row, column = divmod(_LAYOUT.index(key), 4)
    when = _TIME + frame * FRAME / 8000
    both = np.sin(2 * np.pi * _ROWS[row] * when) + np.sin(2 * np.pi * _COLUMNS[column] * when)
    return np.asarray(both * _LEVEL * 32767, np.int16)


@dataclass(frozen=True, slots=True)
class KeyPacket:
    """A telephone event to be sent in place of this frame's audio."""

    timestamp: int
    payload: bytes
    marker: bool


@dataclass(frozen=True, slots=True)
class KeysSent:
    """All keys asked for under `token` have been sent."""

    row: int
    token: int


class Keypad:
    """The keys that one leg still has to press, one frame at a time."""

    def __init__(self, row: int, token: int, keys: str, *, as_events: bool) -> None:
        """Raises KeypadError for anything but `0-9 A-D # *` and the pauses `w` (half a second) and `W` (a second)."""
        unknown = sorted(set(keys) - set(KEYS) - {"w", "W"})
        if unknown:
            raise KeypadError(f"not a key: {''.join(unknown)!r} (keys are 0-9 A-D # *, pauses w and W)")
        self.row, self.token = row, token
        self._todo = deque(keys)
        self._as_events = as_events
        self._wait = 0
        self._sender: KeySender | None = None
        self._tone: tuple[str, int] | None = None

    def next(self, timestamp: int) -> KeyPacket | NDArray[np.int16] | KeysSent | None:
        """What to send in this frame: an event, a frame of tones, nothing special, or word that all is done."""
        if self._sender is not None:
            if report := self._sender.next(FRAME):
                return KeyPacket(self._sender.timestamp, bytes(report[0]), report[1])
            self._sender, self._wait = None, GAP_FRAMES
        if self._tone is not None:
            key, frame = self._tone
            if frame < KEY_FRAMES:
                self._tone = (key, frame + 1)
                return tone(key, frame)
            self._tone, self._wait = None, GAP_FRAMES
        if self._wait:
            self._wait -= 1
            return None
        if not self._todo:
            return KeysSent(self.row, self.token)
        return self._begin(self._todo.popleft(), timestamp)

    def _begin(self, key: str, timestamp: int) -> KeyPacket | NDArray[np.int16] | KeysSent | None:
        if key in "wW":
            self._wait = HALF_SECOND_FRAMES * (1 if key == "w" else 2) - 1
            return None
        if self._as_events:
            self._sender = KeySender(key, timestamp, KEY_FRAMES * FRAME)
        else:
            self._tone = (key, 0)
        return self.next(timestamp)
