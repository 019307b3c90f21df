"""Applications: made, listed, changed, and kept while a number points at them (2010-04-01, clause 9.7)."""

# Covers: rest/resources/calls.py

from typing import Any

import pytest
from rest_world import OURS, THEIRS, V2010, World

APPLICATIONS = f"{V2010}/Accounts/{{A}}/Applications"
EVERYTHING = {
    "FriendlyName": "Menu", "ApiVersion": "2008-08-01", "VoiceUrl": "http://127.0.0.1/voice", "VoiceMethod": "GET",
    "VoiceFallbackUrl": "http://127.0.0.1/fallback", "VoiceFallbackMethod": "GET",
    "StatusCallback": "http://127.0.0.1/status", "StatusCallbackMethod": "GET", "VoiceCallerIdLookup": "true",
    "SmsUrl": "http://127.0.0.1/sms", "SmsMethod": "GET", "SmsFallbackUrl": "http://127.0.0.1/smsf",
    "SmsFallbackMethod": "GET", "SmsStatusCallback": "http://127.0.0.1/smss",
    "MessageStatusCallback": "http://127.0.0.1/messages", "PublicApplicationConnectEnabled": "true",
}  # fmt: skip


async def new(rest: World, **form: str) -> dict[str, Any]:
    answer = await rest("POST", f"{APPLICATIONS}.json", form)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


@pytest.mark.conforms("2010-04-01/9/CreateApplication", "2010-04-01/9/FetchApplication")
async def test_everything_that_can_be_said_about_an_application(rest: World) -> None:
    made = await new(rest, **EVERYTHING)
    told = (await rest("GET", f"{APPLICATIONS}/{made['sid']}.json")).json
    assert told == made
    assert list(told.items()) == [
        ("sid", made["sid"]),
        ("date_created", "Thu, 29 Feb 2024 12:30:15 +0000"),
        ("date_updated", "Thu, 29 Feb 2024 12:30:15 +0000"),
        ("account_sid", rest.account.sid),
        ("friendly_name", "Menu"),
        ("api_version", "2008-08-01"),
        ("voice_url", "http://127.0.0.1/voice"),
        ("voice_method", "GET"),
        ("voice_fallback_url", "http://127.0.0.1/fallback"),
        ("voice_fallback_method", "GET"),
        ("status_callback", "http://127.0.0.1/status"),
        ("status_callback_method", "GET"),
        ("voice_caller_id_lookup", True),
        ("sms_url", "http://127.0.0.1/sms"),
        ("sms_method", "GET"),
        ("sms_fallback_url", "http://127.0.0.1/smsf"),
        ("sms_fallback_method", "GET"),
        ("sms_status_callback", "http://127.0.0.1/smss"),
        ("message_status_callback", "http://127.0.0.1/messages"),
        ("public_application_connect_enabled", True),
        ("uri", f"{V2010}/Accounts/{rest.account.sid}/Applications/{made['sid']}.json"),
    ]


async def test_what_is_not_said_is_as_the_documentation_has_it(rest: World) -> None:
    made = await new(rest)
    assert (made["friendly_name"], made["api_version"], made["voice_url"]) == ("", "2010-04-01", None)
    assert {made[name] for name in made if name.endswith("_method")} == {"POST"}


@pytest.mark.conforms("2010-04-01/9/ListApplication", "2010-04-01/9/UpdateApplication")
async def test_an_application_is_found_by_its_name_and_changed(rest: World) -> None:
    menu, _ = await new(rest, **EVERYTHING), await new(rest, FriendlyName="Other")
    listed = (await rest("GET", f"{APPLICATIONS}.json", query={"FriendlyName": "Menu"})).json
    assert [one["sid"] for one in listed["applications"]] == [menu["sid"]]
    rest.clock.passed += 5
    path = f"{APPLICATIONS}/{menu['sid']}.json"
    changed = (await rest("POST", path, {"VoiceUrl": "", "VoiceMethod": "POST", "FriendlyName": "Desk"})).json
    assert (changed["voice_url"], changed["voice_method"], changed["friendly_name"]) == (None, "POST", "Desk")
    assert changed["sms_url"] == menu["sms_url"]
    assert changed["date_updated"] == "Thu, 29 Feb 2024 12:30:20 +0000"
    rest.clock.passed += 5
    assert (await rest("POST", path)).json == changed


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"VoiceUrl": "nowhere"}, 21402), ({"VoiceMethod": "PUT"}, 21403), ({"VoiceCallerIdLookup": "maybe"}, 21409),
        ({"SmsStatusCallback": "nowhere"}, 21609), ({"FriendlyName": "x" * 65}, 20002),
        ({"ApiVersion": "1999-01-01"}, 20422),
    ],
)  # fmt: skip
async def test_what_an_application_is_refused_for(rest: World, form: dict[str, str], code: int) -> None:
    answer = await rest("POST", f"{APPLICATIONS}.json", form)
    assert (answer.status, answer.json["code"]) == (400, code)


@pytest.mark.conforms("2010-04-01/9/DeleteApplication")
async def test_an_application_that_a_number_points_at_stays(rest: World) -> None:
    made = await new(rest, FriendlyName="Menu")
    path = f"{APPLICATIONS}/{made['sid']}.json"
    for number, field in ((OURS, "voice_application_sid"), (THEIRS, "sms_application_sid")):
        record = await rest.new_number(number, **{field: made["sid"]})
        answer = await rest("DELETE", path)
        assert (answer.status, answer.json["code"]) == (409, 20409)
        await rest.database.numbers.remove(record.sid)
    assert (await rest("DELETE", path)).status == 204
    assert (await rest("GET", path)).json["code"] == 20404
    assert (await rest("DELETE", path)).json["code"] == 20404


async def test_a_call_does_what_its_application_says(rest: World) -> None:
    """Clause 9.2: with ApplicationSid the URLs of the request itself are ignored."""
    await rest.new_number()
    calls = f"{V2010}/Accounts/{{A}}/Calls.json"
    form = {"To": THEIRS, "From": OURS, "StatusCallback": "http://127.0.0.1/ignored"}
    menu, silent = await new(rest, **EVERYTHING), await new(rest)
    assert (await rest("POST", calls, {**form, "ApplicationSid": menu["sid"]})).status == 201
    [(_, request)] = await rest.database.outgoing.waiting()
    assert (request.url, request.method, request.application_sid) == ("http://127.0.0.1/voice", "GET", menu["sid"])
    assert (request.status_callback, request.fallback_method) == ("http://127.0.0.1/status", "GET")
    assert (await rest("POST", calls, {**form, "ApplicationSid": silent["sid"]})).json["code"] == 21205
