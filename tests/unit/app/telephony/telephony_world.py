"""A server's phones, trunks and guards, with a clock that stands still and an endpoint that remembers."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ringback.app.directory import Directory
from ringback.app.settings import Settings
from ringback.app.telephony.services import SipServices
from ringback.model.telephony import PhoneRecord, TrunkRecord
from ringback.sip.auth import Credentials, authorization, ha1, parse_challenge
from ringback.sip.events import IncomingRequest, RequestAnswered
from ringback.sip.values import Challenge, Flow, Headers, RequestId, RequestView, Verdict
from ringback.storage.database import Database

NOON = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
HOME = ("192.0.2.1", 5060)
ALICE = Flow("UDP", HOME, ("198.51.100.7", 40000))
DIRECT = Flow("UDP", HOME, ("198.51.100.7", 5060))


@dataclass
class Asked:
    """A request that was sent."""

    request: RequestId
    method: str
    uri: str
    flow: Flow
    options: dict[str, Any]


@dataclass
class FakeEndpoint:
    """Remembers what is sent through it."""

    asked: list[Asked] = field(default_factory=list)
    answers: list[tuple[RequestId, int, str | None, Headers]] = field(default_factory=list)
    refuses: str = ""

    def request(self, method: str, target_uri: str, flow: Flow, **options: Any) -> RequestId:
        if self.refuses:
            raise ValueError(self.refuses)
        name = RequestId(1000 + len(self.asked))
        self.asked.append(Asked(name, method, target_uri, flow, options))
        return name

    def respond(
        self, request: RequestId, code: int, now: float, reason: str | None = None, headers: Headers = ()
    ) -> None:
        self.answers.append((request, code, reason, headers))

    def of(self, method: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == method]


class World:
    """One server."""

    def __init__(self, database: Database, **sections: Any) -> None:
        self.now = 1000.0
        self.database = database
        self.endpoint = FakeEndpoint()
        self.places: dict[str, list[Flow] | Exception] = {}
        self.standing = True
        settings = {"sip": {"host": "192.0.2.1", "allow": ["127.0.0.0/8"]}, **sections}
        self.settings = Settings.model_validate(settings)
        self.services = SipServices(
            self.settings,
            database,
            Directory(database, lambda: self.now),
            rng=random.Random(1),
            key=b"k" * 32,
            clock=lambda: self.now,
            utcnow=self.utcnow,
        )

    def utcnow(self) -> datetime:
        return NOON + timedelta(seconds=self.now - 1000.0)

    def start(self) -> None:
        self.services.start(
            self.endpoint,
            locate=self.locate,
            advertised=lambda flow: flow.local,
            addresses=[HOME],
            stands=lambda flow: self.standing,
        )

    async def locate(self, uri: str) -> list[Flow]:
        found = self.places.get(uri, [Flow("UDP", HOME, ("203.0.113.5", 5060))])
        if isinstance(found, Exception):
            raise found
        return found

    async def add_phone(self, username: str = "alice", *, realm: str = "ringback", moment: float = 0.0) -> None:
        account = await self.database.accounts.ensure_default(NOON, bytes)
        md5, sha256, sha512 = (ha1(name, username, realm, "secret") for name in ("MD5", "SHA-256", "SHA-512-256"))
        await self.database.phones.save(
            PhoneRecord(username, account.sid, realm, md5, sha256, sha512, "", NOON + timedelta(seconds=moment))
        )

    async def add_trunk(self, name: str = "carrier", **settings: Any) -> None:
        secrets = {key: settings.pop(key) for key in ("password", "inbound_password") if key in settings}
        await self.database.trunks.save(TrunkRecord(name, settings, self.utcnow(), secrets, self.utcnow()))

    def screen(self, method: str, flow: Flow = ALICE, *, authorization: str = "", to: str = "alice") -> Verdict:
        headers = (("authorization", authorization),) if authorization else ()
        view = RequestView(method, "sip:192.0.2.1", "sip:alice@h", "alice", f"sip:{to}@h", to, "i", headers, b"")
        return self.services.screen(view, flow, self.now)

    def log_in(
        self, method: str = "REGISTER", flow: Flow = ALICE, *, user: str = "alice", password: str = "secret"
    ) -> Verdict:
        challenge = self.screen(method, flow)
        assert isinstance(challenge, Challenge)
        line = authorization(
            parse_challenge(challenge.headers[0][1]), Credentials(user, password), method=method, uri="sip:192.0.2.1",
            body=b"", cnonce="c", count=1,
        )  # fmt: skip
        return self.screen(method, flow, authorization=line)

    def register(
        self,
        contact: str = "<sip:alice@10.0.0.5:5060>",
        *,
        flow: Flow = ALICE,
        identity: str | None = "phone:alice",
        to: str = "alice",
        expires: int = 600,
        cseq: int = 1,
    ) -> tuple[int, str | None, Headers]:
        headers = (
            ("via", "SIP/2.0/UDP 10.0.0.5;rport;branch=z9hG4bKa"),
            ("call-id", "one"),
            ("cseq", f"{cseq} REGISTER"),
            ("contact", contact),
            ("expires", str(expires)),
            ("user-agent", "Phone 1"),
        )
        name = RequestId(cseq)
        event = IncomingRequest(
            name, flow, "REGISTER", "sip:192.0.2.1", "sip:alice@h", f"sip:{to}@h", headers, b"", None, identity
        )
        assert self.services.on_event(event)
        request, code, reason, answer = self.endpoint.answers[-1]
        assert request == name
        return code, reason, answer  # fmt: skip

    def answer(self, asked: Asked, code: int, *headers: tuple[str, str], answered: bool = True, cseq: int = 5) -> bool:
        event = RequestAnswered(asked.request, code, "Reason", headers, b"", cseq, answered)
        return self.services.on_event(event)


async def opened(path: Path) -> Database:
    return await Database.open(path / "ringback.db")
