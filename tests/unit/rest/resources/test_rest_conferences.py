"""Conferences and their participants (2010-04-01, clause 9.4; 2008-08-01, clause 6.12)."""

from datetime import timedelta
from typing import Any

import pytest
from rest_world import NOW, OURS, THEIRS, V2008, V2010, World

from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.model.status import ApiVersion, CallStatus
from ringback.rest.control import ParticipantChanges

CONFERENCES = f"{V2010}/Accounts/{{A}}/Conferences"
DATE = "Thu, 29 Feb 2024 12:30:15 +0000"
NEW = {"To": THEIRS, "From": OURS}


async def conference(rest: World, **different: Any) -> ConferenceRecord:
    values: dict[str, Any] = {
        "sid": rest.sid("CF"), "account_sid": rest.account.sid, "friendly_name": "Room",
        "status": ConferenceStatus.IN_PROGRESS, "api_version": ApiVersion.V2010, "date_created": NOW,
    }  # fmt: skip
    record = ConferenceRecord(**{**values, **different})
    await rest.database.conferences.create(record)
    return record


async def participant(rest: World, room: ConferenceRecord, **different: Any) -> ParticipantRecord:
    call = await rest.new_call(status=CallStatus.IN_PROGRESS, start_time=NOW)
    values: dict[str, Any] = {
        "conference_sid": room.sid, "call_sid": call.sid, "account_sid": rest.account.sid,
        "status": ParticipantStatus.CONNECTED, "date_created": NOW,
    }  # fmt: skip
    record = ParticipantRecord(**{**values, **different})
    await rest.database.participants.create(record)
    return record


@pytest.mark.conforms("2010-04-01/9/FetchConference")
async def test_every_field_of_a_conference_in_its_order(rest: World) -> None:
    room = await conference(rest)
    base = f"{V2010}/Accounts/{rest.account.sid}/Conferences/{room.sid}"
    assert list((await rest("GET", f"{CONFERENCES}/{room.sid}.json")).json.items()) == [
        ("account_sid", rest.account.sid),
        ("date_created", DATE),
        ("date_updated", DATE),
        ("api_version", "2010-04-01"),
        ("friendly_name", "Room"),
        ("region", "us1"),
        ("sid", room.sid),
        ("status", "in-progress"),
        ("uri", f"{base}.json"),
        (
            "subresource_uris",
            {"participants": f"{base}/Participants.json", "recordings": f"{base}/Recordings.json"},
        ),
        ("reason_conference_ended", None),
        ("call_sid_ending_conference", None),
    ]


@pytest.mark.conforms("2010-04-01/9/ListConference", "2008-08-01/5/Conferences", "2008-08-01/6/conference-fields")
async def test_conferences_are_listed_by_name_status_and_date(rest: World) -> None:
    rooms = [
        await conference(rest),
        await conference(rest, friendly_name="Hall", status=ConferenceStatus.INIT),
        await conference(rest, status=ConferenceStatus.COMPLETED, date_created=NOW - timedelta(days=2)),
    ]
    for query, expected in (
        ("FriendlyName=Room", {0, 2}), ("Status=init", {1}), ("Status=completed", {2}),
        ("DateCreated<=2024-02-28", {2}), ("DateCreated=2024-02-29", {0, 1}),
    ):  # fmt: skip
        told = (await rest("GET", f"{CONFERENCES}.json", query=query)).json["conferences"]
        assert {one["sid"] for one in told} == {rooms[i].sid for i in expected}
    old = f"{V2008}/Accounts/{{A}}/Conferences"
    for number, room in ((0, rooms[1]), (1, rooms[0]), (2, rooms[2])):
        [one] = (await rest("GET", old, query=f"Status={number}")).xml.find("Conferences")
        assert (one.findtext("Sid"), one.findtext("Status")) == (room.sid, str(number))
        fetched = (await rest("GET", f"{old}/{room.sid}")).xml.find("Conference")
        assert [child.tag for child in fetched] == [
            "Sid", "AccountSid", "FriendlyName", "Status", "DateCreated", "DateUpdated",
        ]  # fmt: skip


@pytest.mark.conforms("2010-04-01/9/UpdateConference")
async def test_a_conference_hears_an_announcement_and_is_ended(rest: World) -> None:
    room = await conference(rest)
    await participant(rest, room)
    path = f"{CONFERENCES}/{room.sid}.json"
    assert (await rest("POST", path, {"AnnounceUrl": "http://127.0.0.1/hear"})).json["status"] == "in-progress"
    form = {"AnnounceUrl": "http://127.0.0.1/bye", "AnnounceMethod": "GET", "Status": "completed"}
    ended = (await rest("POST", path, form)).json
    assert (ended["status"], ended["reason_conference_ended"]) == ("completed", "conference-ended-via-api")
    assert rest.control.asked == [
        ("announce", (room.sid, "http://127.0.0.1/hear", "POST")),
        ("announce", (room.sid, "http://127.0.0.1/bye", "GET")),
        ("end_conference", (room.sid,)),
    ]
    answer = await rest("POST", path, {"Status": "completed"})
    assert (answer.status, answer.json["code"]) == (404, 20404)
    assert (await rest("POST", path)).status == 200
    for wrong, code in (({"Status": "over"}, 20422), ({"AnnounceUrl": "x"}, 21205), ({"AnnounceMethod": "x"}, 21209)):
        assert (await rest("POST", path, wrong)).json["code"] == code


