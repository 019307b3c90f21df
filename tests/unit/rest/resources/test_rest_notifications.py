"""Notifications of an account and of a call (2010-04-01, clause 9.1; 2008-08-01, clause 6.9)."""

from datetime import timedelta
from typing import Any

import pytest
from rest_world import NOW, V2008, V2010, World

from ringback.model.notifications import LOG_ERROR, LOG_WARNING, NotificationRecord
from ringback.model.status import ApiVersion

ACCOUNT = f"{V2010}/Accounts/{{A}}"
OLD = f"{V2008}/Accounts/{{A}}"
DATE = "Thu, 29 Feb 2024 12:30:15 +0000"


async def notification(rest: World, **different: Any) -> NotificationRecord:
    values: dict[str, Any] = {
        "sid": rest.sid("NO"), "account_sid": rest.account.sid, "call_sid": None, "log": LOG_ERROR,
        "error_code": 11200, "message_text": "No answer", "message_date": NOW,
        "request_url": "http://127.0.0.1/voice", "request_method": "POST", "request_variables": "Digits=1",
        "response_headers": "Server=x", "response_body": "<html/>", "api_version": ApiVersion.V2010,
        "date_created": NOW,
    }  # fmt: skip
    record = NotificationRecord(**{**values, **different})
    await rest.database.notifications.create(record)
    return record


@pytest.mark.conforms("2010-04-01/9/FetchNotification", "2010-04-01/9/ListNotification")
async def test_only_one_alone_tells_the_request_and_the_answer(rest: World) -> None:
    record = await notification(rest)
    told = (await rest("GET", f"{ACCOUNT}/Notifications/{record.sid}.json")).json
    listed = [
        ("account_sid", rest.account.sid),
        ("api_version", "2010-04-01"),
        ("call_sid", None),
        ("date_created", DATE),
        ("date_updated", DATE),
        ("error_code", "11200"),
        ("log", "0"),
        ("message_date", DATE),
        ("message_text", "No answer"),
        ("more_info", "https://www.twilio.com/docs/errors/11200"),
        ("request_method", "POST"),
        ("request_url", "http://127.0.0.1/voice"),
        ("sid", record.sid),
        ("uri", f"{V2010}/Accounts/{rest.account.sid}/Notifications/{record.sid}.json"),
    ]
    assert list(told.items()) == [
        *listed,
        ("request_variables", "Digits=1"),
        ("response_body", "<html/>"),
        ("response_headers", "Server=x"),
    ]
    [one] = (await rest("GET", f"{ACCOUNT}/Notifications.json")).json["notifications"]
    assert list(one.items()) == listed
    bare = await notification(rest, request_url="", request_method="")
    told = (await rest("GET", f"{ACCOUNT}/Notifications/{bare.sid}.json")).json
    assert (told["request_url"], told["request_method"]) == (None, None)


@pytest.mark.conforms("2008-08-01/6/notification-filters", "2008-08-01/5/Notifications")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {0, 1, 2}), ("Log=0", {0, 2}), ("Log=1", {1}), ("MessageDate=2024-02-29", {0, 1}),
        ("MessageDate>=2024-03-01", {2}), ("Log=0&MessageDate<=2024-02-29T23:00:00Z", {0}),
    ],
)  # fmt: skip
async def test_they_are_listed_by_log_and_date(rest: World, query: str, expected: set[int]) -> None:
    made = [
        await notification(rest),
        await notification(rest, log=LOG_WARNING),
        await notification(rest, message_date=NOW + timedelta(days=1)),
    ]
    told = (await rest("GET", f"{ACCOUNT}/Notifications.json", query=query)).json["notifications"]
    assert {one["sid"] for one in told} == {made[i].sid for i in expected}
    old = (await rest("GET", f"{OLD}/Notifications", query=query)).xml.find("Notifications")
    assert {one.findtext("Sid") for one in old} == {made[i].sid for i in expected}


@pytest.mark.conforms("2010-04-01/9/ListCallNotification", "2010-04-01/9/FetchCallNotification",
                      "2008-08-01/5/Calls-Recordings")  # fmt: skip
async def test_a_call_has_its_own(rest: World) -> None:
    call, other = await rest.new_call(), await rest.new_call()
    mine, theirs = await notification(rest, call_sid=call.sid), await notification(rest, call_sid=other.sid)
    path = f"{ACCOUNT}/Calls/{call.sid}/Notifications"
    assert [one["sid"] for one in (await rest("GET", f"{path}.json")).json["notifications"]] == [mine.sid]
    assert (await rest("GET", f"{path}/{mine.sid}.json")).json["call_sid"] == call.sid
    assert (await rest("GET", f"{path}/{theirs.sid}.json")).json["code"] == 20404
    assert (await rest("GET", f"{ACCOUNT}/Calls/CA{'0' * 32}/Notifications.json")).json["code"] == 20404
    old = (await rest("GET", f"{OLD}/Calls/{call.sid}/Notifications")).xml.find("Notifications")
    assert [one.findtext("Sid") for one in old] == [mine.sid]
    assert (await rest("GET", f"{OLD}/Calls/{call.sid}/Recordings")).xml.find("Recordings").get("total") == "0"


@pytest.mark.conforms("2008-08-01/6/notification-fields")
async def test_one_is_forgotten(rest: World) -> None:
    record = await notification(rest)
    told = (await rest("GET", f"{OLD}/Notifications/{record.sid}")).xml.find("Notification")
    assert [told.findtext(tag) for tag in ("Log", "ErrorCode", "MessageText", "RequestVariables", "ResponseBody")] == [
        "0", "11200", "No answer", "Digits=1", "<html/>",
    ]  # fmt: skip
    assert (await rest("DELETE", f"{ACCOUNT}/Notifications/{record.sid}.json")).status == 204
    assert (await rest("DELETE", f"{OLD}/Notifications/{record.sid}")).status == 404
