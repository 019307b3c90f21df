"""Who is recorded: recordings of legs and rooms, what ends them, and whose voice is listened to.

Pure: files are written by a `Disk` and voices told by a `Voice`, which the worker hands in. Sits between the plane,
which knows rows, and `ringback.media.recorder`, which knows slots.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from ringback.media import routes
from ringback.media.arena import FRAME
from ringback.media.gate import VoiceChange
from ringback.media.happenings import KeyPressed, Recorded, VoiceHeard
from ringback.media.recorder import Disk, Recorders, RecordersFull, RecordingDone, RecordingEvent
from ringback.media.rooms import Rooms, turn_down
from ringback.media.routes import Frames, Mask, Source

A_LEG: Final = 2
"""Recordings that there is room for: so many a leg. Each takes memory only when used."""
KEY_SECONDS: Final = 0.08
"""What is taken back when a key ends a recording: a tone is certain after 60 ms, and gateways that make events of tones
let the first of them through."""
_NO_SILENCE: Final = 0.0


class StudioError(Exception):
    """A recording cannot begin; the text says why."""


class Voice(Protocol):
    """Who tells voices: `ringback.media.vad.VoiceActivity`. Nothing here waits."""

    speaking: Mask
    """bool[legs]: whose voice is heard."""

    def watch(self, row: int) -> None:
        """Listen to a leg."""

    def unwatch(self, row: int) -> None:
        """Listen no more."""

    def feed(self, heard: Frames, tick: int) -> None:
        """Take the frames of a tick."""

    def poll(self) -> list[VoiceChange]:
        """What has changed since the last call."""


@dataclass(slots=True)
class _Take:
    """A recording that goes on. `row` is the leg with which it ends, `listens` the one whose silence ends it."""

    token: int
    slot: int
    row: int | None
    room: int | None
    listens: int | None
    finish_keys: str
    reason: str = ""
    """Why it was stopped, where that is not known to the recorder."""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be recorded: as `ringback.media.recording.RecordingOptions`, without its beep."""

    source: str = "heard"
    channels: int = 1
    max_seconds: float = 3600
    silence_seconds: float = _NO_SILENCE
    finish_keys: str = ""
    trim: bool = False


@dataclass(slots=True)
class _Mix:
    """A room that is recorded: which row of the mixes it is, by how many, and how far it is turned down."""

    place: int
    users: int = 0
    gain: np.ndarray[tuple[int], np.dtype[np.float32]] = field(default_factory=lambda: np.ones(1, np.float32))


