"""A call without a telephone: it plays, waits and takes keys as a real one does, in virtual time, by a script.

It passes `ringback.testing.contracts.check_call`, which a real call passes too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ringback.calls import outcome
from ringback.calls.attendance import Attendance, Attended
from ringback.calls.dialing import Dialed, Dialing
from ringback.calls.errors import CallError
from ringback.calls.port import Call, CallInfo
from ringback.calls.queueing import Queued, Queueing, QueuePlace, QueueResult
from ringback.calls.recording import RecordOptions
from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.outgoing import MachineDetection
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.testing.fake_recording import FakeCallRecording

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Press:
    """The caller presses keys, `at` seconds after the call began, a tenth of a second apart."""

    at: float
    keys: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """The caller hangs up, `at` seconds after the call began."""

    at: float


@dataclass(slots=True)
class Played:
    """A clip that the caller heard, from `start` to `stop` (seconds since the call began)."""

    clip: Clip
    loop: int
    start: float
    stop: float | None = None
    complete: bool = False
    """Whether it came to its end."""


@dataclass(frozen=True, slots=True)
class Noted:
    """An event of the call's timeline."""

    at: float
    kind: str
    data: dict[str, Any] = field(default_factory=dict)


BEEP_SECONDS = 0.5
DETECTION_SECONDS = 4.0
CONFERENCE_SID = "CF" + "0" * 31 + "1"
QUEUE_SID = "QU" + "0" * 31 + "1"
KEY_INTERVAL = 0.1
"""Seconds between the keys of one Press."""


def call_info(version: ApiVersion = ApiVersion.V2010, **changes: Any) -> CallInfo:
    """Who calls whom, as tests need it when they do not care."""
    facts: dict[str, Any] = {
        "sid": "CA" + "0" * 31 + "1",
        "account_sid": "AC" + "0" * 31 + "1",
        "from_": "+14155550100",
        "to": "+14155550199",
        "direction": Direction.INBOUND,
        "api_version": version,
    }
    return CallInfo(**(facts | changes))


