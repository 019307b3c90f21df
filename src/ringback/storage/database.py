"""The store as one object: a database and the stores that live in it."""

from __future__ import annotations

from pathlib import Path

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
    """An open database. `Database.open` makes one; `close` it, or use it as an asynchronous context manager."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.accounts = AccountStore(connections)
        self.numbers = NumberStore(connections)
        self.calls = CallStore(connections)
        self.events = EventStore(connections)

    @classmethod
    async def open(cls, url_or_path: str | Path) -> Database:
        """Open a database, creating it and bringing its schema up to date where needed.

        Takes the path of an SQLite file or a `postgresql://` URL. Raises StorageError when it cannot be opened, or
        when a newer release has written it.
        """
        url = database_url(url_or_path)
        prepare_file(url)
        database = cls(Connections(create_engine(url)))
        try:
            async with database.connections.write() as connection:
                await connection.run_sync(migrate)
        except BaseException:
            await database.close()
            raise
        return database

    @property
    def name(self) -> str:
        """The database as people know it: its path, or its URL without the password."""
        return self.connections.name

    async def close(self) -> None:
        """Close every connection. The database may not be used afterwards. Raises StorageError."""
        await self.connections.close()

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()
