"""SIP domains, lists of credentials and addresses, and which of them count for a domain (2010-04-01, clause 9.8)."""

from typing import Any

import pytest
from rest_world import V2010, World

from ringback.sip.auth import ha1
from ringback.storage.errors import StorageError

SIP = f"{V2010}/Accounts/{{A}}/SIP"
STRONG = "Correct-horse-7"


async def new(rest: World, path: str, **form: str) -> dict[str, Any]:
    answer = await rest("POST", f"{SIP}/{path}.json", form)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


async def sids(rest: World, path: str, key: str) -> set[str]:
    return {one["sid"] for one in (await rest("GET", f"{SIP}/{path}.json")).json[key]}


@pytest.mark.conforms(
    "2010-04-01/9/CreateSipDomain", "2010-04-01/9/FetchSipDomain", "2010-04-01/9/ListSipDomain",
    "2010-04-01/9/UpdateSipDomain", "2010-04-01/9/DeleteSipDomain",
)  # fmt: skip
async def test_a_domain_is_made_changed_and_forgotten(rest: World) -> None:
    form = {
        "DomainName": "Shop.example.com", "FriendlyName": "Shop", "VoiceUrl": "http://127.0.0.1/v",
        "VoiceMethod": "GET", "VoiceStatusCallbackUrl": "http://127.0.0.1/s", "SipRegistration": "true",
        "Secure": "true",
    }  # fmt: skip
    made = await new(rest, "Domains", **form)
    path = f"{SIP}/Domains/{made['sid']}.json"
    assert (await rest("GET", path)).json == made
    assert (made["domain_name"], made["sip_registration"], made["secure"]) == ("shop.example.com", True, True)
    assert (made["voice_url"], made["voice_method"], made["auth_type"]) == ("http://127.0.0.1/v", "GET", "")
    other = await new(rest, "Domains", DomainName="other.example.com")
    assert await sids(rest, "Domains", "domains") == {made["sid"], other["sid"]}
    rest.clock.passed += 1
    changed = (await rest("POST", path, {"DomainName": "Desk.example.com", "VoiceUrl": ""})).json
    assert (changed["domain_name"], changed["voice_url"], changed["friendly_name"]) == (
        "desk.example.com",
        None,
        "Shop",
    )
    rest.clock.passed += 1
    assert (await rest("POST", path)).json == changed
    for answer in (
        await rest("POST", path, {"DomainName": "OTHER.example.com"}),
        await rest("POST", f"{SIP}/Domains.json", {"DomainName": "other.example.com"}),
    ):
        assert (answer.status, answer.json["code"]) == (400, 21232)
    assert (await rest("DELETE", path)).status == 204
    assert (await rest("GET", path)).json["code"] == 20404


@pytest.mark.conforms(
    "2010-04-01/9/ListSipCredentialList", "2010-04-01/9/FetchSipCredentialList",
    "2010-04-01/9/UpdateSipCredentialList", "2010-04-01/9/DeleteSipCredentialList",
    "2010-04-01/9/ListSipIpAccessControlList", "2010-04-01/9/FetchSipIpAccessControlList",
    "2010-04-01/9/UpdateSipIpAccessControlList", "2010-04-01/9/DeleteSipIpAccessControlList",
)  # fmt: skip
@pytest.mark.parametrize(
    ("path", "key", "inside", "form"),
    [
        ("CredentialLists", "credential_lists", "Credentials", {"Username": "carol", "Password": STRONG}),
        (
            "IpAccessControlLists", "ip_access_control_lists", "IpAddresses",
            {"FriendlyName": "Office", "IpAddress": "192.0.2.1"},
        ),
    ],
)  # fmt: skip
async def test_a_list_is_renamed_and_forgotten_with_what_is_in_it(
    rest: World, path: str, key: str, inside: str, form: dict[str, str]
) -> None:
    made = await new(rest, path, FriendlyName="Users")
    one = f"{SIP}/{path}/{made['sid']}"
    entry = await new(rest, f"{path}/{made['sid']}/{inside}", **form)
    assert (await rest("GET", f"{one}.json")).json == made
    assert await sids(rest, path, key) == {made["sid"]}
    assert (await rest("POST", f"{one}.json", {"FriendlyName": "People"})).json["friendly_name"] == "People"
    assert (await rest("POST", f"{one}.json")).status == 400
    assert (await rest("GET", f"{one}/{inside}/{entry['sid']}.json")).json == entry
    assert (await rest("DELETE", f"{one}.json")).status == 204
    for gone in (f"{one}.json", f"{one}/{inside}.json", f"{one}/{inside}/{entry['sid']}.json"):
        assert (await rest("GET", gone)).json["code"] == 20404


