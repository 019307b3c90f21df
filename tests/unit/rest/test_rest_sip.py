"""SIP domains and their lists over REST (2010-04-01, clause 9.8), by the SDK and as they are written."""

# Covers: rest/resources/sip.py

from collections.abc import AsyncIterator

import pytest
from rest_world import World
from test_rest_sdk import Sdk

from ringback.app.rest import HttpServer
from ringback.app.settings import HttpSettings
from ringback.sip.auth import ha1

STRONG = "Correct-horse-7"


@pytest.fixture
async def sdk(rest: World) -> AsyncIterator[Sdk]:
    server = HttpServer(HttpSettings(port=0))
    await server.start(rest.application)
    made = Sdk(rest, server.url)
    yield made
    session = getattr(made.client.http_client, "session", None)
    if session is not None:
        session.close()
    await server.close()


async def new(rest: World, path: str, **form: str) -> dict[str, str]:
    answer = await rest("POST", f"/2010-04-01/Accounts/{{A}}/SIP/{path}.json", form)
    assert answer.status == 201, answer.body
    made: dict[str, str] = answer.json
    return made


async def refused(rest: World, path: str, **form: str) -> tuple[int, int]:
    answer = await rest("POST", f"/2010-04-01/Accounts/{{A}}/SIP/{path}.json", form)
    return answer.status, answer.json["code"]


