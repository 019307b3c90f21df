"""The tables of phones, trunks and guards."""

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Integer, String, Table, Text

from ringback.storage.tables import UtcDateTime, metadata

phones = Table(
    "phones",
    metadata,
    Column("username", String(100), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("realm", Text, nullable=False),
    Column("ha1_md5", String(32), nullable=False),
    Column("ha1_sha256", String(64), nullable=False),
    Column("ha1_sha512_256", String(64), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
)

bindings = Table(
    "bindings",
    metadata,
    Column("username", ForeignKey("phones.username", ondelete="CASCADE"), primary_key=True),
    Column("contact", String(2000), primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("cseq", Integer, nullable=False),
    Column("q", Float, nullable=False),
    Column("transport", String(8), nullable=False),
    Column("local_host", Text, nullable=False),
    Column("local_port", Integer, nullable=False),
    Column("remote_host", Text, nullable=False),
    Column("remote_port", Integer, nullable=False),
    Column("by_connection", Boolean, nullable=False),
    Column("path", JSON, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("nat", Boolean, nullable=False),
    Column("expires", UtcDateTime, nullable=False),
)

trunks = Table(
    "trunks",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("settings", JSON, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
)

trunk_states = Table(
    "trunk_states",
    metadata,
    # No foreign key: trunks of the settings file have states as well.
    Column("name", String(100), primary_key=True),
    Column("report", JSON, nullable=False),
    Column("date_updated", UtcDateTime, nullable=False),
)

outbound_prefixes = Table(
    "outbound_prefixes",
    metadata,
    Column("account_sid", ForeignKey("accounts.sid", ondelete="CASCADE"), primary_key=True),
    Column("prefix", String(20), primary_key=True),
    Column("date_created", UtcDateTime, nullable=False),
)

guard_allowed = Table(
    "guard_allowed",
    metadata,
    Column("network", String(50), primary_key=True),
    Column("note", Text, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
)

guard_blocks = Table(
    "guard_blocks",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("until", UtcDateTime, nullable=False),
    Column("why", Text, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
)

guard_refusals = Table(
    "guard_refusals",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("reason", String(100), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last", UtcDateTime, nullable=False),
)
