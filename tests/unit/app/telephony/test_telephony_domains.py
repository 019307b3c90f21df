"""SIP domains at work: whose passwords and addresses count, for calls and for registrations."""

from dataclasses import replace
from datetime import timedelta

import pytest
from telephony_world import ALICE, HOME, NOON, World

from ringback.model.sip_domains import (
    CALLS,
    REGISTRATIONS,
    AccessAddressRecord,
    AccessListRecord,
    CredentialListRecord,
    CredentialRecord,
    MappingRecord,
    SipDomainRecord,
)
from ringback.sip.auth import ha1
from ringback.sip.events import DialogId, IncomingCall
from ringback.sip.values import Allow, Challenge, Deny, Flow, RequestView, Silent
from ringback.storage.database import Database

SHOP = "shop.example"
DOMAIN, USERS, NEAR = "SD" + "1" * 32, "CL" + "1" * 32, "AL" + "1" * 32
OFFICE = Flow("UDP", HOME, ("198.18.0.7", 5060))
SECRET = "Correct-horse-7"


class Shop:
    """A domain with a list of each kind, which count where the test says so."""

    def __init__(self, database: Database, account_sid: str) -> None:
        self.database, self.account_sid = database, account_sid

    async def map(self, kind: str, *lists: str) -> None:
        for each in lists:
            await self.database.sip.map(MappingRecord(DOMAIN, kind, each, self.account_sid, "list", NOON))

    async def credential(self, username: str, number: int, of: str = USERS) -> None:
        digests = [ha1(name, username, "ringback", SECRET) for name in ("MD5", "SHA-256", "SHA-512-256")]
        moment = NOON + timedelta(seconds=number)
        await self.database.sip.credentials.create(
            CredentialRecord(f"CR{number:032x}", self.account_sid, of, username, "ringback", *digests, moment)
        )


@pytest.fixture
async def shop(database: Database) -> Shop:
    account = await database.accounts.ensure_default(NOON, bytes)
    sip = database.sip
    await sip.domains.create(SipDomainRecord(DOMAIN, account.sid, SHOP, "Shop", NOON, sip_registration=True))
    await sip.credential_lists.create(CredentialListRecord(USERS, account.sid, "Users", NOON))
    await sip.access_lists.create(AccessListRecord(NEAR, account.sid, "Near", NOON))
    await sip.addresses.create(
        AccessAddressRecord("IP" + "1" * 32, account.sid, NEAR, "Office", "198.18.0.0", 16, NOON)
    )
    made = Shop(database, account.sid)
    await made.credential("carol", 1)
    return made


async def running(database: Database) -> World:
    world = World(database)
    await world.services.load()
    world.start()
    return world


def call(flow: Flow = ALICE, identity: str | None = None, uri: str = f"sip:orders@{SHOP}") -> IncomingCall:
    return IncomingCall(DialogId(1), flow, uri, "orders", uri, "orders", "sip:x@h", "x", "", "i", None, (), identity)


async def test_lists_that_count_for_nothing_open_nothing(shop: Shop, database: Database) -> None:
    world = await running(database)
    assert isinstance(world.screen("INVITE", OFFICE), Silent)
    assert world.services.domains.refusal(SHOP, call(OFFICE, "phone:carol")) is not None
    assert world.services.domains.refusal("other.example", call()) is not None
    await world.services.close()


@pytest.mark.conforms("2010-04-01/14/domain")
async def test_a_credential_may_call_and_where_it_counts_for_that_register(shop: Shop, database: Database) -> None:
    await shop.map(CALLS, USERS)
    world = await running(database)
    assert isinstance(world.screen("INVITE"), Challenge)
    assert world.log_in("INVITE", user="carol", password=SECRET) == Allow("phone:carol")
    assert isinstance(world.log_in("INVITE", user="carol", password="wrong"), Deny)
    domains, phones = world.services.domains, world.services.phones
    assert domains.refusal(SHOP, call(identity="phone:carol")) is None
    assert domains.refusal(SHOP, call(identity="phone:alice")) is not None
    assert domains.refusal(SHOP, call(identity="trunk:carol")) is not None
    assert domains.refusal(SHOP, call(OFFICE)) is not None
    assert world.register("<sip:carol@10.0.0.5>", identity="phone:carol", to="carol")[0] == 403
    assert not phones.is_phone("carol")
    await shop.map(REGISTRATIONS, USERS)
    await phones.refresh()
    assert world.register("<sip:carol@10.0.0.5>", identity="phone:carol", to="carol")[0] == 200
    assert [each.contact for each in phones.bindings("carol", world.now)] == ["sip:carol@10.0.0.5"]
    assert phones.account_of("carol") == shop.account_sid
    await database.sip.remove_list(USERS)
    await phones.refresh()
    assert phones.bindings("carol", world.now) == []
    await world.services.close()


