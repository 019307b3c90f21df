"""Conferences and their participants."""

from typing import Any, Final

from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.model.outgoing import OutgoingCall
from ringback.model.sids import CONFERENCE
from ringback.rest.control import NewParticipant, ParticipantChanges
from ringback.rest.errors import not_found, refused
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources.calls import CALLING, outgoing
from ringback.rest.resources.common import own
from ringback.rest.shapes import (
    ACCOUNT_SID,
    BOOLEAN,
    CREATED,
    TEXT,
    UPDATED,
    Field,
    Shape,
    enumeration,
    nullable,
    sid,
    subresources,
    uri,
    words,
)
from ringback.storage.records import Where

_PATH: Final = "Conferences/{0.sid}"
REASONS: Final = (
    "conference-ended-via-api",
    "participant-with-end-conference-on-exit-left",
    "participant-with-end-conference-on-exit-kicked",
    "last-participant-kicked",
    "last-participant-left",
)

CONFERENCE_SHAPE: Final = Shape(
    "Conference",
    "Conferences",
    "conferences",
    (
        ACCOUNT_SID,
        CREATED,
        UPDATED,
        Field("api_version", TEXT),
        Field("friendly_name", TEXT),
        Field("region", TEXT),
        Field("sid", sid("CF")),
        Field("status", enumeration(ConferenceStatus)),
        uri(_PATH),
        subresources(_PATH, participants="Participants", recordings="Recordings"),
        Field("reason_conference_ended", nullable(words(*REASONS))),
        Field("call_sid_ending_conference", nullable(sid("CA"))),
    ),
)
PARTICIPANT: Final = Shape(
    "Participant",
    "Participants",
    "participants",
    (
        ACCOUNT_SID,
        Field("call_sid", sid("CA")),
        Field("label", nullable(TEXT)),
        Field("call_sid_to_coach", nullable(sid("CA"))),
        Field("coaching", BOOLEAN),
        Field("conference_sid", sid("CF")),
        CREATED,
        UPDATED,
        Field("end_conference_on_exit", BOOLEAN),
        Field("muted", BOOLEAN),
        Field("hold", BOOLEAN),
        Field("start_conference_on_enter", BOOLEAN),
        Field("status", enumeration(ParticipantStatus)),
        Field("queue_time", TEXT, lambda participant: str(participant.queue_time)),
        uri("Conferences/{0.conference_sid}/Participants/{0.call_sid}"),
    ),
)

FILTERS: Final = (
    Parameter("DateCreated", "date", filters="date_created"),
    Parameter("DateUpdated", "date", filters="date_updated"),
    Parameter("FriendlyName", filters="friendly_name"),
    Parameter("Status", "word", words=tuple(status.value for status in ConferenceStatus), filters="status"),
)
UPDATE: Final = (
    Parameter("Status", "word", words=("completed",)),
    Parameter("AnnounceUrl", "url", code=21205),
    Parameter("AnnounceMethod", "method", code=21209),
)
PARTICIPANT_FILTERS: Final = (
    Parameter("Muted", "boolean", filters="muted"),
    Parameter("Hold", "boolean", filters="hold"),
    Parameter("Coaching", "boolean", filters="coaching"),
)
PARTICIPANT_UPDATE: Final = (
    Parameter("Muted", "boolean"),
    Parameter("Hold", "boolean"),
    Parameter("HoldUrl", "url", code=21205),
    Parameter("HoldMethod", "method", code=21209),
    Parameter("AnnounceUrl", "url", code=21205),
    Parameter("AnnounceMethod", "method", code=21209),
    Parameter("WaitUrl", "url", code=21205, empty=True),
    Parameter("WaitMethod", "method", code=21209),
    Parameter("BeepOnExit", "boolean"),
    Parameter("EndConferenceOnExit", "boolean"),
    Parameter("Coaching", "boolean"),
    Parameter("CallSidToCoach", "sid", code=13240, prefix="CA"),
)
PARTICIPANT_CREATE: Final = (
    *CALLING,
    Parameter("StatusCallback", "url", code=21609),
    Parameter("StatusCallbackMethod", "method", code=21209),
    Parameter("Label", code=16023, most=128),
    Parameter("Muted", "boolean"),
    Parameter("Beep", "word", code=13235, words=("true", "false", "onEnter", "onExit")),
    Parameter("StartConferenceOnEnter", "boolean"),
    Parameter("EndConferenceOnExit", "boolean"),
    Parameter("WaitUrl", "url", code=21205, empty=True),
    Parameter("WaitMethod", "method", code=21209),
    Parameter("EarlyMedia", "boolean"),
    Parameter("MaxParticipants", "integer", least=2, most=250),
    Parameter("ConferenceRecord", "word", words=("true", "false", "record-from-start", "do-not-record")),
    Parameter("ConferenceTrim", "word", code=13239, words=("trim-silence", "do-not-trim")),
    Parameter("ConferenceStatusCallback", "url", code=21609),
    Parameter("ConferenceStatusCallbackMethod", "method", code=21209),
    Parameter("ConferenceStatusCallbackEvent", many=True, most=100, to="conference_status_callback_events"),
    Parameter("ConferenceRecordingStatusCallback", "url", code=21609),
    Parameter("ConferenceRecordingStatusCallbackMethod", "method", code=21209),
    Parameter(
        "ConferenceRecordingStatusCallbackEvent", many=True, most=100, to="conference_recording_status_callback_events"
    ),
    Parameter("Region", most=32, description="Accepted, and without effect."),
    Parameter("Coaching", "boolean"),
    Parameter("CallSidToCoach", "sid", code=13240, prefix="CA"),
    Parameter("JitterBufferSize", most=32, description="Accepted, and without effect: it adapts by itself."),
    Parameter("AmdStatusCallback", "url", code=21262),
    Parameter("AmdStatusCallbackMethod", "method", code=21209),
    Parameter("CallerDisplayName", most=50, description="Accepted, and without effect."),
)


