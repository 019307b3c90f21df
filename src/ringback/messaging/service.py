"""Messages, put together: what `ringback.messaging.port` promises, on the parts beside this file."""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from ringback.messaging.arrivals import INBOUND, RECEIPT, Arrivals, FindOwner, Owner
from ringback.messaging.callbacks import CALLBACK, Callbacks, Note, Tokens, callback_job
from ringback.messaging.carriers.contract import Carrier
from ringback.messaging.dispatch import Dispatcher
from ringback.messaging.drafts import check, is_sender_name
from ringback.messaging.fleet import Factory, Fleet
from ringback.messaging.flight import Flight
from ringback.messaging.jobs import JobRunner, ticking
from ringback.messaging.limits import PairLimit
from ringback.messaging.media import MediaFiles
from ringback.messaging.outgoing_media import MEDIA_JOB, OutgoingMedia, media_records
from ringback.messaging.port import Arrival, Draft, MessageFilter, MessageRefused
from ringback.messaging.receipts import RECEIPT_SCHEME, ReceiptsOut, receipt_job
from ringback.messaging.settings import MessageSettings
from ringback.messaging.text.concatenation import Place
from ringback.model.messages import (
    MESSAGE,
    MULTIMEDIA_MESSAGE,
    MediaRecord,
    MessageDirection,
    MessageRecord,
    MessageStatus,
)
from ringback.model.sids import make_sid
from ringback.storage.carriers import CarrierStore
from ringback.storage.message_changes import Change, Job, NewMessage, OptIn, OptOut, Progress
from ringback.storage.messages import MessageQuery, MessageStore
from ringback.tasks import TaskOwner
from ringback.webhooks.client import WebhookClient

logger = logging.getLogger(__name__)

Conduct = Callable[[MessageRecord, Owner, str], Awaitable[None]]
"""Asks the application of a number about a message and does what it answers. The last argument is STOP, START, HELP or
empty. Raises TryLaterError to be called again."""


