"""The control process's side of the media: starts the workers, keeps them alive, and hands out legs."""

import asyncio
import base64
import contextlib
import itertools
import logging
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ringback.media import protocol
from ringback.media.leg import LegFormat, LegListener, LegObserver, MediaError, MediaLeg, SrtpKeys, WorkerLeg
from ringback.media.recording import MediaRecording, RecordingOptions, RecordingOutcome
from ringback.media.tone_clips import RoomBeep, ToneKind
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

logger = logging.getLogger(__name__)
_STEADY_SECONDS = 60.0
"""A worker that lived longer did not die of how it was started: the next one starts at once."""


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """How the media workers run."""

    host: str = "127.0.0.1"
    ports: tuple[int, int] = (20000, 29998)
    workers: int = 1
    legs_per_worker: int = 1000
    clip_memory_mb: int = 256
    restart_seconds: tuple[float, ...] = (0.0, 0.5, 2.0, 5.0)
    """Pauses before a worker that died is started again, the first time, the second and so on; the last repeats."""


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


class WorkerProcess:
    """One worker process and the conversation with it."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._legs: dict[int, WorkerLeg] = {}
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.up = asyncio.Event()

    @property
    def legs(self) -> int:
        """How many legs it has."""
        return len(self._legs)

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process else None

    def next_token(self) -> int:
        """A number for something whose end will be reported."""
        return next(self._numbers)

    def forget(self, number: int) -> None:
        """The leg has been given back."""
        self._legs.pop(number, None)

    async def open(self, listener: LegListener) -> WorkerLeg:
        """Take a leg."""
        host, ports = self._settings.host, self._settings.ports
        writer, coming = self._writer, self.send(protocol.OPEN, host=host, ports=ports)
        try:
            answer = _accepted(await asyncio.shield(coming))
        except asyncio.CancelledError:
            coming.add_done_callback(self._return_unwanted)
            raise
        if not answer or self._writer is not writer:
            raise MediaError("the media worker is being restarted")
        leg = WorkerLeg(self, answer["leg"], (host, answer["port"]), listener)
        self._legs[answer["leg"]] = leg
        return leg

    def send(self, command: str, **arguments: Any) -> asyncio.Future[dict[str, Any]]:
        """Send a command and return the answer to come: empty when the worker has died."""
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        if self._writer is None:
            answer.set_result({})
            return answer
        self._answers[number] = answer
        self._writer.write(protocol.encode({"id": number, "do": command, **arguments}))
        return answer

    async def call(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer. Raises MediaError where the worker refuses it."""
        return _accepted(await asyncio.shield(self.send(command, **arguments)))

    def _return_unwanted(self, answer: "asyncio.Future[dict[str, Any]]") -> None:
        """Give back a leg that came after its call had gone."""
        if not answer.cancelled() and (leg := answer.result().get("ok")):
            self.send(protocol.CLOSE, leg=leg["leg"])

    async def run(self) -> None:
        """Keep a process running, until cancelled. When one dies its legs are lost and another is started."""
        deaths = 0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._serve()
            finally:
                await asyncio.shield(self._bury())
            deaths = 1 if asyncio.get_running_loop().time() - began > _STEADY_SECONDS else deaths + 1
            pause = self._settings.restart_seconds[min(deaths, len(self._settings.restart_seconds)) - 1]
            logger.error("media worker died; starting another in %.1f s", pause)
            await asyncio.sleep(pause)

    async def _serve(self) -> None:
        """Start a process and listen to it until it is gone."""
        ours, theirs = socket.socketpair()
        arguments = [sys.executable, "-m", "ringback.media.worker", "--control", str(theirs.fileno())]
        arguments += ["--capacity", str(self._settings.legs_per_worker)]
        arguments += ["--clip-memory-mb", str(self._settings.clip_memory_mb)]
        # The products of a tick are small: more threads would only wait for each other, and for other processes.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(  # noqa: ASYNC220 (it takes a millisecond, and only at a start)
                arguments, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment
            )
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=protocol.LONGEST_LINE)
        first = self.send(protocol.STATUS)
        first.add_done_callback(lambda answer: self.up.set() if not answer.cancelled() and answer.result() else None)
        with contextlib.suppress(ConnectionError):
            # What a worker was saying when it died has no end.
            while (line := await reader.readline()).endswith(b"\n"):
                self._hear(protocol.decode(line))

    def _hear(self, message: dict[str, Any]) -> None:
        if "id" in message:
            answer = self._answers.pop(message["id"], None)
            if answer is not None and not answer.done():
                answer.set_result(message)
            return
        leg = self._legs.get(message["leg"])
        if leg is None:
            return
        match message["event"]:
            case protocol.EVENT_KEY:
                leg.listener.on_key(message["key"])
            case protocol.EVENT_QUIET:
                leg.listener.on_quiet(message["times"])
            case protocol.EVENT_PLAYED | protocol.EVENT_PRESSED:
                leg.done(message["token"])
            case protocol.EVENT_TALKING:
                leg.observer.on_talking(message["talking"])
            case protocol.EVENT_MARK:
                leg.observer.on_mark(message["name"])
            case protocol.EVENT_AUDIO:
                samples = np.frombuffer(base64.b64decode(message["audio"]), "<i2")
                leg.observer.on_audio(message["heard"], samples)

    async def _bury(self) -> None:
        """After the end of a process: nobody may go on waiting for it."""
        self.up.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result({})
        self._answers.clear()
        legs, self._legs = list(self._legs.values()), {}
        for leg in legs:
            leg.lose()
        process, self._process = self._process, None
        if process is not None:
            await asyncio.get_running_loop().run_in_executor(None, _reap, process)


def _accepted(answer: dict[str, Any]) -> dict[str, Any]:
    """What a worker answered; MediaError where it refused."""
    if "error" in answer:
        raise MediaError(answer["error"])
    return dict(answer.get("ok", {}))


def _reap(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a process whose socket is closed; one that does not end by itself is killed."""
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class MediaWorkers:
    """All worker processes. Use as `async with MediaWorkers(settings) as media`."""

    def __init__(self, settings: MediaSettings) -> None:
        self._workers = [WorkerProcess(settings) for _ in range(settings.workers)]
        self._group: asyncio.TaskGroup | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "MediaWorkers":
        self._group = await asyncio.TaskGroup().__aenter__()
        self._tasks = [self._group.create_task(worker.run()) for worker in self._workers]
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

    @property
    def pids(self) -> list[int]:
        """The worker processes that are running."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    async def open(self, listener: LegListener) -> MediaLeg:
        """Take a leg in the worker that has the fewest; the next one is tried where that refuses."""
        problem = MediaError("no media worker is running")
        for worker in sorted(self._workers, key=_least_busy):
            try:
                return await worker.open(listener)
            except MediaError as error:
                problem = error
        raise problem

    def status(self) -> list[int]:
        """How many legs each worker has."""
        return [worker.legs for worker in self._workers]


def _least_busy(worker: WorkerProcess) -> int:
    return worker.legs
