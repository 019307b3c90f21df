"""A store to copy."""

import asyncio
from pathlib import Path

import pytest

from ringback.storage.database import Database


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an empty database, to be copied: making one for each test would take most of their time."""

    async def make() -> Path:
        async with Database.open(tmp_path_factory.mktemp("empty") / "ringback.db") as database:
            return Path(database.name).parent

    return asyncio.run(make())