async def listed(request: Request) -> Listed:
    """The conferences of the account."""
    return await request.listed(request.services.database.conferences)


async def fetch(request: Request) -> ConferenceRecord:
    """One conference."""
    variable = request.path.get("ConferenceSid") or request.path["Sid"]
    return await own(request, request.services.database.conferences, variable, CONFERENCE)


async def update(request: Request) -> ConferenceRecord:
    """End a conference, or play something to everybody in it."""
    conference, values = await fetch(request), request.values
    if conference.status is ConferenceStatus.COMPLETED and values:
        raise refused(20404, "The conference is over")
    if values.get("announce_url"):
        await request.services.control.announce(
            conference.sid, values["announce_url"], values.get("announce_method", "POST")
        )
    if values.get("status") == "completed":
        await request.services.control.end_conference(conference.sid)
    return await fetch(request)


async def participants(request: Request) -> Listed:
    """Those who are in a conference now."""
    conference = await fetch(request)
    here = Where("status", "in", [status.value for status in ParticipantStatus if not status.final])
    return await request.listed(
        request.services.database.participants, Where("conference_sid", "=", conference.sid), here
    )


async def participant(request: Request) -> ParticipantRecord:
    """One who is in a conference, by the sid of their call or by their label."""
    conference, name = await fetch(request), request.path["CallSid"]
    store = request.services.database.participants
    found = await store.get((conference.sid, name))
    if found is None:
        found = await store.first([Where("conference_sid", "=", conference.sid), Where("label", "=", name)])
    if found is None or found.status.final:
        raise not_found(f"{conference.sid}/Participants/{name}")
    return found


async def add(request: Request) -> ParticipantRecord:
    """Call somebody into a conference, by its sid or its name."""
    call, values = await outgoing(request), request.values
    name = request.path["ConferenceSid"]
    if name.startswith(CONFERENCE) and len(name) == 34:
        await fetch(request)
    elif len(name) > 128:
        raise refused(20422, "The name of a conference has 128 characters at most")
    conference_sid, record = await request.services.control.add_participant(_new(values, call, name))
    made = await request.services.database.participants.get((conference_sid, record.sid))
    if made is None:
        raise not_found(conference_sid)
    return made


def _new(values: dict[str, Any], call: OutgoingCall, name: str) -> NewParticipant:
    return NewParticipant(
        call=call,
        conference=name,
        label=values.get("label"),
        muted=values.get("muted", False),
        beep=values.get("beep", "true"),
        start_conference_on_enter=values.get("start_conference_on_enter", True),
        end_conference_on_exit=values.get("end_conference_on_exit", False),
        wait_url=values.get("wait_url"),
        wait_method=values.get("wait_method", "POST"),
        early_media=values.get("early_media", True),
        max_participants=values.get("max_participants"),
        coaching=values.get("coaching", False),
        call_sid_to_coach=values.get("call_sid_to_coach"),
        conference_record=values.get("conference_record") in ("true", "record-from-start"),
        conference_trim=values.get("conference_trim", "trim-silence"),
        conference_status_callback=values.get("conference_status_callback"),
        conference_status_callback_method=values.get("conference_status_callback_method", "POST"),
        conference_status_callback_events=_split(values.get("conference_status_callback_events", ())),
        conference_recording_status_callback=values.get("conference_recording_status_callback"),
        conference_recording_status_callback_method=values.get("conference_recording_status_callback_method", "POST"),
        conference_recording_status_callback_events=_split(
            values.get("conference_recording_status_callback_events", ("completed",))
        ),
    )


def _split(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for text in texts for word in text.split())


async def update_participant(request: Request) -> ParticipantRecord:
    """Mute, hold, coach; play something to one of a conference."""
    here, values = await participant(request), dict(request.values)
    names = ParticipantChanges.__dataclass_fields__
    changes = ParticipantChanges(**{name: value for name, value in values.items() if name in names})
    await request.services.control.update_participant(here.conference_sid, here.call_sid, changes)
    found = await request.services.database.participants.get((here.conference_sid, here.call_sid))
    return found or here


async def kick(request: Request) -> None:
    """Take somebody out of a conference."""
    here = await participant(request)
    await request.services.control.kick(here.conference_sid, here.call_sid)


_ROOT: Final = "/Accounts/{AccountSid}/Conferences"
_INSIDE: Final = _ROOT + "/{ConferenceSid}/Participants"
OPERATIONS: Final = (
    Operation("GET", _ROOT, "ListConference", listed, CONFERENCE_SHAPE, FILTERS, listed=True),
    Operation("GET", _ROOT + "/{Sid}", "FetchConference", fetch, CONFERENCE_SHAPE),
    Operation("POST", _ROOT + "/{Sid}", "UpdateConference", update, CONFERENCE_SHAPE, UPDATE),
    Operation("GET", _INSIDE, "ListParticipant", participants, PARTICIPANT, PARTICIPANT_FILTERS, listed=True),
    Operation("POST", _INSIDE, "CreateParticipant", add, PARTICIPANT, PARTICIPANT_CREATE, 201),
    Operation("GET", _INSIDE + "/{CallSid}", "FetchParticipant", participant, PARTICIPANT),
    Operation("POST", _INSIDE + "/{CallSid}", "UpdateParticipant", update_participant, PARTICIPANT, PARTICIPANT_UPDATE),
    Operation("DELETE", _INSIDE + "/{CallSid}", "DeleteParticipant", kick, status=204),
)
