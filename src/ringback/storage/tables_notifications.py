"""The table of notifications."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from ringback.storage.tables import UtcDateTime, metadata

notifications = Table(
    "notifications",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    # No foreign key: a call's record may be deleted, and what went wrong in it is told all the same.
    Column("call_sid", String(34)),
    Column("log", Integer, nullable=False),
    Column("error_code", Integer, nullable=False),
    Column("message_text", Text, nullable=False),
    Column("message_date", UtcDateTime, nullable=False),
    Column("request_url", Text, nullable=False),
    Column("request_method", String(8), nullable=False),
    Column("request_variables", Text, nullable=False),
    Column("response_headers", Text, nullable=False),
    Column("response_body", Text, nullable=False),
    Column("api_version", String(10), nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "account_sid", "date_created", "sid"),
    Index(None, "call_sid"),
)
