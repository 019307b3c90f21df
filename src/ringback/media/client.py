"""The control process's side of the media: starts the workers, keeps them alive, and hands out legs."""

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ringback.media.leg import LegFormat, LegListener, LegObserver, MediaError, MediaLeg, SrtpKeys
from ringback.media.recording import MediaRecording, RecordingOptions, RecordingOutcome
from ringback.media.ties import RoomTies
from ringback.media.tone_clips import RoomBeep, ToneClips, ToneKind
from ringback.media.worker_leg import WorkerLeg
from ringback.media.worker_process import MediaSettings, WorkerProcess
from ringback.model.audio import Clip

__all__ = [
    "LegFormat",
    "LegListener",
    "LegObserver",
    "Media",
    "MediaError",
    "MediaLeg",
    "MediaRecording",
    "MediaSettings",
    "MediaWorkers",
    "RecordingOptions",
    "RecordingOutcome",
    "RoomBeep",
    "SrtpKeys",
    "ToneKind",
    "WorkerLeg",
]


class Media(Protocol):
    """Where legs come from. `MediaWorkers` is the real one, `ringback.testing.media.FakeMedia` the verified fake."""

    async def open(self, listener: LegListener, *, near: MediaLeg | None = None) -> MediaLeg:
        """Take a leg, if there is room in the worker of another leg (`near`). Raises MediaError when no worker has."""
        ...

    def room(self) -> int:
        """A number for a new room, that no other has."""
        ...

    async def beep(self, room: int, kind: RoomBeep) -> None:
        """Let all members of a room hear a beep, now; return when it has gone out."""
        ...

    async def announce(self, room: int, clip: Clip, loop: int = 1) -> None:
        """Play a clip to all members of a room that are not held, on top of what they hear, as `MediaLeg.play` does.

        Several sound at once. Raises MediaError where the clip cannot be had.
        """
        ...

    async def record(self, room: int, path: Path, options: RecordingOptions) -> MediaRecording:
        """Record a room, whoever comes and goes, until it is stopped or as long as may be.

        Source, silence, keys and beep are of no meaning here. Raises MediaError where no worker can.
        """
        ...


class MediaWorkers:
    """All worker processes. Use as `async with MediaWorkers(settings) as media`."""

    def __init__(self, settings: MediaSettings) -> None:
        self._ties = RoomTies()
        self._tones = ToneClips()
        self._workers = [WorkerProcess(settings, self._ties, self._tones) for _ in range(settings.workers)]
        self._rooms = itertools.count(1)
        self._group: asyncio.TaskGroup | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "MediaWorkers":
        self._group = await asyncio.TaskGroup().__aenter__()
        self._tasks = [self._group.create_task(worker.run()) for worker in self._workers]
        self._tasks.append(self._group.create_task(self._ties.run()))
        try:
            async with asyncio.timeout(20):
                for worker in self._workers:
                    await worker.up.wait()
        except BaseException as error:
            await self.__aexit__(None, None, None)
            if isinstance(error, TimeoutError):
                raise MediaError("the media workers did not start within 20 s; see the log") from None
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        if self._group is not None:
            await self._group.__aexit__(None, None, None)
            self._group = None
        self._tones.close()

    @property
    def pids(self) -> list[int]:
        """The worker processes that are running."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    async def open(self, listener: LegListener, *, near: MediaLeg | None = None) -> MediaLeg:
        """Take a leg in the worker of another, else in that which has fewest; the next is tried where one refuses."""
        problem = MediaError("no media worker is running")
        home = near.worker if isinstance(near, WorkerLeg) else None
        for worker in sorted(self._workers, key=lambda worker: (worker is not home, worker.legs)):
            try:
                return await worker.open(listener)
            except MediaError as error:
                problem = error
        raise problem

    def room(self) -> int:
        """A number for a new room."""
        return next(self._rooms)

    async def beep(self, room: int, kind: RoomBeep) -> None:
        """Let all members of a room hear a beep."""
        try:
            clip = await self._tones.get(kind)
        except OSError as error:
            raise MediaError(str(error)) from error
        await self.announce(room, clip)

    async def announce(self, room: int, clip: Clip, loop: int = 1) -> None:
        """Play a clip to all members of a room, in whichever workers they are, also those who join meanwhile."""
        try:
            async with asyncio.TaskGroup() as group:
                for worker in self._workers:
                    group.create_task(worker.announce(room, clip, loop))
        except ExceptionGroup as problems:
            raise problems.exceptions[0] from None

    async def record(self, room: int, path: Path, options: RecordingOptions) -> MediaRecording:
        """Record a room, in the worker that has most of it."""
        problem = MediaError("no media worker is running")
        worker = self._ties.busiest(room)
        options = replace(options, source="room", silence_seconds=None, finish_keys="", beep=False)
        for each in sorted(self._workers, key=lambda each: (each is not worker, each.legs)):
            try:
                return await each.record(path, options, room=room)
            except MediaError as error:
                problem = error
        raise problem

    def status(self) -> list[int]:
        """How many legs each worker has."""
        return [worker.legs for worker in self._workers]