@pytest.mark.conforms(
    "2010-04-01/9/CreateSipCredential", "2010-04-01/9/FetchSipCredential", "2010-04-01/9/ListSipCredential",
    "2010-04-01/9/UpdateSipCredential", "2010-04-01/9/DeleteSipCredential",
)  # fmt: skip
async def test_of_a_password_only_digests_are_kept(rest: World) -> None:
    users = (await new(rest, "CredentialLists", FriendlyName="Users"))["sid"]
    base = f"CredentialLists/{users}/Credentials"
    made = await new(rest, base, Username="carol", Password=STRONG)
    assert list(made) == [
        "sid", "account_sid", "credential_list_sid", "username", "date_created", "date_updated", "uri",
    ]  # fmt: skip
    path = f"{SIP}/{base}/{made['sid']}.json"
    assert await sids(rest, base, "credentials") == {made["sid"]}
    taken = await rest("POST", f"{SIP}/{base}.json", {"Username": "carol", "Password": STRONG})
    assert (taken.status, taken.json["code"]) == (400, 21236)
    rest.clock.passed += 1
    assert (await rest("POST", path)).json == made  # nothing said, nothing changed
    assert (await rest("POST", path, {"Password": "short"})).json["code"] == 21243
    assert (await rest("POST", path, {"Password": STRONG + "x"})).json["date_updated"] != made["date_updated"]
    stored = await rest.database.sip.credentials.get(made["sid"])
    assert stored is not None
    assert stored.ha1_sha256 == ha1("SHA-256", "carol", "ringback", STRONG + "x")
    assert (await rest("DELETE", path)).status == 204
    assert (await rest("DELETE", path)).json["code"] == 20404


@pytest.mark.conforms(
    "2010-04-01/9/CreateSipIpAddress", "2010-04-01/9/FetchSipIpAddress", "2010-04-01/9/ListSipIpAddress",
    "2010-04-01/9/UpdateSipIpAddress", "2010-04-01/9/DeleteSipIpAddress",
)  # fmt: skip
async def test_addresses_are_put_into_a_list_changed_and_taken_out(rest: World) -> None:
    near, far = [(await new(rest, "IpAccessControlLists", FriendlyName=name))["sid"] for name in ("Near", "Far")]
    base = f"IpAccessControlLists/{near}/IpAddresses"
    made = await new(rest, base, FriendlyName="Office", IpAddress=" 192.0.2.1 ")
    assert (made["ip_address"], made["cidr_prefix_length"]) == ("192.0.2.1", 32)
    path = f"{SIP}/{base}/{made['sid']}.json"
    rest.clock.passed += 1
    changed = (await rest("POST", path, {"IpAddress": "192.0.2.128", "CidrPrefixLength": "25"})).json
    assert (changed["ip_address"], changed["cidr_prefix_length"], changed["friendly_name"]) == (
        "192.0.2.128", 25, "Office",
    )  # fmt: skip
    rest.clock.passed += 1
    assert (await rest("POST", path)).json == changed
    assert (await rest("POST", path, {"IpAddress": "here"})).json["code"] == 21241
    assert await sids(rest, base, "ip_addresses") == {made["sid"]}
    elsewhere = f"{SIP}/IpAccessControlLists/{far}/IpAddresses/{made['sid']}.json"
    assert (await rest("GET", elsewhere)).json["code"] == 20404
    assert (await rest("DELETE", path)).status == 204


MAPPINGS = {
    "CredentialListMappings": ("SipCredentialListMapping", "CredentialList", "credential_list_mappings"),
    "IpAccessControlListMappings": (
        "SipIpAccessControlListMapping", "IpAccessControlList", "ip_access_control_list_mappings",
    ),
    "Auth/Calls/CredentialListMappings": ("SipAuthCallsCredentialListMapping", "CredentialList", "contents"),
    "Auth/Calls/IpAccessControlListMappings": (
        "SipAuthCallsIpAccessControlListMapping", "IpAccessControlList", "contents",
    ),
    "Auth/Registrations/CredentialListMappings": (
        "SipAuthRegistrationsCredentialListMapping", "CredentialList", "contents",
    ),
}  # fmt: skip


