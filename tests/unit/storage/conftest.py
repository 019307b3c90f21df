"""A database for each engine that the store works with. SQLite always; PostgreSQL where it is installed, or named."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ringback.app.bench.rest import postgres
from ringback.storage.connections import Connections
from ringback.storage.database import Database
from ringback.storage.engines import create_engine, database_url
from ringback.storage.secrets import SecretBox
from ringback.storage.tables import metadata

POSTGRES = os.environ.get("RINGBACK_TEST_POSTGRES", "")
"""URL of an empty PostgreSQL database that the tests may fill and empty; without it they start a server."""

ENGINES: list[object] = ["sqlite"]
if POSTGRES or postgres.programs():
    ENGINES.append(pytest.param("postgresql", marks=pytest.mark.long))  # starting a server takes seconds


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL database of this process of the tests."""
    if POSTGRES:
        yield POSTGRES
        return
    found = postgres.programs()
    assert found is not None
    with postgres.running(found) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same, with all tables, to be emptied for each test."""

    async def make() -> None:
        await _empty(postgresql_url)
        async with Database.open(postgresql_url, SecretBox(tmp_path_factory.mktemp("key"))):
            pass

    asyncio.run(make())
    return postgresql_url


async def _empty(url: str) -> None:
    connections = Connections(create_engine(database_url(url)))
    async with connections.write() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await connections.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str | None:
    """Each engine in turn: the URL of a PostgreSQL database, or None for SQLite."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("migrated_postgresql")
    return url


@pytest.fixture
async def database_at(engine: str | None, tmp_path: Path) -> AsyncIterator[str]:
    """Where an empty database without tables is, of each engine in turn: a path or a URL."""
    if engine is None:
        yield str(tmp_path / "ringback.db")
        return
    await _empty(engine)
    yield engine
    # The next test finds all tables again.
    await _empty(engine)
    async with Database.open(engine, SecretBox(tmp_path)):
        pass


# Ten times as fast as TRUNCATE, which gives each table and index a new file.
_EMPTY = (
    "DO $$ BEGIN "
    + "".join(f'DELETE FROM "{table.name}"; ' for table in reversed(metadata.sorted_tables))
    + "".join(
        f"PERFORM setval(pg_get_serial_sequence('{table.name}', 'id'), 1, false); "
        for table in metadata.sorted_tables
        if "id" in table.c
    )
    + "END $$"
)


@pytest.fixture
async def db(engine: str | None, empty_store: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """An open, empty database, of each engine in turn."""
    at = engine or str(tmp_path / "ringback.db")
    if engine is None:
        shutil.copy(empty_store, at)
    async with Database.open(at, SecretBox(tmp_path)) as database:
        if engine is not None:
            async with database.connections.write() as connection:
                await connection.execute(text(_EMPTY))
        yield database
