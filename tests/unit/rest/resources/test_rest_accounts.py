"""Accounts, subaccounts, keys and the balance (2010-04-01, clause 9.1)."""

import hashlib
from datetime import timedelta

import pytest
from rest_world import NOW, V2008, V2010, World

ACCOUNTS = f"{V2010}/Accounts"
ACCOUNT = f"{V2010}/Accounts/{{A}}"


@pytest.mark.conforms("2010-04-01/9/FetchAccount", "2010-04-01/8/sids")
async def test_every_field_of_an_account_in_its_order(rest: World) -> None:
    told = (await rest("GET", f"{ACCOUNT}.json")).json
    assert list(told)[:-1] == [
        "sid", "friendly_name", "status", "type", "auth_token", "owner_account_sid", "date_created", "date_updated",
        "uri",
    ]  # fmt: skip
    assert (told["sid"], told["owner_account_sid"]) == (rest.account.sid, rest.account.sid)
    assert (told["status"], told["type"]) == ("active", "Full")
    assert told["uri"] == f"{V2010}/Accounts/{rest.account.sid}.json"
    assert told["subresource_uris"]["calls"] == f"{V2010}/Accounts/{rest.account.sid}/Calls.json"
    assert told["subresource_uris"]["sip"] == f"{V2010}/Accounts/{rest.account.sid}/SIP.json"


@pytest.mark.conforms("2010-04-01/8/order", "2010-04-01/8/subaccounts")
async def test_subaccounts_are_made_and_listed_with_their_parent(rest: World) -> None:
    rest.clock.passed += 1
    made = await rest("POST", f"{ACCOUNTS}.json", {"FriendlyName": "Shop"})
    assert (made.status, made.json["owner_account_sid"]) == (201, rest.account.sid)
    child = made.json["sid"], made.json["auth_token"]
    assert (await rest("GET", f"{ACCOUNTS}/{child[0]}.json", auth=child)).json["friendly_name"] == "Shop"
    rest.clock.passed += 1
    unnamed = (await rest("POST", f"{ACCOUNTS}.json")).json
    assert unnamed["friendly_name"] == "Subaccount created at 2024-02-29 12:30 pm"
    page = (await rest("GET", f"{ACCOUNTS}.json")).json
    assert [one["sid"] for one in page["accounts"]] == [unnamed["sid"], child[0], rest.account.sid]
    named = (await rest("GET", f"{ACCOUNTS}.json", query={"FriendlyName": "Shop", "Status": "active"})).json
    assert [one["sid"] for one in named["accounts"]] == [child[0]]
    assert (await rest("GET", f"{ACCOUNTS}.json", query={"Status": "closed"})).json["accounts"] == []
    below = await rest("POST", f"{ACCOUNTS}.json", {"FriendlyName": "Below"}, auth=child)
    assert (below.status, below.json["code"]) == (403, 20403)


async def test_the_pages_of_accounts_lead_to_each_other(rest: World) -> None:
    for second in range(1, 4):
        await rest.new_account(owner_account_sid=rest.account.sid, date_created=NOW + timedelta(seconds=second))
    first = (await rest("GET", f"{ACCOUNTS}.json", query={"PageSize": 3})).json
    path, _, query = first["next_page_uri"].partition("?")
    second_page = (await rest("GET", path, query=query)).json
    assert [one["sid"] for one in second_page["accounts"]] == [rest.account.sid]
    assert (second_page["next_page_uri"], second_page["start"]) == (None, 3)


async def test_an_account_is_renamed_and_a_subaccount_suspended_and_closed(rest: World) -> None:
    assert (await rest("POST", f"{ACCOUNT}.json", {"FriendlyName": "Main"})).json["friendly_name"] == "Main"
    answer = await rest("POST", f"{ACCOUNT}.json", {"Status": "suspended"})
    assert (answer.status, answer.json["code"]) == (403, 20403)
    child = (await rest("POST", f"{ACCOUNTS}.json", {"FriendlyName": "Shop"})).json
    path, auth = f"{ACCOUNTS}/{child['sid']}.json", (child["sid"], child["auth_token"])
    rest.clock.passed += 1
    for status, code in (("suspended", 20005), ("active", None), ("closed", 20005)):
        assert (await rest("POST", path, {"Status": status})).json["status"] == status
        answer = await rest("GET", path, auth=auth)  # at once, whatever was remembered of the account
        assert answer.json.get("code") == code
    answer = await rest("POST", path, {"Status": "active"})
    assert (answer.status, answer.json["code"]) == (409, 20409)
    assert (await rest("POST", path, {"Status": "closed"})).status == 200  # which it is
    assert (await rest("POST", path, {"Status": "gone"})).json["code"] == 20422


