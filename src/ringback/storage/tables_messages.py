"""The tables of messages, their carriers, and the work that is still to be done for them."""

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from ringback.storage.tables import UtcDateTime, metadata

messages = Table(
    "messages",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("from_", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("direction", String(16), nullable=False),
    Column("api_version", String(10), nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime, nullable=False),
    Column("date_sent", UtcDateTime),
    Column("num_segments", Integer, nullable=False),
    Column("num_media", Integer, nullable=False),
    Column("error_code", Integer),
    Column("error_message", Text),
    Column("price", String(16)),
    Column("price_unit", String(3), nullable=False),
    Column("messaging_service_sid", String(34)),
    Column("status_callback", Text),
    Column("send_at", UtcDateTime),
    Column("expires", UtcDateTime),
    # No foreign key: a carrier may be removed, and what it carried has been carried all the same.
    Column("carrier", Text),
    Column("in_reply_to", String(34)),
    Column("repeated", Boolean, nullable=False),
    Index(None, "account_sid", "date_created", "sid"),
    Index(None, "status", "date_created", "sid"),
)

message_media = Table(
    "message_media",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("message_sid", String(34), nullable=False),
    Column("position", Integer, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime, nullable=False),
    Index(None, "message_sid", "position"),
)

message_parts = Table(
    "message_parts",
    metadata,
    Column("message_sid", String(34), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("carrier", Text, nullable=False),
    # What the carrier calls it; none while its answer is waited for.
    Column("reference", Text),
    Column("state", String(16), nullable=False),
    Column("error_code", Integer),
    Index(None, "carrier", "reference"),
)

message_receipts = Table(
    "message_receipts",
    metadata,
    # Receipts that came before it was known what they are for.
    Column("carrier", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("error_code", Integer),
    Column("at", UtcDateTime, nullable=False),
)

message_segments = Table(
    "message_segments",
    metadata,
    # Segments of messages that are not complete.
    Column("carrier", Text, primary_key=True),
    Column("from_", Text, primary_key=True),
    Column("to", Text, primary_key=True),
    Column("reference", Integer, primary_key=True),
    Column("total", Integer, primary_key=True),
    Column("wide", Boolean, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

carriers = Table(
    "carriers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("prefixes", JSON, nullable=False),
    Column("accounts", JSON, nullable=False),
    Column("senders", JSON, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("rate", Float, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    # Its key says what it is about, so that the same work is never there twice.
    Column("key", String(128), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(34), nullable=False),
    Column("data", JSON, nullable=False),
    Column("due", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Index(None, "due", "key"),
)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("account_sid", ForeignKey("accounts.sid"), primary_key=True),
    Column("sender", Text, primary_key=True),
    # Whoever wants no messages from the sender.
    Column("recipient", Text, primary_key=True),
    Column("date_created", UtcDateTime, nullable=False),
)
