"""What the REST API shows: recordings, conferences, queues, applications, keys; and outgoing calls that wait."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_NO, _NONE = sa.false(), sa.text("0")


def upgrade() -> None:
    """Add columns to the first tables, and the new ones."""
    _accounts()
    _numbers()
    _calls()
    _recordings()
    _conferences()
    _queues()
    _provisioning()


def _add(table: str, *columns: sa.Column[Any]) -> None:
    for column in columns:
        op.add_column(table, column)


def _accounts() -> None:
    with op.batch_alter_table("accounts") as accounts:
        accounts.add_column(sa.Column("owner_account_sid", sa.String(34)))
        accounts.create_foreign_key("accounts_owner_account_sid_fk", "accounts", ["owner_account_sid"], ["sid"])
    _add(
        "accounts",
        sa.Column("status", sa.String(16), nullable=False, server_default="active"),
        sa.Column("type", sa.String(8), nullable=False, server_default="Full"),
        sa.Column("secondary_token", sa.Text),
        sa.Column("is_test", sa.Boolean, nullable=False, server_default=_NO),
        sa.Column("calls_per_second", sa.Float),
        sa.Column("date_updated", _TIME),
    )
    op.execute("UPDATE accounts SET date_updated = date_created")


def _numbers() -> None:
    _add(
        "numbers",
        sa.Column("voice_caller_id_lookup", sa.Boolean, nullable=False, server_default=_NO),
        sa.Column("voice_application_sid", sa.String(34)),
        sa.Column("sms_url", sa.Text),
        sa.Column("sms_method", sa.String(4), nullable=False, server_default="POST"),
        sa.Column("sms_fallback_url", sa.Text),
        sa.Column("sms_fallback_method", sa.String(4), nullable=False, server_default="POST"),
        sa.Column("sms_application_sid", sa.String(34)),
        sa.Column("trunk_sid", sa.String(34)),
        sa.Column("date_updated", _TIME),
    )
    op.execute("UPDATE numbers SET date_updated = date_created")


def _calls() -> None:
    _add(
        "calls",
        sa.Column("parent_call_sid", sa.String(34)),
        sa.Column("answered_by", sa.String(32)),
        sa.Column("caller_name", sa.Text),
        sa.Column("forwarded_from", sa.Text),
        sa.Column("annotation", sa.Text),
        sa.Column("group_sid", sa.String(34)),
        sa.Column("queue_time", sa.Integer, nullable=False, server_default=_NONE),
        sa.Column("price", sa.String(16)),
        sa.Column("price_unit", sa.String(3)),
        sa.Column("trunk_sid", sa.String(34)),
        sa.Column("date_updated", _TIME),
    )
    op.execute("UPDATE calls SET date_updated = coalesce(end_time, start_time, date_created)")
    op.create_index("calls_account_sid_date_created_sid_idx", "calls", ["account_sid", "date_created", "sid"])
    op.create_index("calls_parent_call_sid_idx", "calls", ["parent_call_sid"])
    op.create_table(
        "outgoing_calls",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="outgoing_calls_pk"),
        sa.ForeignKeyConstraint(["call_sid"], ["calls.sid"], name="outgoing_calls_call_sid_fk", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="outgoing_calls_account_sid_fk"),
        sa.UniqueConstraint("call_sid", name="outgoing_calls_call_sid_key"),
        sqlite_autoincrement=True,
    )


def _recordings() -> None:
    op.create_table(
        "recordings",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("call_sid", sa.String(34)),
        sa.Column("conference_sid", sa.String(34)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("api_version", sa.String(10), nullable=False),
        sa.Column("channels", sa.Integer, nullable=False),
        sa.Column("track", sa.String(8), nullable=False),
        sa.Column("duration", sa.Float),
        sa.Column("start_time", _TIME),
        sa.Column("path", sa.Text),
        sa.Column("error_code", sa.Integer),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="recordings_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="recordings_account_sid_fk"),
    )
    op.create_index("recordings_account_sid_date_created_sid_idx", "recordings", ["account_sid", "date_created", "sid"])
    op.create_index("recordings_call_sid_idx", "recordings", ["call_sid"])
    op.create_index("recordings_conference_sid_idx", "recordings", ["conference_sid"])
    op.create_index("recordings_status_idx", "recordings", ["status"])
    op.create_table(
        "transcriptions",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("recording_sid", sa.String(34), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("api_version", sa.String(10), nullable=False),
        sa.Column("transcription_text", sa.Text),
        sa.Column("duration", sa.Float),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="transcriptions_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="transcriptions_account_sid_fk"),
    )
    op.create_index(
        "transcriptions_account_sid_date_created_sid_idx", "transcriptions", ["account_sid", "date_created", "sid"]
    )
    op.create_index("transcriptions_recording_sid_idx", "transcriptions", ["recording_sid"])


def _conferences() -> None:
    op.create_table(
        "conferences",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("api_version", sa.String(10), nullable=False),
        sa.Column("region", sa.String(16), nullable=False),
        sa.Column("reason_conference_ended", sa.String(64)),
        sa.Column("call_sid_ending_conference", sa.String(34)),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="conferences_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="conferences_account_sid_fk"),
    )
    op.create_index(
        "conferences_account_sid_date_created_sid_idx", "conferences", ["account_sid", "date_created", "sid"]
    )
    op.create_index("conferences_status_idx", "conferences", ["status"])
    op.create_table(
        "participants",
        sa.Column("conference_sid", sa.String(34), nullable=False),
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("muted", sa.Boolean, nullable=False),
        sa.Column("hold", sa.Boolean, nullable=False),
        sa.Column("coaching", sa.Boolean, nullable=False),
        sa.Column("call_sid_to_coach", sa.String(34)),
        sa.Column("start_conference_on_enter", sa.Boolean, nullable=False),
        sa.Column("end_conference_on_exit", sa.Boolean, nullable=False),
        sa.Column("queue_time", sa.Integer, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("conference_sid", "call_sid", name="participants_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="participants_account_sid_fk"),
    )
    op.create_index("participants_call_sid_idx", "participants", ["call_sid"])
    op.create_index("participants_status_idx", "participants", ["status"])


def _queues() -> None:
    op.create_table(
        "queues",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("max_size", sa.Integer, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="queues_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="queues_account_sid_fk"),
    )
    op.create_index("queues_account_sid_friendly_name_idx", "queues", ["account_sid", "friendly_name"], unique=True)
    op.create_table(
        "queue_members",
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("queue_sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("date_enqueued", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("call_sid", name="queue_members_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="queue_members_account_sid_fk"),
    )
    op.create_index("queue_members_queue_sid_date_enqueued_idx", "queue_members", ["queue_sid", "date_enqueued"])


def _provisioning() -> None:
    op.create_table(
        "applications",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("api_version", sa.String(10), nullable=False),
        sa.Column("voice_url", sa.Text),
        sa.Column("voice_method", sa.String(4), nullable=False),
        sa.Column("voice_fallback_url", sa.Text),
        sa.Column("voice_fallback_method", sa.String(4), nullable=False),
        sa.Column("voice_caller_id_lookup", sa.Boolean, nullable=False),
        sa.Column("status_callback", sa.Text),
        sa.Column("status_callback_method", sa.String(4), nullable=False),
        sa.Column("sms_url", sa.Text),
        sa.Column("sms_method", sa.String(4), nullable=False),
        sa.Column("sms_fallback_url", sa.Text),
        sa.Column("sms_fallback_method", sa.String(4), nullable=False),
        sa.Column("sms_status_callback", sa.Text),
        sa.Column("message_status_callback", sa.Text),
        sa.Column("public_application_connect_enabled", sa.Boolean, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="applications_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="applications_account_sid_fk"),
    )
    op.create_index(
        "applications_account_sid_date_created_sid_idx", "applications", ["account_sid", "date_created", "sid"]
    )
    op.create_table(
        "keys",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("secret_digest", sa.String(64), nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="keys_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="keys_account_sid_fk"),
    )
    op.create_index("keys_account_sid_date_created_sid_idx", "keys", ["account_sid", "date_created", "sid"])
    op.create_table(
        "caller_ids",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("phone_number", sa.Text, nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="caller_ids_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="caller_ids_account_sid_fk"),
    )
    op.create_index(
        "caller_ids_account_sid_phone_number_idx", "caller_ids", ["account_sid", "phone_number"], unique=True
    )
    op.create_table(
        "available_numbers",
        sa.Column("phone_number", sa.String(32), nullable=False),
        sa.Column("iso_country", sa.String(2), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("locality", sa.Text),
        sa.Column("region", sa.Text),
        sa.Column("postal_code", sa.Text),
        sa.Column("voice", sa.Boolean, nullable=False),
        sa.Column("sms", sa.Boolean, nullable=False),
        sa.Column("mms", sa.Boolean, nullable=False),
        sa.Column("fax", sa.Boolean, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("phone_number", name="available_numbers_pk"),
    )
    op.create_index("available_numbers_iso_country_kind_idx", "available_numbers", ["iso_country", "kind"])
