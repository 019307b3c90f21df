"""Mutated packets by the thousand: the server serves the next call, and its memory stays as it was."""

import random
import socket
from pathlib import Path
from typing import Any

from ringback.app.phone.call import PhoneCall
from ringback.app.phone.phone import Phone
from ringback.model import events
from ringback.rtp.packet import RtpPacket
from ringback.sip import sdp
from tests.interop.peers.application import Application
from tests.interop.peers.ringback import Ringback

NUMBER = "+14155550100"
PACKETS = 1000
GROWTH = 24 * 1024
"""Kilobytes that a process may grow by: caches and tables fill up to their bounds."""

REQUEST = """\
{method} sip:{number}@127.0.0.1:{port} SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:{ours};branch=z9hG4bK{tag};rport\r
Max-Forwards: 70\r
From: "Junk" <sip:junk@127.0.0.1>;tag={tag}\r
To: <sip:{number}@127.0.0.1>\r
Call-ID: {tag}@127.0.0.1\r
CSeq: 1 {method}\r
Contact: <sip:junk@127.0.0.1:{ours}>\r
Content-Type: application/sdp\r
Content-Length: {length}\r
\r
"""


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Change, remove, repeat and cut at some places."""
    damaged = bytearray(data)
    for _ in range(rng.randrange(1, 8)):
        place = rng.randrange(len(damaged) + 1)
        match rng.randrange(5):
            case 0:
                damaged[place : place + 1] = rng.randbytes(1)
            case 1:
                del damaged[place : place + rng.randrange(1, 30)]
            case 2:
                damaged[place:place] = damaged[place : place + rng.randrange(1, 60)] * rng.randrange(1, 4)
            case 3:
                damaged[place:place] = rng.randbytes(rng.randrange(1, 20))
            case 4 if rng.random() < 0.2:
                del damaged[place:]
    return bytes(damaged)


def resident_kilobytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def processes_of(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in processes_of(int(child)))]


def packets_heard(call: PhoneCall) -> int:
    return len(call.hearing.packets().arrival)


async def serves(server: Ringback) -> None:
    """Make a call and hear it out."""
    async with Phone() as phone:
        call = await phone.call(NUMBER, server=("127.0.0.1", server.port))
        await call.wait_sound()
        await call.ended(15)
        assert packets_heard(call) > 20


async def test_mutated_sip(ringback: Ringback, application: Application) -> None:
    application.pages["/"] = "<Say>Still here.</Say>"
    await ringback.add_number(NUMBER, application.url())
    await serves(ringback)
    rng = random.Random(4475)
    pids = processes_of(ringback.process.running.pid)
    before = [resident_kilobytes(pid) for pid in pids]
    offer = sdp.offer("127.0.0.1", 40000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as junk:
        junk.bind(("127.0.0.1", 0))
        for index in range(PACKETS):
            method = rng.choice(["INVITE", "OPTIONS", "BYE", "CANCEL", "ACK", "INFO", "REGISTER", "SUBSCRIBE"])
            # A number that is not there: what is still an INVITE after its mutation ends with 404 at once.
            head = REQUEST.format(
                method=method, number="+14155550199", port=ringback.port, ours=junk.getsockname()[1],
                tag=f"j{index}", length=len(offer),
            )  # fmt: skip
            junk.sendto(mutated(rng, head.encode() + offer), ("127.0.0.1", ringback.port))
            if index % 100 == 99:
                await serves(ringback)
    await serves(ringback)
    after = [resident_kilobytes(pid) for pid in pids]
    assert all(b - a < GROWTH for a, b in zip(before, after, strict=True)), (before, after)


async def test_mutated_rtp(ringback: Ringback, application: Application) -> None:
    application.pages["/"] = '<Gather numDigits="1" timeout="20"><Say loop="20">Hello.</Say></Gather>'
    await ringback.add_number(NUMBER, application.url())
    rng = random.Random(3550)
    pids = processes_of(ringback.process.running.pid)
    before: list[Any] = []
    async with Phone() as phone:
        call = await phone.call(NUMBER, server=("127.0.0.1", ringback.port))
        await call.wait_sound()
        before = [resident_kilobytes(pid) for pid in pids]
        media = call._media
        server_audio = media._remote
        assert server_audio is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for index in range(PACKETS):
                kind = rng.choice([0, 8, 101, 13, 127])
                packet = bytes(RtpPacket(kind, index, index * 160, 7, rng.randbytes(160), rng.random() < 0.1))
                stranger.sendto(mutated(rng, packet), server_audio)
                media._socket.sendto(mutated(rng, packet), server_audio)
                if index % 20 == 19:
                    await call.sleep(0.02)
        heard = packets_heard(call)
        await call.sleep(0.5)
        assert packets_heard(call) > heard + 15
        await call.press("7")
        await call.sleep(0.2)
        await call.hangup()
    (record,) = await ringback.ended()
    assert record.end_reason == "caller-hangup"
    assert "7" in [event.data["key"] for event in await ringback.timeline(record) if event.kind == events.KEY]
    application.pages["/"] = "<Say>Still here.</Say>"
    await serves(ringback)
    after = [resident_kilobytes(pid) for pid in pids]
    assert all(b - a < GROWTH for a, b in zip(before, after, strict=True)), (before, after)
