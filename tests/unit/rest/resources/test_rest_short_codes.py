"""Short codes: numbers of five or six digits, as a resource of their own (2010-04-01, 9.7; 2008-08-01, 6.11)."""

import pytest
from rest_world import NOW, OURS, V2008, V2010, World

from ringback.model.records import IncomingNumber

CODES = f"{V2010}/Accounts/{{A}}/SMS/ShortCodes"
OLD = f"{V2008}/Accounts/{{A}}/SMS/ShortCodes"
DATE = "Thu, 29 Feb 2024 12:30:15 +0000"


def sid(number: IncomingNumber) -> str:
    return f"SC{number.sid[2:]}"


@pytest.mark.conforms("2010-04-01/9/FetchShortCode")
async def test_every_field_of_a_short_code(rest: World) -> None:
    number = await rest.new_number("12345", friendly_name="Votes", sms_url="http://127.0.0.1/votes")
    told = (await rest("GET", f"{CODES}/{sid(number)}.json")).json
    assert list(told.items()) == [
        ("account_sid", rest.account.sid),
        ("api_version", "2010-04-01"),
        ("date_created", DATE),
        ("date_updated", DATE),
        ("friendly_name", "Votes"),
        ("short_code", "12345"),
        ("sid", sid(number)),
        ("sms_fallback_method", "POST"),
        ("sms_fallback_url", None),
        ("sms_method", "POST"),
        ("sms_url", "http://127.0.0.1/votes"),
        ("uri", f"{V2010}/Accounts/{rest.account.sid}/SMS/ShortCodes/{sid(number)}.json"),
    ]


@pytest.mark.conforms("2010-04-01/9/ListShortCode")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["654321", "12345"]), ("ShortCode=12345", ["12345"]), ("ShortCode=6*", ["654321"]),
        ("ShortCode=123", []), ("FriendlyName=Votes", ["12345"]), ("PageSize=1&Page=1", ["12345"]),
    ],
)  # fmt: skip
async def test_those_of_the_account_are_listed_and_no_other_numbers(rest: World, query: str, found: list[str]) -> None:
    await rest.new_number("12345", friendly_name="Votes")
    rest.clock.passed += 1
    await rest.new_number("654321")
    for other in (OURS, "100", "1234567", "alice"):
        await rest.new_number(other)
    await rest.new_number("98765", account_sid=(await rest.new_account()).sid)
    told = (await rest("GET", f"{CODES}.json", query=query)).json
    assert [one["short_code"] for one in told["short_codes"]] == found
    assert (told["uri"].partition("?")[0], told["page"]) == (
        f"{V2010}/Accounts/{rest.account.sid}/SMS/ShortCodes.json", 1 if "Page=1" in query else 0,
    )  # fmt: skip


@pytest.mark.conforms("2010-04-01/9/UpdateShortCode")
async def test_a_short_code_is_pointed_elsewhere(rest: World) -> None:
    number = await rest.new_number("12345")
    path = f"{CODES}/{sid(number)}.json"
    before = (await rest("GET", path)).json
    rest.clock.passed += 1
    assert (await rest("POST", path)).json == before  # nothing said, nothing changed
    fallback = {"SmsFallbackUrl": "http://127.0.0.1/f"}
    assert (await rest("POST", path, fallback)).json["code"] == 21406  # there is no URL that could fail
    form = {"FriendlyName": "Votes", "ApiVersion": "2008-08-01", "SmsUrl": "http://127.0.0.1/v", "SmsMethod": "GET"}
    told = (await rest("POST", path, {**form, **fallback, "SmsFallbackMethod": "GET"})).json
    assert {**before, **told} == told
    assert (told["friendly_name"], told["api_version"], told["sms_url"], told["sms_method"]) == tuple(form.values())
    assert (told["sms_fallback_url"], told["sms_fallback_method"]) == ("http://127.0.0.1/f", "GET")
    assert told["date_updated"] == "Thu, 29 Feb 2024 12:30:16 +0000"
    kept = await rest.database.numbers.get(number.sid)
    assert kept is not None
    assert (kept.sms_url, kept.voice_url) == ("http://127.0.0.1/v", number.voice_url)  # it is the number itself
    assert (await rest("POST", path, {"SmsUrl": "no URL"})).json["code"] == 21402


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_no_short_code_is_not_found(rest: World, method: str) -> None:
    long, mine = await rest.new_number(), await rest.new_number("12345")
    theirs = await rest.new_number("98765", account_sid=(await rest.new_account()).sid)
    for name in (sid(long), sid(theirs), mine.sid, f"SC{'0' * 32}", "SC1", "12345"):
        answer = await rest(method, f"{CODES}/{name}.json", {"FriendlyName": "x"} if method == "POST" else None)
        assert (answer.status, answer.json["code"]) == (404, 20404)
    assert (await rest("DELETE", f"{CODES}/{sid(mine)}.json")).status == 405


@pytest.mark.conforms("2008-08-01/5/SMS-ShortCodes")
async def test_a_short_code_of_2008(rest: World) -> None:
    number = await rest.new_number("12345", date_updated=NOW)
    await rest.new_number()
    listed = (await rest("GET", OLD)).xml.find("ShortCodes")
    assert (listed.get("total"), [one.findtext("ShortCode") for one in listed]) == ("1", ["12345"])
    rest.clock.passed += 1
    path = f"{OLD}/{sid(number)}"
    for method in ("PUT", "POST"):
        form = {"SmsUrl": f"http://127.0.0.1/{method}", "SmsMethod": "GET"}
        changed = (await rest(method, path, form)).xml.find("ShortCode")
        assert changed.findtext("SmsUrl") == f"http://127.0.0.1/{method}"
    assert [(child.tag, child.text) for child in (await rest("GET", path)).xml.find("ShortCode")] == [
        ("Sid", sid(number)),
        ("AccountSid", rest.account.sid),
        ("FriendlyName", "Front door"),
        ("ShortCode", "12345"),
        ("ApiVersion", "2010-04-01"),
        ("SmsUrl", "http://127.0.0.1/POST"),
        ("SmsMethod", "GET"),
        ("SmsFallbackUrl", None),
        ("SmsFallbackMethod", "POST"),
        ("DateCreated", DATE),
        ("DateUpdated", "Thu, 29 Feb 2024 12:30:16 +0000"),
    ]
    assert (await rest("GET", f"{OLD}/SC{'0' * 32}")).status == 404
    assert (await rest("DELETE", path)).status == 405
