"""Recordings and transcriptions, as the store keeps them and the REST API shows them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ringback.model.status import ApiVersion


class RecordingStatus(StrEnum):
    """What became of a recording so far. The last three are final."""

    IN_PROGRESS = "in-progress"
    PAUSED = "paused"
    STOPPED = "stopped"
    PROCESSING = "processing"
    COMPLETED = "completed"
    ABSENT = "absent"
    """Nothing was heard, or what was heard is lost."""
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """True once the audio will not change any more."""
        return self in (RecordingStatus.COMPLETED, RecordingStatus.ABSENT, RecordingStatus.FAILED)


class RecordingSource(StrEnum):
    """What started a recording."""

    RECORD_VERB = "RecordVerb"
    DIAL_VERB = "DialVerb"
    CONFERENCE = "Conference"
    OUTBOUND_API = "OutboundAPI"
    TRUNKING = "Trunking"
    START_CALL_RECORDING_API = "StartCallRecordingAPI"
    START_CALL_RECORDING_TWIML = "StartCallRecordingTwiML"
    START_CONFERENCE_RECORDING_API = "StartConferenceRecordingAPI"


class TranscriptionStatus(StrEnum):
    """What became of a transcription so far."""

    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RecordingRecord:
    """What is kept of a recording; its audio is a file beside the database. Times are aware datetimes in UTC."""

    sid: str
    account_sid: str
    call_sid: str | None
    status: RecordingStatus
    source: RecordingSource
    api_version: ApiVersion
    date_created: datetime
    conference_sid: str | None = None
    channels: int = 1
    track: str = "both"
    """`inbound`, `outbound` or `both`."""
    duration: float | None = None
    """Seconds, once it is known."""
    start_time: datetime | None = None
    path: str | None = None
    """The audio file (WAV), absolute or below the directory of the store; None until there is one."""
    error_code: int | None = None
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class TranscriptionRecord:
    """What is kept of the transcription of a recording."""

    sid: str
    account_sid: str
    recording_sid: str
    status: TranscriptionStatus
    api_version: ApiVersion
    date_created: datetime
    transcription_text: str | None = None
    duration: float | None = None
    """Seconds of the recording."""
    type: str = "fast"
    callback: str | None = None
    """A URL that is still to be told what became of it."""
    date_updated: datetime | None = None
