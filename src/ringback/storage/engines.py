"""Database engines: what differs between SQLite and PostgreSQL is here and nowhere else."""

import json
import os
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, Integer, event, make_url
from sqlalchemy import create_engine as create_sync_engine
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from ringback.storage.errors import StorageError

WRITES = "ringback_writes"
"""Execution option of a connection that is going to write (see `_begin`)."""

LOOKS = "ringback_looks"
"""Execution option of a connection that runs one statement, outside of any transaction."""

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A key that counts up by itself. SQLite does that for a column declared exactly INTEGER, which has 64 bits there."""

_PRAGMAS = (
    "busy_timeout = 5000",
    "foreign_keys = ON",
    # Readers (the command line, the console) never stop the writer, nor it them.
    "journal_mode = WAL",
    # In WAL mode a killed process loses nothing; only a power cut can lose the last transactions, never the file.
    "synchronous = NORMAL",
)
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


def database_url(url_or_path: str | Path) -> URL:
    """Return the URL of a database, with its asyncio driver; a path names an SQLite file.

    Raises StorageError for a URL that cannot be read, or that names a database Ringback does not work with.
    """
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return URL.create("sqlite+aiosqlite", database=str(url_or_path))
    try:
        url = make_url(url_or_path)
    except (ArgumentError, ValueError) as error:
        raise StorageError(f"this database URL cannot be read: {error}") from error
    backend = url.drivername.partition("+")[0]
    if backend not in _DRIVERS:
        raise StorageError(f"{backend} databases are not supported; use a file path or a postgresql:// URL")
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise StorageError("a database in memory would be another one for every connection; name a file")
    return url.set(drivername=_DRIVERS[backend])


def create_engine(url: URL) -> AsyncEngine:
    """Build the engine of a database. Connects to nothing yet.

    Raises StorageError when the driver of that database is not installed.
    """
    try:
        engine = create_async_engine(url, json_serializer=_to_json)
    except ImportError as error:
        raise StorageError(f"the driver {error.name} is not installed; run: pip install {error.name}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def create_thread_engine(url: URL) -> Engine:
    """Build an engine for threads on the same SQLite file. Connects to nothing yet."""
    engine = create_sync_engine(url.set(drivername="sqlite+pysqlite"), json_serializer=_to_json)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def prepare_file(url: URL) -> None:
    """Create the file of an SQLite database and its directory, readable by their owner only: they hold credentials.

    Does nothing for other databases. Raises StorageError where that is not possible.
    """
    if not url.drivername.startswith("sqlite") or url.database is None:
        return
    path = Path(url.database)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its -wal and -shm files the permissions of the database file. To open the file here would be
        # wrong: closing it again drops the locks that this process may hold on it (https://sqlite.org/howtocorrupt.html).
        path.touch(mode=0o600)
    except (OSError, ValueError) as error:
        raise StorageError(
            f"the database {path} cannot be created: {error}. Set storage.directory to a directory you can write to"
        ) from error
    if not path.is_file():
        raise StorageError(f"the database {path} is not a file; move it away, or set storage.directory elsewhere")
    if not os.access(path, os.R_OK | os.W_OK):
        raise StorageError(
            f"the database {path} may not be read and written by this user; change its owner or its mode"
        )


def is_refusal(error: DBAPIError) -> bool:
    """Tell whether the database refuses a statement for what is in it, rather than fails."""
    if isinstance(error, IntegrityError | DataError | ProgrammingError):
        return True
    # asyncpg has a ValueError for values that do not fit, and PostgreSQL two classes of codes: data exception and
    # integrity constraint violation (PostgreSQL documentation, appendix A).
    code = getattr(error.orig, "sqlstate", None) or ""
    return isinstance(error.orig and error.orig.__cause__, ValueError) or code[:2] in ("22", "23")


def _to_json(value: Any) -> str:
    # An event may carry a Path, a datetime or an exception; its text is worth more than no event.
    return json.dumps(value, default=str, separators=(",", ":"))


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # With the driver's own transactions off, ours begin where SQLAlchemy says so (see _begin_sqlite), DDL included.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    except BaseException:
        # The pool forgets a connection that it could not set up, and the driver's thread would outlive the event loop.
        connection.close()
        raise
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once with "database is locked" if another has written
    # in between: the busy timeout does not apply there. So those that will write take the write lock at the start.
    options = connection.get_execution_options()
    if options.get(LOOKS, False):
        return
    writes = options.get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
