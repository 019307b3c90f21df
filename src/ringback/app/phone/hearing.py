"""The ear of one call: which packets came when, where there was sound, what it was. Pure: bytes and times come in."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringback.app.phone.recording import Recording
from ringback.media.g711 import DECODE, PCMA, PCMU
from ringback.rtp.packet import RtpError, parse
from ringback.rtp.telephone_event import KeyReceiver

LOUD: Final = 64
"""Mean size of a packet's samples from which it counts as sound: -54 dB. A-law's silence is 8, µ-law's 0, and a line
that carries only comfort noise stays below it; the quietest syllable of a normal voice does not."""
_EIGHTH: Final = 8
_SIZE: Final = tuple(
    np.minimum(np.abs(table.astype(np.int32)) // _EIGHTH, 255).astype(np.uint8).tobytes() for table in DECODE
)
"""By codec, the size of the sample that each byte stands for, in eighths so that it fits a byte: a packet is judged by
`bytes.translate` and `sum` in a fifth of the time that arrays as small as this take."""


class Packets(NamedTuple):
    """The audio packets heard, a column each: seconds of arrival, RTP sequence number, RTP timestamp, was it sound?"""

    arrival: NDArray[np.float64]
    sequence: NDArray[np.uint16]
    timestamp: NDArray[np.uint32]
    loud: NDArray[np.bool_]


@dataclass(slots=True)
class Hearing:
    """What one call has heard so far. All moments are seconds of the clock that `receive` is given."""

    seconds: float
    """Length to which the recording and the list of packets are bounded."""
    codecs: dict[int, int] = field(default_factory=lambda: {0: PCMU, 8: PCMA})
    """The codec of each RTP payload type (RFC 3551 §6 gives the two of G.711 their numbers)."""
    event_type: int | None = None
    """RTP payload type of telephone events."""
    first_packet: float | None = None
    last_sound: float | None = None
    keys: str = ""
    """Keys that the other side pressed."""
    on_key: Callable[[str], None] = lambda key: None
    """Told of each of them."""
    ignored: int = 0
    """Packets that were no RTP, of an unknown payload type, or too many."""
    last: tuple[bytes, int] = (b"", PCMU)
    """Payload and codec of the newest packet."""
    _recording: Recording = field(init=False)
    _receiver: KeyReceiver = field(default_factory=KeyReceiver)
    _arrival: "array[float]" = field(default_factory=lambda: array("d"))
    _sequence: "array[int]" = field(default_factory=lambda: array("H"))
    _timestamp: "array[int]" = field(default_factory=lambda: array("I"))
    _loud: bytearray = field(default_factory=bytearray)
    _sounds: "array[float]" = field(default_factory=lambda: array("d"))

    def __post_init__(self) -> None:
        self._recording = Recording(self.seconds)

    def receive(self, data: bytes, now: float) -> None:
        """Take one datagram. What is no RTP, or not for this call, is counted and otherwise ignored."""
        try:
            packet = parse(data)
        except RtpError:
            self.ignored += 1
            return
        if packet.payload_type == self.event_type:
            if key := self._receiver.receive(packet.ssrc, packet.timestamp, packet.payload):
                self.keys += key
                self.on_key(key)
            return
        codec = self.codecs.get(packet.payload_type)
        # A sender may use packets of 10 ms: twice the usual number.
        if codec is None or not packet.payload or len(self._arrival) >= self.seconds * 100:
            self.ignored += 1
            return
        loud = sum(packet.payload.translate(_SIZE[codec])) * _EIGHTH >= LOUD * len(packet.payload)
        if self.first_packet is None:
            self.first_packet = now
        if loud:
            self.last_sound = now
            self._sounds.append(now)
        self.last = packet.payload, codec
        self._arrival.append(now)
        self._sequence.append(packet.sequence)
        self._timestamp.append(packet.timestamp)
        self._loud.append(loud)
        samples = DECODE[codec][np.frombuffer(packet.payload, np.uint8)]
        self._recording.write(packet.ssrc, packet.timestamp, samples, now)

    @property
    def first_sound(self) -> float | None:
        """When the first packet with sound arrived."""
        return self._sounds[0] if self._sounds else None

    def sound_after(self, moment: float) -> float | None:
        """Return when the first packet with sound arrived at or after `moment`, or None."""
        place = bisect_left(self._sounds, moment)
        return self._sounds[place] if place < len(self._sounds) else None

    def spoke_and_stopped(self, since: float, silence: float, now: float) -> bool:
        """Tell whether there was sound at or after `since`, and none for the last `silence` seconds."""
        last = self.last_sound
        return last is not None and last >= since and now - last >= silence

    def level(self) -> float:
        """Loudness of the newest packet in dB of full scale, -96.0 where there is none."""
        payload, codec = self.last
        if not payload:
            return -96.0
        samples = DECODE[codec][np.frombuffer(payload, np.uint8)].astype(np.float64)
        return max(-96.0, 20 * math.log10(max(float(np.sqrt(np.mean(samples**2))), 1e-3) / 32768))

    def lost(self) -> int:
        """Return how many packets are missing between the first and the last, by their sequence numbers."""
        if not self._sequence:
            return 0
        # Steps from packet to packet, as signed 16-bit numbers: late packets step back, duplicates not at all.
        sequence = np.array(self._sequence, np.uint16)
        places = np.concatenate([[0], np.cumsum(np.diff(sequence).astype(np.int16), dtype=np.int64)])
        return int(places.max() - places.min()) + 1 - len(np.unique(places))

    def packets(self) -> Packets:
        """Return the audio packets in the order in which they came."""
        return Packets(
            np.array(self._arrival, np.float64),
            np.array(self._sequence, np.uint16),
            np.array(self._timestamp, np.uint32),
            np.frombuffer(bytes(self._loud), np.bool_),
        )

    def recording(self, since: float) -> NDArray[np.int16]:
        """Return what was heard from a moment on: int16[samples], 8000 a second."""
        return self._recording.since(since)
