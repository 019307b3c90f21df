"""A program that a test starts: on loopback, for a bounded time, stopped by its process id, its log kept."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Self

LIFETIME = 120
"""Seconds after which a peer ends itself, should the test that started it be gone."""
FIRST, LAST = 30_000, 32_700
"""Ports of peers: above those of Ringback's media workers, and below those that the kernel hands out by itself."""


def ports() -> Iterator[int]:
    """Yield even port numbers, starting at a place that depends on the process: parallel runs seldom meet."""
    start = FIRST + os.getpid() * 64 % (LAST - FIRST)
    while True:
        yield from chain(range(start, LAST, 2), range(FIRST, start, 2))


_ports = ports()


def free_port(count: int = 1) -> int:
    """Return an even port of 127.0.0.1 from which on `count` ports are free, both UDP and TCP."""
    for _ in range(LAST - FIRST):
        first = next(_ports)
        if first + count <= LAST and all(is_free(first + offset) for offset in range(count)):
            for _ in range((count - 1) // 2):
                next(_ports)
            return first
    raise RuntimeError("no port is free")


def is_free(port: int) -> bool:
    """Say whether both kinds of socket could be bound."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as trial:
            if kind == socket.SOCK_STREAM:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


class PeerError(AssertionError):
    """A peer did not do what the test asked of it; the message ends with the last lines of its log."""


class Process:
    """One program, its folder and its log (`folder/log`: standard output and error)."""

    def __init__(self, folder: Path, running: asyncio.subprocess.Process) -> None:
        self.folder = folder
        self.running = running

    @classmethod
    async def spawn(cls, folder: Path, command: Sequence[str], variables: Mapping[str, str] | None = None) -> Self:
        """Start `command` in `folder`, which is made, with further environment variables.

        `timeout` ends the program if nobody else does.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log").open("wb") as log:
            running = await asyncio.create_subprocess_exec(
                *("timeout", "--foreground", "--kill-after=5", str(LIFETIME), *command),
                cwd=folder,
                env=os.environ | (variables or {}),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(folder, running)

    @property
    def ended(self) -> bool:
        """Whether the program is over."""
        return self.running.returncode is not None

    def log(self, lines: int | None = None) -> str:
        """Return what it printed, without colours and progress; the last `lines` of it."""
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", (self.folder / "log").read_text(errors="replace"))
        told = [line for line in re.split(r"[\r\n]+", text) if line and not re.match(r"\[\d+:\d\d:\d\d\] audio=", line)]
        return "\n".join(told if lines is None else told[-lines:])

    def failure(self, what: str) -> PeerError:
        """Return an error to raise: what went wrong, and the end of the log."""
        return PeerError(f"{what}\n--- {self.folder.name}: log ---\n{self.log(40)}")

    async def until(self, true: Callable[[], bool], otherwise: str, timeout: float = 20) -> None:
        """Wait until something is true. Raises PeerError, saying `otherwise`, when the program ends or time is up."""
        for _ in range(round(timeout / 0.05)):
            if true():
                return
            if self.ended:
                break
            await asyncio.sleep(0.05)
        raise self.failure(otherwise)

    async def finish(self, timeout: float) -> int:
        """Wait until the program ends by itself and return its exit code."""
        try:
            return await asyncio.wait_for(self.running.wait(), timeout)
        except TimeoutError:
            raise self.failure(f"still running after {timeout} s") from None

    async def stop(self, patience: float = 3.0) -> None:
        """End it: ask the program, which may then end its own children; then kill all that is left of them."""
        if not self.ended:
            self.running.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.running.wait(), patience)
        # The group is that of this session: the program, what it started, and nothing else.
        with suppress(ProcessLookupError):
            os.killpg(self.running.pid, signal.SIGKILL)
        await self.running.wait()
