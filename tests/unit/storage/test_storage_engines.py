"""Which databases there are, and how they are named and opened."""

import asyncio
import importlib.util
import threading
from pathlib import Path

import pytest
from sqlalchemy import JSON, literal, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from ringback.storage.connections import Connections
from ringback.storage.engines import create_engine, database_url, is_refusal, prepare_file
from ringback.storage.errors import StorageError


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("calls.db", "sqlite+aiosqlite:///calls.db"),
        (Path("/var/lib/ringback/ringback.db"), "sqlite+aiosqlite:////var/lib/ringback/ringback.db"),
        ("sqlite:///calls.db", "sqlite+aiosqlite:///calls.db"),
        ("postgresql://me:secret@db/ringback", "postgresql+asyncpg://me:***@db/ringback"),
        ("postgres://db/ringback", "postgresql+asyncpg://db/ringback"),
    ],
)
def test_a_database_is_named_by_a_path_or_a_url(given: str | Path, url: str) -> None:
    assert database_url(given).render_as_string() == url


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("mysql://db/ringback", "mysql databases are not supported"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("://", "cannot be read"),
        ("postgresql://db:port/ringback", "cannot be read"),
    ],
)
def test_other_names_are_refused(given: str, why: str) -> None:
    with pytest.raises(StorageError, match=why):
        database_url(given)


def test_a_driver_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_arguments: object, **_options: object) -> None:
        raise ModuleNotFoundError("No module named 'asyncpg'", name="asyncpg")

    monkeypatch.setattr("ringback.storage.engines.create_async_engine", missing)
    with pytest.raises(StorageError, match="pip install asyncpg"):
        create_engine(database_url("postgresql://db/ringback"))


@pytest.mark.skipif(importlib.util.find_spec("asyncpg") is None, reason="asyncpg is not installed")
async def test_a_postgresql_server_that_is_down() -> None:
    connections = Connections(create_engine(database_url("postgresql://me:secret@127.0.0.1:1/ringback")))
    with pytest.raises(StorageError, match="127.0.0.1:1") as raised:
        async with connections.read():
            pass
    assert raised.value.unavailable
    assert "secret" not in str(raised.value)
    await connections.close()


class _PostgresError(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("no")
        self.sqlstate = sqlstate


def _caused(by: Exception) -> Exception:
    error = _PostgresError(None)
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (IntegrityError("INSERT", {}, _PostgresError("23505")), True),
        (DBAPIError("INSERT", {}, _PostgresError("22001")), True),
        (DBAPIError("INSERT", {}, _PostgresError("23503")), True),
        (DBAPIError("INSERT", {}, _PostgresError("53100")), False),
        (InterfaceError("INSERT", {}, _caused(ValueError("no integer"))), True),
        (InterfaceError("INSERT", {}, _caused(ConnectionError("gone"))), False),
        (OperationalError("INSERT", {}, Exception("disk is full")), False),
    ],
)
def test_what_is_refused_and_what_fails(error: DBAPIError, refused: bool) -> None:
    """53100 is PostgreSQL's code for a full disk."""
    assert is_refusal(error) is refused


def test_only_sqlite_has_a_file_to_prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_file(database_url("postgresql://db/ringback"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_made_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file/ringback.db", "a\0b"):
        with pytest.raises(StorageError, match="Set storage.directory"):
            prepare_file(database_url(tmp_path / name))


def test_what_is_no_file_or_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageError, match="is not a file; move it away"):
        prepare_file(database_url(tmp_path))
    monkeypatch.setattr("ringback.storage.engines.os.access", lambda *_: False)  # root may do everything
    with pytest.raises(StorageError, match="change its owner or its mode"):
        prepare_file(database_url(tmp_path / "ringback.db"))


async def test_a_connection_that_cannot_be_set_up_is_closed(tmp_path: Path) -> None:
    """Else its thread would outlive the event loop."""
    before = set(threading.enumerate())
    (tmp_path / "ringback.db").write_bytes(b"no database at all" * 100)
    connections = Connections(create_engine(database_url(tmp_path / "ringback.db")))
    with pytest.raises(StorageError, match="not a database"):
        async with connections.read():
            pass
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()
    await connections.close()


async def test_json_columns_take_what_has_a_text(tmp_path: Path) -> None:
    connections = Connections(create_engine(database_url(tmp_path / "ringback.db")))
    async with connections.read() as connection:
        value = await connection.scalar(select(literal({"path": Path("a/b"), "n": 1}, JSON)))
    assert value == {"path": "a/b", "n": 1}
    await connections.close()


async def test_sqlite_is_set_up_for_many_readers_and_a_writer(tmp_path: Path) -> None:
    connections = Connections(create_engine(database_url(tmp_path / "ringback.db")))
    async with connections.read() as connection:
        values = {
            name: await connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert values == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 5000, "synchronous": 1}
    await connections.close()


async def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    """Each reads before it writes; without the lock at the start, all but one would fail at once."""
    connections = Connections(create_engine(database_url(tmp_path / "ringback.db")))
    async with connections.write() as connection:
        await connection.execute(text("CREATE TABLE t (n INTEGER)"))
        await connection.execute(text("INSERT INTO t VALUES (0)"))

    async def count() -> None:
        async with connections.write() as connection:
            n = await connection.scalar(text("SELECT n FROM t"))
            await asyncio.sleep(0)
            await connection.execute(text("UPDATE t SET n = :n"), {"n": n + 1})

    await asyncio.gather(*(count() for _ in range(8)))
    async with connections.read() as connection:
        assert await connection.scalar(text("SELECT n FROM t")) == 8
    await connections.close()
