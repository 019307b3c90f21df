"""The tables of phones, trunks and guards."""

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

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

sip_domains = Table(
    "sip_domains",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("domain_name", String(255), nullable=False, unique=True),
    Column("friendly_name", Text, nullable=False),
    Column("voice_url", Text),
    Column("voice_method", String(8), nullable=False),
    Column("voice_fallback_url", Text),
    Column("voice_fallback_method", String(8), nullable=False),
    Column("voice_status_callback_url", Text),
    Column("voice_status_callback_method", String(8), nullable=False),
    Column("sip_registration", Boolean, nullable=False),
    Column("secure", Boolean, nullable=False),
    Column("emergency_calling_enabled", Boolean, nullable=False),
    Column("byoc_trunk_sid", String(34)),
    Column("emergency_caller_sid", String(34)),
    Column("auth_type", String(32), nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "account_sid", "date_created", "sid"),
)


def _lists(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("sid", String(34), primary_key=True),
        Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
        Column("friendly_name", Text, nullable=False),
        Column("date_created", UtcDateTime, nullable=False),
        Column("date_updated", UtcDateTime),
    )


sip_credential_lists = _lists("sip_credential_lists")
sip_access_lists = _lists("sip_access_lists")

sip_credentials = Table(
    "sip_credentials",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("credential_list_sid", ForeignKey("sip_credential_lists.sid", ondelete="CASCADE"), nullable=False),
    Column("username", String(100), nullable=False),
    Column("realm", Text, nullable=False),
    Column("ha1_md5", String(32), nullable=False),
    Column("ha1_sha256", String(64), nullable=False),
    Column("ha1_sha512_256", String(64), nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "credential_list_sid", "username", unique=True),
)

sip_access_addresses = Table(
    "sip_access_addresses",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("ip_access_control_list_sid", ForeignKey("sip_access_lists.sid", ondelete="CASCADE"), nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("ip_address", String(50), nullable=False),
    Column("cidr_prefix_length", Integer, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "ip_access_control_list_sid"),
)

sip_mappings = Table(
    "sip_mappings",
    metadata,
    Column("domain_sid", ForeignKey("sip_domains.sid", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    # Of either kind of list, so no foreign key: whoever removes a list removes its mappings.
    Column("list_sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "list_sid"),
)
