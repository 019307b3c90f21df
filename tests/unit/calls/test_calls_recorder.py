"""Recordings of legs: their records, their ends, and what is told of them; in virtual time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from calls_virtual import ACCOUNT, NUMBER, conduct, finished, pick_up, virtual, wait_an_hour

from ringback.calls.errors import CallError
from ringback.calls.leg import Leg
from ringback.calls.recorder import LegRecording, start_recording
from ringback.calls.recording import Recorded, RecordOptions
from ringback.media.leg import MediaError
from ringback.media.recording import RecordingOptions
from ringback.model import events
from ringback.model.recordings import RecordingRecord, RecordingSource, RecordingStatus
from ringback.testing.exchange import Exchange, VirtualPhone


class Studio:
    """A call that has been answered, and what its recordings tell."""

    def __init__(self) -> None:
        self.exchange = Exchange(conduct(pick_up, wait_an_hour))
        self.told: list[tuple[str, Recorded]] = []
        self.phone: VirtualPhone

    async def leg(self) -> Leg:
        self.phone = self.exchange.dial(NUMBER)
        await asyncio.sleep(1)
        assert self.phone.leg is not None
        return self.phone.leg

    async def record(self, **options: Any) -> LegRecording:
        options.setdefault("source", "RecordVerb")
        return await start_recording(await self.leg(), RecordOptions(watch=self._watch, **options))

    def _watch(self, event: str, recorded: Recorded) -> None:
        self.told.append((event, recorded))

    @property
    def record_kept(self) -> RecordingRecord:
        (record,) = self.exchange.kept(RecordingRecord)
        return record

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.told]


@virtual
async def test_what_was_said_is_kept_with_its_record() -> None:
    studio = Studio()
    recording = await studio.record(max_seconds=7)
    record = studio.record_kept
    assert (record.sid, record.account_sid, record.call_sid) == (recording.sid, ACCOUNT, studio.phone.sid)
    assert (record.status, record.source) == (RecordingStatus.IN_PROGRESS, RecordingSource.RECORD_VERB)
    assert recording.options.max_seconds == 7
    studio.phone.audio.voice(True, after=2)
    recorded = await recording.done()
    assert (recorded.seconds, recorded.reason, recorded.spoken) == (7, "length", True)
    assert (studio.record_kept.status, studio.record_kept.duration) == (RecordingStatus.COMPLETED, 7.0)
    assert Path(studio.record_kept.path or "").stat().st_size > 7 * 16000
    assert studio.events == ["in-progress", "completed"]
    assert studio.phone.leg is not None and studio.phone.leg.recordings == []
    await studio.exchange.switch.close()


@virtual
async def test_a_key_ends_it_and_is_told() -> None:
    studio = Studio()
    recording = await studio.record(finish_keys="#5")
    studio.phone.audio.voice(True)
    studio.phone.audio.key("15", after=3)
    recorded = await recording.done()
    assert (recorded.reason, recorded.key, recorded.seconds) == ("key", "5", 3)
    await studio.exchange.switch.close()


@virtual
async def test_silence_alone_is_absent() -> None:
    studio = Studio()
    recording = await studio.record(silence_seconds=5)
    recorded = await recording.done()
    assert (recorded.reason, recorded.spoken) == ("silence", False)
    assert (studio.events, studio.record_kept.status) == (["in-progress", "absent"], RecordingStatus.ABSENT)
    await studio.exchange.switch.close()


@virtual
async def test_a_recording_of_both_is_kept_whoever_spoke() -> None:
    studio = Studio()
    recording = await studio.record(track="both", channels=2, max_seconds=3)
    recorded = await recording.done()
    assert (recorded.spoken, recorded.channels, studio.record_kept.track) == (True, 2, "both")
    assert studio.exchange.media.recordings[0].options.source == "both"
    await studio.exchange.switch.close()


@virtual
async def test_the_end_of_the_call_ends_it_before_the_end_is_told() -> None:
    studio = Studio()
    await studio.record()
    await asyncio.sleep(4)
    studio.phone.audio.voice(True)
    studio.phone.hang_up()
    await finished(studio.exchange)
    assert studio.told[-1][1].reason == "hangup"
    assert studio.record_kept.status is RecordingStatus.COMPLETED


@virtual
async def test_pauses_are_told_by_the_status() -> None:
    studio = Studio()
    recording = await studio.record()
    await asyncio.sleep(2)
    await recording.pause(silence=False)
    assert studio.record_kept.status is RecordingStatus.PAUSED
    await recording.pause()
    await asyncio.sleep(10)
    await recording.resume()
    assert studio.record_kept.status is RecordingStatus.IN_PROGRESS
    await recording.resume()
    await asyncio.sleep(3)
    await recording.stop()
    assert (await recording.done()).seconds == 5
    await recording.stop()
    await recording.pause()
    assert studio.record_kept.status.final
    await studio.exchange.switch.close()


@virtual
async def test_a_recording_whose_file_fails_is_told_as_failed() -> None:
    studio = Studio()
    recording = await studio.record()
    studio.exchange.media.recordings[0].end("failed")
    assert (await recording.done()).reason == "failed"
    await asyncio.sleep(0)
    assert (studio.events[-1], studio.record_kept.status) == ("failed", RecordingStatus.FAILED)
    (error,) = studio.exchange.timeline(studio.phone.sid, events.ERROR)
    assert error["code"] == 13618
    await studio.exchange.switch.close()


@virtual
async def test_without_audio_nothing_is_recorded() -> None:
    exchange = Exchange(conduct(wait_an_hour))
    phone = exchange.dial(NUMBER)
    await asyncio.sleep(1)
    assert phone.leg is not None
    with pytest.raises(CallError, match="no audio"):
        await start_recording(phone.leg, RecordOptions("RecordVerb"))
    await exchange.switch.close()


@virtual
async def test_audio_that_refuses_is_an_error_that_says_why() -> None:
    async def refuse(path: Path, options: RecordingOptions) -> Any:
        raise MediaError("the worker is being restarted")

    studio = Studio()
    leg = await studio.leg()
    with pytest.raises(CallError, match="cannot be recorded: the worker"):
        await start_recording(leg, RecordOptions("RecordVerb"), record=refuse)
    assert (studio.exchange.kept(RecordingRecord), leg.recordings) == ([], [])
    await studio.exchange.switch.close()


@virtual
async def test_a_directory_that_cannot_be_had_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(sid: str) -> Path:
        raise OSError("No space left on device")

    studio = Studio()
    leg = await studio.leg()
    monkeypatch.setattr(studio.exchange.switch, "recording_path", full)
    with pytest.raises(CallError, match="cannot be kept: No space"):
        await start_recording(leg, RecordOptions("RecordVerb"))
    await studio.exchange.switch.close()


@virtual
async def test_a_recording_of_a_conference_has_its_sid() -> None:
    studio = Studio()
    leg = await studio.leg()
    media = studio.exchange.media

    async def record(path: Path, options: RecordingOptions) -> Any:
        return await media.record(media.room(), path, options)

    await start_recording(leg, RecordOptions("Conference"), record=record, conference_sid="CF" + "1" * 32)
    assert (studio.record_kept.conference_sid, studio.record_kept.track) == ("CF" + "1" * 32, "both")
    assert media.recordings[0].options.source == "room"
    media.recordings[0].end("stopped")
    await studio.exchange.switch.close()
