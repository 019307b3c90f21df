"""What others can do with messages: send them, bring them, read them, change them.

`ringback.messaging.service` is the real thing; `ringback.testing.messages` has a fake that keeps to the same contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ringback.model.messages import MediaRecord, MessageDirection, MessageRecord, MessageStatus
from ringback.model.status import ApiVersion


class MessageRefused(Exception):  # noqa: N818 (what it is, in the words of the API)
    """A message that is not taken, or a change that cannot be made.

    `code` is one of `ringback.model.errors`, `message` a sentence for whoever asked, `http_status` what a REST answer
    says.
    """

    def __init__(self, code: int, message: str, http_status: int = 400) -> None:
        super().__init__(code, message, http_status)
        self.code = code
        self.message = message
        self.http_status = http_status

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be sent, as somebody asks for it. Nothing is checked yet: `Messages.send` does that."""

    account_sid: str
    to: str
    from_: str
    """Numbers as people write them; a sender may also be a name of up to eleven letters and digits."""
    body: str = ""
    media_urls: tuple[str, ...] = ()
    """Absolute http or https URLs of files to go with it, ten at most."""
    direction: MessageDirection = MessageDirection.OUTBOUND_API
    api_version: ApiVersion = ApiVersion.V2010
    status_callback: str | None = None
    messaging_service_sid: str | None = None
    send_at: datetime | None = None
    """Not before then: 15 minutes to 35 days from now."""
    validity_period: int | None = None
    """Seconds (1 to 36000) after which it is given up when no carrier has taken it. 36000."""
    smart_encoded: bool | None = None
    """Replace look-alike characters, so that the text fits into GSM-7. None leaves it to the setting."""
    in_reply_to: str | None = None
    sid: str | None = None
    """A sid chosen beforehand. A second draft with the same sid is the same message, and is not sent again."""
    trusted: bool = False
    """True where whoever made it has made sure that it may be sent in the name of `from_`. Carriers do, for the peers
    behind them; nobody else may set it."""
    receipt_to: str = ""
    """Who wants to know its end, in place of `status_callback`: an address that a carrier understands."""


@dataclass(frozen=True, slots=True)
class ArrivedMedia:
    """A media file that came with a message."""

    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole message that a carrier brings."""

    from_: str
    to: str
    body: str
    carrier: str
    media: tuple[ArrivedMedia, ...] = ()
    num_segments: int = 1
    error_code: int | None = None
    """30009 where segments of it never came."""
    sid: str | None = None
    """A sid chosen beforehand. A second arrival with the same sid is the same message, and counts once."""
    receipt_to: str = ""
    """Who wants to be told that it was delivered: an address that its carrier understands."""
    account_sid: str = ""
    """Whose message it becomes where its number is none of this server: then it goes on to the world."""


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages a list has. None is any. `after` and `before` bound `date_sent`, both inclusive."""

    account_sid: str | None = None
    to: str | None = None
    from_: str | None = None
    status: MessageStatus | None = None
    sent_after: datetime | None = None
    sent_before: datetime | None = None
    directions: frozenset[MessageDirection] = field(default_factory=frozenset)
    """Empty is all of them."""


class Messages(Protocol):
    """All messages of this server. What is there no more, or is another account's, raises MessageRefused 20404 (404).

    Every method raises `ringback.storage.errors.StorageError` when the database fails.
    """

    async def send(self, draft: Draft) -> MessageRecord:
        """Take a message. It is checked, and durably queued when this returns. Raises MessageRefused."""
        ...

    async def received(self, arrival: Arrival) -> MessageRecord | None:
        """Take a message from a carrier. It is durable when this returns; its number's application is asked later.

        Returns None, and keeps nothing, where the number is none of this server.
        """
        ...

    async def get(self, sid: str, account_sid: str | None = None) -> MessageRecord:
        """Return a message, of that account if one is given."""
        ...

    async def list(self, wanted: MessageFilter, *, limit: int = 50, offset: int = 0) -> Sequence[MessageRecord]:
        """Return the newest messages first, by `date_created` and sid."""
        ...

    async def count(self, wanted: MessageFilter) -> int:
        """Return how many there are."""
        ...

    async def redact(self, sid: str, account_sid: str | None = None) -> MessageRecord:
        """Forget the body of a message and return what is left. Raises MessageRefused while it is on its way."""
        ...

    async def delete(self, sid: str, account_sid: str | None = None) -> None:
        """Forget a message and its media. Raises MessageRefused while it is on its way."""
        ...

    async def cancel(self, sid: str, account_sid: str | None = None) -> MessageRecord:
        """Take a scheduled message back. Raises MessageRefused when it is scheduled no more."""
        ...

    async def media(self, message_sid: str, account_sid: str | None = None) -> Sequence[MediaRecord]:
        """Return the media of a message, in their order."""
        ...

    async def media_content(self, sid: str, account_sid: str | None = None) -> tuple[MediaRecord, bytes]:
        """Return a media file with its bytes."""
        ...

    async def delete_media(self, sid: str, account_sid: str | None = None) -> None:
        """Forget a media file."""
        ...
