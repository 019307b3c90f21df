"""SIP domains as the REST API has them: who may call and register, by passwords and by addresses, and what is asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

CALLS: Final = "calls"
REGISTRATIONS: Final = "registrations"


@dataclass(frozen=True, slots=True)
class SipDomainRecord:
    """A name in SIP addresses, and the application that calls to it are for."""

    sid: str
    account_sid: str
    domain_name: str
    friendly_name: str
    date_created: datetime
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    voice_status_callback_url: str | None = None
    voice_status_callback_method: str = "POST"
    sip_registration: bool = False
    """Whether those in its lists for registrations may register."""
    secure: bool = False
    emergency_calling_enabled: bool = False
    byoc_trunk_sid: str | None = None
    emergency_caller_sid: str | None = None
    auth_type: str = ""
    """What its lists for calls are of: `IP_ACL`, `CREDENTIAL_LIST`, both with a comma, or nothing."""
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class CredentialListRecord:
    """A list of user names and passwords."""

    sid: str
    account_sid: str
    friendly_name: str
    date_created: datetime
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class CredentialRecord:
    """A user name, and digests that check its password (`ringback.sip.auth.ha1`)."""

    sid: str
    account_sid: str
    credential_list_sid: str
    username: str
    realm: str
    ha1_md5: str
    ha1_sha256: str
    ha1_sha512_256: str
    date_created: datetime
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessListRecord:
    """A list of addresses."""

    sid: str
    account_sid: str
    friendly_name: str
    date_created: datetime
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessAddressRecord:
    """An address range."""

    sid: str
    account_sid: str
    ip_access_control_list_sid: str
    friendly_name: str
    ip_address: str
    cidr_prefix_length: int
    date_created: datetime
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class MappingRecord:
    """A list counts for a domain: for calls to it, or for registrations at it."""

    domain_sid: str
    kind: str
    """`calls` or `registrations`."""
    list_sid: str
    account_sid: str
    friendly_name: str
    """That of the list."""
    date_created: datetime
    date_updated: datetime | None = None

    @property
    def sid(self) -> str:
        """A mapping goes by the sid of its list."""
        return self.list_sid
