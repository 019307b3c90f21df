"""A sidecar that is a thread of the test instead of a process: the same socket, the same memory, and no start-up."""

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Sequence

from ringback.media.sidecar import Host, Sidecar

PATIENCE = 10.0
"""Seconds after which something that should have come has not."""


class InnerSidecar(Sidecar):
    """Runs `serve` on the other end."""

    serve: Callable[[Host], None]
    made: "list[InnerSidecar]"

    def __init__(self, command: Sequence[str], memory_bytes: int) -> None:
        self._outbox = bytearray()
        self.alive = True
        self.command = list(command)
        self._socket, theirs = socket.socketpair()
        memory = os.memfd_create("test")
        os.ftruncate(memory, memory_bytes)
        self.host = Host([str(theirs.detach()), str(memory)])
        self.memory = self.host.memory
        self._socket.setblocking(False)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.made.append(self)
        self._thread.start()

    @property
    def pid(self) -> int:
        return 4711

    def finish(self, timeout: float) -> bytes:
        """Hear it out."""
        said = b""
        if self.alive:
            self._socket.setblocking(True)
            with contextlib.suppress(OSError):  # it has ended already; what it said is there all the same
                self._socket.sendall(self._outbox)
                self._socket.shutdown(socket.SHUT_WR)
            while data := self._socket.recv(65536):
                said += data
            self.kill()
        return said

    def kill(self) -> None:
        """Break the connection off, which is as far as a thread can be killed."""
        if self.alive:
            self.alive = False
            self._socket.close()
            self._thread.join(PATIENCE)

    def die(self) -> None:
        """Its end of the connection breaks off, as when it is killed."""
        self.host._socket.shutdown(socket.SHUT_RDWR)

    def wait(self) -> None:
        """Wait until it says something."""
        assert select.select([self], [], [], PATIENCE)[0]

    def _run(self) -> None:
        type(self).serve(self.host)
        self.host.close()


def inner(serve: Callable[[Host], None]) -> type[InnerSidecar]:
    """A class of sidecars that run `serve`; `made` lists them."""
    return type("Inner", (InnerSidecar,), {"serve": staticmethod(serve), "made": []})
