"""One HTTP request and its answer: the place where aiohttp is.

Everything above speaks of `Request`, `Reply` and `Exchange` only. A cache (RFC 9111) is an `Exchange` that holds
another one: it answers a GET from what it has kept or passes the request on, and nobody else notices.
"""

import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol
from weakref import WeakSet

import aiohttp
from aiohttp.connector import Connection
from multidict import CIMultiDictProxy
from yarl import URL

from ringback.webhooks.failures import ERRORS, FetchError, classify
from ringback.webhooks.guard import AddressGuard
from ringback.webhooks.nameless import nameless_context
from ringback.webhooks.settings import WebhookSettings

_KEEPALIVE = 30.0  # the time between two documents of a menu: a prompt and a key
_MAX_LINE = 8190  # bytes of a header line; the number of headers is bounded by aiohttp


@dataclass(frozen=True, slots=True)
class Request:
    """A request, complete: nothing is added but Host and Content-Length. Times in seconds."""

    method: str
    url: str
    """ASCII, already encoded, without user and fragment."""
    headers: Mapping[str, str]
    body: bytes | None
    connect_timeout: float
    read_timeout: float
    digest: aiohttp.DigestAuthMiddleware | None = None
    """Answers a Digest challenge (RFC 7616), and logs in ahead of it from then on."""
    account: str = ""
    """Whose request it is: only of the same may an answer be used again."""
    sni: bool = True
    """Whether the server's name is told in the TLS handshake."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is to tell of an answer that a cache gave."""

    how: Literal["fresh", "validated", "stale"]
    age: int
    """Seconds since the application made it."""
    file: Path
    """Its body, as it came over the network. The file never changes; it may go at any time."""
    failure: FetchError | None = None
    """Why a stale one had to do."""


class Reply(Protocol):
    """An answer whose body has not been read."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> CIMultiDictProxy[str]: ...
    @property
    def kept(self) -> Kept | None:
        """Set when it is from a cache."""
        ...

    async def read(self) -> bytes:
        """Return the next bytes of the body as they came, empty at its end. Raises FetchError."""
        ...


class Exchange(Protocol):
    """Carries a request out."""

    def __call__(self, request: Request) -> AbstractAsyncContextManager[Reply]:
        """Send the request; leaving the context gives the connection back. Raises FetchError, nothing else."""
        ...

    async def close(self) -> None:
        """Close what is open. Nothing may be sent afterwards."""
        ...


_reused: ContextVar[bool] = ContextVar("reused")
"""Whether the request of this task has gone over a connection that was kept."""


class _Connector(aiohttp.TCPConnector):
    """Connections of which it is known whether they are new. (Traces tell as well, and cost a tenth more.)"""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._used: WeakSet[object] = WeakSet()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        protocol = connection.protocol
        _reused.set(protocol in self._used)
        if protocol is not None:
            self._used.add(protocol)
        return connection


class HttpExchange:
    """An `Exchange` over the network, with connections that are kept and shared by all."""

    def __init__(self, settings: WebhookSettings) -> None:
        """Raises OSError or ssl.SSLError when the settings' `ca_file` can't be read."""
        self._guard = AddressGuard(settings.allow_private, settings.deny)
        self._connections_per_host = settings.connections_per_host
        self._settings = settings
        self._tls = _tls_context(settings.ca_file, settings.verify_certificates)
        self._session: aiohttp.ClientSession | None = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = _Connector(
                limit=0,  # one application that hangs must not hold up the others
                limit_per_host=self._connections_per_host,
                keepalive_timeout=_KEEPALIVE,
                ssl=self._tls,
                socket_factory=self._guard.make_socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),  # cookies are kept per call, above
                auto_decompress=False,
                max_line_size=_MAX_LINE,
                max_field_size=_MAX_LINE,
                requote_redirect_url=False,
            )
        return self._session

    def __call__(self, request: Request) -> AbstractAsyncContextManager[Reply]:
        """Send the request. See `Exchange`."""
        return _Sending(self, request)

    async def send(self, request: Request) -> aiohttp.ClientResponse:
        """Return the answer, whose body has not been read; it must be released. Raises FetchError."""
        while True:
            _reused.set(False)
            try:
                return await self._send_once(request)
            except (FetchError, *ERRORS) as error:
                failure = classify(error, request.url, request.connect_timeout, request.read_timeout)
                # A kept connection that the server has closed meanwhile says nothing about the server: ask on a new
                # one (RFC 9112 clause 9.3.1). Each time one kept connection is gone, so that this comes to an end.
                if failure.kind != "dropped" or not _reused.get():
                    raise failure from error

    async def _send_once(self, request: Request) -> aiohttp.ClientResponse:
        # Of these aiohttp would repeat the ones that it takes for idempotent.
        watched = () if request.method == "POST" else (_no_silent_retry,)
        return await self._open_session().request(
            request.method,
            URL(request.url, encoded=True),
            data=request.body,
            headers=request.headers,
            skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
            allow_redirects=False,
            middlewares=(request.digest, *watched) if request.digest else watched,
            timeout=_timeout(request.connect_timeout, request.read_timeout),
            ssl=True if request.sni else self._tls_without_name(),
        )

    def _tls_without_name(self) -> ssl.SSLContext:
        return _tls_context(self._settings.ca_file, self._settings.verify_certificates, named=False)

    async def close(self) -> None:
        """Close the kept connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Sending:
    """A request while its answer is read."""

    __slots__ = ("_exchange", "_request", "_response")

    def __init__(self, exchange: HttpExchange, request: Request) -> None:
        self._exchange, self._request = exchange, request

    async def __aenter__(self) -> Reply:
        self._response = await self._exchange.send(self._request)
        return _HttpReply(self._response, self._request)

    async def __aexit__(self, *_: object) -> None:
        self._response.release()


class _HttpReply:
    """aiohttp's answer as a `Reply`."""

    kept = None

    def __init__(self, response: aiohttp.ClientResponse, request: Request) -> None:
        self._response = response
        self._request = request

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        return self._response.headers

    async def read(self) -> bytes:
        try:
            return await self._response.content.readany()
        except ERRORS as error:
            request = self._request
            raise classify(error, request.url, request.connect_timeout, request.read_timeout) from error


async def _no_silent_retry(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a GET a second time by itself: how often an application is asked is decided above."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise classify(error, str(request.url), 0, 0) from error


@lru_cache(maxsize=256)
def _timeout(connect: float, read: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_read=read, ceil_threshold=float("inf"))


@lru_cache
def _tls_context(ca_file: Path | None, verify: bool, named: bool = True) -> ssl.SSLContext:
    context = ssl.create_default_context() if named else nameless_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
