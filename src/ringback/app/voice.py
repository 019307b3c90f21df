"""Calls and their applications: which one conducts a call, by which documents, and what it is told afterwards."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import parse_qsl

from ringback.app.directory import Directory
from ringback.app.services import CallServices, Facilities, last_words
from ringback.calls import outcome
from ringback.calls.dialing import Progress
from ringback.calls.leg import Leg
from ringback.model import events
from ringback.model.errors import ApplicationError
from ringback.model.provisioning import ApplicationRecord
from ringback.model.records import Account, AccountStatus
from ringback.model.sip_domains import SipDomainRecord
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.sip.events import IncomingCall
from ringback.twiml.interpreter import VoiceSession
from ringback.twiml.nouns.application import TOLD
from ringback.twiml.services import Answer, Application, Fetch, Method, read_method
from ringback.webhooks.client import WebhookClient, WebhookSession
from ringback.webhooks.parameters import voice_parameters

logger = logging.getLogger(__name__)

_DIAL_STATUS_2008 = {
    CallStatus.BUSY: "busy",
    CallStatus.NO_ANSWER: "no-answer",
    CallStatus.CANCELED: "no-answer",
    CallStatus.FAILED: "failed",
}
"""What the first URL is told of a call of ours that was not connected (2008-08-01, clause 1.1)."""


class SipDomains(Protocol):
    """The SIP domains. `ringback.app.telephony.domains.Domains` is the real one."""

    def called(self, call: IncomingCall) -> SipDomainRecord | None:
        """Return the domain that a call is for, if it is for one."""
        ...

    def refusal(self, name: str, call: IncomingCall) -> int | None:
        """Return the code of the warning for somebody who may not call a domain, or None for somebody who may."""
        ...


class Applications(Protocol):
    """Calls to applications. `ringback.app.telephony.applications.OwnApplications` is the real one."""

    async def called(self, invite: IncomingCall) -> ApplicationRecord | None:
        """Return the application that a call of this server is for, None for any other call."""
        ...


@dataclass(frozen=True, slots=True)
class StatusCallback:
    """Who is told how a call gets on (2010-04-01, clause 5.2)."""

    url: str
    method: str = "POST"
    events: tuple[str, ...] = ("completed",)


@dataclass(slots=True)
class Conducting:
    """What is remembered of a call until everybody has been told that it is over."""

    account: Account
    session: WebhookSession
    services: CallServices
    application: Application
    callback: StatusCallback | None = None
    voice: VoiceSession | None = None
    sequence: int = 0
    """Counts the status callbacks."""
    further: dict[str, str] = field(default_factory=dict)
    """What later requests tell besides: AnsweredBy, RecordingUrl, …"""
    in_order: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One status callback after another."""


