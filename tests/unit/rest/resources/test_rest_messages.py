"""Messages and their media (2010-04-01, clause 9.6; 2008-08-01, clause 6.10)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rest_messages import FewMessages
from rest_world import NOW, OURS, THEIRS, V2008, V2010, World

from ringback.messaging.port import Draft, MessageRefused
from ringback.model.messages import MediaRecord, MessageDirection, MessageRecord, MessageStatus
from ringback.model.provisioning import ApplicationRecord

MESSAGES = f"{V2010}/Accounts/{{A}}/Messages"
OLD = f"{V2008}/Accounts/{{A}}/SMS/Messages"
NEW = {"To": THEIRS, "From": OURS, "Body": "Hello"}
DATE = "Thu, 29 Feb 2024 12:30:15 +0000"


class Told(FewMessages):
    """Messages that remember how they were asked for, take back those that are scheduled, and say no to one text."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.drafts: list[Draft] = []

    async def send(self, draft: Draft) -> MessageRecord:
        if draft.body == "spam":
            raise MessageRefused(21610, "The recipient has unsubscribed", 400)
        self.drafts.append(draft)
        record = await super().send(draft)
        if draft.send_at is not None:
            self._kept[record.sid] = record = replace(record, status=MessageStatus.SCHEDULED, date_sent=None)
        return record

    async def cancel(self, sid: str, account_sid: str | None = None) -> MessageRecord:
        record = await self.get(sid, account_sid)
        if record.status is not MessageStatus.SCHEDULED:
            return await super().cancel(sid, account_sid)
        self._kept[sid] = replace(record, status=MessageStatus.CANCELED)
        return self._kept[sid]

    async def media(self, message_sid: str, account_sid: str | None = None) -> Sequence[MediaRecord]:
        found = await super().media(message_sid, account_sid)
        return [replace(one, date_created=NOW + timedelta(seconds=place)) for place, one in enumerate(found)]


@pytest.fixture
async def told(rest: World) -> AsyncIterator[Told]:
    messages = Told(rest)
    rest.services.messages = messages  # type: ignore[assignment]
    yield messages


@pytest.mark.conforms("2010-04-01/9/CreateMessage", "2010-04-01/9/FetchMessage")
async def test_every_field_of_a_message_in_its_order(rest: World, told: Told) -> None:
    made = await rest("POST", f"{MESSAGES}.json", NEW)
    assert made.status == 201
    sid = made.json["sid"]
    base = f"{V2010}/Accounts/{rest.account.sid}/Messages/{sid}"
    assert (await rest("GET", f"{MESSAGES}/{sid}.json")).json == made.json
    assert list(made.json.items()) == [
        ("body", "Hello"),
        ("num_segments", "1"),
        ("direction", "outbound-api"),
        ("from", OURS),
        ("to", THEIRS),
        ("date_updated", DATE),
        ("price", None),
        ("error_message", None),
        ("uri", f"{base}.json"),
        ("account_sid", rest.account.sid),
        ("num_media", "0"),
        ("status", "queued"),
        ("messaging_service_sid", None),
        ("sid", sid),
        ("date_sent", DATE),
        ("date_created", DATE),
        ("error_code", None),
        ("price_unit", "USD"),
        ("api_version", "2010-04-01"),
        ("subresource_uris", {"media": f"{base}/Media.json"}),
    ]
    assert told.drafts == [Draft(rest.account.sid, THEIRS, OURS, "Hello")]


async def test_everything_that_can_be_said_about_a_message(rest: World, told: Told) -> None:
    form = {
        **NEW, "MediaUrl": ["http://127.0.0.1/a", "http://127.0.0.1/b"], "StatusCallback": "http://127.0.0.1/told",
        "ValidityPeriod": "60", "SmartEncoded": "true", "ScheduleType": "fixed", "SendAt": "2024-03-01T10:00:00+01:00",
        "MessagingServiceSid": "MG" + "1" * 32, "ProvideFeedback": "true", "Attempt": "1", "MaxPrice": "0.1",
    }  # fmt: skip
    made = (await rest("POST", f"{MESSAGES}.json", form)).json
    assert (made["status"], made["date_sent"], made["num_media"]) == ("scheduled", None, "2")
    [draft] = told.drafts
    assert draft.media_urls == ("http://127.0.0.1/a", "http://127.0.0.1/b")
    assert (draft.status_callback, draft.validity_period, draft.smart_encoded) == ("http://127.0.0.1/told", 60, True)
    assert draft.send_at == NOW.replace(month=3, day=1, hour=9, minute=0, second=0)
    assert draft.messaging_service_sid == "MG" + "1" * 32
    assert rest.notices == []


