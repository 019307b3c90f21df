"""A database, empty and open: copied from one that is made once."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.storage.database import Database


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database."""

    async def make() -> Path:
        async with Database.open(tmp_path_factory.mktemp("telephony") / "ringback.db") as database:
            return Path(database.name)

    return asyncio.run(make())


@pytest.fixture
async def database(migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database."""
    async with Database.open(shutil.copy(migrated, tmp_path / "ringback.db")) as opened:
        yield opened
