"""The media plane: all legs of a worker as columns, each step of a 20 ms tick done once for all of them.

Pure: packets come in as one buffer, packets go out as one matrix, time is the number of ticks. Sockets and clocks
belong to `ringback.media.worker`. The samples that each leg has sent us (`heard`) and will hear (`said`) stay in two
matrices between the steps, which is where recording, bridges and conferences read and write.
"""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media import g711
from ringback.media.arena import FRAME, ClipArena
from ringback.media.jitter import JitterRing
from ringback.media.keypad import KeyPacket, Keypad, KeysSent
from ringback.media.players import PlayEnded, Players
from ringback.media.sources import SourceLock
from ringback.media.stats import LegStats, StreamStats
from ringback.rtp.packet import HEADER_BYTES, Columns, RtpPacket, parse_columns, payload_span
from ringback.rtp.telephone_event import KeyReceiver

TICKS_PER_SECOND: Final = 50
PACKET_WIDTH: Final = 640
"""Bytes kept of a received packet: 60 ms of G.711 with header, extension and room to spare."""
_SENT_BYTES: Final = HEADER_BYTES + FRAME
_UNKNOWN, _KEY = -1, 2


class PlaneFull(Exception):  # noqa: N818 (a state, not a fault)
    """All rows are taken."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The peer of a leg pressed a key."""

    row: int
    key: str


@dataclass(frozen=True, slots=True)
class FirstHeard:
    """The first packet of a leg has arrived."""

    row: int


@dataclass(frozen=True, slots=True)
class GoneQuiet:
    """No packet has come for as long as the leg was told to wait, `times` that long by now."""

    row: int
    times: int


@dataclass(frozen=True, slots=True)
class SourceMoved:
    """A leg's packets go to another address from now on: that of source number `source`."""

    row: int
    source: int


PlaneEvent = KeyPressed | FirstHeard | GoneQuiet | SourceMoved | PlayEnded | KeysSent


@dataclass(frozen=True, slots=True)
class LegSetup:
    """What was negotiated for a leg.

    `payload_types` maps each payload type that the peer may send to its codec (`g711.PCMU` or `g711.PCMA`);
    `payload_type` is the one that we send. `packet_ms` is 10 to 60. `quiet_seconds` of 0 waits for ever.
    Raises ValueError for what no leg can be set up with.
    """

    payload_type: int
    payload_types: dict[int, int]
    telephone_event: int | None = None
    packet_ms: int = 20
    sends: bool = True
    quiet_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= kind <= 127 for kind in (*self.payload_types, self.telephone_event or 0)):
            raise ValueError(f"payload types are 0 to 127: {self}")
        if self.payload_type not in self.payload_types or not set(self.payload_types.values()) <= set(
            g711.CODECS.values()
        ):
            raise ValueError(f"what is sent must be PCMU or PCMA, and among what may be received: {self}")
        if not 10 <= self.packet_ms <= 60:
            raise ValueError(f"a packet holds 10 to 60 ms: {self}")


@dataclass(frozen=True, slots=True)
class Received:
    """The packets of one tick: row i of `buffer` holds `length[i]` bytes for leg `rows[i]` from `source[i]`."""

    buffer: NDArray[np.uint8]
    length: NDArray[np.int64]
    rows: NDArray[np.int64]
    source: NDArray[np.int64]


@dataclass(slots=True)
class Sent:
    """What a tick produced: `packets[row]` goes out for each of `rows`, `extra` besides, and these events happened."""

    rows: list[int]
    extra: list[tuple[int, bytes]] = field(default_factory=list)
    events: list[PlaneEvent] = field(default_factory=list)


