"""The tables of what the REST API shows besides accounts, numbers, calls and messages."""

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from ringback.storage.engines import BigId
from ringback.storage.tables import UtcDateTime, metadata

outgoing_calls = Table(
    "outgoing_calls",
    metadata,
    # Calls are made in the order in which they were asked for.
    Column("id", BigId, primary_key=True),
    Column("call_sid", ForeignKey("calls.sid", ondelete="CASCADE"), nullable=False, unique=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("parameters", JSON, nullable=False),
    sqlite_autoincrement=True,
)

recordings = Table(
    "recordings",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    # No foreign keys: a call's record may be deleted, and what was recorded of it is there all the same.
    Column("call_sid", String(34)),
    Column("conference_sid", String(34)),
    Column("status", String(16), nullable=False),
    Column("source", String(32), nullable=False),
    Column("api_version", String(10), nullable=False),
    Column("channels", Integer, nullable=False),
    Column("track", String(8), nullable=False),
    Column("duration", Float),
    Column("start_time", UtcDateTime),
    Column("path", Text),
    Column("error_code", Integer),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "account_sid", "date_created", "sid"),
    Index(None, "call_sid"),
    Index(None, "conference_sid"),
    Index(None, "status"),
)

transcriptions = Table(
    "transcriptions",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("recording_sid", String(34), nullable=False),
    Column("status", String(16), nullable=False),
    Column("api_version", String(10), nullable=False),
    Column("transcription_text", Text),
    Column("duration", Float),
    Column("type", String(16), nullable=False),
    Column("callback", Text),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "account_sid", "date_created", "sid"),
    Index(None, "recording_sid"),
    Index(None, "status"),
)

conferences = Table(
    "conferences",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("api_version", String(10), nullable=False),
    Column("region", String(16), nullable=False),
    Column("reason_conference_ended", String(64)),
    Column("call_sid_ending_conference", String(34)),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "account_sid", "date_created", "sid"),
    Index(None, "status"),
)

participants = Table(
    "participants",
    metadata,
    Column("conference_sid", String(34), primary_key=True),
    Column("call_sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("label", Text),
    Column("muted", Boolean, nullable=False),
    Column("hold", Boolean, nullable=False),
    Column("coaching", Boolean, nullable=False),
    Column("call_sid_to_coach", String(34)),
    Column("start_conference_on_enter", Boolean, nullable=False),
    Column("end_conference_on_exit", Boolean, nullable=False),
    Column("queue_time", Integer, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "call_sid"),
    Index(None, "status"),
)

queues = Table(
    "queues",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("max_size", Integer, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "account_sid", "friendly_name", unique=True),
)

queue_members = Table(
    "queue_members",
    metadata,
    Column("call_sid", String(34), primary_key=True),
    Column("queue_sid", String(34), nullable=False),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("date_enqueued", UtcDateTime, nullable=False),
    Index(None, "queue_sid", "date_enqueued"),
)

applications = Table(
    "applications",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("api_version", String(10), nullable=False),
    Column("voice_url", Text),
    Column("voice_method", String(4), nullable=False),
    Column("voice_fallback_url", Text),
    Column("voice_fallback_method", String(4), nullable=False),
    Column("voice_caller_id_lookup", Boolean, nullable=False),
    Column("status_callback", Text),
    Column("status_callback_method", String(4), nullable=False),
    Column("sms_url", Text),
    Column("sms_method", String(4), nullable=False),
    Column("sms_fallback_url", Text),
    Column("sms_fallback_method", String(4), nullable=False),
    Column("sms_status_callback", Text),
    Column("message_status_callback", Text),
    Column("public_application_connect_enabled", Boolean, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "account_sid", "date_created", "sid"),
)

keys = Table(
    "keys",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("secret_digest", String(64), nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "account_sid", "date_created", "sid"),
)

caller_ids = Table(
    "caller_ids",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", ForeignKey("accounts.sid"), nullable=False),
    Column("phone_number", Text, nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Column("date_updated", UtcDateTime),
    Index(None, "account_sid", "phone_number", unique=True),
)

available_numbers = Table(
    "available_numbers",
    metadata,
    Column("phone_number", String(32), primary_key=True),
    Column("iso_country", String(2), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("locality", Text),
    Column("region", Text),
    Column("postal_code", Text),
    Column("voice", Boolean, nullable=False),
    Column("sms", Boolean, nullable=False),
    Column("mms", Boolean, nullable=False),
    Column("fax", Boolean, nullable=False),
    Column("date_created", UtcDateTime, nullable=False),
    Index(None, "iso_country", "kind"),
)
