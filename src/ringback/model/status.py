"""Statuses and directions of a call, in the words of the 2010-04-01 API."""

from enum import StrEnum


class ApiVersion(StrEnum):
    """The two versions of the API. A number has one, and a call keeps that of its number."""

    V2008 = "2008-08-01"
    V2010 = "2010-04-01"


class Direction(StrEnum):
    """Who began the call."""

    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_DIAL = "outbound-dial"


class CallStatus(StrEnum):
    """What became of a call so far. The last five are final."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"

    @property
    def final(self) -> bool:
        """True once nothing further can happen to the call."""
        return self not in (CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS)
