"""Accounts in the store."""

import asyncio
import secrets
from pathlib import Path

from storage_samples import NOW, entropy, later

from ringback.model.records import Account
from ringback.storage.database import Database


async def test_the_default_account_is_made_on_first_use(db: Database) -> None:
    """Its sid and token come from the entropy given, 16 bytes each."""
    account = await db.accounts.ensure_default(NOW, entropy)
    assert account == Account("AC000102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0f", "Default", NOW)
    assert await db.accounts.list() == [account]


async def test_the_default_account_stays_the_same(db: Database) -> None:
    account = await db.accounts.ensure_default(NOW, secrets.token_bytes)
    assert await db.accounts.ensure_default(later(60), secrets.token_bytes) == account
    assert await db.accounts.get(account.sid) == account


async def test_two_processes_agree_on_the_default_account(tmp_path: Path) -> None:
    databases = [await Database.open(tmp_path / "ringback.db") for _ in range(2)]
    first, second = await asyncio.gather(
        *(database.accounts.ensure_default(NOW, secrets.token_bytes) for database in databases)
    )
    assert first == second
    for database in databases:
        await database.close()


async def test_an_account_that_is_not_there(db: Database) -> None:
    assert await db.accounts.get("AC" + "0" * 32) is None
