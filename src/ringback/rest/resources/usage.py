"""How much an account has used: calls and messages, counted over spans of time."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from ringback.messaging.port import MessageFilter
from ringback.model.messages import MessageDirection
from ringback.model.status import Direction
from ringback.rest.errors import refused
from ringback.rest.operations import Handler, Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.shapes import ACCOUNT_SID, TEXT, URI, Field, Link, Shape, nullable, words
from ringback.storage.records import Page, Where

CATEGORIES: Final = (
    "calls", "calls-inbound", "calls-outbound", "recordings", "sms", "sms-inbound", "sms-outbound", "totalprice",
)  # fmt: skip
_SPANS: Final = ("", "AllTime", "Daily", "LastMonth", "Monthly", "ThisMonth", "Today", "Yearly", "Yesterday")
_TITLES: Final = {
    "calls": "Voice Minutes", "calls-inbound": "Inbound Voice Minutes", "calls-outbound": "Outbound Voice Minutes",
    "recordings": "Recordings", "sms": "SMS", "sms-inbound": "Inbound SMS", "sms-outbound": "Outbound SMS",
    "totalprice": "Total Price",
}  # fmt: skip
_MOST_SPANS: Final = 400
"""Days, months or years in one answer."""

RECORD: Final = Shape(
    "UsageRecord",
    "UsageRecords",
    "usage_records",
    (
        ACCOUNT_SID,
        Field("api_version", TEXT),
        Field("as_of", TEXT),
        Field("category", words(*CATEGORIES)),
        Field("count", nullable(TEXT)),
        Field("count_unit", nullable(TEXT)),
        Field("description", TEXT),
        Field("start_date", {"type": "string", "format": "date"}),
        Field("end_date", {"type": "string", "format": "date"}),
        Field("price", nullable(TEXT)),
        Field("price_unit", nullable(TEXT)),
        Field("usage", nullable(TEXT)),
        Field("usage_unit", nullable(TEXT)),
        Field("uri", URI),
        Field("subresource_uris", {"type": "object", "additionalProperties": {"type": "string"}}),
    ),
)
PARAMETERS: Final = (
    Parameter("Category", "text", most=64),
    Parameter("StartDate", "text", pattern=r"\d{4}-\d{2}-\d{2}|[-+]?\d{1,4}days?"),
    Parameter("EndDate", "text", pattern=r"\d{4}-\d{2}-\d{2}|[-+]?\d{1,4}days?"),
    Parameter("IncludeSubaccounts", "boolean"),
)


@dataclass(frozen=True, slots=True)
class _Usage:
    account_sid: str
    api_version: str
    as_of: str
    category: str
    count: str
    usage: str
    usage_unit: str
    count_unit: str
    start_date: str
    end_date: str
    path: str
    price: str = "0"
    price_unit: str = "usd"

    @property
    def description(self) -> str:
        return _TITLES[self.category]

    @property
    def uri(self) -> str:
        return f"{self.path}.json?Category={self.category}&StartDate={self.start_date}&EndDate={self.end_date}"

    @property
    def subresource_uris(self) -> dict[str, str]:
        root = f"/2010-04-01/Accounts/{self.account_sid}/Usage/Records"
        names = {"all_time": "AllTime", "daily": "Daily", "last_month": "LastMonth", "monthly": "Monthly"}
        names |= {"this_month": "ThisMonth", "today": "Today", "yearly": "Yearly", "yesterday": "Yesterday"}
        return {name: f"{Link(f'{root}/{part}')}.json?Category={self.category}" for name, part in names.items()}


def _day(text: str | None, today: date, otherwise: date) -> date:
    if text is None:
        return otherwise
    if text.endswith(("day", "days")):
        return today + timedelta(days=int(text.rstrip("days")))
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise refused(20422, f"'{text}' is no day") from error


def spans(kind: str, start: date, end: date, today: date) -> list[tuple[date, date]]:
    """The spans of time that a list is about, newest first; both days of each are in it."""
    month = today.replace(day=1)
    match kind:
        case "Today":
            return [(today, today)]
        case "Yesterday":
            return [(today - timedelta(days=1), today - timedelta(days=1))]
        case "ThisMonth":
            return [(month, today)]
        case "LastMonth":
            last = month - timedelta(days=1)
            return [(last.replace(day=1), last)]
        case "Daily" | "Monthly" | "Yearly":
            return _each(kind, start, end)
        case _:
            return [(start, end)]


def _each(kind: str, start: date, end: date) -> list[tuple[date, date]]:
    found: list[tuple[date, date]] = []
    day = end
    while day >= start and len(found) < _MOST_SPANS:
        first = day if kind == "Daily" else day.replace(day=1) if kind == "Monthly" else day.replace(month=1, day=1)
        last = day
        if kind == "Monthly":
            last = day.replace(day=monthrange(day.year, day.month)[1])
        elif kind == "Yearly":
            last = day.replace(month=12, day=31)
        found.append((max(first, start), min(last, end)))
        if first == date.min:
            break
        day = first - timedelta(days=1)
    return found


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def _count(request: Request, accounts: list[str], start: date, end: date) -> dict[str, tuple[int, int, str, str]]:
    """For each category: how many, how much, and the units of both."""
    since, until = _moment(start), _moment(end) + timedelta(days=1)
    database = request.services.database
    calls = await database.calls.usage(accounts, since, until)
    minutes = {direction: (count, -(-int(seconds) // 60)) for direction, (count, seconds) in calls.items()}
    inbound = minutes.get(Direction.INBOUND, (0, 0))
    outbound = [minutes.get(one, (0, 0)) for one in (Direction.OUTBOUND_API, Direction.OUTBOUND_DIAL)]
    out = (sum(one[0] for one in outbound), sum(one[1] for one in outbound))
    recordings = 0
    messages = {"in": 0, "out": 0}
    for sid in accounts:
        span = [Where("date_created", ">=", since), Where("date_created", "<", until)]
        recordings += await database.recordings.count([Where("account_sid", "=", sid), *span])
        for name, directions in (("in", _INBOUND), ("out", _OUTBOUND)):
            # The port's bounds are inclusive: what is sent at midnight belongs to the day that begins.
            last = until - timedelta(microseconds=1)
            wanted = MessageFilter(sid, sent_after=since, sent_before=last, directions=directions)
            messages[name] += await request.services.messages.count(wanted)
    total = messages["in"] + messages["out"]
    return {
        "calls": (inbound[0] + out[0], inbound[1] + out[1], "calls", "minutes"),
        "calls-inbound": (*inbound, "calls", "minutes"),
        "calls-outbound": (*out, "calls", "minutes"),
        "recordings": (recordings, recordings, "recordings", "recordings"),
        "sms": (total, total, "messages", "messages"),
        "sms-inbound": (messages["in"], messages["in"], "messages", "messages"),
        "sms-outbound": (messages["out"], messages["out"], "messages", "messages"),
        "totalprice": (0, 0, "", "usd"),
    }


_INBOUND: Final = frozenset({MessageDirection.INBOUND})
_OUTBOUND: Final = frozenset(MessageDirection) - _INBOUND


def _records(kind: str) -> Handler:
    async def listed(request: Request) -> Listed:
        """What was used in such spans of time, by category, the newest first."""
        today = request.now.date()
        owner = await request.services.database.accounts.get(request.account.sid)
        began = owner.date_created.date() if owner else today
        start = _day(request.get("start_date"), today, min(began, today))
        end = _day(request.get("end_date"), today, today)
        if end < start:
            raise refused(20422, "EndDate is before StartDate")
        category = request.get("category")
        accounts = [request.account.sid]
        if request.get("include_subaccounts", True):
            family = await request.services.database.accounts.page(request.account.sid, page=Page(limit=1000))
            accounts = [one.sid for one in family]
        found: list[Any] = []
        page = request.page
        for first, last in spans(kind, start, end, today):
            if len(found) > page.offset + page.limit:
                break
            counted = await _count(request, accounts, first, last)
            found += [
                _usage(request, kind, name, counted[name], first, last)
                for name in CATEGORIES
                if category in (None, name)
            ]
        return request.slice(found)

    return listed


def _usage(
    request: Request, kind: str, name: str, counted: tuple[int, int, str, str], first: date, last: date
) -> _Usage:
    path = f"/2010-04-01/Accounts/{request.account.sid}/Usage/Records" + (f"/{kind}" if kind else "")
    return _Usage(
        request.account.sid, request.version.value, f"{request.now:%Y-%m-%dT%H:%M:%S}+00:00", name, str(counted[0]),
        str(counted[1]), counted[3], counted[2], first.isoformat(), last.isoformat(), path,
    )  # fmt: skip


_ROOT: Final = "/Accounts/{AccountSid}/Usage/Records"
OPERATIONS: Final = tuple(
    Operation(
        "GET", _ROOT + (f"/{kind}" if kind else ""), f"ListUsageRecord{kind}", _records(kind), RECORD, PARAMETERS,
        listed=True,
    )
    for kind in _SPANS
)  # fmt: skip
