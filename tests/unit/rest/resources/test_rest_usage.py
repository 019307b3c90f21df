"""Usage: calls, recordings and messages, counted over spans of time (2010-04-01, clause 9.1)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from rest_messages import FewMessages
from rest_world import NOW, OURS, THEIRS, V2010, World

from ringback.messaging.port import Draft
from ringback.model.messages import MessageDirection
from ringback.model.recordings import RecordingRecord, RecordingSource, RecordingStatus
from ringback.model.status import ApiVersion, Direction
from ringback.rest.resources.usage import spans

RECORDS = f"{V2010}/Accounts/{{A}}/Usage/Records"
TODAY = NOW.date()


@pytest.fixture(autouse=True)
def messages(rest: World) -> FewMessages:
    made = FewMessages(rest)
    rest.services.messages = made  # type: ignore[assignment]
    return made


async def records(rest: World, kind: str = "", **query: str) -> list[dict[str, Any]]:
    path = f"{RECORDS}/{kind}" if kind else RECORDS
    answer = await rest("GET", f"{path}.json", query=query)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json["usage_records"]
    return found


async def call(rest: World, began: datetime, seconds: float, **different: Any) -> None:
    await rest.new_call(
        date_created=began, start_time=began, end_time=began + timedelta(seconds=seconds), **different
    )  # fmt: skip


@pytest.mark.conforms("2010-04-01/9/ListUsageRecord")
async def test_every_field_of_a_record_in_its_order(rest: World) -> None:
    await call(rest, NOW, 61)
    [told] = await records(rest, Category="calls-inbound")
    base = f"{V2010}/Accounts/{rest.account.sid}/Usage/Records"
    assert list(told.items())[:-1] == [
        ("account_sid", rest.account.sid),
        ("api_version", "2010-04-01"),
        ("as_of", "2024-02-29T12:30:15+00:00"),
        ("category", "calls-inbound"),
        ("count", "1"),
        ("count_unit", "calls"),
        ("description", "Inbound Voice Minutes"),
        ("start_date", "2024-02-29"),
        ("end_date", "2024-02-29"),
        ("price", "0"),
        ("price_unit", "usd"),
        ("usage", "2"),
        ("usage_unit", "minutes"),
        ("uri", f"{base}.json?Category=calls-inbound&StartDate=2024-02-29&EndDate=2024-02-29"),
    ]
    assert told["subresource_uris"]["last_month"] == f"{base}/LastMonth.json?Category=calls-inbound"
    assert len(told["subresource_uris"]) == 8


async def test_each_category_counts_its_own(rest: World, messages: FewMessages) -> None:
    for direction, seconds in (
        (Direction.INBOUND, 60), (Direction.OUTBOUND_API, 30), (Direction.OUTBOUND_DIAL, 61), (Direction.INBOUND, 1),
    ):  # fmt: skip
        await call(rest, NOW, seconds, direction=direction)
    await rest.database.recordings.create(
        RecordingRecord(
            rest.sid("RE"), rest.account.sid, None, RecordingStatus.COMPLETED, RecordingSource.RECORD_VERB,
            ApiVersion.V2010, NOW,
        )
    )  # fmt: skip
    for direction in (MessageDirection.INBOUND, MessageDirection.OUTBOUND_API, MessageDirection.OUTBOUND_REPLY):
        await messages.send(Draft(rest.account.sid, THEIRS, OURS, "Hi", direction=direction))
    told = {one["category"]: (one["count"], one["usage"], one["usage_unit"]) for one in await records(rest, "Today")}
    assert told == {
        "calls": ("4", "5", "minutes"), "calls-inbound": ("2", "2", "minutes"),
        "calls-outbound": ("2", "3", "minutes"), "recordings": ("1", "1", "recordings"),
        "sms": ("3", "3", "messages"), "sms-inbound": ("1", "1", "messages"),
        "sms-outbound": ("2", "2", "messages"), "totalprice": ("0", "0", "usd"),
    }  # fmt: skip


@pytest.mark.conforms(
    "2010-04-01/9/ListUsageRecordAllTime", "2010-04-01/9/ListUsageRecordDaily",
    "2010-04-01/9/ListUsageRecordLastMonth", "2010-04-01/9/ListUsageRecordMonthly",
    "2010-04-01/9/ListUsageRecordThisMonth", "2010-04-01/9/ListUsageRecordToday",
    "2010-04-01/9/ListUsageRecordYearly", "2010-04-01/9/ListUsageRecordYesterday",
)  # fmt: skip
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("AllTime", [("2023-12-31", "2024-02-29", "5")]),
        ("Today", [("2024-02-29", "2024-02-29", "1")]),
        ("Yesterday", [("2024-02-28", "2024-02-28", "1")]),
        ("ThisMonth", [("2024-02-01", "2024-02-29", "3")]),
        ("LastMonth", [("2024-01-01", "2024-01-31", "1")]),
        (
            "Monthly",
            [
                ("2024-02-01", "2024-02-29", "3"), ("2024-01-01", "2024-01-31", "1"),
                ("2023-12-31", "2023-12-31", "1"),
            ],
        ),
        ("Yearly", [("2024-01-01", "2024-02-29", "4"), ("2023-12-31", "2023-12-31", "1")]),
    ],
)  # fmt: skip
async def test_the_spans_that_a_list_is_about(rest: World, kind: str, expected: list[tuple[str, str, str]]) -> None:
    for began in (
        NOW, NOW - timedelta(days=1), NOW.replace(day=1), NOW.replace(month=1, day=31),
        datetime(2023, 12, 31, tzinfo=UTC),
    ):  # fmt: skip
        await call(rest, began, 1)
    told = await records(rest, kind, Category="calls", StartDate="2023-12-31")
    assert [(one["start_date"], one["end_date"], one["count"]) for one in told] == expected


async def test_days_come_one_by_one_in_pages(rest: World, messages: FewMessages) -> None:
    rest.clock.passed = -(NOW - datetime(2024, 2, 29, tzinfo=UTC)).total_seconds()
    await messages.send(Draft(rest.account.sid, THEIRS, OURS, "At midnight"))
    rest.clock.passed = 0
    form = {"Category": "sms", "StartDate": "-2days", "EndDate": "2024-02-29", "PageSize": "2"}
    page = (await rest("GET", f"{RECORDS}/Daily.json", query=form)).json
    told = [(one["start_date"], one["count"]) for one in page["usage_records"]]
    assert told == [("2024-02-29", "1"), ("2024-02-28", "0")]  # and belongs to one day only
    _, _, query = page["next_page_uri"].partition("?")
    following = (await rest("GET", f"{RECORDS}/Daily.json", query=query)).json
    assert [one["start_date"] for one in following["usage_records"]] == ["2024-02-27"]
    assert following["next_page_uri"] is None


async def test_subaccounts_count_unless_they_shall_not(rest: World) -> None:
    child = await rest.new_account(owner_account_sid=rest.account.sid)
    await call(rest, NOW, 1)
    await call(rest, NOW, 1, account_sid=child.sid)
    for query, count in (({}, "2"), ({"IncludeSubaccounts": "false"}, "1")):
        assert [one["count"] for one in await records(rest, Category="calls", **query)] == [count]


@pytest.mark.parametrize(
    "query",
    [
        {"StartDate": "2024-02-30"}, {"StartDate": "yesterday"}, {"StartDate": "2024-02-29", "EndDate": "2024-02-28"},
        {"IncludeSubaccounts": "some"},
    ],
)  # fmt: skip
async def test_what_a_list_is_refused_for(rest: World, query: dict[str, str]) -> None:
    answer = await rest("GET", f"{RECORDS}.json", query=query)
    assert (answer.status, answer.json["code"]) == (400, 20422)


async def test_an_unknown_category_has_no_records(rest: World) -> None:
    assert await records(rest, Category="faxes") == []


def test_the_first_day_there_is_ends_a_list() -> None:
    found = spans("Daily", date.min, date.min + timedelta(days=1), TODAY)
    assert found == [(date(1, 1, 2), date(1, 1, 2)), (date.min, date.min)]
    assert len(spans("Daily", date.min, TODAY, TODAY)) == 400
