"""Messages, composed: the service with its carriers, and the applications that are asked about what comes in."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ringback.app.directory import Directory
from ringback.messaging.carriers.contract import Carrier
from ringback.messaging.carriers.http import HttpCarrier
from ringback.messaging.carriers.local import LocalCarrier, socket_path
from ringback.messaging.carriers.sip import SipCarrier
from ringback.messaging.carriers.smpp import SmppCarrier
from ringback.messaging.carriers.smpp_server import SmppServerCarrier
from ringback.messaging.keywords import REPLIES
from ringback.messaging.parameters import message_parameters
from ringback.messaging.port import Draft
from ringback.messaging.service import MessageService, reply_sid
from ringback.messaging.settings import MessageSettings
from ringback.model import events
from ringback.model.messages import CarrierRecord, MessageRecord
from ringback.model.records import AccountStatus, CallEvent, IncomingNumber
from ringback.storage.database import Database
from ringback.twiml.messaging.interpreter import MessagingSession
from ringback.twiml.services import Answer, Application, Fetch, read_method
from ringback.webhooks.client import WebhookClient, WebhookSession
from ringback.webhooks.exchange import HttpExchange
from ringback.webhooks.settings import WebhookSettings

if TYPE_CHECKING:
    from ringback.messaging.arrivals import Owner

logger = logging.getLogger(__name__)

COOKIE_SECONDS: Final = 4 * 3600.0
"""How long the cookies of a pair of numbers last without a message (2008-08-01 clause 1.4)."""
_MOST_PAIRS: Final = 10_000

Note = Callable[[CallEvent], None]


class MessageApplications:
    """Asks the applications of numbers about their messages."""

    def __init__(
        self,
        database: Database,
        webhooks: WebhookClient,
        note: Note,
        *,
        clock: Callable[[], float],
        utcnow: Callable[[], datetime],
        media_base: str = "",
    ) -> None:
        """`media_base` is the URL under which applications find this server's media."""
        self._database, self._webhooks, self._note = database, webhooks, note
        self._clock, self._utcnow, self._media_base = clock, utcnow, media_base
        self._sessions: OrderedDict[tuple[str, str], tuple[float, WebhookSession]] = OrderedDict()
        self.service: MessageService | None = None

    async def conduct(self, message: MessageRecord, owner: Owner, opt_out: str) -> None:
        """Ask the application of a number about a message, and send what it answers. See `Conduct`."""
        assert self.service is not None
        if owner.account.status is not AccountStatus.ACTIVE:
            account = owner.account
            text = f"the account {account.sid} is {account.status}: the message is kept, and nobody is asked"
            self._note(CallEvent(message.sid, self._utcnow(), events.ERROR, {"code": 10003, "message": text}))
            return
        if opt_out:
            await self.service.answer_keyword(message, REPLIES[opt_out])  # type: ignore[index]
        application = await self._application(owner.number)
        if application is None:
            text = f"{message.to} has no SmsUrl: ringback numbers add {message.to} --replace --sms-url URL"
            self._note(CallEvent(message.sid, self._utcnow(), events.WARNING, {"code": 0, "message": text}))
            return
        media = await self._database.messages.media(message.sid) if message.num_media else ()
        known = message_parameters(message, media, media_base=self._media_base, opt_out=opt_out)
        session = self._session(message, owner.account.auth_token)
        services = _Services(self, message, session, known)
        await MessagingSession(message, services, application).run(Fetch(application.url, application.method))

    async def _application(self, number: IncomingNumber) -> Application | None:
        url, method = number.sms_url, number.sms_method
        fallback_url, fallback_method = number.sms_fallback_url, number.sms_fallback_method
        if number.sms_application_sid:
            found = await self._database.applications.get(number.sms_application_sid)
            if found is not None:
                url, method = found.sms_url, found.sms_method
                fallback_url, fallback_method = found.sms_fallback_url, found.sms_fallback_method
        if not url:
            return None
        return Application(url, read_method(method), fallback_url or None, read_method(fallback_method))

    def _session(self, message: MessageRecord, auth_token: str) -> WebhookSession:
        """Return the session of a pair of numbers: its cookies last as long as messages keep coming."""
        key, now = (message.from_, message.to), self._clock()
        while self._sessions and now - next(iter(self._sessions.values()))[0] >= COOKIE_SECONDS:
            self._sessions.popitem(last=False)
        _, session = self._sessions.pop(key, (now, None))
        if session is None:
            session = self._webhooks.session(auth_token)
        self._sessions[key] = now, session
        if len(self._sessions) > _MOST_PAIRS:
            self._sessions.popitem(last=False)
        return session

    def note(self, message: MessageRecord, kind: str, data: dict[str, Any]) -> None:
        """Put an event into the timeline of a message."""
        self._note(CallEvent(message.sid, self._utcnow(), kind, data))


