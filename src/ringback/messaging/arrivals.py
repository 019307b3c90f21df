"""The way in: what carriers bring is made durable before they are told that it is taken."""

import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from ringback.messaging.jobs import JobRunner
from ringback.messaging.keywords import OptOutType, keyword_of
from ringback.messaging.media import MOST_BYTES, MediaFiles
from ringback.messaging.port import Arrival
from ringback.messaging.settings import MessageSettings
from ringback.messaging.text.alphabets import TextError, count_segments
from ringback.messaging.text.assembly import Assembly, Key, Puzzle
from ringback.messaging.text.concatenation import Place
from ringback.model.messages import (
    MEDIA,
    MESSAGE,
    MULTIMEDIA_MESSAGE,
    MediaRecord,
    MessageDirection,
    MessageRecord,
    MessageStatus,
)
from ringback.model.numbers import normalise
from ringback.model.records import Account, IncomingNumber
from ringback.model.sids import make_sid
from ringback.model.status import ApiVersion
from ringback.storage.errors import StorageError
from ringback.storage.message_changes import Change, Job, NewMessage, OptIn, OptOut, Segment, SegmentsUsed
from ringback.storage.messages import MessageStore

logger = logging.getLogger(__name__)

INBOUND: Final = "inbound"
"""The kind of the job that asks a number's application."""
RECEIPT: Final = "receipt"
"""The kind of the job that tells a carrier's peer that its message was delivered."""


class Owner(Protocol):
    """A number of this server and its account."""

    @property
    def number(self) -> IncomingNumber: ...
    @property
    def account(self) -> Account: ...


