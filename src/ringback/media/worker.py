"""A media worker: the process around one plane. It owns the sockets and the clock, and decides nothing.

    python -m ringback.media.worker --control FD --capacity N --clip-memory-mb M

Started by `ringback.media.client`; ends when the control socket closes.
"""

import argparse
import contextlib
import errno
import gc
import ipaddress
import os
import resource
import secrets
import select
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ringback.media import protocol
from ringback.media.arena import ArenaError, ClipArena
from ringback.media.keypad import KeypadError, KeysSent
from ringback.media.plane import (
    PACKET_WIDTH,
    FirstHeard,
    GoneQuiet,
    Happening,
    KeyPressed,
    LegSetup,
    Plane,
    PlaneFull,
    Received,
    SourceMoved,
)
from ringback.media.players import PlayEnded
from ringback.media.sources import NOBODY

TICK: Final = 0.02
_CATCH_UP_TICKS: Final = 10
_PACKETS_PER_LEG: Final = 4
"""Packets read from one leg in one tick; what more there is waits in the kernel, so that a flood on one leg cannot
starve the others."""
_MAX_SOURCES: Final = 65536
_MOST_UNSENT: Final = 16 * 1024 * 1024
"""Bytes of answers and events that wait for a control process that is busy; one that is further behind is given up."""
_SPARE_FILES: Final = 64
"""File descriptors besides the legs' sockets: clips that are being read, the control socket, Python's own."""

Address = tuple[str, int]


class CommandError(Exception):
    """A command cannot be carried out; the text says why."""