class MessageService:
    """All messages of this server: `Messages` for those above, `Inbox` for carriers. `start` it, `close` it at the end.

    All methods belong to one event loop.
    """

    def __init__(
        self,
        *,
        store: MessageStore,
        carriers: CarrierStore,
        make_carrier: Factory,
        local: Carrier,
        phones: Carrier | None = None,
        webhooks: WebhookClient,
        directory: Path,
        find: FindOwner,
        tokens: Tokens,
        conduct: Conduct,
        note: Note,
        clock: Callable[[], float],
        utcnow: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        settings: MessageSettings | None = None,
    ) -> None:
        """`directory` is where media is kept; `find` tells whose number it is, `tokens` the Auth Token of an account.

        `note` takes events of messages, as a call's timeline does.
        """
        self.settings = settings or MessageSettings()
        self._store, self._carriers = store, carriers
        self._find, self._conduct = find, conduct
        self._clock, self._utcnow, self._entropy = clock, utcnow, entropy
        self._files = MediaFiles(directory)
        self._pairs = PairLimit()
        self._opt_outs: set[tuple[str, str, str]] = set()
        self._numbers: frozenset[str] = frozenset()
        self._scheduled: datetime | None = None
        self._tasks = TaskOwner()
        self.fleet = Fleet(make_carrier, local, phones)
        self._outgoing_media = OutgoingMedia(webhooks, tokens, store, self._files, directory, note, utcnow)
        handlers = {
            CALLBACK: Callbacks(webhooks, tokens, store, note, utcnow).run,
            INBOUND: self._ask,
            RECEIPT: ReceiptsOut(self.fleet, store).run,
            MEDIA_JOB: self._outgoing_media.run,
        }
        self.jobs = JobRunner(store, handlers, utcnow=utcnow, tries=self.settings.callback_tries)
        self._dispatcher = Dispatcher(
            self.fleet,
            store,
            self._write,
            self._is_ours,
            clock=clock,
            utcnow=utcnow,
            number_rate=self.settings.number_rate,
            in_memory=self.settings.in_memory,
        )
        self._arrivals = Arrivals(
            store,
            self._files,
            find,
            self.jobs,
            self._relay,
            self.settings,
            utcnow=utcnow,
            entropy=entropy,
            opted=self._opted,
        )

    # -- lifecycle ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin, with whatever an earlier process left. Raises StorageError."""
        self._opt_outs = set(await self._store.all_opt_outs())
        self._numbers = await self._store.own_numbers()
        await self._arrivals.start()
        await self.fleet.start(self)
        await self.fleet.apply(await self._carriers.list())
        self._scheduled = self._utcnow()
        await self._dispatcher.start()
        await self.jobs.start()
        for every, tick in ((1.0, self.tick), (3600.0, self._clean)):
            self._tasks.start(ticking(every, tick), "the clock of messages")

    async def tick(self) -> None:
        """Do what is due; called every second. Raises StorageError."""
        self._numbers = await self._store.own_numbers()
        if await self.fleet.apply(await self._carriers.list()):
            self._dispatcher.changed()
        await self._arrivals.tick()
        await self._wake_scheduled()
        await self._dispatcher.tick()
        await self.jobs.tick()

    async def _clean(self) -> None:
        await self._store.forget_receipts(self._utcnow() - timedelta(days=self.settings.receipt_days))

    async def idle(self) -> None:
        """Return when there is nothing to do now. For tests."""
        while self._dispatcher.busy or self.jobs.busy:
            # Either makes work for the other: an answer is sent, and what became of it is told.
            await self._dispatcher.idle()
            await self.jobs.idle()

    async def close(self) -> None:
        """End: what is being handed over is finished, everything else stays in the store."""
        await self._tasks.close()
        await self._dispatcher.close()
        await self.fleet.close()
        await self.jobs.close()
        await self._store.ledger.close()

    # -- Messages -------------------------------------------------------------------------------------------------

    async def send(self, draft: Draft) -> MessageRecord:
        """Take a message; see `Messages.send`."""
        if draft.sid is not None and (known := await self._store.get(draft.sid)) is not None:
            return known
        record, urls = await self._checked(draft)
        now = self._utcnow()
        media = media_records(record, urls, now, self._entropy)
        jobs = [Job(f"{MEDIA_JOB}:{record.sid}", MEDIA_JOB, record.sid, now)] if media else []
        if (told := self._callback(record)) is not None:
            jobs.append(told)
        await self._store.ledger.write(NewMessage(record, media), *jobs)
        for job in jobs:
            self.jobs.add(job, record)
        if record.status is MessageStatus.SCHEDULED:
            if self._scheduled is None or record.send_at is None or record.send_at < self._scheduled:
                self._scheduled = record.send_at
        else:
            await self._depart(record, urls)
        return record

    async def received(self, arrival: Arrival) -> MessageRecord | None:
        """Take a message from a carrier; see `Messages.received`."""
        return await self._arrivals.received(arrival)

    async def get(self, sid: str, account_sid: str | None = None) -> MessageRecord:
        """Return a message; see `Messages.get`."""
        record = await self._store.get(sid)
        if record is None or (account_sid is not None and record.account_sid != account_sid):
            raise MessageRefused(20404, f"there is no message {sid[:40]}", 404)
        return record

    async def list(self, wanted: MessageFilter, *, limit: int = 50, offset: int = 0) -> Sequence[MessageRecord]:
        """Return the newest messages first."""
        return await self._store.find(_query(wanted), limit=limit, offset=offset)

    async def count(self, wanted: MessageFilter) -> int:
        """Return how many there are."""
        return await self._store.count(_query(wanted))

    async def redact(self, sid: str, account_sid: str | None = None) -> MessageRecord:
        """Forget the body of a message; see `Messages.redact`."""
        await self._settled(sid, account_sid, "redacted")
        await self._store.clear_body(sid, self._utcnow())
        self._dispatcher.forget(sid)
        return await self.get(sid, account_sid)

    async def delete(self, sid: str, account_sid: str | None = None) -> None:
        """Forget a message and its media; see `Messages.delete`."""
        await self._settled(sid, account_sid, "deleted")
        self._dispatcher.forget(sid)
        for media in await self._store.remove(sid):
            await self._files.remove(media.sid)

    async def cancel(self, sid: str, account_sid: str | None = None) -> MessageRecord:
        """Take a scheduled message back; see `Messages.cancel`."""
        record = await self.get(sid, account_sid)
        flight = Flight(record)
        if record.status is not MessageStatus.SCHEDULED or not flight.move(self._utcnow(), MessageStatus.CANCELED):
            raise MessageRefused(20409, f"the message is {record.status}; only a scheduled one can be canceled", 409)
        await self._write(flight, [])
        return flight.record

    async def media(self, message_sid: str, account_sid: str | None = None) -> Sequence[MediaRecord]:
        """Return the media of a message, in their order."""
        await self.get(message_sid, account_sid)
        return await self._store.media(message_sid)

    async def media_content(self, sid: str, account_sid: str | None = None) -> tuple[MediaRecord, bytes]:
        """Return a media file with its bytes."""
        record = await self._one_media(sid, account_sid)
        data = await self._files.read(sid)
        if data is None:
            raise MessageRefused(20404, f"the file of {sid} is not here, or not yet", 404)
        return record, data

    async def delete_media(self, sid: str, account_sid: str | None = None) -> None:
        """Forget a media file."""
        await self._one_media(sid, account_sid)
        await self._store.remove_media(sid)
        await self._files.remove(sid)

    # -- Inbox ----------------------------------------------------------------------------------------------------

    async def segment(self, arrival: Arrival, place: Place) -> bool:
        """A segment of a message came; see `Inbox.segment`."""
        return await self._arrivals.segment(arrival, place)

    async def receipt(self, carrier: str, reference: str, *, delivered: bool, error_code: int | None = None) -> None:
        """A unit was delivered, or will never be; see `Inbox.receipt`."""
        await self._dispatcher.receipt(carrier, reference, delivered=delivered, error_code=error_code)

    async def waiting(self, carrier: str, to: str) -> Sequence[MessageRecord]:
        """Return what a carrier took for a recipient and has not delivered; see `Inbox.waiting`."""
        return await self._store.oldest((MessageStatus.SENT,), limit=1000, carrier=carrier, to=to)

    def ready(self, carrier: str) -> None:
        """The carrier takes messages again."""
        self._dispatcher.ready(carrier)

    # -- inside ---------------------------------------------------------------------------------------------------

    async def _checked(self, draft: Draft) -> tuple[MessageRecord, tuple[str, ...]]:
        now = self._utcnow()
        checked = check(draft, now, region=self.settings.region, smart=self.settings.smart_encoding)
        if not draft.trusted and (not is_sender_name(checked.from_) or self._is_ours(checked.from_)):
            owner = await self._find(checked.from_)
            if owner is None or owner.account.sid != draft.account_sid:
                raise MessageRefused(21606, f"From {checked.from_} is no number of this account that can send messages")
        ends = draft.account_sid, checked.from_, checked.to
        if ends in self._opt_outs and draft.in_reply_to != _KEYWORD_REPLY:
            raise MessageRefused(21610, f"{checked.to} wants no messages from {checked.from_}")
        if draft.direction is MessageDirection.OUTBOUND_REPLY and not self._pairs.allows(
            checked.from_, checked.to, self._clock()
        ):
            raise MessageRefused(14107, f"{checked.from_} and {checked.to} answer each other too fast", 429)
        if len(self._dispatcher) >= self.settings.max_queued:
            raise MessageRefused(21611, "too many messages wait to be sent", 429)
        prefix = MULTIMEDIA_MESSAGE if draft.media_urls else MESSAGE
        record = MessageRecord(
            sid=draft.sid or make_sid(prefix, self._entropy(16)),
            account_sid=draft.account_sid,
            from_=checked.from_,
            to=checked.to,
            body=checked.body,
            status=MessageStatus.SCHEDULED if checked.send_at else MessageStatus.QUEUED,
            direction=draft.direction,
            api_version=draft.api_version,
            date_created=now,
            date_updated=now,
            num_segments=checked.num_segments,
            num_media=len(draft.media_urls),
            messaging_service_sid=draft.messaging_service_sid,
            status_callback=draft.receipt_to or draft.status_callback,
            send_at=checked.send_at,
            expires=checked.expires,
            in_reply_to=None if draft.in_reply_to == _KEYWORD_REPLY else draft.in_reply_to,
        )
        return record, draft.media_urls

    async def _depart(self, record: MessageRecord, media_urls: tuple[str, ...] | None = None) -> None:
        flight = Flight(record)
        if media_urls is None and record.num_media:
            media_urls = tuple(media.url for media in await self._store.media(record.sid) if media.url)
        flight.media_urls = media_urls or ()
        self._dispatcher.put(flight)

    async def _wake_scheduled(self) -> None:
        now = self._utcnow()
        if self._scheduled is None or self._scheduled > now:
            return
        due = await self._store.oldest((MessageStatus.SCHEDULED,), limit=1000, due=now)
        for record in due:
            flight = Flight(record)
            flight.move(now, MessageStatus.QUEUED)
            await self._write(flight, [])
            await self._depart(flight.record)
        if len(due) == 1000:
            return
        coming = await self._store.oldest((MessageStatus.SCHEDULED,), limit=1000)
        self._scheduled = min((record.send_at for record in coming if record.send_at), default=None)

    async def _write(self, flight: Flight | None, changes: Sequence[Change]) -> None:
        """Write changes, with the present state of a message and the callback for it."""
        job = None
        record = flight.record if flight is not None else None
        if record is not None:
            job = self._callback(record)
            changes = [*changes, Progress(record), *([job] if job is not None else [])]
        await self._store.ledger.write(*changes)
        if job is not None:
            self.jobs.add(job, record)

    def _callback(self, record: MessageRecord) -> Job | None:
        if record.status_callback and record.status_callback.startswith(RECEIPT_SCHEME):
            return receipt_job(record, self._utcnow())
        return callback_job(record, self._utcnow())

    def _is_ours(self, number: str) -> bool:
        """Whether it is a number of this server, as of a second ago; a carrier that is told so asks the store."""
        return number in self._numbers

    async def _relay(self, arrival: Arrival) -> None:
        """Send on a message that an ESME of the operator handed over in segments."""
        draft = Draft(
            arrival.account_sid,
            to=arrival.to,
            from_=arrival.from_,
            body=arrival.body,
            receipt_to=arrival.receipt_to,
            sid=arrival.sid,
            trusted=True,
        )
        try:
            await self.send(draft)
        except MessageRefused as error:
            logger.warning("A message of the carrier %s to %s was refused: %s", arrival.carrier, arrival.to, error)

    async def _ask(self, job: Job, context: object) -> None:
        record = context if isinstance(context, MessageRecord) else await self._store.get(job.subject)
        owner = await self._find(record.to) if record is not None else None
        if record is not None and owner is not None:
            await self._conduct(record, owner, job.data.get("opt_out", ""))

    def _opted(self, change: Change) -> None:
        if isinstance(change, OptOut):
            self._opt_outs.add((change.account_sid, change.sender, change.recipient))
        elif isinstance(change, OptIn):
            self._opt_outs.discard((change.account_sid, change.sender, change.recipient))

    async def _settled(self, sid: str, account_sid: str | None, what: str) -> MessageRecord:
        record = await self.get(sid, account_sid)
        record = self._dispatcher.current(sid) or record
        if not record.status.settled:
            raise MessageRefused(20009, f"the message is {record.status} and cannot be {what} yet", 409)
        return record

    async def _one_media(self, sid: str, account_sid: str | None) -> MediaRecord:
        record = await self._store.one_media(sid)
        if record is None or (account_sid is not None and record.account_sid != account_sid):
            raise MessageRefused(20404, f"there is no media {sid[:40]}", 404)
        return record

    async def answer_keyword(self, record: MessageRecord, text: str) -> None:
        """Answer STOP, START or HELP, also to somebody who wants no messages any more."""
        draft = Draft(
            record.account_sid,
            to=record.from_,
            from_=record.to,
            body=text,
            direction=MessageDirection.OUTBOUND_REPLY,
            api_version=record.api_version,
            in_reply_to=_KEYWORD_REPLY,
            sid=reply_sid(record.sid, 0),
        )
        await self.send(draft)


_KEYWORD_REPLY = "keyword"


def reply_sid(inbound: str, number: int) -> str:
    """Return the sid of the n-th answer to a message: the same one when it is asked for again after a crash."""
    return make_sid(MESSAGE, hashlib.sha256(f"{inbound}/{number}".encode()).digest()[:16])


def _query(wanted: MessageFilter) -> MessageQuery:
    return MessageQuery(
        wanted.account_sid,
        wanted.to,
        wanted.from_,
        wanted.status,
        wanted.sent_after,
        wanted.sent_before,
        wanted.directions,
    )
