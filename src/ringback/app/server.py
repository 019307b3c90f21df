"""The server: every part made, wired and started in order, and taken down in the other."""

import asyncio
import ipaddress
import logging
import os
import random
import secrets
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from ringback.app.call_sms import CallSms
from ringback.app.control import Control
from ringback.app.directory import Directory
from ringback.app.gateways import PREFIX, Gateways
from ringback.app.messages import build_messages
from ringback.app.notifications import NotifyingJournal, Owner
from ringback.app.outgoing import OutgoingCalls
from ringback.app.recordings import RecordingWatches
from ringback.app.rest import HttpServer, build_front, rest_settings
from ringback.app.routing import Plan, PlannedRouting
from ringback.app.services import DefaultSpeech, Facilities
from ringback.app.settings import Settings
from ringback.app.sip_sockets import advertiser, limits, listens, tls_settings
from ringback.app.sip_texts import SipTexts
from ringback.app.strain import Strain
from ringback.app.telephony.services import SipServices
from ringback.app.transcriptions import Transcriptions
from ringback.app.validation import Validation
from ringback.app.voice import VoiceApplications
from ringback.calls.answering import detect_machine
from ringback.calls.leg import CallSettings
from ringback.calls.port import Call
from ringback.calls.recording import Recorded
from ringback.calls.signalling import SipSignalling
from ringback.calls.switch import Switch, SwitchSettings
from ringback.media.client import MediaSettings, MediaWorkers
from ringback.media.library import ClipLibrary, IsolatedPool
from ringback.messaging.carriers.sip import SipCarrier
from ringback.messaging.fleet import PHONES
from ringback.messaging.service import MessageService
from ringback.messaging.settings import MessageSettings
from ringback.model.records import Account
from ringback.rest.front import Front
from ringback.rest.services import Services
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Event, Flow
from ringback.sip.net.resolve import DnsResolver, locate_flows
from ringback.sip.net.tls import TlsError, TlsSettings
from ringback.sip.net.transport import Listen, SipTransport
from ringback.speech.providers.whisper import Whisper
from ringback.speech.speaker import Speaker
from ringback.storage.database import Database, Opening
from ringback.storage.events_writer import EventWriter
from ringback.storage.secrets import SecretBox
from ringback.webhooks.cache import CachingExchange
from ringback.webhooks.cache_store import CacheStore
from ringback.webhooks.client import WebhookClient, WebhookSettings
from ringback.webhooks.exchange import Exchange, HttpExchange

logger = logging.getLogger(__name__)


class ServerError(Exception):
    """The server cannot start; the text says why and what to do."""


