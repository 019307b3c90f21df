"""A database, empty and open: copied from one that is made once."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.storage.database import Database


@pytest.fixture
async def database(empty_store: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database."""
    async with Database.open(shutil.copy(empty_store, tmp_path / "ringback.db")) as opened:
        yield opened
