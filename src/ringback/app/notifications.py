"""Notifications: the errors and warnings of calls and REST requests, each kept with its request and the answer.

They are taken from the timeline of the call, so that whoever writes an ERROR or a WARNING there has told the account.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from ringback.calls.journal import Journal
from ringback.model import events, sids
from ringback.model.errors import describe
from ringback.model.notifications import LOG_ERROR, LOG_WARNING, NotificationRecord
from ringback.model.records import CallEvent, CallRecord
from ringback.model.status import ApiVersion
from ringback.rest.notices import Notice

MOST_PER_CALL: Final = 100
"""Notifications of one call. One that goes round in a broken document would fill the table with the same."""
_REMEMBERED: Final = 5000
"""Calls whose requests are remembered; those that were silent longest are forgotten first."""
_EXCHANGES: Final = 20
"""Requests of a call that are remembered."""
_LONGEST: Final = 4000

Owner = tuple[str, ApiVersion]
"""An account's sid, and the version of the API that is spoken."""


@dataclass(slots=True)
class _Exchange:
    """A request and its answer."""

    url: str
    method: str
    parameters: Mapping[str, Any]
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""


@dataclass(slots=True)
class _Told:
    """What is remembered of a call."""

    owner: Owner | None
    exchanges: OrderedDict[str, _Exchange] = field(default_factory=OrderedDict)
    count: int = 0

    def about(self, url: str | None) -> _Exchange:
        """The request that something came up with: the last one to that URL, else the last one of all."""
        last = _Exchange(url or "", "", {})
        for exchange in reversed(self.exchanges.values()):
            if url is None or exchange.url.partition("?")[0] == url.partition("?")[0]:
                return exchange
        return next(reversed(self.exchanges.values()), last)


class NotifyingJournal:
    """A `Journal` that hands everything on, and makes a notification of each error and warning that has a code."""

    def __init__(
        self,
        journal: Journal,
        entropy: Callable[[int], bytes],
        whose: Callable[[str], Owner | None] = lambda sid: None,
    ) -> None:
        """`whose` knows the owners of calls whose records began elsewhere."""
        self._journal = journal
        self._entropy = entropy
        self._whose = whose
        self._calls: OrderedDict[str, _Told] = OrderedDict()

    def note(self, event: CallEvent) -> None:
        """Take an event of a call."""
        self._journal.note(event)
        match event.kind:
            case events.WEBHOOK_REQUEST:
                self._asked(self._told(event.call_sid), event.data)
            case events.WEBHOOK_RESPONSE:
                self._answered(self._told(event.call_sid), event.data)
            case events.ERROR:
                self._notify(event, LOG_ERROR)
            case events.WARNING:
                self._notify(event, LOG_WARNING)

    def create_call(self, record: CallRecord) -> None:
        """Take the record of a new call."""
        self._journal.create_call(record)
        self._told(record.sid).owner = record.account_sid, record.api_version

    def update_call(self, sid: str, **changes: Any) -> None:
        """Take changes of a call."""
        self._journal.update_call(sid, **changes)

    def save(self, record: Any) -> None:
        """Take a record."""
        self._journal.save(record)

    def change(self, kind: type, key: str | tuple[str, ...], **changes: Any) -> None:
        """Take changes of a record."""
        self._journal.change(kind, key, **changes)

    def remove(self, kind: type, key: str | tuple[str, ...]) -> None:
        """Take it that a record is no more."""
        self._journal.remove(kind, key)

    def notice(self, notice: Notice) -> None:
        """Take what a REST request gave rise to."""
        log = LOG_ERROR if describe(notice.code).level == "error" else LOG_WARNING
        exchange = _Exchange(
            notice.request_url, notice.request_method, notice.request_variables, body=notice.response_body
        )
        self._save(
            (notice.account_sid, notice.api_version), None, log, notice.code, notice.message, notice.date, exchange
        )

    def _told(self, sid: str) -> _Told:
        told = self._calls.pop(sid, None) or _Told(self._whose(sid))
        self._calls[sid] = told
        while len(self._calls) > _REMEMBERED:
            self._calls.popitem(last=False)
        return told

    def _asked(self, told: _Told, data: Mapping[str, Any]) -> None:
        told.exchanges[str(data.get("id"))] = _Exchange(
            str(data.get("url", "")), str(data.get("method", "")), data.get("parameters") or {}
        )
        while len(told.exchanges) > _EXCHANGES:
            told.exchanges.popitem(last=False)

    def _answered(self, told: _Told, data: Mapping[str, Any]) -> None:
        exchange = told.exchanges.get(str(data.get("id")))
        if exchange is not None:
            exchange.headers, exchange.body = data.get("headers") or {}, str(data.get("body") or "")

    def _notify(self, event: CallEvent, log: int) -> None:
        code = event.data.get("code")
        told = self._told(event.call_sid)
        told.owner = told.owner or self._whose(event.call_sid)
        # Code 0 is for the operator: nothing that the author of an application could look up.
        if not isinstance(code, int) or not code or told.owner is None or told.count >= MOST_PER_CALL:
            return
        told.count += 1
        url = event.data.get("url")
        exchange = told.about(str(url) if url else None)
        message = str(event.data.get("message", ""))
        self._save(told.owner, event.call_sid, log, code, message, event.at, exchange)

    def _save(
        self, owner: Owner, call_sid: str | None, log: int, code: int, message: str, at: datetime, exchange: _Exchange
    ) -> None:
        account_sid, version = owner
        self._journal.save(
            NotificationRecord(
                sid=sids.make_sid(sids.NOTIFICATION, self._entropy(16)),
                account_sid=account_sid,
                call_sid=call_sid,
                log=log,
                error_code=code,
                message_text=message[:_LONGEST],
                message_date=at,
                request_url=exchange.url[:_LONGEST],
                request_method=exchange.method,
                request_variables=_form(exchange.parameters),
                response_headers=_form(exchange.headers),
                response_body=exchange.body[:_LONGEST],
                api_version=version,
                date_created=at,
            )
        )


def _form(fields: Mapping[str, Any]) -> str:
    return urlencode({name: str(value) for name, value in fields.items()}, errors="replace")[:_LONGEST]
