"""What an account has besides numbers and calls: applications, keys, validated caller ids, numbers that it may buy."""

from dataclasses import dataclass
from datetime import datetime

from ringback.model.status import ApiVersion


@dataclass(frozen=True, slots=True)
class ApplicationRecord:
    """URLs with a name and a sid, that numbers, calls and messages can be pointed at in place of URLs of their own."""

    sid: str
    account_sid: str
    friendly_name: str
    date_created: datetime
    api_version: ApiVersion = ApiVersion.V2010
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    voice_caller_id_lookup: bool = False
    status_callback: str | None = None
    status_callback_method: str = "POST"
    sms_url: str | None = None
    sms_method: str = "POST"
    sms_fallback_url: str | None = None
    sms_fallback_method: str = "POST"
    sms_status_callback: str | None = None
    message_status_callback: str | None = None
    public_application_connect_enabled: bool = False
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """An API key: a user name (its sid) and a secret in place of the account's own. The secret is kept as a digest."""

    sid: str
    account_sid: str
    friendly_name: str
    secret_digest: str
    """SHA-256 of the secret in hexadecimal: it has 128 bits of entropy, so a slow hash would add nothing."""
    date_created: datetime
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallerIdRecord:
    """A number that somebody has proven to be theirs, and that calls may show as their caller id."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str
    date_created: datetime
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class AvailableNumberRecord:
    """A number of the operator's pool, which an account may make its own."""

    phone_number: str
    """E.164; the key."""
    iso_country: str
    kind: str
    """`local`, `mobile`, `toll-free`, `national`, `shared-cost`, `voip` or `machine-to-machine`."""
    date_created: datetime
    friendly_name: str = ""
    locality: str | None = None
    region: str | None = None
    postal_code: str | None = None
    voice: bool = True
    sms: bool = True
    mms: bool = False
    fax: bool = False
