"""SRTP of the legs that have it: packets are decrypted before the plane sees them, and encrypted after it made them.

Legs without it are told apart by a mask and cost nothing; those with it are handled packet by packet, as libsrtp does.
"""

import numpy as np
from numpy.typing import NDArray

from ringback.media.inbound import Received
from ringback.media.outbound import Sent
from ringback.rtp.packet import is_rtcp
from ringback.rtp.srtp import Refused, SrtpError, SrtpSession


class SecureLegs:
    """The SRTP sessions by row.

    A leg keeps its session from one offer and answer to the next, also while it is plain in between: beginning anew
    under a key that has been used would give it away (RFC 3711 §9.1).
    """

    def __init__(self, capacity: int) -> None:
        self._sessions: dict[int, SrtpSession] = {}
        self._on = np.zeros(capacity, np.bool_)
        self.active = False
        """False where no leg has SRTP now, and nothing needs to be asked."""

    def setup(self, row: int, suite: str, key_in: bytes, key_out: bytes, *, mki: bytes = b"") -> None:
        """Encrypt a leg from now on. Arguments and errors as in `ringback.rtp.srtp.SrtpSession`."""
        if session := self._sessions.get(row):
            session.renew(suite, key_in, key_out, mki=mki)
        else:
            self._sessions[row] = SrtpSession(suite, key_in, key_out, mki=mki)
        self._on[row] = self.active = True

    def plain(self, row: int) -> None:
        """Encrypt no more."""
        self._on[row] = False
        self.active = bool(self._on.any())

    def close(self, row: int) -> None:
        """The leg has ended: forget its keys."""
        self._sessions.pop(row, None)
        self.plain(row)

    def session(self, row: int) -> SrtpSession | None:
        """The session of a leg that is encrypted now."""
        return self._sessions[row] if self._on[row] else None

    def refused(self, row: int) -> Refused:
        """How many packets of the peer were refused, to be asked before `close`."""
        session = self._sessions.get(row)
        return session.refused if session else Refused()

    def unprotect(self, received: Received) -> Received | None:
        """Decrypt what came for legs with SRTP, in its place; leave out what is refused. None when nothing is left."""
        which = np.flatnonzero(self._on[received.rows] & (received.length >= 0))
        if not len(which):
            return received
        buffer, length, rows = received.buffer, received.length, received.rows
        keep = np.ones(len(rows), np.bool_)
        for i in which.tolist():
            data = buffer[i, : length[i]].tobytes()
            session = self._sessions[int(rows[i])]
            muxed = len(data) > 1 and is_rtcp(data[1])
            plain = session.unprotect_rtcp(data) if muxed else session.unprotect(data)
            if plain is None:
                keep[i] = False
            else:
                buffer[i, : len(plain)] = np.frombuffer(plain, np.uint8)
                length[i] = len(plain)
        if keep.all():
            return received
        return Received(buffer[keep], length[keep], rows[keep], received.source[keep]) if keep.any() else None

    def protect(self, sent: Sent, packets: NDArray[np.uint8]) -> None:
        """Encrypt what a tick made for legs with SRTP: their rows of `packets` become packets of `sent.extra`.

        What cannot be encrypted is not sent: it must never go out plain.
        """
        on = self._on[sent.rows]
        extra: list[tuple[int, bytes]] = []
        for row in sent.rows[on].tolist():
            self._protect(row, packets[row].tobytes(), extra)
        for row, packet in sent.extra:
            if self._on[row]:
                self._protect(row, packet, extra)
            else:
                extra.append((row, packet))
        sent.rows, sent.extra = sent.rows[~on], extra

    def _protect(self, row: int, packet: bytes, out: list[tuple[int, bytes]]) -> None:
        try:
            out.append((row, self._sessions[row].protect(packet)))
        except SrtpError:
            return
