"""2008-08-01: the documented requests and answers, field by field and in their order (clauses 4 to 6)."""

# Covers: rest/versions/v2008_08_01.py rest/application.py rest/paging.py rest/render.py rest/replies.py

import json
from datetime import timedelta

import pytest
from lxml import etree
from rest_messages import FewMessages
from rest_world import NOW, OURS, THEIRS, V2008, World

from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.model.messages import MessageStatus
from ringback.model.notifications import LOG_ERROR, NotificationRecord
from ringback.model.provisioning import AvailableNumberRecord, CallerIdRecord
from ringback.model.recordings import (
    RecordingRecord,
    RecordingSource,
    RecordingStatus,
    TranscriptionRecord,
    TranscriptionStatus,
)
from ringback.model.status import ApiVersion, CallStatus, Direction

A = f"{V2008}/Accounts/{{A}}"
DATE = "Thu, 29 Feb 2024 12:30:15 +0000"


def fields(element: etree._Element) -> list[tuple[str, str | None]]:
    return [(child.tag, child.text) for child in element]


@pytest.mark.conforms("2008-08-01/5/Accounts")
async def test_an_account(rest: World) -> None:
    """Clause 6.1."""
    answer = await rest("GET", A)
    assert fields(answer.xml.find("Account")) == [
        ("Sid", rest.account.sid),
        ("FriendlyName", "Default"),
        ("Status", "2"),
        ("StatusText", "Active"),
        ("DateCreated", DATE),
        ("DateUpdated", DATE),
        ("AuthToken", rest.account.auth_token),
    ]
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert (await rest("GET", f"{V2008}/Accounts")).xml.find("Accounts").get("total") == "1"
    assert (await rest("PUT", A, {"FriendlyName": "Shop"})).xml.findtext("Account/FriendlyName") == "Shop"
    long = (await rest("POST", A, {"FriendlyName": "x" * 65})).xml.find("RestException")
    assert fields(long)[0] == ("Status", "400")
    assert long.findtext("Code") == "20002"
    assert (await rest("DELETE", A)).status == 405


@pytest.mark.conforms(
    "2008-08-01/6/make-call",
    "2008-08-01/5/Calls",
    "2008-08-01/6/make-call-Method",
    "2008-08-01/6/make-call-IfMachine",
    "2008-08-01/6/make-call-Timeout",
    "2008-08-01/6/call-fields",
    "2008-08-01/4/sids",
)
async def test_a_call_that_is_made(rest: World) -> None:
    """Clauses 6.2 and 6.4."""
    number = await rest.new_number()
    form = {"Caller": "4155550100", "Called": "(415) 555-0199", "Url": "http://127.0.0.1/", "IfMachine": "continue"}
    answer = await rest("POST", f"{A}/Calls", form)
    assert answer.status == 201
    element = answer.xml.find("Call")
    sid = element.findtext("Sid")
    assert answer.headers["location"] == f"http://127.0.0.1:8080{V2008}/Accounts/{rest.account.sid}/Calls/{sid}"
    assert fields(element) == [
        ("Sid", sid),
        ("DateCreated", DATE),
        ("DateUpdated", DATE),
        ("CallSegmentSid", None),
        ("AccountSid", rest.account.sid),
        ("Called", "4155550199"),
        ("Caller", "4155550100"),
        ("PhoneNumberSid", number.sid),
        ("Status", "0"),
        ("StartTime", None),
        ("EndTime", None),
        ("Duration", None),
        ("Price", None),
        ("Flags", "2"),
        ("Annotation", None),
    ]
    await rest("POST", f"{A}/Calls", {**form, "Timeout": "999", "Method": "GET", "IfMachine": "Hangup"})
    [(_, request), (_, other)] = await rest.database.outgoing.waiting()
    assert (other.timeout, other.method) == (999, "GET")
    assert other.machine_detection is not None
    assert other.machine_detection.hangup
    assert (request.api_version, request.timeout, request.method) == (ApiVersion.V2008, 60, "POST")
    assert request.machine_detection is not None
    assert not request.machine_detection.hangup


