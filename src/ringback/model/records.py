"""The records that the store keeps and the layers above it hand around."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringback.model.status import ApiVersion, CallStatus, Direction


@dataclass(frozen=True, slots=True)
class Account:
    """An account: whose numbers, calls and credentials these are."""

    sid: str
    auth_token: str
    friendly_name: str
    date_created: datetime


@dataclass(frozen=True, slots=True)
class IncomingNumber:
    """A number of this server and the application behind it."""

    sid: str
    account_sid: str
    phone_number: str
    """E.164, or the plain user part of a SIP address where it is no telephone number."""
    voice_url: str
    voice_method: str
    voice_fallback_url: str | None
    voice_fallback_method: str
    status_callback: str | None
    status_callback_method: str
    api_version: ApiVersion
    friendly_name: str
    date_created: datetime


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is kept of a call. Times are aware datetimes in UTC."""

    sid: str
    account_sid: str
    from_: str
    to: str
    direction: Direction
    status: CallStatus
    api_version: ApiVersion
    phone_number_sid: str | None
    sip_call_id: str | None
    date_created: datetime
    start_time: datetime | None = None
    """When it was answered."""
    end_time: datetime | None = None
    end_reason: str | None = None
    """Why it ended, in Ringback's own words (see docs/reference/timeline.md)."""


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One thing that happened to a call: a line of its timeline."""

    call_sid: str
    at: datetime
    kind: str
    """One of `ringback.model.events`."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Details, JSON only."""
