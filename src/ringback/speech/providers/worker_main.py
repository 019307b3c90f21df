"""The other end of `worker`: what a child process runs to serve an engine."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from ringback.speech.providers.worker import JOB, REPLY

Engine = Callable[[dict[str, Any]], tuple[bytes, int]]
"""Do a job; return samples (s16le) and samples per second, or a text (UTF-8) and 0."""


def _send(out: BinaryIO, number: int, status: int, rate: int, body: bytes) -> None:
    out.write(REPLY.pack(number, status, rate, len(body)) + body)
    out.flush()


def _reason(error: Exception) -> bytes:
    return f"{type(error).__name__}: {error}".encode()


def serve(load: Callable[[], Engine], jobs: BinaryIO, out: BinaryIO) -> int:
    """Load an engine, then answer jobs until `jobs` ends; return the exit code of the process.

    An engine may fail in any way its authors never thought of. Whatever it raises becomes a reply: one bad text must
    not cost the engine.
    """
    try:
        engine = load()
    except Exception as error:  # noqa: BLE001
        _send(out, 0, 1, 0, _reason(error))
        return 1
    _send(out, 0, 0, 0, b"")
    while len(head := jobs.read(JOB.size)) == JOB.size:
        number, length = JOB.unpack(head)
        text = jobs.read(length)
        try:
            samples, rate = engine(json.loads(text))
        except Exception as error:  # noqa: BLE001
            _send(out, number, 1, 0, _reason(error))
        else:
            _send(out, number, 0, rate, samples)
    return 0


def main(load: Callable[[], Engine]) -> int:
    """Serve on stdin and stdout. What the engine itself prints goes to stderr, where it does no harm."""
    replies = os.dup(1)
    os.dup2(2, 1)
    os.nice(5)  # Speech may be a little late; the 20 ms frames of a media worker on the same core may not.
    try:
        with os.fdopen(replies, "wb") as out:
            return serve(load, sys.stdin.buffer, out)
    except BrokenPipeError:
        return 0  # The server has gone.
