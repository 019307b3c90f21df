"""A cache before the network (RFC 9111): an `Exchange` that answers a GET from what it has kept, where it may.

It is shared by all calls, kept on disk, and never in the way: whatever goes wrong with it, the request goes out.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

import hishel

from ringback.webhooks import cache_rules as rules
from ringback.webhooks.cache_body import RecordedReply, Recorder, StoredReply
from ringback.webhooks.cache_store import CacheStore, Stored
from ringback.webhooks.exchange import Exchange, Kept, Reply, Request
from ringback.webhooks.failures import RETRIEVAL, FetchError
from ringback.webhooks.freshness import Moment, age, lifetime, stale_allowance

logger = logging.getLogger(__name__)

STALE_SECONDS = 3600.0
"""How long after its end an answer may serve while its server can't be reached, where it doesn't say."""

_UNAVAILABLE = (500, 502, 503, 504)  # RFC 5861 clause 4
_How = Literal["fresh", "validated", "stale"]
_Question = hishel.CacheMiss | hishel.NeedRevalidation


@dataclass(slots=True)
class _Flight:
    """A request on its way, for all who ask the same meanwhile."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    entry: Stored | None = None
    """The answer, if it may be shared."""
    how: _How = "fresh"
    failure: FetchError | None = None
    broken_off: bool = False
    """The one who asked has gone: somebody else must."""