def utcnow() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class Server:
    """A running Ringback. Use as `async with Server(settings) as server`."""

    account: Account
    account_is_new: bool
    database: Database
    media: MediaWorkers
    switch: Switch
    outgoing: OutgoingCalls
    control: Control
    messages: MessageService
    transcriptions: Transcriptions
    sip_texts: SipTexts
    sip_services: SipServices
    http: HttpServer
    front: Front
    """What answers HTTP; other applications are mounted on it."""
    sip_address: tuple[str, int]
    sip_listening: list[Listen]
    """All addresses at which SIP is spoken, the main one first."""
    sip_tls: TlsSettings | None

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        began = utcnow()
        directory = self.settings.storage.directory
        scratch = directory / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        cut_off = list(scratch.glob("media-*"))
        self.http = HttpServer(self.settings.http)
        self._stack.push_async_callback(self.http.close)
        self.database = await self._stack.enter_async_context(self._open_database())
        self.account_is_new = not await self.database.accounts.list()
        self.account = await self.database.accounts.ensure_default(utcnow(), secrets.token_bytes)
        journal = EventWriter(self.database)
        self._stack.push_async_callback(journal.close)
        self.notifications = NotifyingJournal(journal, secrets.token_bytes, self._owner)
        webhooks = await self._stack.enter_async_context(self._webhooks())
        speaker = Speaker(directory / "speech", max_cache_bytes=self.settings.speech.cache_mb * 1024 * 1024)
        self._stack.push_async_callback(speaker.close)
        await speaker.start()
        self.media = await self._stack.enter_async_context(MediaWorkers(self._media_settings()))
        numbers = Directory(self.database, asyncio.get_running_loop().time)
        voice = VoiceApplications(
            directory=numbers,
            default_account=self.account,
            webhooks=webhooks,
            facilities=Facilities(
                speaker,
                self._library(self.settings.storage.clips),
                scratch,
                DefaultSpeech(self.settings.speech.default_voice, self.settings.speech.language),
                self.base_url,
                utcnow,
                may_call_as=self._may_call_as,
                transcribe=self._transcribe,
                send_sms=CallSms(lambda: self.messages).send,
                flush=journal.flush,
            ),
            utcnow=utcnow,
        )
        self.sip_services = SipServices(
            self.settings,
            self.database,
            numbers,
            rng=random.SystemRandom(),
            key=secrets.token_bytes(32),
            clock=asyncio.get_running_loop().time,
            utcnow=utcnow,
        )
        await self.sip_services.load()
        voice.domains = self.sip_services.domains
        voice.applications = self.sip_services.applications
        clock = asyncio.get_running_loop().time
        self.sip_texts = SipTexts(self.sip_services.bindings, self.sip_services.phones.account_of, clock=clock)
        self.sip_texts.carrier = SipCarrier(PHONES, self.sip_texts, self.account.sid)
        await self._listen(journal, voice, self.sip_services.plan)
        await self._control(journal, voice)
        await self._start_messages(journal, numbers, webhooks)
        # Not before the port is ours: until then the calls may be those of a server that was started already.
        if left := await self.database.end_unfinished(began):
            logger.warning("%d calls were cut off when the server last ended", left)
        self._start_transcriptions(journal, webhooks)
        if waiting := await self.outgoing.resume():
            logger.info("%d calls that waited when the server last ended are made now", waiting)
        await self._start_http()
        for file in cut_off:
            file.unlink(missing_ok=True)

    async def _start_messages(self, journal: EventWriter, numbers: Directory, webhooks: WebhookClient) -> None:
        """Take up the messages that an earlier server left, and take new ones: not before the ports are ours."""
        settings = self.settings.messages
        self.messages, close_gateways = build_messages(
            database=self.database,
            directory=numbers,
            webhooks=webhooks,
            note=journal.note,
            storage=self.settings.storage.directory,
            default_account=self.account.sid,
            settings=MessageSettings(
                region=self.settings.calls.default_region,
                smart_encoding=settings.smart_encoding,
                opt_out=settings.opt_out,
                number_rate=settings.number_rate,
                max_queued=settings.max_queued,
                segment_timeout=settings.segment_timeout,
            ),
            clock=asyncio.get_running_loop().time,
            utcnow=utcnow,
            entropy=secrets.token_bytes,
            media_base=self.base_url,
            phones=self.sip_texts.carrier,
        )
        self._stack.push_async_callback(close_gateways)
        self._stack.push_async_callback(self.messages.close)
        await self.messages.start()

    async def _listen(self, journal: EventWriter, voice: VoiceApplications, plan: Plan) -> None:
        sip = self.settings.sip
        clock = asyncio.get_running_loop().time
        endpoint = Endpoint(
            rng=random.SystemRandom(),
            user_agent=sip.user_agent,
            allowed=self.sip_services.screen.knows,
            screen=self.sip_services.screen,
            serves=("REGISTER", "MESSAGE"),
            advertised=advertiser(sip),
            reliable=sip.reliable,
            session_expires=sip.session_expires,
            min_se=sip.min_se,
        )
        try:
            self.sip_tls = tls_settings(sip, self.settings.storage.directory, utcnow())
            transport = self._transport = SipTransport(
                endpoint,
                clock,
                self._on_sip_event,
                limits=limits(sip),
                tls=self.sip_tls,
                admits=lambda host: self.sip_services.guarding.guard.blocked(host, clock()) is None,
                origins=sip.ws_origins,
            )
        except TlsError as error:
            raise ServerError(str(error)) from error
        self._resolver = DnsResolver(clock=clock)
        strain = Strain(self.settings.calls.max_delay_ms / 1000, clock)
        self._stack.push_async_callback(strain.close)
        strain.start()
        self.switch = Switch(
            signalling=SipSignalling(endpoint, clock, transport.drain),
            media=self.media,
            journal=self.notifications,
            settings=self._switch_settings(),
            handler=voice.conduct,
            afterwards=voice.afterwards,
            routing=PlannedRouting(plan, self._locate, clock, self._home),
            entropy=secrets.token_bytes,
            utcnow=utcnow,
            read_number=self.sip_services.read_number,
            busy=strain.reason,
        )
        self._stack.push_async_callback(transport.close)
        try:
            self.sip_listening = await transport.listen_on(listens(sip))
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise ServerError(
                f"cannot listen for SIP over {error.filename}: {why}; "
                "another server may be running: set sip.port (RINGBACK_SIP__PORT)"
            ) from error
        self.sip_address = (self.sip_listening[0].host, self.sip_listening[0].port)
        self._stack.push_async_callback(self.switch.close)
        self.sip_services.start(
            endpoint,
            locate=self._locate,
            advertised=advertiser(sip),
            addresses=[(where.host, where.port) for where in self.sip_listening],
            stands=transport.stands,
        )
        self._stack.push_async_callback(self.sip_services.close)
        self.sip_texts.start(endpoint, sip.advertised_address or self.sip_address[0])
        self._stack.push_async_callback(self.sip_texts.close)

    def _on_sip_event(self, event: Event) -> None:
        if not self.sip_texts.on_event(event) and not self.sip_services.on_event(event):
            self.switch.on_event(event)

    async def _control(self, journal: EventWriter, voice: VoiceApplications) -> None:
        """What makes calls and commands those that live."""
        watches = RecordingWatches(voice, self.base_url, utcnow)
        self.outgoing = OutgoingCalls(
            database=self.database,
            place=self.switch.place,
            voice=voice,
            calls_per_second=self.settings.calls.per_second,
            record=watches.of_call,
            detect=detect_machine,
            validate=Validation(self.database, voice, utcnow, secrets.token_bytes).conduct,
            utcnow=utcnow,
            clock=asyncio.get_running_loop().time,
            entropy=secrets.token_bytes,
        )
        self._stack.push_async_callback(self.outgoing.close)
        self.control = Control(
            database=self.database,
            switch=self.switch,
            voice=voice,
            outgoing=self.outgoing,
            recordings=watches,
            journal=journal,
            utcnow=utcnow,
        )
        self._stack.push_async_callback(self.control.close)

    def _start_transcriptions(self, journal: EventWriter, webhooks: WebhookClient) -> None:
        """Write recordings down, those that an earlier server left first."""
        language = self.settings.speech.transcription_language
        self.transcriptions = Transcriptions(
            database=self.database,
            engine=Whisper(),
            webhooks=webhooks,
            journal=self.notifications,
            flush=journal.flush,
            base_url=lambda: self.base_url,
            language="" if language == "auto" else language,
            utcnow=utcnow,
            entropy=secrets.token_bytes,
        )
        self._stack.push_async_callback(self.transcriptions.close)
        self.transcriptions.start()

    async def _transcribe(self, call: Call, recorded: Recorded, callback: str) -> None:
        await self.transcriptions.ask(call, recorded, callback)

    async def _may_call_as(self, account_sid: str, number: str) -> bool:
        """Whether an account may show a number: one of its own, or one that was proven."""
        mine = await self.database.numbers.get_by_number(number)
        if mine is not None and mine.account_sid == account_sid:
            return True
        return await self.database.caller_ids.of_number(account_sid, number) is not None

    def _owner(self, call_sid: str) -> Owner | None:
        leg = self.switch.find(call_sid)
        return (leg.info.account_sid, leg.info.api_version) if leg and leg.info.account_sid else None

    def _open_database(self) -> Opening:
        return Database.open(self.settings.storage.database, SecretBox(self.settings.storage.directory))

    async def _start_http(self) -> None:
        """The REST API, last of all: what it does can be done then."""
        services = Services(
            database=self.database,
            control=self.control,
            messages=self.messages,
            utcnow=utcnow,
            clock=asyncio.get_running_loop().time,
            entropy=secrets.token_bytes,
            directory=self.settings.storage.directory,
            settings=rest_settings(self.settings.http, self.settings.calls.default_region, self.settings.phones.realm),
            notify=self.notifications.notice,
        )
        self.front = build_front(services)
        self.front.mount(PREFIX, Gateways(self.messages.fleet.get))
        await self.http.start(self.front)

    @property
    def base_url(self) -> str:
        """Where the REST API is reached from outside, without a slash at the end."""
        return self.http.url

    def _home(self) -> Flow:
        """The way to this server itself."""
        transport = "UDP" if self.settings.sip.udp else "TCP"
        local = host, port = next((one.host, one.port) for one in self.sip_listening if one.transport == transport)
        if ipaddress.ip_address(host).is_unspecified:
            host = "::1" if ":" in host else "127.0.0.1"
        return Flow(transport, local, (host, port))

    async def _locate(self, uri: str) -> Sequence[Flow]:
        """Where a SIP URI is reached (RFC 3263), best first. Raises ValueError where it is nowhere."""
        return await locate_flows(uri, self._transport, self._resolver)

    def _library(self, directory: Path) -> ClipLibrary:
        """Where fetched audio is decoded: in processes of its own, so that no call waits for it."""
        pool = IsolatedPool()
        self._stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        for _ in range(2):
            pool.submit(abs, 1)  # its processes take half a second to start: not on a caller's time
        return ClipLibrary(directory, pool)

    def _webhooks(self) -> WebhookClient:
        settings = self._webhook_settings()
        try:
            exchange: Exchange = HttpExchange(settings)
        except OSError as error:
            raise ServerError(f"webhooks.ca_file: {settings.ca_file} holds no certificates: {error}") from error
        if megabytes := self.settings.webhooks.cache_mb:
            store = CacheStore(self.settings.storage.answers, megabytes << 20)
            exchange = CachingExchange(exchange, store, time.time)
        return WebhookClient(settings, exchange)

    def _webhook_settings(self) -> WebhookSettings:
        webhooks = self.settings.webhooks
        return WebhookSettings(
            connect_timeout=webhooks.connect_timeout,
            read_timeout=webhooks.total_timeout,
            total_timeout=webhooks.total_timeout,
            max_body=webhooks.max_document_bytes,
            max_media=webhooks.max_media_bytes,
            allow_private=webhooks.allow_private,
            ca_file=webhooks.ca_file,
            verify_certificates=webhooks.verify_certificates,
        )

    def _media_settings(self) -> MediaSettings:
        media = self.settings.media
        workers = media.worker_count(os.cpu_count() or 1)
        return MediaSettings(
            host=media.host,
            ports=(media.port_min, media.port_max),
            workers=workers,
            clip_memory_mb=media.clip_memory_mb,
        )

    def _switch_settings(self) -> SwitchSettings:
        calls, media = self.settings.calls, self.settings.media
        return SwitchSettings(
            call=CallSettings(
                rtp_timeout=media.rtp_timeout,
                max_duration=calls.max_duration,
                media_address=media.advertised_address,
            ),
            max_concurrent=calls.max_concurrent,
            region=calls.default_region,
            recordings=self.settings.storage.directory / "recordings",
        )