@pytest.mark.conforms("2010-04-01/9/FetchParticipant")
async def test_every_field_of_a_participant_in_its_order(rest: World) -> None:
    room = await conference(rest)
    one = await participant(rest, room, label="agent", queue_time=1500, end_conference_on_exit=True)
    path = f"{CONFERENCES}/{room.sid}/Participants"
    told = (await rest("GET", f"{path}/{one.call_sid}.json")).json
    assert list(told.items()) == [
        ("account_sid", rest.account.sid),
        ("call_sid", one.call_sid),
        ("label", "agent"),
        ("call_sid_to_coach", None),
        ("coaching", False),
        ("conference_sid", room.sid),
        ("date_created", DATE),
        ("date_updated", DATE),
        ("end_conference_on_exit", True),
        ("muted", False),
        ("hold", False),
        ("start_conference_on_enter", True),
        ("status", "connected"),
        ("queue_time", "1500"),
        (
            "uri",
            f"{V2010}/Accounts/{rest.account.sid}/Conferences/{room.sid}/Participants/{one.call_sid}.json",
        ),
    ]
    assert (await rest("GET", f"{path}/agent.json")).json == told  # by its label


@pytest.mark.conforms("2010-04-01/9/ListParticipant")
async def test_only_those_who_are_there_are_listed(rest: World) -> None:
    room, other = await conference(rest), await conference(rest, friendly_name="Hall")
    talks = await participant(rest, room)
    silent = await participant(rest, room, muted=True, hold=True, coaching=True)
    left = await participant(rest, room, status=ParticipantStatus.COMPLETE)
    await participant(rest, other)
    path = f"{CONFERENCES}/{room.sid}/Participants"
    for query, expected in (
        ("", {talks.call_sid, silent.call_sid}), ("Muted=true", {silent.call_sid}), ("Hold=false", {talks.call_sid}),
        ("Coaching=true", {silent.call_sid}),
    ):  # fmt: skip
        told = (await rest("GET", f"{path}.json", query=query)).json["participants"]
        assert {one["call_sid"] for one in told} == expected
    for name in (left.call_sid, "agent"):
        assert (await rest("GET", f"{path}/{name}.json")).json["code"] == 20404
    assert (await rest("GET", f"{CONFERENCES}/CF{'0' * 32}/Participants.json")).json["code"] == 20404


@pytest.mark.conforms("2010-04-01/9/CreateParticipant")
async def test_somebody_is_called_into_a_conference_by_its_name_or_its_sid(rest: World) -> None:
    await rest.new_number()
    first = await rest("POST", f"{CONFERENCES}/Team/Participants.json", {**NEW, "Label": "boss", "Muted": "true"})
    assert first.status == 201
    told = first.json
    assert (told["status"], told["label"], told["muted"]) == ("queued", "boss", True)
    room = (await rest("GET", f"{CONFERENCES}/{told['conference_sid']}.json")).json
    assert (room["friendly_name"], room["status"]) == ("Team", "init")
    second = await rest("POST", f"{CONFERENCES}/{room['sid']}/Participants.json", NEW)
    third = await rest("POST", f"{CONFERENCES}/Team/Participants.json", NEW)
    assert {second.json["conference_sid"], third.json["conference_sid"]} == {room["sid"]}
    assert len(await rest.database.outgoing.waiting()) == 3
    _, (asked,) = rest.control.asked[0]
    assert (asked.early_media, asked.beep, asked.start_conference_on_enter) == (True, "true", True)
    assert (asked.call.timeout, asked.conference_record) == (60, False)


