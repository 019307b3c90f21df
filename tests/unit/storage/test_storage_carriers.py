"""Carriers in the store."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from storage_samples import NOW

from ringback.model.messages import CarrierRecord
from ringback.storage.database import Database, StorageError

NET = CarrierRecord(
    "net", "smpp", {"host": "h", "password": "geheim", "n": [1]}, NOW, ("+44", ""), ("AC1",), ("+1",), 7, 2.5
)


async def test_a_carrier_comes_back_as_it_was(db: Database) -> None:
    await db.carriers.add(NET)
    second = replace(NET, name="a", priority=7, enabled=False)
    await db.carriers.add(second)
    assert await db.carriers.get("net") == NET
    assert await db.carriers.list() == [second, NET]
    with pytest.raises(StorageError, match="a carrier net already"):
        await db.carriers.add(NET)
    changed = replace(NET, settings={}, rate=0.0)
    await db.carriers.replace(changed)
    assert await db.carriers.get("net") == changed
    with pytest.raises(StorageError, match="no carrier other"):
        await db.carriers.replace(replace(NET, name="other"))
    assert await db.carriers.remove("net")
    assert not await db.carriers.remove("net")
    assert await db.carriers.get("net") is None


async def test_passwords_cannot_be_read_in_the_database(db: Database) -> None:
    await db.carriers.add(NET)
    async with db.connections.read() as connection:
        assert "geheim" not in str((await connection.execute(text("SELECT settings FROM carriers"))).all())
