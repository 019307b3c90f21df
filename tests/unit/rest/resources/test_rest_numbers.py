"""Incoming numbers: bought, pointed at applications, handed on, given back (2010-04-01, clause 9.7)."""

# Covers: rest/resources/common.py

from typing import Any

import pytest
from rest_world import NOW, OURS, THEIRS, V2008, V2010, World

from ringback.model.provisioning import ApplicationRecord, AvailableNumberRecord
from ringback.storage.errors import StorageError

NUMBERS = f"{V2010}/Accounts/{{A}}/IncomingPhoneNumbers"
OLD = f"{V2008}/Accounts/{{A}}/IncomingPhoneNumbers"
DATE = "Thu, 29 Feb 2024 12:30:15 +0000"


async def pool(rest: World, *numbers: str, kind: str = "local") -> None:
    await rest.database.available_numbers.offer(AvailableNumberRecord(one, "US", kind, NOW) for one in numbers)


async def application(rest: World, **different: Any) -> str:
    values = {"sid": rest.sid("AP"), "account_sid": rest.account.sid, "friendly_name": "Menu", "date_created": NOW}
    record = ApplicationRecord(**{**values, **different})
    await rest.database.applications.create(record)
    return record.sid


@pytest.mark.conforms("2010-04-01/9/FetchIncomingPhoneNumber")
async def test_every_field_of_a_number_in_its_order(rest: World) -> None:
    number = await rest.new_number()
    base = f"{V2010}/Accounts/{rest.account.sid}/IncomingPhoneNumbers/{number.sid}"
    assert list((await rest("GET", f"{NUMBERS}/{number.sid}.json")).json.items()) == [
        ("sid", number.sid),
        ("account_sid", rest.account.sid),
        ("friendly_name", "Front door"),
        ("phone_number", OURS),
        ("voice_url", "http://127.0.0.1:8000/"),
        ("voice_method", "POST"),
        ("voice_fallback_url", None),
        ("voice_fallback_method", "POST"),
        ("voice_caller_id_lookup", False),
        ("voice_application_sid", None),
        ("voice_receive_mode", "voice"),
        ("date_created", DATE),
        ("date_updated", DATE),
        ("sms_url", None),
        ("sms_method", "POST"),
        ("sms_fallback_url", None),
        ("sms_fallback_method", "POST"),
        ("sms_application_sid", None),
        ("capabilities", {"voice": True, "sms": True, "mms": True, "fax": False}),
        ("status_callback", None),
        ("status_callback_method", "POST"),
        ("api_version", "2010-04-01"),
        ("beta", False),
        ("origin", "hosted"),
        ("status", "in-use"),
        ("type", "local"),
        ("trunk_sid", None),
        ("address_requirements", "none"),
        ("address_sid", None),
        ("identity_sid", None),
        ("bundle_sid", None),
        ("emergency_status", "Inactive"),
        ("emergency_address_sid", None),
        ("emergency_address_status", "unregistered"),
        ("uri", f"{base}.json"),
        ("subresource_uris", {"assigned_add_ons": f"{base}/AssignedAddOns.json"}),
    ]


@pytest.mark.conforms(
    "2010-04-01/9/ListIncomingPhoneNumber",
    "2010-04-01/9/ListIncomingPhoneNumberLocal",
    "2010-04-01/9/ListIncomingPhoneNumberMobile",
    "2010-04-01/9/ListIncomingPhoneNumberTollFree",
)
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("PhoneNumber=%2B14155550100", {OURS}), ("PhoneNumber=(415) 555-0100", {OURS}), ("PhoneNumber=415*", {OURS}),
        ("PhoneNumber=%2B1212*", {"+12125550100"}), ("PhoneNumber=*0100", {OURS, "+12125550100"}),
        ("PhoneNumber=212", {"+12125550100"}), ("PhoneNumber=999", set()), ("PhoneNumber=abc", set()),
        ("FriendlyName=Front door", {OURS, "+12125550100"}), ("Beta=true", set()), ("Origin=twilio", set()),
        ("Origin=hosted", {OURS, "+12125550100"}), ("Beta=false", {OURS, "+12125550100"}),
    ],
)  # fmt: skip
async def test_numbers_are_found_by_digits_and_name(rest: World, query: str, found: set[str]) -> None:
    await rest.new_number()
    await rest.new_number("+12125550100")
    for path, expected in (("", found), ("/Local", found), ("/Mobile", set()), ("/TollFree", set())):
        told = (await rest("GET", f"{NUMBERS}{path}.json", query=query.replace(" ", "%20"))).json
        assert {one["phone_number"] for one in told["incoming_phone_numbers"]} == expected


