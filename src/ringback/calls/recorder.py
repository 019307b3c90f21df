"""Recordings of legs and conferences: their files, their records, and whoever watches them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ringback.calls.errors import CallError
from ringback.calls.recording import Recorded, RecordingEvent, RecordOptions
from ringback.media.leg import MediaError
from ringback.media.recording import MediaRecording, RecordingOptions, RecordingOutcome
from ringback.model import events, sids
from ringback.model.recordings import RecordingRecord, RecordingSource, RecordingStatus

if TYPE_CHECKING:
    from ringback.calls.leg import Leg

Start = Callable[[Path, RecordingOptions], Awaitable[MediaRecording]]
"""`record` of a media leg, or of a room."""

_REASONS: Final = {"closed": "hangup"}
_TRACKS: Final = {"inbound": "heard", "outbound": "said", "both": "both"}


class LegRecording:
    """A recording that goes on, and its record. Implements `ringback.calls.recording.Recording`."""

    def __init__(self, leg: "Leg", sid: str, options: RecordOptions, *, conference_sid: str | None = None) -> None:
        self._leg = leg
        self._sid = sid
        self._options = options
        self._conference_sid = conference_sid
        self._media: MediaRecording | None = None
        self._done: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self.status = RecordingStatus.IN_PROGRESS

    @property
    def sid(self) -> str:
        """Its sid."""
        return self._sid

    @property
    def options(self) -> RecordOptions:
        """How it is made."""
        return self._options

    async def begin(self, record: Start, path: Path) -> None:
        """Begin. Raises CallError where the audio cannot be recorded."""
        options, leg = self._options, self._leg
        room = self._conference_sid is not None
        try:
            self._media = await record(
                path,
                RecordingOptions(
                    source="room" if room else _TRACKS[options.track],  # type: ignore[arg-type]
                    channels=options.channels,
                    max_seconds=options.max_seconds,
                    silence_seconds=options.silence_seconds or None,
                    finish_keys=options.finish_keys,
                    trim=options.trim,
                    beep=options.beep,
                ),
            )
        except (MediaError, ValueError) as error:
            raise CallError(f"the call cannot be recorded: {error}") from error
        now = leg.house.utcnow()
        leg.journal.save(
            RecordingRecord(
                sid=self._sid,
                account_sid=leg.info.account_sid,
                call_sid=leg.info.sid,
                status=self.status,
                source=RecordingSource(options.source),
                api_version=leg.info.api_version,
                date_created=now,
                conference_sid=self._conference_sid,
                channels=options.channels,
                track=options.track if not room else "both",
                start_time=now,
                path=str(path),
            )
        )
        leg.recordings.append(self)
        self._tell("in-progress", Recorded(self._sid, 0, "stopped", channels=options.channels, source=options.source))
        leg.house.detach(self._finish(self._media), f"recording {self._sid}")

    async def _finish(self, media: MediaRecording) -> None:
        outcome = await media.done()
        recorded = self._recorded(outcome)
        if recorded.reason == "failed":
            self.status = RecordingStatus.FAILED
            self._leg.note(events.ERROR, code=13618, message=f"recording {self._sid} failed: its file is incomplete")
        else:
            self.status = RecordingStatus.COMPLETED if recorded.spoken else RecordingStatus.ABSENT
        self._leg.journal.change(
            RecordingRecord,
            self._sid,
            status=self.status,
            duration=float(recorded.seconds),
            date_updated=self._leg.house.utcnow(),
        )
        if self in self._leg.recordings:
            self._leg.recordings.remove(self)
        self._done.set_result(recorded)
        told: dict[RecordingStatus, RecordingEvent] = {
            RecordingStatus.COMPLETED: "completed",
            RecordingStatus.ABSENT: "absent",
            RecordingStatus.FAILED: "failed",
        }
        self._tell(told[self.status], recorded)

    def _recorded(self, outcome: RecordingOutcome) -> Recorded:
        seconds = round(outcome.seconds)
        return Recorded(
            sid=self._sid,
            seconds=max(1, seconds) if outcome.seconds > 0 else 0,
            reason=_REASONS.get(outcome.reason, outcome.reason),  # type: ignore[arg-type]
            key=outcome.key,
            # A recording of several voices is kept, whoever spoke.
            spoken=outcome.spoken if self._options.track == "inbound" else outcome.seconds > 0,
            channels=self._options.channels,
            source=self._options.source,
        )

    def _tell(self, event: RecordingEvent, recorded: Recorded) -> None:
        if self._options.watch is not None:
            self._options.watch(event, recorded)

    async def done(self) -> Recorded:
        """Wait until it has ended."""
        return replace(await asyncio.shield(self._done))

    async def pause(self, *, silence: bool = True) -> None:
        """Record silence (or nothing at all) until `resume`."""
        if self._media is not None and self.status is RecordingStatus.IN_PROGRESS:
            await self._media.pause(silence=silence)
            self._change(RecordingStatus.PAUSED)

    async def resume(self) -> None:
        """Go on after a pause."""
        if self._media is not None and self.status is RecordingStatus.PAUSED:
            await self._media.resume()
            self._change(RecordingStatus.IN_PROGRESS)

    async def stop(self) -> None:
        """End it, and wait until the file is whole."""
        if self._media is not None and not self._done.done():
            await self._media.stop()
            await self.done()

    def _change(self, status: RecordingStatus) -> None:
        self.status = status
        self._leg.journal.change(RecordingRecord, self._sid, status=status, date_updated=self._leg.house.utcnow())


async def start_recording(
    leg: "Leg", options: RecordOptions, *, record: Start | None = None, conference_sid: str | None = None
) -> LegRecording:
    """Begin a recording of a leg, or of the conference that it is in (then `record` records it). Raises CallError."""
    if record is None:
        if leg.audio.leg is None:
            raise CallError("nothing can be recorded: the call has no audio")
        record = leg.audio.leg.record
    sid = leg.house.make_sid(sids.RECORDING)
    try:
        path = leg.house.recording_path(sid)
    except OSError as error:
        raise CallError(f"recordings cannot be kept: {error}") from error
    recording = LegRecording(leg, sid, options, conference_sid=conference_sid)
    await recording.begin(record, path)
    return recording
