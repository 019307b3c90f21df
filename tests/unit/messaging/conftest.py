"""A message service for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.storage.database import Database
from ringback.storage.secrets import SecretBox
from tests.unit.messaging.message_world import World, copy_database, open_world


@pytest.fixture
async def database(empty_store: Path, tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(copy_database(empty_store, tmp_path), SecretBox(tmp_path)) as opened:
        yield opened


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, tmp_path) as made:
        yield made
