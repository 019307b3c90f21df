"""Column types of our own."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql
from sqlalchemy.dialects.sqlite import dialect as sqlite

from ringback.storage.tables import UtcDateTime, metadata

MOMENT = datetime(2024, 1, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5)))


@pytest.mark.parametrize("dialect", [sqlite(), postgresql()])
def test_a_moment_is_kept_in_utc(dialect: object) -> None:
    kept = UtcDateTime().process_bind_param(MOMENT, dialect)  # type: ignore[arg-type]
    assert kept == MOMENT
    assert kept.utcoffset() == timedelta(0)


def test_a_moment_comes_back_with_its_zone() -> None:
    """SQLite gives it back without one, PostgreSQL in the zone of the connection."""
    column = UtcDateTime()
    assert column.process_result_value(datetime(2024, 2, 1, 4, 30), sqlite()) == MOMENT  # noqa: DTZ001
    assert column.process_result_value(MOMENT, postgresql()).tzinfo is UTC


def test_no_moment_stays_none() -> None:
    assert UtcDateTime().process_bind_param(None, sqlite()) is None
    assert UtcDateTime().process_result_value(None, sqlite()) is None


def test_no_moment_without_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        UtcDateTime().process_bind_param(MOMENT.replace(tzinfo=None), sqlite())


def test_each_name_of_a_constraint_is_given_by_us() -> None:
    """Unnamed constraints can't be changed by a later step of the schema."""
    for table in metadata.sorted_tables:
        assert all(constraint.name for constraint in table.constraints)
