"""The fake recording: what ends it, how long it is, and what is told of it, in virtual time."""

import asyncio
from collections.abc import Callable

import pytest

from ringback.calls.recording import Recorded, RecordOptions
from ringback.testing.clock import run
from ringback.testing.fake_recording import FakeCallRecording


def recorded(
    speaks: float = 3.0, act: Callable[[FakeCallRecording], None] | None = None, **options: object
) -> tuple[Recorded, list[str]]:
    """Act after two seconds; returns what came of the recording, and what was told of it."""
    told: list[str] = []

    async def main() -> Recorded:
        wanted = RecordOptions("RecordVerb", watch=lambda event, _: told.append(event), **options)  # type: ignore[arg-type]
        recording = FakeCallRecording("RE1", wanted, speaks)
        await asyncio.sleep(2)
        if act is not None:
            act(recording)
        outcome = await recording.done()
        assert recording.ended
        recording.end("hangup")
        assert await recording.done() is outcome
        assert outcome.sid == recording.sid
        return outcome

    return run(main()), told


@pytest.mark.parametrize(
    ("options", "reason", "seconds"),
    [
        ({"max_seconds": 10.0}, "length", 10),
        ({"max_seconds": 10.0, "trim": True}, "length", 3),
        ({"silence_seconds": 4.0}, "silence", 7),
        ({"silence_seconds": 4.0, "trim": True}, "silence", 3),
    ],
)
def test_length_and_silence_end_it(options: dict[str, object], reason: str, seconds: int) -> None:
    outcome, told = recorded(**options)
    assert (outcome.reason, outcome.seconds, outcome.spoken) == (reason, seconds, True)
    assert told == ["in-progress", "completed"]


def test_only_its_own_keys_end_it() -> None:
    def press(recording: FakeCallRecording) -> None:
        recording.key("5")
        assert not recording.ended
        recording.key("#")

    outcome, _ = recorded(act=press, finish_keys="*#")
    assert (outcome.reason, outcome.key, outcome.seconds) == ("key", "#", 2)


def test_where_nobody_speaks_there_is_nothing() -> None:
    outcome, told = recorded(0, max_seconds=5.0)
    assert (outcome.spoken, told) == (False, ["in-progress", "absent"])
    outcome, told = recorded(0, act=lambda recording: recording.end("failed"))
    assert (outcome.reason, told) == ("failed", ["in-progress", "failed"])


def test_it_can_be_paused_and_stopped() -> None:
    async def main() -> Recorded:
        recording = FakeCallRecording("RE1", RecordOptions("RecordVerb", channels=2), 3.0)
        await recording.pause(silence=False)
        assert recording.paused
        await recording.resume()
        assert not recording.paused
        await recording.stop()
        return await recording.done()

    outcome = run(main())
    assert (outcome.reason, outcome.channels) == ("stopped", 2)
