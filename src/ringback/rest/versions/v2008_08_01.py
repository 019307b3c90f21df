"""2008-08-01: what differs from 2010-04-01 on the wire. The handlers are the same.

Names, the order of elements, numbers of ten digits, statuses as integers (clauses 5 and 6 of its specification).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from ringback.model.conferences import ConferenceStatus
from ringback.model.messages import MessageDirection, MessageStatus
from ringback.model.numbers import presented
from ringback.model.records import AccountStatus, CallRecord
from ringback.model.sids import CALL
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.rest.control import Instructions
from ringback.rest.errors import MORE_INFO_2008, not_found, refused
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources import (
    accounts,
    caller_ids,
    calls,
    conferences,
    messages,
    notifications,
    numbers,
    recordings,
    short_codes,
)
from ringback.rest.resources.common import FRIENDLY_NAME, own
from ringback.rest.shapes import Field, Shape, updated
from ringback.rest.values import epoch
from ringback.storage.records import Page, Where


def _read(name: str) -> Callable[[Any], Any]:
    return lambda record: getattr(record, name)


def _fields(*names: str, **readers: Callable[[Any], Any]) -> tuple[Field, ...]:
    """The fields of these names, in their order. A reader takes the record; without one the attribute is read."""
    attributes = {"Sid": "sid", "AccountSid": "account_sid", "FriendlyName": "friendly_name", "CallSid": "call_sid"}
    found = []
    for name in names:
        read = readers.get(name) or {"DateCreated": _read("date_created"), "DateUpdated": updated}.get(name)
        found.append(Field(name, read=read or _read(attributes[name]), element=name))
    return tuple(found)


def _short(name: str) -> Callable[[Any], Any]:
    """Read a number, as ten digits where it is a North American one."""
    return lambda record: presented(getattr(record, name) or "", ApiVersion.V2008)


# -- calls and their segments -----------------------------------------------------------------------------------

_STATUSES: Final = {
    CallStatus.QUEUED: 0, CallStatus.RINGING: 0, CallStatus.IN_PROGRESS: 1, CallStatus.COMPLETED: 2,
    CallStatus.BUSY: 3, CallStatus.FAILED: 4, CallStatus.NO_ANSWER: 5, CallStatus.CANCELED: 5,
}  # fmt: skip
_FLAGS: Final = {Direction.INBOUND: 1, Direction.OUTBOUND_API: 2, Direction.OUTBOUND_DIAL: 4}


def call_status(call: Any) -> int:
    """The status of a call as an integer. An incoming call is in progress from its first ring (clause 1.2)."""
    if call.status is CallStatus.RINGING and call.direction is Direction.INBOUND:
        return 1
    return _STATUSES[call.status]


class Segment:
    """A call that `<Dial>` made, as a segment of the call with that verb: it has its sid, and one of its own."""

    def __init__(self, record: CallRecord, parent: CallRecord) -> None:
        self._record = record
        self.sid = parent.sid
        self.segment_sid = record.sid
        self.flags = _FLAGS[parent.direction] | _FLAGS[Direction.OUTBOUND_DIAL]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)


def _when_complete(name: str) -> Callable[[Any], Any]:
    return lambda call: getattr(call, name) if call.status is CallStatus.COMPLETED else None


CALL_SHAPE: Final = Shape(
    "Call",
    "Calls",
    "Calls",
    _fields(
        "Sid", "DateCreated", "DateUpdated", "CallSegmentSid", "AccountSid", "Called", "Caller", "PhoneNumberSid",
        "Status", "StartTime", "EndTime", "Duration", "Price", "Flags", "Annotation",
        CallSegmentSid=lambda call: getattr(call, "segment_sid", None),
        Called=_short("to"),
        Caller=_short("from_"),
        PhoneNumberSid=_read("phone_number_sid"),
        Status=call_status,
        StartTime=_read("start_time"),
        EndTime=_when_complete("end_time"),
        Duration=_when_complete("duration"),
        Price=_read("price"),
        Flags=lambda call: getattr(call, "flags", None) or _FLAGS[call.direction],
        Annotation=_read("annotation"),
    ),
)  # fmt: skip

CALL_FILTERS: Final = (
    Parameter("Called", "number", filters="to"),
    Parameter("Caller", "number", filters="from_"),
    Parameter("Status", "integer", least=0, most=5),
    Parameter("StartTime", "date", filters="start_time"),
)
CALL_CREATE: Final = (
    Parameter("Called", required=21201, code=21211, most=64, to="to"),
    Parameter("Caller", required=21213, code=21212, most=64, to="from"),
    Parameter("Url", "url", required=21205, code=21205),
    Parameter("Method", "method", code=21209),
    Parameter("SendDigits", code=21206, pattern="[0-9#*wW]{1,32}"),
    Parameter("IfMachine", "word", code=21207, words=("Continue", "Hangup")),
    Parameter("Timeout", "integer", code=21208, least=1, most=999),
)
CALL_UPDATE: Final = (
    Parameter("CurrentUrl", "url", required=21205, code=21205, to="url"),
    Parameter("CurrentMethod", "method", code=21209, to="method"),
)


async def list_calls(request: Request) -> Listed:
    """The calls of the account; their segments are below each of them."""
    more = [Where("parent_call_sid", "null", True)]
    if "status" in request.values:
        wanted = [status.value for status, number in _STATUSES.items() if number == request.values["status"]]
        more.append(Where("status", "in", wanted))
    return await request.listed(request.services.database.calls, *more)


async def redirect(request: Request) -> CallRecord:
    """Let a call that is in progress go on with other TwiML (clause 6.3)."""
    call = await calls.fetch(request)
    if call.status is not CallStatus.IN_PROGRESS:
        raise refused(21220, "The call is not in progress")
    changes = Instructions(url=request.values["url"], method=request.get("method", "POST"))
    await request.services.control.redirect(call.sid, changes)
    return await calls.fetch(request)


async def _segments(request: Request) -> list[Any]:
    call = await own(request, request.services.database.calls, request.path["CallSid"], CALL)
    below = await request.services.database.calls.page([Where("parent_call_sid", "=", call.sid)], Page(limit=1000))
    return [call, *(Segment(record, call) for record in reversed(below))]


async def segments(request: Request) -> Listed:
    """A call and the calls that its `<Dial>`s made."""
    return request.slice(await _segments(request))


async def segment(request: Request) -> Any:
    """One segment: by its segment sid, or the first by the sid of the call."""
    name = request.path["Sid"]
    for found in await _segments(request):
        if getattr(found, "segment_sid", found.sid) == name:
            return found
    raise not_found(name)


# -- the rest ---------------------------------------------------------------------------------------------------

_ACCOUNT_STATUSES: Final = {AccountStatus.ACTIVE: 2, AccountStatus.SUSPENDED: 4, AccountStatus.CLOSED: 1}
_ACCOUNT_TEXTS: Final = {
    AccountStatus.ACTIVE: "Active", AccountStatus.SUSPENDED: "Suspended", AccountStatus.CLOSED: "Inactive",
}  # fmt: skip
ACCOUNT: Final = Shape(
    "Account",
    "Accounts",
    "Accounts",
    _fields(
        "Sid", "FriendlyName", "Status", "StatusText", "DateCreated", "DateUpdated", "AuthToken",
        Status=lambda account: _ACCOUNT_STATUSES[account.status],
        StatusText=lambda account: _ACCOUNT_TEXTS[account.status],
        AuthToken=_read("auth_token"),
    ),
)  # fmt: skip

NUMBER: Final = Shape(
    "IncomingPhoneNumber",
    "IncomingPhoneNumbers",
    "IncomingPhoneNumbers",
    _fields(
        "Sid", "AccountSid", "FriendlyName", "PhoneNumber", "Url", "Method", "SmsUrl", "SmsMethod",
        "VoiceFallbackUrl", "VoiceFallbackMethod", "SmsFallbackUrl", "SmsFallbackMethod", "VoiceCallerIdLookup",
        "DateCreated", "DateUpdated",
        PhoneNumber=_short("phone_number"),
        Url=_read("voice_url"),
        Method=_read("voice_method"),
        SmsUrl=_read("sms_url"),
        SmsMethod=_read("sms_method"),
        VoiceFallbackUrl=_read("voice_fallback_url"),
        VoiceFallbackMethod=_read("voice_fallback_method"),
        SmsFallbackUrl=_read("sms_fallback_url"),
        SmsFallbackMethod=_read("sms_fallback_method"),
        VoiceCallerIdLookup=_read("voice_caller_id_lookup"),
    ),
)  # fmt: skip
NUMBER_UPDATE: Final = (
    FRIENDLY_NAME,
    Parameter("Url", "url", code=21402, to="voice_url"),
    Parameter("Method", "method", code=21403, to="voice_method"),
    Parameter("VoiceFallbackUrl", "url", code=21402, empty=True),
    Parameter("VoiceFallbackMethod", "method", code=21403, empty=True),
    Parameter("SmsUrl", "url", code=21402, empty=True),
    Parameter("SmsMethod", "method", code=21403, empty=True),
    Parameter("SmsFallbackUrl", "url", code=21402, empty=True),
    Parameter("SmsFallbackMethod", "method", code=21403, empty=True),
    Parameter("VoiceCallerIdLookup", "boolean", code=21409),
)
NUMBER_BUY: Final = (*NUMBER_UPDATE, Parameter("AreaCode", code=21451, pattern="[0-9]{3}"))
NUMBER_FILTERS: Final = (
    Parameter("PhoneNumber", "number", filters="phone_number"),
    Parameter("FriendlyName", most=64, filters="friendly_name"),
)

CALLER_ID: Final = Shape(
    "OutgoingCallerId",
    "OutgoingCallerIds",
    "OutgoingCallerIds",
    _fields(
        "Sid", "AccountSid", "FriendlyName", "PhoneNumber", "DateCreated", "DateUpdated",
        PhoneNumber=_short("phone_number"),
    ),
)  # fmt: skip
VALIDATION: Final = Shape(
    "ValidationRequest",
    "ValidationRequests",
    "ValidationRequests",
    _fields(
        "AccountSid", "PhoneNumber", "FriendlyName", "ValidationCode",
        PhoneNumber=_short("phone_number"),
        ValidationCode=_read("validation_code"),
    ),
)  # fmt: skip
VALIDATE: Final = (
    Parameter("PhoneNumber", required=21401, code=21401, most=64),
    FRIENDLY_NAME,
    Parameter("CallDelay", "integer", code=21454, least=0, most=60),
)

RECORDING: Final = Shape(
    "Recording",
    "Recordings",
    "Recordings",
    _fields(
        "Sid", "AccountSid", "CallSid", "Duration", "DateCreated", "DateUpdated", Duration=recordings.seconds
    ),
)  # fmt: skip
RECORDING_FILTERS: Final = (recordings.FILTERS[1], recordings.DATES)


def _epoch(read: Callable[[Any], datetime]) -> Callable[[Any], str]:
    return lambda record: epoch(read(record))


TRANSCRIPTION: Final = Shape(
    "Transcription",
    "Transcriptions",
    "Transcriptions",
    _fields(
        "Sid", "DateCreated", "DateUpdated", "AccountSid", "Status", "RecordingSid", "Duration", "TranscriptionText",
        "Price",
        DateCreated=_epoch(lambda record: record.date_created),
        DateUpdated=_epoch(updated),
        Status=_read("status"),
        RecordingSid=_read("recording_sid"),
        Duration=recordings.seconds,
        TranscriptionText=_read("transcription_text"),
        Price=lambda record: None,
    ),
)  # fmt: skip

_SMS_STATUSES: Final = {
    MessageStatus.DELIVERED: "sent", MessageStatus.UNDELIVERED: "failed", MessageStatus.CANCELED: "failed",
    MessageStatus.SCHEDULED: "queued", MessageStatus.RECEIVING: "received",
}  # fmt: skip
_SMS_FLAGS: Final = {
    MessageDirection.INBOUND: 1, MessageDirection.OUTBOUND_REPLY: 2, MessageDirection.OUTBOUND_API: 4,
    MessageDirection.OUTBOUND_CALL: 2,
}  # fmt: skip
SMS: Final = Shape(
    "SMSMessage",
    "SMSMessages",
    "SMSMessages",
    _fields(
        "Sid", "DateCreated", "DateUpdated", "DateSent", "AccountSid", "To", "From", "Body", "Status", "Flags",
        DateSent=_read("date_sent"),
        To=_short("to"),
        From=_short("from_"),
        Body=_read("body"),
        Status=lambda message: _SMS_STATUSES.get(message.status, message.status.value),
        Flags=lambda message: _SMS_FLAGS[message.direction],
    ),
)  # fmt: skip
SHORT_CODE: Final = Shape(
    "ShortCode",
    "ShortCodes",
    "ShortCodes",
    _fields(
        "Sid", "AccountSid", "FriendlyName", "ShortCode", "ApiVersion", "SmsUrl", "SmsMethod", "SmsFallbackUrl",
        "SmsFallbackMethod", "DateCreated", "DateUpdated",
        ShortCode=_read("phone_number"),
        ApiVersion=_read("api_version"),
        SmsUrl=_read("sms_url"),
        SmsMethod=_read("sms_method"),
        SmsFallbackUrl=_read("sms_fallback_url"),
        SmsFallbackMethod=_read("sms_fallback_method"),
    ),
)  # fmt: skip
SMS_CREATE: Final = (
    Parameter("From", required=21603, code=21212, most=64),
    Parameter("To", required=21604, code=21211, most=64),
    Parameter("Body", required=21602, code=21605, most=160),
    Parameter("StatusCallback", "url", code=21609),
)

_CONFERENCE_STATUSES: Final = {
    ConferenceStatus.INIT: 0, ConferenceStatus.IN_PROGRESS: 1, ConferenceStatus.COMPLETED: 2,
}  # fmt: skip
CONFERENCE: Final = Shape(
    "Conference",
    "Conferences",
    "Conferences",
    _fields(
        "Sid", "AccountSid", "FriendlyName", "Status", "DateCreated", "DateUpdated",
        Status=lambda conference: _CONFERENCE_STATUSES[conference.status],
    ),
)  # fmt: skip
CONFERENCE_FILTERS: Final = (
    Parameter("Status", "integer", least=0, most=2),
    Parameter("FriendlyName", filters="friendly_name"),
    conferences.FILTERS[0],
    conferences.FILTERS[1],
)
PARTICIPANT: Final = Shape(
    "Participant",
    "Participants",
    "Participants",
    _fields(
        "ConferenceSid", "AccountSid", "CallSid", "Muted", "StartConferenceOnEnter", "EndConferenceOnExit",
        "DateCreated", "DateUpdated",
        ConferenceSid=_read("conference_sid"),
        Muted=_read("muted"),
        StartConferenceOnEnter=_read("start_conference_on_enter"),
        EndConferenceOnExit=_read("end_conference_on_exit"),
    ),
)  # fmt: skip
# "true" and 1 mute; anything else unmutes (clause 6.12).
MUTE: Final = (Parameter("Muted", required=20422, most=16, convert=lambda text: text.strip().lower() in ("true", "1")),)


_SUMMARY: Final = (
    "Sid", "DateCreated", "DateUpdated", "AccountSid", "CallSid", "Log", "ErrorCode", "MoreInfo", "RequestURL",
    "RequestMethod", "MessageText", "MessageDate",
)  # fmt: skip
_WHOLE: Final = (
    "Sid", "DateCreated", "DateUpdated", "AccountSid", "CallSid", "Log", "ErrorCode", "MoreInfo", "MessageText",
    "MessageDate", "RequestURL", "RequestMethod", "RequestVariables", "ResponseHeaders", "ResponseBody",
)  # fmt: skip
_NOTIFICATION: Final[dict[str, Callable[[Any], Any]]] = {
    "Log": _read("log"),
    "ErrorCode": _read("error_code"),
    "MoreInfo": lambda notification: MORE_INFO_2008.format(code=notification.error_code),
    "RequestURL": _read("request_url"),
    "RequestMethod": _read("request_method"),
    "MessageText": _read("message_text"),
    "MessageDate": _read("message_date"),
    "RequestVariables": _read("request_variables"),
    "ResponseHeaders": _read("response_headers"),
    "ResponseBody": _read("response_body"),
}
SUMMARY: Final = Shape("Notification", "Notifications", "Notifications", _fields(*_SUMMARY, **_NOTIFICATION))
NOTIFICATION: Final = Shape("Notification", "Notifications", "Notifications", _fields(*_WHOLE, **_NOTIFICATION))


async def list_conferences(request: Request) -> Listed:
    """The conferences of the account."""
    more = []
    if "status" in request.values:
        wanted = [status.value for status, number in _CONFERENCE_STATUSES.items() if number == request.values["status"]]
        more.append(Where("status", "in", wanted))
    return await request.listed(request.services.database.conferences, *more)


async def only_account(request: Request) -> Listed:
    """The account, as a list of one."""
    return request.slice([await accounts.fetch(request)])


async def no_sandbox(request: Request) -> None:
    """No account of this server has a sandbox (clause 6.13)."""
    raise not_found(f"{request.account.sid}/Sandbox")


def _buy(kind: str) -> Callable[[Request], Any]:
    async def buy(request: Request) -> Any:
        """Take a number of that kind from the pool."""
        return await numbers.take(request, kind, "US")

    return buy


async def no_numbers(request: Request) -> Listed:
    """Which kind a number is of is not known once it is somebody's: none is toll-free then."""
    return request.slice([])