@pytest.mark.conforms(
    "2008-08-01/4/exceptions",
    "2008-08-01/6/make-call-Timeout",
)
@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({"Called": ""}, 21201), ({"Caller": ""}, 21213), ({"Url": ""}, 21205), ({"Url": "nowhere"}, 21205),
        ({"SendDigits": "A"}, 21206), ({"IfMachine": "Wait"}, 21207), ({"Timeout": "1000"}, 21208),
        ({"Method": "PUT"}, 21209), ({"Caller": "4155550101"}, 21210), ({"Called": "nobody"}, 21211),
    ],
)  # fmt: skip
async def test_what_a_call_is_refused_for(rest: World, different: dict[str, str], code: int) -> None:
    await rest.new_number()
    form = {"Caller": "4155550100", "Called": "4155550199", "Url": "http://127.0.0.1/"}
    error = (await rest("POST", f"{A}/Calls", {**form, **different})).xml.find("RestException")
    assert [child.tag for child in error] == ["Status", "Message", "Code", "MoreInfo"]
    assert error.findtext("Code") == str(code)
    assert error.findtext("MoreInfo") == f"http://www.twilio.com/docs/errors/{code}"


@pytest.mark.conforms(
    "2008-08-01/6/call-fields",
)
@pytest.mark.parametrize(
    ("status", "direction", "number"),
    [
        (CallStatus.QUEUED, Direction.OUTBOUND_API, 0), (CallStatus.RINGING, Direction.OUTBOUND_API, 0),
        (CallStatus.RINGING, Direction.INBOUND, 1), (CallStatus.IN_PROGRESS, Direction.INBOUND, 1),
        (CallStatus.COMPLETED, Direction.INBOUND, 2), (CallStatus.BUSY, Direction.OUTBOUND_API, 3),
        (CallStatus.FAILED, Direction.INBOUND, 4), (CallStatus.NO_ANSWER, Direction.OUTBOUND_API, 5),
        (CallStatus.CANCELED, Direction.OUTBOUND_API, 5),
    ],
)  # fmt: skip
async def test_a_status_is_a_number(rest: World, status: CallStatus, direction: Direction, number: int) -> None:
    call = await rest.new_call(status=status, direction=direction, start_time=NOW, end_time=NOW + timedelta(seconds=9))
    element = (await rest("GET", f"{A}/Calls/{call.sid}")).xml.find("Call")
    assert element.findtext("Status") == str(number)
    assert element.findtext("Duration") == ("9" if number == 2 else "")


@pytest.mark.conforms(
    "2008-08-01/6/redirect-call",
    "2008-08-01/4/method-override",
    "2008-08-01/4/put",
)
async def test_a_live_call_is_redirected(rest: World) -> None:
    """Clause 6.3: CurrentUrl and CurrentMethod, by POST, PUT or `_method`."""
    call = await rest.new_call(status=CallStatus.IN_PROGRESS)
    form = {"CurrentUrl": "http://127.0.0.1/other", "CurrentMethod": "GET"}
    for method, query in (("POST", ""), ("PUT", ""), ("POST", "_method=PUT")):
        answer = await rest(method, f"{A}/Calls/{call.sid}", form, query=query)
        assert answer.xml.findtext("Call/Status") == "1"
    instructions = [arguments[1] for name, arguments in rest.control.asked if name == "redirect"]
    assert [(one.url, one.method) for one in instructions] == [("http://127.0.0.1/other", "GET")] * 3
    over = await rest.new_call()
    assert (await rest("POST", f"{A}/Calls/{over.sid}", form)).xml.findtext("RestException/Code") == "21220"
    assert (await rest("DELETE", f"{A}/Calls/{over.sid}")).status == 405


@pytest.mark.conforms("2008-08-01/5/Segments")
async def test_segments_share_the_sid_of_their_call(rest: World) -> None:
    """Clause 6.4: what Dial makes is a segment; API call and Dial segment are flags 6."""
    call = await rest.new_call(direction=Direction.OUTBOUND_API)
    below = await rest.new_call(direction=Direction.OUTBOUND_DIAL, parent_call_sid=call.sid)
    page = (await rest("GET", f"{A}/Calls/{call.sid}/Segments")).xml.find("Calls")
    assert [(one.findtext("Sid"), one.findtext("CallSegmentSid"), one.findtext("Flags")) for one in page] == [
        (call.sid, "", "2"),
        (call.sid, below.sid, "6"),
    ]
    one = (await rest("GET", f"{A}/Calls/{call.sid}/Segments/{below.sid}")).xml.find("Call")
    assert (one.findtext("Sid"), one.findtext("CallSegmentSid")) == (call.sid, below.sid)
    assert (await rest("GET", f"{A}/Calls/{call.sid}/Segments/CA{'0' * 32}")).status == 404
    assert (await rest("GET", f"{A}/Calls")).xml.find("Calls").get("total") == "1"