class Worker:
    """One plane with its sockets."""

    def __init__(self, control: socket.socket, capacity: int, clip_frames: int) -> None:
        self._control = control
        self._inbox = bytearray()
        self._outbox = bytearray()
        self._plane = Plane(capacity, ClipArena(clip_frames))
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._row_of_fd: dict[int, int] = {}
        self._destination: dict[int, Address] = {}
        self._source_number: dict[Address, int] = {}
        self._source_address: list[Address] = []
        self._next_port = 0
        size = capacity * _PACKETS_PER_LEG
        self._buffer: NDArray[np.uint8] = np.zeros((size, PACKET_WIDTH), np.uint8)
        self._views = [row.data for row in self._buffer]
        self._length = np.zeros(size, np.int64)
        self._rows = np.zeros(size, np.int64)
        self._sources = np.zeros(size, np.int64)
        self._packets = [row.data for row in self._plane.packets]
        self._late_ticks, self._worst_late = 0, 0.0
        self._commands: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            protocol.OPEN: self._open,
            protocol.SETUP: self._setup,
            protocol.PLAY: self._play,
            protocol.STOP: self._stop,
            protocol.PRESS: self._press,
            protocol.CLOSE: self._close,
            protocol.STATUS: self._status,
        }

    def run(self) -> None:
        """Tick every 20 ms, carry out commands in between, until the control socket closes."""
        due = time.monotonic() + TICK
        while True:
            wait = due - time.monotonic()
            if wait > 0:
                readable, _, _ = select.select([self._control], [], [], wait)
                if readable and not self._obey():
                    return
                continue
            if wait < -TICK:
                self._late_ticks += 1
            self._worst_late = max(self._worst_late, -wait)
            if not self._tick():
                return
            due += TICK
            if time.monotonic() - due > _CATCH_UP_TICKS * TICK:
                due = time.monotonic() + TICK  # a stopped or suspended machine: do not send a burst to make up
            # Under overload no wait is left; commands must be heard all the same.
            if due <= time.monotonic() and select.select([self._control], [], [], 0)[0] and not self._obey():
                return

    # -- commands -----------------------------------------------------------------------------------------------

    def _obey(self) -> bool:
        """Carry out the commands that have come. False when the control process has gone."""
        try:
            data = self._control.recv(65536)
        except OSError:
            return False
        if not data:
            return False
        self._inbox += data
        *lines, rest = self._inbox.split(b"\n")
        self._inbox = bytearray(rest)
        for line in lines:
            message = protocol.decode(bytes(line))
            answer: dict[str, Any] = {"id": message.get("id")}
            try:
                answer["ok"] = self._commands[message["do"]](message)
            except (CommandError, ArenaError, KeypadError, PlaneFull) as error:
                answer["error"] = str(error)
            except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
                # What one call has negotiated must not end the other 999.
                answer["error"] = f"bad command {bytes(line[:200])!r}: {error!r}"
            self._outbox += protocol.encode(answer)
        return self._flush()

    def _flush(self) -> bool:
        """Say what there is to say, as far as the control process listens: audio never waits for it."""
        while self._outbox:
            try:
                count = self._control.send(self._outbox, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                return False
            del self._outbox[:count]
        return len(self._outbox) <= _MOST_UNSENT

    def _open(self, message: dict[str, Any]) -> dict[str, Any]:
        first, last = message["ports"]
        rtp = self._bind(message["host"], first, last)
        try:
            row = self._plane.open(secrets.randbits(32), secrets.randbits(15), secrets.randbits(32))
        except PlaneFull:
            rtp.close()
            raise
        self._sockets[row] = rtp
        self._row_of_fd[rtp.fileno()] = row
        self._poll.register(rtp.fileno(), select.EPOLLIN)
        return {"leg": row, "port": rtp.getsockname()[1]}

    def _bind(self, host: str, first: int, last: int) -> socket.socket:
        """Bind the next free even port (RFC 3550 §11), going round the range so that a port rests before reuse."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        ports = range(first + first % 2, last + 1, 2)
        if not ports:
            raise CommandError(f"no even port between {first} and {last}: widen media.port_min to media.port_max")
        try:
            rtp = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise CommandError(f"no socket for another leg: {error.strerror} (see ulimit -n)") from error
        for _ in ports:
            port = ports[self._next_port % len(ports)]
            self._next_port += 1
            try:
                rtp.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                rtp.close()
                raise CommandError(f"cannot bind {host} port {port}: {error.strerror}; see media.host") from error
            rtp.setblocking(False)
            return rtp
        rtp.close()
        raise CommandError(f"all ports from {first} to {last} are taken: widen media.port_min to media.port_max")

    def _row(self, message: dict[str, Any]) -> int:
        row = int(message["leg"])
        if row not in self._sockets:
            raise CommandError(f"no leg {row}")
        return row

    def _setup(self, message: dict[str, Any]) -> dict[str, Any]:
        row = self._row(message)
        setup = LegSetup(
            payload_type=message["payload_type"],
            payload_types={int(kind): codec for kind, codec in message["payload_types"].items()},
            telephone_event=message["telephone_event"],
            packet_ms=message["packet_ms"],
            sends=message["sends"],
            quiet_seconds=message["quiet_seconds"],
        )
        host, port = message["remote"]
        remote = _remote(host, port, self._sockets[row].family)
        self._plane.setup(row, setup)
        self._plane.sources.negotiate(row, NOBODY if remote is None else self._number(remote))
        self._aim(row)
        return {}

    def _play(self, message: dict[str, Any]) -> dict[str, Any]:
        self._plane.play(self._row(message), Path(message["path"]), message["loops"], message["token"])
        return {}

    def _stop(self, message: dict[str, Any]) -> dict[str, Any]:
        self._plane.stop(self._row(message), message.get("token"))
        return {}

    def _press(self, message: dict[str, Any]) -> dict[str, Any]:
        self._plane.press(self._row(message), message["keys"], message["token"])
        return {}

    def _close(self, message: dict[str, Any]) -> dict[str, Any]:
        row = self._row(message)
        rtp = self._sockets.pop(row)
        self._poll.unregister(rtp.fileno())
        del self._row_of_fd[rtp.fileno()]
        self._destination.pop(row, None)
        rtp.close()
        return self._plane.close(row).as_dict()

    def _status(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "legs": len(self._sockets),
            "ticks": self._plane.now,
            "late_ticks": self._late_ticks,
            "worst_late_ms": round(self._worst_late * 1000, 2),
        }

    # -- a tick -------------------------------------------------------------------------------------------------

    def _tick(self) -> bool:
        """Do one tick. False when the control process has gone."""
        sent = self._plane.tick(self._receive())
        for event in sent.events:
            if isinstance(event, SourceMoved):
                self._aim(event.row)
        for row in sent.rows:
            self._transmit(row, self._packets[row])
        for row, packet in sent.extra:
            self._transmit(row, packet)
        for event in sent.events:
            self._report(event)
        if self._plane.arena.loading:
            self._plane.arena.pump()
        if len(self._source_address) > _MAX_SOURCES:
            self._forget_sources()
        return self._flush()

    def _receive(self) -> Received | None:
        count = 0
        for fd, _ in self._poll.poll(0):
            row = self._row_of_fd[fd]
            receive = self._sockets[row].recvfrom_into
            for _ in range(_PACKETS_PER_LEG):
                try:
                    self._length[count], address = receive(self._views[count])
                except BlockingIOError:
                    break
                except OSError:
                    continue  # an ICMP error of an earlier packet, told once; the next read goes on
                self._rows[count] = row
                self._sources[count] = self._number(address[:2])
                count += 1
        if not count:
            return None
        return Received(self._buffer[:count], self._length[:count], self._rows[:count], self._sources[:count])

    def _transmit(self, row: int, packet: bytes | memoryview) -> None:
        destination = self._destination.get(row)
        if destination is not None:
            # A full buffer or an unreachable peer costs this packet; the call's own timers decide what it means.
            with contextlib.suppress(OSError):
                self._sockets[row].sendto(packet, destination)

    def _report(self, event: Happening) -> None:
        message: dict[str, Any] = {"leg": event.row}
        match event:
            case KeyPressed():
                message |= {"event": protocol.EVENT_KEY, "key": event.key}
            case PlayEnded():
                message |= {"event": protocol.EVENT_PLAYED, "token": event.token}
            case KeysSent():
                message |= {"event": protocol.EVENT_PRESSED, "token": event.token}
            case FirstHeard():
                message |= {"event": protocol.EVENT_HEARD}
            case GoneQuiet():
                message |= {"event": protocol.EVENT_QUIET, "times": event.times}
            case SourceMoved():
                return
        self._outbox += protocol.encode(message)

    # -- addresses ----------------------------------------------------------------------------------------------

    def _number(self, address: Address) -> int:
        number = self._source_number.get(address)
        if number is None:
            number = self._source_number[address] = len(self._source_address)
            self._source_address.append(address)
        return number

    def _aim(self, row: int) -> None:
        source = self._plane.sources.destination(row)
        if source == NOBODY:
            self._destination.pop(row, None)
        else:
            self._destination[row] = self._source_address[source]

    def _forget_sources(self) -> None:
        """Number the addresses anew, keeping those in use: strangers must not fill the memory."""
        lock = self._plane.sources
        kept = {n for row in self._sockets for n in (int(lock.negotiated[row]), int(lock.learnt[row])) if n >= 0}
        renumbered = {old: new for new, old in enumerate(sorted(kept))}
        for row in self._sockets:
            for column in (lock.negotiated, lock.learnt):
                column[row] = renumbered.get(int(column[row]), NOBODY)
        self._source_address = [self._source_address[old] for old in sorted(kept)]
        self._source_number = {address: number for number, address in enumerate(self._source_address)}


def _remote(host: str, port: int, family: int) -> Address | None:
    """The address that a peer asked for, as `recvfrom` writes it; None where it wants nothing (RFC 3264 §8.4).

    Names are refused: looking one up for each packet would hold up every call.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise CommandError(f"{host!r} is no IP address to send RTP to") from None
    if (address.version == 6) != (family == socket.AF_INET6):
        raise CommandError(f"RTP cannot go to {host} from here, which is an address of the other family")
    if not 0 <= port <= 65535:
        raise CommandError(f"{port} is no port to send RTP to")
    return None if address.is_unspecified or port == 0 else (str(address), port)


def _allow_files(count: int) -> None:
    """Raise the limit on open files to what the legs need, as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else min(count, hard), hard)
        )


def main() -> None:
    """Run a worker on the socket that was handed over."""
    parser = argparse.ArgumentParser(description="A media worker; started by the server.")
    parser.add_argument("--control", type=int, required=True, help="file descriptor of the control socket")
    parser.add_argument("--capacity", type=int, default=1000, help="most legs at once")
    parser.add_argument("--clip-memory-mb", type=int, default=256, help="memory for clips")
    options = parser.parse_args()
    # The server ends its workers by closing the socket: Ctrl-C in a terminal reaches the whole group, but calls
    # that are still going on must be ended by the server first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(-5)
    _allow_files(options.capacity + _SPARE_FILES)
    worker = Worker(
        socket.socket(fileno=options.control), options.capacity, options.clip_memory_mb * 1024 * 1024 // 320
    )
    # Nothing here makes cycles; a collection would only delay a tick.
    gc.collect()
    gc.freeze()
    gc.disable()
    worker.run()


if __name__ == "__main__":
    main()
