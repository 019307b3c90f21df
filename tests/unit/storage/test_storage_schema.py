"""The schema: its steps, and the tables that they lead to."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

import ringback.storage.migrations
from ringback.storage.database import Database, StorageError
from ringback.storage.migrations.versions import v0001_calls
from ringback.storage.schema import REVISIONS, _upgrade, migrate
from ringback.storage.secrets import SecretBox
from ringback.storage.tables import metadata


def test_the_known_steps_are_those_in_the_package() -> None:
    """A new step that is not named in REVISIONS would never be run."""
    script = ScriptDirectory(str(Path(ringback.storage.migrations.__file__).parent))
    assert tuple(step.revision for step in reversed(list(script.walk_revisions()))) == REVISIONS


@pytest.mark.long
async def test_the_steps_lead_to_the_tables_of_the_stores(db: Database) -> None:
    """Alembic itself compares columns, types, keys and indexes, and finds nothing to do."""

    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    async with db.connections.read() as connection:
        assert await connection.run_sync(differences) == []


def _shape(connection: Connection) -> dict[str, object]:
    """Each table with its columns, keys and indexes; without the defaults, which only rows of old need."""
    found, shape = inspect(connection), dict[str, object]()
    for table in sorted(found.get_table_names()):
        columns = [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)]
        indexes = [(i["name"], i["column_names"], i["unique"]) for i in found.get_indexes(table)]
        keys = [found.get_pk_constraint(table), found.get_foreign_keys(table), found.get_unique_constraints(table)]
        shape[table] = sorted(columns), sorted(indexes, key=str), [str(sorted(key, key=str)) for key in keys]
    return shape


@pytest.mark.long
async def test_tables_made_at_once_are_those_of_the_steps(database_at: str, tmp_path: Path) -> None:
    async with Database.open(database_at, SecretBox(tmp_path)) as made, made.connections.write() as connection:
        at_once = await connection.run_sync(_shape)
        await connection.run_sync(metadata.drop_all)
        await connection.execute(text("DROP TABLE alembic_version"))
        await connection.run_sync(_upgrade)
        assert await connection.run_sync(_shape) == at_once
        await connection.run_sync(migrate)


async def test_a_newer_schema_is_not_touched(db: Database) -> None:
    async with db.connections.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StorageError, match="a newer Ringback has written this database"):
            await connection.run_sync(migrate)
        await connection.execute(text(f"UPDATE alembic_version SET version_num = '{REVISIONS[-1]}'"))


async def test_migrating_twice_is_as_good_as_once(db: Database) -> None:
    async with db.connections.write() as connection:
        await connection.run_sync(migrate)
        await connection.run_sync(_upgrade)
    assert await db.calls.list() == []


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is as empty as it was, and the next try begins anew."""

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError("the disk is gone")

    engine = create_engine(f"sqlite:///{tmp_path / 'ringback.db'}")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="gone"), engine.connect() as connection:
        connection.connection.dbapi_connection.isolation_level = None  # type: ignore[union-attr]
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        patch.setattr(v0001_calls.op, "create_index", fail)
        _upgrade(connection)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_the_first_step_can_be_taken_back() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        v0001_calls.upgrade()
        assert len(inspect(connection).get_table_names()) == 4
        v0001_calls.downgrade()
        assert inspect(connection).get_table_names() == []
    engine.dispose()


def test_alembic_is_not_needed_when_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = create_engine("sqlite://", creator=lambda: sqlite3.connect(":memory:")).connect()
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
    connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{REVISIONS[-1]}')")
    monkeypatch.setattr("ringback.storage.schema._upgrade", None)
    migrate(connection)
    connection.close()
    connection.engine.dispose()
