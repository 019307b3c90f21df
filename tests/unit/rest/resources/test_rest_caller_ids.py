"""Caller ids: who may be shown as calling whom, and how a number is validated (2010-04-01, clauses 9.2 and 9.7)."""

# Covers: rest/resources/caller.py rest/resources/common.py

import re

import pytest
from rest_world import NOW, OURS, THEIRS, V2008, V2010, World

from ringback.model.provisioning import CallerIdRecord

IDS = f"{V2010}/Accounts/{{A}}/OutgoingCallerIds"
CALLS = f"{V2010}/Accounts/{{A}}/Calls.json"


async def validated(rest: World, account_sid: str, number: str = THEIRS) -> CallerIdRecord:
    record = CallerIdRecord(rest.sid("PN"), account_sid, number, "Me", NOW)
    await rest.database.caller_ids.create(record)
    return record


@pytest.mark.conforms("2010-04-01/9/CreateValidationRequest")
async def test_a_validation_calls_the_number_and_tells_the_code(rest: World) -> None:
    form = {
        "PhoneNumber": "(415) 555-0199", "FriendlyName": "Desk", "CallDelay": "5", "Extension": "12#w3",
        "StatusCallback": "http://127.0.0.1/told", "StatusCallbackMethod": "GET",
    }  # fmt: skip
    answer = await rest("POST", f"{IDS}.json", form)
    assert answer.status == 200
    told = answer.json
    assert list(told) == ["account_sid", "call_sid", "friendly_name", "phone_number", "validation_code"]
    assert re.fullmatch("[1-9][0-9]{5}", told["validation_code"])
    assert (told["phone_number"], told["friendly_name"]) == (THEIRS, "Desk")
    assert (await rest.database.calls.get(told["call_sid"])) is not None
    _, (asked,) = rest.control.asked[0]
    assert (asked.validation_code, asked.call_delay, asked.extension) == (told["validation_code"], 5, "12#w3")
    assert (asked.status_callback, asked.status_callback_method) == ("http://127.0.0.1/told", "GET")


@pytest.mark.conforms("2008-08-01/6/caller-id")
@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 21401), ({"PhoneNumber": "nobody"}, 21401), ({"PhoneNumber": THEIRS}, 21450),
        ({"PhoneNumber": OURS, "CallDelay": "61"}, 21454), ({"PhoneNumber": OURS, "FriendlyName": "x" * 65}, 20002),
        ({"PhoneNumber": OURS, "Extension": "twelve"}, 20422), ({"PhoneNumber": OURS, "StatusCallback": "x"}, 21609),
    ],
)  # fmt: skip
async def test_what_a_validation_is_refused_for(rest: World, form: dict[str, str], code: int) -> None:
    await validated(rest, rest.account.sid)
    answer = await rest("POST", f"{IDS}.json", form)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert rest.control.asked == []
    if not {"Extension", "StatusCallback"} & form.keys():
        old = await rest("POST", f"{V2008}/Accounts/{{A}}/OutgoingCallerIds", form)
        assert old.xml.findtext("RestException/Code") == str(code)


