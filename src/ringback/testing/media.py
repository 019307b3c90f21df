"""Media without sockets, processes or sound: plays take the time that they would take, on the event loop's clock.

On a loop with a virtual clock an hour of music takes no time at all. `ringback.testing.contracts_media` runs the same
checks against this fake and the real workers.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringback.media.client import LegFormat, LegListener, LegObserver, MediaError, MediaLeg
from ringback.media.feeds import LONGEST
from ringback.media.hold_music import SECONDS
from ringback.media.keypad import GAP_FRAMES, HALF_SECOND_FRAMES, KEY_FRAMES, Keypad, KeypadError
from ringback.media.recording import MediaRecording, RecordingOptions
from ringback.media.rooms import MOST_MEMBERS
from ringback.media.stats import LegStats
from ringback.media.tone_clips import RoomBeep, ToneKind, name_of, samples_of
from ringback.media.tones import ToneError
from ringback.media.worker_recording import EndedRecording
from ringback.model.audio import SAMPLE_RATE, Clip
from ringback.testing.media_recording import FRAME_SECONDS, FakeRecording


@dataclass(frozen=True, slots=True)
class Played:
    """A clip that was played, or a part of it. Times are those of the event loop."""

    leg: int
    clip: Clip
    loop: int
    start: float
    end: float
    complete: bool
    """False when it was cancelled, replaced, or cut off by the end of its leg."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """Keys that were pressed towards the peer."""

    leg: int
    keys: str
    start: float


@dataclass(frozen=True, slots=True)
class Announced:
    """A clip, or a beep, that all members of a room heard, or a part of it."""

    room: int
    clip: Clip
    start: float
    end: float
    complete: bool
    """False when it was cancelled."""


def tone_clip(kind: ToneKind, country: str) -> Clip:
    """A tone's clip, as far as its name and length. Raises MediaError where there is none."""
    if kind == "hold-music":  # takes a moment to compose
        return Clip(Path(kind), round(SECONDS * SAMPLE_RATE))
    try:
        return Clip(Path(name_of(kind, country)), len(samples_of(kind, country)))
    except ToneError as error:
        raise MediaError(str(error)) from error


class FakeMedia:
    """Implements `ringback.media.client.Media`."""

    def __init__(self, capacity: int = 1000, *, check_files: bool = False) -> None:
        """Have room for `capacity` legs. With `check_files` a clip whose file is missing is refused, as the workers do;
        without, tests may make clips up.
        """
        self.capacity = capacity
        self.check_files = check_files
        self.down = False
        """While true, no leg can be had: the workers are being restarted."""
        self.legs: list[FakeMediaLeg] = []
        """The open legs, oldest first."""
        self.played: list[Played] = []
        """What was played on any leg, in the order in which it ended."""
        self.pressed: list[Pressed] = []
        self.announced: list[Announced] = []
        """What was announced in any room, beeps included, in the order in which it ended."""
        self.recordings: list[FakeRecording] = []
        """All recordings, of legs and of rooms, oldest first."""
        self._numbers = itertools.count()
        self._rooms = itertools.count(1)
        self._lost = asyncio.Event()
        self._of_rooms: list[tuple[int, FakeRecording]] = []

    async def open(self, listener: LegListener, *, near: MediaLeg | None = None) -> "FakeMediaLeg":
        """Take a leg. Raises MediaError when there is no room, or `down`."""
        await asyncio.sleep(0)
        if self.down:
            raise MediaError("the media worker is being restarted")
        if len(self.legs) >= self.capacity:
            raise MediaError(f"all {self.capacity} legs of this worker are taken")
        leg = FakeMediaLeg(self, next(self._numbers), listener)
        self.legs.append(leg)
        return leg

    def room(self) -> int:
        """The number of a new room."""
        return next(self._rooms)

    def members(self, room: int) -> "list[FakeMediaLeg]":
        """Who is in a room."""
        return [leg for leg in self.legs if leg.room == room]

    async def beep(self, room: int, kind: RoomBeep) -> None:
        """Take as long as the beep."""
        await self._announce(room, tone_clip(kind, "us"), 1)

    async def announce(self, room: int, clip: Clip, loop: int = 1) -> None:
        """Take as long as `loop` times the clip (0: until cancelled, or the workers are lost)."""
        if self.check_files and not clip.path.is_file():
            raise MediaError(f"clip {clip.path} cannot be read: No such file or directory")
        await self._announce(room, clip, loop)

    async def _announce(self, room: int, clip: Clip, loop: int) -> None:
        await asyncio.sleep(0)
        now = asyncio.get_running_loop().time
        start, complete = now(), False
        seconds = None if loop == 0 and clip.samples else clip.seconds * loop
        try:
            complete = not await until(self._lost, seconds)
        finally:
            self.announced.append(Announced(room, clip, start, now(), complete))

    async def record(self, room: int, path: Path, options: RecordingOptions) -> FakeRecording:
        """Record a room."""
        await asyncio.sleep(0)
        if self.down:
            raise MediaError("the media worker is being restarted")
        return self.recorded(path, options, room)

    def recorded(
        self, path: Path, options: RecordingOptions, room: int | None, *, speaking: bool = False
    ) -> FakeRecording:
        """Begin a recording, of a room if there is one."""
        recording = FakeRecording(path, options, speaking=speaking)
        self.recordings.append(recording)
        if room is not None:
            self._of_rooms.append((room, recording))
        return recording

    def heard_in(self, room: int) -> None:
        """Let the recordings of a room know whether anybody is to be heard."""
        speaking = any(leg.speaking and not leg.muted and not leg.held for leg in self.members(room))
        for number, recording in self._of_rooms:
            if number == room:
                recording.voice(speaking)

    def lose(self) -> None:
        """Lose all legs, as when the worker dies. New ones can be had at once, unless `down` is set."""
        self._lost.set()
        self._lost = asyncio.Event()
        for recording in self.recordings:
            recording.end("failed")
        for leg in list(self.legs):
            leg.lose()


