"""A process beside a media worker, for what must not share its interpreter: writing to disk, telling voice from noise.

Measured with 500 recordings written by a thread: every hundredth tick took some 5 ms more, because a thread that holds
the interpreter's lock may be the one that the scheduler has just put aside. A process of its own costs the tick nothing
but a copy into memory that both can see.

Frames go through shared memory, words through a socket. The worker never waits: what the socket does not take at once
is kept and sent later. The sidecar ends when the socket does, however its worker came to die.
"""

import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

_READ: Final = 65536
_GRAVE_SECONDS: Final = 0.5
"""A process whose socket is closed is gone a moment later."""


class Sidecar:
    """The worker's end."""

    def __init__(self, command: Sequence[str], memory_bytes: int) -> None:
        """Start a process that has `memory_bytes` in common with this one. Raises OSError.

        The two file descriptors that `Host` wants are added to the end of `command`.
        """
        self._outbox = bytearray()
        self.alive = True
        """False once the process is known to have gone; nothing does anything from then on."""
        with contextlib.ExitStack() as always, contextlib.ExitStack() as unless_started:
            memory = os.memfd_create("ringback-sidecar")
            always.callback(os.close, memory)
            os.ftruncate(memory, memory_bytes)
            self.memory = mmap.mmap(memory, memory_bytes)
            ours, theirs = socket.socketpair()
            always.enter_context(theirs)
            self._socket = unless_started.enter_context(ours)
            files = (theirs.fileno(), memory)
            self._process = subprocess.Popen([*command, *map(str, files)], pass_fds=files, stdin=subprocess.DEVNULL)
            unless_started.pop_all()
        self._socket.setblocking(False)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def unsent(self) -> int:
        """Bytes that the process has not taken yet."""
        return len(self._outbox)

    def fileno(self) -> int:
        """What to wait for with `select`, for who has the time."""
        return self._socket.fileno()

    def send(self, data: bytes) -> None:
        """Say something after what was said before, now or with a later call."""
        if not self.alive:
            return
        self._outbox += data
        try:
            while self._outbox:
                del self._outbox[: self._socket.send(self._outbox)]
        except BlockingIOError:
            pass
        except OSError:
            self.kill()

    def receive(self) -> bytes:
        """What the process has said since the last call, not more than 64 KiB of it."""
        if not self.alive:
            return b""
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.kill()
        return data

    def finish(self, timeout: float) -> bytes:
        """Let the process do what it was told and end; return what it says meanwhile. It has `timeout` seconds
        without a word, and is killed then."""
        said = bytearray()
        if self.alive:
            self._socket.settimeout(timeout)
            try:
                self._socket.sendall(self._outbox)
                self._socket.shutdown(socket.SHUT_WR)
                while data := self._socket.recv(_READ):
                    said += data
                self._process.wait(timeout)
            except (OSError, subprocess.TimeoutExpired):
                pass  # it had its time
            self.kill()
        return bytes(said)

    def kill(self) -> None:
        """Give the process up, at once."""
        if not self.alive:
            return
        self.alive = False
        self._outbox.clear()
        self._socket.close()
        self._process.kill()  # it may live on with its end of the socket closed
        with contextlib.suppress(subprocess.TimeoutExpired):  # a disk that hangs holds its process as well
            self._process.wait(_GRAVE_SECONDS)


class Host:
    """The sidecar's end: the worker as it sees it."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Take what the worker handed over: the last two of `arguments` are file descriptors."""
        own, memory = int(arguments[-2]), int(arguments[-1])
        self._socket = socket.socket(fileno=own)
        self.memory = mmap.mmap(memory, os.fstat(memory).st_size)
        os.close(memory)

    def receive(self) -> bytes:
        """Wait for words; nothing when there will be no more."""
        try:
            return self._socket.recv(_READ)
        except OSError:
            return b""

    def send(self, data: bytes) -> None:
        """Say something; a worker that has gone does not hear it."""
        with contextlib.suppress(OSError):
            self._socket.sendall(data)

    def close(self) -> None:
        """Say no more: the worker takes this for the end."""
        self._socket.close()


def stay_behind() -> None:
    """Leave the processor to the worker, and live exactly as long as it does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(10)


def python(module: str) -> list[str]:
    """The command that runs a module of ours."""
    return [sys.executable, "-m", module]
