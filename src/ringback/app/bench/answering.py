"""The SIP endpoint of `ringback bench signalling`: a process of its own whose user picks up at once.

It says its port when it listens, then answers each line on its standard input with a line of JSON: how many calls
came and how many ended as they should, the processor time that it has used, and its memory once it has tidied up. The
line `count` asks for the first two only, which costs nothing.
"""

import asyncio
import ctypes
import gc
import json
import os
import random
import sys
import time
from contextlib import suppress
from typing import Any

import uvloop

from ringback.app.bench.media.machine import resident_bytes
from ringback.app.garbage import tune
from ringback.sip import sdp
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Ended, Event, IncomingCall
from ringback.sip.net.transport import SipTransport

_MEDIA_PORT = 20_000
"""What the answers name; no media flows."""


class Answering:
    """Answers every call, and counts."""

    def __init__(self) -> None:
        self._endpoint = Endpoint(rng=random.Random(), max_calls=1_000_000, max_transactions=2_000_000)
        self._clock = asyncio.get_running_loop().time
        self.transport = SipTransport(self._endpoint, self._clock, self._on_event)
        self.calls = self.ended = 0

    def _on_event(self, event: Event) -> None:
        if isinstance(event, IncomingCall):
            self.calls += 1
            answer, _ = sdp.answer(event.sdp or b"", event.flow.local[0], _MEDIA_PORT)
            self._endpoint.answer(event.call, answer, self._clock())
        elif isinstance(event, Ended) and event.cause == "bye":
            self.ended += 1

    def counted(self) -> dict[str, Any]:
        """How many calls came, and how many of them ended as they should."""
        return {"calls": self.calls, "ended": self.ended}

    def told(self) -> dict[str, Any]:
        """What there is to tell."""
        tidy()
        return {
            **self.counted(),
            "open": self._endpoint.calls + self._endpoint.transactions,
            "cpu": time.process_time(),
            "resident": resident_bytes(os.getpid()),
        }


def tidy() -> None:
    """Give back to the system what is not in use, so that what is left is what is kept."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


async def serve() -> None:
    """Listen and answer until the standard input ends."""
    answering = Answering()
    _, port = await answering.transport.listen("127.0.0.1", 0)
    tune()
    print(port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(answering.counted() if line == "count\n" else answering.told()), flush=True)
    await answering.transport.close()


if __name__ == "__main__":
    uvloop.run(serve())
