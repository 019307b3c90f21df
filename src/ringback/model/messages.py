"""Messages as the store keeps them and the layers above it hand them around.

Statuses and directions are in the words of the 2010-04-01 API (clause 9.6); what 2008-08-01 says in their place is for
whoever speaks it to know.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ringback.model.status import ApiVersion

MESSAGE = "SM"
"""Prefix of the sid of a message."""
MULTIMEDIA_MESSAGE = "MM"
"""The same for a message with media."""
MEDIA = "ME"
"""Prefix of the sid of a media file."""


class MessageDirection(StrEnum):
    """Who began the message."""

    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_CALL = "outbound-call"
    OUTBOUND_REPLY = "outbound-reply"


class MessageStatus(StrEnum):
    """What became of a message so far."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELED = "canceled"
    RECEIVING = "receiving"
    RECEIVED = "received"

    @property
    def final(self) -> bool:
        """True once nothing further can happen to the message."""
        return self in _FINAL

    @property
    def settled(self) -> bool:
        """True once the message has left this server or reached it: it may be redacted and deleted then.

        A message that was sent is settled though a receipt may still come.
        """
        return self in _FINAL or self is MessageStatus.SENT


_FINAL = frozenset(
    {
        MessageStatus.DELIVERED,
        MessageStatus.UNDELIVERED,
        MessageStatus.FAILED,
        MessageStatus.CANCELED,
        MessageStatus.RECEIVED,
    }
)


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """What is kept of a message. Times are aware datetimes in UTC, numbers are in their stored form."""

    sid: str
    account_sid: str
    from_: str
    to: str
    body: str
    status: MessageStatus
    direction: MessageDirection
    api_version: ApiVersion
    date_created: datetime
    date_updated: datetime
    date_sent: datetime | None = None
    """When a carrier took it; for an inbound one, when it came."""
    num_segments: int = 1
    num_media: int = 0
    error_code: int | None = None
    error_message: str | None = None
    price: str | None = None
    """Money in decimal digits, as the API shows it. This server charges nothing: it is there for those who bill."""
    price_unit: str = "USD"
    messaging_service_sid: str | None = None
    status_callback: str | None = None
    send_at: datetime | None = None
    """When a scheduled message is due."""
    expires: datetime | None = None
    """When a message that no carrier has taken by then is given up."""
    carrier: str | None = None
    """The name of the carrier that took it, or brought it."""
    in_reply_to: str | None = None
    """The sid of the inbound message whose document made this one."""
    repeated: bool = False
    """True where the answer of a carrier was lost, so that the message was handed over a second time. Whoever got it
    may have got it twice; nothing else is ever sent twice."""


@dataclass(frozen=True, slots=True)
class MediaRecord:
    """A media file of a message."""

    sid: str
    account_sid: str
    message_sid: str
    content_type: str
    date_created: datetime
    date_updated: datetime
    url: str = ""
    """Where it came from; empty where it came with the message."""
    size: int = 0
    """Bytes. The file is named like the sid, in the directory `media` of the store."""


@dataclass(frozen=True, slots=True)
class CarrierRecord:
    """A carrier: what takes messages to the world and brings them from it."""

    name: str
    kind: str
    """`smpp`, `smpp-server` or `http`."""
    settings: dict[str, object]
    """What that kind needs, JSON only; docs/reference/carriers.md lists it. It may hold passwords."""
    date_created: datetime
    prefixes: tuple[str, ...] = ("",)
    """Beginnings of the numbers that it takes messages to; an empty one is every number."""
    accounts: tuple[str, ...] = ()
    """Sids of the accounts that may use it; none is all of them."""
    senders: tuple[str, ...] = ()
    """Numbers whose messages go this way; none is all of them."""
    priority: int = 100
    """The lowest one is tried first, and the next one when that fails."""
    rate: float = 0.0
    """Messages a second that it takes; 0 is as many as there are."""
    enabled: bool = True
