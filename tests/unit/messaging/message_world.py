"""A message service with a real store, fake carriers, applications in memory, and a clock that tests turn."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ringback.app.directory import Entry
from ringback.messaging.port import Draft
from ringback.messaging.service import MessageService
from ringback.messaging.settings import MessageSettings
from ringback.model.messages import CarrierRecord, MessageRecord
from ringback.model.records import Account, CallEvent, IncomingNumber
from ringback.model.status import ApiVersion
from ringback.storage.database import Database
from ringback.testing.messages import EPOCH, FakeCarrier
from ringback.webhooks.client import WebhookClient, WebhookSettings
from tests.unit.app.web_in_memory import WebInMemory

SHOP, OLD_SHOP, PERSON = "+15550100001", "+15550100002", "+447700900120"


@dataclass
class World:
    """Everything that a test may look at."""

    database: Database
    account: Account
    directory: Path
    settings: MessageSettings = field(default_factory=MessageSettings)
    seconds: float = 0.0
    carriers: dict[str, FakeCarrier] = field(default_factory=dict)
    web: WebInMemory = field(default_factory=WebInMemory)
    events: list[CallEvent] = field(default_factory=list)
    asked: list[tuple[MessageRecord, str]] = field(default_factory=list)
    """What applications were asked about, with STOP, START, HELP or nothing."""
    conduct_error: Exception | None = None
    numbers: dict[str, Entry] = field(default_factory=dict)
    service: MessageService = field(init=False)

    def __post_init__(self) -> None:
        rng = random.Random(7)
        self.local = FakeCarrier("local", reaches="+999")
        self.service = MessageService(
            store=self.database.messages,
            carriers=self.database.carriers,
            make_carrier=self._make,
            local=self.local,
            webhooks=WebhookClient(WebhookSettings(), self.web, lambda: "token"),
            directory=self.directory / "media",
            find=self._find,
            tokens=self._token,
            conduct=self._conduct,
            note=self.events.append,
            clock=lambda: self.seconds,
            utcnow=self.utcnow,
            entropy=rng.randbytes,
            settings=self.settings,
        )

    def utcnow(self) -> datetime:
        return EPOCH + timedelta(seconds=self.seconds)

    async def pass_time(self, seconds: float) -> None:
        """Let time go by, and do what is due then."""
        self.seconds += seconds
        await self.service.tick()
        await self.service.idle()

    async def add_carrier(self, name: str, **different: Any) -> FakeCarrier:
        """Add a carrier and let the service notice it."""
        fake = self.carriers.setdefault(name, FakeCarrier(name))
        record = {"name": name, "kind": "fake", "settings": {}, "date_created": EPOCH, **different}
        await self.database.carriers.add(CarrierRecord(**record))
        await self.service.tick()
        return fake

    async def send(self, body: str = "hello", **different: Any) -> MessageRecord:
        """Send a message and let it go as far as it goes; return what it is in the store then."""
        sid = (await self.service.send(self.draft(body, **different))).sid
        await self.service.idle()
        return await self.service.get(sid)

    def draft(self, body: str = "hello", **different: Any) -> Draft:
        values = {"account_sid": self.account.sid, "to": PERSON, "from_": SHOP, "body": body, **different}
        return Draft(**values)

    async def status(self, sid: str) -> str:
        return (await self.service.get(sid)).status.value

    def told(self, url: str = "http://app/status") -> list[str]:
        """The statuses that an application was told."""
        return [one.fields["SmsStatus"] for one in self.web.asked if one.url == url]

    async def _find(self, number: str) -> Entry | None:
        return self.numbers.get(number)

    async def _token(self, account_sid: str) -> str | None:
        return "secret" if account_sid == self.account.sid else None

    async def _conduct(self, message: MessageRecord, owner: Any, opt_out: str) -> None:
        if self.conduct_error is not None:
            raise self.conduct_error
        self.asked.append((message, opt_out))

    def _make(self, record: CarrierRecord) -> FakeCarrier:
        if record.settings.get("broken"):
            raise ValueError("it is broken")
        return self.carriers.setdefault(record.name, FakeCarrier(record.name))


@asynccontextmanager
async def open_world(
    database: Database, directory: Path, *, start: bool = True, **different: Any
) -> AsyncIterator[World]:
    """A world whose numbers are in its store, too."""
    account = await database.accounts.ensure_default(EPOCH, lambda length: bytes(range(length)))
    world = World(database, account, directory, **different)
    for number, version in ((SHOP, ApiVersion.V2010), (OLD_SHOP, ApiVersion.V2008)):
        made = incoming(account, number, version)
        if await database.numbers.get(made.sid) is None:
            await database.numbers.add(made)
        world.numbers[number] = Entry(made, account)
    if start:
        await world.service.start()
        await world.service._tasks.close()  # the clock of a test is turned by the test
    try:
        yield world
    finally:
        await world.service.close()


def incoming(account: Account, number: str, version: ApiVersion = ApiVersion.V2010, **different: Any) -> IncomingNumber:
    values: dict[str, Any] = {
        "sid": f"PN{number[1:]:0>32}", "account_sid": account.sid, "phone_number": number, "voice_url": "",
        "voice_method": "POST", "voice_fallback_url": None, "voice_fallback_method": "POST", "status_callback": None,
        "status_callback_method": "POST", "api_version": version, "friendly_name": number, "date_created": EPOCH,
        "sms_url": "http://app/sms",
    }  # fmt: skip
    return IncomingNumber(**{**values, **different})


def copy_database(empty_store: Path, directory: Path) -> Path:
    """Copy an empty database."""
    return Path(shutil.copy(empty_store, directory / "ringback.db"))


async def settle() -> None:
    """Let everything that is ready run."""
    for _ in range(20):
        await asyncio.sleep(0)
