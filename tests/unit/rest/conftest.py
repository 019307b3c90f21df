"""The world of each test: a store of its own, copied from one that is migrated once."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rest_world import World, world

from ringback.storage.database import Database


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database."""

    async def make() -> Path:
        async with Database.open(tmp_path_factory.mktemp("rest") / "ringback.db") as database:
            return Path(database.name)

    return asyncio.run(make())


@pytest.fixture
def store(migrated_store: Path, tmp_path: Path) -> Path:
    """The path of a database of its own."""
    return Path(shutil.copy(migrated_store, tmp_path / "ringback.db"))


@pytest.fixture
async def rest(store: Path) -> AsyncIterator[World]:
    """An account with a REST API."""
    async with world(store) as made:
        yield made