@pytest.mark.conforms(
    "2008-08-01/4/paging",
    "2008-08-01/9/page",
)
async def test_a_page_says_where_it_is(rest: World) -> None:
    """Clause 4.3: attributes, `num` and `page`; what changed last comes first."""
    calls = [await rest.new_call(date_created=NOW + timedelta(seconds=i), start_time=NOW) for i in range(5)]
    await rest.database.calls.update(calls[0].sid, annotation="x", date_updated=NOW + timedelta(hours=1))
    page = (await rest("GET", f"{A}/Calls", query="num=2&page=1&Called=4155550100")).xml.find("Calls")
    path = f"{V2008}/Accounts/{rest.account.sid}/Calls?Called=4155550100&num=2&page="
    assert dict(page.attrib) == {
        "page": "1", "numpages": "3", "pagesize": "2", "total": "5", "start": "2", "end": "3", "uri": path + "1",
        "firstpageuri": path + "0", "nextpageuri": path + "2", "previouspageuri": path + "0", "lastpageuri": path + "2",
    }  # fmt: skip
    first = (await rest("GET", f"{A}/Calls", query="num=1")).xml.find("Calls")
    assert first[0].findtext("Sid") == calls[0].sid
    assert first.get("pagesize") == "1"
    assert (await rest("GET", f"{A}/Calls")).xml.find("Calls").get("pagesize") == "50"
    assert (await rest("GET", f"{A}/Calls", query="num=1000")).xml.find("Calls").get("pagesize") == "1000"
    too_large = await rest("GET", f"{A}/Calls", query="num=1001")
    assert too_large.xml.findtext("RestException/Code") == "20007"


@pytest.mark.conforms(
    "2008-08-01/4/date-filters",
    "2008-08-01/6/call-filters",
)
@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("StartTime=2024-02-29", 1), ("StartTime<=2024-02-29", 1), ("StartTime>=2024-02-29", 2),
        ("StartTime<=2024-03-01&StartTime>=2024-02-29", 2), ("StartTime<2024-03-01", 2), ("Status=2", 3),
        ("Status=1", 0), ("Caller=%2B14155550199", 3), ("Caller=4155550000", 0),
    ],
)  # fmt: skip
async def test_filters(rest: World, query: str, count: int) -> None:
    """A day in a condition is its midnight."""
    for start in (NOW - timedelta(days=1), NOW, NOW.replace(month=3, day=1, hour=0, minute=0, second=0)):
        await rest.new_call(start_time=start, end_time=start)
    assert (await rest("GET", f"{A}/Calls", query=query)).xml.find("Calls").get("total") == str(count)


@pytest.mark.conforms(
    "2008-08-01/4/json-shape",
    "2008-08-01/4/csv",
    "2008-08-01/4/html",
    "2008-08-01/4/xml",
)
async def test_other_formats(rest: World) -> None:
    """Clause 4.4."""
    call = await rest.new_call()
    for suffix in ("", ".xml"):
        assert (await rest("GET", f"{A}/Calls{suffix}")).xml.findtext("Calls/Call/Sid") == call.sid
    told = json.loads((await rest("GET", f"{A}/Calls.json")).body)["TwilioResponse"]
    assert told["Calls"][0]["Call"]["Sid"] == call.sid
    assert told["Calls"][0]["Call"]["Status"] == "2"
    assert told["Calls"][0]["Call"]["Annotation"] is None
    assert told["total"] == "1"
    single = json.loads((await rest("GET", f"{A}/Calls/{call.sid}.json")).body)
    assert list(single["TwilioResponse"]["Call"])[-2:] == ["Flags", "Annotation"]
    table = (await rest("GET", f"{A}/Calls.csv")).body.decode().splitlines()
    assert table[0].endswith("Duration,Price,Flags,Annotation")
    html = (await rest("GET", f"{A}/Calls/{call.sid}.html")).body.decode()
    assert "<title>200</title>" in html
    assert f'<body class="twilio-response"><div class="call"><div class="sid">{call.sid}</div>' in html
    assert '<div class="account-sid">' in html
    missing = await rest("GET", f"{A}/Calls/CA{'0' * 32}.html")
    assert (missing.status, b"<title>404</title>" in missing.body) == (404, True)
    error = json.loads((await rest("GET", f"{A}/Calls/CA{'0' * 32}.json")).body)["TwilioResponse"]["RestException"]
    assert list(error) == ["Status", "Message"]


