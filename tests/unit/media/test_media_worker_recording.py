"""A recording in a worker, as the control process sees it: steered while it lasts, and found when the worker died."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ringback.media import worker_recording as module
from ringback.media.recording import RecordingOptions, RecordingOutcome
from ringback.media.wav import WavWriter
from ringback.media.worker_recording import EndedRecording, WorkerRecording, salvage

HELLO = RecordingOutcome(Path("hello.wav"), 1.0, "stopped", "", True)


class Worker:
    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def call(self, command: str, **arguments: Any) -> dict[str, Any]:
        self.asked.append((command, arguments))
        return {}


def recording(path: Path, channels: int = 1) -> WorkerRecording:
    return WorkerRecording(Worker(), 7, path, RecordingOptions(channels=channels))


async def test_it_is_steered_until_it_has_ended() -> None:
    worker = Worker()
    going = WorkerRecording(worker, 7, HELLO.path, RecordingOptions())
    told: list[str] = []
    going.when_settled(lambda: told.append("ended"))
    for _ in range(2):
        await going.pause(silence=True)
        await going.pause(silence=False)
        await going.resume()
        await going.stop()
        assert [what["how"] for _, what in worker.asked] == ["silence", "pause", "resume", "stop"]
        going.settle(HELLO)
        going.settle(RecordingOutcome(HELLO.path, 0, "failed", "", False))
    assert await going.done() is HELLO
    assert await going.done() is HELLO
    await asyncio.sleep(0)
    assert told == ["ended"]


async def test_who_waits_for_it_and_is_cancelled_does_not_end_it() -> None:
    going = recording(HELLO.path)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await going.done()
    going.settle(HELLO)
    assert (await going.done()).seconds == 1


async def test_one_on_a_leg_that_has_gone_has_ended_before_it_began() -> None:
    ended = EndedRecording(Path("a.wav"))
    await ended.pause(silence=True)
    await ended.resume()
    await ended.stop()
    assert await ended.done() == RecordingOutcome(Path("a.wav"), 0.0, "closed", "", False)


async def test_what_is_left_is_measured_when_it_grows_no_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.0)
    writers = [WavWriter(tmp_path / "one.wav", 1), WavWriter(tmp_path / "two.wav", 2)]
    pieces = iter([bytes(32000), bytes(32000)])
    looked = module._sizes

    def looks(recordings: Any) -> list[int]:
        for writer in writers:
            writer.append(next(pieces, b""))
        return looked(recordings)

    monkeypatch.setattr(module, "_sizes", looks)
    taken = [recording(writers[0].path), recording(writers[1].path, 2), recording(tmp_path / "none.wav")]
    await salvage(taken)
    for writer in writers:
        writer.close()
    ends = [await each.done() for each in taken]
    assert [(end.seconds, end.reason, end.spoken) for end in ends] == [
        (2.0, "failed", True),
        (1.0, "failed", True),
        (0.0, "failed", False),
    ]


async def test_who_ends_meanwhile_still_leaves_nobody_waiting(tmp_path: Path) -> None:
    taken = recording(tmp_path / "none.wav")
    task = asyncio.ensure_future(salvage([taken]))  # noqa: TID251
    await asyncio.sleep(0)
    task.cancel()
    assert (await taken.done()).reason == "failed"
