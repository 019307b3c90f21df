"""A database, empty and open."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.storage.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database."""
    async with Database.open(tmp_path / "ringback.db") as opened:
        yield opened