@dataclass(slots=True, eq=False)
class FakeMediaLeg:
    """A `ringback.media.client.MediaLeg`. What the peer does is up to the test: `key`, `voice`, `quiet`, `lose`.

    The fake has no sound: who is in a room is written down, and recordings are silent.
    """

    media: FakeMedia
    number: int
    listener: LegListener
    observer: LegObserver = field(default_factory=LegObserver)
    room: int | None = None
    """Where it is, and what it is there:"""
    muted: bool = False
    held: bool = False
    coaching: "FakeMediaLeg | None" = None
    watched: bool = False
    speaking: bool = False
    """Does the peer speak?"""
    voice_wanted: bool = False
    tapped: tuple[bool, bool] = (False, False)
    """Which of its audio the observer wants: what it says, what it hears. The fake has none."""
    fed: list[NDArray[np.int16]] = field(default_factory=list)
    """What was fed and not cleared."""
    recordings: list[FakeRecording] = field(default_factory=list)
    formats: list[LegFormat] = field(default_factory=list)
    """What was set up, the newest last."""
    stats: LegStats = field(default_factory=lambda: LegStats(**{figure.name: 0 for figure in fields(LegStats)}))
    """The figures that `close` will return."""
    playing: Clip | None = None
    _fed_until: float = 0.0
    _marks: deque[tuple[str, asyncio.TimerHandle]] = field(default_factory=deque)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _replaced: asyncio.Event = field(default_factory=asyncio.Event)
    _keys_done: float = 0.0

    @property
    def address(self) -> tuple[str, int]:
        """Where this leg would receive RTP."""
        return "127.0.0.1", 20000 + 2 * (self.number % 5000)

    @property
    def ended(self) -> bool:
        """True after it was closed or lost."""
        return self._ended.is_set()

    async def setup(self, leg_format: LegFormat) -> None:
        """Keep what was negotiated in `formats`."""
        await asyncio.sleep(0)
        if not self.ended:
            self.formats.append(leg_format)

    async def play(self, clip: Clip, loop: int) -> None:
        """Take as long as `loop` times the clip (0: until cancelled), in place of what plays now."""
        await asyncio.sleep(0)
        if self.ended:
            return
        if self.media.check_files and not clip.path.is_file():
            raise MediaError(f"clip {clip.path} cannot be read: No such file or directory")
        await self._play(clip, loop)

    async def tone(self, kind: ToneKind, *, country: str = "us", loop: int = 1) -> None:
        """Take as long as `loop` times the tone, as a clip that has the tone's name. Raises MediaError for no tone."""
        await asyncio.sleep(0)
        if not self.ended:
            await self._play(tone_clip(kind, country), loop)

    async def _play(self, clip: Clip, loop: int) -> None:
        self._replaced.set()
        replaced = self._replaced = asyncio.Event()
        seconds = None if loop == 0 and clip.samples else clip.seconds * loop
        start, complete = self._now(), False
        self.playing = clip
        try:
            complete = not await until(replaced, seconds)
        finally:
            if self._replaced is replaced:
                self.playing = None
            self.media.played.append(Played(self.number, clip, loop, start, self._now(), complete))

    async def press(self, keys: str) -> None:
        """Take as long as the keys take, after those that are still being pressed. Raises MediaError for no key."""
        await asyncio.sleep(0)
        if self.ended:
            return
        try:
            Keypad(0, 0, keys, as_events=True)
        except KeypadError as error:
            raise MediaError(str(error)) from error
        start = max(self._now(), self._keys_done)
        self.media.pressed.append(Pressed(self.number, keys, start))
        self._keys_done = start + self._seconds(keys)
        await until(self._ended, self._keys_done - self._now())

    async def join(self, room: int, *, watched: bool = False) -> None:
        """Be in a room. Raises MediaError when it is full, or the leg in another."""
        await asyncio.sleep(0)
        if self.ended:
            return
        if self.room not in (None, room):
            raise MediaError(f"the leg is in room {self.room} already")
        if self.room is None and len(self.media.members(room)) >= MOST_MEMBERS:
            raise MediaError(f"room {room} has {MOST_MEMBERS} members, which is as many as may be")
        self.room, self.watched = room, watched

    async def leave(self) -> None:
        """Be in no room."""
        await asyncio.sleep(0)
        self.room, self.muted, self.held, self.coaching, self.watched = None, False, False, None, False

    async def mute(self, muted: bool) -> None:
        """Set `muted`."""
        await asyncio.sleep(0)
        self.muted = muted

    async def hold(self, held: bool) -> None:
        """Set `held`."""
        await asyncio.sleep(0)
        self.held = held

    async def coach(self, member: MediaLeg | None) -> None:
        """Set `coaching`."""
        await asyncio.sleep(0)
        assert member is None or isinstance(member, FakeMediaLeg), "legs of one kind"
        self.coaching = member

    async def record(self, path: Path, options: RecordingOptions) -> MediaRecording:
        """Record what there is: nothing but the time that passes, and who speaks (`voice`)."""
        if options.beep:
            await self.tone("beep")
        await asyncio.sleep(0)
        if self.ended:
            return EndedRecording(path)
        if options.source == "room" and self.room is None:
            raise MediaError("the leg is in no room")
        recording = self.media.recorded(path, options, None, speaking=self.speaking)
        self.recordings.append(recording)
        return recording

    async def detect_voice(self, wanted: bool) -> None:
        """Let `voice` tell the observer, or no longer."""
        await asyncio.sleep(0)
        self.voice_wanted = wanted

    async def feed(self, samples: NDArray[np.int16], mark: str | None = None) -> None:
        """Keep it in `fed`, and reach the mark when it would have been played. Raises MediaError for too much."""
        await asyncio.sleep(0)
        if self.ended:
            return
        waiting = max(0.0, self._fed_until - self._now())
        if waiting * SAMPLE_RATE + len(samples) > LONGEST:
            raise MediaError(f"more than {LONGEST // SAMPLE_RATE} s of audio wait to be played")
        self.fed.append(samples)
        self._fed_until = self._now() + waiting + len(samples) / SAMPLE_RATE
        if mark is not None:
            timer = asyncio.get_running_loop().call_at(self._fed_until, self._reach)
            self._marks.append((mark, timer))

    async def clear_feed(self) -> None:
        """Forget what was fed; marks are reached."""
        await asyncio.sleep(0)
        self._fed_until = 0.0
        self.fed.clear()
        while self._marks and not self.ended:
            self._reach()

    async def tap(self, *, heard: bool, said: bool) -> None:
        """Set `tapped`."""
        await asyncio.sleep(0)
        self.tapped = (heard, said)

    async def close(self) -> dict[str, float]:
        """Give the leg back and return `stats`; nothing where it was lost or closed before."""
        await asyncio.sleep(0)
        if self.ended:
            return {}
        self._end()
        return self.stats.as_dict()

    # -- the peer and the worker --------------------------------------------------------------------------------

    def key(self, keys: str, *, after: float = 0.0, every: float = 0.25) -> None:
        """Let the peer press keys: the first after so many seconds, the others so many apart."""
        for index, key in enumerate(keys):
            self._later(after + index * every, self._key, key)

    def voice(self, speaking: bool, *, after: float = 0.0) -> None:
        """Let the peer begin or cease to speak, now or after so many seconds."""
        self._later(after, self._voice, speaking)

    def quiet(self, times: int = 1) -> None:
        """Let the leg report that nothing was heard for `quiet_seconds`, `times` in a row."""
        self.listener.on_quiet(times)

    def lose(self) -> None:
        """Lose this leg, as when its worker dies."""
        if not self.ended:
            for recording in self.recordings:
                recording.end("failed")
            self._end()
            self.listener.on_lost()

    def _key(self, key: str) -> None:
        for recording in self.recordings:
            recording.key(key)
        self.listener.on_key(key)

    def _voice(self, speaking: bool) -> None:
        if speaking == self.speaking:
            return
        self.speaking = speaking
        for recording in self.recordings:
            recording.voice(speaking)
        if self.room is not None:
            self.media.heard_in(self.room)
        if self.voice_wanted:
            self.observer.on_voice(speaking)
        if self.watched and self.room is not None and not self.held:
            self.observer.on_talking(speaking)

    def _reach(self) -> None:
        mark, timer = self._marks.popleft()
        timer.cancel()
        self.observer.on_mark(mark)

    def _later(self, seconds: float, tell: Callable[..., None], *arguments: Any) -> None:
        def now() -> None:
            if not self.ended:
                tell(*arguments)

        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds, now)
        else:
            now()

    def _end(self) -> None:
        for recording in self.recordings:
            recording.end("closed")
        for _, timer in self._marks:
            timer.cancel()
        self.media.legs.remove(self)
        self._ended.set()
        self._replaced.set()

    def _seconds(self, keys: str) -> float:
        """As a real worker needs: an event takes two frames more than a tone, because its end is said three times."""
        as_events = bool(self.formats) and self.formats[-1].telephone_event is not None
        pauses = {"w": HALF_SECOND_FRAMES, "W": 2 * HALF_SECOND_FRAMES}
        key = KEY_FRAMES + 2 * as_events + GAP_FRAMES
        return FRAME_SECONDS * sum(pauses.get(each, key) for each in keys)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


async def until(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait at most so long; tell whether the event came first."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
