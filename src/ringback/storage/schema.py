"""Brings the schema of a database to the one that this release works with."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from ringback.storage.errors import StorageError
from ringback.storage.tables import metadata

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every step of the schema that this release knows, oldest first."""


def migrate(connection: Connection) -> None:
    """Bring the schema to the newest step, within the transaction that the connection is in.

    Raises StorageError, and changes nothing, when a newer release has written this database.
    """
    version = _version(connection)
    if version == REVISIONS[-1]:
        return
    if version is not None and version not in REVISIONS:
        raise StorageError(
            f"a newer Ringback has written this database: its schema is {version}, this release knows up to"
            f" {REVISIONS[-1]}. Install the newer release again, or set storage.directory to another directory"
        )
    if version is None and not inspect(connection).get_table_names():
        _create(connection)
    else:
        _upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _create(connection: Connection) -> None:
    """Make all tables of an empty database at once: what the steps lead to, in a tenth of their time."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(
        text(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY)"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": REVISIONS[-1]})


def _upgrade(connection: Connection) -> None:
    # Alembic is slow to import, and nearly always there is nothing to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    # A ConfigParser is behind this, to which a percent sign means something.
    scripts = str(Path(__file__).with_name("migrations")).replace("%", "%%")
    config.set_main_option("script_location", scripts)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
