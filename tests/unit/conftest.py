"""A store to copy, for all unit tests that need one; and which of them are too long for `make check`."""

import asyncio
from pathlib import Path

import pytest

from ringback.storage.database import Database


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database, to be copied: making one for each test would take most of their time."""

    async def make() -> Path:
        async with Database.open(tmp_path_factory.mktemp("empty") / "ringback.db") as database:
            return Path(database.name)

    return asyncio.run(make())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test with a store takes ten times as long as one without: there are enough of these for a minute."""
    for item in items:
        if "empty_store" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.long)
