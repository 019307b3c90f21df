"""The tables as the stores use them. `migrations` builds them; a test holds the two together."""

from datetime import UTC, datetime

from sqlalchemy import JSON, Column, DateTime, ForeignKey, Index, MetaData, String, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from ringback.storage.engines import BigId


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC; SQLite, which knows no time zones, keeps it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes with ValueError: nobody can tell which moment they mean."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the datetime its time zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

accounts = Table(
    "accounts",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("auth_token", Text, nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
)

numbers = Table(
    "numbers",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    # A call is told from another by the number alone, so one number has one owner.
    Column("phone_number", Text, nullable=False, unique=True),
    Column("voice_url", Text, nullable=False),
    Column("voice_method", String(4), nullable=False),
    Column("voice_fallback_url", Text),
    Column("voice_fallback_method", String(4), nullable=False),
    Column("status_callback", Text),
    Column("status_callback_method", String(4), nullable=False),
    Column("api_version", String(10), nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
)

calls = Table(
    "calls",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("from_", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("direction", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("api_version", String(10), nullable=False),
    # No foreign key: a number may be removed, and its calls have happened all the same.
    Column("phone_number_sid", String(34)),
    Column("sip_call_id", Text),
    Column("date_created", UtcDateTime, nullable=False),
    Column("start_time", UtcDateTime),
    Column("end_time", UtcDateTime),
    Column("end_reason", Text),
    Index(None, "date_created", "sid"),
    Index(None, "status"),
)

events = Table(
    "events",
    metadata,
    Column("id", BigId, primary_key=True),
    # No foreign key: what happened is kept even where the call's own record could not be written.
    Column("call_sid", String(34), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("data", JSON, nullable=False),
    Index(None, "call_sid", "id"),
    # A number is never used twice, so that "everything after number n" stays true when events are deleted.
    sqlite_autoincrement=True,
)