@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({"To": ""}, 21604), ({"From": ""}, 21603), ({"Body": "x" * 1601}, 21617), ({"MediaUrl": "nowhere"}, 21620),
        ({"StatusCallback": "nowhere"}, 21609), ({"ValidityPeriod": "36001"}, 21624),
        ({"MessagingServiceSid": "mine"}, 21701), ({"ApplicationSid": "AP" + "0" * 32}, 21218),
        ({"ScheduleType": "fixed"}, 20422), ({"ScheduleType": "fixed", "SendAt": "soon"}, 20422),
        ({"Body": "spam"}, 21610),
    ],
)  # fmt: skip
@pytest.mark.conforms("2010-04-01/15/21701")
async def test_what_a_message_is_refused_for(rest: World, told: Told, different: dict[str, str], code: int) -> None:
    answer = await rest("POST", f"{MESSAGES}.json", {**NEW, **different})
    assert (answer.status, answer.json["code"]) == (400, code)
    assert told.drafts == []


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ({"message_status_callback": "http://127.0.0.1/m", "sms_status_callback": "http://127.0.0.1/s"}, "m"),
        ({"sms_status_callback": "http://127.0.0.1/s"}, "s"),
        ({}, "own"),
    ],
)
async def test_an_application_hears_what_becomes_of_its_messages(
    rest: World, told: Told, urls: dict[str, str], expected: str
) -> None:
    application = ApplicationRecord(rest.sid("AP"), rest.account.sid, "Shop", NOW, **urls)  # type: ignore[arg-type]
    await rest.database.applications.create(application)
    form = {**NEW, "ApplicationSid": application.sid, "StatusCallback": "http://127.0.0.1/own"}
    assert (await rest("POST", f"{MESSAGES}.json", form)).status == 201
    assert told.drafts[0].status_callback == f"http://127.0.0.1/{expected}"


@pytest.mark.conforms("2010-04-01/9/ListMessage", "2010-04-01/8/inequality")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [0, 1, 2]), ("To=4155550111", [1]), ("From=%2B14155550100", [0, 1, 2]), ("DateSent=2024-02-29", [0, 1]),
        ("DateSent<=2024-02-29", [0, 1]), ("DateSent>=2024-03-01", [2]), ("DateSent>2024-02-29", [2]),
        ("DateSent<2024-02-29", []), ("DateSent>=2024-02-29&DateSent<=2024-02-29", [0, 1]),
    ],
)  # fmt: skip
async def test_messages_are_listed_by_their_ends_and_date(
    rest: World, told: Told, query: str, expected: list[int]
) -> None:
    made = []
    for to, seconds in ((THEIRS, 0), ("+14155550111", 0), (THEIRS, 86_400)):
        rest.clock.passed = seconds
        made.append((await rest("POST", f"{MESSAGES}.json", {**NEW, "To": to})).json["sid"])
    page = (await rest("GET", f"{MESSAGES}.json", query=query)).json
    assert {one["sid"] for one in page["messages"]} == {made[i] for i in expected}
    assert page["next_page_uri"] is None


async def test_the_pages_of_messages_lead_to_each_other(rest: World, told: Told) -> None:
    made = [(await rest("POST", f"{MESSAGES}.json", NEW)).json["sid"] for _ in range(3)]
    page = (await rest("GET", f"{MESSAGES}.json", query="PageSize=2")).json
    path, _, query = page["next_page_uri"].partition("?")
    following = (await rest("GET", path, query=query)).json
    assert [one["sid"] for one in page["messages"] + following["messages"]] == made
    assert (following["page"], following["start"], following["next_page_uri"]) == (1, 2, None)


@pytest.mark.conforms("2010-04-01/9/UpdateMessage", "2010-04-01/9/DeleteMessage")
async def test_a_message_is_taken_back_emptied_and_forgotten(rest: World, told: Told) -> None:
    later = {**NEW, "ScheduleType": "fixed", "SendAt": "2024-03-01T10:00:00Z"}
    scheduled = (await rest("POST", f"{MESSAGES}.json", later)).json["sid"]
    sent = (await rest("POST", f"{MESSAGES}.json", NEW)).json["sid"]
    cancel = {"Status": "canceled"}
    assert (await rest("POST", f"{MESSAGES}/{scheduled}.json", cancel)).json["status"] == "canceled"
    answer = await rest("POST", f"{MESSAGES}/{sent}.json", cancel)
    assert (answer.status, answer.json["code"]) == (409, 20409)
    assert (await rest("POST", f"{MESSAGES}/{sent}.json", {"Body": "other"})).json["code"] == 20422
    assert (await rest("POST", f"{MESSAGES}/{sent}.json")).json["body"] == "Hello"
    assert (await rest("POST", f"{MESSAGES}/{sent}.json", {"Body": ""})).json["body"] == ""
    assert (await rest("DELETE", f"{MESSAGES}/{sent}.json")).status == 204
    for method in ("GET", "POST", "DELETE"):
        assert (await rest(method, f"{MESSAGES}/{sent}.json")).json["code"] == 20404


