"""The world of each test: a store of its own, copied from one that is made once."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rest_world import World, world


@pytest.fixture
def store(empty_store: Path, tmp_path: Path) -> Path:
    """The path of a database of its own."""
    return Path(shutil.copy(empty_store, tmp_path / "ringback.db"))


@pytest.fixture
async def rest(store: Path) -> AsyncIterator[World]:
    """An account with a REST API."""
    async with world(store) as made:
        yield made
