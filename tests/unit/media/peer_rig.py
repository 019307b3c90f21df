"""Phones that say one tone each, and tell which tones they hear."""

import asyncio
import socket
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ringback.media import g711
from ringback.media.client import LegFormat, MediaLeg, MediaWorkers
from ringback.media.keypad import tone
from ringback.media.leg import LegObserver
from ringback.media.worker_leg import WorkerLeg
from ringback.rtp.packet import RtpPacket, parse
from ringback.rtp.telephone_event import KEYS, TelephoneEvent

FRAMES = 40
EVENTS = 101
_made: "list[Peer]" = []


class Peer(LegObserver):
    """A phone that says one tone and keeps what it hears; also who is told of its leg."""

    def __init__(self, frequency: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        when = np.arange(FRAMES * 160) / 8000
        self._tone = (6000 * np.sin(2 * np.pi * frequency * when)).astype(np.int16).reshape(FRAMES, 160)
        self._sent = 0
        self.lost = 0
        self.talked: list[bool] = []
        self.voices: list[bool] = []
        self.marks: list[str] = []
        self.tapped: list[tuple[bool, NDArray[np.int16]]] = []
        self.leg: WorkerLeg
        _made.append(self)

    def on_key(self, key: str) -> None: ...
    def on_quiet(self, times: int) -> None: ...

    def on_lost(self) -> None:
        self.lost += 1

    def on_talking(self, talking: bool) -> None:
        self.talked.append(talking)

    def on_voice(self, speaking: bool) -> None:
        self.voices.append(speaking)

    def on_mark(self, name: str) -> None:
        self.marks.append(name)

    def on_audio(self, heard: bool, samples: NDArray[np.int16]) -> None:
        self.tapped.append((heard, samples))

    def say(self) -> None:
        frame = self._tone[self._sent % FRAMES]
        packet = RtpPacket(0, self._sent, self._sent * 160, 7, g711.encode(frame))
        self.socket.sendto(bytes(packet), self.leg.address)
        self._sent += 1

    def press(self, key: str) -> None:
        """Press a key: an event of 100 ms."""
        for duration in (160, 480, 800):
            event = TelephoneEvent(KEYS.index(key), duration, end=duration == 800)
            packet = RtpPacket(EVENTS, self._sent, self._sent * 160, 7, bytes(event))
            self.socket.sendto(bytes(packet), self.leg.address)

    def dial(self, key: str) -> None:
        """Press a key: 100 ms of its tones in place of what it says."""
        for frame in range(5):
            packet = RtpPacket(0, self._sent, self._sent * 160, 7, g711.encode(tone(key, frame)))
            self.socket.sendto(bytes(packet), self.leg.address)
            self._sent += 1

    def hears(self) -> set[int]:
        """The frequencies in what has come since the last time, to the nearest 100 Hz."""
        frames = []
        while True:
            try:
                frames.append(g711.decode(parse(self.socket.recv(2048)).payload))
            except BlockingIOError:
                break
        return tones(np.concatenate(frames)[-3200:])


async def peers(
    workers: MediaWorkers, *frequencies: int, near: MediaLeg | None = None, events: int | None = None
) -> list[Peer]:
    made: list[Peer] = []
    for frequency in frequencies:
        peer = Peer(frequency)
        leg = await workers.open(peer, near=near)
        assert isinstance(leg, WorkerLeg)
        peer.leg = leg
        leg.observer = peer
        await leg.setup(LegFormat(peer.socket.getsockname(), 0, {0: "PCMU"}, events))
        made.append(peer)
    return made


async def talk(all_of_them: list[Peer], frames: int = FRAMES) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for frame in range(frames):
        for peer in all_of_them:
            peer.say()
        await asyncio.sleep(began + 0.02 * (frame + 1) - loop.time())


def hang_up(all_of_them: list[Peer] | None = None) -> None:
    """Close the phones, or all that were ever made."""
    for peer in _made if all_of_them is None else all_of_them:
        peer.socket.close()


def tones(samples: NDArray[np.int16]) -> set[int]:
    """The frequencies in a sound, to the nearest 100 Hz."""
    sound = samples.astype(float)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) / len(sound)
    return {int(round(i * 8000 / len(sound), -2)) for i in np.flatnonzero(spectrum > 300).tolist()}


def recorded(path: Path) -> NDArray[np.int16]:
    """A WAV file's samples: int16[n, channels]."""
    with wave.open(str(path), "rb") as file:
        assert (file.getsampwidth(), file.getframerate()) == (2, 8000)
        data = file.readframes(file.getnframes())
        return np.frombuffer(data, "<i2").reshape(-1, file.getnchannels())
