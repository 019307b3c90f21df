"""The REST API as an ASGI application: requests in, through access and parameters to their operation, replies out.

It is called for every request of a busy application, so that there is nothing between the HTTP server and it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from itertools import count
from typing import Any, Final
from urllib.parse import unquote

from ringback.messaging.port import MessageRefused
from ringback.model.records import Account
from ringback.model.status import ApiVersion
from ringback.rest import form, replies
from ringback.rest.access import Access, Caller
from ringback.rest.errors import RestError, not_found, refused
from ringback.rest.operations import Operation, Request, Routes, variables
from ringback.rest.paging import page_of
from ringback.rest.parameters import parse
from ringback.rest.replies import FORMATS, SUFFIXES, Reply
from ringback.rest.services import Services
from ringback.rest.versions import TABLES
from ringback.storage.errors import StorageError

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_METHODS: Final = {"GET": "GET", "HEAD": "GET", "POST": "POST", "DELETE": "DELETE"}


class RestApplication:
    """Answers everything below `/2008-08-01` and `/2010-04-01`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # Nobody needs to guess them: a random one to begin with, and then the next.
        self._request_ids = count(int.from_bytes(services.entropy(15)))
        self.access = services.access = Access(services.database, services.clock, services.settings)
        self._routes = {
            version.value: (version, Routes(table))
            for version, table in TABLES.items()
            if version in services.settings.api_versions
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = self._services.clock()
        raw = scope.get("raw_path") or b""
        path = scope["path"]
        # A slash or a dot in a name comes encoded, and is none that divides the path.
        parts = [unquote(part) for part in raw.decode("latin-1").split("/")[1:]] if b"%" in raw else path.split("/")[1:]
        version, routes = self._routes.get(parts[0], (ApiVersion.V2010, None))
        last, dot, suffix = parts[-1].rpartition(".")
        if dot and suffix in SUFFIXES:
            parts[-1] = last
        else:
            suffix = ""
        kind = suffix if suffix in FORMATS[version] else "xml"
        headers = dict(scope["headers"])
        running = 1
        try:
            if routes is None:
                raise not_found(path)
            told, running = await self._answer(scope, receive, headers, version, routes, parts[1:], suffix)
        except RestError as error:
            told = replies.error(error, version, kind)
        except StorageError as error:
            logger.error("%s %s: %s", scope["method"], path, error)
            code = 20503 if error.unavailable else 20500
            told = replies.error(refused(code), version, kind)
        except Exception:
            logger.exception("%s %s failed", scope["method"], path)
            told = replies.error(refused(20500), version, kind)
        await self._send(send, told, scope["method"] == "HEAD", self._services.clock() - began, running)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        headers: Mapping[bytes, bytes],
        version: ApiVersion,
        routes: Routes,
        parts: Sequence[str],
        suffix: str,
    ) -> tuple[Reply, int]:
        settings = self._services.settings
        query = form.pairs(scope["query_string"].decode("latin-1"), settings.max_parameters)
        found = routes.find(parts)
        if found is None:
            raise not_found(scope["path"])
        method = _method(scope["method"], query, version)
        operation = found[0].get(method)
        if operation is None:
            raise RestError(405, 20004, f"{scope['method']} is not allowed here: {', '.join(sorted(found[0]))} is")
        if suffix and suffix not in FORMATS[version] and suffix not in operation.media:
            raise not_found(scope["path"])
        given = [pair for pair in query if pair[0] != "_method"]
        body = await _body(receive, settings.max_body) if scope["method"] not in ("GET", "HEAD") else b""
        address = (scope.get("client") or ("", 0))[0]
        names = dict(zip(variables(operation.path), found[1], strict=True))
        caller, account = await self._who(headers, operation, names, address)
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        given += form.body_pairs(body, content_type, settings.max_parameters)
        text = scope["query_string"].decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        request = Request(
            self._services, version, account, operation, names, suffix=suffix, public=caller is None, pairs=given,
            accept=headers.get(b"accept", b"").decode("latin-1"), base=f"{scope.get('scheme', 'http')}://{host}",
            url=f"{scope['path']}?{text}"[:4096] if text else scope["path"],
        )  # fmt: skip
        running = self.access.enter(account.sid)
        try:
            told = await self._carry_out(request, parts)
        finally:
            self.access.leave(account.sid)
        return told, running

    async def _who(
        self, headers: Mapping[bytes, bytes], operation: Operation, names: Mapping[str, str], address: str
    ) -> tuple[Caller | None, Account]:
        """Tell who asks, and about which account."""
        authorization = headers.get(b"authorization")
        sid = names.get("AccountSid") or ""
        if operation.public and authorization is None:
            about = await self.access.account(sid)
            if about is None:
                raise not_found(sid)
            return None, about
        caller = await self.access.caller(authorization.decode("latin-1") if authorization else None, address)
        return caller, await self.access.account_of(caller, sid or caller.account.sid, operation)

    async def _carry_out(self, request: Request, parts: Sequence[str]) -> Reply:
        operation, version = request.operation, request.version
        if request.pairs or operation.known:
            parsed = parse(request.pairs, operation.known, midnight=version is ApiVersion.V2008)
            request.values, request.filters = parsed.values, parsed.filters
            if operation.listed:
                request.page, request.number = page_of(request.values)
            if parsed.unknown:
                request.warn(20001, f"Unknown parameters: {', '.join(parsed.unknown)}")
        try:
            answer = await operation.handle(request)
        except MessageRefused as error:
            raise RestError(error.http_status, error.code, error.message) from error
        return replies.reply(request, answer, "/".join(("", version.value, *parts)))

    async def _send(self, send: Send, told: Reply, head: bool, seconds: float, running: int) -> None:
        headers = [
            (b"twilio-request-id", b"RQ%032x" % next(self._request_ids)),
            (b"twilio-request-duration", f"{seconds:.3f}".encode()),
            (b"twilio-concurrent-requests", str(running).encode()),
        ]
        if told.status != 204:
            headers.append((b"content-type", told.content_type.encode("latin-1")))
            headers.append((b"content-length", str(len(told.body)).encode()))
        headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.headers]
        await send({"type": "http.response.start", "status": told.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else told.body})


def _method(method: str, query: Sequence[tuple[str, str]], version: ApiVersion) -> str:
    """The method that is meant: 2008-08-01 updates by PUT as well, and POST may say `_method` (clause 4)."""
    if version is ApiVersion.V2008:
        if method == "POST":
            override = next((value.upper() for name, value in query if name == "_method"), "")
            if override in ("PUT", "DELETE"):
                method = override
        if method == "PUT":
            return "POST"
    return _METHODS.get(method, method)


async def _body(receive: Receive, limit: int) -> bytes:
    """Read the body of a request. Raises RestError when it is longer than `limit` bytes, or never ends."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise refused(20422, "The request ended before its body did")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise form.too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)
