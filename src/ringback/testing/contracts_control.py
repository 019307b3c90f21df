"""What every implementation of `ringback.rest.control.CallControl` must do, as checks that run against any of them.

The fake of the REST API's tests passes them, and so does the control of the real server: what holds for requests to
the one holds for requests to the other. 2010-04-01 clause 9.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.model.outgoing import OutgoingCall, RecordingOptions
from ringback.model.recordings import RecordingRecord, RecordingStatus
from ringback.model.status import CallStatus
from ringback.rest.control import CallControl, Instructions, NewParticipant, ParticipantChanges, ValidationRequest
from ringback.rest.errors import RestError

NOBODY: Final = "CA" + "0" * 32
NOWHERE: Final = "CF" + "0" * 32
_OVER: Final = {
    RecordingStatus.STOPPED, RecordingStatus.PROCESSING, RecordingStatus.COMPLETED, RecordingStatus.ABSENT,
}  # fmt: skip
_TURN: Final = Instructions(twiml='<Response><Pause length="600"/></Response>')
_TOLD: Final = Instructions(status_callback="http://shop.example/told")


class Subject(Protocol):
    """A control, means to bring about what it is to control, and a look at what it has put into the store."""

    @property
    def control(self) -> CallControl:
        """The control that is checked."""
        ...

    url: str
    """Answers with TwiML."""
    sound: str
    """Answers with audio."""

    def outgoing(self) -> OutgoingCall:
        """A call that may be placed; whoever is called takes a moment to answer."""
        ...

    async def queued(self) -> str:
        """The sid of a call that waits for its turn for long. No call after it is made soon."""
        ...

    async def ringing(self) -> str:
        """The sid of a call that is not answered for long."""
        ...

    async def talking(self) -> str:
        """The sid of a call that is in progress for long."""
        ...

    async def ended(self) -> str:
        """The sid of a call that was answered, and is over."""
        ...

    async def conference(self) -> tuple[str, str, str]:
        """The sids of a conference that goes on, and of the two calls that are in it."""
        ...

    async def recorded(self) -> tuple[str, str]:
        """The sids of a conference with two participants and of the recording of it that goes on."""
        ...

    async def waiting(self) -> tuple[str, str]:
        """The sids of a queue and of the one call that waits in it."""
        ...

    async def status(self, call_sid: str) -> CallStatus:
        """The status of a call, as stored."""
        ...

    async def conference_of(self, sid: str) -> ConferenceRecord | None:
        """A conference, as stored."""
        ...

    async def participant(self, conference_sid: str, call_sid: str) -> ParticipantRecord | None:
        """A participant, as stored."""
        ...

    async def recording(self, sid: str) -> RecordingRecord | None:
        """A recording, as stored."""
        ...

    async def members(self, queue_sid: str) -> list[str]:
        """The sids of the calls that wait in a queue, as stored."""
        ...


MakeSubject = Callable[[], AbstractAsyncContextManager[Subject]]
Check = Callable[[Subject], Awaitable[None]]


def named(check: Check) -> str:
    """The promise that a check is about, in words."""
    return getattr(check, "__name__", "check").strip("_").replace("_", " ")


async def check_control(make: MakeSubject, checks: tuple[Check, ...] = ()) -> None:
    """Assert that a control keeps the promises of `CallControl`, or those of some checks only.

    `make` returns a subject of its own for each check, as a context manager. Raises AssertionError with the promise
    that was broken.
    """
    for check in checks or CHECKS:
        async with make() as subject:
            try:
                await check(subject)
            except (AssertionError, RestError) as error:
                raise AssertionError(f"{named(check)}: {error!r}") from error


async def _refused(code: int, *commands: Callable[[], Awaitable[Any]]) -> None:
    """Assert that each command is refused with a code and the HTTP status that belongs to it."""
    for place, command in enumerate(commands, 1):
        try:
            await command()
        except RestError as error:
            told = error.http_status, error.code
            assert told == (404 if code == 20404 else 400, code), f"command {place} was refused with {told}"
            assert error.message, f"command {place} was refused without a sentence"
        else:
            raise AssertionError(f"command {place} was not refused with {code}")


# -- calls ----------------------------------------------------------------------------------------------------------


async def _a_call_is_stored_and_counted_when_it_is_placed(the: Subject) -> None:
    wanted = the.outgoing()
    made = await the.control.place(wanted)
    assert (made.account_sid, made.to, made.status) == (wanted.account_sid, wanted.to, CallStatus.QUEUED), made
    assert await the.status(made.sid) is CallStatus.QUEUED, "it is not in the store"
    assert the.control.live().get("queued") == 1, the.control.live()


async def _calls_are_counted_by_status_while_they_live(the: Subject) -> None:
    for _ in range(2):
        sid = await the.talking()
    await the.ringing()
    counted = the.control.live()
    assert (counted.get("in-progress"), counted.get("ringing")) == (2, 1), counted
    await the.control.complete(sid)
    counted = the.control.live()
    assert (counted.get("in-progress"), counted.get("completed", 0)) == (1, 0), counted


async def _only_a_call_in_progress_goes_on_elsewhere(the: Subject) -> None:
    redirect, live = the.control.redirect, await the.talking()
    for instructions in (_TURN, Instructions(url=the.url, method="GET"), _TOLD, Instructions(time_limit=600)):
        await redirect(live, instructions)
        assert await the.status(live) is CallStatus.IN_PROGRESS
    ringing, ended = await the.ringing(), await the.ended()
    await redirect(ringing, _TOLD)
    queued = await the.queued()
    await _refused(21220, *(lambda sid=sid: redirect(sid, _TURN) for sid in (ringing, queued, ended, NOBODY)))
    await _refused(21220, *(lambda sid=sid: redirect(sid, _TOLD) for sid in (queued, ended, NOBODY)))


async def _a_call_is_completed_in_each_state_once(the: Subject) -> None:
    complete = the.control.complete
    ended, talking, ringing = await the.ended(), await the.talking(), await the.ringing()
    queued = await the.queued()
    for sid, status in (
        (talking, CallStatus.COMPLETED), (ringing, CallStatus.CANCELED), (queued, CallStatus.CANCELED),
    ):  # fmt: skip
        await complete(sid)
        assert await the.status(sid) is status, f"{await the.status(sid)} and not {status}"
    await _refused(21220, *(lambda sid=sid: complete(sid) for sid in (talking, ringing, queued, ended, NOBODY)))


async def _a_call_is_taken_back_until_it_is_answered(the: Subject) -> None:
    cancel = the.control.cancel
    ended, talking, ringing = await the.ended(), await the.talking(), await the.ringing()
    queued = await the.queued()
    for sid in (ringing, queued):
        await cancel(sid)
        assert await the.status(sid) is CallStatus.CANCELED, await the.status(sid)
    await _refused(21220, *(lambda sid=sid: cancel(sid) for sid in (talking, ringing, queued, ended, NOBODY)))
    assert await the.status(talking) is CallStatus.IN_PROGRESS, "what was refused ended the call"


async def _only_a_call_in_progress_hears_and_is_heard(the: Subject) -> None:
    control, live = the.control, await the.talking()
    ringing, ended = await the.ringing(), await the.ended()
    for sid in (live, ringing, ended, await the.queued(), NOBODY):
        commands: tuple[Callable[[], Awaitable[Any]], ...] = (
            lambda sid=sid: control.play(sid, the.sound, 2),  # type: ignore[misc]
            lambda sid=sid: control.say(sid, "Hello", "woman", "en"),  # type: ignore[misc]
            lambda sid=sid: control.send_digits(sid, "1#"),  # type: ignore[misc]
            lambda sid=sid: control.start_recording(sid, RecordingOptions()),  # type: ignore[misc]
        )
        if sid != live:
            await _refused(21220, *commands)
            continue
        for command in commands:
            await command()
    assert await control.current_recording(live) is not None
    assert await control.current_recording(NOBODY) is None


async def _who_proves_a_number_is_called(the: Subject) -> None:
    wanted = the.outgoing()
    made = await the.control.validate(ValidationRequest(wanted.account_sid, wanted.to, "Desk", "123456"))
    assert (made.account_sid, made.to, made.status) == (wanted.account_sid, wanted.to, CallStatus.QUEUED), made
    assert await the.status(made.sid) is CallStatus.QUEUED, "it is not in the store"


# -- recordings -----------------------------------------------------------------------------------------------------


async def _steered(the: Subject, sid: str) -> None:
    """Assert that a recording that goes on is paused, resumed and stopped."""
    for status in ("paused", "paused", "in-progress", "in-progress", "paused"):
        told = await the.control.update_recording(sid, status, "skip")
        assert (told.sid, told.status) == (sid, status), told
        assert await the.recording(sid) == told, "the store tells otherwise"
    told = await the.control.update_recording(sid, "stopped")
    assert told.status in _OVER, told
    again = (lambda status=status: the.control.update_recording(sid, status) for status in ("paused", "stopped"))
    await _refused(21220, *again)


async def _a_recording_is_paused_resumed_and_stopped(the: Subject) -> None:
    call = await the.talking()
    assert await the.control.current_recording(call) is None
    made = await the.control.start_recording(call, RecordingOptions("dual", "inbound"))
    told = made.call_sid, made.conference_sid, made.status, made.source, made.channels, made.track
    assert told == (call, None, RecordingStatus.IN_PROGRESS, "StartCallRecordingAPI", 2, "inbound"), made
    assert await the.recording(made.sid) == made, "the store tells otherwise"
    assert await the.control.current_recording(call) == made.sid
    await _steered(the, made.sid)
    assert await the.control.current_recording(call) is None
    await _refused(21220, lambda: the.control.update_recording("RE" + "0" * 32, "paused"))


async def _an_identical_recording_is_not_begun_twice(the: Subject) -> None:
    call, start = await the.talking(), the.control.start_recording
    first = await start(call, RecordingOptions())
    assert (await start(call, RecordingOptions(status_callback=the.url))).sid == first.sid, "it was begun twice"
    other = await start(call, RecordingOptions("dual"))
    assert other.sid != first.sid, "another kind of recording is another recording"
    for sid in (other.sid, first.sid):
        assert await the.control.current_recording(call) == sid, "the newest is not the current one"
        await the.control.update_recording(sid, "stopped")
    assert (await start(call, RecordingOptions())).sid != first.sid, "one that is over was given out again"


async def _a_recording_ends_with_its_call(the: Subject) -> None:
    call = await the.talking()
    made = await the.control.start_recording(call, RecordingOptions())
    await the.control.complete(call)
    ended = await the.recording(made.sid)
    assert ended is not None and ended.status in _OVER, ended
    assert await the.control.current_recording(call) is None
    await _refused(21220, lambda: the.control.update_recording(made.sid, "paused"))


async def _a_conference_s_recording_is_steered_too(the: Subject) -> None:
    conference, sid = await the.recorded()
    assert await the.control.current_recording(conference) == sid
    await _steered(the, sid)
    assert await the.control.current_recording(conference) is None


# -- conferences ----------------------------------------------------------------------------------------------------


async def _there(the: Subject, conference: str, call: str) -> ParticipantRecord:
    found = await the.participant(conference, call)
    assert found is not None, "the participant is not in the store"
    return found


async def _ended_by(the: Subject, conference: str) -> str | None:
    found = await the.conference_of(conference)
    assert found is not None and found.status is ConferenceStatus.COMPLETED, found
    return found.reason_conference_ended


async def _a_participant_is_changed_and_the_rest_stays(the: Subject) -> None:
    conference, one, two = await the.conference()
    changed: dict[str, Any] = {"muted": False, "hold": False, "end_conference_on_exit": False, "coaching": False}
    for changes, more in (
        (ParticipantChanges(muted=True), {"muted": True}),
        (ParticipantChanges(hold=True, hold_url=the.sound), {"hold": True}),
        (ParticipantChanges(muted=False), {"muted": False}),
        (ParticipantChanges(end_conference_on_exit=True, beep_on_exit=False), {"end_conference_on_exit": True}),
        (ParticipantChanges(coaching=True, call_sid_to_coach=two), {"coaching": True, "call_sid_to_coach": two}),
        (ParticipantChanges(coaching=True), {}),
        (ParticipantChanges(hold=False, announce_url=the.sound), {"hold": False}),
        (ParticipantChanges(coaching=False), {"coaching": False, "call_sid_to_coach": None}),
        (ParticipantChanges(call_sid_to_coach=two), {"coaching": True, "call_sid_to_coach": two}),
    ):
        await the.control.update_participant(conference, one, changes)
        changed |= more
        found = await _there(the, conference, one)
        assert {name: getattr(found, name) for name in changed} == changed, f"{changes}: {found}"
    other = await _there(the, conference, two)
    assert (other.muted, other.hold, other.coaching, other.status) == (False, False, False, ParticipantStatus.CONNECTED)


async def _who_coaches_needs_somebody_in_the_conference(the: Subject) -> None:
    conference, one, two = await the.conference()

    def coach(sid: str | None, coaching: bool | None = True) -> Callable[[], Awaitable[None]]:
        changes = ParticipantChanges(muted=True, coaching=coaching, call_sid_to_coach=sid)
        return lambda: the.control.update_participant(conference, one, changes)

    await _refused(21244, coach(None))
    await _refused(16028, coach(NOBODY), coach(NOBODY, None), coach(await the.talking()))
    await the.control.update_participant(conference, two, ParticipantChanges(hold=True))
    await _refused(16027, coach(two))
    found = await _there(the, conference, one)
    assert (found.muted, found.coaching) == (False, False), "what was refused changed something"
    await the.control.kick(conference, two)
    await _refused(16028, coach(two))


async def _who_is_not_in_a_conference_is_not_found(the: Subject) -> None:
    control, muted = the.control, ParticipantChanges(muted=True)
    conference, one, _ = await the.conference()
    asked = NewParticipant(the.outgoing(), conference)
    _, called = await control.add_participant(asked)  # not there before the answer
    for room, call in ((conference, NOBODY), (conference, called.sid), (NOWHERE, one)):
        await _refused(
            20404,
            lambda room=room, call=call: control.update_participant(room, call, muted),  # type: ignore[misc]
            lambda room=room, call=call: control.kick(room, call),  # type: ignore[misc]
        )
    await _refused(20404, lambda: control.announce(NOWHERE, the.url, "GET"), lambda: control.end_conference(NOWHERE))


async def _a_participant_is_kicked_and_the_call_goes_on(the: Subject) -> None:
    control = the.control
    conference, one, two = await the.conference()
    await control.kick(conference, one)
    assert (await _there(the, conference, one)).status is ParticipantStatus.COMPLETE
    assert await the.status(one) is CallStatus.IN_PROGRESS, "the call is over, and not its Dial"
    found = await the.conference_of(conference)
    assert found is not None and found.status is ConferenceStatus.IN_PROGRESS, "one is left"
    await _refused(
        20404,
        lambda: control.kick(conference, one),
        lambda: control.update_participant(conference, one, ParticipantChanges(muted=True)),
    )
    await control.kick(conference, two)
    assert await _ended_by(the, conference) == "last-participant-kicked"


async def _who_matters_ends_the_conference_by_leaving(the: Subject) -> None:
    conference, one, two = await the.conference()
    await the.control.update_participant(conference, one, ParticipantChanges(end_conference_on_exit=True))
    await the.control.kick(conference, one)
    assert await _ended_by(the, conference) == "participant-with-end-conference-on-exit-kicked"
    found = await the.conference_of(conference)
    assert found is not None and found.call_sid_ending_conference == one, found
    await _refused(20404, lambda: the.control.kick(conference, two))


async def _a_conference_is_ended_once(the: Subject) -> None:
    control = the.control
    conference, one, two = await the.conference()
    await control.end_conference(conference)
    assert await _ended_by(the, conference) == "conference-ended-via-api"
    for call in (one, two):
        assert (await _there(the, conference, call)).status is ParticipantStatus.COMPLETE
    await _refused(
        20404,
        lambda: control.end_conference(conference),
        lambda: control.announce(conference, the.url, "POST"),
        lambda: control.kick(conference, one),
        lambda: control.update_participant(conference, one, ParticipantChanges(muted=True)),
        lambda: control.add_participant(NewParticipant(the.outgoing(), conference)),
    )


async def _a_conference_s_recording_ends_with_it(the: Subject) -> None:
    conference, sid = await the.recorded()
    await the.control.end_conference(conference)
    await _refused(21220, lambda: the.control.update_recording(sid, "paused"))
    assert await the.control.current_recording(conference) is None


async def _who_hangs_up_or_goes_elsewhere_has_left(the: Subject) -> None:
    conference, one, two = await the.conference()
    await the.control.redirect(one, _TOLD)
    assert (await _there(the, conference, one)).status is ParticipantStatus.CONNECTED
    await the.control.redirect(one, _TURN)
    assert (await _there(the, conference, one)).status is ParticipantStatus.COMPLETE
    await the.control.complete(two)
    assert (await _there(the, conference, two)).status is ParticipantStatus.COMPLETE
    assert await _ended_by(the, conference) == "last-participant-left"


async def _an_announcement_needs_somebody_who_hears_it(the: Subject) -> None:
    conference, _, _ = await the.conference()
    await the.control.announce(conference, the.url, "GET")
    alone, _ = await the.control.add_participant(NewParticipant(the.outgoing(), "to come"))
    await _refused(20404, lambda: the.control.announce(alone, the.url, "GET"))


async def _somebody_is_called_into_a_conference(the: Subject) -> None:
    control = the.control
    asked = NewParticipant(the.outgoing(), "a & b", label="boss", muted=True, end_conference_on_exit=True)
    first, call = await control.add_participant(asked)
    assert await the.status(call.sid) is CallStatus.QUEUED
    found = await _there(the, first, call.sid)
    told = found.status, found.label, found.muted, found.end_conference_on_exit, found.start_conference_on_enter
    assert told == (ParticipantStatus.QUEUED, "boss", True, True, True), found
    conference = await the.conference_of(first)
    assert conference is not None
    assert (conference.friendly_name, conference.status) == ("a & b", ConferenceStatus.INIT), conference
    for name in ("a & b", first):
        same, other = await control.add_participant(NewParticipant(the.outgoing(), name))
        assert same == first and other.sid != call.sid, "it is another conference"
    elsewhere, _ = await control.add_participant(NewParticipant(the.outgoing(), "c"))
    assert elsewhere != first, "it is the same conference"
    await control.end_conference(first)
    assert (await control.add_participant(NewParticipant(the.outgoing(), "a & b")))[0] != first, "it was over"


async def _nobody_is_called_for_nothing(the: Subject) -> None:
    before, add = dict(the.control.live()), the.control.add_participant
    await _refused(20404, lambda: add(NewParticipant(the.outgoing(), NOWHERE)))
    await _refused(21244, lambda: add(NewParticipant(the.outgoing(), "room", coaching=True)))
    assert dict(the.control.live()) == before, "somebody is called"


# -- queues ---------------------------------------------------------------------------------------------------------


async def _who_waits_is_taken_out_of_the_queue_once(the: Subject) -> None:
    dequeue = the.control.dequeue
    queue, call = await the.waiting()
    assert await the.members(queue) == [call]
    await _refused(
        20404, lambda: dequeue("QU" + "0" * 32, call, the.url, "POST"), lambda: dequeue(queue, NOBODY, the.url, "POST")
    )
    assert await the.members(queue) == [call], "what was refused changed something"
    await dequeue(queue, call, the.url, "GET")
    assert await the.members(queue) == []
    assert await the.status(call) is CallStatus.IN_PROGRESS
    await _refused(20404, lambda: dequeue(queue, call, the.url, "GET"))
    await the.control.forget_queue(queue)
    await the.control.forget_queue(queue)


async def _who_goes_elsewhere_waits_no_more(the: Subject) -> None:
    queue, call = await the.waiting()
    await the.control.redirect(call, _TURN)
    assert await the.members(queue) == []
    await _refused(20404, lambda: the.control.dequeue(queue, call, the.url, "POST"))


async def _who_hangs_up_waits_no_more(the: Subject) -> None:
    queue, call = await the.waiting()
    await the.control.complete(call)
    assert await the.members(queue) == []
    await _refused(20404, lambda: the.control.dequeue(queue, call, the.url, "POST"))


CHECKS: Final[tuple[Check, ...]] = (
    _a_call_is_stored_and_counted_when_it_is_placed,
    _calls_are_counted_by_status_while_they_live,
    _only_a_call_in_progress_goes_on_elsewhere,
    _a_call_is_completed_in_each_state_once,
    _a_call_is_taken_back_until_it_is_answered,
    _only_a_call_in_progress_hears_and_is_heard,
    _who_proves_a_number_is_called,
    _a_recording_is_paused_resumed_and_stopped,
    _an_identical_recording_is_not_begun_twice,
    _a_recording_ends_with_its_call,
    _a_conference_s_recording_is_steered_too,
    _a_participant_is_changed_and_the_rest_stays,
    _who_coaches_needs_somebody_in_the_conference,
    _who_is_not_in_a_conference_is_not_found,
    _a_participant_is_kicked_and_the_call_goes_on,
    _who_matters_ends_the_conference_by_leaving,
    _a_conference_is_ended_once,
    _a_conference_s_recording_ends_with_it,
    _who_hangs_up_or_goes_elsewhere_has_left,
    _an_announcement_needs_somebody_who_hears_it,
    _somebody_is_called_into_a_conference,
    _nobody_is_called_for_nothing,
    _who_waits_is_taken_out_of_the_queue_once,
    _who_goes_elsewhere_waits_no_more,
    _who_hangs_up_waits_no_more,
)
