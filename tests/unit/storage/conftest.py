"""A database for each engine that the store works with. SQLite always; PostgreSQL where a server is named."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ringback.storage.connections import Connections
from ringback.storage.database import Database
from ringback.storage.engines import create_engine, database_url
from ringback.storage.secrets import SecretBox

POSTGRES = os.environ.get("RINGBACK_TEST_POSTGRES", "")
"""URL of an empty PostgreSQL database that the tests may fill and empty; without it only SQLite is tested."""

ENGINES = ["sqlite", "postgresql"] if POSTGRES else ["sqlite"]


@pytest.fixture(params=ENGINES)
async def database_at(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is, of each engine in turn: a path or a URL."""
    if request.param == "sqlite":
        return str(tmp_path / "ringback.db")
    connections = Connections(create_engine(database_url(POSTGRES)))
    async with connections.write() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await connections.close()
    return POSTGRES


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database, to be copied: migrating one for each test would take most of their time."""

    async def make() -> Path:
        async with Database.open(tmp_path_factory.mktemp("migrated") / "ringback.db") as database:
            return Path(database.name)

    return asyncio.run(make())


@pytest.fixture
async def db(database_at: str, migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """An open, empty database, of each engine in turn."""
    if "://" not in database_at:
        shutil.copy(migrated, database_at)
    async with Database.open(database_at, SecretBox(tmp_path)) as database:
        yield database
