"""Hundreds of callers in one process: the least of SIP that makes a call, and ears that know a tone and its time.

No stack of ours is in it, so that what is wrong with that cannot hide here.
"""

import asyncio
import contextlib
import itertools
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_TAKE = 2048
_SO_TIMESTAMPNS = 35
"""Of Linux, which Python has no name for: when the kernel got a packet."""
_TIMESTAMP = struct.Struct("@qq")
SILENCE = b"\xff" * 160


def tone(hertz: int, level: float = 0.3) -> bytes:
    """A second of a tone of `level` of full scale in µ-law, as it is coded by the book; it joins its own beginning."""
    samples = np.round(np.sin(2 * np.pi * hertz * np.arange(8000) / 8000) * level * 32767).astype(np.int32)
    magnitude = np.abs(samples) + 0x84
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    code = (samples < 0) << 7 | exponent << 4 | magnitude >> exponent + 3 & 0x0F
    return bytes((~code & 0xFF).astype(np.uint8))


@dataclass
class Call:
    """One caller's call, as the caller knows it. Times are those of `time.monotonic`."""

    number: str
    caller: str
    media: socket.socket
    says: bytes = SILENCE
    """What it says again and again: µ-law, whole packets of 160 bytes."""
    code: int = 0
    invited_at: float = 0.0
    answered_at: float = 0.0
    ended_at: float = 0.0
    tag: str = ""
    """The server's side of the dialog: `;tag=...`."""
    remote: tuple[str, int] | None = None
    arrivals: list[tuple[float, int, bytes]] = field(default_factory=list)
    """Of each packet, by the kernel's clock: when it came, its sequence number, its payload."""

    def samples(self, begin: float = 0.0, end: float = float("inf")) -> NDArray[np.float64]:
        """What was heard between two times of the kernel's clock, as µ-law is decoded by the book."""
        heard = b"".join(payload for when, _, payload in self.arrivals if begin <= when < end)
        code = ~np.frombuffer(heard, np.uint8) & 0xFF
        magnitude = (((code & 0x0F).astype(np.int32) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
        return np.where(code & 0x80, -magnitude, magnitude).astype(np.float64)

    def tone(self) -> float:
        """The strongest frequency of what was heard, to half a hertz."""
        samples = self.samples()
        samples = samples[np.flatnonzero(np.abs(samples) > 500)[:1].sum() :][:8000]
        if len(samples) < 4000:
            return 0.0
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 16000))
        return float(spectrum.argmax()) / 2

    def lateness(self) -> NDArray[np.float64]:
        """How much later than the quickest each packet came, by their numbers, in seconds."""
        times = np.array([when for when, _, _ in self.arrivals])
        numbers = np.unwrap([float(number) for _, number, _ in self.arrivals], period=65536)
        took = times - 0.02 * numbers
        return np.asarray(took - took.min())

    @property
    def missing(self) -> int:
        """Packets that did not come, by their numbers."""
        numbers = np.unwrap([float(number) for _, number, _ in self.arrivals], period=65536)
        return int(numbers.max() - numbers.min()) + 1 - len(set(numbers.tolist()))


