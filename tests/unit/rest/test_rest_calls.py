"""Calls: every field in its order, made, changed, deleted, listed with filters and pages (clause 9.2)."""

# Covers: rest/resources/calls.py rest/resources/caller.py rest/resources/common.py rest/paging.py rest/replies.py

from datetime import timedelta

import pytest
from rest_world import NOW, OURS, THEIRS, V2010, World

from ringback.model.status import CallStatus, Direction

CALLS = f"{V2010}/Accounts/{{A}}/Calls"
NEW = {"To": THEIRS, "From": OURS, "Url": "http://127.0.0.1:8000/voice"}


@pytest.mark.conforms("2010-04-01/8/null", "2010-04-01/8/dates", "2010-04-01/9/FetchCall")
async def test_every_field_of_a_call_in_its_order(rest: World) -> None:
    call = await rest.new_call(start_time=NOW, end_time=NOW + timedelta(seconds=61), phone_number_sid="PN" + "a" * 32)
    answer = await rest("GET", f"{CALLS}/{call.sid}.json")
    assert answer.status == 200
    uri = f"{V2010}/Accounts/{rest.account.sid}/Calls/{call.sid}"
    below = {
        "notifications": "Notifications", "recordings": "Recordings", "events": "Events", "payments": "Payments",
        "siprec": "Siprec", "streams": "Streams", "transcriptions": "Transcriptions",
        "user_defined_message_subscriptions": "UserDefinedMessageSubscriptions",
        "user_defined_messages": "UserDefinedMessages",
    }  # fmt: skip
    assert list(answer.json.items()) == [
        ("sid", call.sid),
        ("date_created", "Thu, 29 Feb 2024 12:30:15 +0000"),
        ("date_updated", "Thu, 29 Feb 2024 12:30:15 +0000"),
        ("parent_call_sid", None),
        ("account_sid", rest.account.sid),
        ("to", OURS),
        ("to_formatted", "(415) 555-0100"),
        ("from", THEIRS),
        ("from_formatted", "(415) 555-0199"),
        ("phone_number_sid", "PN" + "a" * 32),
        ("status", "completed"),
        ("start_time", "Thu, 29 Feb 2024 12:30:15 +0000"),
        ("end_time", "Thu, 29 Feb 2024 12:31:16 +0000"),
        ("duration", "61"),
        ("price", None),
        ("price_unit", None),
        ("direction", "inbound"),
        ("answered_by", None),
        ("api_version", "2010-04-01"),
        ("forwarded_from", None),
        ("group_sid", None),
        ("caller_name", None),
        ("queue_time", "0"),
        ("trunk_sid", None),
        ("uri", uri + ".json"),
        ("subresource_uris", {name: f"{uri}/{path}.json" for name, path in below.items()}),
    ]


async def test_without_a_suffix_a_call_is_xml(rest: World) -> None:
    call = await rest.new_call()
    answer = await rest("GET", f"{CALLS}/{call.sid}")
    element = answer.xml.find("Call")
    assert element.findtext("Sid") == call.sid
    assert element.findtext("Uri") == f"{V2010}/Accounts/{rest.account.sid}/Calls/{call.sid}"
    assert element.findtext("SubresourceUris/Recordings").endswith("/Recordings")
    assert [child.tag for child in element][:4] == ["Sid", "DateCreated", "DateUpdated", "ParentCallSid"]


async def test_a_call_is_queued_when_the_answer_comes(rest: World) -> None:
    number = await rest.new_number()
    answer = await rest("POST", f"{CALLS}.json", NEW)
    assert answer.status == 201
    assert (answer.json["status"], answer.json["direction"]) == ("queued", "outbound-api")
    assert answer.json["phone_number_sid"] == number.sid
    [(record, request)] = await rest.database.outgoing.waiting()
    assert record.sid == answer.json["sid"]
    assert (request.url, request.method, request.timeout) == (NEW["Url"], "POST", 60)


