"""The RTP sockets of a worker's legs: packets of all legs in one buffer, and each packet to whom it is for.

A leg begins with a socket that anybody may send to. Once its peer's address is known, that socket is connected: the
kernel then sends and receives for less, lets nobody else in, and does so for all such legs in one call
(`ringback.media.express`). So that strangers are still seen (and counted, and a peer that moves is found again), a
second socket takes the port beside it; it gets what the connected one refuses.
"""

import errno
import ipaddress
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ringback.media import batch
from ringback.media.express import ROUNDS, Express
from ringback.media.plane import PACKET_WIDTH, Received
from ringback.media.sources import NOBODY, SourceLock

_MAX_SOURCES: Final = 65536

Address = tuple[str, int]


class SocketError(Exception):
    """A socket cannot be had, or an address not be sent to; the text says why and what to do."""


@dataclass(slots=True)
class _Leg:
    main: socket.socket
    strangers: socket.socket | None = None
    connected: int = NOBODY
    """The source number that the main socket is connected to."""


class Sockets:
    """The sockets, by row of the plane."""

    def __init__(self, capacity: int, lock: SourceLock, batches: Callable[[], batch.Batch | None] = batch.best) -> None:
        self._lock = lock
        self._legs: dict[int, _Leg] = {}
        self._poll = select.epoll()
        self._readers: dict[int, tuple[int, Callable[[Any], Any], int]] = {}
        """By file descriptor: row, what reads a packet into a buffer, and the source number if that is known."""
        self._senders: list[Callable[[Any], Any] | None] = [None] * capacity
        self._number_of: dict[Address, int] = {}
        self._addresses: list[Address] = []
        self._next_port = 0
        size = 2 * capacity * ROUNDS
        self._buffer: NDArray[np.uint8] = np.zeros((size, PACKET_WIDTH), np.uint8)
        self._views = [row.data for row in self._buffer]
        self._length = np.zeros(size, np.int64)
        self._rows = np.zeros(size, np.int64)
        self._sources = np.zeros(size, np.int64)
        made = batches()
        self._express = Express(made, self._buffer[: capacity * ROUNDS], capacity) if made is not None else None
        """Where the system can do with many sockets at once; else each is read and written by itself."""

    def __len__(self) -> int:
        return len(self._legs)

    def __contains__(self, row: int) -> bool:
        return row in self._legs

    def bind(self, host: str, first: int, last: int) -> tuple[socket.socket, socket.socket]:
        """Bind the next free pair of ports, an even one for RTP and the one above it for RTCP (RFC 3550 §11).

        `first` and `last` are those for RTP. The range is gone round, so that a port rests before it is used again.
        Raises SocketError.
        """
        ports = range(first + first % 2, last + 1, 2)
        if not ports:
            raise SocketError(f"no even port between {first} and {last}: widen media.port_min to media.port_max")
        for _ in ports:
            port = ports[self._next_port % len(ports)]
            self._next_port += 1
            if (pair := _pair(host, port)) is not None:
                return pair
        raise SocketError(f"all ports from {first} to {last} are taken: widen media.port_min to media.port_max")

    def add(self, row: int, rtp: socket.socket) -> None:
        """Let a bound socket be that of a leg."""
        self._legs[row] = _Leg(rtp)
        self._senders[row] = None
        self._listen(row, rtp, rtp.recvfrom_into, NOBODY)

    def remove(self, row: int) -> None:
        """Close the sockets of a leg."""
        leg = self._legs.pop(row)
        self._senders[row] = None
        if self._express is not None:
            self._express.remove(row)
        for each in (leg.main, leg.strangers):
            if each is not None:
                self._ignore(each)
                each.close()

    def close(self) -> None:
        """Close the sockets of all legs."""
        for row in list(self._legs):
            self.remove(row)
        self._poll.close()
        if self._express is not None:
            self._express.close()

    def negotiate(self, row: int, host: str, port: int) -> None:
        """Set the address that the peer asked for. Raises SocketError for one that cannot be sent to."""
        remote = _remote(host, port, self._legs[row].main.family)
        self._lock.negotiate(row, NOBODY if remote is None else self._number(remote))
        self.aim(row)

    def aim(self, row: int) -> None:
        """Send to whom the source lock says; a peer that has been heard is connected to."""
        leg, destination = self._legs[row], self._lock.destination(row)
        if leg.connected not in (NOBODY, destination):
            self._disconnect(row, leg)
        if destination == NOBODY:
            self._senders[row] = None
        elif self._lock.learnt[row] == destination:
            if leg.connected != destination:
                self._connect(row, leg, destination)
        else:
            self._senders[row] = _sender_to(leg.main, self._addresses[destination])

    def address(self, row: int) -> Address | None:
        """Where the packets of a leg go; None while nobody wants any."""
        destination = self._lock.destination(row)
        return None if destination == NOBODY else self._addresses[destination]

    def receive(self) -> Received | None:
        """Read what has come for all legs. A length of -1 is a place where nothing has come."""
        count = 0
        if self._express is not None:
            count = self._express.read(self._length, self._rows, self._sources)
        for _ in range(ROUNDS):
            ready = self._poll.poll(0, max(1, len(self._readers)))
            if not ready:
                break
            before = count
            for fd, _ in ready:
                row, read, source = self._readers[fd]
                try:
                    if source == NOBODY:
                        length, address = read(self._views[count])
                        source = self._number(address if len(address) == 2 else address[:2])
                    else:
                        length = read(self._views[count])
                except OSError:
                    continue  # nothing there after all, or an ICMP error of an earlier packet, told once
                self._length[count], self._rows[count], self._sources[count] = length, row, source
                count += 1
            if len(ready) > count - before:
                break  # errors were read instead of packets; what is left waits for the next tick
        if not count:
            return None
        return Received(self._buffer[:count], self._length[:count], self._rows[:count], self._sources[:count])

    def send(self, rows: NDArray[np.int64], packets: NDArray[np.uint8]) -> None:
        """Send to each of the rows its row of packets. What cannot be sent is lost; the call's timers see to it."""
        if self._express is not None:
            rows = self._express.send(rows, packets)
        senders = self._senders
        for row in rows.tolist():
            sender = senders[row]
            if sender is not None:
                try:
                    sender(packets[row])
                except OSError:
                    continue

    def send_one(self, row: int, packet: bytes) -> None:
        """Send one more packet of a leg."""
        sender = self._senders[row]
        if sender is not None:
            try:
                sender(packet)
            except OSError:
                return

    def tidy(self) -> None:
        """Once there are too many, forget the addresses that no leg has: strangers must not fill the memory."""
        if len(self._addresses) <= _MAX_SOURCES:
            return
        lock = self._lock
        kept = {n for row in self._legs for n in (int(lock.negotiated[row]), int(lock.learnt[row])) if n >= 0}
        renumbered = {old: new for new, old in enumerate(sorted(kept))}
        for row, leg in self._legs.items():
            for column in (lock.negotiated, lock.learnt):
                column[row] = renumbered.get(int(column[row]), NOBODY)
            if leg.connected != NOBODY:
                leg.connected = renumbered[leg.connected]
                self._read_connected(row, leg)
        self._addresses = [self._addresses[old] for old in sorted(kept)]
        self._number_of = {address: number for number, address in enumerate(self._addresses)}

    def _connect(self, row: int, leg: _Leg, destination: int) -> None:
        address = self._addresses[destination]
        try:
            if leg.strangers is None:
                leg.strangers = _beside(leg.main)
            leg.main.connect(address)
        except OSError:
            # Without a connection all goes on as before, only dearer.
            self._senders[row] = _sender_to(leg.main, address)
            return
        leg.connected = destination
        self._read_connected(row, leg)
        self._listen(row, leg.strangers, leg.strangers.recvfrom_into, NOBODY)
        self._senders[row] = leg.main.send

    def _disconnect(self, row: int, leg: _Leg) -> None:
        """Back to a socket that anybody may send to."""
        self._ignore(leg.main)
        if self._express is not None:
            self._express.remove(row)
        leg.main.close()
        # The one that took the strangers has the port, and takes everybody from now on.
        assert leg.strangers is not None, "a connected leg has a socket for strangers"
        leg.main, leg.strangers, leg.connected = leg.strangers, None, NOBODY
        self._listen(row, leg.main, leg.main.recvfrom_into, NOBODY)

    def _read_connected(self, row: int, leg: _Leg) -> None:
        if self._express is None:
            self._listen(row, leg.main, leg.main.recv_into, leg.connected)
        else:
            self._ignore(leg.main)
            self._express.remove(row)
            self._express.add(row, leg.main.fileno(), leg.connected)

    def _listen(self, row: int, rtp: socket.socket, read: Callable[[Any], Any], source: int) -> None:
        if rtp.fileno() not in self._readers:
            self._poll.register(rtp.fileno(), select.EPOLLIN)
        self._readers[rtp.fileno()] = (row, read, source)

    def _ignore(self, rtp: socket.socket) -> None:
        if self._readers.pop(rtp.fileno(), None) is not None:
            self._poll.unregister(rtp.fileno())

    def _number(self, address: Address) -> int:
        number = self._number_of.get(address)
        if number is None:
            number = self._number_of[address] = len(self._addresses)
            self._addresses.append(address)
        return number


