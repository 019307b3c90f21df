"""A child process that answers jobs, well behaved and otherwise."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from ringback.speech.providers.worker import (
    MAX_REPLY,
    DeadWorkerError,
    UnfitEngineError,
    Worker,
    WorkerError,
)

CHILD = """
import json, os, signal, struct, sys
jobs, out = sys.stdin.buffer, sys.stdout.buffer
def send(number, status, rate, body, length=None):
    out.write(struct.pack(">IIII", number, status, rate, len(body) if length is None else length) + body)
    out.flush()
{load}
while head := jobs.read(8):
    number, length = struct.unpack(">II", head)
    job = json.loads(jobs.read(length))
    match job["do"]:
        case "echo": send(number, 0, 8000, job["text"].encode())
        case "pid": send(number, 0, 1, str(os.getpid()).encode())
        case "fail": send(number, 1, 0, b"cannot say that")
        case "die": sys.exit(3)
        case "hang": signal.pause()
        case "huge": send(number, 0, 8000, b"", {huge})
        case "head": send(number, 0, 8000, b"", 4); open(job["then"]).read(); out.write(b"late"); out.flush()
        case "stay": send(number, 0, 1, b""); signal.signal(signal.SIGTERM, signal.SIG_IGN); jobs.read(); signal.pause()
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    return child(tmp_path)


def child(directory: Path, load: str = "send(0, 0, 0, b'')") -> list[str]:
    script = directory / "child.py"
    script.write_text(CHILD.replace("{load}", load).replace("{huge}", str(MAX_REPLY + 1)))
    return [sys.executable, "-I", "-S", str(script)]


def worker(command: list[str], *, load_timeout: float = 30.0, job_timeout: float = 30.0) -> Worker:
    return Worker(command, load_timeout=load_timeout, job_timeout=job_timeout)


async def test_jobs_are_answered_by_one_process(command: list[str]) -> None:
    w = worker(command)
    assert w.pid is None
    await w.start()
    assert await w.run({"do": "echo", "text": "hé"}) == ("hé".encode(), 8000)
    assert await w.run({"do": "pid"}) == (str(w.pid).encode(), 1)
    answers = await asyncio.gather(*(w.run({"do": "echo", "text": str(i)}) for i in range(20)))
    assert [body for body, _ in answers] == [str(i).encode() for i in range(20)]
    await w.close()
    assert w.pid is None


async def test_a_reply_larger_than_any_buffer(command: list[str]) -> None:
    w = worker(command)
    text = "x" * 1_000_000
    assert await w.run({"do": "echo", "text": text}) == (text.encode(), 8000)
    await w.close()


async def test_a_job_that_fails_leaves_the_process_in_order(command: list[str]) -> None:
    w = worker(command)
    with pytest.raises(WorkerError, match="cannot say that"):
        await w.run({"do": "fail"})
    pid = w.pid
    assert await w.run({"do": "pid"}) == (str(pid).encode(), 1)
    await w.close()


async def test_a_process_that_dies_is_replaced(command: list[str]) -> None:
    w = worker(command)
    with pytest.raises(DeadWorkerError, match="ended with 3"):
        await w.run({"do": "die"})
    assert (await w.run({"do": "echo", "text": "a"}))[0] == b"a"
    assert w.pid is not None
    os.kill(w.pid, signal.SIGKILL)
    with pytest.raises(DeadWorkerError):
        while True:  # Until the loop has seen it; then a new one is started, whose pid is another.
            await w.run({"do": "echo", "text": "a"})
            if w.pid is None:
                break
            os.kill(w.pid, signal.SIGKILL)
    await w.close()


async def test_a_job_that_takes_too_long_ends_its_process(command: list[str]) -> None:
    w = worker(command, job_timeout=0.02)
    await w.start()
    pid = w.pid
    with pytest.raises(DeadWorkerError, match=r"within 0\.02 s"):
        await w.run({"do": "hang"})
    assert w.pid is None
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await w.close()


async def test_an_engine_that_takes_too_long_to_load(tmp_path: Path) -> None:
    w = worker(child(tmp_path, "signal.pause()"), load_timeout=0.02)
    with pytest.raises(DeadWorkerError, match=r"within 0\.02 s"):
        await w.run({"do": "pid"})
    await w.close()


async def test_an_engine_that_cannot_be_loaded(tmp_path: Path) -> None:
    w = worker(child(tmp_path, "send(0, 1, 0, b'no model'); sys.exit(1)"))
    with pytest.raises(UnfitEngineError, match="no model"):
        await w.run({"do": "pid"})
    await w.close()


async def test_a_reply_without_end_is_refused(command: list[str]) -> None:
    w = worker(command)
    with pytest.raises(DeadWorkerError, match="too long"):
        await w.run({"do": "huge"})
    await w.close()


async def test_the_reply_to_a_caller_who_hung_up_is_dropped(command: list[str], tmp_path: Path) -> None:
    """Even when he hangs up between the head of a reply and its body."""
    w = worker(command)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    await w.start()
    pid = w.pid
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(w.run({"do": "head", "then": str(fifo)}))
        while w._head is None:  # noqa: ASYNC110  Nobody is told when a head has been read.
            await asyncio.sleep(0)
        gone.cancel()
    fifo.write_text("go on")
    assert await w.run({"do": "echo", "text": "mine"}) == (b"mine", 8000)
    assert w.pid == pid, "the process is still the same"
    await w.close()


async def test_closing_ends_a_job_and_all_that_wait(command: list[str]) -> None:
    w = worker(command)
    await w.run({"do": "echo", "text": "loaded"})
    *jobs, closed = await asyncio.gather(*(w.run({"do": "hang"}) for _ in range(3)), w.close(), return_exceptions=True)
    assert [type(job) for job in jobs] == [DeadWorkerError] * 3
    assert closed is None
    assert w.pid is None


async def test_closing_twice_and_before_the_start(command: list[str]) -> None:
    w = worker(command)
    await w.close()
    await w.close()
    with pytest.raises(DeadWorkerError, match="closed"):
        await w.start()


async def test_a_process_that_doesnt_end_by_itself_is_killed(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringback.speech.providers.worker._GRACE", 0.02)
    w = worker(command)
    await w.run({"do": "stay"})
    pid = w.pid
    assert pid is not None
    await w.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