class Callers(asyncio.DatagramProtocol):
    """Makes calls from one socket. Use as `async with Callers(port) as callers`."""

    def __init__(self, server: int) -> None:
        self._server = ("127.0.0.1", server)
        self.calls: dict[str, Call] = {}
        self._numbers = itertools.count(1)
        self._news = asyncio.Condition()
        self._transport: Any = None
        self._ears = _Ears()
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._port = raw.getsockname()[1]
        await self._tasks.__aenter__()
        self._ears.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ears.stop = True
        await asyncio.to_thread(self._ears.join)
        await self._tasks.__aexit__(None, None, None)
        self._transport.close()
        for call in self.calls.values():
            call.media.close()

    def call(self, number: str, caller: str, says: bytes = SILENCE) -> Call:
        """Call a number; the call goes on by itself until the server ends it, or `hang_up`."""
        name = f"call-{next(self._numbers)}-{self._port}"
        media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        media.bind(("127.0.0.1", 0))
        media.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        media.setblocking(False)
        call = self.calls[name] = Call(number, caller, media, says, invited_at=time.monotonic())
        self._tasks.create_task(self._invite(name, call))
        return call

    def hang_up(self, call: Call) -> None:
        """End a call that was answered."""
        name = next(name for name, each in self.calls.items() if each is call)
        self._send(name, call, "BYE", 2, f"z9hG4bKbye{name}", call.tag)
        call.ended_at = time.monotonic()

    async def _invite(self, name: str, call: Call) -> None:
        """Ask until there is any answer (RFC 3261 §17.1.1.2, timer A)."""
        sdp = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {call.media.getsockname()[1]} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
        )
        wait = 0.5
        while not call.code and wait < 20:
            self._send(name, call, "INVITE", 1, f"z9hG4bK{name}", "", sdp)
            await asyncio.sleep(wait)
            wait *= 2

    def _send(self, name: str, call: Call, method: str, cseq: int, branch: str, tag: str, body: str = "") -> None:
        uri = f"sip:{call.number}@127.0.0.1:{self._server[1]}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:{call.caller}@127.0.0.1:{self._port}>;tag=me",
            f"To: <{uri}>{tag}",
            f"Call-ID: {name}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:{call.caller}@127.0.0.1:{self._port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self._transport.sendto(("\r\n".join(lines) + f"\r\n\r\n{body}").encode(), self._server)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """An answer, or the end of a call."""
        text = data.decode()
        head, _, body = text.partition("\r\n\r\n")
        found = re.search(r"^Call-ID: *(\S+)", head, re.MULTILINE | re.IGNORECASE)
        call = self.calls.get(found[1]) if found else None
        if call is None or found is None:
            return
        if text.startswith("SIP/2.0 ") and re.search(r"^CSeq: *\d+ INVITE", head, re.MULTILINE | re.IGNORECASE):
            self._answered(found[1], call, int(text[8:11]), head, body)
        elif text.startswith("BYE "):
            kept = [
                line
                for line in head.split("\r\n")
                if line.lower().startswith(("via", "from", "to:", "call-id", "cseq"))
            ]
            answer = "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0"]) + "\r\n\r\n"
            self._transport.sendto(answer.encode(), self._server)
            call.ended_at = call.ended_at or time.monotonic()

    def _answered(self, name: str, call: Call, code: int, head: str, body: str) -> None:
        call.code = max(call.code, code)
        if code < 200:
            return
        tag = re.search(r"^To:.*?(;tag=\S+)", head, re.MULTILINE | re.IGNORECASE)
        call.tag = tag[1] if tag else ""
        branch = f"z9hG4bK{name}" if code >= 300 else f"z9hG4bKack{name}"
        self._send(name, call, "ACK", 1, branch, call.tag)
        if code >= 300:
            call.ended_at = call.ended_at or time.monotonic()
        elif call.remote is None:
            port = re.search(r"^m=audio (\d+)", body, re.MULTILINE)
            assert port is not None, body
            call.answered_at = time.monotonic()
            call.remote = ("127.0.0.1", int(port[1]))
            self._ears.add(call)

    async def until(self, done: Any, seconds: float) -> bool:
        """Wait until that is true of all calls; False where it is not in time."""
        deadline = time.monotonic() + seconds
        while not all(done(call) for call in list(self.calls.values())):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True


class _Ears(threading.Thread):
    """Says a packet into each call every 20 ms, and keeps what comes back with the time at which the kernel got it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stop = False
        self._calls: list[Call] = []
        self._sequence = 0

    def add(self, call: Call) -> None:
        """Take part in a call from now on."""
        self._calls.append(call)

    def run(self) -> None:
        """Go on until told to stop."""
        due = time.monotonic()
        while not self.stop:
            self._sequence += 1
            head = struct.pack(">BBHI", 0x80, 0, self._sequence & 0xFFFF, self._sequence * 160 & 0xFFFFFFFF)
            for number, call in enumerate(list(self._calls)):
                if not call.ended_at and call.remote is not None:
                    with contextlib.suppress(OSError):
                        place = self._sequence * 160 % len(call.says)
                        packet = head + struct.pack(">I", number + 1) + call.says[place : place + 160]
                        call.media.sendto(packet, call.remote)
                self._hear(call)
            due = max(due + 0.02, time.monotonic() - 0.2)
            time.sleep(max(0.0, due - time.monotonic()))

    @staticmethod
    def _hear(call: Call) -> None:
        for _ in range(50):
            try:
                data, extra, _, _ = call.media.recvmsg(_TAKE, 64)
            except OSError:
                return
            seconds, nanoseconds = _TIMESTAMP.unpack(extra[0][2])
            if len(data) == 172 and data[1] & 0x7F == 0:
                call.arrivals.append((seconds + nanoseconds * 1e-9, int.from_bytes(data[2:4], "big"), data[12:]))