def _socket(host: str) -> socket.socket:
    try:
        return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    except OSError as error:
        raise SocketError(f"no socket for another leg: {error.strerror} (see ulimit -n)") from error


def _pair(host: str, port: int) -> tuple[socket.socket, socket.socket] | None:
    """Sockets on two ports in a row, None where one of them is taken. Raises SocketError for any other reason."""
    pair: list[socket.socket] = []
    try:
        for each in (port, port + 1):
            pair.append(_socket(host))
            pair[-1].setblocking(False)
            pair[-1].bind((host, each))
    except (OSError, SocketError) as error:
        for one in pair:
            one.close()
        if isinstance(error, SocketError):
            raise
        if error.errno == errno.EADDRINUSE:
            return None
        raise SocketError(f"cannot bind {host} port {each}: {error.strerror}; see media.host") from error
    return pair[0], pair[1]


def _beside(main: socket.socket) -> socket.socket:
    """A second socket on the same port, which the first allows for this moment only: to others the port is taken."""
    second = socket.socket(main.family, socket.SOCK_DGRAM)
    try:
        second.setblocking(False)
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        main.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            second.bind(main.getsockname())
        finally:
            main.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
    except OSError:
        second.close()
        raise
    return second


def _sender_to(rtp: socket.socket, address: Address) -> Callable[[bytes | memoryview], Any]:
    send_to = rtp.sendto

    def sender(packet: bytes | memoryview) -> None:
        send_to(packet, address)

    return sender


def _remote(host: str, port: int, family: int) -> Address | None:
    """The address that a peer asked for, as `recvfrom` writes it; None where it wants nothing (RFC 3264 §8.4).

    Names are refused: looking one up for each packet would hold up every call.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise SocketError(f"{host!r} is no IP address to send RTP to") from None
    if (address.version == 6) != (family == socket.AF_INET6):
        raise SocketError(f"RTP cannot go to {host} from here, which is an address of the other family")
    if not 0 <= port <= 65535:
        raise SocketError(f"{port} is no port to send RTP to")
    return None if address.is_unspecified or port == 0 else (str(address), port)
