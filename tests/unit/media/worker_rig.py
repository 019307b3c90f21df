"""A worker in a thread, spoken to as the server speaks to it, and peers with real sockets."""

import itertools
import socket
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ringback.media import protocol
from ringback.media.worker import Worker
from ringback.rtp.packet import RtpPacket, parse
from ringback.rtp.telephone_event import KEYS, TelephoneEvent

PATIENCE = 10.0
"""Seconds after which something that should have come has not."""
EVENTS = 101


class Phone:
    """A socket that RTP comes to."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.socket.settimeout(PATIENCE)
        self.address: tuple[str, int] = self.socket.getsockname()[:2]
        self._numbers = itertools.count(1)

    def receive(self) -> RtpPacket:
        """The next packet that comes."""
        return parse(self.socket.recv(2048))

    def wait_for(self, payload: bytes, payload_type: int = 0) -> None:
        """Let packets pass until one with that payload comes; what lies in the buffer may be old."""
        for _ in range(500):
            packet = self.receive()
            if (packet.payload, packet.payload_type) == (payload, payload_type):
                return
        raise AssertionError(f"no packet with {payload[:8]!r}")

    def drain(self) -> int:
        """Forget what has come; return how much it was."""
        self.socket.setblocking(False)
        try:
            for count in itertools.count():
                try:
                    self.socket.recv(2048)
                except BlockingIOError:
                    return count
        finally:
            self.socket.settimeout(PATIENCE)
        raise AssertionError

    def send(
        self, port: int, payload_type: int = 0, payload: bytes = b"\x80" * 160, timestamp: int | None = None
    ) -> None:
        """Send a packet to a leg."""
        number = next(self._numbers)
        when = number * 160 if timestamp is None else timestamp
        packet = RtpPacket(payload_type, number & 0xFFFF, when, 7, payload)
        self.socket.sendto(bytes(packet), (self.address[0], port))

    def press(self, port: int, key: str) -> None:
        """Press a key towards a leg: one packet of it arrives."""
        number = next(self._numbers)
        self.send(port, EVENTS, bytes(TelephoneEvent(KEYS.index(key), 160)), timestamp=number * 4000)


class WorkerRig:
    """A worker in a thread of this process."""

    def __init__(self, capacity: int = 4, clip_frames: int = 2000, spare: int = 0) -> None:
        self.control, self._theirs = socket.socketpair()
        self.control.settimeout(PATIENCE)
        self.worker = Worker(self._theirs, capacity, clip_frames, spare)
        self.events: list[dict[str, Any]] = []
        self.phones: list[Phone] = []
        self._legs: set[int] = set()
        self._inbox = b""
        self._numbers = itertools.count(1)
        self._thread = threading.Thread(target=self.worker.run)
        self._thread.start()

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and return the answer; what is reported meanwhile goes to `events`."""
        number = self.send(command, **arguments)
        while True:
            message = self.hear()
            if message.get("id") == number:
                return message
            self.events.append(message)

    def do(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a command that must succeed; return what it answers."""
        answer = self.ask(command, **arguments)
        assert "ok" in answer, answer
        return dict(answer["ok"])

    def refusal(self, command: str, **arguments: Any) -> str:
        """Send a command that must be refused; return the reason."""
        answer = self.ask(command, **arguments)
        assert set(answer) == {"id", "error"}, answer
        return str(answer["error"])

    def send(self, command: str, **arguments: Any) -> int:
        """Send a command and don't wait."""
        number = next(self._numbers)
        self.control.sendall(protocol.encode({"id": number, "do": command, **arguments}))
        return number

    def hear(self) -> dict[str, Any]:
        """The next line of the worker."""
        while b"\n" not in self._inbox:
            data = self.control.recv(65536)
            assert data, "the worker has gone"
            self._inbox += data
        line, _, self._inbox = self._inbox.partition(b"\n")
        return protocol.decode(line)

    def wait_for(self, event: str, leg: int, **what: Any) -> None:
        """Wait until that is reported, if it has not been already."""
        wanted = {"event": event, "leg": leg, **what}
        while wanted not in self.events:
            self.events.append(self.hear())

    def open(self, host: str = "127.0.0.1", ports: tuple[int, int] = (32768, 60998)) -> tuple[int, int]:
        """Take a leg; return its number and port."""
        answer = self.do(protocol.OPEN, host=host, ports=ports)
        self._legs.add(answer["leg"])
        return answer["leg"], answer["port"]

    def setup(self, leg: int, remote: tuple[str, int], **other: Any) -> dict[str, Any]:
        """Set a leg up for PCMU and events; return the answer."""
        arguments = {
            "remote": remote,
            "payload_type": 0,
            "payload_types": {"0": 0},
            "telephone_event": EVENTS,
            "packet_ms": 20,
            "sends": True,
            "quiet_seconds": 0.0,
        }
        return self.ask(protocol.SETUP, leg=leg, **(arguments | other))

    def call(self, host: str = "127.0.0.1", **other: Any) -> tuple[int, int, Phone]:
        """A leg that is set up with a phone: number, port, phone."""
        leg, port = self.open(host)
        phone = self.phone(host)
        assert self.setup(leg, phone.address, **other)["ok"] == {}
        return leg, port, phone

    def phone(self, host: str = "127.0.0.1") -> Phone:
        """A phone that is closed at the end."""
        self.phones.append(Phone(host))
        return self.phones[-1]

    def hang_up(self, leg: int) -> dict[str, int]:
        """Give a leg back."""
        self._legs.discard(leg)
        return self.do(protocol.CLOSE, leg=leg)

    def stop(self) -> None:
        """Give all legs back and let the worker end."""
        if self._thread.is_alive():
            for leg in list(self._legs):
                self.hang_up(leg)
        self.control.close()
        self.join()
        self._theirs.close()
        for phone in self.phones:
            phone.socket.close()

    def join(self) -> None:
        """Wait for the worker's end."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


def clip_of(path: Path, frames: int, level: int = 1000) -> Path:
    """A clip all of whose samples are the same."""
    path.write_bytes(np.full(frames * 160, level, "<i2").tobytes())
    return path
