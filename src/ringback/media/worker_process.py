"""One media worker process, and the conversation with it: what it is asked, what it tells, and its death."""

import asyncio
import base64
import contextlib
import itertools
import logging
import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ringback.media import protocol
from ringback.media.leg import LegListener, MediaError
from ringback.media.recording import RecordingOptions, RecordingOutcome
from ringback.media.tone_clips import ToneClips
from ringback.media.worker_leg import Ties, WorkerLeg
from ringback.media.worker_recording import WorkerRecording, salvage
from ringback.model.audio import Clip

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

    @property
    def hidden_legs(self) -> int:
        """Legs that a worker has besides, for rooms that it shares with others."""
        return max(16, self.legs_per_worker // 4) if self.workers > 1 else 0


class WorkerProcess:
    """One worker process and the conversation with it."""

    def __init__(self, settings: MediaSettings, ties: Ties, tones: ToneClips) -> None:
        self.ties = ties
        self.tones = tones
        self._settings = settings
        self._legs: dict[int, WorkerLeg] = {}
        self._hidden: set[int] = set()
        self._recordings: dict[int, WorkerRecording] = {}
        self._announcements: dict[int, asyncio.Future[None]] = {}
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._group: asyncio.TaskGroup | None = None
        """What goes on after a worker's death."""
        self.up = asyncio.Event()

    @property
    def legs(self) -> int:
        """How many legs it has, hidden ones apart."""
        return len(self._legs) - len(self._hidden)

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
        self._hidden.discard(number)

    async def open(self, listener: LegListener, *, hidden: bool = False) -> WorkerLeg:
        """Take a leg, of a call or (`hidden`) of our own. Raises MediaError."""
        host, ports = self._settings.host, self._settings.ports
        writer, coming = self._writer, self.send(protocol.OPEN, host=host, ports=ports, hidden=hidden)
        try:
            answer = _accepted(await asyncio.shield(coming))
        except asyncio.CancelledError:
            coming.add_done_callback(self._return_unwanted)
            raise
        if not answer or self._writer is not writer:
            raise MediaError("the media worker is being restarted")
        leg = WorkerLeg(self, answer["leg"], (host, answer["port"]), listener)
        self._legs[leg.number] = leg
        if hidden:
            self._hidden.add(leg.number)
        return leg

    async def record(
        self, path: Path, options: RecordingOptions, *, leg: int | None = None, room: int | None = None
    ) -> WorkerRecording:
        """Record a leg, or a room, or the room that a leg is in. Raises MediaError."""
        token = self.next_token()
        recording = WorkerRecording(self, token, path, options)
        whom = {name: number for name, number in (("leg", leg), ("room", room)) if number is not None}
        wanted = asdict(options) | {"silence_seconds": options.silence_seconds or 0.0, "path": str(path)}
        if room is not None:
            await self.ties.enter(room, self, recording)
            recording.when_settled(lambda: self.ties.exit(room, self, recording))
        self._recordings[token] = recording
        try:
            await self.call(protocol.RECORD, token=token, **whom, **wanted)
            if self._writer is None and not recording.settled:
                raise MediaError("the media worker is being restarted")
        except BaseException as error:
            del self._recordings[token]
            recording.settle(RecordingOutcome(path, 0.0, "failed", "", False))
            if not isinstance(error, MediaError):
                self.send(protocol.STEER, token=token, how="stop")
            raise
        return recording

    async def announce(self, room: int, clip: Clip, loop: int) -> None:
        """Play a clip to the members that a room has here; otherwise as a leg's `play`."""
        token = self.next_token()
        future = self._announcements[token] = asyncio.get_running_loop().create_future()
        try:
            await self.call(protocol.ANNOUNCE, room=room, path=str(clip.path), loops=loop, token=token)
            if self._writer is not None:
                await future
        except asyncio.CancelledError:
            self.send(protocol.HUSH, token=token)
            raise
        finally:
            del self._announcements[token]

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
        async with asyncio.TaskGroup() as self._group:
            await self._run()

    async def _run(self) -> None:
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
        arguments += ["--capacity", str(self._settings.legs_per_worker), "--spare", str(self._settings.hidden_legs)]
        arguments += ["--clip-memory-mb", str(self._settings.clip_memory_mb)]
        # The products of a tick are small: more threads would only wait for each other, and for other processes.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: ASYNC220 (it takes a millisecond, and only at a start)
                    arguments, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment
                )
            except OSError as error:
                ours.close()
                logger.error("a media worker cannot be started: %s", error)
                return
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
        match message["event"]:
            case protocol.EVENT_RECORDED:
                self._end_recording(message)
            case protocol.EVENT_ANNOUNCED:
                announcement = self._announcements.get(message["token"])
                if announcement is not None and not announcement.done():
                    announcement.set_result(None)
            case _:
                self._hear_of_leg(message)

    def _end_recording(self, message: dict[str, Any]) -> None:
        recording = self._recordings.pop(message["token"], None)
        if recording is None:
            return
        if message["problem"]:
            logger.warning("a recording was given up: %s", message["problem"])
        of = {name: message[name] for name in ("seconds", "reason", "key", "spoken")}
        recording.settle(RecordingOutcome(recording.path, **of))

    def _hear_of_leg(self, message: dict[str, Any]) -> None:
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
            case protocol.EVENT_VOICE:
                leg.observer.on_voice(message["speaking"])
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
        for announcement in self._announcements.values():
            if not announcement.done():
                announcement.set_result(None)
        legs, self._legs = list(self._legs.values()), {}
        self._hidden.clear()
        for leg in legs:
            leg.lose()
        process, self._process = self._process, None
        if process is not None:
            await asyncio.get_running_loop().run_in_executor(None, _reap, process)
        recordings, self._recordings = list(self._recordings.values()), {}
        if recordings and self._group is not None:
            self._group.create_task(salvage(recordings))


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
