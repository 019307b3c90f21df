"""Who asks, and whether they may: Basic authentication with an account's token or an API key, and limits."""

import base64
import binascii
import hashlib
import hmac
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ringback.model.provisioning import KeyRecord
from ringback.model.records import Account, AccountStatus
from ringback.model.sids import ACCOUNT, KEY, is_sid
from ringback.rest.errors import RestError, refused
from ringback.rest.operations import Operation
from ringback.rest.services import RestSettings
from ringback.storage.database import Database

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 1.0
"""How long an account read from the store counts. The command line may change it at any time."""
_MOST: Final = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an account, with its token or with an API key."""

    account: Account
    key: KeyRecord | None = None


class _Recent(Generic[T]):
    """What the store said a moment ago."""

    def __init__(self, read: Callable[[str], Awaitable[T | None]], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, T | None]] = OrderedDict()

    async def get(self, sid: str) -> T | None:
        known = self._known.get(sid)
        now = self._clock()
        if known is not None and now - known[0] < FRESH_SECONDS:
            return known[1]
        if known is not None:
            # Whoever asks meanwhile gets what was there before: many requests at once make one look at the store.
            self._known[sid] = (now, known[1])
        found = await self._read(sid)
        self._known[sid] = (now, found)
        self._known.move_to_end(sid)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return found

    def forget(self, sid: str) -> None:
        self._known.pop(sid, None)


class _Bucket:
    """So many in a time, on average, with as many at once."""

    __slots__ = ("at", "level")

    def __init__(self, at: float) -> None:
        self.level = 0.0
        self.at = at

    def leak(self, now: float, rate: float) -> float:
        self.level = max(0.0, self.level - (now - self.at) * rate)
        self.at = now
        return self.level


class Access:
    """Checks requests. What is refused is logged and counted."""

    def __init__(self, database: Database, clock: Callable[[], float], settings: RestSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._accounts: _Recent[Account] = _Recent(database.accounts.get, clock)
        self._keys: _Recent[KeyRecord] = _Recent(database.keys.get, clock)
        self._failures: OrderedDict[str, _Bucket] = OrderedDict()
        self._rates: OrderedDict[str, _Bucket] = OrderedDict()
        self._running: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        """How many requests were refused since the start, by reason."""

    async def account(self, sid: str) -> Account | None:
        """Return an account, as it was a second ago at most."""
        return await self._accounts.get(sid) if is_sid(sid, ACCOUNT) else None

    def forget(self, sid: str) -> None:
        """An account or a key has changed: the next request sees it."""
        self._accounts.forget(sid)
        self._keys.forget(sid)

    async def caller(self, authorization: str | None, address: str) -> Caller:
        """Tell who asks. Raises RestError 20003, or 20429 for an address that has guessed too often."""
        self._bound_failures(address)
        try:
            user, secret = _basic(authorization)
            if is_sid(user, KEY):
                caller = await self._with_key(user, secret)
            else:
                caller = await self._with_token(user, secret)
        except RestError as error:
            # Who says nothing at all has not guessed: clients ask first, and say who they are when they are asked.
            if authorization:
                self._failed(address)
            self.refuse("credentials", f"{address}: {error.message}")
            raise
        return caller

    async def account_of(self, caller: Caller, sid: str, operation: Operation) -> Account:
        """Return the account that a request is about, if the caller may. Raises RestError."""
        own = caller.account
        if caller.key is not None and operation.main:
            self.refuse("key", f"{caller.key.sid} {operation.name}")
            raise refused(20003, "An API key may not do this: use the account's Auth Token")
        about = own
        if sid != own.sid:
            found = await self.account(sid)
            if found is None or found.owner_account_sid != own.sid:
                self.refuse("account", f"{own.sid} asks for {sid}")
                # Whether there is such an account is none of their business.
                raise refused(20003, "These credentials are not those of the account, nor of its parent")
            about = found
        if own.status is not AccountStatus.ACTIVE:
            self.refuse("inactive", own.sid)
            raise refused(20005, f"The account {own.sid} is {own.status.value}")
        if own.is_test and not operation.test:
            self.refuse("test", f"{own.sid} {operation.name}")
            raise refused(20008, "Test credentials may make calls, send messages and buy numbers, and nothing else")
        if about.status is not AccountStatus.ACTIVE and operation.method == "POST" and not operation.main:
            self.refuse("inactive", about.sid)
            raise refused(20005, f"The account {about.sid} is {about.status.value}")
        return about

    def enter(self, account_sid: str) -> int:
        """Begin a request of an account; `leave` ends it. Returns how many it has now. Raises RestError 20429."""
        if self._running[account_sid] >= self._settings.max_concurrent:
            self.refuse("concurrency", account_sid)
            raise refused(20429, f"Too many requests at once: {self._settings.max_concurrent} are allowed")
        rate = self._settings.requests_per_second
        if rate > 0:
            bucket = _of(self._rates, account_sid, self._clock())
            if bucket.leak(self._clock(), rate) >= max(1.0, rate):
                self.refuse("rate", account_sid)
                raise refused(20429, f"Too many requests: {rate:g} in a second are allowed")
            bucket.level += 1.0
        self._running[account_sid] += 1
        return self._running[account_sid]

    def leave(self, account_sid: str) -> None:
        """A request of an account is over."""
        self._running[account_sid] -= 1
        if self._running[account_sid] <= 0:
            del self._running[account_sid]

    def refuse(self, reason: str, detail: str) -> None:
        """Log and count that a request is refused."""
        self.refusals[reason] += 1
        logger.warning("Refused (%s): %s", reason, ascii(detail)[1:-1])

    async def _with_token(self, user: str, secret: str) -> Caller:
        account = await self.account(user)
        given = secret.encode()
        # Both are compared, and something is compared for an account that is not there: the time tells nothing.
        first = account.auth_token if account else "0" * 32
        second = account.secondary_token if account and account.secondary_token else first
        right = hmac.compare_digest(given, first.encode()) | hmac.compare_digest(given, second.encode())
        if account is None or not right:
            raise refused(20003, "Authenticate: the account sid or its Auth Token is wrong")
        return Caller(account)

    async def _with_key(self, user: str, secret: str) -> Caller:
        key = await self._keys.get(user)
        digest = key.secret_digest if key else "0" * 64
        right = hmac.compare_digest(hashlib.sha256(secret.encode()).hexdigest(), digest)
        account = await self.account(key.account_sid) if key else None
        if key is None or account is None or not right:
            raise refused(20003, "Authenticate: the key or its secret is wrong")
        return Caller(account, key)

    def _bound_failures(self, address: str) -> None:
        bucket = self._failures.get(address)
        if bucket is None:
            return
        if bucket.leak(self._clock(), self._settings.failures_per_minute / 60) >= self._settings.failures_per_minute:
            self.refusals["guessing"] += 1
            raise refused(20429, "Too many wrong credentials: wait a minute")

    def _failed(self, address: str) -> None:
        now = self._clock()
        bucket = _of(self._failures, address, now)
        bucket.leak(now, self._settings.failures_per_minute / 60)
        bucket.level += 1.0


def _of(buckets: OrderedDict[str, _Bucket], key: str, now: float) -> _Bucket:
    bucket = buckets.get(key)
    if bucket is None:
        bucket = buckets[key] = _Bucket(now)
        while len(buckets) > _MOST:
            buckets.popitem(last=False)
    return bucket


def _basic(authorization: str | None) -> tuple[str, str]:
    """Read an Authorization header. Raises RestError 20003."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 1024:
        raise refused(20003, "Authenticate: give the account sid and Auth Token, or an API key, by HTTP Basic")
    try:
        user, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise refused(20003, "Authenticate: the Authorization header cannot be read") from error
    if not colon or "\0" in user:
        raise refused(20003, "Authenticate: the Authorization header cannot be read")
    return user, secret
