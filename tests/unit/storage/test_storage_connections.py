"""Transactions, and the one error in which they fail."""

# Covers: storage/errors.py

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, column, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ringback.storage.connections import Connections
from ringback.storage.engines import create_engine, database_url
from ringback.storage.errors import StorageError


@pytest.fixture
async def connections(tmp_path: Path) -> AsyncIterator[Connections]:
    connections = Connections(create_engine(database_url(tmp_path / "ringback.db")))
    async with connections.write() as connection:
        await connection.execute(text("CREATE TABLE t (n INTEGER UNIQUE)"))
    yield connections
    await connections.close()


@pytest.fixture
async def of_each(engine: str | None, connections: Connections) -> AsyncIterator[Connections]:
    """Connections of each engine in turn, with a table t."""
    if engine is None:
        yield connections
        return
    postgresql = Connections(create_engine(database_url(engine)))
    async with postgresql.write() as connection:
        await connection.execute(text("CREATE TABLE t (n INTEGER UNIQUE)"))
    try:
        yield postgresql
    finally:
        async with postgresql.write() as connection:
            await connection.execute(text("DROP TABLE t"))
        await postgresql.close()


async def count(connections: Connections) -> int:
    async with connections.read() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM t")))


async def test_a_failing_block_is_undone(connections: Connections) -> None:
    """What is not the database's fault passes through as it is."""
    with pytest.raises(RuntimeError, match="ours"):
        async with connections.write() as connection:
            await connection.execute(text("INSERT INTO t VALUES (1)"))
            raise RuntimeError("ours")
    assert await count(connections) == 0


async def test_what_the_database_refuses_can_never_work(connections: Connections) -> None:
    with pytest.raises(StorageError, match="refused it: UNIQUE") as raised:
        async with connections.write() as connection:
            await connection.execute(text("INSERT INTO t VALUES (1), (1)"))
    assert not raised.value.unavailable


@pytest.mark.parametrize("value", ["\ud800", 2**70])
async def test_values_that_no_column_takes(connections: Connections, value: object) -> None:
    with pytest.raises(StorageError) as raised:
        async with connections.write() as connection:
            await connection.execute(text("INSERT INTO t VALUES (:value)"), {"value": value})
    assert not raised.value.unavailable


async def test_a_full_disk_may_work_later(connections: Connections, tmp_path: Path) -> None:
    """The page limit makes SQLite fail exactly as on a full disk."""
    with pytest.raises(StorageError, match="disk is full; free some space") as raised:
        async with connections.write() as connection:
            await connection.execute(text("PRAGMA max_page_count = 1"))
            await connection.execute(text("CREATE TABLE big (data BLOB)"))
            await connection.execute(text("INSERT INTO big VALUES (zeroblob(100000))"))
    assert raised.value.unavailable
    assert str(tmp_path / "ringback.db") in str(raised.value)


async def test_a_lock_that_another_holds(connections: Connections, tmp_path: Path) -> None:
    impatient = Connections(create_engine(database_url(tmp_path / "ringback.db")))
    async with impatient.read() as connection:
        await connection.execute(text("PRAGMA busy_timeout = 0"))
    async with connections.write():
        with pytest.raises(StorageError, match="locked; another process holds it") as raised:
            async with impatient.write():
                pass
    assert raised.value.unavailable
    await impatient.close()


async def test_no_connection_left(tmp_path: Path) -> None:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", pool_size=1, max_overflow=0, pool_timeout=0
    )
    connections = Connections(engine)
    async with connections.read():
        with pytest.raises(StorageError) as raised:
            async with connections.read():
                pass
    assert raised.value.unavailable
    await connections.close()


async def test_work_of_many_statements_is_done_together(of_each: Connections) -> None:
    def insert(connection: Connection, *numbers: int) -> int:
        for number in numbers:
            connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
        return len(numbers)

    assert await of_each.together(lambda connection: insert(connection, 1, 2)) == 2
    with pytest.raises(StorageError, match="refused it") as raised:
        await of_each.together(lambda connection: insert(connection, 3, 1))
    assert not raised.value.unavailable
    assert await count(of_each) == 2


async def test_work_written_for_asyncio_is_done_at_once(of_each: Connections) -> None:
    async def insert(connection: AsyncConnection, *numbers: int) -> str:
        for number in numbers:
            await connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
        return connection.dialect.name

    async def highest(connection: AsyncConnection) -> object:
        return await connection.scalar(text("SELECT max(n) FROM t"))

    assert await of_each.at_once(lambda connection: insert(connection, 1, 2)) == of_each.dialect
    with pytest.raises(StorageError, match="refused it"):
        await of_each.at_once(lambda connection: insert(connection, 3, 1))
    assert await of_each.at_once(highest, writes=False) == 2


async def test_what_is_done_at_once_waits_for_nothing_else(connections: Connections) -> None:
    """In a thread there is no loop that could wake it; what it did until then is undone."""

    async def dawdle(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO t VALUES (1)"))
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waited for something else"):
        await connections.at_once(dawdle)
    assert await count(connections) == 0


async def test_a_look_sees_what_is_committed(of_each: Connections) -> None:
    query = select(column("n")).select_from(table("t")).where(column("n") > bindparam("least")).order_by("n")
    async with of_each.write() as connection:
        await connection.execute(text("INSERT INTO t VALUES (1), (2), (3)"))
        async with of_each.look() as looking:
            assert await looking.scalar(text("SELECT count(*) FROM t")) == 0
    async with of_each.look() as looking:
        assert await looking.scalar(text("SELECT count(*) FROM t")) == 3
    assert [row["n"] for row in await of_each.rows(query, {"least": 1})] == [2, 3]
    with pytest.raises(StorageError):
        await of_each.rows(select(column("n")).select_from(table("missing")))
