"""The HTTP exchanges of a call, as its timeline has them (2010-04-01, clause 9.2)."""

from typing import Any

import pytest
from rest_world import NOW, V2010, World

from ringback.model import events
from ringback.model.records import CallEvent


def asked(call_sid: str, number: int, **parameters: Any) -> CallEvent:
    data = {"id": number, "method": "POST", "url": f"http://127.0.0.1/{number}", "parameters": parameters}
    return CallEvent(call_sid, NOW, events.WEBHOOK_REQUEST, data)


def answered(call_sid: str, number: int, **told: Any) -> CallEvent:
    return CallEvent(call_sid, NOW, events.WEBHOOK_RESPONSE, {"id": number, **told})


@pytest.mark.conforms("2010-04-01/9/ListCallEvent")
async def test_requests_are_told_with_their_answers_in_their_order(rest: World) -> None:
    call = await rest.new_call()
    await rest.database.events.append(
        [
            CallEvent(call.sid, NOW, events.STATUS, {"status": "ringing"}),
            asked(call.sid, 1, From="+14155550199", Digits=12),
            asked(call.sid, 2),
            answered(call.sid, 2, error="nobody is there"),
            answered(call.sid, 1, status=200, ms=12, content_type="text/xml", body="<Response/>"),
            answered(call.sid, 3, status=200),
        ]
    )
    told = (await rest("GET", f"{V2010}/Accounts/{{A}}/Calls/{call.sid}/Events.json")).json
    none = {"response_code": None, "request_duration": None, "content_type": None, "response_body": None}
    assert told["events"] == [
        {
            "request": {
                "method": "POST",
                "url": "http://127.0.0.1/1",
                "parameters": {"From": "+14155550199", "Digits": "12"},
            },
            "response": {
                "response_code": 200,
                "request_duration": 12,
                "content_type": "text/xml",
                "response_body": "<Response/>",
                "date_created": "Thu, 29 Feb 2024 12:30:15 +0000",
            },
        },
        {
            "request": {"method": "POST", "url": "http://127.0.0.1/2", "parameters": {}},
            "response": {**none, "date_created": "Thu, 29 Feb 2024 12:30:15 +0000"},
        },
    ]


async def test_what_is_not_answered_yet_has_an_empty_answer(rest: World) -> None:
    call = await rest.new_call()
    await rest.database.events.append([asked(call.sid, number) for number in range(3)])
    path = f"{V2010}/Accounts/{{A}}/Calls/{call.sid}/Events.json"
    page = (await rest("GET", path, query="PageSize=2")).json
    assert [one["request"]["url"][-1] for one in page["events"]] == ["0", "1"]
    assert set(page["events"][0]["response"].values()) == {None}
    _, _, query = page["next_page_uri"].partition("?")
    assert [one["request"]["url"][-1] for one in (await rest("GET", path, query=query)).json["events"]] == ["2"]


async def test_as_xml_the_parameters_are_elements(rest: World) -> None:
    call = await rest.new_call()
    await rest.database.events.append([asked(call.sid, 1, From="+14155550199"), answered(call.sid, 1, status=404)])
    event = (await rest("GET", f"{V2010}/Accounts/{{A}}/Calls/{call.sid}/Events")).xml.find("Events/Event")
    assert event.findtext("Request/Parameters/From") == "+14155550199"
    assert event.findtext("Response/ResponseCode") == "404"
    table = (await rest("GET", f"{V2010}/Accounts/{{A}}/Calls/{call.sid}/Events.csv")).body.decode()
    assert table.startswith("Request,Response\r\n")


async def test_the_calls_of_others_tell_nothing(rest: World) -> None:
    call = await rest.new_call(account_sid=(await rest.new_account()).sid)
    answer = await rest("GET", f"{V2010}/Accounts/{{A}}/Calls/{call.sid}/Events.json")
    assert (answer.status, answer.json["code"]) == (404, 20404)
