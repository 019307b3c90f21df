"""The tables as the stores use them. `migrations` builds them; a test holds the two together."""

from datetime import UTC, datetime

from sqlalchemy import JSON, Boolean, Column, DateTime, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text
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
    Column("owner_account_sid", ForeignKey("accounts.sid")),
    Column("status", String(16), nullable=False),
    Column("type", String(8), nullable=False),
    Column("secondary_token", Text),
    Column("is_test", Boolean, nullable=False),
    Column("calls_per_second", Float),
    Column("date_updated", UtcDateTime),
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
    Column("voice_caller_id_lookup", Boolean, nullable=False),
    # No foreign keys: an application or trunk may be removed, and the number's own URLs count again.
    Column("voice_application_sid", String(34)),
    Column("sms_url", Text),
    Column("sms_method", String(4), nullable=False),
    Column("sms_fallback_url", Text),
    Column("sms_fallback_method", String(4), nullable=False),
    Column("sms_application_sid", String(34)),
    Column("trunk_sid", String(34)),
    Column("date_updated", UtcDateTime),
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
    Column("parent_call_sid", String(34)),
    Column("answered_by", String(32)),
    Column("caller_name", Text),
    Column("forwarded_from", Text),
    Column("annotation", Text),
    Column("group_sid", String(34)),
    Column("queue_time", Integer, nullable=False),
    Column("price", String(16)),
    Column("price_unit", String(3)),
    Column("trunk_sid", String(34)),
    Column("date_updated", UtcDateTime),
    Index(None, "date_created", "sid"),
    Index(None, "status"),
    Index(None, "account_sid", "date_created", "sid"),
    Index(None, "parent_call_sid"),
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
