"""Conferences: rooms by name, who is in them, and what happens there. 2010-04-01 clause 2.6, 2008-08-01 clause 2.6."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ringback.calls.attendance import Attendance, Attended, ConferenceEvent, ConferenceEventName
from ringback.calls.dialing import Progress
from ringback.calls.errors import CallError
from ringback.calls.journal import Journal
from ringback.calls.race import first_of
from ringback.calls.recorder import LegRecording, start_recording
from ringback.media.client import Media
from ringback.media.leg import LegObserver, MediaError
from ringback.model import events, sids
from ringback.model.audio import Clip
from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.model.status import ApiVersion

if TYPE_CHECKING:
    from ringback.calls.house import House
    from ringback.calls.leg import Leg

LEAVING: Final = {
    "star": "participant_hung_up",
    "time-limit": "participant_hung_up",
    "hangup": "participant_hung_up",
    "redirected": "participant_updated_via_api",
    "kicked": "participant_updated_via_api",
    "ended": "moderator_ended_conference",
}
"""ReasonParticipantLeft of each way to leave."""


@dataclass(eq=False, slots=True)
class Member:
    """Somebody in a conference."""

    leg: "Leg"
    attendance: Attendance
    muted: bool = False
    held: bool = False
    coaches: str = ""
    """Sid of the call that alone hears this one."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody else wants it to leave."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it has left, and all that follows from that is in the journal."""
    reason: str = "hangup"
    """A key of LEAVING."""
    end_on_exit: bool = False
    beep_on_exit: bool = True
    hold_music: "asyncio.Task[Any] | None" = None

    def facts(self) -> dict[str, Any]:
        """What an event tells of it."""
        return {
            "ParticipantLabel": self.attendance.label,
            "Muted": self.muted,
            "Hold": self.held,
            "Coaching": bool(self.coaches),
            "StartConferenceOnEnter": self.attendance.start_on_enter,
            "EndConferenceOnExit": self.end_on_exit,
        }


class _NobodyToCoachError(Exception):
    """The one whom a member was to coach is not in the conference."""


class _Talk(LegObserver):
    """Tells the conference who talks."""

    def __init__(self, tell: Callable[[bool], None]) -> None:
        self._tell = tell

    def on_talking(self, talking: bool) -> None:
        """The member began or stopped to talk."""
        self._tell(talking)


class Conference:
    """One conference, from the first who comes to the last who leaves."""

    def __init__(
        self,
        house: "House",
        media: Media,
        journal: Journal,
        account_sid: str,
        name: str,
        version: ApiVersion,
        forget: Callable[[], None],
    ) -> None:
        self.sid = house.make_sid(sids.CONFERENCE)
        self.name = name
        self.account_sid = account_sid
        self.members: dict[str, Member] = {}
        """By the sid of their call."""
        self.recording: LegRecording | None = None
        self.ended_by = ""
        """Reason for the end, as the REST API has it."""
        self._house = house
        self._media = media
        self._room = media.room()
        self._journal = journal
        self._max: int | None = None
        self._watch: Callable[[ConferenceEvent], None] | None = None
        self._sequence = 0
        self._started = asyncio.Event()
        self._called: set[str] = set()
        """Calls of whom is to come."""
        self._over = False
        self._forget = forget
        now = house.utcnow()
        self._journal.save(
            ConferenceRecord(
                sid=self.sid, account_sid=self.account_sid, friendly_name=self.name, status=ConferenceStatus.INIT,
                api_version=version, date_created=now, date_updated=now,
            )
        )  # fmt: skip

    # -- taking part --------------------------------------------------------------------------------------------

    async def attend(self, leg: "Leg", attendance: Attendance) -> Attended:
        """Be in the conference until that is over."""
        if self._max is None:
            self._max, self._watch = attendance.max_participants, attendance.watch
        if len(self.members) >= self._max:
            leg.note(events.ERROR, code=16020, message=f"conference {self.name} is full: {self._max} are in it")
            return Attended(self.sid, "full")
        began = leg.now()
        member = Member(leg, attendance, attendance.muted, end_on_exit=attendance.end_on_exit)
        member.beep_on_exit = attendance.beep in ("true", "onExit")
        self._enter(member)
        try:
            await self._start_if_due(member)
            reason = await self._stay(member)
        except _NobodyToCoachError as error:
            leg.note(events.WARNING, code=16028, message=f"conference {self.name}: {error}")
            return Attended(self.sid, "failed", round(leg.now() - began))
        except asyncio.CancelledError:
            member.reason = "hangup" if leg.status.final else "redirected"
            raise
        except MediaError as error:
            leg.note(events.ERROR, code=16001, message=f"conference {self.name} cannot be joined: {error}")
            return Attended(self.sid, "failed", round(leg.now() - began))
        else:
            member.reason = reason
        finally:
            await self._leave(member)
        recording = self.recording.sid if self.recording else ""
        return Attended(self.sid, member.reason, round(leg.now() - began), recording)  # type: ignore[arg-type]

    def expect(self, call_sid: str) -> None:
        """Somebody is being called into the conference; `called` tells how that gets on."""
        self._called.add(call_sid)

    def called(self, call_sid: str, progress: Progress) -> None:
        """The call of somebody who is expected gets on. Nothing is new where that one has come already."""
        if call_sid not in self._called:
            return
        status = {"initiated": ParticipantStatus.CONNECTING, "ringing": ParticipantStatus.RINGING}.get(progress)
        if progress == "completed":
            self._called.discard(call_sid)
            status = ParticipantStatus.FAILED
        if status is not None:
            now = self._house.utcnow()
            self._journal.change(ParticipantRecord, (self.sid, call_sid), status=status, date_updated=now)
        if status is ParticipantStatus.FAILED:
            self._tell("participant-leave", CallSid=call_sid, ReasonParticipantLeft="participant_add_failed")
            if not self.members and not self._called:
                self._end("last-participant-left", call_sid)

    def _enter(self, member: Member) -> None:
        leg, attendance = member.leg, member.attendance
        self.members[leg.info.sid] = member
        self._called.discard(leg.info.sid)
        now = self._house.utcnow()
        self._journal.save(
            ParticipantRecord(
                conference_sid=self.sid, call_sid=leg.info.sid, account_sid=self.account_sid,
                status=ParticipantStatus.CONNECTED, date_created=now, date_updated=now,
                label=attendance.label or None, muted=member.muted, coaching=bool(attendance.coach),
                call_sid_to_coach=attendance.coach or None,
                start_conference_on_enter=attendance.start_on_enter,
                end_conference_on_exit=attendance.end_on_exit,
            )
        )  # fmt: skip
        self._tell("participant-join", member)

    async def _start_if_due(self, member: Member) -> None:
        ready = any(each.attendance.start_on_enter for each in self.members.values())
        if self._started.is_set() or len(self.members) < 2 or not ready:
            return
        self._started.set()
        now = self._house.utcnow()
        self._journal.change(ConferenceRecord, self.sid, status=ConferenceStatus.IN_PROGRESS, date_updated=now)
        self._tell("conference-start")
        wished = next((each for each in self.members.values() if each.attendance.record is not None), None)
        if wished is not None and wished.attendance.record is not None and self.recording is None:
            try:
                await self.record(wished.leg, wished.attendance.record)
            except CallError as error:
                wished.leg.note(events.WARNING, code=13618, message=str(error))

    async def _stay(self, member: Member) -> str:
        """Wait for the beginning, then talk; return why that is over."""
        try:
            async with asyncio.timeout(member.attendance.time_limit):
                return await self._wait_and_talk(member)
        except TimeoutError:
            return "time-limit"

    async def _wait_and_talk(self, member: Member) -> str:
        if not self._started.is_set():
            await first_of(member.left.wait(), self._star(member), self._started.wait(), self._wait(member))
            if not self._started.is_set():
                return member.reason if member.left.is_set() else "star"
        await self._join(member)
        await first_of(member.left.wait(), self._star(member))
        return member.reason if member.left.is_set() else "star"

    async def _wait(self, member: Member) -> None:
        """What a member hears before the conference begins; then nothing."""
        leg = member.leg
        if member.attendance.wait is not None:
            await member.attendance.wait(leg)
        elif leg.audio.leg is not None:
            await leg.audio.leg.tone("hold-music", loop=0)
        await asyncio.get_running_loop().create_future()

    async def _star(self, member: Member) -> None:
        while True:
            key = await member.leg.next_key()
            if key == "*" and member.attendance.hangup_on_star:
                return

    async def _join(self, member: Member) -> None:
        leg, audio = member.leg, member.leg.audio.leg
        if audio is None:
            raise MediaError("the call has no audio")
        if member.attendance.coach and member.attendance.coach not in self.members:
            # Who was to be heard by one alone must not be heard by all instead.
            raise _NobodyToCoachError(f"{member.attendance.coach}, who was to be coached, is not in it")
        audio.observer = _Talk(partial(self._talks, member))
        await audio.join(self._room, watched=True)
        if member.muted:
            await audio.mute(True)
        if member.held:
            await audio.hold(True)
        if member.attendance.coach:
            await self.coach(leg.info.sid, member.attendance.coach)
        if member.attendance.beep in ("true", "onEnter"):
            await self._beep("join")

    def _talks(self, member: Member, talking: bool) -> None:
        self._tell("participant-speech-start" if talking else "participant-speech-stop", member)

    async def _beep(self, kind: Any) -> None:
        with suppress(MediaError):
            await self._media.beep(self._room, kind)

    async def _leave(self, member: Member) -> None:
        leg = member.leg
        self.members.pop(leg.info.sid, None)
        if member.hold_music is not None:
            member.hold_music.cancel()
        if leg.audio.leg is not None:
            leg.audio.leg.observer = LegObserver()
            with suppress(MediaError):
                await asyncio.shield(leg.audio.leg.leave())
        now = self._house.utcnow()
        self._journal.change(
            ParticipantRecord, (self.sid, leg.info.sid), status=ParticipantStatus.COMPLETE, date_updated=now
        )
        self._tell("participant-leave", member, ReasonParticipantLeft=LEAVING.get(member.reason, "participant_hung_up"))
        if member.end_on_exit and not self._over:
            how = "kicked" if member.reason == "kicked" else "left"
            self._end(f"participant-with-end-conference-on-exit-{how}", leg.info.sid)
        elif not self.members:
            self._end("last-participant-kicked" if member.reason == "kicked" else "last-participant-left", leg.info.sid)
        elif self._started.is_set() and member.beep_on_exit and not self._over:
            self._house.detach(self._beep("leave"), "beep")
        member.gone.set()

    # -- the end ------------------------------------------------------------------------------------------------

    def _end(self, reason: str, call_sid: str = "") -> None:
        """Send everybody out; the conference is over at once."""
        if self._over:
            return
        self._over, self.ended_by = True, reason
        self._forget()
        if self.recording is not None:
            self._house.detach(self.recording.stop(), f"recording {self.recording.sid}")
        now = self._house.utcnow()
        self._journal.change(
            ConferenceRecord, self.sid, status=ConferenceStatus.COMPLETED, reason_conference_ended=reason,
            call_sid_ending_conference=call_sid or None, date_updated=now,
        )  # fmt: skip
        for member in list(self.members.values()):
            member.reason = "ended"
            member.left.set()
        ended = {"CallSidEndingConference": call_sid, "ReasonConferenceEnded": reason, "Reason": reason}
        self._tell("conference-end", None, **{name: value for name, value in ended.items() if value})

    def end(self) -> None:
        """Somebody wants it to be over."""
        self._end("conference-ended-via-api")

    # -- control ------------------------------------------------------------------------------------------------

    def kick(self, call_sid: str) -> None:
        """Send a member out. Raises KeyError where it is no member."""
        member = self.members[call_sid]
        member.reason = "kicked"
        member.left.set()

    async def mute(self, call_sid: str, muted: bool) -> None:
        """Let a member be heard no longer, or again. Raises KeyError."""
        member = self.members[call_sid]
        if member.muted != muted:
            member.muted = muted
            if member.leg.audio.leg is not None and self._started.is_set():
                await member.leg.audio.leg.mute(muted)
            self._changed(member, muted=muted)
            self._tell("participant-mute" if muted else "participant-unmute", member)

    async def hold(
        self, call_sid: str, held: bool, entertain: "Callable[[Leg], Awaitable[None]] | None" = None
    ) -> None:
        """Take a member out of the talk, or back in; `entertain` conducts it meanwhile. Raises KeyError."""
        member = self.members[call_sid]
        if member.held == held:
            return
        member.held = held
        if member.hold_music is not None:
            member.hold_music.cancel()
            member.hold_music = None
        audio = member.leg.audio.leg
        if audio is not None and self._started.is_set():
            await audio.hold(held)
            if held:
                music = entertain(member.leg) if entertain else audio.tone("hold-music", loop=0)
                member.hold_music = member.leg.tasks.start(_quietly(music), "hold music")
        self._changed(member, hold=held)
        self._tell("participant-hold" if held else "participant-unhold", member)

    async def coach(self, call_sid: str, coached: str | None) -> None:
        """Let a member be heard by one other alone, or by all again. Raises KeyError where either is no member."""
        member = self.members[call_sid]
        audio = member.leg.audio.leg
        target = self.members[coached].leg.audio.leg if coached else None
        member.coaches = coached or ""
        if audio is not None:
            await audio.coach(target)
        self._changed(member, coaching=bool(coached), call_sid_to_coach=coached)
        self._tell("participant-modify", member)

    def change(self, call_sid: str, *, end_on_exit: bool | None = None, beep_on_exit: bool | None = None) -> None:
        """Change what happens when a member leaves. Raises KeyError."""
        member = self.members[call_sid]
        if beep_on_exit is not None:
            member.beep_on_exit = beep_on_exit
        if end_on_exit is not None:
            member.end_on_exit = end_on_exit
            self._changed(member, end_conference_on_exit=end_on_exit)
        self._tell("participant-modify", member)

    async def announce(self, clip: Clip, url: str = "") -> None:
        """Let all hear something on top of the talk."""
        try:
            await self._media.announce(self._room, clip)
        except MediaError as error:
            self.announcement_failed(url, str(error))
        else:
            self._tell("announcement-end", None, AnnounceUrl=url)

    def announcement_failed(self, url: str, why: str) -> None:
        """What was to be heard could not be had."""
        self._tell("announcement-fail", None, AnnounceUrl=url, ReasonAnnouncementFailed=why)

    async def record(self, leg: "Leg", options: Any) -> LegRecording:
        """Record what all say, until the end. Raises CallError where that cannot be, or is done already."""
        if self.recording is not None and not self.recording.status.final:
            raise CallError(f"conference {self.name} is being recorded already")
        self.recording = await start_recording(
            leg, options, record=partial(self._media.record, self._room), conference_sid=self.sid
        )
        return self.recording

    def _changed(self, member: Member, **changes: Any) -> None:
        now = self._house.utcnow()
        self._journal.change(ParticipantRecord, (self.sid, member.leg.info.sid), date_updated=now, **changes)

    def _tell(self, name: ConferenceEventName, member: Member | None = None, **data: Any) -> None:
        self._sequence += 1
        if self._watch is None:
            return
        call_sid = member.leg.info.sid if member else ""
        facts = {**(member.facts() if member else {}), **data}
        self._watch(ConferenceEvent(name, self._sequence, self.sid, self.name, call_sid, facts))


class Conferences:
    """All conferences that go on, by account and name."""

    def __init__(self, house: "House", media: Media, journal: Journal) -> None:
        self._house = house
        self._media = media
        self._journal = journal
        self._rooms: dict[tuple[str, str], Conference] = {}

    async def attend(self, leg: "Leg", attendance: Attendance) -> Attended:
        """Take part in a conference, which begins with its first member."""
        info = leg.info
        return await self.open(info.account_sid, attendance.room, info.api_version).attend(leg, attendance)

    def open(self, account_sid: str, name: str, version: ApiVersion) -> Conference:
        """The conference of that name, made where none goes on."""
        key = account_sid, name
        if key not in self._rooms:
            forget = partial(self._forget, key)
            self._rooms[key] = Conference(self._house, self._media, self._journal, account_sid, name, version, forget)
        return self._rooms[key]

    def _forget(self, key: tuple[str, str]) -> None:
        del self._rooms[key]

    def __iter__(self) -> Iterator[Conference]:
        return iter(list(self._rooms.values()))

    def find(self, sid: str) -> Conference | None:
        """The conference of that sid, while it goes on."""
        return next((room for room in self._rooms.values() if room.sid == sid), None)

    def named(self, account_sid: str, name: str) -> Conference | None:
        """The conference of that name, while it goes on."""
        return self._rooms.get((account_sid, name))


async def _quietly(music: Awaitable[None]) -> None:
    with suppress(MediaError):
        await music