class VoiceApplications:
    """Conducts calls by the documents of their applications."""

    def __init__(
        self,
        *,
        directory: Directory,
        default_account: Account,
        webhooks: WebhookClient,
        facilities: Facilities,
        utcnow: Callable[[], datetime],
        domains: SipDomains | None = None,
        applications: Applications | None = None,
    ) -> None:
        self._directory = directory
        self.domains = domains
        self.applications = applications
        self._default_account = default_account
        self._webhooks = webhooks
        self._facilities = facilities
        self._utcnow = utcnow
        self._conducted: dict[str, Conducting] = {}

    def find(self, call_sid: str) -> Conducting | None:
        """Who conducts a call that has not ended."""
        return self._conducted.get(call_sid)

    # -- calls that come ----------------------------------------------------------------------------------------

    async def conduct(self, leg: Leg) -> None:
        """Drive one incoming call from its first request to its end."""
        if self.domains is not None and leg.invite is not None:
            domain = self.domains.called(leg.invite)
            if domain is not None:
                await self._conduct_at(domain, self.domains, leg, leg.invite)
                return
        if self.applications is not None and leg.invite is not None:
            own = await self.applications.called(leg.invite)
            if own is not None:
                await self._conduct_by(own, leg, leg.invite)
                return
        entry = await self._directory.find(leg.info.to)
        if entry is None:
            leg.assign(self._default_account.sid, None, ApiVersion.V2010)
            leg.note(
                events.ERROR, code=0, message=f"no number {leg.info.to}: ringback numbers add {leg.info.to} --url URL"
            )
            leg.refuse(404, outcome.NOT_FOUND)
            return
        number, account = entry.number, entry.account
        leg.assign(account.sid, number, number.api_version)
        if not _takes_calls(account, leg):
            return
        callback = _callback(number.status_callback, number.status_callback_method)
        await self._begin(leg, account, Application.of(number), callback)

    async def _conduct_at(self, domain: SipDomainRecord, domains: SipDomains, leg: Leg, invite: IncomingCall) -> None:
        """Drive a call to a SIP domain (2010-04-01, clause 14)."""
        leg.assign(domain.account_sid, None, ApiVersion.V2010)
        account = await self._directory.account(domain.account_sid)
        if account is not None and not _takes_calls(account, leg):
            return
        code = domains.refusal(domain.domain_name, invite)
        if account is None or code is not None:
            leg.note(
                events.WARNING, code=code or 0, message=f"this caller may not call the SIP domain {domain.domain_name}"
            )
            leg.refuse(403, outcome.REJECTED)
            return
        if not domain.voice_url:
            leg.note(events.ERROR, code=0, message=f"the SIP domain {domain.domain_name} has no VoiceUrl")
            leg.refuse(404, outcome.NOT_FOUND)
            return
        callback = _callback(domain.voice_status_callback_url, domain.voice_status_callback_method)
        await self._begin(leg, account, Application.of(domain), callback, _sip_parameters(domain, invite))

    async def _conduct_by(self, record: ApplicationRecord, leg: Leg, invite: IncomingCall) -> None:
        """Drive a call that a Dial has made to an application (2010-04-01 clause 2.6)."""
        leg.assign(record.account_sid, None, record.api_version)
        account = await self._directory.account(record.account_sid)
        if account is not None and not _takes_calls(account, leg):
            return
        if account is None or not record.voice_url:
            leg.note(events.ERROR, code=0, message=f"the application {record.sid} has no VoiceUrl")
            leg.refuse(404, outcome.NOT_FOUND)
            return
        callback = _callback(record.status_callback, record.status_callback_method)
        always = dict(parse_qsl(invite.header(TOLD) or ""))
        await self._begin(leg, account, Application.of(record), callback, always)

    async def _begin(
        self,
        leg: Leg,
        account: Account,
        application: Application,
        callback: StatusCallback | None,
        always: Mapping[str, str] | None = None,
    ) -> None:
        """Adopt a call that came and conduct it from its first request; `always` is told with each request."""
        version = leg.info.api_version
        # The first URL of 2008-08-01 hears how a call ended; it knows no StatusCallback.
        conducting = self.adopt(leg, account, application, None if version is ApiVersion.V2008 else callback)
        conducting.services.always = always or {}
        await self.render(leg, application.first_request(version, leg.info.direction))

    # -- any call -----------------------------------------------------------------------------------------------

    def adopt(
        self, leg: Leg, account: Account, application: Application, callback: StatusCallback | None = None
    ) -> Conducting:
        """A call belongs to that application from now on."""

        def new_session() -> WebhookSession:
            return self._webhooks.session(account.auth_token)

        session = new_session()
        services = CallServices(leg, session, self._facilities, new_session)
        conducting = Conducting(account, session, services, application, callback)
        self._conducted[leg.info.sid] = conducting
        leg.watchers.append(self._progress)
        return conducting

    async def render(self, leg: Leg, first: Fetch | Answer) -> None:
        """Conduct a call that was adopted, beginning with a request or a document, until its session ends."""
        conducting = self._conducted[leg.info.sid]
        conducting.voice = VoiceSession(leg, conducting.services, conducting.application)
        await conducting.voice.run(first)

    async def redirect(self, leg: Leg, first: Fetch | Answer) -> None:
        """Go on with another document, whatever the call does now. Raises KeyError for a call without application."""
        if leg.info.sid not in self._conducted:
            raise KeyError(leg.info.sid)

        async def conduct(leg: Leg) -> None:
            await self.render(leg, first)

        await leg.redirect(conduct)

    # -- what the application is told ---------------------------------------------------------------------------

    def _progress(self, leg: Leg, progress: Progress) -> None:
        """A status callback is due."""
        conducting = self._conducted.get(leg.info.sid)
        if conducting is None or conducting.callback is None or progress not in conducting.callback.events:
            return
        if progress == "completed":
            # Told in `afterwards`, when all is written down.
            return
        status = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}[progress]
        leg.detach(self._tell(leg, conducting, {"CallStatus": status}), f"status callback of {leg.info.sid}")

    async def afterwards(self, leg: Leg) -> None:
        """Tell the application that the call is over; what it answers does not matter.

        In 2008-08-01 the first URL is requested again (clause 1.1), in 2010-04-01 the StatusCallback (clause 5.2).
        """
        conducting = self._conducted.get(leg.info.sid)
        if conducting is None:
            return
        try:
            if conducting.voice is not None:
                await conducting.voice.farewell()
            if leg.info.api_version is ApiVersion.V2008:
                await self._ask_again(leg, conducting)
            elif conducting.callback is not None and "completed" in conducting.callback.events:
                await self._tell(leg, conducting, last_words(leg))
        finally:
            self._conducted.pop(leg.info.sid, None)

    async def _ask_again(self, leg: Leg, conducting: Conducting) -> None:
        application = conducting.application
        extra: dict[str, str] = dict(conducting.further)
        if leg.info.direction is not Direction.INBOUND and leg.status in _DIAL_STATUS_2008 and not leg.duration:
            extra.setdefault("DialStatus", _DIAL_STATUS_2008[leg.status])
        await self.tell(leg, conducting, application.url, application.method, extra)

    async def _tell(self, leg: Leg, conducting: Conducting, extra: dict[str, str]) -> None:
        callback = conducting.callback
        assert callback is not None, "asked only where there is one"
        number, conducting.sequence = conducting.sequence, conducting.sequence + 1
        told = {
            "Timestamp": format_datetime(self._utcnow()),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(number),
            **conducting.further,
            **extra,
        }
        async with conducting.in_order:
            await self.tell(leg, conducting, callback.url, read_method(callback.method), told)

    async def tell(self, leg: Leg, conducting: Conducting, url: str, method: Method, extra: dict[str, str]) -> None:
        """Tell somebody something of a call; what they answer does not matter."""
        await self._facilities.before(extra)
        try:
            parameters = voice_parameters(leg.info, leg.status, {**conducting.services.always, **extra})
            await conducting.session.request(method, url, parameters, note=leg.note)
        except ApplicationError as error:
            leg.note(events.WARNING, code=15003, message=f"nobody could be told how the call gets on: {error}")


def _callback(url: str | None, method: str) -> StatusCallback | None:
    return StatusCallback(url, method) if url else None


def _takes_calls(account: Account, leg: Leg) -> bool:
    """Whether an account is active. The call to another one is refused, and its account can see why."""
    if account.status is AccountStatus.ACTIVE:
        return True
    leg.note(events.ERROR, code=10003, message=f"the account {account.sid} is {account.status}")
    leg.refuse(403, outcome.REJECTED)
    return False


def _sip_parameters(domain: SipDomainRecord, invite: IncomingCall) -> dict[str, str]:
    """What every request about a call to a SIP domain tells besides (2010-04-01, clause 5.1).

    SIP does not tell large letters from small ones in the names of headers: `x-shop-id` is `SipHeader_X-Shop-Id`.
    """
    told = {
        "SipCallId": invite.call_id,
        "SipDomain": domain.domain_name,
        "SipDomainSid": domain.sid,
        "SipSourceIp": invite.flow.remote[0],
    }
    for name, value in invite.headers:
        if name.startswith("x-") or name == "user-to-user":
            written = "User-to-User" if name == "user-to-user" else name.title()
            told[f"SipHeader_{written}"] = value
    return told