async def test_everything_that_can_be_said_about_a_call(rest: World) -> None:
    await rest.new_number()
    everything = {
        "To": "(415) 555-0199", "From": "4155550100", "Twiml": "<Response><Say>Hi</Say></Response>",
        "FallbackUrl": "http://127.0.0.1/fallback", "FallbackMethod": "GET",
        "StatusCallback": "http://127.0.0.1/status", "StatusCallbackMethod": "GET",
        "StatusCallbackEvent": ["initiated", "answered"], "Timeout": "20", "Record": "true",
        "RecordingChannels": "dual", "RecordingTrack": "inbound", "Trim": "do-not-trim",
        "RecordingStatusCallback": "http://127.0.0.1/recorded", "RecordingStatusCallbackMethod": "GET",
        "RecordingStatusCallbackEvent": "in-progress completed", "MachineDetection": "DetectMessageEnd",
        "MachineDetectionTimeout": "20", "MachineDetectionSpeechThreshold": "2000",
        "MachineDetectionSpeechEndThreshold": "900", "MachineDetectionSilenceTimeout": "4000", "AsyncAmd": "true",
        "AsyncAmdStatusCallback": "http://127.0.0.1/amd", "AsyncAmdStatusCallbackMethod": "GET",
        "TimeLimit": "600", "SipAuthUsername": "u", "SipAuthPassword": "p", "CallReason": "reminder",
    }  # fmt: skip
    assert (await rest("POST", f"{CALLS}.json", everything)).status == 201
    [(_, request)] = await rest.database.outgoing.waiting()
    assert request.to_json() == {
        "account_sid": rest.account.sid, "to": THEIRS, "from_": OURS, "api_version": "2010-04-01", "url": None,
        "method": "POST", "twiml": everything["Twiml"], "application_sid": None,
        "fallback_url": "http://127.0.0.1/fallback", "fallback_method": "GET",
        "status_callback": "http://127.0.0.1/status", "status_callback_method": "GET",
        "status_callback_events": ("initiated", "answered"), "send_digits": None, "timeout": 20, "time_limit": 600,
        "machine_detection": {
            "mode": "DetectMessageEnd", "timeout": 20, "speech_threshold": 2000, "speech_end_threshold": 900,
            "silence_timeout": 4000, "asynchronous": True, "status_callback": "http://127.0.0.1/amd",
            "status_callback_method": "GET", "hangup": False,
        },
        "record": {
            "channels": "dual", "track": "inbound", "trim": "do-not-trim",
            "status_callback": "http://127.0.0.1/recorded", "status_callback_method": "GET",
            "status_callback_events": ("in-progress", "completed"),
        },
        "caller_id": None, "phone_number_sid": request.phone_number_sid, "sip_auth_username": "u",
        "sip_auth_password": "p", "call_reason": "reminder", "validation": None, "validation_friendly_name": None,
    }  # fmt: skip


