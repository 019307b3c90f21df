"""RTCP on sockets: on a port of its own beside that of RTP, or on the same (RFC 5761), and encrypted where RTP is."""

import random
import secrets
import select
import socket
from collections.abc import Callable
from typing import Final

import numpy as np

from ringback.media.inbound import Received
from ringback.media.plane import Plane
from ringback.media.reports import Reports
from ringback.media.secure import SecureLegs
from ringback.media.sockets import Address, Sockets
from ringback.rtp.packet import is_rtcp
from ringback.rtp.reports import Rng
from ringback.rtp.rtcp import MAX_BYTES, make_cname
from ringback.rtp.srtp import SrtpError

MODES: Final = ("off", "port", "mux")
_READ_AT_ONCE: Final = 64
"""Packets read in one tick. A thousand legs send four."""


class Reporter:
    """Sends and reads the reports of all legs."""

    def __init__(
        self, plane: Plane, sockets: Sockets, secure: SecureLegs, clock: Callable[[], float], rng: Rng | None = None
    ) -> None:
        """`clock` tells the seconds since 1970."""
        self._plane, self._rtp, self._secure, self._clock = plane, sockets, secure, clock
        self._reports = Reports(rng or random.SystemRandom())
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._row_of: dict[int, int] = {}
        self._remotes: dict[int, Address] = {}
        """Where the peer expects reports, if it says so."""
        self._heard: dict[int, Address] = {}
        """Where they come from."""
        self._muxed = np.zeros(plane.capacity, np.bool_)
        self._any_muxed = False

    def add(self, row: int, rtcp: socket.socket) -> None:
        """Take the socket beside that of a leg's RTP."""
        self._sockets[row] = rtcp
        self._row_of[rtcp.fileno()] = row

    def setup(self, row: int, mode: str, remote: Address | None) -> None:
        """Report or not (`off`), on a port of its own (`port`) or on that of RTP (`mux`).

        `remote` is where the peer expects reports, None for the port above its RTP. What has been closed stays so: a
        leg that had no port of its own once goes on without. Raises ValueError for any other mode.
        """
        if mode not in MODES:
            raise ValueError(f"{mode!r} is none of {', '.join(MODES)}")
        self._remotes.pop(row, None)
        self._heard.pop(row, None)
        if remote is not None:
            self._remotes[row] = (str(remote[0]), int(remote[1]))
        self._muxed[row] = mode == "mux"
        self._any_muxed = bool(self._muxed.any())
        if mode != "port":
            self._close_socket(row)
        elif row in self._sockets and row not in self._reports:
            self._poll.register(self._sockets[row].fileno(), select.EPOLLIN)
        if mode == "mux" or row in self._sockets:
            if row not in self._reports:
                self._reports.open(row, make_cname(secrets.token_bytes(12)), self._plane.now)
        else:
            self._reports.close(row)

    def close_leg(self, row: int) -> None:
        """Say goodbye."""
        if row in self._reports:
            self._say(row, bye=True)
            self._reports.close(row)
        self._close_socket(row)
        self._muxed[row] = False
        self._any_muxed = bool(self._muxed.any())
        self._remotes.pop(row, None)
        self._heard.pop(row, None)

    def _close_socket(self, row: int) -> None:
        rtcp = self._sockets.pop(row, None)
        if rtcp is not None:
            del self._row_of[rtcp.fileno()]
            rtcp.close()

    def close(self) -> None:
        """Close all sockets."""
        for row in list(self._sockets):
            self._close_socket(row)
        self._poll.close()

    def take(self, received: Received) -> None:
        """Take what is RTCP out of the packets of a tick, which have been decrypted."""
        if not self._any_muxed:
            return
        second = received.buffer[:, 1]
        muxed = self._muxed[received.rows] & (received.length > 1) & (second >= 192) & (second <= 223)
        for i in np.flatnonzero(muxed).tolist():
            row = int(received.rows[i])
            if received.source[i] == self._plane.sources.learnt[row]:
                self._hear(row, received.buffer[i, : received.length[i]].tobytes())
            else:
                self._plane.sources.refused[row] += 1
            received.length[i] = -1

    def tick(self) -> None:
        """Read what has come, and say what is due."""
        for fd, _ in self._poll.poll(0, _READ_AT_ONCE) if self._row_of else ():
            row = self._row_of[fd]
            try:
                data, address = self._sockets[row].recvfrom(MAX_BYTES)
            except OSError:
                continue  # an ICMP error of an earlier packet
            if self._is_peer(row, address[:2]):
                self._unprotect(row, data)
        for row in self._reports.due(self._plane.now):
            self._say(row)

    def _is_peer(self, row: int, address: Address) -> bool:
        """Is that whom the audio comes from, or where reports go? Then they go there from now on."""
        audio = self._rtp.address(row)
        if address != self._remotes.get(row) and (audio is None or address[0] != audio[0]):
            self._plane.sources.refused[row] += 1
            return False
        self._heard[row] = address
        return True

    def _unprotect(self, row: int, data: bytes) -> None:
        session = self._secure.session(row)
        plain = data if session is None else session.unprotect_rtcp(data)
        if plain is not None and len(plain) > 1 and is_rtcp(plain[1]):
            self._hear(row, plain)

    def _hear(self, row: int, data: bytes) -> None:
        if row in self._reports:
            far = self._reports.receive(row, data, self._plane.counts(row).ssrc, self._clock())
            if far is not None:
                self._plane.far_end(row, far)

    def _say(self, row: int, *, bye: bool = False) -> None:
        address = self._rtp.address(row)
        if address is None:
            return  # it wants nothing
        data = self._reports.report(row, self._plane.counts(row), self._clock(), bye=bye)
        session = self._secure.session(row)
        try:
            if session is not None:
                data = session.protect_rtcp(data)
            if self._muxed[row]:
                self._rtp.send_one(row, data)
            else:
                self._sockets[row].sendto(data, self._destination(row, address))
        except (SrtpError, OSError):
            return

    def _destination(self, row: int, audio: Address) -> Address:
        """Where reports come from, else where the peer wants them, else the port above that of its audio."""
        wanted = self._heard.get(row) or self._remotes.get(row)
        return wanted or (audio[0], min(audio[1] + 1, 65535))
