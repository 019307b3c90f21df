"""Transactions on an engine, with every failure told as a StorageError."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import URL, Connection, Dialect, RowMapping, Select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ringback.storage.engines import LOOKS, WRITES, create_thread_engine, is_refusal
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

T = TypeVar("T")


class Connections:
    """Hands out transactions: `read()` for those that only look, `write()` for those that change something."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(**{WRITES: True})
        options: dict[str, Any] = {LOOKS: True}
        if engine.dialect.name == "postgresql":
            options["isolation_level"] = "AUTOCOMMIT"
        self._looking = engine.execution_options(**options)
        self._threads = _Threads(engine.url) if engine.dialect.name == "sqlite" else None

    @property
    def name(self) -> str:
        """The database as people know it: its path, or its URL without the password."""
        url = self._engine.url
        return url.database or "" if url.drivername.startswith("sqlite") else url.render_as_string(hide_password=True)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

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

    async def together(self, work: Callable[[Connection], T]) -> T:
        """Do `work`, of many statements, in one transaction that is committed at its end, and return its result.

        SQLite works in a thread, and each statement of `write` is a switch to it and back, which costs more than the
        statement; here all of them are one. Raises StorageError.
        """
        with self._translated():
            if self._threads is not None:
                return await self._threads.run(work, WRITES)
            async with self._writing.begin() as connection:
                return await connection.run_sync(work)

    async def at_once(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]], *, writes: bool = True) -> T:
        """Do `work` as `together` does, where it is written for asyncio; it may await nothing but its connection.

        Without `writes` it only looks, and sees what is there at each statement. Raises StorageError.
        """
        with self._translated():
            if self._threads is not None:
                return await self._threads.run(
                    lambda connection: _at_once(work(cast(AsyncConnection, _Immediate(connection)))),
                    WRITES if writes else LOOKS,
                )
            if writes:
                async with self._writing.begin() as connection:
                    return await work(connection)
            async with self._looking.connect() as connection:
                return await work(connection)

    async def rows(self, query: Select[Any], parameters: Mapping[str, Any] | None = None) -> Sequence[RowMapping]:
        """Return what a query finds, in one switch to SQLite's thread and back. Raises StorageError."""

        def find(connection: Connection) -> Sequence[RowMapping]:
            return connection.execute(query, parameters).mappings().all()

        with self._translated():
            if self._threads is not None:
                return await self._threads.run(find, LOOKS)
            async with self._looking.connect() as connection:
                return await connection.run_sync(find)

    async def close(self) -> None:
        """Close every connection. Raises StorageError."""
        with self._translated():
            if self._threads is not None:
                await self._threads.close()
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


class _Threads:
    """Threads with connections of their own to an SQLite file. They begin with the first work.

    One of them writes: SQLite lets one connection write at a time, and those that wait for it sleep longer than needed.
    """

    def __init__(self, url: URL) -> None:
        self._engine = create_thread_engine(url)
        self._workers = {
            WRITES: (ThreadPoolExecutor(1, "sqlite-write"), self._engine.execution_options(**{WRITES: True})),
            LOOKS: (ThreadPoolExecutor(2, "sqlite-look"), self._engine.execution_options(**{LOOKS: True})),
        }

    async def run(self, work: Callable[[Connection], T], option: str) -> T:
        """Do the work in a thread; `option` says whether it writes or only looks."""
        executor, engine = self._workers[option]

        def work_in_thread() -> T:
            with engine.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(executor, work_in_thread)

    async def close(self) -> None:
        """End the threads, when they have done what they do."""
        for executor, _ in self._workers.values():
            await asyncio.to_thread(executor.shutdown)
        self._engine.dispose()


class _Immediate:
    """A connection of a thread that looks like one of asyncio, whose statements never wait for the loop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        """The dialect of the database."""
        return self._connection.dialect

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Run a statement."""
        return self._connection.execute(statement, parameters)

    async def scalar(self, statement: Any, parameters: Any = None) -> Any:
        """Run a statement and return the first column of its first row."""
        return self._connection.scalar(statement, parameters)


def _at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits to its end."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    work.close()
    raise RuntimeError("work on a connection has waited for something else")
