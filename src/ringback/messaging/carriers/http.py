"""A carrier reached by HTTP: any gateway that takes a message as JSON or a form, such as an app on an Android phone.

Out: one request a message, signed. In: the gateway posts what came, and what became of a message, to this server,
signed the same way (`ringback.messaging.carriers.signatures`); `HttpCarrier.arrived` and `.reported` take these.
"""

import base64
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from ringback.messaging.carriers.contract import (
    Accepted,
    CarrierBusyError,
    CarrierDownError,
    CarrierLostError,
    CarrierRefusedError,
    Inbox,
    Outgoing,
)
from ringback.messaging.carriers.settings import Reader
from ringback.messaging.carriers.signatures import is_signed, sign
from ringback.messaging.port import Arrival, ArrivedMedia
from ringback.model.errors import ApplicationError
from ringback.model.messages import MESSAGE, MULTIMEDIA_MESSAGE, CarrierRecord
from ringback.model.sids import make_sid
from ringback.storage.errors import StorageError
from ringback.webhooks.exchange import Exchange, Request
from ringback.webhooks.failures import FetchError
from ringback.webhooks.url import parse_target

logger = logging.getLogger(__name__)

_MOST_ANSWER: Final = 64 * 1024
MOST_BODY: Final = 16 * 1024 * 1024
"""Octets of what a gateway may post."""
_DELIVERED: Final = frozenset({"delivered", "delivrd", "read"})
_FAILED: Final = frozenset({"failed", "undelivered", "undeliv", "rejected", "expired", "error"})
_FIELDS: Final = {"id": "id", "from": "from", "to": "to", "text": "text", "media": "media", "repeated": "repeated"}


