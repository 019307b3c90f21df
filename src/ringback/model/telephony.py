"""What operators keep: phones and where they are, trunks, prefixes that may be dialled, and who is not heard."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class PhoneRecord:
    """A phone that may register: its name, and digests that check its password (`ringback.sip.auth.ha1`)."""

    username: str
    account_sid: str
    realm: str
    """The realm that the digests were made for."""
    ha1_md5: str
    ha1_sha256: str
    ha1_sha512_256: str
    display_name: str
    date_created: datetime
    date_updated: datetime | None = None

    def secret(self, algorithm: str) -> str | None:
        """Return the digest for an algorithm by its name in RFC 8760, or None where there is none."""
        return {"MD5": self.ha1_md5, "SHA-256": self.ha1_sha256, "SHA-512-256": self.ha1_sha512_256}.get(
            algorithm.upper().removesuffix("-SESS")
        )


@dataclass(frozen=True, slots=True)
class BindingRecord:
    """Where a phone is reached, kept so that a restart of the server loses no phone."""

    username: str
    contact: str
    call_id: str
    cseq: int
    q: float
    transport: str
    local_host: str
    local_port: int
    remote_host: str
    remote_port: int
    by_connection: bool
    """Whether it came by a connection, which a restart ends."""
    path: list[str]
    user_agent: str
    instance: str
    nat: bool
    expires: datetime


@dataclass(frozen=True, slots=True)
class TrunkRecord:
    """A trunk of the store. Its settings are those of `[trunks.NAME]` in the settings file, without the passwords."""

    name: str
    settings: Mapping[str, Any]
    date_created: datetime
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Its passwords by the names of their settings; encrypted in the database."""
    date_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrunkState:
    """How a trunk fared when a running server last wrote it down."""

    name: str
    report: Mapping[str, Any]
    """`calls`, `gateways` (each with `uri`, `alive`, `why`) and `registration` (or None)."""
    date_updated: datetime


@dataclass(frozen=True, slots=True)
class OutboundPrefix:
    """Numbers that begin so may be called by an account."""

    account_sid: str
    prefix: str
    date_created: datetime


@dataclass(frozen=True, slots=True)
class GuardAllowed:
    """An address range that the guard never judges."""

    network: str
    note: str
    date_created: datetime


@dataclass(frozen=True, slots=True)
class GuardBlock:
    """A source that is not heard until then."""

    source: str
    until: datetime
    why: str
    date_created: datetime


@dataclass(frozen=True, slots=True)
class GuardRefusal:
    """How often a source was refused something for one reason, since the server started."""

    source: str
    reason: str
    count: int
    last: datetime
