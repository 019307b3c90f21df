"""What the REST API does to calls and queues that live now. Implements `ringback.rest.control.CallControl`."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from ringback.app.control_conferences import ConferenceControl
from ringback.app.outgoing import OutgoingCalls, TooManyCalls
from ringback.app.recordings import RecordingWatches
from ringback.app.voice import StatusCallback, VoiceApplications
from ringback.calls import outcome
from ringback.calls.errors import CallError
from ringback.calls.leg import Leg
from ringback.calls.recorder import LegRecording
from ringback.calls.recording import RecordOptions
from ringback.calls.switch import Switch
from ringback.media.leg import MediaError
from ringback.model.audio import Clip
from ringback.model.errors import ApplicationError
from ringback.model.outgoing import OutgoingCall, RecordingOptions
from ringback.model.recordings import RecordingRecord
from ringback.model.records import CallRecord
from ringback.model.status import CallStatus
from ringback.rest.control import Instructions, NewParticipant, ParticipantChanges, ValidationRequest
from ringback.rest.errors import RestError, refused
from ringback.storage.database import Database, StorageError
from ringback.storage.events_writer import EventWriter
from ringback.tasks import TaskOwner
from ringback.twiml.services import Answer, Application, Fetch, read_method

NOT_IN_PROGRESS = "Call is not in-progress. Cannot redirect."


class Control:
    """Commands to what goes on now. Each looks its call up by its sid, each time."""

    def __init__(
        self,
        *,
        database: Database,
        switch: Switch,
        voice: VoiceApplications,
        outgoing: OutgoingCalls,
        recordings: RecordingWatches,
        journal: EventWriter,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._switch = switch
        self._voice = voice
        self._outgoing = outgoing
        self._recordings = recordings
        self._journal = journal
        self._utcnow = utcnow
        self._conferences = ConferenceControl(switch, voice, self.place, journal, utcnow)
        outgoing.on_progress = self._conferences.on_progress
        self._tasks = TaskOwner()

    async def close(self) -> None:
        """Let go of what goes on beside calls."""
        await self._tasks.close()

    # -- calls --------------------------------------------------------------------------------------------------

    async def place(self, request: OutgoingCall) -> CallRecord:
        """Make a call; its record is on disk when this returns."""
        try:
            return await self._outgoing.ask(request)
        except TooManyCalls as error:
            raise RestError(429, 20429, str(error)) from error
        except StorageError as error:
            raise RestError(503, 20503, f"the call cannot be kept: {error}") from error

    async def redirect(self, call_sid: str, instructions: Instructions) -> None:
        """Let a live call go on with other TwiML, or change what is asked and told about it."""
        leg = await self._leg(call_sid, NOT_IN_PROGRESS)
        conducting = self._voice.find(call_sid)
        if conducting is None:
            raise refused(21220, NOT_IN_PROGRESS)
        moves = instructions.url is not None or instructions.twiml is not None
        if moves and leg.status is not CallStatus.IN_PROGRESS:
            raise refused(21220, NOT_IN_PROGRESS)
        if instructions.status_callback is not None:
            conducting.callback = StatusCallback(instructions.status_callback, instructions.status_callback_method)
        if instructions.time_limit is not None:
            leg.limit(instructions.time_limit)
        if instructions.fallback_url is not None or moves:
            old = conducting.application
            conducting.application = Application(
                instructions.url or old.url,
                read_method(instructions.method) if instructions.url else old.method,
                instructions.fallback_url or (None if moves else old.fallback_url),
                read_method(instructions.fallback_method),
            )
        if moves:
            await self._voice.redirect(leg, _first(instructions))

    async def complete(self, call_sid: str) -> None:
        """End a call."""
        if await self._outgoing.take_back(call_sid):
            return
        leg = await self._leg(call_sid, "Call is not in-progress. Cannot complete.")
        await leg.hangup(outcome.API)
        await self._written(leg)

    async def cancel(self, call_sid: str) -> None:
        """Take back a call that is queued or ringing."""
        if await self._outgoing.take_back(call_sid):
            return
        leg = await self._leg(call_sid, "Call is not queued or ringing. Cannot cancel.")
        if leg.status is CallStatus.IN_PROGRESS:
            raise refused(21220, "Call is in-progress. Cannot cancel.")
        await leg.hangup(outcome.API)
        await self._written(leg)

    async def play(self, call_sid: str, url: str, loop: int = 1) -> None:
        """Play audio into a live call, over what it does now."""
        leg = await self._talking(call_sid)
        conducting = self._voice.find(call_sid)
        if conducting is None:
            raise refused(21220)
        try:
            clip = await conducting.services.audio(leg, url)
        except ApplicationError as error:
            raise refused(error.code, str(error)) from error
        self._play_over(leg, clip, loop)

    async def say(self, call_sid: str, text: str, voice: str, language: str) -> None:
        """Speak into a live call, over what it does now."""
        leg = await self._talking(call_sid)
        conducting = self._voice.find(call_sid)
        if conducting is None:
            raise refused(21220)
        try:
            clip = await conducting.services.speak(text, voice=voice, language=language)
        except ApplicationError as error:
            raise refused(error.code, str(error)) from error
        self._play_over(leg, clip, 1)

    def _play_over(self, leg: Leg, clip: Clip, loop: int) -> None:
        async def play() -> None:
            await leg.play(clip, loop)

        leg.tasks.start(play(), f"audio for {leg.info.sid}")

    async def send_digits(self, call_sid: str, digits: str) -> None:
        """Press keys towards the other side of a live call."""
        leg = await self._talking(call_sid)
        leg.tasks.start(leg.send_keys(digits), f"keys for {call_sid}")

    def live(self) -> Mapping[str, int]:
        """Tell how many calls there are now, by status."""
        counted = Counter(str(leg.status) for leg in self._switch)
        counted[str(CallStatus.QUEUED)] += self._outgoing.waiting
        return dict(counted)

    async def validate(self, request: ValidationRequest) -> CallRecord:
        """Call a number whose owner must key in a code."""
        ours = await self._database.numbers.list()
        mine = next((number for number in ours if number.account_sid == request.account_sid), None)
        return await self.place(
            OutgoingCall(
                account_sid=request.account_sid,
                to=request.phone_number,
                from_=mine.phone_number if mine else request.phone_number,
                status_callback=request.status_callback,
                status_callback_method=request.status_callback_method,
                send_digits=f"W{request.extension}" if request.extension else None,
                validation=request.validation_code,
                validation_friendly_name=request.friendly_name,
                twiml="<Response/>",
            )
        )

    # -- recordings ---------------------------------------------------------------------------------------------

    async def start_recording(self, call_sid: str, options: RecordingOptions) -> RecordingRecord:
        """Begin to record a call that is in progress."""
        leg = await self._talking(call_sid)
        wanted = self._recordings.options(leg, options, "StartCallRecordingAPI")
        for running in leg.recordings:
            if running.options.source == wanted.source and _alike(running.options, wanted):
                return await self._recording(running.sid)
        try:
            recording = await leg.record(wanted)
        except (CallError, MediaError) as error:
            raise RestError(500, 20500, str(error)) from error
        return await self._recording(recording.sid)

    async def update_recording(
        self, recording_sid: str, status: str, pause_behavior: str = "silence"
    ) -> RecordingRecord:
        """Pause, resume or stop a recording."""
        recording = self._running(recording_sid)
        if recording is None:
            raise refused(21220, "The recording has ended already.")
        if status == "paused":
            await recording.pause(silence=pause_behavior != "skip")
        elif status == "in-progress":
            await recording.resume()
        else:
            await recording.stop()
        return await self._recording(recording_sid)

    async def current_recording(self, call_or_conference_sid: str) -> str | None:
        """Return the sid of the recording that runs."""
        conference = self._switch.conferences.find(call_or_conference_sid)
        if conference is not None:
            recording = conference.recording
            return recording.sid if recording is not None and not recording.status.final else None
        leg = self._switch.find(call_or_conference_sid)
        return leg.recordings[-1].sid if leg is not None and leg.recordings else None

    def _running(self, recording_sid: str) -> LegRecording | None:
        return next(
            (each for each in self._recordings_now() if each.sid == recording_sid and not each.status.final), None
        )

    def _recordings_now(self) -> Iterator[LegRecording]:
        for leg in self._switch:
            yield from leg.recordings
        for conference in self._switch.conferences:
            if conference.recording is not None:
                yield conference.recording

    async def _recording(self, sid: str) -> RecordingRecord:
        await self._journal.flush()
        record = await self._database.recordings.get(sid)
        if record is None:
            raise RestError(503, 20503, "the recording's record cannot be written now")
        return record

    # -- conferences --------------------------------------------------------------------------------------------

    async def end_conference(self, conference_sid: str) -> None:
        """End a conference."""
        await self._conferences.end(conference_sid)

    async def announce(self, conference_sid: str, url: str, method: str) -> None:
        """Play what that URL answers with to everybody in a conference."""
        await self._conferences.announce(conference_sid, url, read_method(method))

    async def add_participant(self, participant: NewParticipant) -> tuple[str, CallRecord]:
        """Call somebody into a conference."""
        return await self._conferences.add(participant)

    async def update_participant(self, conference_sid: str, call_sid: str, changes: ParticipantChanges) -> None:
        """Change a participant who is there."""
        await self._conferences.update(conference_sid, call_sid, changes)

    async def kick(self, conference_sid: str, call_sid: str) -> None:
        """Take a participant out of a conference."""
        await self._conferences.kick(conference_sid, call_sid)

    # -- queues -------------------------------------------------------------------------------------------------

    async def dequeue(self, queue_sid: str, call_sid: str, url: str, method: str) -> None:
        """Take a caller out of a queue, to go on with the TwiML of that URL."""
        queue = self._switch.queues.find(queue_sid)
        waits = queue is not None and any(each.leg.info.sid == call_sid for each in queue.waiting)
        leg = self._switch.find(call_sid)
        if not waits or leg is None or self._voice.find(call_sid) is None:
            raise refused(20404, f"call {call_sid} does not wait in queue {queue_sid}")
        await self._voice.redirect(leg, Fetch(url, read_method(method)))
        await self._journal.flush()

    async def forget_queue(self, queue_sid: str) -> None:
        """A queue without members is no more."""
        self._switch.queues.forget(queue_sid)

    # -- finding ------------------------------------------------------------------------------------------------

    async def _leg(self, call_sid: str, why: str) -> Leg:
        leg = self._switch.find(call_sid)
        if leg is None or leg.status.final:
            raise refused(21220, why)
        return leg

    async def _talking(self, call_sid: str) -> Leg:
        leg = await self._leg(call_sid, "Call is not in-progress.")
        if leg.status is not CallStatus.IN_PROGRESS:
            raise refused(21220, "Call is not in-progress.")
        return leg

    async def _written(self, leg: Leg) -> None:
        await leg.over.wait()
        await self._journal.flush()


def _alike(one: RecordOptions, other: RecordOptions) -> bool:
    return (one.track, one.channels, one.trim) == (other.track, other.channels, other.trim)


def _first(instructions: Instructions) -> Fetch | Answer:
    if instructions.url is not None:
        return Fetch(instructions.url, read_method(instructions.method))
    return Answer("", 200, "text/xml", (instructions.twiml or "").encode())