class HttpCarrier:
    """`Carrier` over HTTP."""

    def __init__(self, record: CarrierRecord, exchange: Exchange, now: Callable[[], float]) -> None:
        """`exchange` carries the requests, `now` is seconds since 1970.

        Raises ValueError for settings that cannot be used.
        """
        self.name = record.name
        self._exchange = exchange
        self._now = now
        reader = Reader(record.settings)
        url = reader.text("url")
        self._form = reader.word("format", "json", "form") == "form"
        self._secret = reader.text("secret", longest=200)
        if len(self._secret) < 16:
            raise ValueError(
                "secret should have 16 characters at least: it is what tells the gateway from anybody else"
            )
        self._headers = reader.mapping("headers")
        self._fields = _FIELDS | reader.mapping("fields")
        if unknown := sorted(self._fields.keys() - _FIELDS.keys()):
            raise ValueError(f"fields has no {', '.join(unknown)}; it has {', '.join(_FIELDS)}")
        self._id_field = reader.text("id_field", "id")
        self._timeout = reader.number("timeout", 15, least=0.1, most=300)
        self._window = reader.whole("window", 10, least=1, most=1000)
        reader.finish()
        try:
            self._target = parse_target(url)
        except ApplicationError as error:
            raise ValueError(f"url cannot be used: {error.message}") from error
        for name, value in self._headers.items():
            if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not value.isprintable():
                raise ValueError(f"headers has {name!r}, which is none")
        self._inbox: Inbox | None = None
        self._state = "up"

    @property
    def window(self) -> int:
        """As many requests as may wait for their answers."""
        return self._window if self._inbox is not None else 0

    @property
    def state(self) -> str:
        """How the last request went."""
        return self._state if self._inbox is not None else "not started"

    def takes(self, to: str) -> bool:
        """Whether it is a telephone number."""
        return to.removeprefix("+").isdigit()

    def units(self, message: Outgoing) -> int:
        """One: gateways cut texts themselves."""
        return 1

    async def start(self, inbox: Inbox) -> None:
        """Nothing has to be opened."""
        self._inbox = inbox

    async def submit(self, message: Outgoing, number: int) -> Accepted:
        """Post it. An answer of 2xx takes it; the gateway's own id for it comes in the answer, if it has one."""
        if self._inbox is None:
            raise CarrierDownError(f"{self.name} is not started")
        request = self._request(message)
        status, body, retry = 0, b"", ""
        try:
            async with self._exchange(request) as reply:
                status = reply.status
                retry = reply.headers.get("Retry-After", "")
                while len(body) < _MOST_ANSWER and (more := await reply.read()):
                    body += more
        except FetchError as error:
            if status == 0:
                self._state = error.message
                if error.kind in ("rt", "dropped", "other"):
                    raise CarrierLostError(f"{self.name}: {error.message}") from error
                raise CarrierDownError(f"{self.name}: {error.message}") from error
        self._state = "up" if 200 <= status < 300 else f"the last answer was {status}"
        if 200 <= status < 300:
            return Accepted(_find_id(body, self._id_field) or message.sid)
        text = " ".join(body.decode("utf-8", "replace").split())[:200]
        if status in (429, 503):
            raise CarrierBusyError(f"{self.name} answered {status}", float(retry) if retry.isdigit() else 2.0)
        if status >= 500:
            raise CarrierDownError(f"{self.name} answered {status}: {text}")
        raise CarrierRefusedError(30008, f"{self.name} answered {status}: {text}")

    async def close(self) -> None:
        """Nothing has to be closed."""
        self._inbox = None

    def _request(self, message: Outgoing) -> Request:
        names = self._fields
        values: dict[str, Any] = {
            names["id"]: message.sid,
            names["from"]: message.from_,
            names["to"]: message.to,
            names["text"]: message.body,
        }
        if message.media_urls:
            values[names["media"]] = list(message.media_urls)
        if message.repeated:
            values[names["repeated"]] = "true" if self._form else True
        if self._form:
            body = urlencode(values, doseq=True).encode()
            kind = "application/x-www-form-urlencoded; charset=UTF-8"
        else:
            body = json.dumps(values, ensure_ascii=False).encode()
            kind = "application/json"
        headers = {"Content-Type": kind, "Accept": "*/*", "User-Agent": "Ringback", "Idempotency-Key": message.sid}
        if login := self._target.login:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        headers |= self._headers | sign(self._secret, body, self._now())
        return Request("POST", self._target.url, headers, body, self._timeout, self._timeout)

    # -- what the gateway posts -----------------------------------------------------------------------------------

    async def arrived(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Take a message that came to the gateway; return the status and the text to answer.

        It has `from`, `to`, `text`, and as JSON `media`: a list of `content_type` and `data` in base64. A gateway that
        repeats a message because it got no answer gives it the same `id`, and it counts once.
        """
        values = self._read(body, headers)
        if isinstance(values, tuple):
            return values
        try:
            media = tuple(
                ArrivedMedia(str(item["content_type"]), base64.b64decode(item["data"], validate=True))
                for item in values.get("media", [])
            )
            text = str(values.get("text", ""))
            arrival = Arrival(str(values["from"]), str(values["to"]), text, self.name, media)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return 400, f"from, to and text are needed: {error}"
        assert self._inbox is not None
        try:
            record = await self._inbox.received(_known(arrival, str(values.get("id", ""))))
        except StorageError as error:
            logger.error("A message of the carrier %s cannot be kept: %s", self.name, error)
            return 503, "the message cannot be kept now: post it again later"
        if record is None:
            return 404, f"{arrival.to} is no number of this server"
        return 200, record.sid

    async def reported(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Take a delivery report; return the status and the text to answer. It has `id` and `status`."""
        values = self._read(body, headers)
        if isinstance(values, tuple):
            return values
        reference, status = str(values.get("id", "")), str(values.get("status", "")).lower()
        if not reference or not status:
            return 400, "id and status are needed"
        delivered = status in _DELIVERED
        if not delivered and status not in _FAILED:
            return 200, "not final"
        assert self._inbox is not None
        try:
            code = None if delivered else _code(values.get("error_code"))
            await self._inbox.receipt(self.name, reference, delivered=delivered, error_code=code)
        except StorageError as error:
            logger.error("A report of the carrier %s cannot be kept: %s", self.name, error)
            return 503, "the report cannot be kept now: post it again later"
        return 200, "ok"

    def _read(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any] | tuple[int, str]:
        if self._inbox is None:
            return 503, "the carrier is not started"
        if not is_signed(self._secret, body, headers, self._now()):
            return 403, "the signature is missing, wrong or too old"
        try:
            if headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
                return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
            values = json.loads(body)
        except (ValueError, RecursionError):
            return 400, "the body is neither JSON nor a form"
        return values if isinstance(values, dict) else (400, "the body should be one object")


def _known(arrival: Arrival, identifier: str) -> Arrival:
    """Give a message the sid that follows from the gateway's id for it."""
    if not identifier:
        return arrival
    seen = sha256(f"{arrival.carrier}\0{identifier}".encode("utf-8", "replace")).digest()[:16]
    return replace(arrival, sid=make_sid(MULTIMEDIA_MESSAGE if arrival.media else MESSAGE, seen))


def _find_id(body: bytes, field: str) -> str:
    """Find the gateway's id in its answer: in a JSON object, along dots, or the whole of a short text."""
    try:
        value: Any = json.loads(body)
        for name in field.split("."):
            value = value[int(name)] if isinstance(value, list) else value[name]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return ""
    return str(value)[:200] if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _code(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and 30000 <= int(text[:6]) <= 30999 else 30008
