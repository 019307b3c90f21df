"""What a verb sees while it answers a message: who wrote to whom, the document it stands in, and the way out."""

from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urljoin

from ringback.messaging.port import Draft, MessageRefused
from ringback.model import events
from ringback.model.errors import ApplicationError
from ringback.model.messages import MessageDirection, MessageRecord
from ringback.model.status import ApiVersion
from ringback.twiml.reader import shorten
from ringback.twiml.services import Answer, Fetch, Method

MAX_REPLIES = 10
"""Messages that one message may be answered with (14109)."""

# Why a message is refused, in the codes of the verb.
_CODES = {
    21604: 14101, 21211: 14101, 21614: 14101, 21212: 14102, 21603: 14102, 21606: 14102, 21602: 14103, 21605: 14103,
    21617: 14103, 21620: 14103, 21623: 14103, 20422: 14103, 21609: 14105,
}  # fmt: skip


class ReplyServices(Protocol):
    """What the interpreter needs from outside, for the answers to one message."""

    async def fetch(self, request: Fetch) -> Answer:
        """Ask the application, with the parameters of the message beside those of the request.

        Raises ApplicationError where it cannot be asked, or answers 400 or more.
        """
        ...

    async def send(self, draft: Draft, number: int) -> MessageRecord:
        """Send the n-th answer, counted from 1. Raises MessageRefused.

        The same number is the same message, however often it is asked for.
        """
        ...

    def note(self, kind: str, /, **data: Any) -> None:
        """Put an event into the timeline of the message."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an answer: its sid, empty where it was refused, and the word for its status."""

    sid: str
    status: str


class ReplySession:
    """The surroundings of the verbs that answer one message."""

    def __init__(self, message: MessageRecord, services: ReplyServices) -> None:
        self.message = message
        self.services = services
        self.url = ""
        """Where the document came from; relative URLs resolve against it."""
        self.version: ApiVersion = message.api_version
        self.replies = 0
        self.looped = False
        """Whether the two numbers answer each other too fast: nothing more is sent then (14107)."""

    def resolve(self, url: str) -> str:
        """Make a URL of the document absolute; the empty one is the document itself. Raises ApplicationError 11100."""
        try:
            return urljoin(self.url, url) if url else self.url
        except ValueError as error:
            raise ApplicationError(11100, f"{shorten(url)} is not a URL: {error}", url) from None

    def fetch(self, url: str, method: Method, parameters: dict[str, str] | None = None) -> Fetch:
        """The request that leads from this document to the next."""
        return Fetch(self.resolve(url), method, parameters or {})

    def warn(self, code: int, message: str, **data: Any) -> None:
        """Write a warning into the timeline of the message."""
        self.services.note(events.WARNING, code=code, message=message, **data)

    async def send(
        self, body: str, *, to: str = "", from_: str = "", media: tuple[str, ...] = (), status_callback: str = ""
    ) -> Sent:
        """Send one answer. What is wrong with it is told as a warning, and the document goes on."""
        if self.looped:
            return Sent("", "invalid")
        if self.replies >= MAX_REPLIES:
            self.warn(14109, f"a message is answered with {MAX_REPLIES} messages at most; this one is left out")
            return Sent("", "invalid")
        self.replies += 1
        draft = Draft(
            self.message.account_sid,
            to=to or self.message.from_,
            from_=from_ or self.message.to,
            body=body,
            media_urls=tuple(self.resolve(url) for url in media),
            direction=MessageDirection.OUTBOUND_REPLY,
            api_version=self.message.api_version,
            status_callback=self.resolve(status_callback) if status_callback else None,
            in_reply_to=self.message.sid,
        )
        try:
            record = await self.services.send(draft, self.replies)
        except MessageRefused as refusal:
            code = _CODES.get(refusal.code, refusal.code)
            self.looped = code == 14107
            kind = events.ERROR if self.looped else events.WARNING
            self.services.note(kind, code=code, message=f"an answer was not sent: {refusal.message}")
            return Sent("", "invalid")
        return Sent(record.sid, "queued")
