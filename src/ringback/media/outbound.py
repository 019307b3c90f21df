"""The sending half of the plane: samples and keys become packets of all legs."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media import g711
from ringback.media.arena import FRAME
from ringback.media.happenings import Happening
from ringback.media.keypad import KeyPacket, Keypad, KeysSent
from ringback.media.stats import StreamStats
from ringback.rtp.packet import HEADER_BYTES, RtpPacket

_SENT_BYTES: Final = HEADER_BYTES + FRAME
_VERSION_2: Final = np.uint32(0x80000000)


@dataclass(slots=True)
class Sent:
    """What a tick produced: `packets[row]` goes out for each of `rows`, `extra` besides, and these events happened."""

    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    extra: list[tuple[int, bytes]] = field(default_factory=list)
    events: list[Happening] = field(default_factory=list)


class Outbound:
    """What each leg sends, as columns."""

    def __init__(self, capacity: int, stats: StreamStats) -> None:
        self.packets = np.zeros((capacity, _SENT_BYTES), np.uint8)
        """The packets of this tick, one a row."""
        self._words = self.packets.view(">u4")
        self._stats = stats
        self._sends = np.zeros(capacity, np.bool_)
        self._codec = np.zeros(capacity, np.int64)
        self._payload_type = np.zeros(capacity, np.uint8)
        self._marker = np.zeros(capacity, np.bool_)
        self._sequence = np.zeros(capacity, np.uint16)
        self._timestamp = np.zeros(capacity, np.uint32)
        self._telephone_event: list[int | None] = [None] * capacity
        self._keypads: dict[int, deque[Keypad]] = {}
        self._packers: dict[int, _Packer] = {}
        self._odd_octets: dict[int, int] = {}
        """How many more bytes of payload packets had that were not like all others, than if they had been."""

    def open(self, row: int, ssrc: int, sequence: int, timestamp: int) -> None:
        """Make the row ready for another leg, with the random beginnings that RFC 3550 §5.1 asks for."""
        self._sends[row] = self._marker[row] = False
        self._telephone_event[row] = None
        self._sequence[row], self._timestamp[row] = sequence & 0xFFFF, timestamp & 0xFFFFFFFF
        self.packets[row, 8:12] = np.frombuffer((ssrc & 0xFFFFFFFF).to_bytes(4, "big"), np.uint8)

    def setup(
        self, row: int, payload_type: int, codec: int, telephone_event: int | None, packet_ms: int, *, sends: bool
    ) -> None:
        """Say what is sent, in packets of 10 to 60 ms, and whether anything is."""
        self._telephone_event[row] = telephone_event
        self._payload_type[row] = payload_type
        self._codec[row] = codec
        self._marker[row] |= sends and not self._sends[row]
        self._sends[row] = sends
        self._packers.pop(row, None)
        if packet_ms != 20:
            self._packers[row] = _Packer(packet_ms * FRAME // 20)

    def close(self, row: int) -> None:
        """Send no more."""
        self._sends[row] = False
        self._keypads.pop(row, None)
        self._packers.pop(row, None)
        self._odd_octets.pop(row, None)

    def press(self, row: int, keys: str, token: int) -> None:
        """Press keys towards the peer, after those asked for before. Raises `ringback.media.keypad.KeypadError`."""
        keypad = Keypad(row, token, keys, as_events=self._telephone_event[row] is not None)
        self._keypads.setdefault(row, deque()).append(keypad)

    def send(self, said: NDArray[np.int16], sent: Sent) -> None:
        """Make the packets of a tick from what is said, int16[legs, 160]; keys come in place of audio."""
        count = len(said)
        replaced = self._keys(said, sent) if self._keypads else set()
        packets = self.packets[:count]
        samples = said.view(np.uint16)
        codec = self._codec[:count]
        if codec.any():
            packets[:, HEADER_BYTES:] = g711.ENCODE_FLAT.take(samples + (codec * 65536)[:, None], mode="wrap")
        else:
            packets[:, HEADER_BYTES:] = g711.ENCODE[g711.PCMU].take(samples, mode="wrap")
        sends = self._sends[:count]
        if replaced or self._packers:
            sends = sends.copy()
            sends[[row for row in replaced | self._packers.keys() if row < count]] = False
        second = self._payload_type[:count] | (self._marker[:count].astype(np.uint8) << 7)
        self._words[:count, 0] = _VERSION_2 | second.astype(np.uint32) << 16 | self._sequence[:count]
        self._words[:count, 1] = self._timestamp[:count]
        self._sequence[:count] += sends
        self._marker[:count] &= ~sends
        sent.rows = np.flatnonzero(sends)
        self._stats.sent[:count] += sends
        for row, packer in self._packers.items():
            if row not in replaced and self._sends[row]:
                frame = packets[row, HEADER_BYTES:].tobytes()
                for timestamp, payload in packer.add(int(self._timestamp[row]), frame):
                    packet = self._packet(
                        row, int(self._payload_type[row]), timestamp, payload, marker=bool(self._marker[row])
                    )
                    sent.extra.append((row, packet))
                    self._marker[row] = False
        self._timestamp[:count] += FRAME

    def _keys(self, said: NDArray[np.int16], sent: Sent) -> set[int]:
        """Press what is due; return the rows whose audio packet of this tick is replaced."""
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
                said[row] = step
        return replaced

    def sent(self, row: int) -> tuple[int, int, int, int]:
        """Our SSRC, the timestamp of the frame being sent, and how many packets and bytes of payload have gone out."""
        packets = int(self._stats.sent[row])
        octets = FRAME * packets + self._odd_octets.get(row, 0)
        return int(self._words[row, 2]), int(self._timestamp[row]), packets, octets

    def _packet(self, row: int, payload_type: int, timestamp: int, payload: bytes, *, marker: bool) -> bytes:
        sequence = int(self._sequence[row])
        self._sequence[row] = (sequence + 1) & 0xFFFF
        self._stats.sent[row] += 1
        self._odd_octets[row] = self._odd_octets.get(row, 0) + len(payload) - FRAME
        return bytes(RtpPacket(payload_type, sequence, timestamp, int(self._words[row, 2]), payload, marker))


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
