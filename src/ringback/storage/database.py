"""The store as one object: a database and the stores that live in it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from ringback.storage.accounts import AccountStore
from ringback.storage.calls import CallStore
from ringback.storage.connections import Connections
from ringback.storage.engines import create_engine, database_url, prepare_file
from ringback.storage.errors import StorageError
from ringback.storage.events import EventStore
from ringback.storage.numbers import NumberStore
from ringback.storage.schema import migrate

__all__ = ["Database", "StorageError"]


class Database:
    """An open database. `Database.open` makes one."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.accounts = AccountStore(connections)
        self.numbers = NumberStore(connections)
        self.calls = CallStore(connections)
        self.events = EventStore(connections)

    @classmethod
    def open(cls, url_or_path: str | Path) -> Opening:
        """Open a database, creating it and bringing its schema up to date where needed.

        Takes the path of an SQLite file or a `postgresql://` URL. Use it as `await Database.open(...)`, and close the
        database yourself, or as `async with Database.open(...) as database`. Either raises StorageError when it cannot
        be opened, or when a newer release has written it.
        """
        return Opening(url_or_path)

    @property
    def name(self) -> str:
        """The database as people know it: its path, or its URL without the password."""
        return self.connections.name

    async def close(self) -> None:
        """Close every connection. The database may not be used afterwards. Raises StorageError."""
        await self.connections.close()


class Opening:
    """A database that is about to be opened; see `Database.open`."""

    def __init__(self, url_or_path: str | Path) -> None:
        self._url_or_path = url_or_path
        self._database: Database | None = None

    def __await__(self) -> Generator[Any, None, Database]:
        return self._open().__await__()

    async def __aenter__(self) -> Database:
        self._database = await self._open()
        return self._database

    async def __aexit__(self, *_exception: object) -> None:
        if self._database is not None:
            await self._database.close()

    async def _open(self) -> Database:
        url = database_url(self._url_or_path)
        prepare_file(url)
        database = Database(Connections(create_engine(url)))
        try:
            async with database.connections.write() as connection:
                await connection.run_sync(migrate)
        except BaseException:
            await database.close()
            raise
        return database