class FakeCall:
    """An incoming call that rings, driven by one client (`conduct`) and a caller who follows a script."""

    def __init__(self, script: Sequence[Press | HangUp] = (), info: CallInfo | None = None) -> None:
        """`script` may be in any order; its times count from the beginning of `conduct`."""
        self._info = info or call_info()
        self._script = script
        self._status = CallStatus.RINGING
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._driver: asyncio.Task[Any] | None = None
        self._began: float | None = None
        self._playing = False
        self.played: list[Played] = []
        self.pressed_keys = ""
        """What `send_keys` pressed towards the caller, without the pauses."""
        self.echoes: list[tuple[float, float]] = []
        self.noted: list[Noted] = []
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.end_reason = ""
        self.sip_code: int | None = None
        """What it was rejected with."""
        self.speaks = 3.0
        """Seconds for which the caller speaks when it is recorded; 0: not at all."""
        self.unrecordable = False
        self.recordings: list[FakeCallRecording] = []
        self.dialings: list[Dialing] = []
        self.detections: list[MachineDetection] = []
        self.answered_by = "human"
        """What detection finds out."""
        self.on_dial: Callable[[Dialing], Awaitable[Dialed]] | None = None
        self.attendances: list[Attendance] = []
        self.on_attend: Callable[[Attendance], Awaitable[Attended]] | None = None
        self.queueings: list[Queueing] = []
        self.on_enqueue: Callable[[Queueing], Awaitable[Queued]] | None = None
        self._detached: list[asyncio.Task[None]] = []

    # -- what the script and tests do -----------------------------------------------------------------------------

    async def conduct(self, client: Coroutine[Any, Any, _T]) -> _T | None:
        """Let a client drive the call while the caller follows the script.

        Returns what the client returns; None when the caller hung up before, which cancels it.
        """
        self._began = self._time()
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(at, act, *args) for at, act, args in self._timers()]
        self._driver = loop.create_task(client)
        try:
            await asyncio.wait([self._driver])
        finally:
            # Whoever cancels this cancels the client as well.
            self._driver.cancel()
            await asyncio.gather(self._driver, return_exceptions=True)
            for timer in timers:
                timer.cancel()
        await asyncio.gather(*self._detached)
        return None if self._driver.cancelled() else self._driver.result()

    def _timers(self) -> list[tuple[float, Callable[..., None], tuple[str, ...]]]:
        timers: list[tuple[float, Callable[..., None], tuple[str, ...]]] = []
        for step in self._script:
            if isinstance(step, HangUp):
                timers.append((step.at, self.caller_hangs_up, ()))
            else:
                timers += [(step.at + KEY_INTERVAL * n, self.press, (key,)) for n, key in enumerate(step.keys)]
        return timers

    def press(self, keys: str) -> None:
        """The caller presses keys now, all at once. A call that is over takes none."""
        if self._status.final:
            return
        for key in keys:
            self.note(events.KEY, key=key, by="rfc4733")
            for recording in self.recordings:
                recording.key(key)
            self._keys.put_nowait(key)

    def caller_hangs_up(self) -> None:
        """The caller hangs up now: the client is cancelled."""
        answered = self._status is CallStatus.IN_PROGRESS
        self._end(outcome.CALLER_HANGUP if answered else outcome.CALLER_CANCELLED)
        if self._driver is not None:
            self._driver.cancel()

    def notes(self, kind: str) -> list[dict[str, Any]]:
        """The data of all events of one kind, in order."""
        return [noted.data for noted in self.noted if noted.kind == kind]

    # -- the port ---------------------------------------------------------------------------------------------------

    @property
    def info(self) -> CallInfo:
        """Who calls whom."""
        return self._info

    @property
    def status(self) -> CallStatus:
        """What the call is doing now."""
        return self._status

    async def answer(self) -> None:
        """Pick up."""
        if self._status is CallStatus.RINGING:
            self._status = CallStatus.IN_PROGRESS
            self.answered_at = self.now()

    async def reject(self, sip_code: int) -> None:
        """Refuse a call that still rings."""
        assert 400 <= sip_code <= 699, f"{sip_code} does not refuse a call"
        if self._status is CallStatus.RINGING:
            self.sip_code = sip_code
            self._end(outcome.REJECTED, sip_code)

    async def hangup(self, reason: str = outcome.HANGUP_VERB) -> None:
        """End the call."""
        self._end(reason)

    async def play(self, clip: Clip, loop: int = 1) -> None:
        """Take as long as the clip does."""
        await self.answer()
        if self._status.final:
            return
        assert not self._playing, "two clips at the same time: one must be cancelled before the next begins"
        played = Played(clip, loop, self.now())
        self.played.append(played)
        self._playing = True
        try:
            if loop:
                await asyncio.sleep(clip.seconds * loop)
            else:
                await asyncio.get_running_loop().create_future()
            played.complete = True
        finally:
            self._playing = False
            played.stop = self.now()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def next_key(self, timeout: float | None = None) -> str | None:
        """Take the next key, None after `timeout` seconds."""
        if not self._keys.empty():
            return self._keys.get_nowait()
        try:
            async with asyncio.timeout(timeout):
                return await self._keys.get()
        except TimeoutError:
            return None

    def clear_keys(self) -> None:
        """Forget the keys that nobody took."""
        while not self._keys.empty():
            self._keys.get_nowait()

    async def send_keys(self, keys: str) -> None:
        """Press keys towards the caller: a quarter of a second each, `w` half a second, `W` a second."""
        await self.answer()
        for key in keys:
            await asyncio.sleep({"w": 0.5, "W": 1.0}.get(key, 0.25))
            self.pressed_keys += key.strip("wW")

    async def echo(self) -> None:
        """Go on until it is cancelled; `echoes` tells from when to when (seconds since the call began)."""
        await self.answer()
        if self._status.final:
            return
        began = self.now()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.echoes.append((began, self.now()))

    async def record(self, options: RecordOptions) -> FakeCallRecording:
        """Record somebody who speaks for `speaks` seconds."""
        await self.answer()
        if self._status.final or self.unrecordable:
            raise CallError("nothing can be recorded: the call has no audio")
        if options.beep:
            await asyncio.sleep(BEEP_SECONDS)
        recording = FakeCallRecording(f"RE{len(self.recordings):032x}", options, self.speaks)
        self.recordings.append(recording)
        return recording

    async def dial(self, dialing: Dialing) -> Dialed:
        """Do what `on_dial` does; without it nobody answers."""
        self.dialings.append(dialing)
        if not dialing.answer_on_bridge:
            await self.answer()
        if self.on_dial is None:
            await asyncio.sleep(dialing.timeout)
            return Dialed("no-answer", "CA" + "0" * 31 + "2", sip_code=487)
        return await self.on_dial(dialing)

    async def detect_machine(self, detection: MachineDetection) -> str:
        """Say what `answered_by` is, after four seconds."""
        self.detections.append(detection)
        await asyncio.sleep(DETECTION_SECONDS)
        return self.answered_by

    async def attend(self, attendance: Attendance) -> Attended:
        """Do what `on_attend` does; without it nobody else comes, and the time limit ends it."""
        self.attendances.append(attendance)
        await self.answer()
        if self.on_attend is not None:
            return await self.on_attend(attendance)
        with suppress(TimeoutError):
            async with asyncio.timeout(attendance.time_limit):
                if attendance.wait is not None:
                    await attendance.wait(self)
                await asyncio.get_running_loop().create_future()
        return Attended(CONFERENCE_SID, "time-limit", round(attendance.time_limit))

    async def enqueue(self, queueing: Queueing) -> Queued:
        """Do what `on_enqueue` does; without it nobody comes, and only who entertains ends it."""
        self.queueings.append(queueing)
        await self.answer()
        if self.on_enqueue is not None:
            return await self.on_enqueue(queueing)
        began = self.now()

        def place() -> QueuePlace:
            return QueuePlace(QUEUE_SID, 1, round(self.now() - began), 0, 1, queueing.max_size)

        result: QueueResult = "hangup"
        try:
            if queueing.wait is None or not await queueing.wait(self, place):
                await asyncio.get_running_loop().create_future()
            result = "leave"
        finally:
            queued = Queued(result, QUEUE_SID, round(self.now() - began))
            if queueing.ended is not None:
                queueing.ended(queued)
        return queued

    def detach(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """Do something beside the call; `conduct` awaits it at the end."""
        task = asyncio.get_running_loop().create_task(work, name=what)
        self._detached.append(task)

    def note(self, kind: str, /, **data: Any) -> None:
        """Keep an event."""
        self.noted.append(Noted(self.now(), kind, data))

    def now(self) -> float:
        """Seconds since the call began; 0 before."""
        return 0.0 if self._began is None else self._time() - self._began

    def _time(self) -> float:
        return asyncio.get_running_loop().time()

    def _end(self, reason: str, sip_code: int = 0) -> None:
        if self._status.final:
            return
        answered = self._status is CallStatus.IN_PROGRESS
        self._status = outcome.final_status(reason, answered=answered, sip_code=sip_code)
        for recording in self.recordings:
            recording.end("hangup")
        self.end_reason = reason
        self.ended_at = self.now()


def _is_a_call(call: FakeCall) -> Call:
    """For the type checker: the fake has everything that the port asks for."""
    return call