async def test_a_domain_without_registrations_has_none(shop: Shop, database: Database) -> None:
    await database.sip.domains.update(DOMAIN, sip_registration=False)
    await shop.map(REGISTRATIONS, USERS)
    world = await running(database)
    assert not world.services.phones.is_phone("carol")
    await world.services.close()


@pytest.mark.conforms("2010-04-01/14/domain")
async def test_an_address_may_call_without_a_password(shop: Shop, database: Database) -> None:
    await shop.map(CALLS, NEAR)
    world = await running(database)
    assert world.screen("INVITE", OFFICE) == Allow()
    assert isinstance(world.screen("INVITE"), Silent)
    assert isinstance(world.screen("REGISTER", OFFICE), Silent)
    assert world.services.domains.refusal(SHOP, call(OFFICE)) is None
    assert world.services.domains.refusal(SHOP, call()) is not None
    await world.services.close()


@pytest.mark.conforms("2010-04-01/14/domain")
async def test_both_lists_must_be_met(shop: Shop, database: Database) -> None:
    await shop.map(CALLS, NEAR, USERS)
    world = await running(database)
    assert isinstance(world.screen("INVITE", OFFICE), Challenge)
    domains = world.services.domains
    assert domains.refusal(SHOP, call(OFFICE, "phone:carol")) is None
    assert domains.refusal(SHOP, call(OFFICE)) == 32202
    assert domains.refusal(SHOP, call(identity="phone:carol")) == 32201
    await world.services.close()


async def test_a_domain_with_passwords_asks_those_whose_address_is_open(shop: Shop, database: Database) -> None:
    """Calls to it only; to all else they call as before."""
    await shop.map(CALLS, USERS)
    world = await running(database)
    loopback = Flow("UDP", HOME, ("127.0.0.1", 5060))

    def screened(method: str, uri: str) -> object:
        view = RequestView(method, uri, "sip:x@h", "x", uri, "orders", "i", (), b"")
        return world.services.screen(view, loopback, world.now)

    assert isinstance(screened("INVITE", f"sip:orders@{SHOP}"), Challenge)
    assert screened("OPTIONS", f"sip:orders@{SHOP}") == Allow()
    assert screened("INVITE", "sip:100@192.0.2.1") == Allow()
    await world.services.close()


async def test_the_first_of_a_name_counts_and_phones_before_all(
    shop: Shop, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    others = "CL" + "2" * 32
    await database.sip.credential_lists.create(CredentialListRecord(others, shop.account_sid, "Others", NOON))
    await shop.credential("carol", 2, others)
    await shop.map(CALLS, USERS, others)
    world = World(database)
    await world.add_phone("carol")
    await world.services.load()
    assert "has the user name of another: carol" in caplog.text
    assert len(world.services.domains) == 1
    secret = world.services.secret("carol", "MD5")
    assert secret == ha1("MD5", "carol", "ringback", "secret")
    assert world.services.is_home(SHOP, None)


async def test_which_domain_is_called(shop: Shop, database: Database) -> None:
    world = World(database)
    await world.services.load()
    domains = world.services.domains
    found = domains.called(call())
    assert found is not None
    assert found.sid == DOMAIN
    assert domains.called(call(uri="sip:x@Shop.Example:5070")) == found
    assert domains.called(call(uri="sip:x@192.0.2.1")) is None
    assert domains.called(replace(call(), request_uri="not a uri")) is None
