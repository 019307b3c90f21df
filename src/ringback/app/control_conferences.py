"""What the REST API does to conferences and who is in them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from ringback.app.voice import VoiceApplications
from ringback.calls.conferences import Conference, Member
from ringback.calls.dialing import Progress
from ringback.calls.leg import Leg
from ringback.calls.switch import Switch
from ringback.model import sids
from ringback.model.conferences import ParticipantRecord, ParticipantStatus
from ringback.model.errors import ApplicationError
from ringback.model.outgoing import OutgoingCall
from ringback.model.records import CallRecord
from ringback.rest.control import NewParticipant, ParticipantChanges
from ringback.rest.errors import RestError, refused
from ringback.storage.events_writer import EventWriter
from ringback.twiml.services import Fetch, Method, read_method

_PATIENCE: Final = 5.0
"""Seconds that a command waits for those whom it sends out of a conference: their audio must let go of them."""


class ConferenceControl:
    """Commands to conferences that go on."""

    def __init__(
        self,
        switch: Switch,
        voice: VoiceApplications,
        place: Callable[[OutgoingCall], Awaitable[CallRecord]],
        journal: EventWriter,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._switch = switch
        self._voice = voice
        self._place = place
        self._journal = journal
        self._utcnow = utcnow
        self._called: dict[str, Conference] = {}
        """Where those are to come that are being called, by their calls."""

    def on_progress(self, call_sid: str, progress: Progress) -> None:
        """A call of the REST API gets on. Whoever does not pick up comes to no conference."""
        conference = self._called.get(call_sid)
        if conference is None:
            return
        if progress == "completed":
            del self._called[call_sid]
        conference.called(call_sid, progress)

    async def end(self, conference_sid: str) -> None:
        """End it."""
        conference = self._conference(conference_sid)
        members = list(conference.members.values())
        conference.end()
        await _gone(members)
        await self._journal.flush()

    async def kick(self, conference_sid: str, call_sid: str) -> None:
        """Take somebody out."""
        conference = self._conference(conference_sid)
        member = conference.members.get(call_sid)
        if member is None:
            raise _nobody(conference_sid, call_sid)
        conference.kick(call_sid)
        await _gone([member])
        await self._journal.flush()

    async def update(self, conference_sid: str, call_sid: str, changes: ParticipantChanges) -> None:
        """Change somebody's part."""
        conference = self._conference(conference_sid)
        member = conference.members.get(call_sid)
        if member is None:
            raise _nobody(conference_sid, call_sid)
        coaches = bool(changes.call_sid_to_coach) if changes.coaching is None else changes.coaching
        coached = changes.call_sid_to_coach or member.coaches
        if coaches and not coached:
            raise refused(21244, "CallSidToCoach is missing")
        if coaches and coached not in conference.members:
            raise refused(16028, "CallSidToCoach is not in the conference")
        if coaches and coached and conference.members[coached].held:
            raise refused(16027, "CallSidToCoach is on hold")
        try:
            await self._change(conference, member, changes, coached if coaches else None)
        except KeyError:
            raise _nobody(conference_sid, call_sid) from None  # somebody has left meanwhile
        await self._journal.flush()

    async def _change(
        self, conference: Conference, member: Member, changes: ParticipantChanges, coached: str | None
    ) -> None:
        call_sid = member.leg.info.sid
        if changes.muted is not None:
            await conference.mute(call_sid, changes.muted)
        if changes.hold is not None:
            url = changes.hold_url
            entertain = self._entertainer(url, read_method(changes.hold_method)) if url else None
            await conference.hold(call_sid, changes.hold, entertain)
        if changes.coaching is not None or coached:
            await conference.coach(call_sid, coached)
        if changes.end_conference_on_exit is not None or changes.beep_on_exit is not None:
            conference.change(call_sid, end_on_exit=changes.end_conference_on_exit, beep_on_exit=changes.beep_on_exit)
        if changes.announce_url:
            entertain = self._entertainer(changes.announce_url, read_method(changes.announce_method))
            member.leg.tasks.start(_run(entertain, member.leg), "announcement")

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
        record = await self._place(_with_document(participant, name))
        # Opened when the call is sure to be made: a conference to which nobody comes would never end.
        running = self._switch.conferences.open(call.account_sid, name, call.api_version)
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
        self._called[record.sid] = running
        running.expect(record.sid)
        await self._journal.flush()
        return running.sid, record

    def _conference(self, sid: str) -> Conference:
        conference = self._switch.conferences.find(sid)
        if conference is None:
            raise refused(20404, f"conference {sid} does not go on")
        return conference


async def _run(entertain: Callable[[Leg], Awaitable[None]], leg: Leg) -> None:
    await entertain(leg)


async def _gone(members: Iterable[Member]) -> None:
    """Wait until they have left, so that the store says so when the command is answered."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            for member in members:
                await member.gone.wait()


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
