"""A child process that keeps an engine loaded and answers one job after another, over its stdin and stdout.

A thread would share the interpreter lock with the calls; a process of `concurrent.futures` would outlive a server that
is killed, because it holds both ends of its own queue. This child ends with its stdin, whatever happens to the server.
"""

import asyncio
import json
import os
import struct
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

JOB: Final = struct.Struct(">II")
"""Job: its number (never 0), the length of the JSON that follows."""
REPLY: Final = struct.Struct(">IIII")
"""Reply: number of the job (0: the engine has loaded), status (0: done), samples per second, length of what follows:
samples (s16le) or text (UTF-8, rate 0), or what went wrong (UTF-8)."""
MAX_REPLY: Final = 64 << 20
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""An engine that is a hundred times faster than real time gains nothing from more cores; the calls need those."""
_GRACE: Final = 2.0
_MAX_NUMBER: Final = 0xFFFFFFFF

Reply = tuple[int, int, int, int]


class WorkerError(Exception):
    """The worker did not do the job."""


class DeadWorkerError(WorkerError):
    """The process ended, or was ended because it took too long. The next job starts a new one."""


class UnfitEngineError(WorkerError):
    """The engine cannot be loaded; another try would not change that."""


class Worker:
    """One child process, started when needed. Jobs wait for each other, in the order they came."""

    def __init__(self, command: Sequence[str], *, load_timeout: float, job_timeout: float) -> None:
        """Take a command that speaks the protocol above (`worker_main` does), and seconds to wait for it."""
        self._command = tuple(command)
        self._load_timeout = load_timeout
        self._job_timeout = job_timeout
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._loaded = False
        self._number = 0
        self._head: Reply | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process now at work."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start the process without waiting until its engine has loaded."""
        async with self._turn:
            await self._launch()

    async def run(self, job: dict[str, Any]) -> tuple[bytes, int]:
        """Do a job and return the samples (s16le) and their rate, or a text and 0. Raises `WorkerError`.

        When it's cancelled, the job that runs ends in peace and its reply is dropped: starting anew would cost the
        next caller more than that.
        """
        async with self._turn:
            await self._launch()
            try:
                if not self._loaded:
                    async with asyncio.timeout(self._load_timeout):
                        await self._wait_loaded()
                async with asyncio.timeout(self._job_timeout):
                    return await self._exchange(job)
            except TimeoutError:
                limit = self._job_timeout if self._loaded else self._load_timeout
                await self._kill()
                raise DeadWorkerError(f"no answer within {limit:g} s") from None
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                code = await self._kill(_GRACE)  # Its stdout has ended: the exit code is about to come.
                raise DeadWorkerError(f"its process ended with {code}") from error

    async def close(self) -> None:
        """End the process. A job that runs fails with `DeadWorkerError`, and no other will be done."""
        self._closed = True
        process = self._process
        if process is not None and process.returncode is None and (self._turn.locked() or not self._loaded):
            process.kill()
        async with self._turn:
            await self._kill(_GRACE)

    async def _launch(self) -> None:
        if self._closed:
            raise DeadWorkerError("it has been closed")
        if self._process is not None and self._process.returncode is None:
            return
        await self._kill()
        # A session of its own: Ctrl-C in the terminal is for the server, which then closes its workers in order.
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            start_new_session=True,
            env=os.environ | _ONE_THREAD,
        )

    async def _kill(self, grace: float = 0.0) -> int | None:
        """End the process, by itself within `grace` seconds, and return its exit code; None when there was none."""
        process, self._process, self._loaded, self._head = self._process, None, False, None
        if process is None:
            return None
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        # Read on: a reader that was paused would never see the end, and wait() would not return.
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(grace):
                await process.stdout.read()
                return await process.wait()
        if process.returncode is None:
            process.kill()
        await process.stdout.read()
        return await process.wait()

    async def _wait_loaded(self) -> None:
        _, status, body = await self._reply()
        if status:
            await self._kill()
            raise UnfitEngineError(body.decode())
        self._loaded = True

    async def _exchange(self, job: dict[str, Any]) -> tuple[bytes, int]:
        assert self._process is not None and self._process.stdin is not None
        self._number = number = self._number % _MAX_NUMBER + 1
        text = json.dumps(job).encode()
        self._process.stdin.write(JOB.pack(number, len(text)) + text)
        await self._process.stdin.drain()
        while True:
            (answers, status, rate, _), body = await self._next()
            if answers != number:
                continue  # The caller of that job has gone.
            if status:
                raise WorkerError(body.decode())
            return body, rate

    async def _reply(self) -> tuple[int, int, bytes]:
        (number, status, _, _), body = await self._next()
        return number, status, body

    async def _next(self) -> tuple[Reply, bytes]:
        """Read the next reply. A head that has been read is kept: being cancelled after it loses nothing."""
        assert self._process is not None and self._process.stdout is not None
        read = self._process.stdout.readexactly
        if self._head is None:
            self._head = REPLY.unpack(await read(REPLY.size))
        if self._head[3] > MAX_REPLY:
            await self._kill()
            raise DeadWorkerError("its reply is too long")
        body = await read(self._head[3])
        head, self._head = self._head, None
        return head, body
