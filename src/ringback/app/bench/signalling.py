"""`ringback bench signalling`: what a call costs where nothing is said: INVITE, 200, ACK, BYE, 200.

The SIP endpoint of the server runs in a process of its own, and its user picks up at once; sipp calls it. Calls a
second and core are calls by the processor time of that process, kernel included. Set-up times are those that a caller
of our own sees between the calls of sipp. Memory is looked at after the first half and after the second, each time
when the last transactions of RFC 3261 have run out, 32 s later: what is more then is a leak.
"""

import asyncio
import csv
import json
import random
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ringback.app.bench.media.errors import BenchError as MachineError
from ringback.app.bench.media.machine import pin, preferred, two_cores
from ringback.app.errors import UserError
from ringback.sip import sdp
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Answered, Ended, Event, Refused
from ringback.sip.net.transport import SipTransport
from ringback.sip.timers import TIMEOUT

_WARM_UP = 1_000
_WARM_RATE = 250
_HIGHEST_RATE = 1_000
_LOAD = 0.6
"""Share of what the endpoint can do that is asked of it: set-up times in an overload would be those of a queue."""
_EVERY = 0.02
"""Seconds between two calls of our own."""

Say = Callable[[str], None]
SCENARIO = """\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="calls">
<send retrans="500" start_rtd="1"><![CDATA[
      INVITE sip:bench@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: "sipp" <sip:sipp@[local_ip]:[local_port]>;tag=[pid]t[call_number]
      To: <sip:bench@[remote_ip]:[remote_port]>
      Call-ID: [call_id]
      CSeq: 1 INVITE
      Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
      Max-Forwards: 70
      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=sipp 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0 101
      a=rtpmap:0 PCMU/8000
      a=rtpmap:101 telephone-event/8000
      a=fmtp:101 0-15
]]></send>
<recv response="100" optional="true"/>
<recv response="200" rtd="1" rrs="true"/>
<send><![CDATA[
      ACK [next_url] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: "sipp" <sip:sipp@[local_ip]:[local_port]>;tag=[pid]t[call_number]
      To: <sip:bench@[remote_ip]:[remote_port]>[peer_tag_param]
      Call-ID: [call_id]
      CSeq: 1 ACK
      Max-Forwards: 70
      Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
      BYE [next_url] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: "sipp" <sip:sipp@[local_ip]:[local_port]>;tag=[pid]t[call_number]
      To: <sip:bench@[remote_ip]:[remote_port]>[peer_tag_param]
      Call-ID: [call_id]
      CSeq: 2 BYE
      Max-Forwards: 70
      Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
"""


class BenchError(UserError):
    """The benchmark could not be run."""


async def bench_signalling(calls: int, transport: str, say: Say) -> dict[str, Any]:
    """Make twice `calls` calls over `transport` (UDP or TCP), and tell what they cost; `say` is told of progress.

    Returns `{"calls_per_second_per_core", "setup_ms": {"p50", "p95"}, "failed", "growth_bytes"}`. Raises BenchError.
    """
    if shutil.which("sipp") is None:
        raise BenchError("sipp makes the calls, and is not there: Debian has it in the package sip-tester")
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as name:
        directory = Path(name)
        (directory / "calls.xml").write_text(SCENARIO)
        with preferred():
            return await _measured(directory, calls, transport, say)


async def _measured(directory: Path, calls: int, transport: str, say: Say) -> dict[str, Any]:
    async with _endpoint() as (port, ask):
        before = await ask()
        failed = await _sipp(directory, port, transport, _WARM_UP, _WARM_RATE)
        warm = await ask()
        able = _WARM_UP / (warm["cpu"] - before["cpu"])
        rate = round(min(_HIGHEST_RATE, able * _LOAD))
        setups: list[float] = []
        spent, resident = [], []
        for half in range(2):
            say(f"half {half + 1} of 2: {calls} calls, {rate} a second")
            began = await ask()
            async with _caller(port, transport, setups):
                failed += await _sipp(directory, port, transport, calls, rate)
            over = await ask()
            spent.append((over["cpu"] - began["cpu"]) / (over["calls"] - began["calls"]))
            say(f"half {half + 1} of 2: waiting {TIMEOUT:g} s for the last transactions to run out")
            resident.append(await _settled(ask))
    lost = sum(1 for seconds in setups if seconds < 0)
    times = np.array([seconds for seconds in setups if seconds >= 0] or [0.0]) * 1000
    return {
        "calls_per_second_per_core": round(1 / float(np.mean(spent))),
        "setup_ms": {name: round(float(np.percentile(times, p)), 1) for name, p in (("p50", 50), ("p95", 95))},
        "failed": failed + lost,
        "growth_bytes": resident[1] - resident[0],
    }