FindOwner = Callable[[str], Awaitable[Owner | None]]
Relay = Callable[[Arrival], Awaitable[None]]
"""Sends on a message whose number is none of this server."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """What is known of a message whose segments come one by one, besides its text."""

    receipts: tuple[str, ...]
    account_sid: str


class Arrivals:
    """Takes what comes in."""

    def __init__(
        self,
        store: MessageStore,
        files: MediaFiles,
        find: FindOwner,
        jobs: JobRunner,
        relay: Relay,
        settings: MessageSettings,
        *,
        utcnow: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        opted: Callable[[Change], None],
    ) -> None:
        """`opted` is told of an `OptOut` or `OptIn` that was written."""
        self._store, self._files, self._find, self._jobs, self._relay = store, files, find, jobs, relay
        self._settings = settings
        self._utcnow, self._entropy, self._opted = utcnow, entropy, opted
        self._assembly = Assembly(timeout=settings.segment_timeout)
        self._pending: dict[Key, _Pending] = {}

    async def start(self) -> None:
        """Take up the segments of before."""
        for kept in await self._store.segments():
            key = Key(kept.carrier, kept.from_, kept.to, kept.reference, kept.total, kept.wide)
            place = Place(kept.reference, kept.total, kept.number, kept.wide)
            self._assembly.add(key, place, kept.text, kept.at.timestamp())

    async def tick(self) -> None:
        """Let go what was waited for long enough: what there is of a message is better than none of it."""
        for puzzle in self._assembly.overdue(self._utcnow().timestamp()):
            await self._complete(puzzle, missing=True)

    async def received(self, arrival: Arrival, extra: tuple[Change, ...] = ()) -> MessageRecord | None:
        """Take a whole message; see `Messages.received`. `extra` is written with it."""
        arrival = self._normal(arrival)
        owner = await self._find(arrival.to)
        if owner is None:
            return None
        if arrival.sid is not None and (known := await self._store.get(arrival.sid)) is not None:
            return known
        record, media = await self._record(arrival, owner)
        now = self._utcnow()
        keyword = self._keyword(record)
        job = Job(f"{INBOUND}:{record.sid}", INBOUND, record.sid, now, {"opt_out": keyword or ""})
        changes: list[Change] = [NewMessage(record, tuple(media)), job, *extra]
        told = None
        if arrival.receipt_to:
            data = {"to": arrival.receipt_to, "delivered": True}
            told = Job(f"{RECEIPT}:{record.sid}", RECEIPT, record.sid, now, data)
            changes.append(told)
        opt = _opt(record, keyword, now)
        if opt is not None:
            changes.append(opt)
        await self._store.ledger.write(*changes)
        if opt is not None:
            self._opted(opt)
        self._jobs.add(job, record)
        if told is not None:
            self._jobs.add(told, record)
        return record

    async def segment(self, arrival: Arrival, place: Place) -> bool:
        """Take a segment; see `Inbox.segment`."""
        arrival = self._normal(arrival)
        if not arrival.account_sid and await self._find(arrival.to) is None:
            return False
        if place.total == 1:
            await self._let_in(arrival, ())
            return True
        key = Key(arrival.carrier, arrival.from_, arrival.to, place.reference, place.total, place.wide)
        now = self._utcnow()
        before = self._pending.get(key)
        receipts = (*(before.receipts if before else ()), *((arrival.receipt_to,) if arrival.receipt_to else ()))
        self._pending[key] = _Pending(receipts, arrival.account_sid)
        complete, given_up = self._assembly.add(key, place, arrival.body, now.timestamp())
        try:
            for puzzle in given_up:
                await self._complete(puzzle, missing=True)
            if complete is not None:
                await self._complete(complete, missing=False)
            elif self._assembly.waits_for(key):
                row = Segment(
                    key.carrier, key.from_, key.to, key.reference, key.total, key.wide, place.number, arrival.body, now
                )
                await self._store.ledger.write(row)
        except StorageError:
            self._assembly.take_back(key, place.number)
            raise
        return True

    async def _complete(self, puzzle: Puzzle, *, missing: bool) -> None:
        key = puzzle.key
        pending = self._pending.pop(key, _Pending((), ""))
        arrival = Arrival(
            from_=key.from_,
            to=key.to,
            body=puzzle.text,
            carrier=key.carrier,
            num_segments=key.total,
            error_code=30009 if missing else None,
            receipt_to=_joined(pending.receipts),
            account_sid=pending.account_sid,
            sid=_sid_of(puzzle) if pending.account_sid else None,
        )
        used = SegmentsUsed(key.carrier, key.from_, key.to, key.reference, key.total, key.wide)
        try:
            await self._let_in(arrival, (used,))
        except StorageError:
            self._pending[key] = pending
            raise

    async def _let_in(self, arrival: Arrival, extra: tuple[Change, ...]) -> None:
        if await self.received(arrival, extra) is not None:
            return
        if arrival.account_sid:
            await self._relay(arrival)
        if extra:
            await self._store.ledger.write(*extra)

    def _normal(self, arrival: Arrival) -> Arrival:
        body = arrival.body.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return replace(
            arrival,
            from_=normalise(arrival.from_, self._settings.region),
            to=normalise(arrival.to, self._settings.region),
            body=body,
        )

    async def _record(self, arrival: Arrival, owner: Owner) -> tuple[MessageRecord, list[MediaRecord]]:
        now = self._utcnow()
        prefix = MULTIMEDIA_MESSAGE if arrival.media else MESSAGE
        sid = arrival.sid or make_sid(prefix, self._entropy(16))
        media = []
        for item in arrival.media[:10]:
            if len(item.data) > MOST_BYTES:
                logger.warning("A media file of %d bytes was left out of a message", len(item.data))
                continue
            media_sid = make_sid(MEDIA, self._entropy(16))
            try:
                await self._files.save(media_sid, item.data)
            except OSError as error:
                raise StorageError(f"a media file cannot be kept: {error}", unavailable=True) from error
            kind = item.content_type or "application/octet-stream"
            account = owner.account.sid
            media.append(MediaRecord(media_sid, account, sid, kind, now, now, "", len(item.data)))
        try:
            segments = max(arrival.num_segments, count_segments(arrival.body))
        except TextError:
            segments = arrival.num_segments
        record = MessageRecord(
            sid=sid,
            account_sid=owner.account.sid,
            from_=arrival.from_,
            to=arrival.to,
            body=arrival.body,
            status=MessageStatus.RECEIVED,
            direction=MessageDirection.INBOUND,
            api_version=owner.number.api_version,
            date_created=now,
            date_updated=now,
            date_sent=now,
            num_segments=segments,
            num_media=len(media),
            error_code=arrival.error_code,
            error_message="A segment of the message never came" if arrival.error_code == 30009 else None,
            carrier=arrival.carrier,
        )
        return record, media

    def _keyword(self, record: MessageRecord) -> OptOutType | None:
        # 2008-08-01 has no such thing: its applications see STOP and answer it themselves.
        if not self._settings.opt_out or record.api_version is ApiVersion.V2008:
            return None
        return keyword_of(record.body)


def _opt(record: MessageRecord, keyword: OptOutType | None, now: datetime) -> OptOut | OptIn | None:
    ends: dict[str, Any] = {"account_sid": record.account_sid, "sender": record.to, "recipient": record.from_}
    if keyword == "STOP":
        return OptOut(**ends, at=now)
    return OptIn(**ends) if keyword == "START" else None


def _joined(receipts: tuple[str, ...]) -> str:
    """One address for the receipts of all segments: they differ in what comes behind the last slash."""
    if not receipts:
        return ""
    peer = receipts[0].rpartition("/")[0]
    return f"{peer}/{','.join(receipt.rpartition('/')[2] for receipt in receipts)}"


def _sid_of(puzzle: Puzzle) -> str:
    """The sid of a message that is sent on: the same segments make the same message, also after a crash."""
    seen = "\0".join((puzzle.key.carrier, puzzle.key.from_, puzzle.key.to, str(puzzle.key.reference), puzzle.text))
    seen += f"\0{puzzle.since:.0f}"
    return make_sid(MESSAGE, hashlib.sha256(seen.encode("utf-8", "replace")).digest()[:16])
