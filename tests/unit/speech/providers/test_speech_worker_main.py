"""What runs in the child."""

import io
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ringback.speech.providers import worker_main
from ringback.speech.providers.worker import JOB, REPLY
from ringback.speech.providers.worker_main import Engine, main, serve


def frame(number: int, job: object) -> bytes:
    text = json.dumps(job).encode()
    return JOB.pack(number, len(text)) + text


def replies(data: bytes) -> list[tuple[int, int, int, bytes]]:
    out = []
    while data:
        number, status, rate, length = REPLY.unpack(data[: REPLY.size])
        out.append((number, status, rate, data[REPLY.size : REPLY.size + length]))
        data = data[REPLY.size + length :]
    return out


def upper() -> Engine:
    def engine(job: dict[str, Any]) -> tuple[bytes, int]:
        return job["text"].upper().encode(), 24000

    return engine


def test_jobs_until_the_end_of_stdin() -> None:
    """A text that breaks the engine is answered with the reason, and the next one is spoken."""
    jobs = io.BytesIO(frame(1, {"text": "a"}) + frame(2, {}) + frame(3, {"text": "b"}) + b"\0\0")
    out = io.BytesIO()
    assert serve(upper, jobs, out) == 0
    assert replies(out.getvalue()) == [
        (0, 0, 0, b""),
        (1, 0, 24000, b"A"),
        (2, 1, 0, b"KeyError: 'text'"),
        (3, 0, 24000, b"B"),
    ]


def broken() -> Engine:
    raise FileNotFoundError("the model")


def test_an_engine_that_does_not_load_says_why() -> None:
    out = io.BytesIO()
    assert serve(broken, io.BytesIO(), out) == 1
    assert replies(out.getvalue()) == [(0, 1, 0, b"FileNotFoundError: the model")]


@pytest.fixture
def descriptors(monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[tuple[str, object]]]:
    """Stand-ins for stdin and stdout; returns the end that reads, and what was asked of the system."""
    reading, writing = os.pipe()
    asked: list[tuple[str, object]] = []
    system = SimpleNamespace(
        dup=lambda fd: writing if fd == 1 else -1,
        dup2=lambda a, b: asked.append(("dup2", (a, b))),
        nice=lambda n: asked.append(("nice", n)),
        fdopen=os.fdopen,
    )
    monkeypatch.setattr(worker_main, "os", system)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(frame(1, {"text": "a"}))))
    return reading, asked


def test_main_keeps_stdout_for_replies(descriptors: tuple[int, list[tuple[str, object]]]) -> None:
    """What an engine prints goes to stderr, and its process gives way to those of the calls."""
    reading, asked = descriptors
    assert main(upper) == 0
    assert asked == [("dup2", (2, 1)), ("nice", 5)]
    with os.fdopen(reading, "rb") as file:
        assert replies(file.read())[-1] == (1, 0, 24000, b"A")


def test_main_ends_quietly_when_the_server_has_gone(descriptors: tuple[int, list[tuple[str, object]]]) -> None:
    os.close(descriptors[0])
    assert main(upper) == 0
