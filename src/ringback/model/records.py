"""The records that the store keeps and the layers above it hand around."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ringback.model.status import ApiVersion, CallStatus, Direction


class AccountStatus(StrEnum):
    """Whether an account may be used."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Account:
    """An account: whose numbers, calls and credentials these are."""

    sid: str
    auth_token: str = field(repr=False)
    friendly_name: str
    date_created: datetime
    owner_account_sid: str | None = None
    """The account whose subaccount this is; None where it is nobody's."""
    status: AccountStatus = AccountStatus.ACTIVE
    type: str = "Full"
    """`Full` or `Trial`."""
    secondary_token: str | None = field(default=None, repr=False)
    """A second Auth Token that is as good, while applications are moved from one to the other."""
    is_test: bool = False
    """Its credentials are test credentials: requests are checked and answered, and nothing happens."""
    calls_per_second: float | None = None
    """How fast its outgoing calls are made; None is what the settings say."""
    date_updated: datetime | None = None


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
    voice_caller_id_lookup: bool = False
    voice_application_sid: str | None = None
    """An application whose URLs are asked in place of those above."""
    sms_url: str | None = None
    sms_method: str = "POST"
    sms_fallback_url: str | None = None
    sms_fallback_method: str = "POST"
    sms_application_sid: str | None = None
    trunk_sid: str | None = None
    date_updated: datetime | None = None


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
    parent_call_sid: str | None = None
    """The call whose `<Dial>` made this one."""
    answered_by: str | None = None
    """What machine detection found, in the words of its mode."""
    caller_name: str | None = None
    forwarded_from: str | None = None
    annotation: str | None = None
    group_sid: str | None = None
    queue_time: int = 0
    """Milliseconds that it waited for its turn to be made."""
    price: str | None = None
    price_unit: str | None = None
    trunk_sid: str | None = None
    date_updated: datetime | None = None
    """The store fills it in with the newest moment that a change brings along; None before the first."""

    @property
    def duration(self) -> int | None:
        """Whole seconds from answer to end, 0 for a call that was never answered; None before the end."""
        if self.end_time is None:
            return None
        return 0 if self.start_time is None else max(0, round((self.end_time - self.start_time).total_seconds()))


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One thing that happened to a call: a line of its timeline."""

    call_sid: str
    at: datetime
    kind: str
    """One of `ringback.model.events`."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Details, JSON only."""


def key_of(record: Any) -> str | tuple[str, str]:
    """Return the key of a record: its sid; conference and call of a participant; the call of a queue's member."""
    if hasattr(record, "sid"):
        return str(record.sid)
    conference = getattr(record, "conference_sid", None)
    return str(record.call_sid) if conference is None else (str(conference), str(record.call_sid))


def dated(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of a record with `date_updated`: the newest moment among them, where there is one."""
    moments = [value for value in changes.values() if isinstance(value, datetime)]
    if not moments or "date_updated" in changes:
        return dict(changes)
    return {**changes, "date_updated": max(moments)}