async def test_everything_that_can_be_said_about_a_participant(rest: World) -> None:
    await rest.new_number()
    callback = "http://127.0.0.1/told"
    form = {
        **NEW, "Label": "agent", "StatusCallback": callback, "StatusCallbackMethod": "GET", "Beep": "onExit",
        "StartConferenceOnEnter": "false", "EndConferenceOnExit": "true", "WaitUrl": "", "WaitMethod": "GET",
        "EarlyMedia": "false", "MaxParticipants": "5", "ConferenceRecord": "record-from-start",
        "ConferenceTrim": "do-not-trim", "ConferenceStatusCallback": callback,
        "ConferenceStatusCallbackMethod": "GET", "ConferenceStatusCallbackEvent": ["start end", "join"],
        "ConferenceRecordingStatusCallback": callback, "ConferenceRecordingStatusCallbackMethod": "GET",
        "ConferenceRecordingStatusCallbackEvent": "in-progress completed", "Coaching": "true",
        "CallSidToCoach": "CA" + "a" * 32, "Region": "de1", "MachineDetection": "Enable",
        "AmdStatusCallback": callback, "AmdStatusCallbackMethod": "GET", "Timeout": "20", "TimeLimit": "600",
    }  # fmt: skip
    assert (await rest("POST", f"{CONFERENCES}/Team/Participants.json", form)).status == 201
    _, (asked,) = rest.control.asked[0]
    assert (asked.conference, asked.label, asked.beep, asked.max_participants) == ("Team", "agent", "onExit", 5)
    assert (asked.start_conference_on_enter, asked.end_conference_on_exit, asked.early_media) == (False, True, False)
    assert (asked.wait_url, asked.wait_method) == ("", "GET")
    assert (asked.coaching, asked.call_sid_to_coach) == (True, "CA" + "a" * 32)
    assert (asked.conference_record, asked.conference_trim) == (True, "do-not-trim")
    assert asked.conference_status_callback_events == ("start", "end", "join")
    assert asked.conference_recording_status_callback_events == ("in-progress", "completed")
    assert (asked.conference_status_callback, asked.conference_recording_status_callback_method) == (callback, "GET")
    assert (asked.call.status_callback, asked.call.timeout, asked.call.time_limit) == (callback, 20, 600)
    assert (asked.call.machine_detection.status_callback, asked.call.machine_detection.asynchronous) == (callback, True)


@pytest.mark.parametrize(
    ("name", "different", "status", "code"),
    [
        ("Team", {"To": ""}, 400, 21201), ("Team", {"From": "+14155550101"}, 400, 21210),
        ("Team", {"Beep": "loud"}, 400, 13235), ("Team", {"ConferenceTrim": "some"}, 400, 13239),
        ("Team", {"CallSidToCoach": "agent"}, 400, 13240), ("Team", {"Label": "x" * 129}, 400, 16023),
        ("Team", {"MaxParticipants": "251"}, 400, 20422), ("x" * 129, {}, 400, 20422),
        ("CF" + "0" * 32, {}, 404, 20404),
    ],
)  # fmt: skip
async def test_what_a_participant_is_refused_for(
    rest: World, name: str, different: dict[str, str], status: int, code: int
) -> None:
    await rest.new_number()
    answer = await rest("POST", f"{CONFERENCES}/{name}/Participants.json", {**NEW, **different})
    assert (answer.status, answer.json["code"]) == (status, code)
    assert rest.control.asked == []


@pytest.mark.conforms("2010-04-01/9/UpdateParticipant", "2010-04-01/9/DeleteParticipant")
async def test_a_participant_is_muted_held_coached_and_taken_out(rest: World) -> None:
    room = await conference(rest)
    one, other = await participant(rest, room, label="agent"), await participant(rest, room)
    path = f"{CONFERENCES}/{room.sid}/Participants/agent.json"
    form = {
        "Muted": "true", "Hold": "true", "HoldUrl": "http://127.0.0.1/hold", "HoldMethod": "POST",
        "AnnounceUrl": "http://127.0.0.1/hear", "AnnounceMethod": "GET", "WaitUrl": "", "WaitMethod": "GET",
        "BeepOnExit": "true", "EndConferenceOnExit": "true", "Coaching": "true", "CallSidToCoach": other.call_sid,
    }  # fmt: skip
    told = (await rest("POST", path, form)).json
    assert (told["muted"], told["hold"], told["coaching"]) == (True, True, True)
    assert (told["end_conference_on_exit"], told["call_sid_to_coach"]) == (True, other.call_sid)
    changes = ParticipantChanges(
        True, True, "http://127.0.0.1/hold", "POST", "http://127.0.0.1/hear", "GET", "", "GET", True, True, True,
        other.call_sid,
    )  # fmt: skip
    assert rest.control.asked == [("update_participant", (room.sid, one.call_sid, changes))]
    told = (await rest("POST", path, {"Muted": "false"})).json
    assert (told["muted"], told["hold"]) == (False, True)
    gone = await rest("DELETE", path)
    assert (gone.status, rest.control.asked[-1]) == (204, ("kick", (room.sid, one.call_sid)))
    assert (await rest("DELETE", path)).json["code"] == 20404


@pytest.mark.conforms("2008-08-01/5/Participants", "2008-08-01/6/participant-mute")
async def test_a_participant_of_2008_is_muted_and_taken_out(rest: World) -> None:
    room = await conference(rest)
    one = await participant(rest, room)
    path = f"{V2008}/Accounts/{{A}}/Conferences/{room.sid}/Participants"
    assert (await rest("GET", path)).xml.find("Participants").get("total") == "1"
    muted = (await rest("POST", f"{path}/{one.call_sid}", {"Muted": "true"})).xml.find("Participant")
    assert [(child.tag, child.text) for child in muted][:4] == [
        ("ConferenceSid", room.sid), ("AccountSid", rest.account.sid), ("CallSid", one.call_sid), ("Muted", "true"),
    ]  # fmt: skip
    assert (await rest("POST", f"{path}/{one.call_sid}")).xml.findtext("RestException/Status") == "400"
    assert (await rest("DELETE", f"{path}/{one.call_sid}")).status == 204
    assert (await rest("GET", f"{path}/{one.call_sid}")).status == 404
