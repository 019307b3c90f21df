"""Recordings through a real worker process: who is in which file, by tones, and what ends them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from ringback.media.client import MediaError, MediaSettings, MediaWorkers, RecordingOptions
from ringback.media.recording import MediaRecording, RecordingOutcome
from tests.unit.media.peer_rig import EVENTS, hang_up, peers, recorded, talk, tones

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[MediaWorkers]:
    """One worker for all tests of this file."""
    async with MediaWorkers(MediaSettings(legs_per_worker=8, ports=(29000, 29998), clip_memory_mb=4)) as made:
        yield made


async def outcome(recording: MediaRecording) -> RecordingOutcome:
    async with asyncio.timeout(10):
        return await recording.done()


async def test_each_recording_has_the_voices_that_it_was_asked_for(workers: MediaWorkers, tmp_path: Path) -> None:
    """Mono of one side or the other, both in one channel, both apart, and the whole room."""
    everybody = await peers(workers, 400, 900, 1700)
    leg = everybody[0].leg
    room = workers.room()
    for peer in everybody:
        await peer.leg.join(room)
    await talk(everybody, 10)
    wanted = {
        "heard": RecordingOptions(),
        "said": RecordingOptions("said"),
        "both": RecordingOptions("both"),
        "apart": RecordingOptions("both", channels=2),
        "room": RecordingOptions("room"),
        "one-of-two": RecordingOptions("said", channels=2),
    }
    clock = asyncio.get_running_loop().time
    began = clock()
    recordings = {name: await leg.record(tmp_path / name, options) for name, options in wanted.items()}
    whole = await workers.record(room, tmp_path / "whole", RecordingOptions(channels=2))
    await talk(everybody, 50)
    for recording in (*recordings.values(), whole):
        await recording.stop()
    took = clock() - began
    ends = {name: await outcome(recording) for name, recording in (recordings | {"whole": whole}).items()}
    heard = {name: [tones(channel[800:]) for channel in recorded(end.path).T] for name, end in ends.items()}

    assert heard == {
        "heard": [{400}],
        "said": [{900, 1700}],
        "both": [{400, 900, 1700}],
        "apart": [{400}, {900, 1700}],
        "room": [{400, 900, 1700}],
        "one-of-two": [set(), {900, 1700}],
        "whole": [{400, 900, 1700}, {400, 900, 1700}],
    }
    for name, end in ends.items():
        assert (end.path, end.reason, end.key, end.spoken) == (tmp_path / name, "stopped", "", True)
        assert end.seconds == len(recorded(end.path)) / 8000 == pytest.approx(took, abs=1)
    for peer in everybody:
        await peer.leg.close()
    hang_up(everybody)


async def test_a_recording_ends_by_its_length_with_its_leg_or_by_silence(workers: MediaWorkers, tmp_path: Path) -> None:
    (alice,) = await peers(workers, 400)
    short = await alice.leg.record(tmp_path / "short.wav", RecordingOptions(max_seconds=0.3))
    quiet = await alice.leg.record(tmp_path / "quiet.wav", RecordingOptions("both", silence_seconds=0.2))
    long = await alice.leg.record(tmp_path / "long.wav", RecordingOptions())
    silent = await alice.leg.record(tmp_path / "silent.wav", RecordingOptions("said", trim=True))
    ends = [await outcome(short), await outcome(quiet)]
    await talk([alice], 10)
    await alice.leg.close()
    ends += [await outcome(long), await outcome(silent)]
    hang_up([alice])

    assert [(end.reason, end.spoken) for end in ends] == [
        ("length", False),
        ("silence", False),
        ("closed", True),
        ("closed", False),
    ]
    assert [end.seconds for end in ends[:2]] == [0.3, pytest.approx(0.2, abs=0.1)]
    assert ends[2].seconds > 0.3
    assert ends[3].seconds == len(recorded(ends[3].path)) == 0


@pytest.mark.parametrize("events", [EVENTS, None])
async def test_a_key_ends_a_recording_and_its_tone_is_not_in_the_file(
    workers: MediaWorkers, tmp_path: Path, events: int | None
) -> None:
    """As an event, and as a tone in the audio."""
    (alice,) = await peers(workers, 400, events=events)
    recording = await alice.leg.record(tmp_path / f"{events}.wav", RecordingOptions(finish_keys="#*"))
    await talk([alice], 30)
    if events:
        alice.press("#")
    else:
        alice.dial("#")
    await talk([alice], 5)
    end = await outcome(recording)
    sound = recorded(end.path)[:, 0]
    await alice.leg.close()
    hang_up([alice])

    assert (end.reason, end.key, end.spoken) == ("key", "#", True)
    assert 400 in tones(sound[800:])
    for begin in range(0, len(sound) - 800, 400):
        assert not {900, 1500} & tones(sound[begin : begin + 800]), f"at {begin / 8000} s"
    assert end.seconds > 0.3


async def test_pauses_are_left_out_or_silent(workers: MediaWorkers, tmp_path: Path) -> None:
    (alice,) = await peers(workers, 400)
    await talk([alice], 5)
    skipped = await alice.leg.record(tmp_path / "skipped.wav", RecordingOptions())
    silent = await alice.leg.record(tmp_path / "silent.wav", RecordingOptions())
    await talk([alice], 20)
    await skipped.pause(silence=False)
    await silent.pause(silence=True)
    await talk([alice], 30)
    await skipped.resume()
    await silent.resume()
    await talk([alice], 20)
    await skipped.stop()
    await silent.stop()
    short, long = await outcome(skipped), await outcome(silent)
    await skipped.pause(silence=True)
    await skipped.resume()
    await skipped.stop()
    await alice.leg.close()
    hang_up([alice])
    level = np.abs(recorded(long.path)[:, 0].reshape(-1, 160)).max(axis=1)

    assert long.seconds - short.seconds == pytest.approx(0.6, abs=0.2)
    assert np.count_nonzero(level == 0) == pytest.approx(30, abs=10)
    assert np.abs(recorded(short.path)[:, 0].reshape(-1, 160)).max(axis=1).min() > 1000


async def test_silence_at_both_ends_is_trimmed(workers: MediaWorkers, tmp_path: Path) -> None:
    (alice,) = await peers(workers, 400)
    recording = await alice.leg.record(tmp_path / "trimmed.wav", RecordingOptions(trim=True))
    await asyncio.sleep(0.5)
    await talk([alice], 25)
    await asyncio.sleep(0.7)
    await recording.stop()
    end = await outcome(recording)
    await alice.leg.close()
    hang_up([alice])

    assert end.spoken
    assert end.seconds == pytest.approx(0.5 + 0.3, abs=0.3)
    assert end.seconds == len(recorded(end.path)) / 8000


async def test_a_beep_comes_before_the_recording(workers: MediaWorkers, tmp_path: Path) -> None:
    (alice,) = await peers(workers, 400)
    recording = await alice.leg.record(tmp_path / "beep.wav", RecordingOptions("both", beep=True))
    assert 1000 in alice.hears()
    await talk([alice], 20)
    await recording.stop()
    end = await outcome(recording)
    await alice.leg.close()
    hang_up([alice])

    assert tones(recorded(end.path)[:, 0]) == {400}


async def test_what_cannot_be_recorded_is_refused_or_fails(
    workers: MediaWorkers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (alice,) = await peers(workers, 400)
    with pytest.raises(MediaError, match="the leg is in no room"):
        await alice.leg.record(tmp_path / "room.wav", RecordingOptions("room"))
    (tmp_path / "there.wav").write_text("something else")
    ends = [
        await outcome(await alice.leg.record(tmp_path / "there.wav", RecordingOptions())),
        await outcome(await alice.leg.record(tmp_path / "no" / "where.wav", RecordingOptions())),
    ]
    await alice.leg.close()
    ends.append(await outcome(await alice.leg.record(tmp_path / "late.wav", RecordingOptions(beep=True))))
    hang_up([alice])

    assert [(end.reason, end.seconds, end.spoken) for end in ends] == [
        ("failed", pytest.approx(0, abs=0.2), False),
        ("failed", pytest.approx(0, abs=0.2), False),
        ("closed", 0, False),
    ]
    assert (tmp_path / "there.wav").read_text() == "something else"
    assert "there.wav: File exists" in caplog.text


async def test_a_worker_that_is_killed_loses_at_most_the_last_second(tmp_path: Path) -> None:
    async with MediaWorkers(MediaSettings(legs_per_worker=2, ports=(29000, 29998), clip_memory_mb=4)) as workers:
        (alice,) = await peers(workers, 400)
        recording = await alice.leg.record(tmp_path / "lost.wav", RecordingOptions())
        began = asyncio.get_running_loop().time()
        await talk([alice], 110)
        took = asyncio.get_running_loop().time() - began
        os.kill(workers.pids[0], signal.SIGKILL)
        end = await outcome(recording)
        hang_up([alice])

    assert (end.reason, end.key, end.spoken) == ("failed", "", True)
    assert took - 1.3 <= end.seconds <= took + 0.3
    assert end.seconds == len(recorded(end.path)) / 8000
    assert tones(recorded(end.path)[800:, 0]) == {400}
