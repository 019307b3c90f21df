"""Transactions on an engine, with every failure told as a StorageError."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ringback.storage.engines import LOOKS, WRITES, is_refusal
from ringback.storage.errors import StorageError

_ADVICE = {
    "disk is full": "free some space on that disk",
    "readonly": "give the user that runs Ringback the right to write that file and its directory",
    "unable to open": "check that storage.directory exists and may be written to",
    "locked": "another process holds it; wait, or end that process",
    "not a database": "move that file away, or set storage.directory to another directory",
    "malformed": "restore it from a copy",
    "disk i/o": "check that disk",
}


class Connections:
    """Hands out transactions: `read()` for those that only look, `write()` for those that change something."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(**{WRITES: True})
        options: dict[str, Any] = {LOOKS: True}
        if engine.dialect.name == "postgresql":
            options["isolation_level"] = "AUTOCOMMIT"
        self._looking = engine.execution_options(**options)

    @property
    def name(self) -> str:
        """The database as people know it: its path, or its URL without the password."""
        url = self._engine.url
        return url.database or "" if url.drivername.startswith("sqlite") else url.render_as_string(hide_password=True)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that sees one state of the database. Raises StorageError."""
        with self._translated():
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def look(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection for one statement that only reads: half the round trips of `read`. Raises StorageError."""
        with self._translated():
            async with self._looking.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that is committed at the end of the block, or undone if it fails. Raises StorageError."""
        with self._translated():
            async with self._writing.begin() as connection:
                yield connection

    async def close(self) -> None:
        """Close every connection. Raises StorageError."""
        with self._translated():
            await self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if is_refusal(error):
                raise StorageError(f"{self.name} refused it: {error.orig}") from error
            raise self._failed(str(error.orig), unavailable=True) from error
        except (PoolTimeout, OSError) as error:
            raise self._failed(str(error), unavailable=True) from error
        except (SQLAlchemyError, ValueError, TypeError, OverflowError) as error:
            # Values that no column takes: half a surrogate pair, an integer of more than 64 bits, a loop in JSON.
            raise self._failed(str(error), unavailable=False) from error

    def _failed(self, why: str, *, unavailable: bool) -> StorageError:
        advice = next((text for sign, text in _ADVICE.items() if sign in why.lower()), None)
        message = f"the database {self.name} failed: {why}"
        return StorageError(f"{message}; {advice}" if advice else message, unavailable=unavailable)