@pytest.mark.conforms(
    "2010-04-01/9/CreateSipCredentialListMapping",
    "2010-04-01/9/DeleteSipCredentialListMapping",
    "2010-04-01/9/FetchSipCredentialListMapping",
    "2010-04-01/9/ListSipCredentialListMapping",
    "2010-04-01/9/CreateSipIpAccessControlListMapping",
    "2010-04-01/9/DeleteSipIpAccessControlListMapping",
    "2010-04-01/9/FetchSipIpAccessControlListMapping",
    "2010-04-01/9/ListSipIpAccessControlListMapping",
    "2010-04-01/9/CreateSipAuthCallsCredentialListMapping",
    "2010-04-01/9/DeleteSipAuthCallsCredentialListMapping",
    "2010-04-01/9/FetchSipAuthCallsCredentialListMapping",
    "2010-04-01/9/ListSipAuthCallsCredentialListMapping",
    "2010-04-01/9/CreateSipAuthCallsIpAccessControlListMapping",
    "2010-04-01/9/DeleteSipAuthCallsIpAccessControlListMapping",
    "2010-04-01/9/FetchSipAuthCallsIpAccessControlListMapping",
    "2010-04-01/9/ListSipAuthCallsIpAccessControlListMapping",
    "2010-04-01/9/CreateSipAuthRegistrationsCredentialListMapping",
    "2010-04-01/9/DeleteSipAuthRegistrationsCredentialListMapping",
    "2010-04-01/9/FetchSipAuthRegistrationsCredentialListMapping",
    "2010-04-01/9/ListSipAuthRegistrationsCredentialListMapping",
)
@pytest.mark.parametrize("path", MAPPINGS)
async def test_a_list_counts_for_a_domain_while_it_is_mapped(rest: World, path: str) -> None:
    _, noun, key = MAPPINGS[path]
    domain = (await new(rest, "Domains", DomainName="shop.example.com"))["sid"]
    users = (await new(rest, f"{noun}s", FriendlyName="Users"))["sid"]
    base = f"Domains/{domain}/{path}"
    made = await new(rest, base, **{f"{noun}Sid": users})
    assert (made["sid"], made["friendly_name"]) == (users, "Users")
    # One that is mapped for calls is the same at its old path and its new one.
    assert made.get("domain_sid") == (None if path.startswith("Auth") else domain)
    auth_type = (await rest("GET", f"{SIP}/Domains/{domain}.json")).json["auth_type"]
    assert auth_type == ("" if "Registrations" in path else "CREDENTIAL_LIST" if "Credential" in path else "IP_ACL")
    again = await rest("POST", f"{SIP}/{base}.json", {f"{noun}Sid": users})
    assert (again.status, again.json["code"]) == (400, 21231)
    assert (await rest("POST", f"{SIP}/{base}.json")).json["code"] == 20422
    stranger = f"{users[:2]}{'0' * 32}"
    assert (await rest("POST", f"{SIP}/{base}.json", {f"{noun}Sid": stranger})).json["code"] == 20404
    assert await sids(rest, base, key) == {users}
    assert (await rest("GET", f"{SIP}/{base}/{users}.json")).json == made
    assert (await rest("DELETE", f"{SIP}/{base}/{users}.json")).status == 204
    for method in ("GET", "DELETE"):
        assert (await rest(method, f"{SIP}/{base}/{users}.json")).json["code"] == 20404
    assert await sids(rest, base, key) == set()


@pytest.mark.parametrize("path", MAPPINGS)
async def test_a_domain_and_its_lists_are_nobody_elses(rest: World, path: str) -> None:
    """Neither the domain of another account nor a list of it can be mapped, seen or taken away."""
    _, noun, key = MAPPINGS[path]
    domain = (await new(rest, "Domains", DomainName="shop.example.com"))["sid"]
    users = (await new(rest, f"{noun}s", FriendlyName="Users"))["sid"]
    base = f"{SIP}/Domains/{domain}/{path}"
    await new(rest, f"Domains/{domain}/{path}", **{f"{noun}Sid": users})
    other = await rest.new_account()
    auth = other.sid, other.auth_token
    for method, below in (("GET", ""), ("POST", ""), ("GET", f"/{users}"), ("DELETE", f"/{users}")):
        form = {f"{noun}Sid": users} if method == "POST" else None
        theirs = await rest(method, f"{base.replace('{A}', other.sid)}{below}.json", form, auth=auth)
        assert (theirs.status, theirs.json["code"]) == (404, 20404)
        assert (await rest(method, f"{base}{below}.json", form, auth=auth)).status == 401
    their_sip = SIP.replace("{A}", other.sid)
    desk = await rest("POST", f"{their_sip}/Domains.json", {"DomainName": "desk.example.com"}, auth=auth)
    theirs = await rest("POST", f"{their_sip}/Domains/{desk.json['sid']}/{path}.json", {f"{noun}Sid": users}, auth=auth)
    assert (theirs.status, theirs.json["code"]) == (404, 20404)
    assert await sids(rest, f"Domains/{domain}/{path}", key) == {users}


async def test_a_store_that_is_away_is_not_taken_for_a_name_that_is(
    rest: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise StorageError("nobody answers", unavailable=True)

    users = (await new(rest, "CredentialLists", FriendlyName="Users"))["sid"]
    monkeypatch.setattr(rest.database.sip.credentials, "create", away)
    form = {"Username": "carol", "Password": STRONG}
    answer = await rest("POST", f"{SIP}/CredentialLists/{users}/Credentials.json", form)
    assert (answer.status, answer.json["code"]) == (503, 20503)