@pytest.mark.conforms("2010-04-01/9/CreateIncomingPhoneNumber", "2010-04-01/15/21422", "2010-04-01/15/21452")
async def test_a_number_is_bought_by_its_name_or_its_area_code(rest: World) -> None:
    await pool(rest, OURS, "+12125550100", "+12125550101")
    form = {
        "PhoneNumber": "415 555 0100", "VoiceUrl": "http://127.0.0.1/v", "VoiceMethod": "GET",
        "ApiVersion": "2008-08-01", "VoiceFallbackUrl": "http://127.0.0.1/f", "StatusCallback": "http://127.0.0.1/s",
        "SmsUrl": "http://127.0.0.1/m",
    }  # fmt: skip
    bought = await rest("POST", f"{NUMBERS}.json", form)
    assert bought.status == 201
    told = bought.json
    assert (told["phone_number"], told["friendly_name"], told["api_version"]) == (OURS, "(415) 555-0100", "2008-08-01")
    assert (told["voice_url"], told["voice_method"], told["sms_url"]) == (
        "http://127.0.0.1/v",
        "GET",
        "http://127.0.0.1/m",
    )
    again = await rest("POST", f"{NUMBERS}.json", form)
    assert (again.status, again.json["code"]) == (400, 21422)
    by_area = [(await rest("POST", f"{NUMBERS}.json", {"AreaCode": "212"})).json for _ in range(3)]
    assert {one.get("phone_number") for one in by_area} == {"+12125550100", "+12125550101", None}
    assert by_area[-1]["code"] == 21452


@pytest.mark.conforms(
    "2010-04-01/9/CreateIncomingPhoneNumberLocal",
    "2010-04-01/9/CreateIncomingPhoneNumberMobile",
    "2010-04-01/9/CreateIncomingPhoneNumberTollFree",
)
@pytest.mark.parametrize(("path", "kind"), [("Local", "local"), ("Mobile", "mobile"), ("TollFree", "toll-free")])
async def test_a_number_of_a_kind_is_bought(rest: World, path: str, kind: str) -> None:
    for number, of in (("+14155550111", "local"), ("+14155550122", "mobile"), ("+18005550133", "toll-free")):
        await pool(rest, number, kind=of)
    bought = (await rest("POST", f"{NUMBERS}/{path}.json")).json
    assert bought["phone_number"] == {
        "local": "+14155550111", "mobile": "+14155550122", "toll-free": "+18005550133",
    }[kind]  # fmt: skip
    assert (await rest("POST", f"{NUMBERS}/{path}.json")).json["code"] == 21452


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 21421), ({"PhoneNumber": "nobody"}, 21421), ({"AreaCode": "41"}, 21451), ({"AreaCode": "999"}, 21452),
        ({"PhoneNumber": THEIRS}, 21422), ({"PhoneNumber": OURS, "VoiceUrl": "x"}, 21402),
        ({"PhoneNumber": OURS, "VoiceMethod": "PUT"}, 21403), ({"PhoneNumber": OURS, "FriendlyName": "x" * 65}, 20002),
        ({"PhoneNumber": OURS, "VoiceFallbackUrl": "http://127.0.0.1/"}, 21405),
        ({"PhoneNumber": OURS, "SmsFallbackUrl": "http://127.0.0.1/"}, 21406),
        ({"PhoneNumber": OURS, "VoiceApplicationSid": "AP" + "0" * 32}, 21420),
        ({"PhoneNumber": OURS, "SmsApplicationSid": "menu"}, 21420),
        ({"PhoneNumber": OURS, "VoiceCallerIdLookup": "maybe"}, 21409),
    ],
)  # fmt: skip
async def test_what_a_number_is_refused_for(rest: World, form: dict[str, str], code: int) -> None:
    await pool(rest, OURS)
    answer = await rest("POST", f"{NUMBERS}.json", form)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert (await rest("GET", f"{NUMBERS}.json")).json["incoming_phone_numbers"] == []


