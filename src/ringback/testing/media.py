"""Media without sockets, processes or sound: plays take the time that they would take, on the event loop's clock.

On a loop with a virtual clock an hour of music takes no time at all. `ringback.testing.contracts_media` runs the same
checks against this fake and the real workers.
"""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from ringback.media.client import LegFormat, LegListener, MediaError
from ringback.media.keypad import GAP_FRAMES, HALF_SECOND_FRAMES, KEY_FRAMES, Keypad, KeypadError
from ringback.media.stats import LegStats
from ringback.model.audio import Clip

FRAME_SECONDS = 0.02


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
        self._numbers = itertools.count()

    async def open(self, listener: LegListener) -> "FakeMediaLeg":
        """Take a leg. Raises MediaError when there is no room, or `down`."""
        await asyncio.sleep(0)
        if self.down:
            raise MediaError("the media worker is being restarted")
        if len(self.legs) >= self.capacity:
            raise MediaError(f"all {self.capacity} legs of this worker are taken")
        leg = FakeMediaLeg(self, next(self._numbers), listener)
        self.legs.append(leg)
        return leg

    def lose(self) -> None:
        """Lose all legs, as when the worker dies. New ones can be had at once, unless `down` is set."""
        for leg in list(self.legs):
            leg.lose()


@dataclass(slots=True, eq=False)
class FakeMediaLeg:
    """Implements `ringback.media.client.MediaLeg`. What the peer does is up to the test: `key`, `quiet`, `lose`."""

    media: FakeMedia
    number: int
    listener: LegListener
    formats: list[LegFormat] = field(default_factory=list)
    """What was set up, the newest last."""
    stats: LegStats = field(default_factory=lambda: LegStats(**{figure.name: 0 for figure in fields(LegStats)}))
    """The figures that `close` will return."""
    playing: Clip | None = None
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
        self._replaced.set()
        replaced = self._replaced = asyncio.Event()
        seconds = None if loop == 0 and clip.samples else clip.seconds * loop
        start, complete = self._now(), False
        self.playing = clip
        try:
            complete = not await self._until(replaced, seconds)
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
        await self._until(self._ended, self._keys_done - self._now())

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
            self._later(after + index * every, self.listener.on_key, key)

    def quiet(self, times: int = 1) -> None:
        """Let the leg report that nothing was heard for `quiet_seconds`, `times` in a row."""
        self.listener.on_quiet(times)

    def lose(self) -> None:
        """Lose this leg, as when its worker dies."""
        if not self.ended:
            self._end()
            self.listener.on_lost()

    def _later(self, seconds: float, tell: Callable[..., None], *arguments: Any) -> None:
        def now() -> None:
            if not self.ended:
                tell(*arguments)

        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds, now)
        else:
            now()

    def _end(self) -> None:
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
    async def _until(event: asyncio.Event, seconds: float | None) -> bool:
        """Wait at most so long; tell whether the event came first."""
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        return True

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
