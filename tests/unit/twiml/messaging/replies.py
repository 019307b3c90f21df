"""Applications in memory, for tests of the language for messages."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ringback.messaging.port import Draft, MessageRefused
from ringback.model.errors import ApplicationError
from ringback.model.messages import MessageRecord, MessageStatus
from ringback.model.records import CallEvent
from ringback.model.status import ApiVersion
from ringback.testing.messages import EPOCH, fake_message
from ringback.twiml.messaging.interpreter import MessagingSession
from ringback.twiml.services import Answer, Application, Fetch

Page = str | tuple[str, str] | Exception | Callable[[Fetch], str]


class Replies:
    """`ReplyServices`: pages by URL, and what was sent and noted."""

    def __init__(self, **pages: Page) -> None:
        self.pages = {f"http://app/{name}": page for name, page in pages.items()}
        self.asked: list[Fetch] = []
        self.sent: list[Draft] = []
        self.refusals: dict[str, MessageRefused] = {}
        self.events: list[CallEvent] = []

    async def fetch(self, request: Fetch) -> Answer:
        self.asked.append(request)
        page = self.pages.get(request.url)
        if page is None:
            raise ApplicationError(11200, "not found", request.url)
        if isinstance(page, Exception):
            raise page
        if callable(page):
            page = page(request)
        body, kind = page if isinstance(page, tuple) else (page, "text/xml")
        return Answer(request.url, 200, kind, body.encode())

    async def send(self, draft: Draft, number: int) -> MessageRecord:
        if draft.body in self.refusals:
            raise self.refusals[draft.body]
        self.sent.append(draft)
        return fake_message(number, status=MessageStatus.QUEUED)

    def note(self, kind: str, /, **data: Any) -> None:
        self.events.append(CallEvent("SM1", EPOCH, kind, data))

    async def run(self, *, version: ApiVersion = ApiVersion.V2010, fallback: str | None = None) -> list[str]:
        """Ask `/sms` about a message; return the texts of the answers."""
        application = Application("http://app/sms", "POST", fallback and f"http://app/{fallback}")
        session = MessagingSession(replace(fake_message(), api_version=version), self, application)
        count = await session.run(Fetch("http://app/sms"))
        assert count >= len(self.sent)
        return [draft.body for draft in self.sent]

    def codes(self, kind: str = "warning") -> list[int]:
        return [event.data["code"] for event in self.events if event.kind == kind]