@pytest.mark.conforms("2010-04-01/9/ListMedia", "2010-04-01/9/FetchMedia", "2010-04-01/9/DeleteMedia")
async def test_media_are_told_given_and_forgotten(rest: World, told: Told) -> None:
    urls = {"MediaUrl": [f"http://127.0.0.1/{place}" for place in range(3)]}
    message = (await rest("POST", f"{MESSAGES}.json", {**NEW, **urls})).json["sid"]
    path = f"{MESSAGES}/{message}/Media"
    page = (await rest("GET", f"{path}.json", query="PageSize=2")).json
    first, second = page["media_list"]
    assert list(first.items()) == [
        ("sid", first["sid"]),
        ("account_sid", rest.account.sid),
        ("parent_sid", message),
        ("content_type", "text/plain"),
        ("date_created", DATE),
        ("date_updated", DATE),
        ("uri", f"{V2010}/Accounts/{rest.account.sid}/Messages/{message}/Media/{first['sid']}.json"),
    ]
    for query, count in (
        ("DateCreated<=2024-02-28", 0), ("DateCreated=2024-02-29", 3), ("DateCreated>=2024-02-29T12:30:16Z", 2),
    ):  # fmt: skip
        assert len((await rest("GET", f"{path}.json", query=query)).json["media_list"]) == count
    assert (await rest("GET", f"{path}/{first['sid']}.json")).json == first
    content = await rest("GET", f"{path}/{first['sid']}")
    assert (content.headers["content-type"], content.body) == ("text/plain", b"file")
    # A browser neither shows nor guesses what a stranger has sent.
    assert content.headers["content-disposition"] == "attachment"
    assert content.headers["x-content-type-options"] == "nosniff"
    assert (await rest("DELETE", f"{path}/{second['sid']}.json")).status == 204
    for method in ("GET", "DELETE"):
        assert (await rest(method, f"{path}/{second['sid']}.json")).json["code"] == 20404


@pytest.mark.conforms("2010-04-01/9/CreateMessageFeedback")
async def test_feedback_is_heard(rest: World, told: Told) -> None:
    message = (await rest("POST", f"{MESSAGES}.json", NEW)).json["sid"]
    for form, outcome in (({}, "confirmed"), ({"Outcome": "unconfirmed"}, "unconfirmed")):
        answer = await rest("POST", f"{MESSAGES}/{message}/Feedback.json", form)
        assert (answer.status, answer.json["outcome"], answer.json["message_sid"]) == (201, outcome, message)
        assert answer.json["date_updated"] == answer.json["date_created"] == DATE
    assert (await rest("POST", f"{MESSAGES}/{message}/Feedback.json", {"Outcome": "x"})).json["code"] == 20422


@pytest.mark.conforms("2008-08-01/5/SMS-Messages", "2008-08-01/6/sms-fields")
@pytest.mark.parametrize(
    ("status", "direction", "shown", "flags"),
    [
        (MessageStatus.QUEUED, MessageDirection.OUTBOUND_API, "queued", "4"),
        (MessageStatus.DELIVERED, MessageDirection.OUTBOUND_API, "sent", "4"),
        (MessageStatus.UNDELIVERED, MessageDirection.OUTBOUND_REPLY, "failed", "2"),
        (MessageStatus.SCHEDULED, MessageDirection.OUTBOUND_CALL, "queued", "2"),
        (MessageStatus.RECEIVED, MessageDirection.INBOUND, "received", "1"),
    ],
)
async def test_a_message_of_2008_has_the_words_of_its_time(
    rest: World, told: Told, status: MessageStatus, direction: MessageDirection, shown: str, flags: str
) -> None:
    record = await told.send(Draft(rest.account.sid, THEIRS, OURS, "Hi"))
    told._kept[record.sid] = replace(record, status=status, direction=direction)
    message = (await rest("GET", f"{OLD}/{record.sid}")).xml.find("SMSMessage")
    assert [(child.tag, child.text) for child in message] == [
        ("Sid", record.sid), ("DateCreated", DATE), ("DateUpdated", DATE), ("DateSent", DATE),
        ("AccountSid", rest.account.sid), ("To", "4155550199"), ("From", "4155550100"), ("Body", "Hi"),
        ("Status", shown), ("Flags", flags),
    ]  # fmt: skip
    listed = (await rest("GET", OLD, query="To=4155550199")).xml.find("SMSMessages")
    assert (listed.get("total"), listed[0].findtext("Status")) == ("1", shown)
    assert (await rest("GET", f"{OLD}/SM{'0' * 32}")).status == 404


async def test_the_other_account_sees_nothing(rest: World, told: Told) -> None:
    stranger = await rest.new_account()
    auth = stranger.sid, stranger.auth_token
    message = (await rest("POST", f"{MESSAGES}.json", NEW)).json["sid"]
    theirs = MESSAGES.replace("{A}", stranger.sid)
    listed: dict[str, Any] = (await rest("GET", f"{theirs}.json", auth=auth)).json
    assert listed["messages"] == []
    assert (await rest("GET", f"{theirs}/{message}.json", auth=auth)).json["code"] == 20404