@pytest.mark.conforms(
    "2010-04-01/9/CreateSipAuthCallsCredentialListMapping",
    "2010-04-01/9/CreateSipAuthRegistrationsCredentialListMapping",
    "2010-04-01/9/CreateSipCredential",
    "2010-04-01/9/CreateSipCredentialList",
    "2010-04-01/9/CreateSipDomain",
    "2010-04-01/9/CreateSipIpAccessControlList",
    "2010-04-01/9/CreateSipIpAccessControlListMapping",
    "2010-04-01/9/CreateSipIpAddress",
    "2010-04-01/9/DeleteSipAuthCallsCredentialListMapping",
    "2010-04-01/9/DeleteSipCredential",
    "2010-04-01/9/DeleteSipCredentialList",
    "2010-04-01/9/DeleteSipDomain",
    "2010-04-01/9/DeleteSipIpAccessControlList",
    "2010-04-01/9/FetchSipAuthCallsIpAccessControlListMapping",
    "2010-04-01/9/FetchSipDomain",
    "2010-04-01/9/ListSipCredential",
    "2010-04-01/9/ListSipCredentialListMapping",
    "2010-04-01/9/ListSipDomain",
    "2010-04-01/9/UpdateSipCredential",
    "2010-04-01/9/UpdateSipCredentialList",
    "2010-04-01/9/UpdateSipDomain",
    "2010-04-01/9/UpdateSipIpAddress",
)
@pytest.mark.slow
async def test_the_sdk_makes_a_domain_with_lists(rest: World, sdk: Sdk) -> None:
    domain = await sdk(
        lambda c: c.api.account.sip.domains.create(domain_name="Shop.example.com", voice_url="http://127.0.0.1/voice")
    )
    assert (domain.domain_name, domain.auth_type, domain.voice_method) == ("shop.example.com", "", "POST")
    users = await sdk(lambda c: c.api.account.sip.credential_lists.create(friendly_name="Users"))
    user = await sdk(
        lambda c: c.api.account.sip.credential_lists(users.sid).credentials.create(username="carol", password=STRONG)
    )
    near = await sdk(lambda c: c.api.account.sip.ip_access_control_lists.create(friendly_name="Near"))
    address = await sdk(
        lambda c: c.api.account.sip.ip_access_control_lists(near.sid).ip_addresses.create(
            friendly_name="Office", ip_address="192.0.2.0", cidr_prefix_length=24
        )
    )
    assert (address.ip_address, address.cidr_prefix_length) == ("192.0.2.0", 24)
    await sdk(lambda c: c.api.account.sip.domains(domain.sid).auth.calls.credential_list_mappings.create(users.sid))
    await sdk(lambda c: c.api.account.sip.domains(domain.sid).ip_access_control_list_mappings.create(near.sid))
    registrations = await sdk(
        lambda c: c.api.account.sip.domains(domain.sid).auth.registrations.credential_list_mappings.create(users.sid)
    )
    assert (registrations.sid, registrations.friendly_name) == (users.sid, "Users")
    found = await sdk(lambda c: c.api.account.sip.domains(domain.sid).fetch())
    assert found.auth_type == "IP_ACL,CREDENTIAL_LIST"
    assert [one.sid for one in await sdk(lambda c: c.api.account.sip.domains.list())] == [domain.sid]
    # One store behind the old path and the new one.
    old = await sdk(lambda c: c.api.account.sip.domains(domain.sid).credential_list_mappings.list())
    assert [(one.sid, one.domain_sid) for one in old] == [(users.sid, domain.sid)]
    auth = await sdk(
        lambda c: c.api.account.sip.domains(domain.sid).auth.calls.ip_access_control_list_mappings(near.sid).fetch()
    )
    assert auth.sid == near.sid
    await sdk(lambda c: c.api.account.sip.credential_lists(users.sid).update(friendly_name="People"))
    old = await sdk(lambda c: c.api.account.sip.domains(domain.sid).credential_list_mappings.list())
    assert [one.friendly_name for one in old] == ["People"]
    before = await rest.database.sip.credentials.get(user.sid)
    await sdk(
        lambda c: c.api.account.sip.credential_lists(users.sid).credentials(user.sid).update(password=f"{STRONG}more")
    )
    after = await rest.database.sip.credentials.get(user.sid)
    assert before is not None
    assert after is not None
    assert before.ha1_md5 == ha1("MD5", "carol", "ringback", STRONG) != after.ha1_md5
    changed = await sdk(
        lambda c: (
            c.api.account.sip.ip_access_control_lists(near.sid)
            .ip_addresses(address.sid)
            .update(ip_address="192.0.2.128")
        )
    )
    assert (changed.ip_address, changed.friendly_name) == ("192.0.2.128", "Office")
    assert (
        await sdk(lambda c: c.api.account.sip.domains(domain.sid).update(voice_url="", sip_registration=True))
    ).sip_registration
    assert await sdk(lambda c: c.api.account.sip.ip_access_control_lists(near.sid).delete())
    assert (await sdk(lambda c: c.api.account.sip.domains(domain.sid).fetch())).auth_type == "CREDENTIAL_LIST"
    assert await sdk(
        lambda c: c.api.account.sip.domains(domain.sid).auth.calls.credential_list_mappings(users.sid).delete()
    )
    assert (await sdk(lambda c: c.api.account.sip.domains(domain.sid).fetch())).auth_type == ""
    assert await sdk(lambda c: c.api.account.sip.credential_lists(users.sid).credentials(user.sid).delete())
    assert await sdk(lambda c: c.api.account.sip.credential_lists(users.sid).credentials.list()) == []
    assert await sdk(lambda c: c.api.account.sip.credential_lists(users.sid).delete())
    assert await sdk(lambda c: c.api.account.sip.domains(domain.sid).delete())
    assert await sdk.refused(lambda c: c.api.account.sip.domains(domain.sid).fetch()) == (404, 20404)


async def test_fields_come_in_their_order(rest: World) -> None:
    """As the operations of the specification list them, with the link that every resource has."""
    domain = await new(rest, "Domains", DomainName="a.example", FriendlyName="A")
    assert list(domain) == [
        "account_sid", "api_version", "auth_type", "date_created", "date_updated", "domain_name", "friendly_name",
        "sid", "uri", "voice_fallback_method", "voice_fallback_url", "voice_method", "voice_status_callback_method",
        "voice_status_callback_url", "voice_url", "subresource_uris", "sip_registration", "emergency_calling_enabled",
        "secure", "byoc_trunk_sid", "emergency_caller_sid",
    ]  # fmt: skip
    users = await new(rest, "CredentialLists", FriendlyName="Users")
    user = await new(rest, f"CredentialLists/{users['sid']}/Credentials", Username="carol", Password=STRONG)
    assert list(user) == [
        "sid", "account_sid", "credential_list_sid", "username", "date_created", "date_updated", "uri",
    ]  # fmt: skip
    assert STRONG not in str(user)
    contents = (await rest("GET", f"/2010-04-01/Accounts/{{A}}/SIP/Domains/{domain['sid']}/Auth/Calls/"
                           "CredentialListMappings.json")).json  # fmt: skip
    assert contents["contents"] == []