Ask = Callable[[], Any]


@asynccontextmanager
async def _endpoint() -> AsyncIterator[tuple[int, Ask]]:
    """Run the endpoint; yields its port, and what asks it how it is."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringback.app.bench.answering",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    with suppress(MachineError):  # on one core it competes with its callers
        pin(process.pid, two_cores()[0], niceness=-10)
    reader, writer = process.stdout, process.stdin
    assert reader is not None
    assert writer is not None

    async def line() -> str:
        text = (await asyncio.wait_for(reader.readline(), 30)).decode()
        if not text:
            raise BenchError("the endpoint ended by itself")
        return text

    async def ask() -> dict[str, Any]:
        writer.write(b"\n")
        told: dict[str, Any] = json.loads(await line())
        return told

    try:
        yield int(await line()), ask
    finally:
        writer.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _settled(ask: Ask) -> int:
    """Wait until no transaction is left, and return the memory then."""
    for _ in range(round(TIMEOUT) + 10):
        await asyncio.sleep(1)
        if (told := await ask())["open"] == 0:
            break
    return int(told["resident"])


async def _sipp(directory: Path, port: int, transport: str, calls: int, rate: int) -> int:
    """Have sipp make calls; returns how many failed. Raises BenchError when it cannot."""
    command = ["sipp", "-sf", "calls.xml", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-mi", "127.0.0.1"]
    command += ["-ci", "127.0.0.1", "-nostdin", "-t", "t1" if transport == "TCP" else "u1", "-rtt_freq", "1"]
    command += ["-r", str(rate), "-m", str(calls), "-l", str(max(100, rate * 5)), "-timeout", "300s"]
    command += ["-buff_size", "4000000", "-trace_stat", "-stf", "statistics.csv", "-fd", "1"]
    with (directory / "sipp.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, cwd=directory, stdout=log, stderr=log)
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
    if code not in (0, 1):
        said = (directory / "sipp.log").read_text(errors="replace").strip()[-500:]
        raise BenchError(f"sipp ended with {code}: {said}")
    with (directory / "statistics.csv").open(newline="") as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    return int(last["FailedCall(C)"])


@asynccontextmanager
async def _caller(port: int, transport: str, setups: list[float]) -> AsyncIterator[None]:
    """Make calls of our own for the length of a block, and write down how long each took to be answered."""
    caller = Caller(setups)
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(caller.run(port, transport))
            try:
                yield
            finally:
                task.cancel()
    finally:
        await caller.transport.close()


class Caller:
    """A telephone that calls every twenty milliseconds and hangs up when it is answered."""

    def __init__(self, setups: list[float]) -> None:
        """`setups` takes the seconds from each INVITE to its answer, and -1 for a call that failed."""
        self._endpoint = Endpoint(rng=random.Random(), trace=False)
        self._clock = asyncio.get_running_loop().time
        self._setups = setups
        self._began: dict[int, float] = {}
        self.transport = SipTransport(self._endpoint, self._clock, self._on_event)

    async def run(self, port: int, transport: str) -> None:
        """Call until cancelled."""
        await self.transport.listen("127.0.0.1", 0)
        flow = await self.transport.connect_flow(transport, "127.0.0.1", port)
        offer = sdp.offer("127.0.0.1", 4000)
        while True:
            now = self._clock()
            call = self._endpoint.invite(
                f"sip:bench@127.0.0.1:{port}", flow, from_uri="sip:caller@127.0.0.1", sdp=offer, now=now
            )
            self._began[call] = now
            await asyncio.sleep(_EVERY)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Answered | Refused):
            began = self._began.pop(event.call)
            self._setups.append(self._clock() - began if isinstance(event, Answered) else -1.0)
            self._endpoint.bye(event.call, self._clock())
        elif isinstance(event, Ended) and event.call in self._began:
            del self._began[event.call]
            self._setups.append(-1.0)
