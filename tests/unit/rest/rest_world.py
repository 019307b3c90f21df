"""A REST API over a real store, called in memory as its HTTP server calls it."""

import base64
import json
import random
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

from lxml import etree

from ringback.messaging.port import Messages
from ringback.model.records import Account, CallRecord, IncomingNumber
from ringback.model.sids import ACCOUNT, CALL, NUMBER, make_sid
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.rest.application import RestApplication
from ringback.rest.notices import Notice
from ringback.rest.services import RestSettings, Services
from ringback.storage.database import Database
from ringback.testing.control import FakeControl

NOW = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
V2010 = "/2010-04-01"
V2008 = "/2008-08-01"
OURS = "+14155550100"
"""The number of the account."""
THEIRS = "+14155550199"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json", self.body
        return json.loads(self.body)

    @property
    def xml(self) -> Any:
        assert self.headers["content-type"] == "application/xml", self.body
        root = etree.fromstring(self.body)
        assert root.tag == "TwilioResponse"
        return root

    @property
    def code(self) -> int | None:
        return cast("int | None", self.json["code"])


class Clock:
    """The time of day and a clock, which tests move."""

    def __init__(self) -> None:
        self.passed = 0.0

    def utcnow(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)

    def clock(self) -> float:
        return 1000.0 + self.passed


@dataclass
class World:
    """Everything that a test of the REST API needs."""

    database: Database
    control: FakeControl
    messages: Any
    services: Services
    application: RestApplication
    clock: Clock
    account: Account
    notices: list[Notice] = field(default_factory=list)
    directory: Path = Path()

    async def __call__(
        self,
        method: str,
        path: str,
        form: Mapping[str, Any] | bytes | None = None,
        query: Mapping[str, Any] | str = "",
        auth: tuple[str, str] | str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request. `{A}` in the path is the account; without `auth` it is the account that asks."""
        path = path.replace("{A}", self.account.sid)
        if isinstance(query, Mapping):
            query = urlencode(query, doseq=True)
        sent = {"host": "127.0.0.1:8080", **(headers or {})}
        if auth == "":
            auth = (self.account.sid, self.account.auth_token)
        if isinstance(auth, tuple):
            sent["authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        body = b""
        if form is not None:
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
            body = form if isinstance(form, bytes) else urlencode(form, doseq=True).encode()
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": quote(path, safe="/:%.~").encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": ("192.0.2.7", 4711),
            "scheme": "http",
        }
        return await self._send(scope, body)

    async def _send(self, scope: dict[str, Any], body: bytes) -> Answer:
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self.application(scope, receive, send)
        start, rest = sent
        told = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], told, rest["body"])

    def sid(self, prefix: str) -> str:
        return make_sid(prefix, self.services.entropy(16))

    async def new_account(self, **different: Any) -> Account:
        values: dict[str, Any] = {
            "sid": self.sid(ACCOUNT), "auth_token": self.services.entropy(16).hex(), "friendly_name": "Another",
            "date_created": self.clock.utcnow(),
        }  # fmt: skip
        account = Account(**{**values, **different})
        await self.database.accounts.create(account)
        return account

    async def new_call(self, **different: Any) -> CallRecord:
        values: dict[str, Any] = {
            "sid": self.sid(CALL), "account_sid": self.account.sid, "from_": THEIRS, "to": OURS,
            "direction": Direction.INBOUND, "status": CallStatus.COMPLETED, "api_version": ApiVersion.V2010,
            "phone_number_sid": None, "sip_call_id": None, "date_created": self.clock.utcnow(),
        }  # fmt: skip
        record = CallRecord(**{**values, **different})
        await self.database.calls.create(record)
        return record

    async def new_number(self, number: str = OURS, **different: Any) -> IncomingNumber:
        values: dict[str, Any] = {
            "sid": self.sid(NUMBER), "account_sid": self.account.sid, "phone_number": number,
            "voice_url": "http://127.0.0.1:8000/", "voice_method": "POST", "voice_fallback_url": None,
            "voice_fallback_method": "POST", "status_callback": None, "status_callback_method": "POST",
            "api_version": ApiVersion.V2010, "friendly_name": "Front door", "date_created": self.clock.utcnow(),
        }  # fmt: skip
        record = IncomingNumber(**{**values, **different})
        await self.database.numbers.add(record)
        return record


@asynccontextmanager
async def world(path: Path | str, settings: RestSettings | None = None, messages: Any = None) -> AsyncIterator[World]:
    """Open a world over the database at a path."""
    rng, clock = random.Random(7), Clock()
    async with Database.open(path) as database:
        account = await database.accounts.ensure_default(NOW, rng.randbytes)
        control = FakeControl(database, clock.utcnow, rng.randbytes)
        notices: list[Notice] = []
        services = Services(
            database=database, control=control, messages=cast("Messages", messages), utcnow=clock.utcnow,
            clock=clock.clock, entropy=rng.randbytes, directory=Path(path).parent,
            settings=settings or RestSettings(), notify=notices.append,
        )  # fmt: skip
        yield World(
            database, control, messages, services, RestApplication(services), clock, account, notices,
            Path(path).parent,
        )  # fmt: skip