async def test_numbers(rest: World) -> None:
    """Clause 6.5."""
    number = await rest.new_number(sms_url="http://127.0.0.1/sms")
    path = f"{A}/IncomingPhoneNumbers/{number.sid}"
    assert fields((await rest("GET", path)).xml.find("IncomingPhoneNumber")) == [
        ("Sid", number.sid),
        ("AccountSid", rest.account.sid),
        ("FriendlyName", "Front door"),
        ("PhoneNumber", "4155550100"),
        ("Url", "http://127.0.0.1:8000/"),
        ("Method", "POST"),
        ("SmsUrl", "http://127.0.0.1/sms"),
        ("SmsMethod", "POST"),
        ("VoiceFallbackUrl", None),
        ("VoiceFallbackMethod", "POST"),
        ("SmsFallbackUrl", None),
        ("SmsFallbackMethod", "POST"),
        ("VoiceCallerIdLookup", "false"),
        ("DateCreated", DATE),
        ("DateUpdated", DATE),
    ]
    changed = await rest("PUT", path, {"Url": "http://127.0.0.1/new", "Method": "GET", "FriendlyName": "Back door"})
    element = changed.xml.find("IncomingPhoneNumber")
    assert [element.findtext(tag) for tag in ("Url", "Method", "FriendlyName")] == [
        "http://127.0.0.1/new", "GET", "Back door",
    ]  # fmt: skip
    found = await rest("GET", f"{A}/IncomingPhoneNumbers", query="PhoneNumber=4155550100")
    assert found.xml.find("IncomingPhoneNumbers").get("total") == "1"
    await rest.database.available_numbers.offer([AvailableNumberRecord("+12125550177", "US", "local", NOW)])
    bought = await rest("POST", f"{A}/IncomingPhoneNumbers/Local", {"AreaCode": "212", "Url": "http://127.0.0.1/"})
    assert bought.xml.findtext("IncomingPhoneNumber/PhoneNumber") == "2125550177"
    none = await rest("POST", f"{A}/IncomingPhoneNumbers/TollFree", {})
    assert none.xml.findtext("RestException/Code") == "21452"
    assert (await rest("POST", path, query="_method=DELETE")).status == 204
    assert (await rest("GET", path)).status == 404


async def test_caller_ids(rest: World) -> None:
    """Clause 6.6."""
    asked = await rest("POST", f"{A}/OutgoingCallerIds", {"PhoneNumber": "415 555 0199"})
    element = asked.xml.find("ValidationRequest")
    assert [child.tag for child in element] == ["AccountSid", "PhoneNumber", "FriendlyName", "ValidationCode"]
    assert element.findtext("FriendlyName") == "(415) 555-0199"
    late = await rest("POST", f"{A}/OutgoingCallerIds", {"PhoneNumber": THEIRS, "CallDelay": "61"})
    assert late.xml.findtext("RestException/Code") == "21454"
    record = CallerIdRecord(rest.sid("PN"), rest.account.sid, THEIRS, "Me", NOW)
    await rest.database.caller_ids.create(record)
    one = (await rest("GET", f"{A}/OutgoingCallerIds/{record.sid}")).xml.find("OutgoingCallerId")
    assert fields(one)[2:4] == [("FriendlyName", "Me"), ("PhoneNumber", "4155550199")]
    assert (await rest("DELETE", f"{A}/OutgoingCallerIds/{record.sid}")).status == 204


