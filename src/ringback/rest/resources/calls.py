"""Calls: made, listed, changed while they go on, and deleted when they are over."""

from dataclasses import replace
from typing import Any, Final

from ringback.model.outgoing import MachineDetection, OutgoingCall, RecordingOptions
from ringback.model.records import CallRecord
from ringback.model.status import CallStatus, Direction
from ringback.rest.control import Instructions
from ringback.rest.errors import not_found, refused
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources.caller import allowed_caller, callee
from ringback.rest.resources.common import formatted, own
from ringback.rest.shapes import (
    ACCOUNT_SID,
    CREATED,
    DATE,
    TEXT,
    UPDATED,
    Field,
    Shape,
    enumeration,
    nullable,
    sid,
    subresources,
    uri,
)
from ringback.rest.test_credentials import magic_call

PATH: Final = "Calls/{0.sid}"

CALL: Final = Shape(
    "Call",
    "Calls",
    "calls",
    (
        Field("sid", sid("CA")),
        CREATED,
        UPDATED,
        Field("parent_call_sid", nullable(sid("CA"))),
        ACCOUNT_SID,
        Field("to", nullable(TEXT)),
        Field("to_formatted", nullable(TEXT), lambda call: formatted(call.to)),
        Field("from", nullable(TEXT), lambda call: call.from_),
        Field("from_formatted", nullable(TEXT), lambda call: formatted(call.from_)),
        Field("phone_number_sid", nullable(sid("PN"))),
        Field("status", enumeration(CallStatus)),
        Field("start_time", nullable(DATE)),
        Field("end_time", nullable(DATE)),
        Field("duration", nullable(TEXT), lambda call: None if call.duration is None else str(call.duration)),
        Field("price", nullable(TEXT)),
        Field("price_unit", nullable(TEXT)),
        Field("direction", enumeration(Direction)),
        Field("answered_by", nullable(TEXT)),
        Field("api_version", TEXT),
        Field("forwarded_from", nullable(TEXT)),
        Field("group_sid", nullable(sid("GP"))),
        Field("caller_name", nullable(TEXT)),
        Field("queue_time", TEXT, lambda call: str(call.queue_time)),
        Field("trunk_sid", nullable(sid("TK"))),
        uri(PATH),
        subresources(
            PATH,
            notifications="Notifications",
            recordings="Recordings",
            events="Events",
            payments="Payments",
            siprec="Siprec",
            streams="Streams",
            transcriptions="Transcriptions",
            user_defined_message_subscriptions="UserDefinedMessageSubscriptions",
            user_defined_messages="UserDefinedMessages",
        ),
    ),
)

URLS: Final = (
    Parameter("Url", "url", code=21205),
    Parameter("Method", "method", code=21209),
    Parameter("Twiml", "text", code=32018, most=4000),
    Parameter("FallbackUrl", "url", code=21205),
    Parameter("FallbackMethod", "method", code=21209),
    Parameter("StatusCallback", "url", code=21609),
    Parameter("StatusCallbackMethod", "method", code=21209),
)
DETECTION: Final = (
    Parameter("MachineDetection", "word", code=21234, words=("Enable", "DetectMessageEnd")),
    Parameter("MachineDetectionTimeout", "integer", code=21263, least=3, most=59),
    Parameter("MachineDetectionSpeechThreshold", "integer", code=21263, least=1000, most=6000),
    Parameter("MachineDetectionSpeechEndThreshold", "integer", code=21263, least=500, most=5000),
    Parameter("MachineDetectionSilenceTimeout", "integer", code=21263, least=2000, most=10_000),
)
RECORDING_EVENTS: Final = ("in-progress", "completed", "absent")
RECORDING: Final = (
    Parameter("RecordingChannels", "word", words=("mono", "dual")),
    Parameter("RecordingTrack", "word", words=("both", "inbound", "outbound")),
    Parameter("RecordingStatusCallback", "url", code=21609),
    Parameter("RecordingStatusCallbackMethod", "method", code=21209),
    Parameter("RecordingStatusCallbackEvent", "text", many=True, most=100, to="recording_status_callback_events"),
    Parameter("Trim", "word", words=("trim-silence", "do-not-trim")),
)
ENDS: Final = (
    Parameter("To", "text", required=21201, code=21211, most=512),
    Parameter("From", "text", required=21213, code=21212, most=512),
)
CALLING: Final = (
    *ENDS,
    Parameter("StatusCallbackEvent", "text", code=21626, many=True, most=100, to="status_callback_events"),
    Parameter("Timeout", "integer", code=21208, least=1, most=600),
    Parameter("Record", "boolean"),
    *RECORDING,
    Parameter("SipAuthUsername", code=21221, most=255),
    Parameter("SipAuthPassword", code=21222, most=255),
    *DETECTION,
    Parameter("CallerId", "text", code=21212, most=512),
    Parameter("Byoc", "sid", prefix="BY", description="Accepted, and without effect."),
    Parameter("CallReason", most=50),
    Parameter("CallToken", most=2048, description="Accepted, and without effect."),
    Parameter("TimeLimit", "integer", least=1, most=86_400),
    Parameter("ClientNotificationUrl", "url", description="Accepted, and without effect."),
)
CREATE: Final = (
    *CALLING,
    *URLS,
    Parameter("ApplicationSid", "sid", code=21218, prefix="AP"),
    Parameter("SendDigits", code=21206, pattern="[0-9A-Da-d#*wW]{1,32}"),
    Parameter("AsyncAmd", "boolean", code=21263),
    Parameter("AsyncAmdStatusCallback", "url", code=21262),
    Parameter("AsyncAmdStatusCallbackMethod", "method", code=21209),
)
UPDATE: Final = (
    *URLS,
    Parameter("Status", "word", words=("canceled", "completed")),
    Parameter("TimeLimit", "integer", least=1, most=86_400),
)
FILTERS: Final = (
    Parameter("To", "number", filters="to"),
    Parameter("From", "number", filters="from_"),
    Parameter("ParentCallSid", "sid", prefix="CA", filters="parent_call_sid"),
    Parameter("Status", "word", words=tuple(status.value for status in CallStatus), filters="status"),
    Parameter("StartTime", "date", filters="start_time"),
    Parameter("EndTime", "date", filters="end_time"),
)
_EVENTS: Final = frozenset({"initiated", "ringing", "answered", "completed"})


