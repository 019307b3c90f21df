"""Recordings and transcriptions: metadata, audio as WAV and MP3, and the recordings of calls and conferences."""

import asyncio
import io
from pathlib import Path
from typing import Any, Final

from ringback.model.recordings import (
    RecordingRecord,
    RecordingSource,
    RecordingStatus,
    TranscriptionRecord,
    TranscriptionStatus,
)
from ringback.model.sids import CALL, CONFERENCE, RECORDING, TRANSCRIPTION
from ringback.model.status import ApiVersion
from ringback.rest.errors import not_found, refused
from ringback.rest.operations import Listed, Media, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.replies import FORMATS
from ringback.rest.resources import calls
from ringback.rest.resources.common import own
from ringback.rest.shapes import (
    ACCOUNT_SID,
    CREATED,
    DATE,
    INTEGER,
    TEXT,
    UPDATED,
    URI,
    Field,
    Link,
    Shape,
    enumeration,
    nullable,
    sid,
    subresources,
    uri,
    words,
)
from ringback.storage.records import Where

_PATH: Final = "Recordings/{0.sid}"
CURRENT: Final = "Twilio.CURRENT"
"""The recording that runs now, in place of its sid."""


def seconds(record: Any) -> str | None:
    """Whole seconds as a text; null before they are known."""
    return None if record.duration is None else str(round(record.duration))


_STATUS: Final = words(*(one.value for one in RecordingStatus), "deleted")
_FIELDS: Final = (
    ACCOUNT_SID,
    Field("api_version", TEXT),
    Field("call_sid", nullable(sid("CA"))),
    Field("conference_sid", nullable(sid("CF"))),
    CREATED,
    UPDATED,
    Field("start_time", nullable(DATE)),
    Field("duration", nullable(TEXT), seconds),
    Field("sid", sid("RE")),
    Field("price", nullable(TEXT), lambda record: None),
    Field("price_unit", nullable(TEXT), lambda record: None),
    Field("status", _STATUS),
    Field("channels", INTEGER),
    Field("source", enumeration(RecordingSource)),
    Field("error_code", nullable(INTEGER)),
)
_ENCRYPTION: Final = Field("encryption_details", nullable({"type": "object"}), lambda record: None)
RECORDING_SHAPE: Final = Shape(
    "Recording",
    "Recordings",
    "recordings",
    (
        *_FIELDS,
        uri(_PATH),
        _ENCRYPTION,
        subresources(_PATH, add_on_results="AddOnResults", transcriptions="Transcriptions"),
        Field("media_url", URI, lambda record: f"/2010-04-01/Accounts/{record.account_sid}/Recordings/{record.sid}"),
    ),
    whole="media_url",
)
CALL_RECORDING: Final = Shape(
    "Recording",
    "Recordings",
    "recordings",
    (
        *_FIELDS,
        Field(
            "uri",
            URI,
            lambda record: Link(
                f"/2010-04-01/Accounts/{record.account_sid}/"
                + (
                    f"Conferences/{record.conference_sid}"
                    if record.conference_sid and not record.call_sid
                    else f"Calls/{record.call_sid}"
                )
                + f"/Recordings/{record.sid}"
            ),
        ),
        _ENCRYPTION,
        Field("track", TEXT),
    ),
)
TRANSCRIPTION_SHAPE: Final = Shape(
    "Transcription",
    "Transcriptions",
    "transcriptions",
    (
        ACCOUNT_SID,
        Field("api_version", TEXT),
        CREATED,
        UPDATED,
        Field("duration", nullable(TEXT), seconds),
        Field("price", nullable(TEXT), lambda record: None),
        Field("price_unit", nullable(TEXT), lambda record: None),
        Field("recording_sid", sid("RE")),
        Field("sid", sid("TR")),
        Field("status", enumeration(TranscriptionStatus)),
        Field("transcription_text", nullable(TEXT)),
        Field("type", nullable(TEXT)),
        uri("Transcriptions/{0.sid}"),
    ),
)

DATES: Final = Parameter("DateCreated", "date", filters="date_created")
FILTERS: Final = (
    DATES,
    Parameter("CallSid", "sid", prefix=CALL, filters="call_sid"),
    Parameter("ConferenceSid", "sid", prefix=CONFERENCE, filters="conference_sid"),
    Parameter("IncludeSoftDeleted", "boolean", description="Accepted: what is deleted is gone here."),
)
UPDATE: Final = (
    Parameter("Status", "word", words=("in-progress", "paused", "stopped"), required=20422),
    Parameter("PauseBehavior", "word", words=("skip", "silence")),
)


