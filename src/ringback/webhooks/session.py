"""The requests of one call: its cookies and logins, signatures, redirects, retries, and the time they may take."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from http.cookies import CookieError
from urllib.parse import quote_plus

import aiohttp
from yarl import URL

from ringback.webhooks.body import ContentType, content_type, read_body, read_prefix
from ringback.webhooks.exchange import Exchange, Reply, Request
from ringback.webhooks.failures import DOCUMENT_TOO_LARGE, PROTOCOL, RETRIEVAL, TOO_MANY_REDIRECTS, FetchError
from ringback.webhooks.login import Login
from ringback.webhooks.settings import WebhookSettings
from ringback.webhooks.signature import HEADER, body_url, sign
from ringback.webhooks.timeline import SHOWN, Note, Timeline, silent
from ringback.webhooks.url import Target, parse_target, resolve, with_query

_MAX_COOKIES = 300  # of a call; a browser keeps some 180 a site
_MAX_LOGINS = 50
_PREFIX_SECONDS = 1.0  # how long the body of a refusal is waited for: it is only there to be shown

Consume = Callable[[Reply, ContentType], Awaitable[bytes]]
"""Reads the body of an answer of 2xx, and returns of it what the caller wants to have. Raises FetchError."""


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """What an application answered, with a status of 2xx."""

    url: str
    """Where the answer came from, redirects followed: the base of the document's references, and its own address when
    it refers to itself. Without the parameters that a GET added, without user and fragment."""
    status: int
    content_type: str
    """In lower case, without parameters; empty when the answer names none."""
    charset: str
    """One that Python knows; empty when the answer names none."""
    body: bytes
    elapsed_ms: int
    cached: str = ""
    """`fresh`, `validated` or `stale` when it is from the cache."""

    @property
    def text(self) -> str:
        """The body in its charset, UTF-8 if it names none; what doesn't decode is replaced."""
        return self.body.decode(self.charset or "utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Limits:
    connect: float
    read: float
    total: float
    retries: int
    retry_on: frozenset[str]
    sni: bool

    def retry(self, failure: FetchError) -> bool:
        return failure.kind in self.retry_on or "all" in self.retry_on


@dataclass(frozen=True, slots=True)
class Payload:
    """A body that is no form."""

    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Hop:
    """One station on the way to an answer."""

    method: str
    target: Target
    parameters: Mapping[str, str]
    payload: Payload | None = None


@dataclass(frozen=True, slots=True)
class _Errand:
    """What stays the same on the whole way."""

    token: str
    limits: _Limits
    timeline: Timeline
    consume: Consume


class WebhookSession:
    """The requests of one call. Cookies and logins are kept as a browser keeps them, and end with the call."""

    def __init__(
        self,
        settings: WebhookSettings,
        exchange: Exchange,
        new_token: Callable[[], str],
        auth_token: str,
        cookies: aiohttp.CookieJar | None = None,
    ) -> None:
        self.settings = settings
        self._exchange = exchange
        self._new_token = new_token
        self._auth_token = auth_token
        # Whoever signs with another token is another customer of the application.
        self._account = _name_of(auth_token)
        self._cookies = cookies
        self._logins: dict[str, Login] = {}

    async def request(
        self, method: str, url: str, parameters: Mapping[str, str] | None = None, *, note: Note | None = None
    ) -> WebhookResponse:
        """Ask an application and return its answer.

        A GET carries the parameters in its query, behind the URL's own; anything else is a POST of a form (the
        default of both API versions). `note` gets WEBHOOK_REQUEST and WEBHOOK_RESPONSE for each request sent.

        Raises ApplicationError, and nothing else, for whatever goes wrong, a status of 4xx or 5xx included;
        docs/protocols/webhooks.md lists the codes. What the answer is, and whether that type will do, is the caller's
        to decide.
        """
        return await self.fetch(method, url, parameters or {}, self._read_document, note=note)

    async def post(self, url: str, payload: Payload, *, note: Note | None = None) -> WebhookResponse:
        """Post a body that is no form, JSON say, signed by its hash (clause 6 of the 2010-04-01 specification).

        The URL on the wire has the hash in its query. For the rest see `request`.
        """
        return await self.fetch("POST", url, {}, self._read_document, note=note, payload=payload)

    async def fetch(
        self,
        method: str,
        url: str,
        parameters: Mapping[str, str],
        consume: Consume,
        *,
        total_timeout: float | None = None,
        note: Note | None = None,
        payload: Payload | None = None,
    ) -> WebhookResponse:
        """Do what `request` does, with the body read by `consume`; `total_timeout` replaces that of the settings."""
        clock = asyncio.get_running_loop().time
        started = clock()
        target = parse_target(url)
        limits = self._limits(target, total_timeout)
        token = self._new_token()
        errand = _Errand(token, limits, Timeline(note or silent, clock, token), consume)
        clean = parameters
        if not all(name.isascii() and value.isascii() for name, value in parameters.items()):
            clean = {_clean(name): _clean(value) for name, value in parameters.items()}
        hop = _Hop("GET" if method.upper() == "GET" else "POST", target, clean, payload)
        try:
            async with asyncio.timeout(limits.total):
                response = await self._travel(hop, errand)
        except TimeoutError as error:
            message = f"no complete answer within {limits.total:g} s (the total timeout)"
            failure = FetchError(RETRIEVAL, message, target.url, "rt")
            errand.timeline.failed(failure)
            raise failure from error
        except asyncio.CancelledError:
            errand.timeline.failed(FetchError(RETRIEVAL, "given up, since the call has moved on", target.url))
            raise
        return replace(response, elapsed_ms=round((clock() - started) * 1000))

    def _limits(self, target: Target, total_timeout: float | None) -> _Limits:
        settings, overrides = self.settings, target.overrides
        return _Limits(
            connect=overrides.connect_timeout or settings.connect_timeout,
            read=overrides.read_timeout or settings.read_timeout,
            total=overrides.total_timeout or total_timeout or settings.total_timeout,
            retries=settings.retries if overrides.retries is None else overrides.retries,
            retry_on=overrides.retry_on or settings.retry_on,
            sni=overrides.sni,
        )

    async def _travel(self, hop: _Hop, errand: _Errand) -> WebhookResponse:
        first = hop.target.url
        for _ in range(self.settings.max_redirects + 1):
            outcome = await self._persist(hop, errand)
            if isinstance(outcome, WebhookResponse):
                return outcome
            hop = outcome
        message = f"more than {self.settings.max_redirects} redirects; the last one led to {hop.target.url}"
        raise FetchError(TOO_MANY_REDIRECTS, message, first)

    async def _persist(self, hop: _Hop, errand: _Errand) -> WebhookResponse | _Hop:
        """Ask again as often as the limits allow, for the kinds of failure that they name."""
        tries = errand.limits.retries
        while True:
            try:
                return await self._log_in(hop, errand)
            except FetchError as failure:
                if tries == 0 or not errand.limits.retry(failure):
                    raise
                tries -= 1

    async def _log_in(self, hop: _Hop, errand: _Errand) -> WebhookResponse | _Hop:
        """Ask, and once more when the server wants a login that the session has."""
        login = self._login(hop.target)
        outcome = await self._ask(hop, errand, login)
        if outcome is None:
            outcome = await self._ask(hop, errand, login)
        assert outcome is not None  # a login can be challenged once
        return outcome

    def _login(self, target: Target) -> Login | None:
        if target.login is not None and target.origin not in self._logins and len(self._logins) < _MAX_LOGINS:
            self._logins[target.origin] = Login(*target.login)
        return self._logins.get(target.origin)

    async def _ask(self, hop: _Hop, errand: _Errand, login: Login | None) -> WebhookResponse | _Hop | None:
        """Send one request; None when it was refused and now the login has what it takes."""
        request = self._request(hop, errand, login)
        errand.timeline.sent(hop.method, hop.target.url, hop.parameters)
        try:
            async with self._exchange(request) as reply:
                self._keep_cookies(reply, request.url)
                return await self._judge(reply, hop, errand, login)
        except FetchError as failure:
            failure.url = failure.url or hop.target.url
            errand.timeline.failed(failure)
            raise

    def _request(self, hop: _Hop, errand: _Errand, login: Login | None) -> Request:
        posted = hop.method == "POST"
        url = hop.target.url if posted else with_query(hop.target.url, hop.parameters)
        kind, body = "application/x-www-form-urlencoded; charset=UTF-8", _form(hop.parameters) if posted else b""
        if hop.payload:
            kind, body = hop.payload.content_type, hop.payload.data
            url = body_url(url, body)
        headers = {
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": self.settings.user_agent,
            "I-Twilio-Idempotency-Token": errand.token,
            HEADER: sign(self._auth_token, url, hop.parameters.items() if posted else ()),
        }
        if posted:
            headers["Content-Type"] = kind
        if self._cookies and (cookies := self._cookies.filter_cookies(URL(url, encoded=True))):
            headers["Cookie"] = "; ".join(f"{one.key}={one.coded_value}" for one in cookies.values())
        return Request(
            hop.method,
            url,
            headers | (login.headers if login else {}),
            body if posted else None,
            errand.limits.connect,
            errand.limits.read,
            login.digest if login else None,
            self._account,
            errand.limits.sni,
        )

    def _jar(self) -> aiohttp.CookieJar:
        if self._cookies is None:
            # "Unsafe" takes cookies from hosts that are addresses, as applications under development are.
            self._cookies = aiohttp.CookieJar(unsafe=True)
        return self._cookies

    def _keep_cookies(self, reply: Reply, url: str) -> None:
        if "Set-Cookie" not in reply.headers:
            return
        jar = self._jar()
        with suppress(ValueError, CookieError):
            jar.update_cookies_from_headers(reply.headers.getall("Set-Cookie", []), URL(url, encoded=True))
        if len(jar) > _MAX_COOKIES:
            jar.clear()

    async def _judge(
        self, reply: Reply, hop: _Hop, errand: _Errand, login: Login | None
    ) -> WebhookResponse | _Hop | None:
        kind = content_type(reply.headers)
        if 200 <= reply.status < 300:
            body = await errand.consume(reply, kind)
            cached = reply.kept.how if reply.kept else ""
            response = WebhookResponse(hop.target.url, reply.status, kind.name, kind.charset, body, 0, cached)
            errand.timeline.answered(reply.status, kind.name, len(body), _shown(response), reply.headers, reply.kept)
            return response
        prefix = await read_prefix(reply, SHOWN, _PREFIX_SECONDS)
        text = prefix.decode(kind.charset or "utf-8", "replace")
        errand.timeline.answered(reply.status, kind.name, len(prefix), text, reply.headers, reply.kept)
        if reply.status in (301, 302, 303, 307, 308):
            return _redirected(hop, reply)
        if reply.status == 401 and login and login.challenged(reply.headers):
            return None
        raise FetchError(
            RETRIEVAL,
            f"the server answered {reply.status}: {' '.join(text.split())[:200] or '(an empty body)'}",
            hop.target.url,
            f"{reply.status // 100}xx",
            reply.status,
        )

    async def _read_document(self, reply: Reply, kind: ContentType) -> bytes:
        settings = self.settings
        limit = settings.max_audio_body if kind.name.startswith("audio/") else settings.max_body
        body = bytearray()

        async def keep(data: bytes) -> None:
            body.extend(data)

        await read_body(reply, keep, limit, FetchError(DOCUMENT_TOO_LARGE, f"the answer is larger than {limit} bytes"))
        return bytes(body)


def _redirected(hop: _Hop, reply: Reply) -> _Hop:
    location = reply.headers.get("Location", "")
    if not location:
        raise FetchError(PROTOCOL, f"the server answered {reply.status} without saying where to (Location)")
    target = parse_target(resolve(hop.target.url, location))
    if hop.method == "POST" and reply.status in (307, 308):
        return replace(hop, target=target)
    # Clause 7 of the 2010-04-01 specification: a POST becomes a GET without its parameters. Those of a GET were part
    # of the URL that is no longer used.
    return _Hop("GET", target, {})


@lru_cache(maxsize=1024)
def _name_of(auth_token: str) -> str:
    """Tell accounts apart without showing what they sign with."""
    return hashlib.sha256(auth_token.encode()).hexdigest()[:16]


def _shown(response: WebhookResponse) -> str:
    return "" if response.content_type.startswith("audio/") else response.text


def _clean(text: str) -> str:
    """Replace what UTF-8 can't hold (a byte of a SIP header that was no text)."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _form(parameters: Mapping[str, str]) -> bytes:
    return "&".join([f"{_quoted_before(name)}={_quoted(value)}" for name, value in parameters.items()]).encode("ascii")


def _quoted(text: str) -> str:
    # Names, numbers and sids come again and again; what people wrote does not.
    return _quoted_before(text) if len(text) <= 64 else quote_plus(text)


_quoted_before = lru_cache(maxsize=8192)(quote_plus)
