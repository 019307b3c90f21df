"""The receiving half of the plane: packets of all legs become keys and samples."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media import comfort, g711
from ringback.media.happenings import FirstHeard, GoneQuiet, Happening, KeyPressed, SourceMoved
from ringback.media.jitter import JitterRing
from ringback.media.sources import SourceLock
from ringback.media.stats import StreamStats
from ringback.rtp.packet import HEADER_BYTES, Columns, parse_columns, payload_span
from ringback.rtp.reports import update_jitter
from ringback.rtp.telephone_event import KeyReceiver

TICKS_PER_SECOND: Final = 50
PACKET_WIDTH: Final = 640
"""Bytes kept of a received packet: 60 ms of G.711 with header, extension and room to spare."""
_UNKNOWN, _KEY, _NOISE = -1, 2, 3
_JITTER_EVERY: Final = 8
"""Ticks of which one is looked at for jitter. Packets are read once a tick, so that it is no finer than 20 ms; asking
the kernel when each of them came would cost more than reading it."""
_FRAME: Final = 160
_KEY_BYTES: Final = 4
"""Of a report of a key (RFC 4733 §2.3)."""
_KEY_PAUSE: Final = 4
"""Ticks without a report after which a key is up: reports come every 20 to 60 ms."""
_KEY_GAP: Final = 12
"""Ticks after a report of a key in which audio may be missing: the longest delay of the jitter buffer, and some."""


@dataclass(frozen=True, slots=True)
class Received:
    """The packets of one tick: row i of `buffer` holds `length[i]` bytes for leg `rows[i]` from `source[i]`.

    Rows of length -1 hold nothing.
    """

    buffer: NDArray[np.uint8]
    length: NDArray[np.int64]
    rows: NDArray[np.int64]
    source: NDArray[np.int64]


class Inbound:
    """What each leg receives, as columns."""

    def __init__(self, capacity: int, stats: StreamStats) -> None:
        self.sources = SourceLock(capacity)
        self.ring = JitterRing(capacity)
        self.now = 0
        """Ticks since the plane began."""
        self._stats = stats
        self._open = np.zeros(capacity, np.bool_)
        self._kind = np.full((capacity, 128), _UNKNOWN, np.int8)
        self._last_heard = np.zeros(capacity, np.int64)
        self._quiet = np.zeros(capacity, np.int64)
        self._quiet_times = np.zeros(capacity, np.int64)
        self._last_key = np.full(capacity, -_KEY_GAP, np.int64)
        self._keys: dict[int, KeyReceiver] = {}
        self._comfort = comfort.ComfortNoise()

    def open(self, row: int) -> None:
        """Make the row ready for another leg."""
        self._open[row] = True
        self._kind[row] = _UNKNOWN
        self._quiet[row] = 0
        self._last_key[row] = self.now - _KEY_GAP
        self._keys[row] = KeyReceiver()
        self.sources.clear(row)
        self.ring.clear(row)

    def setup(self, row: int, payload_types: dict[int, int], telephone_event: int | None, quiet_seconds: float) -> None:
        """Say what the peer may send, and after how much silence to report it (0: never)."""
        self._kind[row] = _UNKNOWN
        self._kind[row, comfort.PAYLOAD_TYPE] = _NOISE
        for payload_type, codec in payload_types.items():
            self._kind[row, payload_type] = codec
        if telephone_event is not None:
            self._kind[row, telephone_event] = _KEY
        self._quiet[row] = int(quiet_seconds * TICKS_PER_SECOND)
        self._last_heard[row], self._quiet_times[row] = self.now, 0

    def close(self, row: int) -> None:
        """Hear no more of this leg."""
        self._open[row] = False
        self._keys.pop(row, None)
        self._comfort.clear(row)

    def receive(self, received: Received) -> list[Happening]:
        """Take the packets of a tick."""
        rows, buffer, length = received.rows, received.buffer, received.length
        columns = parse_columns(buffer, length)
        kind = self._kind.reshape(-1).take(rows * 128 + columns.payload_type)
        # A packet that is no part of the session must not decide where a leg's audio goes.
        valid = columns.valid & self._open[rows] & (kind != _UNKNOWN)
        shifted = valid & ~columns.plain
        if shifted.any():
            length = self._unwrap(buffer, length, columns, np.flatnonzero(shifted))
            valid &= columns.valid
        admitted, moved = self.sources.admit(rows, received.source, valid)
        events: list[Happening] = [SourceMoved(row, int(self.sources.learnt[row])) for row in moved]
        heard = rows[admitted]
        first = heard[self._stats.received[heard] == 0]
        if len(first):
            events += [FirstHeard(int(row)) for row in np.unique(first)]
        self._last_heard[heard] = self.now
        self._quiet_times[heard] = 0
        self._stats.count(
            rows, columns, length, admitted, np.flatnonzero(~columns.valid & self._open[rows] & (received.length >= 0))
        )
        keys = admitted & (kind == _KEY)
        if keys.any():
            events += self._press(received, columns, length, np.flatnonzero(keys))
            admitted &= ~keys
        noise = admitted & (kind == _NOISE)
        if noise.any():
            admitted &= ~noise
        self._hear(received, columns, length, kind, admitted)
        if noise.any():
            self._fall_silent(received, columns, length, np.flatnonzero(noise))
        return events

    def _fall_silent(
        self, received: Received, columns: Columns, length: NDArray[np.int64], which: NDArray[np.int64]
    ) -> None:
        """Take the packets that tell of comfort noise: each is a frame of it, and what is missing then is more."""
        which = which[length[which] > HEADER_BYTES]
        rows, timestamp = received.rows[which], columns.timestamp[which]
        levels = (received.buffer[which, HEADER_BYTES] & 0x7F).tolist()
        frames = np.zeros((len(which), _FRAME), np.int16)
        for frame, level in zip(frames, levels, strict=True):
            frame[:] = self._comfort.frame(level)
        size, marker = np.full(len(which), _FRAME), columns.marker[which]
        self.ring.put(rows, frames, size, timestamp, columns.ssrc[which], marker)
        for row, when, level in zip(rows.tolist(), timestamp.tolist(), levels, strict=True):
            self._comfort.begin(row, self.ring.place(row, when), level)

    def _press(
        self, received: Received, columns: Columns, length: NDArray[np.int64], which: NDArray[np.int64]
    ) -> list[Happening]:
        """Take the packets that report keys."""
        self._last_key[received.rows[which]] = self.now
        whole = which[length[which] >= HEADER_BYTES + _KEY_BYTES]
        events: list[Happening] = []
        for row, ssrc, timestamp, (event, flags, high, low) in zip(
            received.rows[whole].tolist(),
            columns.ssrc[whole].tolist(),
            columns.timestamp[whole].tolist(),
            received.buffer[whole, HEADER_BYTES : HEADER_BYTES + _KEY_BYTES].tolist(),
            strict=True,
        ):
            key = self._keys[row].report(ssrc, timestamp, event, high << 8 | low, end=flags > 127)
            if key is not None:
                events.append(KeyPressed(row, key))
        return events

    def _hear(
        self,
        received: Received,
        columns: Columns,
        length: NDArray[np.int64],
        kind: NDArray[np.int8],
        audio: NDArray[np.bool_],
    ) -> None:
        """Decode the packets of audio and place them."""
        if not audio.any():
            return
        # Mostly every packet is one of audio: then nothing needs to be picked out.
        which: NDArray[np.int64] | slice = slice(None) if audio.all() else np.flatnonzero(audio)
        width = int(length[which].max())
        payload = received.buffer[which, HEADER_BYTES : width + width % 2]
        if self.now % _JITTER_EVERY == 0:
            arrival = np.full(len(columns.timestamp[which]), self.now * _FRAME)
            rows, timestamp = received.rows[which], columns.timestamp[which]
            update_jitter(self._stats.jitter, self._stats.transit, rows, arrival, timestamp)
        self.ring.put(
            received.rows[which],
            _decode(payload, kind[which]),
            length[which] - HEADER_BYTES,
            columns.timestamp[which],
            columns.ssrc[which],
            columns.marker[which],
        )

    def take(self, out: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Write the frame of each leg into `out`; return which halves have come, or need not: bool[legs, 2].

        While a key is reported no audio is sent: what is missing then is silence, not loss.
        """
        have = self.ring.take(out)
        if self._comfort.active:
            taken = self.ring.playout[: len(out)] - 2 * self.ring.started[: len(out)]
            self._comfort.fill(out, have, taken)
        have |= (self.now - self._last_key[: len(out)] < _KEY_GAP)[:, None]
        return have

    def pressing(self, count: int) -> NDArray[np.bool_]:
        """bool[count]: the legs that are in the midst of a key, as far as events tell."""
        return np.asarray(self.now - self._last_key[:count] < _KEY_PAUSE)

    def watch(self, count: int) -> list[Happening]:
        """Once a second: which legs have gone quiet. Each is reported again after waiting as long again."""
        events: list[Happening] = []
        if self.now % TICKS_PER_SECOND:
            return events
        waits = self._open[:count] & (self._quiet[:count] > 0)
        for row in np.flatnonzero(waits & (self.now - self._last_heard[:count] >= self._quiet[:count])).tolist():
            self._last_heard[row] = self.now
            self._quiet_times[row] += 1
            events.append(GoneQuiet(row, int(self._quiet_times[row])))
        return events

    @staticmethod
    def _unwrap(
        buffer: NDArray[np.uint8], length: NDArray[np.int64], columns: Columns, which: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Bring packets with contributing sources, extension or padding into the plain form; return the new lengths.

        Those in which that goes wrong turn out not to be valid.
        """
        length = length.copy()
        for i in which.tolist():
            span = payload_span(bytes(buffer[i, : length[i]]))
            if span is None:
                columns.valid[i] = False
                continue
            payload = buffer[i, span[0] : span[1]].copy()
            buffer[i, HEADER_BYTES : HEADER_BYTES + len(payload)] = payload
            length[i] = HEADER_BYTES + len(payload)
        return length


def _decode(payload: NDArray[np.uint8], codec: NDArray[np.int8]) -> NDArray[np.int16]:
    """The samples of packets, each in its own codec."""
    if not codec.any():
        return g711.decode_rows(payload, g711.PCMU)
    samples = g711.decode_rows(payload, g711.PCMA)
    if not codec.all():
        others = np.flatnonzero(codec == g711.PCMU)
        samples[others] = g711.decode_rows(payload[others], g711.PCMU)
    return samples
