"""Test credentials: numbers that stand for what may happen (2010-04-01, clause 16)."""

import pytest
from rest_world import V2010, World

from ringback.model.records import Account

FINE = "+15005550006"


@pytest.fixture
async def tester(rest: World) -> Account:
    return await rest.new_account(is_test=True)


async def post(rest: World, tester: Account, path: str, form: dict[str, str]) -> tuple[int, dict[str, object]]:
    path = f"{V2010}/Accounts/{tester.sid}/{path}.json"
    answer = await rest("POST", path, form, auth=(tester.sid, tester.auth_token))
    return answer.status, answer.json


def magic(last: str) -> str:
    return f"+1500555{last}"


@pytest.mark.conforms("2010-04-01/16/calls")
@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({}, None), ({"Url": "", "Twiml": "<Response/>"}, None), ({"To": "client:bob"}, None),
        ({"From": magic("0001")}, 21212), ({"From": "+14155550100"}, 21210), ({"To": magic("0001")}, 21217),
        ({"To": magic("0002")}, 21214), ({"To": magic("0003")}, 21215), ({"To": magic("0004")}, 21216),
        ({"Url": ""}, 21205),
    ],
)  # fmt: skip
async def test_calls(rest: World, tester: Account, different: dict[str, str], code: int | None) -> None:
    form = {"From": FINE, "To": "+14155550199", "Url": "http://127.0.0.1/", **different}
    status, told = await post(rest, tester, "Calls", form)
    assert (status, told.get("code")) == (201 if code is None else 400, code)
    if code is None:
        assert (told["status"], told["to"], told["direction"]) == ("queued", form["To"], "outbound-api")
    assert await rest.database.outgoing.waiting() == []


@pytest.mark.conforms("2010-04-01/16/messages", "2010-04-01/15/21602")
@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({}, None), ({"Body": "", "MediaUrl": "http://127.0.0.1/cat"}, None), ({"From": magic("0001")}, 21212),
        ({"From": magic("0007")}, 21606), ({"From": magic("0008")}, 21611), ({"From": "+14155550100"}, 21606),
        ({"From": ""}, 21606), ({"To": magic("0001")}, 21211), ({"To": magic("0002")}, 21612),
        ({"To": magic("0003")}, 21408), ({"To": magic("0004")}, 21610), ({"To": magic("0009")}, 21614),
        ({"Body": ""}, 21602),
    ],
)  # fmt: skip
async def test_messages(rest: World, tester: Account, different: dict[str, str], code: int | None) -> None:
    form = {"From": FINE, "To": "+14155550199", "Body": "Hi", **different}
    status, told = await post(rest, tester, "Messages", form)
    assert (status, told.get("code")) == (201 if code is None else 400, code)
    if code is None:
        assert (told["status"], told["from"], told["body"]) == ("queued", FINE, form["Body"])


@pytest.mark.conforms("2010-04-01/16/numbers")
@pytest.mark.parametrize(
    ("form", "number", "code"),
    [
        ({"PhoneNumber": FINE}, FINE, None), ({"AreaCode": "500"}, FINE, None),
        ({"AreaCode": "212"}, "+12125550006", None),
        ({}, FINE, None), ({"PhoneNumber": magic("0000")}, "", 21422), ({"PhoneNumber": magic("0001")}, "", 21421),
        ({"PhoneNumber": "+14155550100"}, "", 21421), ({"AreaCode": "533"}, "", 21452),
    ],
)  # fmt: skip
async def test_numbers(rest: World, tester: Account, form: dict[str, str], number: str, code: int | None) -> None:
    status, told = await post(rest, tester, "IncomingPhoneNumbers", {**form, "VoiceUrl": "http://127.0.0.1/"})
    assert (status, told.get("code")) == (201 if code is None else 400, code)
    if code is None:
        assert (told["phone_number"], told["voice_url"]) == (number, "http://127.0.0.1/")
    assert await rest.database.numbers.list() == []


@pytest.mark.conforms("2010-04-01/15/20008")
async def test_nothing_else_is_allowed(rest: World, tester: Account) -> None:
    auth = tester.sid, tester.auth_token
    for method, path in (("GET", "Calls"), ("POST", "Queues"), ("GET", "Messages"), ("POST", "SigningKeys")):
        answer = await rest(method, f"{V2010}/Accounts/{tester.sid}/{path}.json", auth=auth)
        assert (answer.status, answer.json["code"]) == (403, 20008)