@pytest.mark.conforms(
    "2010-04-01/9/FetchOutgoingCallerId",
    "2010-04-01/9/ListOutgoingCallerId",
    "2010-04-01/9/UpdateOutgoingCallerId",
    "2010-04-01/9/DeleteOutgoingCallerId",
    "2008-08-01/5/OutgoingCallerIds",
)
async def test_a_caller_id_is_found_renamed_and_forgotten(rest: World) -> None:
    record = await validated(rest, rest.account.sid)
    path = f"{IDS}/{record.sid}.json"
    assert list((await rest("GET", path)).json.items()) == [
        ("sid", record.sid),
        ("date_created", "Thu, 29 Feb 2024 12:30:15 +0000"),
        ("date_updated", "Thu, 29 Feb 2024 12:30:15 +0000"),
        ("friendly_name", "Me"),
        ("account_sid", rest.account.sid),
        ("phone_number", THEIRS),
        ("uri", f"{V2010}/Accounts/{rest.account.sid}/OutgoingCallerIds/{record.sid}.json"),
    ]
    assert (await rest("POST", path, {"FriendlyName": "Desk"})).json["friendly_name"] == "Desk"
    assert (await rest("POST", path)).json["friendly_name"] == "Desk"
    old = f"{V2008}/Accounts/{{A}}/OutgoingCallerIds/{record.sid}"
    for method in ("POST", "PUT"):
        changed = await rest(method, old, {"FriendlyName": f"By {method}"})
        assert changed.xml.findtext("OutgoingCallerId/FriendlyName") == f"By {method}"
    for query, count in (({"PhoneNumber": THEIRS}, 1), ({"PhoneNumber": OURS}, 0), ({"FriendlyName": "By PUT"}, 1)):
        found = (await rest("GET", f"{IDS}.json", query=query)).json["outgoing_caller_ids"]
        assert len(found) == count
        listed = await rest("GET", f"{V2008}/Accounts/{{A}}/OutgoingCallerIds", query=query)
        assert listed.xml.find("OutgoingCallerIds").get("total") == str(count)
    assert (await rest("DELETE", path)).status == 204
    assert (await rest("GET", path)).json["code"] == 20404
    stranger = await validated(rest, (await rest.new_account()).sid, OURS)
    assert (await rest("GET", f"{IDS}/{stranger.sid}.json")).status == 404


async def test_a_validated_number_may_be_shown_by_the_account_and_its_subaccounts(rest: World) -> None:
    record = await validated(rest, rest.account.sid)
    child = await rest.new_account(owner_account_sid=rest.account.sid)
    form = {"To": "+14155550123", "From": THEIRS, "Url": "http://127.0.0.1/"}
    for account in (rest.account, child):
        path = f"{V2010}/Accounts/{account.sid}/Calls.json"
        answer = await rest("POST", path, form, auth=(account.sid, account.auth_token))
        assert (answer.status, answer.json["phone_number_sid"]) == (201, record.sid)
    stranger = await rest.new_account()
    path = f"{V2010}/Accounts/{stranger.sid}/Calls.json"
    refused = await rest("POST", path, form, auth=(stranger.sid, stranger.auth_token))
    assert (refused.status, refused.json["code"]) == (400, 21210)


@pytest.mark.conforms("2010-04-01/15/21210", "2010-04-01/15/21211", "2010-04-01/15/21212")
@pytest.mark.parametrize(
    ("to", "from_", "code"),
    [
        (THEIRS, OURS, None), (THEIRS, "4155550100", None), (THEIRS, "alice", 21212), (THEIRS, THEIRS, 21210),
        ("client:bob", "alice", None), ("client:bob", "client:alice", None), ("sip:bob@example.com", THEIRS, None),
        ("client:bob", "no good!", 21212), ("client:", OURS, 21211), ("sip:", OURS, 21211), ("nobody", OURS, 21211),
    ],
)  # fmt: skip
async def test_who_may_call_whom(rest: World, to: str, from_: str, code: int | None) -> None:
    await rest.new_number()
    answer = await rest("POST", CALLS, {"To": to, "From": from_, "Url": "http://127.0.0.1/"})
    assert answer.json.get("code") == code
    assert answer.status == (201 if code is None else 400)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+14155550123", "(415) 555-0123"), ("+493012345678", "+49 30 12345678"), ("client:bob", "client:bob"),
        ("+1x", "+1x"), ("", ""),
    ],
)  # fmt: skip
async def test_numbers_are_written_as_people_do(rest: World, number: str, written: str) -> None:
    call = await rest.new_call(to=number)
    assert (await rest("GET", CALLS.replace(".json", f"/{call.sid}.json"))).json["to_formatted"] == written
