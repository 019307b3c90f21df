"""twilio-python, unmodified and with only its base URL set, makes, lists, fetches, changes and deletes everything."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
import soundfile
from rest_messages import FewMessages
from rest_world import NOW, OURS, THEIRS, World
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from ringback.app.rest import HttpServer
from ringback.app.settings import HttpSettings
from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.model.provisioning import AvailableNumberRecord
from ringback.model.recordings import (
    RecordingRecord,
    RecordingSource,
    RecordingStatus,
    TranscriptionRecord,
    TranscriptionStatus,
)
from ringback.model.records import Account
from ringback.model.status import ApiVersion, CallStatus

pytestmark = pytest.mark.slow

T = TypeVar("T")
URL = "http://127.0.0.1:8000/voice"


class Sdk:
    """The client, called beside the loop that answers it."""

    def __init__(self, rest: World, base: str, account: Account | None = None) -> None:
        account = account or rest.account
        self.client = Client(account.sid, account.auth_token)
        self.client.api.base_url = base

    async def __call__(self, ask: Callable[[Client], T]) -> T:
        return await asyncio.to_thread(ask, self.client)

    async def refused(self, ask: Callable[[Client], Any]) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as raised:
            await self(ask)
        return raised.value.status, raised.value.code


@pytest.fixture
async def base(rest: World) -> AsyncIterator[str]:
    rest.services.messages = FewMessages(rest)  # type: ignore[assignment]
    server = HttpServer(HttpSettings(port=0))
    await server.start(rest.application)
    yield server.url
    await server.close()


@pytest.fixture
async def sdk(rest: World, base: str) -> AsyncIterator[Sdk]:
    made = Sdk(rest, base)
    yield made
    session = getattr(made.client.http_client, "session", None)
    if session is not None:
        session.close()


@pytest.mark.conforms(
    "2010-04-01/10/python",
    "2010-04-01/9/CreateCall",
    "2010-04-01/9/DeleteCall",
    "2010-04-01/9/ListCall",
    "2010-04-01/9/ListCallEvent",
    "2010-04-01/9/UpdateCall",
)
async def test_calls(rest: World, sdk: Sdk) -> None:
    await rest.new_number()
    call = await sdk(lambda c: c.calls.create(to=THEIRS, from_=OURS, url=URL, status_callback_event=["initiated"]))
    assert (call.status, call.to, call.direction) == ("queued", THEIRS, "outbound-api")
    assert isinstance(call.date_created, datetime)
    await rest.control.answer(call.sid)
    assert (await sdk(lambda c: c.calls(call.sid).update(twiml="<Response/>"))).status == "in-progress"
    assert (await sdk(lambda c: c.calls(call.sid).update(status="completed"))).status == "completed"
    for number in range(7):
        await rest.new_call(status=CallStatus.BUSY, date_created=NOW + timedelta(seconds=number), start_time=NOW)
    listed = await sdk(lambda c: c.calls.list(status="busy", start_time_after=NOW - timedelta(1), page_size=3))
    assert len(listed) == 7
    assert await sdk(lambda c: c.calls.list(start_time=NOW + timedelta(days=2))) == []
    page = await sdk(lambda c: c.calls.page(page_size=2))
    assert len(list(page)) == 2
    following = await sdk(lambda c: page.next_page())
    assert following is not None
    assert {one.sid for one in following} & {one.sid for one in page} == set()
    assert await sdk(lambda c: c.calls(listed[0].sid).delete())
    assert await sdk.refused(lambda c: c.calls(listed[0].sid).fetch()) == (404, 20404)
    assert await sdk(lambda c: c.calls(call.sid).events.list()) == []
    assert await sdk.refused(lambda c: c.calls.create(to=THEIRS, from_=OURS)) == (400, 21205)


@pytest.mark.conforms(
    "2010-04-01/9/CreateCallRecording",
    "2010-04-01/9/DeleteRecording",
    "2010-04-01/9/DeleteTranscription",
    "2010-04-01/9/FetchRecording",
    "2010-04-01/9/FetchRecordingTranscription",
    "2010-04-01/9/FetchTranscription",
    "2010-04-01/9/ListRecording",
    "2010-04-01/9/ListTranscription",
    "2010-04-01/9/UpdateCallRecording",
)
async def test_recordings_and_transcriptions(rest: World, sdk: Sdk, base: str) -> None:
    call = await rest.new_call(status=CallStatus.IN_PROGRESS, start_time=NOW)
    started = await sdk(lambda c: c.calls(call.sid).recordings.create(recording_channels="dual"))
    assert (started.status, started.channels, started.source) == ("in-progress", 2, "StartCallRecordingAPI")
    paused = await sdk(lambda c: c.calls(call.sid).recordings("Twilio.CURRENT").update(status="paused"))
    assert (paused.sid, paused.status) == (started.sid, "paused")
    assert await sdk.refused(lambda c: c.recordings(started.sid).delete()) == (400, 20009)
    path = rest.directory / "recording.wav"
    soundfile.write(path, [[0.1, -0.1]] * 8000, 8000, subtype="PCM_16")
    record = RecordingRecord(
        rest.sid("RE"), rest.account.sid, call.sid, RecordingStatus.COMPLETED, RecordingSource.RECORD_VERB,
        ApiVersion.V2010, NOW, channels=2, duration=1.0, path="recording.wav",
    )  # fmt: skip
    await rest.database.recordings.create(record)
    listed = await sdk(lambda c: c.recordings.list(call_sid=call.sid, date_created_after=NOW - timedelta(1)))
    assert {one.sid for one in listed} == {record.sid, started.sid}
    fetched = await sdk(lambda c: c.recordings(record.sid).fetch())
    assert (fetched.duration, fetched.media_url) == (
        "1", f"{base}/2010-04-01/Accounts/{rest.account.sid}/Recordings/{record.sid}",
    )  # fmt: skip
    text = TranscriptionRecord(
        rest.sid("TR"), rest.account.sid, record.sid, TranscriptionStatus.COMPLETED, ApiVersion.V2010, NOW, "hello", 1.0
    )
    await rest.database.transcriptions.create(text)
    assert [one.transcription_text for one in await sdk(lambda c: c.transcriptions.list())] == ["hello"]
    assert (await sdk(lambda c: c.recordings(record.sid).transcriptions(text.sid).fetch())).duration == "1"
    root = f"/2010-04-01/Accounts/{{A}}/Recordings/{record.sid}"
    for suffix, beginning, kind in (("", b"RIFF", "audio/x-wav"), (".wav", b"RIFF", "audio/x-wav")):
        audio = await rest("GET", root + suffix)
        assert (audio.body[:4], audio.headers["content-type"]) == (beginning, kind)
    assert (await rest("GET", root + ".mp3")).headers["content-type"] == "audio/mpeg"
    mono = (await rest("GET", root + ".wav", query="RequestedChannels=1")).body
    assert int.from_bytes(mono[22:24], "little") == 1
    assert (await rest("GET", root + ".wav", auth=None)).status == 401
    assert (await rest("GET", root.replace("2010-04-01", "2008-08-01"), auth=None)).body[:4] == b"RIFF"
    assert (await rest("GET", f"/2010-04-01/Accounts/{{A}}/Transcriptions/{text.sid}.txt")).body == b"hello"
    assert await sdk(lambda c: c.transcriptions(text.sid).delete())
    assert await sdk(lambda c: c.recordings(record.sid).delete())
    assert not path.exists()


@pytest.mark.conforms(
    "2010-04-01/9/CreateParticipant",
    "2010-04-01/9/DeleteParticipant",
    "2010-04-01/9/ListConference",
    "2010-04-01/9/ListConferenceRecording",
    "2010-04-01/9/ListParticipant",
    "2010-04-01/9/UpdateConference",
    "2010-04-01/9/UpdateParticipant",
)
async def test_conferences_and_participants(rest: World, sdk: Sdk) -> None:
    await rest.new_number()
    conference = ConferenceRecord(
        rest.sid("CF"), rest.account.sid, "Room", ConferenceStatus.IN_PROGRESS, ApiVersion.V2010, NOW
    )
    await rest.database.conferences.create(conference)
    call = await rest.new_call(status=CallStatus.IN_PROGRESS)
    await rest.database.participants.create(
        ParticipantRecord(conference.sid, call.sid, rest.account.sid, ParticipantStatus.CONNECTED, NOW, label="boss")
    )
    listed = await sdk(
        lambda c: c.conferences.list(status="in-progress", friendly_name="Room", date_created=NOW.date())
    )
    assert [one.sid for one in listed] == [conference.sid]
    people = await sdk(lambda c: c.conferences(conference.sid).participants.list(muted=False))
    assert [one.label for one in people] == ["boss"]
    muted = await sdk(lambda c: c.conferences(conference.sid).participants("boss").update(muted=True, hold=True))
    assert (muted.muted, muted.hold, muted.call_sid) == (True, True, call.sid)
    added = await sdk(
        lambda c: c.conferences("Room").participants.create(
            from_=OURS, to=THEIRS, label="guest", wait_url="", beep="onEnter"
        )
    )
    assert (added.status, added.label, added.conference_sid) == ("queued", "guest", conference.sid)
    other = await rest.new_call(status=CallStatus.IN_PROGRESS)
    await rest.database.participants.create(
        ParticipantRecord(conference.sid, other.sid, rest.account.sid, ParticipantStatus.CONNECTED, NOW)
    )
    assert await sdk(lambda c: c.conferences(conference.sid).participants(call.sid).delete())
    assert await sdk.refused(lambda c: c.conferences(conference.sid).participants("boss").fetch()) == (404, 20404)
    ended = await sdk(lambda c: c.conferences(conference.sid).update(status="completed", announce_url=URL))
    assert (ended.status, ended.reason_conference_ended) == ("completed", "conference-ended-via-api")
    assert await sdk(lambda c: c.conferences(conference.sid).recordings.list()) == []


@pytest.mark.conforms(
    "2010-04-01/9/CreateQueue",
    "2010-04-01/9/DeleteQueue",
    "2010-04-01/9/FetchMember",
    "2010-04-01/9/FetchQueue",
    "2010-04-01/9/ListMember",
    "2010-04-01/9/ListQueue",
    "2010-04-01/9/UpdateMember",
    "2010-04-01/9/UpdateQueue",
)
async def test_queues_and_members(rest: World, sdk: Sdk) -> None:
    queue = await sdk(lambda c: c.queues.create(friendly_name="support", max_size=5))
    assert (queue.max_size, queue.current_size, queue.average_wait_time) == (5, 0, 0)
    assert await sdk.refused(lambda c: c.queues.create(friendly_name="support")) == (409, 20409)
    calls = [await rest.new_call(status=CallStatus.IN_PROGRESS) for _ in range(3)]
    for number, call in enumerate(calls):
        await rest.control.enqueue(queue.sid, call, NOW - timedelta(seconds=30 - number))
    assert (await sdk(lambda c: c.queues(queue.sid).fetch())).average_wait_time == 29
    members = await sdk(lambda c: c.queues(queue.sid).members.list(page_size=2))
    assert [(one.call_sid, one.position) for one in members] == [(call.sid, i + 1) for i, call in enumerate(calls)]
    assert await sdk.refused(lambda c: c.queues(queue.sid).delete()) == (409, 20409)
    front = await sdk(lambda c: c.queues(queue.sid).members("Front").update(url=URL))
    assert front.call_sid == calls[0].sid
    assert (await sdk(lambda c: c.queues(queue.sid).members(calls[2].sid).fetch())).position == 2
    for call in calls[1:]:
        await sdk(lambda c, call=call: c.queues(queue.sid).members(call.sid).update(url=URL, method="GET"))
    assert (await sdk(lambda c: c.queues(queue.sid).update(friendly_name="sales"))).friendly_name == "sales"
    assert await sdk(lambda c: c.queues(queue.sid).delete())
    assert await sdk(lambda c: c.queues.list()) == []


@pytest.mark.conforms(
    "2010-04-01/9/CreateMessage",
    "2010-04-01/9/CreateMessageFeedback",
    "2010-04-01/9/DeleteMessage",
    "2010-04-01/9/FetchMedia",
    "2010-04-01/9/ListMedia",
    "2010-04-01/9/ListMessage",
    "2010-04-01/9/UpdateMessage",
)
async def test_messages(rest: World, sdk: Sdk) -> None:
    sent = await sdk(lambda c: c.messages.create(to=THEIRS, from_=OURS, body="Hello", media_url=["http://127.0.0.1/x"]))
    assert (sent.status, sent.body, sent.num_media) == ("queued", "Hello", "1")
    assert [one.sid for one in await sdk(lambda c: c.messages.list(to=THEIRS, date_sent_after=NOW))] == [sent.sid]
    assert [one.content_type for one in await sdk(lambda c: c.messages(sent.sid).media.list())] == ["text/plain"]
    [media] = await sdk(lambda c: c.messages(sent.sid).media.list())
    assert (await rest("GET", media.uri.removesuffix(".json"))).body == b"file"
    assert (await sdk(lambda c: c.messages(sent.sid).feedback.create(outcome="confirmed"))).outcome == "confirmed"
    assert (await sdk(lambda c: c.messages(sent.sid).update(body=""))).body == ""
    assert await sdk(lambda c: c.messages(sent.sid).delete())
    assert await sdk.refused(lambda c: c.messages(sent.sid).fetch()) == (404, 20404)
    assert await sdk.refused(lambda c: c.messages.create(to=THEIRS, body="x")) == (400, 21603)


@pytest.mark.conforms(
    "2010-04-01/9/CreateAccount",
    "2010-04-01/9/CreateIncomingPhoneNumber",
    "2010-04-01/9/DeleteIncomingPhoneNumber",
    "2010-04-01/9/FetchAvailablePhoneNumberCountry",
    "2010-04-01/9/ListAvailablePhoneNumberCountry",
    "2010-04-01/9/ListAvailablePhoneNumberLocal",
    "2010-04-01/9/ListIncomingPhoneNumber",
    "2010-04-01/9/UpdateIncomingPhoneNumber",
)
async def test_numbers(rest: World, sdk: Sdk) -> None:
    await rest.database.available_numbers.offer(
        AvailableNumberRecord(f"+1415555070{i}", "US", "local", NOW, region="CA", locality="SAN FRANCISCO")
        for i in range(3)
    )
    found = await sdk(lambda c: c.available_phone_numbers("US").local.list(area_code=415, contains="5550701"))
    assert [one.phone_number for one in found] == ["+14155550701"]
    assert found[0].capabilities["voice"] is True
    assert [one.country_code for one in await sdk(lambda c: c.available_phone_numbers.list())] == ["US"]
    assert (await sdk(lambda c: c.available_phone_numbers("US").fetch())).country == "United States"
    bought = await sdk(lambda c: c.incoming_phone_numbers.create(phone_number="+14155550701", voice_url=URL))
    assert (bought.friendly_name, bought.voice_url, bought.sms_url) == ("(415) 555-0701", URL, None)
    assert await sdk.refused(lambda c: c.incoming_phone_numbers.create(phone_number="+14155550701")) == (400, 21422)
    assert (await sdk(lambda c: c.incoming_phone_numbers.create(area_code="415"))).phone_number.startswith("+1415")
    assert await sdk.refused(lambda c: c.incoming_phone_numbers.create(area_code="212")) == (400, 21452)
    changed = await sdk(lambda c: c.incoming_phone_numbers(bought.sid).update(sms_url=URL, voice_method="GET"))
    assert (changed.sms_url, changed.voice_method) == (URL, "GET")
    assert [one.sid for one in await sdk(lambda c: c.incoming_phone_numbers.list(phone_number="*0701"))] == [bought.sid]
    assert await sdk(lambda c: c.incoming_phone_numbers(bought.sid).delete())
    assert len(await sdk(lambda c: c.available_phone_numbers("US").local.list())) == 2
    child = await sdk(lambda c: c.api.v2010.accounts.create(friendly_name="Child"))
    [left] = await sdk(lambda c: c.incoming_phone_numbers.list())
    assert (
        await sdk(lambda c: c.incoming_phone_numbers(left.sid).update(account_sid=child.sid))
    ).account_sid == child.sid


@pytest.mark.conforms(
    "2010-04-01/9/CreateValidationRequest",
    "2010-04-01/9/DeleteOutgoingCallerId",
    "2010-04-01/9/ListOutgoingCallerId",
    "2010-04-01/9/UpdateOutgoingCallerId",
)
async def test_caller_ids(rest: World, sdk: Sdk) -> None:
    asked = await sdk(lambda c: c.validation_requests.create(phone_number=THEIRS, friendly_name="Me", call_delay=3))
    assert len(asked.validation_code) == 6
    [(name, (request,)), *_] = rest.control.asked
    assert (name, request.validation_code, request.call_delay) == ("validate", asked.validation_code, 3)
    from ringback.model.provisioning import CallerIdRecord

    await rest.database.caller_ids.create(CallerIdRecord(rest.sid("PN"), rest.account.sid, THEIRS, "Me", NOW))
    [found] = await sdk(lambda c: c.outgoing_caller_ids.list(phone_number=THEIRS))
    assert (await sdk(lambda c: c.outgoing_caller_ids(found.sid).update(friendly_name="You"))).friendly_name == "You"
    assert await sdk.refused(lambda c: c.validation_requests.create(phone_number=THEIRS)) == (400, 21450)
    assert (await sdk(lambda c: c.calls.create(to="+14155550333", from_=THEIRS, url=URL))).phone_number_sid == found.sid
    assert await sdk(lambda c: c.outgoing_caller_ids(found.sid).delete())


@pytest.mark.conforms(
    "2010-04-01/9/CreateApplication",
    "2010-04-01/9/DeleteApplication",
    "2010-04-01/9/ListApplication",
    "2010-04-01/9/UpdateApplication",
)
async def test_applications(rest: World, sdk: Sdk) -> None:
    made = await sdk(lambda c: c.applications.create(friendly_name="Menu", voice_url=URL, voice_method="GET"))
    assert (made.voice_url, made.sms_method, made.voice_caller_id_lookup) == (URL, "POST", False)
    assert [one.sid for one in await sdk(lambda c: c.applications.list(friendly_name="Menu"))] == [made.sid]
    await rest.new_number()
    await sdk(lambda c: c.calls.create(to=THEIRS, from_=OURS, application_sid=made.sid))
    [(_, request)] = await rest.database.outgoing.waiting()
    assert (request.url, request.method, request.application_sid) == (URL, "GET", made.sid)
    [number] = await sdk(lambda c: c.incoming_phone_numbers.list())
    await sdk(lambda c: c.incoming_phone_numbers(number.sid).update(voice_application_sid=made.sid))
    assert await sdk.refused(lambda c: c.applications(made.sid).delete()) == (409, 20409)
    await sdk(lambda c: c.incoming_phone_numbers(number.sid).update(voice_application_sid=""))
    assert (await sdk(lambda c: c.applications(made.sid).update(voice_url=""))).voice_url is None
    assert await sdk(lambda c: c.applications(made.sid).delete())


@pytest.mark.conforms(
    "2010-04-01/9/FetchShortCode",
    "2010-04-01/9/ListShortCode",
    "2010-04-01/9/UpdateShortCode",
)
async def test_short_codes(rest: World, sdk: Sdk) -> None:
    await rest.new_number("12345")
    [code] = await sdk(lambda c: c.api.account.short_codes.list(short_code="123*"))
    assert (code.short_code, code.sms_method, code.account_sid) == ("12345", "POST", rest.account.sid)
    assert isinstance(code.date_created, datetime)
    changed = await sdk(lambda c: c.api.account.short_codes(code.sid).update(sms_url=URL, sms_method="GET"))
    assert (changed.sms_url, changed.sms_method) == (URL, "GET")
    assert (await sdk(lambda c: c.api.account.short_codes(code.sid).fetch())).sms_url == URL
    assert await sdk.refused(lambda c: c.api.account.short_codes(f"SC{'0' * 32}").fetch()) == (404, 20404)


@pytest.mark.conforms(
    "2010-04-01/9/CreateNewKey",
    "2010-04-01/9/DeleteKey",
    "2010-04-01/9/FetchBalance",
    "2010-04-01/9/ListAccount",
    "2010-04-01/9/UpdateAccount",
    "2010-04-01/9/UpdateKey",
)
async def test_accounts_and_keys(rest: World, sdk: Sdk, base: str) -> None:
    child = await sdk(lambda c: c.api.v2010.accounts.create(friendly_name="Child"))
    assert (child.owner_account_sid, child.status, child.type) == (rest.account.sid, "active", "Full")
    assert len(await sdk(lambda c: c.api.v2010.accounts.list())) == 2
    assert [one.sid for one in await sdk(lambda c: c.api.v2010.accounts.list(friendly_name="Child"))] == [child.sid]
    assert await sdk(lambda c: c.api.v2010.accounts(child.sid).calls.list()) == []
    closed = await sdk(lambda c: c.api.v2010.accounts(child.sid).update(status="suspended"))
    assert closed.status == "suspended"
    own = Client(child.sid, child.auth_token)
    own.api.base_url = base
    with pytest.raises(TwilioException, match="20005"):
        await asyncio.to_thread(own.calls.list)
    key = await sdk(lambda c: c.new_keys.create(friendly_name="CI"))
    keyed = Client(key.sid, key.secret, rest.account.sid)
    keyed.api.base_url = base
    assert await asyncio.to_thread(keyed.calls.list) == []
    with pytest.raises(TwilioException, match="20003"):
        await asyncio.to_thread(lambda: keyed.keys.list())
    assert (await sdk(lambda c: c.keys(key.sid).update(friendly_name="Build"))).friendly_name == "Build"
    assert await sdk(lambda c: c.keys(key.sid).delete())
    with pytest.raises(TwilioException, match="20003"):
        await asyncio.to_thread(keyed.calls.list)
    assert (await sdk(lambda c: c.balance.fetch())).balance == "0.00"


@pytest.mark.conforms(
    "2010-04-01/9/ListUsageRecord", "2010-04-01/9/ListUsageRecordDaily", "2010-04-01/9/ListUsageRecordToday"
)
async def test_usage_counts_calls(rest: World, sdk: Sdk) -> None:
    await rest.new_call(start_time=NOW, end_time=NOW + timedelta(seconds=90))
    records = {one.category: one for one in await sdk(lambda c: c.usage.records.list())}
    assert (records["calls-inbound"].count, records["calls-inbound"].usage) == ("1", "2")
    today = await sdk(lambda c: c.usage.records.today.list(category="calls"))
    assert [(one.count, one.start_date) for one in today] == [("1", NOW.date())]
    daily = await sdk(lambda c: c.usage.records.daily.list(category="calls", start_date=NOW.date() - timedelta(3)))
    assert [one.count for one in daily] == ["1", "0", "0", "0"]


@pytest.mark.conforms(
    "2010-04-01/9/FetchCallNotification",
    "2010-04-01/9/FetchNotification",
    "2010-04-01/9/ListCallNotification",
    "2010-04-01/9/ListNotification",
)
async def test_notifications(rest: World, sdk: Sdk) -> None:
    from ringback.model.notifications import LOG_WARNING, NotificationRecord

    call = await rest.new_call()
    record = NotificationRecord(
        rest.sid("NO"), rest.account.sid, call.sid, LOG_WARNING, 12200, "Unknown verb", NOW, URL, "POST", "A=1", "",
        "<x/>", ApiVersion.V2010, NOW,
    )  # fmt: skip
    await rest.database.notifications.create(record)
    [found] = await sdk(lambda c: c.notifications.list(log=1, message_date=NOW.date()))
    assert (found.error_code, found.log, found.more_info) == ("12200", "1", "https://www.twilio.com/docs/errors/12200")
    assert (await sdk(lambda c: c.notifications(record.sid).fetch())).request_variables == "A=1"
    assert len(await sdk(lambda c: c.calls(call.sid).notifications.list())) == 1
    assert (await sdk(lambda c: c.calls(call.sid).notifications(record.sid).fetch())).response_body == "<x/>"


@pytest.mark.conforms("2010-04-01/16/messages", "2010-04-01/16/calls", "2010-04-01/16/numbers")
async def test_test_credentials(rest: World, base: str) -> None:
    test = await rest.new_account(is_test=True)
    sdk = Sdk(rest, base, test)
    fine = "+15005550006"
    assert (await sdk(lambda c: c.calls.create(to=THEIRS, from_=fine, url=URL))).status == "queued"
    assert (await sdk(lambda c: c.messages.create(to=THEIRS, from_=fine, body="x"))).status == "queued"
    assert (await sdk(lambda c: c.incoming_phone_numbers.create(phone_number=fine))).phone_number == fine
    for digit, code in ((1, 21217), (2, 21214), (3, 21215), (4, 21216)):
        to = f"+1500555000{digit}"
        assert (await sdk.refused(lambda c, to=to: c.calls.create(to=to, from_=fine, url=URL)))[1] == code
    for digit, code in ((1, 21211), (2, 21612), (3, 21408), (4, 21610), (9, 21614)):
        to = f"+1500555000{digit}"
        assert (await sdk.refused(lambda c, to=to: c.messages.create(to=to, from_=fine, body="x")))[1] == code
    assert (await sdk.refused(lambda c: c.incoming_phone_numbers.create(area_code="533")))[1] == 21452
    with pytest.raises(TwilioException, match="20008"):
        await sdk(lambda c: c.calls.list())
    assert await rest.database.outgoing.waiting() == []