class Studio:
    """The recordings of a plane's legs and rooms."""

    def __init__(self, capacity: int, rooms: Rooms, disk: Disk | None, voice: Voice | None) -> None:
        """Without a disk nothing can be recorded; without a voice nobody is ever found to speak."""
        self._rooms = rooms
        self._voice = voice
        self._recorders = Recorders(A_LEG * capacity, disk) if disk is not None else None
        self._takes: dict[int, _Take] = {}
        self._slots: dict[int, _Take] = {}
        self._mixes: dict[int, _Mix] = {}
        self._asked: set[int] = set()
        self._watched: dict[int, int] = {}
        """How many want a leg to be listened to."""
        self._news: list[Recorded | VoiceHeard] = []

    @property
    def busy(self) -> bool:
        """Is there anything to do in a tick?"""
        return bool(self._watched or (self._recorders is not None and self._recorders.count))

    # -- recordings ---------------------------------------------------------------------------------------------

    def start(self, token: int, row: int | None, room: int | None, path: Path, wanted: Wanted) -> None:
        """Record a leg, or else a room, from the next frame on, under a token that is not in use.

        Raises StudioError, and ValueError for what cannot be.
        """
        if self._recorders is None:
            raise StudioError("this worker does not record")
        if row is not None:
            room = self._rooms.of(row) if wanted.source == "room" else None
        if room is None and (row is None or wanted.source == "room"):
            raise StudioError("the leg is in no room")
        mix = None if room is None else self._mix(room)
        listens = row if row is not None and wanted.silence_seconds else None
        try:
            slot = self._recorders.start(
                path,
                _channels(wanted, row, mix),
                trim=wanted.trim,
                max_seconds=wanted.max_seconds,
                silence_seconds=wanted.silence_seconds if listens is not None else _NO_SILENCE,
                voice_row=listens,
            )
        except (RecordersFull, ValueError) as error:
            self._unmix(room)
            raise StudioError(str(error)) from error
        if listens is not None:
            self._watch(listens)
        self._takes[token] = self._slots[slot] = _Take(token, slot, row, room, listens, wanted.finish_keys)

    def pause(self, token: int, *, silence: bool) -> None:
        """Leave out what follows, or record silence in its place. What has ended stays as it is, here and below."""
        if self._recorders is not None and (take := self._takes.get(token)):
            self._recorders.pause(take.slot, silence=silence)

    def resume(self, token: int) -> None:
        """Go on after a pause."""
        if self._recorders is not None and (take := self._takes.get(token)):
            self._recorders.resume(take.slot)

    def stop(self, token: int) -> None:
        """End a recording; `collect` reports it."""
        if self._recorders is not None and (take := self._takes.get(token)):
            self._recorders.stop(take.slot)

    def stop_all(self) -> None:
        """End all recordings."""
        if self._recorders is not None:
            self._recorders.stop_all()

    # -- legs ---------------------------------------------------------------------------------------------------

    def detect(self, row: int, wanted: bool) -> None:
        """Report when the voice of a leg begins and ends, or do so no longer."""
        if wanted and row not in self._asked:
            self._asked.add(row)
            self._watch(row)
            if self._voice is not None and self._voice.speaking[row]:
                self._news.append(VoiceHeard(row, True))
        elif not wanted and row in self._asked:
            self._asked.remove(row)
            self._unwatch(row)
            self._news = [news for news in self._news if not isinstance(news, VoiceHeard) or news.row != row]

    def close(self, row: int) -> None:
        """End the recordings of a leg that goes, before its row is used for another."""
        for take in [take for take in self._takes.values() if take.row == row]:
            self._end(take, "closed")
            # The recorder reads this row no more: what it does with the file needs no leg.
            take.row = None
            if take.listens is not None:
                self._unwatch(take.listens)
                take.listens = None
        self.detect(row, False)

    # -- a tick -------------------------------------------------------------------------------------------------

    def collect(
        self, heard: Frames, said: Frames, keys: list[KeyPressed], pressing: Mask, tick: int
    ) -> list[Recorded | VoiceHeard]:
        """Take the frames of a tick, int16[legs, 160] each, and the keys that were pressed in it.

        Legs in `pressing`, bool[legs], are in the midst of a key, which shall not be in any file.
        """
        for key in keys:
            self._press(key)
        told, self._news = self._news, []
        if self._voice is not None and self._watched:
            self._voice.feed(heard, tick)
            told += [VoiceHeard(row, on) for row, on, _ in self._voice.poll() if row in self._asked]
        # Also while one that failed is not closed yet: it takes its slot until the disk has let go of it.
        if self._recorders is not None and self._recorders.count:
            speaking = None if self._voice is None else self._voice.speaking
            ended = self._recorders.collect(heard, said, self._mixed(), speaking=speaking, exclude=pressing)
            told += [self._ended(event) for event in ended]
        return told

    def _press(self, pressed: KeyPressed) -> None:
        for take in list(self._takes.values()):
            if take.row == pressed.row and pressed.key in take.finish_keys and not take.reason:
                assert self._recorders is not None, "there is a recording"
                self._recorders.drop_tail(take.slot, KEY_SECONDS)
                self._end(take, "key", pressed.key)

    def _end(self, take: _Take, reason: str, key: str = "") -> None:
        if self._recorders is not None and self._recorders.stop(take.slot):
            take.reason, take.key = reason, key

    def _ended(self, event: RecordingEvent) -> Recorded:
        take = self._slots.pop(event.slot)
        del self._takes[take.token]
        if take.listens is not None:
            self._unwatch(take.listens)
        self._unmix(take.room)
        if isinstance(event, RecordingDone):
            result = event.result
            return Recorded(take.token, result.seconds, take.reason or event.reason, take.key, not result.empty)
        return Recorded(take.token, event.seconds, "failed", problem=f"{event.path}: {event.reason}")

    # -- voices and rooms ---------------------------------------------------------------------------------------

    def _watch(self, row: int) -> None:
        self._watched[row] = self._watched.get(row, 0) + 1
        if self._voice is not None:
            self._voice.watch(row)

    def _unwatch(self, row: int) -> None:
        self._watched[row] -= 1
        if not self._watched[row]:
            del self._watched[row]
            if self._voice is not None:
                self._voice.unwatch(row)

    def _mix(self, room: int) -> int:
        """Have the sum of a room made; return the row of the mixes that it will be."""
        if room not in self._mixes:
            taken = {mix.place for mix in self._mixes.values()}
            self._mixes[room] = _Mix(next(place for place in range(len(taken) + 1) if place not in taken))
            self._rooms.keep_sum(room, True)
        self._mixes[room].users += 1
        return self._mixes[room].place

    def _unmix(self, room: int | None) -> None:
        if room is None:
            return
        self._mixes[room].users -= 1
        if not self._mixes[room].users:
            del self._mixes[room]
            self._rooms.keep_sum(room, False)

    def _mixed(self) -> Frames | None:
        """What is said in the rooms that are recorded, int16[rooms, 160], turned down where it is too loud."""
        if not self._mixes:
            return None
        frames = np.zeros((1 + max(mix.place for mix in self._mixes.values()), FRAME), np.int16)
        for room, mix in self._mixes.items():
            place = self._rooms.place(room)
            if place is not None:
                total = self._rooms.totals[place : place + 1]
                turned, mix.gain = turn_down(total, mix.gain)
                frames[mix.place] = turned[0]
        return frames


def _channels(wanted: Wanted, row: int | None, mix: int | None) -> list[list[Source]]:
    """The channels of a recording: of two, the left has what the peer says and the right what is said to it."""
    if mix is not None:
        return [[routes.mixed(mix)]] * wanted.channels
    assert row is not None, "a leg or a room"
    ears = [routes.heard(row)] if wanted.source in ("heard", "both") else []
    mouth = [routes.said(row)] if wanted.source in ("said", "both") else []
    return [ears, mouth] if wanted.channels == 2 else [ears + mouth]