_A: Final = "/Accounts/{AccountSid}"
_CALLS: Final = _A + "/Calls"
_ONE: Final = _CALLS + "/{CallSid}"
_NUMBERS: Final = _A + "/IncomingPhoneNumbers"
_IDS: Final = _A + "/OutgoingCallerIds"
_RECORDINGS: Final = _A + "/Recordings"
_TEXTS: Final = _RECORDINGS + "/{RecordingSid}/Transcriptions"
_ROOMS: Final = _A + "/Conferences"
_PEOPLE: Final = _ROOMS + "/{ConferenceSid}/Participants"

OPERATIONS: Final = (
    Operation("GET", "/Accounts", "ListAccount", only_account, ACCOUNT, listed=True, main=True),
    Operation("GET", _A, "FetchAccount", accounts.fetch, ACCOUNT, main=True),
    Operation("POST", _A, "UpdateAccount", accounts.update, ACCOUNT, (FRIENDLY_NAME,), main=True),
    Operation("GET", _CALLS, "ListCall", list_calls, CALL_SHAPE, CALL_FILTERS, listed=True),
    Operation("POST", _CALLS, "CreateCall", calls.create, CALL_SHAPE, CALL_CREATE, 201, test=True),
    Operation("GET", _CALLS + "/{Sid}", "FetchCall", calls.fetch, CALL_SHAPE),
    Operation("POST", _CALLS + "/{Sid}", "RedirectCall", redirect, CALL_SHAPE, CALL_UPDATE),
    Operation("GET", _ONE + "/Segments", "ListSegment", segments, CALL_SHAPE, listed=True),
    Operation("GET", _ONE + "/Segments/{Sid}", "FetchSegment", segment, CALL_SHAPE),
    Operation("GET", _ONE + "/Recordings", "ListCallRecording", recordings.of_owner, RECORDING, listed=True),
    Operation("GET", _NUMBERS, "ListIncomingPhoneNumber", numbers.listed, NUMBER, NUMBER_FILTERS, listed=True),
    Operation("GET", _NUMBERS + "/{Sid}", "FetchIncomingPhoneNumber", numbers.fetch, NUMBER),
    Operation("POST", _NUMBERS + "/{Sid}", "UpdateIncomingPhoneNumber", numbers.update, NUMBER, NUMBER_UPDATE),
    Operation("DELETE", _NUMBERS + "/{Sid}", "DeleteIncomingPhoneNumber", numbers.delete, status=204),
    Operation("GET", _NUMBERS + "/Local", "ListLocal", numbers.listed, NUMBER, NUMBER_FILTERS, listed=True),
    Operation("POST", _NUMBERS + "/Local", "BuyLocal", _buy("local"), NUMBER, NUMBER_BUY, 201),
    Operation("GET", _NUMBERS + "/TollFree", "ListTollFree", no_numbers, NUMBER, NUMBER_FILTERS, listed=True),
    Operation("POST", _NUMBERS + "/TollFree", "BuyTollFree", _buy("toll-free"), NUMBER, NUMBER_BUY, 201),
    Operation("GET", _IDS, "ListOutgoingCallerId", caller_ids.caller_ids, CALLER_ID, NUMBER_FILTERS, listed=True),
    Operation("POST", _IDS, "CreateValidationRequest", caller_ids.validate, VALIDATION, VALIDATE),
    Operation("GET", _IDS + "/{Sid}", "FetchOutgoingCallerId", caller_ids.caller_id, CALLER_ID),
    Operation("POST", _IDS + "/{Sid}", "UpdateOutgoingCallerId", caller_ids.update_caller_id, CALLER_ID,
              (FRIENDLY_NAME,)),
    Operation("DELETE", _IDS + "/{Sid}", "DeleteOutgoingCallerId", caller_ids.delete_caller_id, status=204),
    Operation("GET", _RECORDINGS, "ListRecording", recordings.listed, RECORDING, RECORDING_FILTERS, listed=True),
    Operation("GET", _RECORDINGS + "/{Sid}", "FetchRecording", recordings.fetch, RECORDING, public=True,
              media=("wav", "mp3")),
    Operation("DELETE", _RECORDINGS + "/{Sid}", "DeleteRecording", recordings.delete, status=204),
    Operation("GET", _TEXTS, "ListRecordingTranscription", recordings.transcriptions, TRANSCRIPTION, listed=True),
    Operation("GET", _TEXTS + "/{Sid}", "FetchRecordingTranscription", recordings.transcription, TRANSCRIPTION,
              media=("txt",)),
    Operation("GET", _A + "/Transcriptions", "ListTranscription", recordings.transcriptions, TRANSCRIPTION,
              listed=True),
    Operation("GET", _A + "/Transcriptions/{Sid}", "FetchTranscription", recordings.transcription, TRANSCRIPTION,
              media=("txt",)),
    Operation("GET", _A + "/SMS/Messages", "ListMessage", messages.listed, SMS, messages.FILTERS, listed=True),
    Operation("POST", _A + "/SMS/Messages", "CreateMessage", messages.create, SMS, SMS_CREATE, 201, test=True),
    Operation("GET", _A + "/SMS/Messages/{Sid}", "FetchMessage", messages.fetch, SMS),
    *short_codes.operations(SHORT_CODE),
    Operation("GET", _ROOMS, "ListConference", list_conferences, CONFERENCE, CONFERENCE_FILTERS, listed=True),
    Operation("GET", _ROOMS + "/{Sid}", "FetchConference", conferences.fetch, CONFERENCE),
    Operation("GET", _PEOPLE, "ListParticipant", conferences.participants, PARTICIPANT,
              conferences.PARTICIPANT_FILTERS[:1], listed=True),
    Operation("GET", _PEOPLE + "/{CallSid}", "FetchParticipant", conferences.participant, PARTICIPANT),
    Operation("POST", _PEOPLE + "/{CallSid}", "MuteParticipant", conferences.update_participant, PARTICIPANT, MUTE),
    Operation("DELETE", _PEOPLE + "/{CallSid}", "KickParticipant", conferences.kick, status=204),
    Operation("GET", _A + "/Notifications", "ListNotification", notifications.listed, SUMMARY, notifications.FILTERS,
              listed=True),
    Operation("GET", _A + "/Notifications/{Sid}", "FetchNotification", notifications.fetch, NOTIFICATION),
    Operation("DELETE", _A + "/Notifications/{Sid}", "DeleteNotification", notifications.delete, status=204),
    Operation("GET", _ONE + "/Notifications", "ListCallNotification", notifications.listed, SUMMARY,
              notifications.FILTERS, listed=True),
    Operation("GET", _A + "/Sandbox", "FetchSandbox", no_sandbox),
    Operation("POST", _A + "/Sandbox", "UpdateSandbox", no_sandbox),
)  # fmt: skip