async def test_what_is_refused(rest: World) -> None:
    domain = (await new(rest, "Domains", DomainName="a.example"))["sid"]
    users = (await new(rest, "CredentialLists", FriendlyName="Users"))["sid"]
    near = (await new(rest, "IpAccessControlLists", FriendlyName="Near"))["sid"]
    assert await refused(rest, "Domains", DomainName="A.example") == (400, 21232)
    assert await refused(rest, "Domains", DomainName="not a host") == (400, 21232)
    assert await refused(rest, "Domains") == (400, 21232)
    other = (await new(rest, "Domains", DomainName="b.example"))["sid"]
    assert await refused(rest, f"Domains/{other}", DomainName="a.example") == (400, 21232)
    for weak in ("Short-7", "no-digit-and-Capital", "no-capital-77", "NO-SMALL-LETTER-7"):
        assert await refused(rest, f"CredentialLists/{users}/Credentials", Username="carol", Password=weak) == (
            400, 21243,
        )  # fmt: skip
    await new(rest, f"CredentialLists/{users}/Credentials", Username="carol", Password=STRONG)
    assert await refused(rest, f"CredentialLists/{users}/Credentials", Username="carol", Password=STRONG) == (
        400, 21236,
    )  # fmt: skip
    for wrong in ({"IpAddress": "192.0.2"}, {"IpAddress": "192.0.2.1", "CidrPrefixLength": "4"}):
        assert await refused(rest, f"IpAccessControlLists/{near}/IpAddresses", FriendlyName="x", **wrong) == (
            400, 21241,
        )  # fmt: skip
    await new(rest, f"Domains/{domain}/CredentialListMappings", CredentialListSid=users)
    for path in ("CredentialListMappings", "Auth/Calls/CredentialListMappings"):
        assert await refused(rest, f"Domains/{domain}/{path}", CredentialListSid=users) == (400, 21231)
    assert await refused(rest, f"Domains/{domain}/CredentialListMappings", CredentialListSid="CL" + "9" * 32) == (
        404, 20404,
    )  # fmt: skip


@pytest.mark.conforms(
    "2010-04-01/9/DeleteSipIpAddress", "2010-04-01/9/ListSipIpAddress", "2010-04-01/9/UpdateSipIpAccessControlList"
)
async def test_a_thing_of_another_list_is_not_found(rest: World) -> None:
    one, two = [(await new(rest, "CredentialLists", FriendlyName="L"))["sid"] for _ in range(2)]
    user = (await new(rest, f"CredentialLists/{one}/Credentials", Username="carol", Password=STRONG))["sid"]
    near, far = [(await new(rest, "IpAccessControlLists", FriendlyName="L"))["sid"] for _ in range(2)]
    path = f"IpAccessControlLists/{near}/IpAddresses"
    address = (await new(rest, path, FriendlyName="x", IpAddress="192.0.2.1"))["sid"]
    root = "/2010-04-01/Accounts/{A}/SIP"
    assert (await rest("GET", f"{root}/CredentialLists/{two}/Credentials/{user}.json")).status == 404
    assert (await rest("GET", f"{root}/IpAccessControlLists/{far}/IpAddresses/{address}.json")).status == 404
    listed = (await rest("GET", f"{root}/{path}.json")).json["ip_addresses"]
    assert [each["sid"] for each in listed] == [address]
    assert (await rest("DELETE", f"{root}/{path}/{address}.json")).status == 204
    renamed = await rest("POST", f"{root}/IpAccessControlLists/{near}.json", {"FriendlyName": "Nearer"})
    assert renamed.json["friendly_name"] == "Nearer"
    domain = (await new(rest, "Domains", DomainName="a.example"))["sid"]
    assert (await rest("GET", f"{root}/Domains/{domain}/CredentialListMappings/{one}.json")).status == 404