class _Services:
    """`ReplyServices` for one message."""

    def __init__(
        self,
        applications: MessageApplications,
        message: MessageRecord,
        session: WebhookSession,
        parameters: dict[str, str],
    ) -> None:
        self._applications, self._message = applications, message
        self._session, self._parameters = session, parameters

    async def fetch(self, request: Fetch) -> Answer:
        parameters = self._parameters | dict(request.parameters)
        response = await self._session.request(request.method, request.url, parameters, note=self.note)
        kind = f"{response.content_type}; charset={response.charset}" if response.charset else response.content_type
        return Answer(response.url, response.status, kind, response.body)

    async def send(self, draft: Draft, number: int) -> MessageRecord:
        service = self._applications.service
        assert service is not None
        return await service.send(replace(draft, sid=reply_sid(self._message.sid, number)))

    def note(self, kind: str, /, **data: Any) -> None:
        self._applications.note(self._message, kind, data)


class Tokens:
    """The Auth Tokens of accounts, each as it was a second ago at most."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock
        self._known: dict[str, tuple[float, str | None]] = {}

    async def of(self, account_sid: str) -> str | None:
        """Return the Auth Token of an account; None where there is no such account. Raises StorageError."""
        known = self._known.get(account_sid)
        if known is not None and self._clock() - known[0] < 1.0:
            return known[1]
        if known is not None:
            # Whoever asks meanwhile gets the one of before: one look at the store is enough for all.
            self._known[account_sid] = self._clock(), known[1]
        account = await self._database.accounts.get(account_sid)
        if len(self._known) >= _MOST_PAIRS:
            self._known.clear()
        self._known[account_sid] = self._clock(), account.auth_token if account is not None else None
        return self._known[account_sid][1]


def build_messages(
    *,
    database: Database,
    directory: Directory,
    webhooks: WebhookClient,
    note: Note,
    storage: Path,
    default_account: str,
    settings: MessageSettings,
    clock: Callable[[], float],
    utcnow: Callable[[], datetime],
    entropy: Callable[[int], bytes],
    media_base: str = "",
    phones: SipCarrier | None = None,
    handsets: bool = True,
) -> tuple[MessageService, Callable[[], Awaitable[None]]]:
    """Make the service of messages, and what closes what it holds besides. Start it with `MessageService.start`.

    `storage` is the directory of the store; `phones` reaches those that are registered, if there is that.
    """
    from ipaddress import ip_network

    everywhere = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    # The operator has named the gateways: they may be in a private network, as phones are.
    exchange = HttpExchange(WebhookSettings(allow_private=everywhere))

    def make(record: CarrierRecord) -> Carrier:
        match record.kind:
            case "smpp":
                return SmppCarrier(record)
            case "smpp-server":
                return SmppServerCarrier(record, default_account)
            case "http":
                return HttpCarrier(record, exchange, lambda: utcnow().timestamp())
        raise ValueError(f"there are no carriers of the kind {record.kind} here")

    tokens = Tokens(database, clock)
    applications = MessageApplications(database, webhooks, note, clock=clock, utcnow=utcnow, media_base=media_base)
    service = MessageService(
        store=database.messages,
        carriers=database.carriers,
        make_carrier=make,
        local=LocalCarrier(socket_path(storage) if handsets else None, region=settings.region),
        phones=phones,
        webhooks=webhooks,
        directory=storage / "media",
        find=directory.find,
        tokens=tokens.of,
        conduct=applications.conduct,
        note=note,
        clock=clock,
        utcnow=utcnow,
        entropy=entropy,
        settings=settings,
    )
    applications.service = service
    return service, exchange.close