@pytest.mark.conforms("2010-04-01/8/error")
@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({"To": ""}, 21201),
        ({"From": ""}, 21213),
        ({"Url": ""}, 21205),
        ({"Url": "ftp://127.0.0.1/"}, 21205),
        ({"Url": "http:///nohost"}, 21205),
        ({"Method": "PATCH"}, 21209),
        ({"To": "nobody at all"}, 21211),
        ({"From": "nobody"}, 21212),
        ({"From": "+14155550101"}, 21210),
        ({"SendDigits": "1x"}, 21206),
        ({"Timeout": "0"}, 21208),
        ({"Timeout": "601"}, 21208),
        ({"Timeout": "soon"}, 21208),
        ({"Url": "", "Twiml": "x" * 4001}, 32018),
        ({"MachineDetection": "Maybe"}, 21234),
        ({"MachineDetection": "Enable", "MachineDetectionTimeout": "60"}, 21263),
        ({"MachineDetection": "Enable", "AsyncAmd": "true"}, 21262),
        ({"MachineDetection": "Enable", "SendDigits": "1"}, 21206),
        ({"ApplicationSid": "AP" + "0" * 32}, 21218),
        ({"ApplicationSid": "menu"}, 21218),
        ({"StatusCallbackEvent": "answered nonsense"}, 21626),
        ({"StatusCallback": "nowhere"}, 21609),
        ({"RecordingChannels": "quadro"}, 20422),
    ],
)
async def test_what_a_call_is_refused_for(rest: World, different: dict[str, str], code: int) -> None:
    await rest.new_number()
    answer = await rest("POST", f"{CALLS}.json", {**NEW, **different})
    assert (answer.status, answer.json["code"]) == (400, code)
    assert answer.json["status"] == 400
    assert answer.json["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert answer.json["message"]
    assert await rest.database.outgoing.waiting() == []


async def test_a_client_may_be_shown_any_caller(rest: World) -> None:
    for to in ("client:alice", "sip:bob@example.com"):
        assert (await rest("POST", f"{CALLS}.json", {**NEW, "To": to, "From": "+14155550777"})).status == 201


async def test_url_counts_where_both_are_given_and_the_account_is_told(rest: World) -> None:
    await rest.new_number()
    assert (await rest("POST", f"{CALLS}.json", {**NEW, "Twiml": "<Response/>"})).status == 201
    [(_, request)] = await rest.database.outgoing.waiting()
    assert (request.url, request.twiml) == (NEW["Url"], None)
    assert [notice.code for notice in rest.notices] == [32019]


async def test_a_call_is_redirected_ended_and_taken_back(rest: World) -> None:
    call = await rest.new_call(status=CallStatus.IN_PROGRESS, start_time=NOW)
    path = f"{CALLS}/{call.sid}.json"
    assert (await rest("POST", path, {"Url": "http://127.0.0.1/other", "Method": "GET"})).status == 200
    name, (sid, instructions) = rest.control.asked[0]
    assert (name, sid, instructions.url, instructions.method) == ("redirect", call.sid, "http://127.0.0.1/other", "GET")
    assert (await rest("POST", path, {"Status": "canceled"})).json["code"] == 21220
    assert (await rest("POST", path, {"Status": "completed"})).json["status"] == "completed"
    assert (await rest("POST", path, {"Status": "completed"})).json["code"] == 21220
    waiting = await rest.new_call(status=CallStatus.QUEUED, direction=Direction.OUTBOUND_API)
    assert (await rest("POST", f"{CALLS}/{waiting.sid}.json", {"Status": "canceled"})).json["status"] == "canceled"


async def test_only_a_call_that_is_over_is_deleted(rest: World) -> None:
    over, live = await rest.new_call(), await rest.new_call(status=CallStatus.IN_PROGRESS)
    answer = await rest("DELETE", f"{CALLS}/{over.sid}.json")
    assert (answer.status, answer.body) == (204, b"")
    assert (await rest("GET", f"{CALLS}/{over.sid}.json")).json["code"] == 20404
    assert (await rest("DELETE", f"{CALLS}/{live.sid}.json")).json["code"] == 20009


@pytest.mark.conforms("2010-04-01/8/page", "2010-04-01/8/paging")
async def test_pages_lead_to_each_other(rest: World) -> None:
    for second in range(5):
        await rest.new_call(date_created=NOW + timedelta(seconds=second))
    first = (await rest("GET", f"{CALLS}.json", query={"PageSize": 2, "To": OURS})).json
    assert list(first) == [
        "first_page_uri", "next_page_uri", "previous_page_uri", "uri", "page", "page_size", "start", "end", "calls",
    ]  # fmt: skip
    assert (first["page"], first["page_size"], first["start"], first["end"]) == (0, 2, 0, 1)
    assert first["previous_page_uri"] is None
    seen, uri = [call["sid"] for call in first["calls"]], first["next_page_uri"]
    await rest.new_call(date_created=NOW + timedelta(seconds=100))  # what comes meanwhile moves nothing
    while uri:
        path, _, query = uri.partition("?")
        page = (await rest("GET", path, query=query)).json
        seen += [call["sid"] for call in page["calls"]]
        uri = page["next_page_uri"]
    assert len(seen) == len(set(seen)) == 5
    assert "To=%2B14155550100" in first["next_page_uri"]
    assert (page["page"], page["start"], page["end"]) == (2, 4, 4)
    path, _, query = page["previous_page_uri"].partition("?")
    assert (await rest("GET", path, query=query)).status == 200


@pytest.mark.conforms("2010-04-01/8/inequality")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("StartTime=2024-02-29", [1, 2]),
        ("StartTime%3E=2024-02-29", [1, 2, 3]),
        ("StartTime<=2024-02-29", [0, 1, 2]),
        ("StartTime>=2024-02-29&StartTime<=2024-02-29", [1, 2]),
        ("StartTime>=2024-02-29T12:00:00Z", [2, 3]),
        ("StartTime<2024-02-29", [0]),
        ("Status=busy", [3]),
        ("Status=queued", []),
        ("From=4155550111", [0]),
        ("ParentCallSid=CA" + "f" * 32, [2]),
        ("To=&Status=", [0, 1, 2, 3]),
    ],
)
async def test_lists_have_what_the_filters_say(rest: World, query: str, expected: list[int]) -> None:
    starts = [NOW.replace(day=28), NOW.replace(hour=3), NOW.replace(hour=12, minute=0, second=0), None]
    starts[3] = NOW.replace(month=3, day=1)
    different = [{"from_": "+14155550111"}, {}, {"parent_call_sid": "CA" + "f" * 32}, {"status": CallStatus.BUSY}]
    made = [await rest.new_call(start_time=start, **more) for start, more in zip(starts, different, strict=True)]
    answer = await rest("GET", f"{CALLS}.json", query=query)
    assert {call["sid"] for call in answer.json["calls"]} == {made[i].sid for i in expected}


@pytest.mark.conforms("2010-04-01/8/paging")
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("PageSize=1001", 20007),
        ("PageSize=0", 20007),
        ("Page=-1", 20422),
        ("PageToken=nonsense", 21481),
        ("PageToken=PA!!!", 21481),
        ("PageToken=PAQEB4", 21481),
        ("Status=over", 20422),
        ("StartTime=yesterday", 20422),
        ("StartTime>=2024-13-01", 20422),
    ],
)
async def test_what_a_list_is_refused_for(rest: World, query: str, code: int) -> None:
    answer = await rest("GET", f"{CALLS}.json", query=query)
    assert (answer.status, answer.json["code"]) == (400, code)


@pytest.mark.conforms("2010-04-01/8/formats")
async def test_a_list_as_xml_and_csv(rest: World) -> None:
    call = await rest.new_call(caller_name='=cmd("x")')
    answer = (await rest("GET", CALLS)).xml.find("Calls")
    assert answer.get("page") == "0"
    assert answer.get("pagesize") == "50"
    assert [one.findtext("Sid") for one in answer] == [call.sid]
    table = (await rest("GET", f"{CALLS}.csv")).body.decode().split("\r\n")
    assert table[0].startswith("Sid,DateCreated,DateUpdated,ParentCallSid,AccountSid,To,")
    assert table[1].startswith(f'{call.sid},"Thu, 29 Feb 2024')
    assert "'=cmd" in table[1]  # a spreadsheet runs nothing that a caller has called himself
