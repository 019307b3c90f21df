"""What the REST API does to conferences and who is in them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from ringback.app.outgoing import OutgoingCalls
from ringback.app.voice import VoiceApplications
from ringback.calls.conferences import Conference
from ringback.calls.leg import Leg
from ringback.calls.switch import Switch
from ringback.model import sids
from ringback.model.conferences import ParticipantRecord, ParticipantStatus
from ringback.model.errors import ApplicationError
from ringback.model.outgoing import OutgoingCall
from ringback.model.records import CallRecord
from ringback.rest.control import NewParticipant, ParticipantChanges
from ringback.rest.errors import RestError, refused
from ringback.storage.database import Database
from ringback.storage.events_writer import EventWriter
from ringback.twiml.services import Fetch, Method


class ConferenceControl:
    """Commands to conferences that go on."""

    def __init__(
        self,
        database: Database,
        switch: Switch,
        voice: VoiceApplications,
        outgoing: OutgoingCalls,
        journal: EventWriter,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._switch = switch
        self._voice = voice
        self._outgoing = outgoing
        self._journal = journal
        self._utcnow = utcnow

    async def end(self, conference_sid: str) -> None:
        """End it."""
        self._conference(conference_sid).end()
        await self._journal.flush()

    async def kick(self, conference_sid: str, call_sid: str) -> None:
        """Take somebody out."""
        conference = self._conference(conference_sid)
        try:
            conference.kick(call_sid)
        except KeyError:
            raise _nobody(conference_sid, call_sid) from None
        await self._journal.flush()

    async def update(self, conference_sid: str, call_sid: str, changes: ParticipantChanges) -> None:
        """Change somebody's part."""
        conference = self._conference(conference_sid)
        member = conference.members.get(call_sid)
        if member is None:
            raise _nobody(conference_sid, call_sid)
        if changes.coaching and (changes.call_sid_to_coach or member.coaches) not in conference.members:
            raise refused(16028, "CallSidToCoach is not in the conference")
        if changes.muted is not None:
            await conference.mute(call_sid, changes.muted)
        if changes.hold is not None:
            url = changes.hold_url
            entertain = self._entertainer(url, "GET" if changes.hold_method == "GET" else "POST") if url else None
            await conference.hold(call_sid, changes.hold, entertain)
        if changes.coaching is not None or changes.call_sid_to_coach:
            coaches = changes.coaching if changes.coaching is not None else True
            await conference.coach(call_sid, (changes.call_sid_to_coach or member.coaches) if coaches else None)
        if changes.end_conference_on_exit is not None or changes.beep_on_exit is not None:
            conference.change(call_sid, end_on_exit=changes.end_conference_on_exit, beep_on_exit=changes.beep_on_exit)
        if changes.announce_url:
            method: Method = "GET" if changes.announce_method == "GET" else "POST"
            entertain = self._entertainer(changes.announce_url, method)
            member.leg.tasks.start(_run(entertain, member.leg), "announcement")
        await self._journal.flush()

    async def announce(self, conference_sid: str, url: str, method: Method) -> None:
        """Let all hear what a URL answers with."""
        conference = self._conference(conference_sid)
        member = next(iter(conference.members.values()), None)
        conducting = self._voice.find(member.leg.info.sid) if member else None
        if member is None or conducting is None:
            raise refused(20404, f"nobody is in conference {conference_sid}")
        leg, services = member.leg, conducting.services

        async def announce() -> None:
            try:
                for clip in await services.clips(leg, Fetch(url, method)):
                    await conference.announce(clip, url)
            except ApplicationError as error:
                conference.announcement_failed(url, str(error))

        leg.detach(announce(), f"announcement in {conference_sid}")

    def _entertainer(self, url: str, method: Method) -> Callable[[Leg], Awaitable[None]]:
        async def entertain(leg: Leg) -> None:
            conducting = self._voice.find(leg.info.sid)
            if conducting is None:
                return
            for clip in await conducting.services.clips(leg, Fetch(url, method)):
                await leg.play(clip)

        return entertain

    async def add(self, participant: NewParticipant) -> tuple[str, CallRecord]:
        """Call somebody into a conference: the call's document is a Dial into it."""
        call = participant.call
        running = self._switch.conferences.find(participant.conference)
        name = running.name if running is not None else participant.conference
        if running is None and sids.is_sid(participant.conference, sids.CONFERENCE):
            raise refused(20404, f"conference {participant.conference} does not go on")
        if participant.coaching and not participant.call_sid_to_coach:
            raise refused(21244, "CallSidToCoach is missing")
        running = running or self._switch.conferences.open(call.account_sid, name, call.api_version)
        request = _with_document(participant, name)
        record = await self._outgoing.ask(request)
        now = self._utcnow()
        self._journal.save(
            ParticipantRecord(
                conference_sid=running.sid,
                call_sid=record.sid,
                account_sid=call.account_sid,
                status=ParticipantStatus.QUEUED,
                date_created=now,
                label=participant.label,
                muted=participant.muted,
                coaching=participant.coaching,
                call_sid_to_coach=participant.call_sid_to_coach,
                start_conference_on_enter=participant.start_conference_on_enter,
                end_conference_on_exit=participant.end_conference_on_exit,
                date_updated=now,
            )
        )
        await self._journal.flush()
        return running.sid, record

    def _conference(self, sid: str) -> Conference:
        conference = self._switch.conferences.find(sid)
        if conference is None:
            raise refused(20404, f"conference {sid} does not go on")
        return conference


async def _run(entertain: Callable[[Leg], Awaitable[None]], leg: Leg) -> None:
    await entertain(leg)


def _nobody(conference_sid: str, call_sid: str) -> RestError:
    return refused(20404, f"call {call_sid} is not in conference {conference_sid}")


def _with_document(participant: NewParticipant, name: str) -> OutgoingCall:
    attributes: dict[str, str | None] = {
        "muted": _flag(participant.muted),
        "beep": participant.beep,
        "startConferenceOnEnter": _flag(participant.start_conference_on_enter),
        "endConferenceOnExit": _flag(participant.end_conference_on_exit),
        "participantLabel": participant.label,
        "waitUrl": participant.wait_url,
        "waitMethod": participant.wait_method if participant.wait_url else None,
        "maxParticipants": str(participant.max_participants) if participant.max_participants else None,
        "coach": participant.call_sid_to_coach if participant.coaching else None,
        "record": "record-from-start" if participant.conference_record else None,
        "trim": participant.conference_trim if participant.conference_record else None,
        "statusCallback": participant.conference_status_callback,
        "statusCallbackMethod": participant.conference_status_callback_method
        if participant.conference_status_callback
        else None,
        "statusCallbackEvent": " ".join(participant.conference_status_callback_events) or None,
        "recordingStatusCallback": participant.conference_recording_status_callback,
        "recordingStatusCallbackMethod": participant.conference_recording_status_callback_method
        if participant.conference_recording_status_callback
        else None,
    }
    written = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items() if value is not None)
    document = f"<Response><Dial><Conference{written}>{escape(name)}</Conference></Dial></Response>"
    return replace(participant.call, twiml=document, url=None, application_sid=None)


def _flag(value: bool) -> str:
    return "true" if value else "false"