@pytest.mark.conforms(
    "2010-04-01/8/codes",
    "2010-04-01/9/FetchKey",
    "2010-04-01/9/ListKey",
    "2010-04-01/9/ListSigningKey",
    "2010-04-01/9/CreateNewSigningKey",
    "2010-04-01/9/FetchSigningKey",
    "2010-04-01/9/UpdateSigningKey",
    "2010-04-01/9/DeleteSigningKey",
)
@pytest.mark.parametrize(("path", "key"), [("Keys", "keys"), ("SigningKeys", "signing_keys")])
async def test_a_key_shows_its_secret_once_and_opens_until_it_is_deleted(rest: World, path: str, key: str) -> None:
    made = await rest("POST", f"{ACCOUNT}/{path}.json", {"FriendlyName": "CI"})
    assert (made.status, list(made.json)) == (
        201,
        ["sid", "friendly_name", "date_created", "date_updated", "secret"],
    )
    sid, secret = made.json["sid"], made.json["secret"]
    stored = await rest.database.keys.get(sid)
    assert stored is not None
    assert stored.secret_digest == hashlib.sha256(secret.encode()).hexdigest()
    one = f"{ACCOUNT}/{path}/{sid}.json"
    fetched = await rest("GET", one)
    assert (fetched.status, "secret" in fetched.json) == (200, False)
    assert [each["sid"] for each in (await rest("GET", f"{ACCOUNT}/{path}.json")).json[key]] == [sid]
    renamed = await rest("POST", one, {"FriendlyName": ""})
    assert (renamed.status, renamed.json["friendly_name"]) == (200, "")
    assert (await rest("POST", one)).json["friendly_name"] == ""  # nothing said, nothing changed
    assert (await rest("GET", f"{ACCOUNT}/Calls.json", auth=(sid, secret))).status == 200
    gone = await rest("DELETE", one)
    assert (gone.status, gone.body) == (204, b"")
    assert (await rest("GET", f"{ACCOUNT}/Calls.json", auth=(sid, secret))).status == 401
    assert (await rest("GET", one)).json["code"] == 20404


async def test_a_key_of_another_account_is_not_there(rest: World) -> None:
    child = (await rest("POST", f"{ACCOUNTS}.json", {"FriendlyName": "Shop"})).json
    key = (await rest("POST", f"{ACCOUNTS}/{child['sid']}/Keys.json")).json
    assert (await rest("GET", f"{ACCOUNT}/Keys/{key['sid']}.json")).status == 404
    assert (await rest("GET", f"{ACCOUNT}/Keys/nonsense.json")).status == 404


async def test_the_balance_is_always_nothing(rest: World) -> None:
    told = (await rest("GET", f"{ACCOUNT}/Balance.json")).json
    assert told == {"account_sid": rest.account.sid, "balance": "0.00", "currency": "USD"}


@pytest.mark.conforms("2008-08-01/4/auth", "2008-08-01/4/dates", "2008-08-01/9/friendly-name")
async def test_an_account_of_2008_is_asked_for_with_its_token(rest: World) -> None:
    path = f"{V2008}/Accounts/{{A}}"
    assert (await rest("GET", path, auth=(rest.account.sid, "guess"))).status == 401
    told = (await rest("GET", path)).xml.find("Account")
    assert told.findtext("DateCreated") == "Thu, 29 Feb 2024 12:30:15 +0000"
    assert (await rest("POST", path, {"FriendlyName": "x" * 64})).status == 200
    assert (await rest("POST", path, {"FriendlyName": "x" * 65})).xml.findtext("RestException/Code") == "20002"