async def listed(request: Request) -> Listed:
    """The recordings of the account."""
    request.values.pop("include_soft_deleted", None)
    return await request.listed(request.services.database.recordings)


async def record_of(request: Request) -> RecordingRecord:
    """The recording of the path."""
    name = request.path.get("RecordingSid") or request.path["Sid"]
    return await own(request, request.services.database.recordings, name, RECORDING)


async def fetch(request: Request) -> RecordingRecord | Media:
    """A recording: its audio, or what is known of it, as the suffix says."""
    record = await record_of(request)
    described = request.suffix in FORMATS[request.version]
    if described and not (request.public and request.version is ApiVersion.V2010):
        return record
    if request.suffix == "" and request.version is ApiVersion.V2010 and not request.public:
        accepted = request.accept.partition(",")[0].partition(";")[0].strip()
        if accepted in ("application/json", "application/xml", "text/xml"):
            request.suffix = accepted.partition("/")[2]
            return record
    if request.public and request.version is ApiVersion.V2010 and request.services.settings.recordings_need_credentials:
        raise refused(20003, "Authenticate: the audio of this account is given to nobody else")
    if described:
        raise refused(20003, "Authenticate: only the audio is given without credentials")
    return await audio(request, record)


async def audio(request: Request, record: RecordingRecord) -> Media:
    """The audio of a recording. Raises RestError 20404 while there is none."""
    if record.path is None or record.status is not RecordingStatus.COMPLETED:
        raise not_found(f"{record.sid}: its audio is not ready")
    path = Path(record.path)
    path = path if path.is_absolute() else request.services.directory / path
    channels = next((value for name, value in request.pairs if name == "RequestedChannels"), None)
    try:
        body = await asyncio.to_thread(_read, path, request.suffix == "mp3", channels == "1")
    except (OSError, RuntimeError) as error:
        raise not_found(f"{record.sid}: its audio is not there") from error
    kind = "audio/mpeg" if request.suffix == "mp3" else "audio/x-wav"
    return Media(body, kind, (("cache-control", "private, max-age=3600"),))


def _read(path: Path, mp3: bool, mono: bool) -> bytes:
    """Read a WAV file, as MP3 or with one channel where that is asked for. Raises OSError or RuntimeError."""
    if not mp3 and not mono:
        return path.read_bytes()
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if mono:
        samples = samples.mean(axis=1, keepdims=True)
    out = io.BytesIO()
    if mp3:
        soundfile.write(out, samples, rate, format="MP3", subtype="MPEG_LAYER_III")
    else:
        soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


async def delete(request: Request) -> None:
    """Forget a recording and remove its audio."""
    record = await record_of(request)
    if not record.status.final:
        raise refused(20009, "The recording goes on: it cannot be deleted before it is over")
    await request.services.database.recordings.remove(record.sid)
    if record.path is not None:
        path = Path(record.path)
        path = path if path.is_absolute() else request.services.directory / path
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _owner(request: Request) -> Where:
    """The condition that a recording belongs to the call or the conference of the path."""
    if "CallSid" in request.path:
        return Where("call_sid", "=", request.path["CallSid"])
    return Where("conference_sid", "=", request.path["ConferenceSid"])


async def of_owner(request: Request) -> Listed:
    """The recordings of a call or of a conference."""
    await _check_owner(request)
    return await request.listed(request.services.database.recordings, _owner(request))


async def _check_owner(request: Request) -> None:
    database = request.services.database
    if "CallSid" in request.path:
        await own(request, database.calls, request.path["CallSid"], CALL)
    else:
        await own(request, database.conferences, request.path["ConferenceSid"], CONFERENCE)


async def fetch_of_owner(request: Request) -> RecordingRecord:
    """A recording of a call or of a conference."""
    wanted, record = _owner(request), None
    name = request.path["Sid"]
    if name == CURRENT:
        await _check_owner(request)
        name = await request.services.control.current_recording(str(wanted.value)) or name
    record = await request.services.database.recordings.get(name)
    if record is None or record.account_sid != request.account.sid or getattr(record, wanted.column) != wanted.value:
        raise not_found(f"{wanted.value}/Recordings/{name}")
    return record


async def start(request: Request) -> RecordingRecord:
    """Begin to record a call."""
    call = await own(request, request.services.database.calls, request.path["CallSid"], CALL)
    if call.status.final:
        raise refused(21220, f"The call is over: it is {call.status.value}")
    options = calls.recording(dict(request.values), trim="do-not-trim")
    return await request.services.control.start_recording(call.sid, options)