async def listed(request: Request) -> Listed:
    """The calls of the account."""
    return await request.listed(request.services.database.calls)


async def fetch(request: Request) -> CallRecord:
    """One call."""
    return await own(request, request.services.database.calls, request.path["Sid"], "CA")


async def create(request: Request) -> CallRecord:
    """Make a call: it is queued, and made when its turn comes."""
    if request.account.is_test:
        return magic_call(request)
    call = await outgoing(request)
    return await request.services.control.place(await with_instructions(request, call))


async def update(request: Request) -> CallRecord:
    """Change a call that goes on: other TwiML, or an end."""
    call, values, control = await fetch(request), request.values, request.services.control
    if call.status.final:
        raise refused(21220, f"The call is over: it is {call.status.value}")
    status = values.get("status")
    changes = Instructions(
        url=values.get("url"),
        method=values.get("method", "POST"),
        twiml=None if values.get("url") else values.get("twiml"),
        fallback_url=values.get("fallback_url"),
        fallback_method=values.get("fallback_method", "POST"),
        status_callback=values.get("status_callback"),
        status_callback_method=values.get("status_callback_method", "POST"),
        time_limit=values.get("time_limit"),
    )
    if changes != Instructions(method=changes.method):
        await control.redirect(call.sid, changes)
    if status == "canceled":
        await control.cancel(call.sid)
    elif status == "completed":
        await control.complete(call.sid)
    return await fetch(request)


async def delete(request: Request) -> None:
    """Forget a call that is over."""
    call = await fetch(request)
    removed = await request.services.database.calls.remove_ended(call.sid)
    if removed is None:
        raise not_found(call.sid)
    if not removed:
        raise refused(20009, "The call goes on: it cannot be deleted before it is over")


async def outgoing(request: Request) -> OutgoingCall:
    """Check everything about a call but what it will do; raise RestError for the first mistake."""
    values = request.values
    to = callee(values["to"], request)
    shown = values.get("caller_id") or values["from"]
    from_, number_sid = await allowed_caller(request, shown, to)
    events = words_of(values, "status_callback_events", _EVENTS, 21626) or ("completed",)
    return OutgoingCall(
        account_sid=request.account.sid,
        to=to,
        from_=from_,
        api_version=request.version,
        status_callback=values.get("status_callback"),
        status_callback_method=values.get("status_callback_method", "POST"),
        status_callback_events=events,
        timeout=values.get("timeout", 60),
        time_limit=values.get("time_limit"),
        machine_detection=detection(values),
        record=recording(values) if values.get("record") else None,
        caller_id=values.get("caller_id"),
        phone_number_sid=number_sid,
        sip_auth_username=values.get("sip_auth_username"),
        sip_auth_password=values.get("sip_auth_password"),
        call_reason=values.get("call_reason"),
    )