async def test_recordings_and_transcriptions(rest: World) -> None:
    """Clauses 6.7 and 6.8: audio for everybody, dates of transcriptions as epoch seconds."""
    record = RecordingRecord(
        rest.sid("RE"), rest.account.sid, "CA" + "1" * 32, RecordingStatus.COMPLETED, RecordingSource.RECORD_VERB,
        ApiVersion.V2008, NOW, duration=7.4,
    )  # fmt: skip
    await rest.database.recordings.create(record)
    path = f"{A}/Recordings/{record.sid}"
    assert fields((await rest("GET", path + ".xml", auth=None)).xml.find("Recording")) == [
        ("Sid", record.sid), ("AccountSid", rest.account.sid), ("CallSid", "CA" + "1" * 32), ("Duration", "7"),
        ("DateCreated", DATE), ("DateUpdated", DATE),
    ]  # fmt: skip
    assert (await rest("GET", f"{A}/Recordings", auth=None)).status == 401
    assert (await rest("DELETE", path, auth=None)).status == 401
    assert (await rest("GET", path, auth=None)).status == 404  # there is no audio
    text = TranscriptionRecord(
        rest.sid("TR"), rest.account.sid, record.sid, TranscriptionStatus.COMPLETED, ApiVersion.V2008, NOW, "hi", 7.4
    )
    await rest.database.transcriptions.create(text)
    element = (await rest("GET", f"{path}/Transcriptions/{text.sid}")).xml.find("Transcription")
    assert fields(element) == [
        ("Sid", text.sid), ("DateCreated", "1709209815"), ("DateUpdated", "1709209815"),
        ("AccountSid", rest.account.sid), ("Status", "completed"), ("RecordingSid", record.sid), ("Duration", "7"),
        ("TranscriptionText", "hi"), ("Price", None),
    ]  # fmt: skip
    assert (await rest("GET", f"{A}/Transcriptions/{text.sid}.txt")).body == b"hi"
    assert (await rest("DELETE", path)).status == 204


async def test_notifications(rest: World) -> None:
    """Clause 6.9: the list has fewer fields, and in another order."""
    record = NotificationRecord(
        rest.sid("NO"), rest.account.sid, None, LOG_ERROR, 11200, "No answer", NOW, "http://127.0.0.1/", "POST", "A=1",
        "B=2", "<html/>", ApiVersion.V2008, NOW,
    )  # fmt: skip
    await rest.database.notifications.create(record)
    [listed] = (await rest("GET", f"{A}/Notifications", query="Log=0&MessageDate<2024-03-01")).xml.find("Notifications")
    assert [child.tag for child in listed] == [
        "Sid", "DateCreated", "DateUpdated", "AccountSid", "CallSid", "Log", "ErrorCode", "MoreInfo", "RequestURL",
        "RequestMethod", "MessageText", "MessageDate",
    ]  # fmt: skip
    one = (await rest("GET", f"{A}/Notifications/{record.sid}")).xml.find("Notification")
    assert fields(one)[4:] == [
        ("CallSid", None), ("Log", "0"), ("ErrorCode", "11200"),
        ("MoreInfo", "http://www.twilio.com/docs/errors/11200"), ("MessageText", "No answer"), ("MessageDate", DATE),
        ("RequestURL", "http://127.0.0.1/"), ("RequestMethod", "POST"), ("RequestVariables", "A=1"),
        ("ResponseHeaders", "B=2"), ("ResponseBody", "<html/>"),
    ]  # fmt: skip
    assert (await rest("DELETE", f"{A}/Notifications/{record.sid}")).status == 204


@pytest.mark.conforms(
    "2008-08-01/9/sms",
    "2008-08-01/5/SMS-Messages",
)
async def test_messages(rest: World) -> None:
    """Clause 6.10."""
    rest.services.messages = FewMessages(rest)  # type: ignore[assignment]
    sent = await rest("POST", f"{A}/SMS/Messages", {"From": OURS, "To": THEIRS, "Body": "Hi"})
    element = sent.xml.find("SMSMessage")
    assert fields(element)[3:] == [
        ("DateSent", DATE), ("AccountSid", rest.account.sid), ("To", "4155550199"), ("From", "4155550100"),
        ("Body", "Hi"), ("Status", "queued"), ("Flags", "4"),
    ]  # fmt: skip
    assert (await rest("GET", f"{A}/SMS/Messages")).xml.find("SMSMessages").get("total") == "1"
    assert (await rest("GET", f"{A}/SMS/Messages/{element.findtext('Sid')}")).status == 200
    for form, code in (
        ({"To": THEIRS, "Body": "x"}, 21603), ({"From": OURS, "Body": "x"}, 21604),
        ({"From": OURS, "To": THEIRS}, 21602),
        ({"From": OURS, "To": THEIRS, "Body": "x" * 161}, 21605),
        ({"From": OURS, "To": THEIRS, "Body": "x", "StatusCallback": "nowhere"}, 21609),
    ):  # fmt: skip
        error = await rest("POST", f"{A}/SMS/Messages", form)
        assert error.xml.findtext("RestException/Code") == str(code)