async def update(request: Request) -> RecordingRecord:
    """Pause, resume or stop a recording."""
    record = await fetch_of_owner(request)
    return await request.services.control.update_recording(
        record.sid, request.values["status"], request.get("pause_behavior", "silence")
    )


async def delete_of_owner(request: Request) -> None:
    """Forget a recording of a call or of a conference."""
    record = await fetch_of_owner(request)
    request.path = {**request.path, "Sid": record.sid, "RecordingSid": record.sid}
    await delete(request)


async def transcriptions(request: Request) -> Listed:
    """The transcriptions of the account, or of a recording."""
    more = []
    if "RecordingSid" in request.path:
        record = await record_of(request)
        more.append(Where("recording_sid", "=", record.sid))
    return await request.listed(request.services.database.transcriptions, *more)


async def _transcription(request: Request) -> TranscriptionRecord:
    found = await own(request, request.services.database.transcriptions, request.path["Sid"], TRANSCRIPTION)
    if request.path.get("RecordingSid", found.recording_sid) != found.recording_sid:
        raise not_found(found.sid)
    return found


async def transcription(request: Request) -> TranscriptionRecord | Media:
    """One transcription; with the suffix `.txt` nothing but its text."""
    found = await _transcription(request)
    if request.suffix == "txt":
        return Media((found.transcription_text or "").encode(), "text/plain; charset=utf-8")
    return found


async def delete_transcription(request: Request) -> None:
    """Forget a transcription."""
    found = await _transcription(request)
    await request.services.database.transcriptions.remove(found.sid)


_ROOT: Final = "/Accounts/{AccountSid}"
_ALL: Final = _ROOT + "/Recordings"
_CALL: Final = _ROOT + "/Calls/{CallSid}/Recordings"
_CONFERENCE: Final = _ROOT + "/Conferences/{ConferenceSid}/Recordings"
_OF: Final = _ALL + "/{RecordingSid}/Transcriptions"
_TEXTS: Final = _ROOT + "/Transcriptions"
_SOUND: Final = (Parameter("RequestedChannels", "integer", least=1, most=2), FILTERS[-1])
_SHAPE, _ONE, _TEXT = RECORDING_SHAPE, CALL_RECORDING, TRANSCRIPTION_SHAPE
OPERATIONS: Final = (
    Operation("GET", _ALL, "ListRecording", listed, _SHAPE, FILTERS, listed=True),
    Operation(
        "GET", _ALL + "/{Sid}", "FetchRecording", fetch, _SHAPE, _SOUND, public=True, media=("wav", "mp3"),
    ),
    Operation("DELETE", _ALL + "/{Sid}", "DeleteRecording", delete, status=204),
    Operation("GET", _CALL, "ListCallRecording", of_owner, _ONE, (DATES,), listed=True),
    Operation("POST", _CALL, "CreateCallRecording", start, _ONE, calls.RECORDING, 201),
    Operation("GET", _CALL + "/{Sid}", "FetchCallRecording", fetch_of_owner, _ONE),
    Operation("POST", _CALL + "/{Sid}", "UpdateCallRecording", update, _ONE, UPDATE),
    Operation("DELETE", _CALL + "/{Sid}", "DeleteCallRecording", delete_of_owner, status=204),
    Operation("GET", _CONFERENCE, "ListConferenceRecording", of_owner, _ONE, (DATES,), listed=True),
    Operation("GET", _CONFERENCE + "/{Sid}", "FetchConferenceRecording", fetch_of_owner, _ONE),
    Operation("POST", _CONFERENCE + "/{Sid}", "UpdateConferenceRecording", update, _ONE, UPDATE),
    Operation("DELETE", _CONFERENCE + "/{Sid}", "DeleteConferenceRecording", delete_of_owner, status=204),
    Operation("GET", _OF, "ListRecordingTranscription", transcriptions, _TEXT, listed=True),
    Operation("GET", _OF + "/{Sid}", "FetchRecordingTranscription", transcription, _TEXT, media=("txt",)),
    Operation("DELETE", _OF + "/{Sid}", "DeleteRecordingTranscription", delete_transcription, status=204),
    Operation("GET", _TEXTS, "ListTranscription", transcriptions, _TEXT, listed=True),
    Operation("GET", _TEXTS + "/{Sid}", "FetchTranscription", transcription, _TEXT, media=("txt",)),
    Operation("DELETE", _TEXTS + "/{Sid}", "DeleteTranscription", delete_transcription, status=204),
)  # fmt: skip