async def with_instructions(request: Request, call: OutgoingCall) -> OutgoingCall:
    """Say what a call will do: Url, Twiml, or the URLs of an application."""
    values = request.values
    if values.get("send_digits") and call.machine_detection is not None:
        raise refused(21206, "SendDigits cannot be used together with MachineDetection")
    call = replace(call, send_digits=values.get("send_digits"))
    application_sid = values.get("application_sid")
    if application_sid:
        found = await request.services.database.applications.get(application_sid)
        if found is None or found.account_sid != request.account.sid:
            raise refused(21218, f"There is no application {application_sid}")
        if not found.voice_url:
            raise refused(21205, f"The application {application_sid} has no VoiceUrl")
        return replace(
            call, application_sid=found.sid, url=found.voice_url, method=found.voice_method,
            fallback_url=found.voice_fallback_url, fallback_method=found.voice_fallback_method,
            status_callback=found.status_callback, status_callback_method=found.status_callback_method,
        )  # fmt: skip
    if not values.get("url") and not values.get("twiml"):
        raise refused(21205, "Say what the call does: Url, Twiml or ApplicationSid is required")
    if values.get("url") and values.get("twiml"):
        request.warn(32019, "Url and Twiml were given: Url counts")
    return replace(
        call, url=values.get("url"), method=values.get("method", "POST"),
        twiml=None if values.get("url") else values.get("twiml"),
        fallback_url=values.get("fallback_url"), fallback_method=values.get("fallback_method", "POST"),
    )  # fmt: skip


def detection(values: dict[str, Any]) -> MachineDetection | None:
    """Read the parameters of machine detection."""
    if values.get("if_machine"):
        return MachineDetection(mode="DetectMessageEnd", hangup=values["if_machine"] == "Hangup")
    mode = values.get("machine_detection")
    if mode is None:
        return None
    callback = values.get("async_amd_status_callback") or values.get("amd_status_callback")
    asynchronous = bool(values.get("async_amd")) or "amd_status_callback" in values
    if asynchronous and not callback:
        raise refused(21262, "AsyncAmd needs AsyncAmdStatusCallback")
    standard = MachineDetection()
    method = values.get("async_amd_status_callback_method") or values.get("amd_status_callback_method") or "POST"
    return MachineDetection(
        mode=mode,
        timeout=values.get("machine_detection_timeout", standard.timeout),
        speech_threshold=values.get("machine_detection_speech_threshold", standard.speech_threshold),
        speech_end_threshold=values.get("machine_detection_speech_end_threshold", standard.speech_end_threshold),
        silence_timeout=values.get("machine_detection_silence_timeout", standard.silence_timeout),
        asynchronous=asynchronous,
        status_callback=callback,
        status_callback_method=method,
    )


def recording(values: dict[str, Any], trim: str = "trim-silence") -> RecordingOptions:
    """Read the parameters of a recording."""
    return RecordingOptions(
        channels=values.get("recording_channels", "mono"),
        track=values.get("recording_track", "both"),
        trim=values.get("trim", trim),
        status_callback=values.get("recording_status_callback"),
        status_callback_method=values.get("recording_status_callback_method", "POST"),
        status_callback_events=words_of(values, "recording_status_callback_events", frozenset(RECORDING_EVENTS), 13621)
        or ("completed",),
    )


def words_of(values: dict[str, Any], name: str, known: frozenset[str], code: int) -> tuple[str, ...]:
    """Read words that come repeated, or in one value with blanks or commas between them. Raises RestError."""
    found = [word for text in values.get(name, ()) for word in text.replace(",", " ").split()]
    for word in found:
        if word not in known:
            raise refused(code, f"'{word[:50]}' is no event: {', '.join(sorted(known))} are")
    return tuple(dict.fromkeys(found))


OPERATIONS: Final = (
    Operation("GET", "/Accounts/{AccountSid}/Calls", "ListCall", listed, CALL, FILTERS, listed=True),
    Operation("POST", "/Accounts/{AccountSid}/Calls", "CreateCall", create, CALL, CREATE, 201, test=True),
    Operation("GET", "/Accounts/{AccountSid}/Calls/{Sid}", "FetchCall", fetch, CALL),
    Operation("POST", "/Accounts/{AccountSid}/Calls/{Sid}", "UpdateCall", update, CALL, UPDATE),
    Operation("DELETE", "/Accounts/{AccountSid}/Calls/{Sid}", "DeleteCall", delete, status=204),
)