class CachingExchange:
    """An `Exchange` with a memory. POST always goes out; a GET goes out once, however many ask the same at a time."""

    def __init__(
        self, inner: Exchange, store: CacheStore, now: Callable[[], float], *, stale_seconds: float = STALE_SECONDS
    ) -> None:
        """`inner` carries requests out; `now` is the time of day, in seconds since 1970."""
        self._inner = inner
        self._store = store
        self._now = now
        self._stale_seconds = stale_seconds
        self._flights: dict[str, _Flight] = {}
        self._opening = asyncio.Lock()
        self._usable: bool | None = None

    async def close(self) -> None:
        """Close what is beneath."""
        await self._inner.close()

    def __call__(self, request: Request) -> AbstractAsyncContextManager[Reply]:
        """Answer the request. See `Exchange`."""
        if self._usable and request.method != "GET" and not self._store.find(rules.key(request)):
            return self._inner(request)  # most of them: nothing is kept, and nothing will be
        return self._through(request)

    @asynccontextmanager
    async def _through(self, request: Request) -> AsyncIterator[Reply]:
        async with AsyncExitStack() as stack:
            if not await self._open():
                yield await stack.enter_async_context(self._inner(request))
            elif request.method == "GET":
                yield await self._get(request, stack)
            else:
                reply = await stack.enter_async_context(self._inner(request))
                if reply.status < 400:  # clause 4.4: it may have changed what is there
                    await self._remove([one.id for one in self._store.find(rules.key(request))])
                yield reply

    async def _open(self) -> bool:
        if self._usable is None:
            async with self._opening:
                if self._usable is None:
                    self._usable = await self._try("read", self._store.open)
        return self._usable

    async def _try(self, what: str, action: Callable[[], object]) -> bool:
        """Do something with the disk; False when it fails."""
        try:
            await asyncio.to_thread(action)
        except OSError as error:
            logger.warning("The cache of answers cannot be %s: %s", what, error)
            return False
        return True

    async def _remove(self, ids: Iterable[UUID]) -> None:
        if gone := list(ids):
            await self._try("written", partial(self._store.remove, gone))

    async def _get(self, request: Request, stack: AsyncExitStack) -> Reply:
        key = rules.key(request)
        while True:
            state = rules.look_up(request, self._store.find(key), self._now())
            if isinstance(state, hishel.FromCache):
                if reply := await self._serve(self._entry(key, state.entry.id), "fresh", stack):
                    return reply
                continue  # it was removed meanwhile, and is forgotten now
            assert isinstance(state, _Question)
            flight = self._flights.get(key)
            if flight is None:
                self._flights[key] = flight = _Flight()
                stack.callback(self._land, key, flight)
                return await self._ask(request, key, state, flight, stack)
            await flight.over.wait()
            if flight.entry is not None and rules.matches(flight.entry, request):
                if reply := await self._serve(flight.entry, flight.how, stack, flight.failure):
                    return reply
            elif not flight.broken_off:
                return await self._ask(request, key, state, _Flight(), stack)

    def _land(self, key: str, flight: _Flight) -> None:
        del self._flights[key]
        flight.broken_off = not flight.over.is_set()
        flight.over.set()

    def _entry(self, key: str, one: UUID) -> Stored | None:
        return next((entry for entry in self._store.find(key) if entry.id == one), None)

    async def _serve(
        self,
        entry: Stored | None,
        how: _How,
        stack: AsyncExitStack,
        failure: FetchError | None = None,
    ) -> Reply | None:
        if entry is None:
            return None
        try:
            file = await asyncio.to_thread(self._store.use, entry)
        except OSError:
            await self._remove([entry.id])
            return None
        stack.callback(file.close)
        seconds = int(age(entry.headers, entry.moment, self._now()))
        return StoredReply(entry, file, Kept(how, seconds, self._store.body(entry), failure))

    async def _ask(
        self, request: Request, key: str, question: _Question, flight: _Flight, stack: AsyncExitStack
    ) -> Reply:
        """Send a request, conditional where an answer is to be validated, and do what follows from its answer."""
        at_hand: list[Stored] = []
        if isinstance(question, hishel.NeedRevalidation):
            ids = [entry.id for entry in question.revalidating_entries]
            at_hand = [entry for one in ids if (entry := self._entry(key, one))]
        sent = replace(request, headers={**request.headers, **rules.conditions(question.request)})
        stale = self._stale(at_hand, self._stale_seconds)
        attempt = await stack.enter_async_context(AsyncExitStack())
        asked = self._now()
        try:
            reply = await self._send(sent, stale is not None, attempt)
            if reply.status in _UNAVAILABLE and (stale := self._stale(at_hand, 0)):
                raise FetchError(RETRIEVAL, f"the server answered {reply.status}", request.url, "5xx", reply.status)
        except FetchError as failure:
            await attempt.aclose()
            if served := await self._instead(stale, failure, flight, stack):
                return served
            raise
        trip = _Trip(request, key, at_hand, reply, Moment(asked, self._now()))
        outcome: object = question.next(rules.response(reply, trip.moment))
        while isinstance(outcome, hishel.InvalidateEntries):
            await self._remove(outcome.entry_ids)
            outcome = outcome.next()
        if isinstance(outcome, hishel.StoreAndUse) and rules.worth_keeping(reply, trip.moment):
            return self._record(trip, outcome, flight, stack)
        if isinstance(outcome, hishel.StoreAndUse | hishel.CouldNotBeStored):
            flight.over.set()
            # A challenge says nothing of the answer that those get who are let in.
            if reply.status < 500 and reply.status not in (401, 407):
                await self._remove(entry.id for entry in at_hand)
            return reply
        await attempt.aclose()
        if isinstance(outcome, hishel.NeedToBeUpdated):
            valid = {entry.id for entry in outcome.updating_entries}
            if served := await self._refresh(trip, valid, flight, stack):
                return served
        # "Not modified", but nothing that we have: ask for all of it.
        await self._remove(entry.id for entry in at_hand)
        return await self._ask(request, key, rules.miss(request), flight, stack)

    async def _send(self, request: Request, impatient: bool, stack: AsyncExitStack) -> Reply:
        """Send a request. Where a stale answer could do, a server that hangs must not use up the time of the call."""
        if not impatient:
            return await stack.enter_async_context(self._inner(request))
        patience = request.read_timeout / 2
        try:
            async with asyncio.timeout(patience):
                return await stack.enter_async_context(self._inner(request))
        except TimeoutError as error:
            raise FetchError(RETRIEVAL, f"no answer within {patience:g} s", request.url, "rt") from error

    def _stale(self, at_hand: Iterable[Stored], otherwise: float) -> Stored | None:
        """The answer that may serve though it is stale, if there is one."""
        for entry in at_hand:
            over = age(entry.headers, entry.moment, self._now()) - (lifetime(entry.headers, entry.moment) or 0)
            allowed = stale_allowance(entry.headers, otherwise)
            if allowed > 0 and over <= allowed:
                return entry
        return None

    async def _instead(
        self, stale: Stored | None, failure: FetchError, flight: _Flight, stack: AsyncExitStack
    ) -> Reply | None:
        """Serve a stale answer in place of a failure, to all who wait for one."""
        served = await self._serve(stale, "stale", stack, failure)
        if served is not None:
            flight.entry, flight.how, flight.failure = stale, "stale", failure
        flight.over.set()
        return served

    async def _refresh(self, trip: "_Trip", valid: set[UUID], flight: _Flight, stack: AsyncExitStack) -> Reply | None:
        """Serve what has been validated, with the new header fields."""
        served: Reply | None = None
        for entry in trip.at_hand:
            if entry.id in valid:
                entry = replace(entry, headers=rules.refreshed(entry.headers, trip.reply.headers), moment=trip.moment)
                await self._try("written", partial(self._store.update, entry))
                if served is None and (served := await self._serve(entry, "validated", stack)):
                    flight.entry = entry if rules.may_share(entry.headers, entry.moment) else None
                    flight.over.set()
        return served

    def _record(self, trip: "_Trip", outcome: hishel.StoreAndUse, flight: _Flight, stack: AsyncExitStack) -> Reply:
        """Keep the answer while it is read; those who wait for it have it when it is complete."""
        headers = rules.kept_headers(trip.reply, outcome.response.headers)
        varies = rules.varies(trip.request, headers)
        entry = Stored(uuid4(), trip.key, trip.request.url, trip.reply.status, headers, varies, trip.moment, size=0)
        share = rules.may_share(headers, trip.moment)
        if not share:
            flight.over.set()

        async def complete(part: Path, size: int) -> None:
            superseded = [old.id for old in self._store.find(trip.key) if rules.matches(old, trip.request)]
            kept = replace(entry, size=size)
            if await self._try("written", partial(self._store.keep, kept, part)):
                await self._remove(superseded)
                flight.entry = kept if share else None
            flight.over.set()

        recorder = Recorder(self._store, self._store.max_bytes // 4, complete, flight.over.set)
        stack.callback(recorder.abandon)
        return RecordedReply(trip.reply, recorder)


@dataclass(frozen=True, slots=True)
class _Trip:
    """A request and the answer that came from the network."""

    request: Request
    key: str
    at_hand: Sequence[Stored]
    """The answers that were to be validated."""
    reply: Reply
    moment: Moment
