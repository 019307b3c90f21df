"""A message service for each test."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.storage.database import Database
from ringback.storage.secrets import SecretBox
from tests.unit.messaging.message_world import World, copy_database, open_world


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database, to be copied."""
    directory = tmp_path_factory.mktemp("migrated")

    async def make() -> None:
        async with Database.open(directory / "ringback.db"):
            pass

    asyncio.run(make())
    return directory / "ringback.db"


@pytest.fixture
async def database(migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(copy_database(migrated, tmp_path), SecretBox(tmp_path)) as opened:
        yield opened


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, tmp_path) as made:
        yield made
