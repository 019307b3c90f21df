"""One call's RTP on a socket: a packet out every 20 ms, whatever comes in heard at once."""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from ringback.app.phone.hearing import Hearing
from ringback.app.phone.speaking import Speaking

FRAME_SECONDS: Final = 0.02
MOST_BEHIND: Final = 5
"""Frames after which what could not be sent in time is left out instead of sent in a burst."""
_LONGEST_PACKET: Final = 2048
_READ_AT_ONCE: Final = 64
"""Packets taken in one go, so that a flood on one call does not starve the others."""


class Media:
    """Owns the socket and the beat of one call; what is heard and said is decided in `Hearing` and `Speaking`.

    A plain socket rather than an asyncio transport: with fifty calls the buffers of transports cost more than all
    else here.
    """

    def __init__(self, address: str, hearing: Hearing, loop: asyncio.AbstractEventLoop) -> None:
        """Open a port at `address`. Raises OSError where there is none to be had."""
        self.hearing = hearing
        self.speaking: Speaking | None = None
        self._loop = loop
        self._remote: tuple[str, int] | None = None
        self._sources: set[str] = set()
        self._waiting: list[tuple[Callable[[float], bool], Callable[[float], None], asyncio.Future[float]]] = []
        self._socket = _bind(address)
        self.host: str
        self.port: int
        self.host, self.port = self._socket.getsockname()
        self._due = loop.time()
        self._timer = loop.call_soon(self._beat)
        loop.add_reader(self._socket, self._read)

    def listen_to(self, host: str) -> None:
        """Hear packets from this host too; all others are strangers."""
        self._sources.add(host)

    def start(self, remote: tuple[str, int], speaking: Speaking) -> None:
        """Begin to send."""
        self.speaking = speaking
        self.turn_to(remote)

    def turn_to(self, remote: tuple[str, int] | None) -> None:
        """Send to `remote` from now on, or to nobody: the other side holds the call."""
        self._remote = remote
        if remote is not None:
            self.listen_to(remote[0])

    def when(
        self, condition: Callable[[float], bool], then: Callable[[float], None] = lambda now: None
    ) -> "asyncio.Future[float]":
        """Return a future of the moment at which `condition(now)`, looked at every 20 ms, becomes true.

        `then` is called at that very moment, before anything else can happen. When the call ends first, it is not,
        and the future is cancelled.
        """
        future: asyncio.Future[float] = self._loop.create_future()
        if self._socket.fileno() < 0:
            future.cancel()
        else:
            self._waiting.append((condition, then, future))
        return future

    def close(self) -> None:
        """Stop sending and hearing. May be called again."""
        if self._socket.fileno() < 0:
            return
        self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for *_, future in self._waiting:
            future.cancel()
        self._waiting.clear()

    def _beat(self) -> None:
        now = self._loop.time()
        behind = int((now - self._due) / FRAME_SECONDS)
        if behind > MOST_BEHIND:
            self._due += behind * FRAME_SECONDS
            if self.speaking:
                self.speaking.skip(behind)
        while self._due <= now:
            self._due += FRAME_SECONDS
            self._send()
        if self._waiting:
            self._look(now)
        self._timer = self._loop.call_at(self._due, self._beat)

    def _send(self) -> None:
        if self.speaking is None or self._remote is None:
            return
        try:
            self._socket.sendto(self.speaking.next(), self._remote)
        except OSError:
            # A full buffer loses a packet, as any network may; a port that is gone shows in the signalling.
            return

    def _look(self, now: float) -> None:
        waiting, self._waiting = self._waiting, []
        for condition, then, future in waiting:
            if future.done():
                continue
            if condition(now):
                then(now)
                future.set_result(now)
            else:
                self._waiting.append((condition, then, future))

    def _read(self) -> None:
        for _ in range(_READ_AT_ONCE):
            try:
                data, source = self._socket.recvfrom(_LONGEST_PACKET)
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error of something sent earlier: this read only tells of it.
                continue
            if source[0] in self._sources:
                self.hearing.receive(data, self._loop.time())


def _bind(address: str) -> socket.socket:
    """Open a UDP socket at an even port, where RTP belongs (RFC 3550 §11)."""
    for _ in range(32):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.bind((address, 0))
        except OSError:
            opened.close()
            raise
        if opened.getsockname()[1] % 2 == 0:
            return opened
        opened.close()
    raise OSError(f"no even UDP port is free at {address}")
