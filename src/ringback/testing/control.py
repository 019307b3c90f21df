"""A `CallControl` that makes no calls: it keeps the records that a real one keeps, and tells what it was asked."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.model.outgoing import OutgoingCall, RecordingOptions
from ringback.model.queues import QueueMemberRecord
from ringback.model.recordings import RecordingRecord, RecordingSource, RecordingStatus
from ringback.model.records import CallRecord
from ringback.model.sids import CALL, CONFERENCE, RECORDING, is_sid, make_sid
from ringback.model.status import CallStatus, Direction
from ringback.rest.control import Instructions, NewParticipant, ParticipantChanges, ValidationRequest
from ringback.rest.errors import refused
from ringback.storage.database import Database
from ringback.storage.kinds import QUEUE_MEMBERS
from ringback.storage.records import Where


class FakeControl:
    """Calls that are `queued` until a test says otherwise (`answer`, `end`). It refuses what a real one refuses."""

    def __init__(self, database: Database, utcnow: Callable[[], datetime], entropy: Callable[[int], bytes]) -> None:
        self._database = database
        self._utcnow = utcnow
        self._entropy = entropy
        self._recordings: dict[str, list[tuple[str, RecordingOptions | None]]] = {}
        self._live: dict[str, CallStatus] = {}
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        """Every request: the name of the method and its arguments."""

    # -- what a test does to calls ------------------------------------------------------------------------------

    async def ring(self, call_sid: str) -> None:
        """The call is made."""
        self._live[call_sid] = CallStatus.RINGING
        await self._database.calls.update(call_sid, status=CallStatus.RINGING)

    async def answer(self, call_sid: str) -> None:
        """The callee picks up, and is in the conference that they were called into."""
        now = self._utcnow()
        self._live[call_sid] = CallStatus.IN_PROGRESS
        await self._database.calls.update(call_sid, status=CallStatus.IN_PROGRESS, start_time=now)
        for one in await self._participants(ParticipantStatus.QUEUED, call_sid=call_sid):
            key = one.conference_sid, call_sid
            await self._database.participants.update(key, status=ParticipantStatus.CONNECTED, date_updated=now)
            if len(await self._participants(conference_sid=one.conference_sid)) > 1:
                status = ConferenceStatus.IN_PROGRESS
                await self._database.conferences.update(one.conference_sid, status=status, date_updated=now)

    async def end(self, call_sid: str, status: CallStatus = CallStatus.COMPLETED) -> None:
        """The call is over, and with it what it took part in."""
        self._live.pop(call_sid, None)
        await self._database.calls.update(call_sid, status=status, end_time=self._utcnow())
        await self._leave_all(call_sid)
        await self._end_recordings(call_sid)

    async def record_conference(self, conference_sid: str) -> RecordingRecord:
        """A conference is recorded from now on, without audio."""
        conference, now = await self._conference(conference_sid), self._utcnow()
        record = RecordingRecord(
            make_sid(RECORDING, self._entropy(16)), conference.account_sid, None, RecordingStatus.IN_PROGRESS,
            RecordingSource.CONFERENCE, conference.api_version, now, conference_sid=conference_sid, start_time=now,
        )  # fmt: skip
        await self._keep(conference_sid, record, None)
        return record

    # -- CallControl --------------------------------------------------------------------------------------------

    async def place(self, request: OutgoingCall) -> CallRecord:
        """Keep a call."""
        self._asked("place", request)
        record = CallRecord(
            sid=make_sid(CALL, self._entropy(16)),
            account_sid=request.account_sid,
            from_=request.caller_id or request.from_,
            to=request.to,
            direction=Direction.OUTBOUND_API,
            status=CallStatus.QUEUED,
            api_version=request.api_version,
            phone_number_sid=request.phone_number_sid,
            sip_call_id=None,
            date_created=self._utcnow(),
        )
        await self._database.outgoing.add(record, request)
        self._live[record.sid] = CallStatus.QUEUED
        return record

    async def redirect(self, call_sid: str, instructions: Instructions) -> None:
        """Note it; a call that moves on leaves its conference or its queue."""
        self._asked("redirect", call_sid, instructions)
        call = await self._call(call_sid)
        moves = instructions.url is not None or instructions.twiml is not None
        if call.status is CallStatus.QUEUED or (moves and call.status is not CallStatus.IN_PROGRESS):
            raise refused(21220, "Call is not in-progress. Cannot redirect.")
        if moves:
            await self._leave_all(call_sid)

    async def complete(self, call_sid: str) -> None:
        """End it."""
        self._asked("complete", call_sid)
        call = await self._call(call_sid)
        await self.end(call_sid, CallStatus.COMPLETED if call.start_time else CallStatus.CANCELED)

    async def cancel(self, call_sid: str) -> None:
        """End it, unless it is answered."""
        self._asked("cancel", call_sid)
        if (await self._call(call_sid)).status is CallStatus.IN_PROGRESS:
            raise refused(21220, "Call is in progress. Cannot cancel.")
        await self.end(call_sid, CallStatus.CANCELED)

    async def play(self, call_sid: str, url: str, loop: int = 1) -> None:
        """Note it."""
        self._asked("play", call_sid, url, loop)
        await self._talking(call_sid)

    async def say(self, call_sid: str, text: str, voice: str, language: str) -> None:
        """Note it."""
        self._asked("say", call_sid, text, voice, language)
        await self._talking(call_sid)

    async def send_digits(self, call_sid: str, digits: str) -> None:
        """Note it."""
        self._asked("send_digits", call_sid, digits)
        await self._talking(call_sid)

    async def start_recording(self, call_sid: str, options: RecordingOptions) -> RecordingRecord:
        """Keep a recording without audio, unless the same goes on already."""
        self._asked("start_recording", call_sid, options)
        call = await self._talking(call_sid)
        for running, wanted in self._recordings.get(call_sid, ()):
            found = await self._running(running)
            if found and wanted and _kind(wanted) == _kind(options):
                return found
        now = self._utcnow()
        record = RecordingRecord(
            make_sid(RECORDING, self._entropy(16)), call.account_sid, call_sid, RecordingStatus.IN_PROGRESS,
            RecordingSource.START_CALL_RECORDING_API, call.api_version, now,
            channels=2 if options.channels == "dual" else 1, track=options.track, start_time=now,
        )  # fmt: skip
        await self._keep(call_sid, record, options)
        return record

    async def update_recording(
        self, recording_sid: str, status: str, pause_behavior: str = "silence"
    ) -> RecordingRecord:
        """Change its status."""
        self._asked("update_recording", recording_sid, status, pause_behavior)
        record = await self._running(recording_sid)
        if record is None:
            raise refused(21220, "The recording has ended already.")
        changed = replace(record, status=RecordingStatus(status), date_updated=self._utcnow())
        await self._database.recordings.save(changed)
        return changed

    async def current_recording(self, call_or_conference_sid: str) -> str | None:
        """The last one that was started and goes on."""
        for sid, _ in reversed(self._recordings.get(call_or_conference_sid, [])):
            if await self._running(sid) is not None:
                return sid
        return None

    async def end_conference(self, conference_sid: str) -> None:
        """End it, and everybody's part in it."""
        self._asked("end_conference", conference_sid)
        await self._conference(conference_sid)
        await self._end_conference(conference_sid, "conference-ended-via-api")

    async def announce(self, conference_sid: str, url: str, method: str) -> None:
        """Note it."""
        self._asked("announce", conference_sid, url, method)
        await self._conference(conference_sid)
        if not await self._participants(conference_sid=conference_sid):
            raise refused(20404, f"nobody is in conference {conference_sid}")

    async def add_participant(self, participant: NewParticipant) -> tuple[str, CallRecord]:
        """Keep a call, a participant, and a conference where there is none."""
        self._asked("add_participant", participant)
        name, now = participant.conference, self._utcnow()
        found = await self._conference(name) if is_sid(name, CONFERENCE) else None
        if participant.coaching and not participant.call_sid_to_coach:
            raise refused(21244, "CallSidToCoach is missing")
        call = await self.place(participant.call)
        conference = found or await self._database.conferences.running(call.account_sid, name)
        if conference is None:
            conference = ConferenceRecord(
                make_sid(CONFERENCE, self._entropy(16)), call.account_sid, name, ConferenceStatus.INIT,
                call.api_version, now,
            )  # fmt: skip
            await self._database.conferences.create(conference)
        record = ParticipantRecord(
            conference.sid, call.sid, call.account_sid, ParticipantStatus.QUEUED, now, label=participant.label,
            muted=participant.muted, coaching=participant.coaching, call_sid_to_coach=participant.call_sid_to_coach,
            start_conference_on_enter=participant.start_conference_on_enter,
            end_conference_on_exit=participant.end_conference_on_exit,
        )  # fmt: skip
        await self._database.participants.create(record)
        return conference.sid, call

    async def update_participant(self, conference_sid: str, call_sid: str, changes: ParticipantChanges) -> None:
        """Change the record."""
        self._asked("update_participant", conference_sid, call_sid, changes)
        member = await self._participant(conference_sid, call_sid)
        names = ("muted", "hold", "end_conference_on_exit")
        values = {name: getattr(changes, name) for name in names if getattr(changes, name) is not None}
        coaches = bool(changes.call_sid_to_coach) if changes.coaching is None else changes.coaching
        if coaches:
            coached = changes.call_sid_to_coach or member.call_sid_to_coach
            if not coached:
                raise refused(21244, "CallSidToCoach is missing")
            there = await self._participants(conference_sid=conference_sid, call_sid=coached)
            if not there:
                raise refused(16028, "CallSidToCoach is not in the conference")
            if there[0].hold:
                raise refused(16027, "CallSidToCoach is on hold")
            values |= {"coaching": True, "call_sid_to_coach": coached}
        elif changes.coaching is not None:
            values |= {"coaching": False, "call_sid_to_coach": None}
        await self._database.participants.update((conference_sid, call_sid), **values, date_updated=self._utcnow())

    async def kick(self, conference_sid: str, call_sid: str) -> None:
        """The participant is there no more."""
        self._asked("kick", conference_sid, call_sid)
        await self._leave(await self._participant(conference_sid, call_sid), "kicked")

    async def dequeue(self, queue_sid: str, call_sid: str, url: str, method: str) -> None:
        """The caller waits no more."""
        self._asked("dequeue", queue_sid, call_sid, url, method)
        if await self._database.queues.member(queue_sid, call_sid) is None:
            raise refused(20404, f"call {call_sid} does not wait in queue {queue_sid}")
        async with self._database.connections.write() as connection:
            await QUEUE_MEMBERS.remove(connection, call_sid)

    async def forget_queue(self, queue_sid: str) -> None:
        """Note it."""
        self._asked("forget_queue", queue_sid)

    async def validate(self, request: ValidationRequest) -> CallRecord:
        """Keep a call."""
        self._asked("validate", request)
        call = OutgoingCall(
            request.account_sid, request.phone_number, request.phone_number, validation=request.validation_code
        )
        return await self.place(call)

    def live(self) -> Mapping[str, int]:
        """Count those that were asked for here."""
        return dict(Counter(str(status) for status in self._live.values()))

    async def enqueue(self, queue_sid: str, call: CallRecord, since: datetime) -> None:
        """For tests: a call waits in a queue."""
        async with self._database.connections.write() as connection:
            await QUEUE_MEMBERS.save(connection, QueueMemberRecord(call.sid, queue_sid, call.account_sid, since))

    async def _call(self, call_sid: str) -> CallRecord:
        await asyncio.sleep(0)
        call = await self._database.calls.get(call_sid)
        if call is None or call.status.final:
            raise refused(21220, "Call is not in-progress. Cannot redirect.")
        return call

    async def _talking(self, call_sid: str) -> CallRecord:
        call = await self._call(call_sid)
        if call.status is not CallStatus.IN_PROGRESS:
            raise refused(21220, "The call is not in progress.")
        return call

    async def _conference(self, sid: str) -> ConferenceRecord:
        conference = await self._database.conferences.get(sid)
        if conference is None or conference.status is ConferenceStatus.COMPLETED:
            raise refused(20404, f"conference {sid} does not go on")
        return conference

    async def _participant(self, conference_sid: str, call_sid: str) -> ParticipantRecord:
        await self._conference(conference_sid)
        found = await self._participants(conference_sid=conference_sid, call_sid=call_sid)
        if not found:
            raise refused(20404, f"call {call_sid} is not in conference {conference_sid}")
        return found[0]

    async def _participants(
        self, status: ParticipantStatus = ParticipantStatus.CONNECTED, **sids: str
    ) -> list[ParticipantRecord]:
        """Those who are there: whoever is still being called can neither be changed nor hear anything."""
        wanted = [Where("status", "=", status.value), *(Where(name, "=", sid) for name, sid in sids.items())]
        return await self._database.participants.page(wanted)

    async def _leave_all(self, call_sid: str) -> None:
        for one in await self._participants(call_sid=call_sid):
            await self._leave(one, "left")
        async with self._database.connections.write() as connection:
            await QUEUE_MEMBERS.remove(connection, call_sid)

    async def _leave(self, one: ParticipantRecord, how: str) -> None:
        key = one.conference_sid, one.call_sid
        await self._database.participants.update(key, status=ParticipantStatus.COMPLETE, date_updated=self._utcnow())
        if one.end_conference_on_exit:
            reason = f"participant-with-end-conference-on-exit-{how}"
            await self._end_conference(one.conference_sid, reason, one.call_sid)
        elif not await self._participants(conference_sid=one.conference_sid):
            await self._end_conference(one.conference_sid, f"last-participant-{how}", one.call_sid)

    async def _end_conference(self, sid: str, reason: str, call_sid: str | None = None) -> None:
        now = self._utcnow()
        await self._database.conferences.update(
            sid, status=ConferenceStatus.COMPLETED, reason_conference_ended=reason,
            call_sid_ending_conference=call_sid, date_updated=now,
        )  # fmt: skip
        for one in await self._participants(conference_sid=sid):
            key = sid, one.call_sid
            await self._database.participants.update(key, status=ParticipantStatus.COMPLETE, date_updated=now)
        await self._end_recordings(sid)

    async def _keep(self, owner: str, record: RecordingRecord, options: RecordingOptions | None) -> None:
        await self._database.recordings.create(record)
        self._recordings.setdefault(owner, []).append((record.sid, options))

    async def _running(self, recording_sid: str) -> RecordingRecord | None:
        record = await self._database.recordings.get(recording_sid)
        return record if record and record.status in (RecordingStatus.IN_PROGRESS, RecordingStatus.PAUSED) else None

    async def _end_recordings(self, owner: str) -> None:
        for sid, _ in self._recordings.pop(owner, ()):
            if await self._running(sid) is not None:
                await self._database.recordings.update(sid, status=RecordingStatus.ABSENT, date_updated=self._utcnow())

    def _asked(self, method: str, *arguments: Any) -> None:
        self.asked.append((method, arguments))


def _kind(options: RecordingOptions) -> tuple[str, str, str]:
    return options.track, options.channels, options.trim
