"""The fake recording: it ends when it should, on a clock that may be virtual, and its file is as long as it says."""

import asyncio
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ringback.media.recording import RecordingOptions, RecordingOutcome
from ringback.testing.clock import run
from ringback.testing.media_recording import FakeRecording


def recorded(
    path: Path, options: RecordingOptions, act: Callable[[FakeRecording], Awaitable[None]], *, speaking: bool = False
) -> RecordingOutcome:
    async def main() -> RecordingOutcome:
        recording = FakeRecording(path, options, speaking=speaking)
        await act(recording)
        outcome = await recording.done()
        assert recording.ended
        return outcome

    outcome = run(main())
    with wave.open(str(path), "rb") as file:
        assert file.getnframes() == round(outcome.seconds * 8000)
        assert file.getnchannels() == options.channels
    return outcome


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.wav"


def test_an_hour_is_over_at_once(path: Path) -> None:
    async def nothing(recording: FakeRecording) -> None: ...

    outcome = recorded(path, RecordingOptions("both", 2), nothing)
    assert outcome == RecordingOutcome(path, 3600.0, "length", "", False)


def test_pauses_that_are_left_out_do_not_count(path: Path) -> None:
    async def pauses(recording: FakeRecording) -> None:
        await asyncio.sleep(1)
        await recording.pause(silence=False)
        await recording.pause(silence=False)
        assert recording.paused
        await asyncio.sleep(10)
        await recording.resume()
        assert not recording.paused
        await recording.pause(silence=True)
        assert recording.paused
        await asyncio.sleep(1)

    assert recorded(path, RecordingOptions(max_seconds=3), pauses).seconds == pytest.approx(3)


def test_silence_counts_from_the_last_word(path: Path) -> None:
    async def speaks(recording: FakeRecording) -> None:
        recording.voice(True)
        await asyncio.sleep(5)
        recording.voice(False)
        await asyncio.sleep(1)
        await recording.resume()

    outcome = recorded(path, RecordingOptions(silence_seconds=2), speaks)
    assert (outcome.seconds, outcome.reason, outcome.spoken) == (pytest.approx(8), "silence", True)


def test_a_key_ends_it_if_it_is_one_of_those(path: Path) -> None:
    async def keys(recording: FakeRecording) -> None:
        await asyncio.sleep(1)
        recording.key("1")
        recording.key("#")
        recording.key("#")
        recording.voice(True)
        await recording.pause(silence=True)
        await recording.resume()
        await recording.stop()

    outcome = recorded(path, RecordingOptions(finish_keys="#"), keys)
    assert outcome == RecordingOutcome(path, 1.0, "key", "#", False)


@pytest.mark.parametrize(("speaking", "seconds"), [(False, 2.3), (True, 10.0)])
def test_silence_around_words_is_trimmed(path: Path, speaking: bool, seconds: float) -> None:
    async def speaks(recording: FakeRecording) -> None:
        await asyncio.sleep(4)
        recording.voice(True)
        await asyncio.sleep(2)
        recording.voice(False)
        await asyncio.sleep(2)
        recording.voice(speaking)
        await asyncio.sleep(2)
        await recording.stop()

    outcome = recorded(path, RecordingOptions(trim=True), speaks, speaking=speaking)
    assert outcome.seconds == pytest.approx(seconds)


def test_of_silence_nothing_is_left(path: Path) -> None:
    async def stops(recording: FakeRecording) -> None:
        await asyncio.sleep(4)
        await recording.stop()

    assert recorded(path, RecordingOptions(trim=True), stops) == RecordingOutcome(path, 0.0, "stopped", "", False)


def test_without_a_place_it_fails_and_nothing_is_overwritten(path: Path) -> None:
    path.write_text("there")

    async def main() -> str:
        return (await FakeRecording(path, RecordingOptions()).done()).reason

    assert run(main()) == "failed"
    assert path.read_text() == "there"
