"""Opening, migrating and closing a database."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from storage_samples import NOW, add_account, call, event

from ringback.storage.database import Database, StorageError
from ringback.storage.schema import REVISIONS
from ringback.storage.secrets import SecretBox


async def test_open_creates_the_directory_and_a_file_for_its_owner_only(tmp_path: Path) -> None:
    """The file holds auth tokens."""
    path = tmp_path / "data" / "deeper" / "ringback.db"
    async with Database.open(path) as db:
        assert db.name == str(path)
        assert await db.accounts.list() == []
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_open_again_changes_nothing_and_loses_nothing(database_at: str, tmp_path: Path) -> None:
    async with Database.open(database_at, SecretBox(tmp_path)) as db:
        account = await add_account(db)
    for _ in range(2):
        async with Database.open(database_at, SecretBox(tmp_path)) as db:
            assert await db.accounts.list() == [account]


@pytest.mark.long
async def test_open_at_the_same_time_migrates_once(tmp_path: Path) -> None:
    """The command line and the server may both be the first."""
    databases = await asyncio.gather(*(Database.open(tmp_path / "ringback.db") for _ in range(4)))
    for db in databases:
        assert await db.calls.list() == []
        await db.close()


async def test_a_newer_schema_is_refused_and_left_alone(database_at: str, tmp_path: Path) -> None:
    async with Database.open(database_at, SecretBox(tmp_path)) as db, db.connections.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match=f"its schema is 9999, this release knows up to {REVISIONS[-1]}"):
        await Database.open(database_at, SecretBox(tmp_path))


async def test_a_path_with_a_percent_sign_and_blanks(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "50 % off" / "ringback.db") as db:
        assert await db.numbers.list() == []


async def test_a_file_that_is_no_database_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "ringback.db"
    path.write_bytes(b"To be, or not to be, that is the question. " * 100)
    with pytest.raises(StorageError, match="not a database; move that file away"):
        await Database.open(path)


async def test_a_directory_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not a file; move it away"):
        await Database.open(tmp_path)


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be created.*Set storage.directory"):
        await Database.open(tmp_path / "file" / "ringback.db")


async def test_what_was_written_survives_a_crash(tmp_path: Path) -> None:
    """The files as they are on disk, without a close, are what the next process finds after a crash."""
    async with Database.open(tmp_path / "ringback.db") as db:
        account = await add_account(db)
        await db.calls.create(call(account))
        await db.events.append([event(call(account).sid)])
        shutil.copytree(tmp_path, tmp_path / "after")
        assert (tmp_path / "after" / "ringback.db-wal").stat().st_size > 0
    async with Database.open(tmp_path / "after" / "ringback.db") as db:
        assert await db.calls.list() == [call(account)]
        assert len(await db.events.of_call(call(account).sid)) == 1
        assert await db.calls.fail_unfinished(NOW) == 1


_KILLED = """
import asyncio, os, signal, sys
from storage_samples import add_account, call, event
from ringback.storage.database import Database
from ringback.storage.events_writer import EventWriter

async def main():
    db = await Database.open(sys.argv[1])
    account = await add_account(db)
    writer = EventWriter(db, interval=60)
    writer.create_call(call(account))
    for i in range(700):
        writer.note(event(call(account).sid, i, key=str(i)))
    await writer.flush()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_killed_process_loses_nothing_that_was_flushed(tmp_path: Path) -> None:
    """The same with a real process and a real SIGKILL."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    path = tmp_path / "ringback.db"
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", _KILLED, str(path)], env=environment, timeout=50, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    async with Database.open(path) as db:
        [record] = await db.calls.unfinished()
        keys = [stored.event.data["key"] for stored in await db.events.of_call(record.sid)]
    assert keys == [str(i) for i in range(700)]