@pytest.mark.conforms("2008-08-01/3.2/status")
async def test_the_statuses_of_messages_are_those_of_the_time(rest: World) -> None:
    messages = FewMessages(rest)
    rest.services.messages = messages  # type: ignore[assignment]
    sent = await rest("POST", f"{A}/SMS/Messages", {"From": OURS, "To": THEIRS, "Body": "Hi"})
    sid = sent.xml.findtext("SMSMessage/Sid")
    for status, shown in (
        (MessageStatus.QUEUED, "queued"), (MessageStatus.SENDING, "sending"), (MessageStatus.SENT, "sent"),
        (MessageStatus.DELIVERED, "sent"), (MessageStatus.FAILED, "failed"), (MessageStatus.UNDELIVERED, "failed"),
        (MessageStatus.RECEIVED, "received"),
    ):  # fmt: skip
        messages.moves(sid, status)
        assert (await rest("GET", f"{A}/SMS/Messages/{sid}")).xml.findtext("SMSMessage/Status") == shown


async def test_conferences(rest: World) -> None:
    """Clause 6.12."""
    conference = ConferenceRecord(
        rest.sid("CF"), rest.account.sid, "Room", ConferenceStatus.IN_PROGRESS, ApiVersion.V2008, NOW
    )
    await rest.database.conferences.create(conference)
    call = await rest.new_call(status=CallStatus.IN_PROGRESS)
    person = ParticipantRecord(conference.sid, call.sid, rest.account.sid, ParticipantStatus.CONNECTED, NOW)
    await rest.database.participants.create(person)
    page = (await rest("GET", f"{A}/Conferences", query="Status=1")).xml.find("Conferences")
    assert fields(page[0])[2:4] == [("FriendlyName", "Room"), ("Status", "1")]
    people = f"{A}/Conferences/{conference.sid}/Participants"
    assert fields((await rest("GET", people)).xml.find("Participants")[0]) == [
        ("ConferenceSid", conference.sid), ("AccountSid", rest.account.sid), ("CallSid", call.sid),
        ("Muted", "false"), ("StartConferenceOnEnter", "true"), ("EndConferenceOnExit", "false"),
        ("DateCreated", DATE), ("DateUpdated", DATE),
    ]  # fmt: skip
    for given, muted in (("true", "true"), ("0", "false"), ("1", "true"), ("nonsense", "false")):
        answer = await rest("POST", f"{people}/{call.sid}", {"Muted": given})
        assert answer.xml.findtext("Participant/Muted") == muted
    assert (await rest("DELETE", f"{people}/{call.sid}")).status == 204
    assert (await rest("GET", f"{people}/{call.sid}")).status == 404


@pytest.mark.conforms("2008-08-01/4/unknown-parameter")
async def test_what_nobody_knows_is_told_to_the_account(rest: World) -> None:
    assert (await rest("GET", f"{A}/Calls", query="Colour=red")).status == 200
    assert [(notice.code, notice.api_version) for notice in rest.notices] == [(20001, ApiVersion.V2008)]


@pytest.mark.conforms("2008-08-01/5/Calls-Recordings")
async def test_a_call_has_its_recordings(rest: World) -> None:
    call = await rest.new_call()
    for call_sid in (call.sid, "CA" + "1" * 32):
        await rest.database.recordings.create(
            RecordingRecord(
                rest.sid("RE"), rest.account.sid, call_sid, RecordingStatus.COMPLETED, RecordingSource.RECORD_VERB,
                ApiVersion.V2008, NOW,
            )
        )  # fmt: skip
    [one] = (await rest("GET", f"{A}/Calls/{call.sid}/Recordings")).xml.find("Recordings")
    assert one.findtext("CallSid") == call.sid


async def test_what_is_not_there(rest: World) -> None:
    for path in ("Sandbox", "Calls/nonsense", "Nonsense", f"Recordings/RE{'0' * 32}"):
        error = (await rest("GET", f"{A}/{path}")).xml.find("RestException")
        assert fields(error)[0] == ("Status", "404")
    assert (await rest("GET", f"{A}/Calls.wav")).status == 404
    for method in ("POST", "PUT"):
        assert (await rest(method, f"{A}/Sandbox", {"SmsUrl": "http://127.0.0.1/"})).status == 404
