"""Conferences and their participants, as the store keeps them and the REST API shows them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ringback.model.status import ApiVersion


class ConferenceStatus(StrEnum):
    """What became of a conference so far."""

    INIT = "init"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"


class ParticipantStatus(StrEnum):
    """What became of a participant so far. The last two are final."""

    QUEUED = "queued"
    CONNECTING = "connecting"
    RINGING = "ringing"
    CONNECTED = "connected"
    COMPLETE = "complete"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """True once the participant has left, or never came."""
        return self in (ParticipantStatus.COMPLETE, ParticipantStatus.FAILED)


@dataclass(frozen=True, slots=True)
class ConferenceRecord:
    """One conference from its start to its end. Many may have had the same name; one of them at most goes on."""

    sid: str
    account_sid: str
    friendly_name: str
    status: ConferenceStatus
    api_version: ApiVersion
    date_created: datetime
    region: str = "us1"
    reason_conference_ended: str | None = None
    """`conference-ended-via-api`, `participant-with-end-conference-on-exit-left`,
    `participant-with-end-conference-on-exit-kicked`, `last-participant-kicked` or `last-participant-left`."""
    call_sid_ending_conference: str | None = None
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class ParticipantRecord:
    """One call in one conference: both sids together are its key."""

    conference_sid: str
    call_sid: str
    account_sid: str
    status: ParticipantStatus
    date_created: datetime
    label: str | None = None
    muted: bool = False
    hold: bool = False
    coaching: bool = False
    call_sid_to_coach: str | None = None
    start_conference_on_enter: bool = True
    end_conference_on_exit: bool = False
    queue_time: int = 0
    """Milliseconds that its call waited for its turn."""
    date_updated: datetime | None = None
