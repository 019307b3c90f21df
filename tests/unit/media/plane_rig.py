"""A plane in virtual time, with peers that talk RTP to it and listen."""

from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ringback.media import g711
from ringback.media.arena import FRAME, ClipArena
from ringback.media.plane import PACKET_WIDTH, Happening, LegSetup, Plane, Received, Sent
from ringback.rtp.packet import RtpPacket, parse

PCMU_AND_PCMA = {0: g711.PCMU, 8: g711.PCMA}
EVENTS = 101
STRANGER = 10_000

Arriving = tuple[int, bytes] | tuple[int, bytes, int]
"""The row, the bytes, and the source where it is not the one that was negotiated (which has the row's number)."""


class PlaneRig:
    """A plane, all that it has sent, heard and reported so far, and clips for it to play."""

    def __init__(self, folder: Path, capacity: int = 8, clip_frames: int = 10_000) -> None:
        self.folder = folder
        self.plane = Plane(capacity, ClipArena(clip_frames))
        self.packets: dict[int, list[RtpPacket]] = defaultdict(list)
        self.frames: dict[int, list[NDArray[np.int16]]] = defaultdict(list)
        self.events: list[Happening] = []

    def leg(
        self,
        *,
        codec: int = 0,
        telephone_event: int | None = EVENTS,
        packet_ms: int = 20,
        sends: bool = True,
        quiet_seconds: float = 0.0,
        sequence: int = 100,
        timestamp: int = 5000,
    ) -> int:
        """Open a leg and set it up; what is negotiated for it is the source of its row's number."""
        row = self.plane.open(0xABCD, sequence, timestamp)
        self.plane.sources.negotiate(row, row)
        setup = LegSetup(codec, PCMU_AND_PCMA, telephone_event, packet_ms, sends, quiet_seconds)
        self.plane.setup(row, setup)
        return row

    def tick(self, *arriving: Arriving) -> Sent:
        """Do one tick with these packets; keep what comes of it."""
        sent = self.plane.tick(self.received(*arriving) if arriving else None)
        for row in sent.rows:
            self.packets[row].append(parse(bytes(self.plane.packets[row])))
        for row, packet in sent.extra:
            self.packets[row].append(parse(packet))
        for row in range(self.plane.capacity):
            self.frames[row].append(self.plane.heard[row].copy())
        self.events += sent.events
        return sent

    def in_time(self, *talks: "tuple[Peer, NDArray[np.int16]]") -> None:
        """Peers speak at once, and each packet arrives in the tick in which its last sample has been said."""
        due: dict[int, list[Arriving]] = defaultdict(list)
        for peer, samples in talks:
            for number, packet in enumerate(peer.say(samples), 1):
                due[(min(number * peer.size, len(samples)) - 1) // FRAME].append(packet)
        for tick in range(max(due) + 1):
            self.tick(*due[tick])

    def ticks(self, count: int) -> None:
        """So many ticks in which nothing arrives. Clips are read on as the worker does it."""
        for _ in range(count):
            self.tick()
            self.plane.arena.pump()

    @staticmethod
    def received(*arriving: Arriving) -> Received:
        """Packets as the worker reads them: cut at the width of its buffer."""
        buffer = np.zeros((len(arriving), PACKET_WIDTH), np.uint8)
        data = [each[1][:PACKET_WIDTH] for each in arriving]
        for line, packet in zip(buffer, data, strict=True):
            line[: len(packet)] = np.frombuffer(packet, np.uint8)
        return Received(
            buffer,
            np.array([len(packet) for packet in data]),
            np.array([each[0] for each in arriving]),
            np.array([each[2] if len(each) == 3 else each[0] for each in arriving]),
        )

    def clip(self, name: str, samples: NDArray[np.int16]) -> Path:
        """A file of those samples."""
        path = self.folder / name
        path.write_bytes(samples.astype("<i2").tobytes())
        return path

    def sent_audio(self, row: int, codec: int = g711.PCMU) -> NDArray[np.int16]:
        """The samples of all audio packets that went to a peer."""
        audio = [packet.payload for packet in self.packets[row] if packet.payload_type != EVENTS]
        return g711.decode(b"".join(audio), codec)

    def heard(self, row: int) -> NDArray[np.int16]:
        """All that a peer was heard to say."""
        return np.concatenate(self.frames[row])

    def of(self, kind: type[Happening]) -> list[Happening]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


class Peer:
    """Says something to one leg, packet after packet."""

    def __init__(self, row: int, *, ssrc: int = 7, codec: int = 0, milliseconds: int = 20, start: int = 0) -> None:
        self.row, self.ssrc, self.codec = row, ssrc, codec
        self.size = milliseconds * 8
        self.timestamp, self.sequence = start, start & 0xFFFF

    def say(self, samples: NDArray[np.int16]) -> list[Arriving]:
        """The samples as packets."""
        out: list[Arriving] = []
        for at in range(0, len(samples), self.size):
            payload = g711.encode(samples[at : at + self.size], g711.PCMA if self.codec == 8 else g711.PCMU)
            out.append((self.row, self.packet(self.codec, payload)))
            self.timestamp += len(payload)
        return out

    def packet(self, payload_type: int, payload: bytes, *, timestamp: int | None = None) -> bytes:
        """One packet, with the next sequence number."""
        when = self.timestamp if timestamp is None else timestamp
        data = bytes(RtpPacket(payload_type, self.sequence, when, self.ssrc, payload))
        self.sequence += 1
        return data


def sine(hertz: float, seconds: float, loudness: int = 8000) -> NDArray[np.int16]:
    """A tone."""
    when = np.arange(round(seconds * 8000)) / 8000
    return (loudness * np.sin(2 * np.pi * hertz * when)).astype(np.int16)


def pitch(samples: NDArray[np.int16]) -> int:
    """The strongest frequency of a second of sound, in Hz."""
    return int(np.abs(np.fft.rfft(samples[:8000] * np.hanning(8000))).argmax())


def levels(samples: NDArray[np.int16], codec: int = g711.PCMU) -> NDArray[np.int16]:
    """The samples as they are after having been sent."""
    return g711.decode(g711.encode(samples, codec), codec)


__all__ = ["EVENTS", "FRAME", "PCMU_AND_PCMA", "STRANGER", "Arriving", "Peer", "PlaneRig", "levels", "pitch", "sine"]