class Plane:
    """The legs of one worker."""

    def __init__(self, capacity: int, arena: ClipArena) -> None:
        self.capacity = capacity
        self.arena = arena
        self.now = 0
        """Ticks since the plane began."""
        self.packets = np.zeros((capacity, _SENT_BYTES), np.uint8)
        """The outgoing packets of this tick, one a row."""
        self.packets[:, 0] = 0x80
        self.heard = np.zeros((capacity, FRAME), np.int16)
        self.said = np.zeros((capacity, FRAME), np.int16)
        self.sources = SourceLock(capacity)
        self._ring = JitterRing(capacity)
        self._players = Players(capacity, arena)
        self._stats = StreamStats(capacity)
        self._open = np.zeros(capacity, np.bool_)
        self._sends = np.zeros(capacity, np.bool_)
        self._kind = np.full((capacity, 128), _UNKNOWN, np.int8)
        self._codec_out = np.zeros(capacity, np.int64)
        self._payload_type = np.zeros(capacity, np.uint8)
        self._marker = np.zeros(capacity, np.bool_)
        self._sequence = np.zeros(capacity, np.uint16)
        self._timestamp = np.zeros(capacity, np.uint32)
        self._last_heard = np.zeros(capacity, np.int64)
        self._quiet = np.zeros(capacity, np.int64)
        self._quiet_times = np.zeros(capacity, np.int64)
        self._telephone_event: list[int | None] = [None] * capacity
        self._key_receivers: dict[int, KeyReceiver] = {}
        self._keypads: dict[int, deque[Keypad]] = {}
        self._packers: dict[int, _Packer] = {}
        self._pending: list[PlaneEvent] = []
        self._high = 0

    # -- legs ---------------------------------------------------------------------------------------------------

    def open(self, ssrc: int, sequence: int, timestamp: int) -> int:
        """Take a row for a new leg, with the random beginnings that RFC 3550 §5.1 asks for. Raises PlaneFull."""
        free = np.flatnonzero(~self._open)
        if not len(free):
            raise PlaneFull(f"all {self.capacity} legs of this worker are taken")
        row = int(free[0])
        self._open[row] = True
        self._high = max(self._high, row + 1)
        self._kind[row] = _UNKNOWN
        self._sends[row] = False
        self._marker[row] = False
        self._quiet[row] = 0
        self._telephone_event[row] = None
        self._sequence[row], self._timestamp[row] = sequence & 0xFFFF, timestamp & 0xFFFFFFFF
        self.packets[row, 8:12] = np.frombuffer((ssrc & 0xFFFFFFFF).to_bytes(4, "big"), np.uint8)
        self._key_receivers[row] = KeyReceiver()
        for part in (self.sources, self._ring, self._stats):
            part.clear(row)
        return row

    def setup(self, row: int, setup: LegSetup) -> None:
        """Apply what was negotiated, at the beginning or after a new offer and answer."""
        self._kind[row] = _UNKNOWN
        for payload_type, codec in setup.payload_types.items():
            self._kind[row, payload_type] = codec
        if setup.telephone_event is not None:
            self._kind[row, setup.telephone_event] = _KEY
        self._telephone_event[row] = setup.telephone_event
        self._payload_type[row] = setup.payload_type
        self._codec_out[row] = setup.payload_types[setup.payload_type]
        self._marker[row] |= setup.sends and not self._sends[row]
        self._sends[row] = setup.sends
        self._quiet[row] = int(setup.quiet_seconds * TICKS_PER_SECOND)
        self._last_heard[row], self._quiet_times[row] = self.now, 0
        self._packers.pop(row, None)
        if setup.packet_ms != 20:
            self._packers[row] = _Packer(setup.packet_ms * FRAME // 20)

    def close(self, row: int) -> LegStats:
        """Give the row back; return the figures of the leg."""
        stats = self.stats(row)
        self._players.stop(row)
        self._open[row] = self._sends[row] = False
        self._key_receivers.pop(row, None)
        self._keypads.pop(row, None)
        self._packers.pop(row, None)
        self._pending = [event for event in self._pending if event.row != row]
        taken = np.flatnonzero(self._open)
        self._high = int(taken[-1]) + 1 if len(taken) else 0
        return stats

    def stats(self, row: int) -> LegStats:
        """The figures of a leg so far."""
        return self._stats.of(
            row,
            late=int(self._ring.late[row]),
            duplicates=int(self._ring.duplicates[row]),
            resets=int(self._ring.resets[row]),
            refused=int(self.sources.refused[row]),
        )

    def play(self, row: int, path: Path, loops: int, token: int) -> None:
        """Play a clip in place of what plays now, which ends with it. Raises `ringback.media.arena.ArenaError`."""
        self._pending += self._players.start(row, self.arena.acquire(path), loops, token)

    def stop(self, row: int, token: int | None = None) -> None:
        """Stop what plays (only if it plays under `token`, where one is given)."""
        self._players.stop(row, token)

    def press(self, row: int, keys: str, token: int) -> None:
        """Press keys towards the peer, after those asked for before. Raises `ringback.media.keypad.KeypadError`."""
        keypad = Keypad(row, token, keys, as_events=self._telephone_event[row] is not None)
        self._keypads.setdefault(row, deque()).append(keypad)

    # -- a tick -------------------------------------------------------------------------------------------------

    def tick(self, received: Received | None) -> Sent:
        """Do 20 ms of work: take in the packets that have come, and make those that are due."""
        sent = Sent([], events=self._pending)
        self._pending = []
        if received is not None and len(received.rows):
            self._receive(received, sent.events)
        count = self._high
        self.heard[:count], _ = self._ring.take(count)
        sent.events += self._players.fill(self.said[:count])
        special = self._press(sent)
        self._send(count, special, sent)
        self._watch(count, sent.events)
        self.now += 1
        return sent

    def _receive(self, received: Received, events: list[PlaneEvent]) -> None:
        rows, buffer, length = received.rows, received.buffer, received.length
        columns = parse_columns(buffer, length)
        kind = self._kind[rows, columns.payload_type]
        # A packet that is no part of the session must not decide where a leg's audio goes.
        valid = columns.valid & self._open[rows] & (kind != _UNKNOWN)
        shifted = valid & ~columns.plain
        if shifted.any():
            length = self._unwrap(buffer, length, columns, np.flatnonzero(shifted))
            valid &= columns.valid
        admitted, moved = self.sources.admit(rows, received.source, valid)
        events += [SourceMoved(row, int(self.sources.learnt[row])) for row in moved]
        first = rows[admitted][self._stats.received[rows[admitted]] == 0]
        events += [FirstHeard(int(row)) for row in np.unique(first)]
        self._last_heard[rows[admitted]] = self.now
        self._quiet_times[rows[admitted]] = 0
        self._stats.count(rows, columns, length, admitted, np.flatnonzero(~columns.valid & self._open[rows]))
        for i in np.flatnonzero(admitted & (kind == _KEY)).tolist():
            self._receive_key(int(rows[i]), columns, i, bytes(buffer[i, HEADER_BYTES : length[i]]), events)
        audio = admitted & (kind != _KEY)
        if not audio.any():
            return
        width = int(length[audio].max())
        payload = buffer[audio, HEADER_BYTES:width] + (kind[audio].astype(np.int64) * 256)[:, None]
        self._ring.put(
            rows[audio],
            g711.DECODE_FLAT.take(payload),
            length[audio] - HEADER_BYTES,
            columns.timestamp[audio],
            columns.ssrc[audio],
            columns.marker[audio],
        )

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

    def _receive_key(self, row: int, columns: Columns, i: int, payload: bytes, events: list[PlaneEvent]) -> None:
        key = self._key_receivers[row].receive(int(columns.ssrc[i]), int(columns.timestamp[i]), payload)
        if key is not None:
            events.append(KeyPressed(row, key))

    def _press(self, sent: Sent) -> set[int]:
        """Send what legs press; return the rows whose audio packet of this tick is replaced."""
        replaced = set()
        for row, keypads in list(self._keypads.items()):
            step = keypads[0].next(int(self._timestamp[row]))
            if isinstance(step, KeysSent):
                sent.events.append(step)
                keypads.popleft()
                if not keypads:
                    del self._keypads[row]
            elif isinstance(step, KeyPacket):
                replaced.add(row)
                event_type = self._telephone_event[row]
                if self._sends[row] and event_type is not None:
                    packet = self._packet(row, event_type, step.timestamp, step.payload, marker=step.marker)
                    sent.extra.append((row, packet))
            elif step is not None:
                self.said[row] = step
        return replaced

    def _send(self, count: int, replaced: set[int], sent: Sent) -> None:
        samples = self.said[:count].view(np.uint16)
        encoded = g711.ENCODE_FLAT[samples + (self._codec_out[:count] * 65536)[:, None]]
        apart = replaced | self._packers.keys()
        sends = self._sends[:count].copy()
        for row in apart:
            sends[row] = False
        packets = self.packets[:count]
        packets[:, HEADER_BYTES:] = encoded
        packets[:, 1] = self._payload_type[:count] | (self._marker[:count].astype(np.uint8) << 7)
        packets[:, 2:4] = self._sequence[:count].astype(">u2")[:, None].view(np.uint8)
        packets[:, 4:8] = self._timestamp[:count].astype(">u4")[:, None].view(np.uint8)
        self._sequence[:count] += sends
        self._marker[:count] &= ~sends
        sent.rows = np.flatnonzero(sends).tolist()
        self._stats.sent[:count] += sends
        for row, packer in self._packers.items():
            if row not in replaced and self._sends[row]:
                for timestamp, payload in packer.add(int(self._timestamp[row]), encoded[row].tobytes()):
                    payload_type = int(self._payload_type[row])
                    marker = bool(self._marker[row])
                    sent.extra.append((row, self._packet(row, payload_type, timestamp, payload, marker=marker)))
                    self._marker[row] = False
        self._timestamp[:count] += FRAME

    def _packet(self, row: int, payload_type: int, timestamp: int, payload: bytes, *, marker: bool) -> bytes:
        sequence = int(self._sequence[row])
        self._sequence[row] = (sequence + 1) & 0xFFFF
        self._stats.sent[row] += 1
        ssrc = int.from_bytes(self.packets[row, 8:12].tobytes(), "big")
        return bytes(RtpPacket(payload_type, sequence, timestamp, ssrc, payload, marker))

    def _watch(self, count: int, events: list[PlaneEvent]) -> None:
        """Once a second: which legs have gone quiet. Each is reported again after waiting as long again."""
        if self.now % TICKS_PER_SECOND:
            return
        waits = self._open[:count] & (self._quiet[:count] > 0)
        for row in np.flatnonzero(waits & (self.now - self._last_heard[:count] >= self._quiet[:count])).tolist():
            self._last_heard[row] = self.now
            self._quiet_times[row] += 1
            events.append(GoneQuiet(row, int(self._quiet_times[row])))


class _Packer:
    """Cuts a leg's 20 ms frames into packets of another length (10 to 60 ms)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._bytes = bytearray()
        self._timestamp = 0

    def add(self, timestamp: int, frame: bytes) -> list[tuple[int, bytes]]:
        if self._bytes and self._timestamp + len(self._bytes) != timestamp:
            self._bytes.clear()  # a key came between: what was left of the packet before it is too old
        if not self._bytes:
            self._timestamp = timestamp
        self._bytes += frame
        whole = []
        while len(self._bytes) >= self._size:
            whole.append((self._timestamp, bytes(self._bytes[: self._size])))
            del self._bytes[: self._size]
            self._timestamp += self._size
        return whole