async def test_who_comes_second_takes_the_next_and_a_store_that_is_away_says_so(
    rest: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool(rest, "+12125550100", "+12125550101")
    buy, tried = rest.database.numbers.buy, []

    async def late(number: Any) -> bool:
        tried.append(number.phone_number)
        if len(tried) == 1:
            raise StorageError("somebody else has it")
        return await buy(number)

    monkeypatch.setattr(rest.database.numbers, "buy", late)
    assert (await rest("POST", f"{NUMBERS}.json", {"AreaCode": "212"})).json["phone_number"] == tried[1] != tried[0]

    async def away(number: Any) -> bool:
        raise StorageError("nobody answers", unavailable=True)

    monkeypatch.setattr(rest.database.numbers, "buy", away)
    answer = await rest("POST", f"{NUMBERS}.json", {"AreaCode": "212"})
    assert (answer.status, answer.json["code"]) == (503, 20503)


@pytest.mark.conforms("2010-04-01/9/UpdateIncomingPhoneNumber")
async def test_a_number_is_pointed_elsewhere(rest: World) -> None:
    number, menu = await rest.new_number(sms_url="http://127.0.0.1/sms"), await application(rest)
    path = f"{NUMBERS}/{number.sid}.json"
    rest.clock.passed += 1
    told = (await rest("POST", path, {"VoiceApplicationSid": menu, "VoiceUrl": "", "ApiVersion": "2008-08-01"})).json
    assert (told["voice_application_sid"], told["voice_url"], told["api_version"]) == (menu, None, "2008-08-01")
    assert (told["sms_url"], told["date_updated"]) == ("http://127.0.0.1/sms", "Thu, 29 Feb 2024 12:30:16 +0000")
    fallback = {"VoiceFallbackUrl": "http://127.0.0.1/f"}
    assert (await rest("POST", path, fallback)).json["code"] == 21405  # there is no URL that could fail
    assert (await rest("POST", path, {**fallback, "VoiceApplicationSid": menu})).status == 200
    assert (await rest("POST", path, {"VoiceApplicationSid": "", "SmsUrl": ""})).json["voice_application_sid"] is None
    other = await application(rest, account_sid=(await rest.new_account()).sid)
    for name in ("VoiceApplicationSid", "SmsApplicationSid"):
        assert (await rest("POST", path, {name: other})).json["code"] == 21420
    before = (await rest("GET", path)).json
    rest.clock.passed += 1
    assert (await rest("POST", path)).json == before


async def test_a_number_is_handed_to_a_subaccount_and_back_but_not_to_strangers(rest: World) -> None:
    number, child = await rest.new_number(), await rest.new_account(owner_account_sid=rest.account.sid)
    stranger = await rest.new_account()
    path = f"{NUMBERS}/{number.sid}.json"
    for target in (stranger.sid, "AC" + "9" * 32):
        answer = await rest("POST", path, {"AccountSid": target})
        assert (answer.status, answer.json["code"]) == (404, 20404)
    assert (await rest("POST", path, {"AccountSid": rest.account.sid})).json["account_sid"] == rest.account.sid
    assert (await rest("POST", path, {"AccountSid": child.sid})).json["account_sid"] == child.sid
    assert (await rest("GET", path)).json["code"] == 20404
    theirs = path.replace("{A}", child.sid)
    auth = child.sid, child.auth_token
    assert (await rest("POST", theirs, {"AccountSid": rest.account.sid}, auth=auth)).status == 200
    assert (await rest("GET", path)).json["account_sid"] == rest.account.sid


@pytest.mark.conforms("2010-04-01/9/DeleteIncomingPhoneNumber")
async def test_a_number_that_is_given_back_is_in_the_pool_again(rest: World) -> None:
    number, name = await rest.new_number("+12125550100"), await rest.new_number("extension-7")
    assert (await rest("DELETE", f"{NUMBERS}/{number.sid}.json")).status == 204
    assert (await rest("DELETE", f"{NUMBERS}/{name.sid}.json")).status == 204
    [there] = await rest.database.available_numbers.page(())
    assert (there.phone_number, there.iso_country, there.kind) == ("+12125550100", "US", "local")
    assert (await rest("DELETE", f"{NUMBERS}/{number.sid}.json")).json["code"] == 20404
    assert (await rest("POST", f"{NUMBERS}.json", {"PhoneNumber": "+12125550100"})).status == 201


@pytest.mark.conforms(
    "2008-08-01/5/IncomingPhoneNumbers", "2008-08-01/6/number-fields", "2008-08-01/4/put",
    "2008-08-01/4/method-override", "2008-08-01/4/status-codes",
)  # fmt: skip
async def test_a_number_of_2008_is_changed_by_post_and_put_and_deleted(rest: World) -> None:
    number = await rest.new_number()
    path = f"{OLD}/{number.sid}"
    assert [child.tag for child in (await rest("GET", path)).xml.find("IncomingPhoneNumber")] == [
        "Sid", "AccountSid", "FriendlyName", "PhoneNumber", "Url", "Method", "SmsUrl", "SmsMethod", "VoiceFallbackUrl",
        "VoiceFallbackMethod", "SmsFallbackUrl", "SmsFallbackMethod", "VoiceCallerIdLookup", "DateCreated",
        "DateUpdated",
    ]  # fmt: skip
    for method, query in (("POST", ""), ("PUT", ""), ("POST", "_method=PUT")):
        changed = await rest(method, path, {"FriendlyName": f"{method} {query}"}, query=query)
        assert (changed.status, changed.xml.findtext("IncomingPhoneNumber/FriendlyName")) == (200, f"{method} {query}")
    again = {"SmsFallbackMethod": "", "VoiceFallbackMethod": "GET"}
    told = (await rest("PUT", path, again)).xml.find("IncomingPhoneNumber")
    assert (told.findtext("SmsFallbackMethod"), told.findtext("VoiceFallbackMethod")) == ("POST", "GET")
    assert (await rest("POST", path, {"Method": "PUT"})).status == 400
    assert (await rest("POST", path, query="_method=delete")).status == 204
    assert (await rest("GET", path)).status == 404
    assert (await rest("DELETE", OLD)).status == 405
    assert (await rest("GET", OLD, auth=None)).status == 401


@pytest.mark.conforms("2008-08-01/5/IncomingPhoneNumbers-Local", "2008-08-01/6/number-buy", "2008-08-01/1.7/no-url")
async def test_a_number_of_2008_is_bought_by_area_code_and_kind(rest: World) -> None:
    await pool(rest, "+12125550100")
    await pool(rest, "+18005550133", kind="toll-free")
    for name, code in (("VoiceFallbackUrl", "21405"), ("SmsFallbackUrl", "21406")):
        error = await rest("POST", f"{OLD}/Local", {"AreaCode": "212", name: "http://127.0.0.1/"})
        assert error.xml.findtext("RestException/Code") == code
    for path, form, number in (("Local", {"AreaCode": "212"}, "2125550100"), ("TollFree", {}, "8005550133")):
        bought = await rest("POST", f"{OLD}/{path}", form)
        assert (bought.status, bought.xml.findtext("IncomingPhoneNumber/PhoneNumber")) == (201, number)
        gone = await rest("POST", f"{OLD}/{path}", form)
        assert (gone.status, gone.xml.findtext("RestException/Code")) == (400, "21452")
    assert (await rest("GET", f"{OLD}/Local")).xml.find("IncomingPhoneNumbers").get("total") == "2"
    assert (await rest("GET", f"{OLD}/TollFree")).xml.find("IncomingPhoneNumbers").get("total") == "0"
