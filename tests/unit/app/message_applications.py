"""Messages, composed as the server does it: a real store, carriers, and applications in memory."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ringback.app.directory import Directory
from ringback.app.messages import build_messages
from ringback.messaging.port import Arrival
from ringback.messaging.service import MessageService
from ringback.messaging.settings import MessageSettings
from ringback.model.records import Account, CallEvent, IncomingNumber
from ringback.model.status import ApiVersion
from ringback.storage.database import Database
from ringback.storage.messages import MessageQuery
from ringback.webhooks.client import WebhookClient, WebhookSettings
from tests.unit.app.web_in_memory import WebInMemory

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHOP, PERSON = "+15550100001", "+15550100099"


@dataclass
class World:
    """The service, its store and the web. `clock` has the seconds that have gone by."""

    database: Database
    account: Account
    web: WebInMemory
    service: MessageService
    clock: list[float]
    events: list[CallEvent] = field(default_factory=list)

    async def bring(self, body: str = "hi", to: str = SHOP) -> list[str]:
        """Let a message come; return the texts of all answers so far."""
        await self.service.received(Arrival(PERSON, to, body, "local"))
        await self.service.idle()
        found = await self.database.messages.find(MessageQuery(to=PERSON))
        return [one.body for one in reversed(found)]


def number(account: Account, phone_number: str, **different: Any) -> IncomingNumber:
    values: dict[str, Any] = {
        "sid": f"PN{phone_number[1:]:0>32}", "account_sid": account.sid, "phone_number": phone_number, "voice_url": "",
        "voice_method": "POST", "voice_fallback_url": None, "voice_fallback_method": "POST", "status_callback": None,
        "status_callback_method": "POST", "api_version": ApiVersion.V2010, "friendly_name": "", "date_created": NOW,
    }  # fmt: skip
    return IncomingNumber(**values | different)


@asynccontextmanager
async def message_applications(directory: Path) -> AsyncIterator[World]:
    """All that messages need, with one number of 2010-04-01; it does what is due when it is told the time."""
    clock, web, events = [0.0], WebInMemory(), list[CallEvent]()
    async with Database.open(directory / "ringback.db") as database:
        account = await database.accounts.ensure_default(NOW, lambda length: bytes(range(length)))
        # No two messages are made in the same moment.
        entropy, moments = iter(range(1, 10_000)), itertools.count()
        service, close = build_messages(
            database=database,
            directory=Directory(database, lambda: clock[0]),
            webhooks=WebhookClient(WebhookSettings(), web, lambda: "token"),
            note=events.append,
            storage=directory,
            default_account=account.sid,
            settings=MessageSettings(),
            clock=lambda: clock[0],
            utcnow=lambda: NOW + timedelta(seconds=clock[0], microseconds=next(moments)),
            entropy=lambda length: next(entropy).to_bytes(length, "big"),
            media_base="http://voice",
            handsets=False,
        )
        await service.start()
        await service._tasks.close()
        await database.numbers.add(number(account, SHOP, sms_url="http://app/sms", sms_fallback_url="http://app/spare"))
        await service.tick()
        made = World(database, account, web, service, clock, events)
        yield made
        await service.close()
        await close()
