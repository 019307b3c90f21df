"""SIP domains and their lists in the store."""

import pytest
from storage_samples import NOW, add_account, later

from ringback.model.sip_domains import (
    CALLS,
    REGISTRATIONS,
    AccessListRecord,
    CredentialListRecord,
    CredentialRecord,
    MappingRecord,
    SipDomainRecord,
)
from ringback.storage.database import Database, StorageError

DOMAIN, USERS, NEAR, USER = "SD" + "1" * 32, "CL" + "1" * 32, "AL" + "1" * 32, "CR" + "1" * 32


async def fill(db: Database) -> str:
    account = await add_account(db)
    await db.sip.domains.create(SipDomainRecord(DOMAIN, account.sid, "shop.example", "Shop", NOW))
    await db.sip.credential_lists.create(CredentialListRecord(USERS, account.sid, "Users", NOW))
    await db.sip.access_lists.create(AccessListRecord(NEAR, account.sid, "Near", NOW))
    await db.sip.credentials.create(
        CredentialRecord(USER, account.sid, USERS, "carol", "ringback", "a" * 32, "b" * 64, "c" * 64, NOW)
    )
    return account.sid


async def auth_type(db: Database) -> str:
    found = await db.sip.domains.get(DOMAIN)
    assert found is not None
    return found.auth_type


async def test_mappings_and_what_they_make_of_a_domain(db: Database) -> None:
    account = await fill(db)
    await db.sip.map(MappingRecord(DOMAIN, REGISTRATIONS, USERS, account, "Users", NOW))
    assert await auth_type(db) == ""
    await db.sip.map(MappingRecord(DOMAIN, CALLS, USERS, account, "Users", NOW))
    await db.sip.map(MappingRecord(DOMAIN, CALLS, NEAR, account, "Near", NOW))
    assert await auth_type(db) == "IP_ACL,CREDENTIAL_LIST"
    with pytest.raises(StorageError):
        await db.sip.map(MappingRecord(DOMAIN, CALLS, NEAR, account, "Near", later(1)))
    await db.sip.rename(NEAR, "Nearer")
    assert {each.friendly_name for each in await db.sip.mappings.page()} == {"Users", "Nearer"}
    assert await db.sip.unmap(DOMAIN, CALLS, NEAR)
    assert not await db.sip.unmap(DOMAIN, CALLS, NEAR)
    assert await auth_type(db) == "CREDENTIAL_LIST"
    assert await db.sip.remove_list(USERS)
    assert (await auth_type(db), await db.sip.mappings.page(), await db.sip.credentials.get(USER)) == ("", [], None)
    assert not await db.sip.remove_list(USERS)


async def test_a_name_is_there_once(db: Database) -> None:
    account = await fill(db)
    with pytest.raises(StorageError):
        await db.sip.domains.create(SipDomainRecord("SD" + "2" * 32, account, "shop.example", "Shop", NOW))
    with pytest.raises(StorageError):
        await db.sip.credentials.create(
            CredentialRecord("CR" + "2" * 32, account, USERS, "carol", "r", "a" * 32, "b" * 64, "c" * 64, NOW)
        )


async def test_what_is_new_is_noticed(db: Database) -> None:
    account = await fill(db)
    seen = {await db.sip.version()}
    await db.sip.credentials.update(USER, ha1_md5="d" * 32, date_updated=later(1))
    seen.add(await db.sip.version())
    await db.sip.map(MappingRecord(DOMAIN, CALLS, USERS, account, "Users", NOW))
    seen.add(await db.sip.version())
    await db.sip.domains.remove(DOMAIN)
    seen.add(await db.sip.version())
    assert len(seen) == 4
    access = await db.sip.access()
    assert (access.domains, access.mappings, [each.sid for each in access.credentials]) == ([], [], [USER])
