"""Messages, their carriers, and the work that is still to be done for them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "messages",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("from_", sa.Text, nullable=False),
        sa.Column("to", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("direction", sa.String(16), nullable=False),
        sa.Column("api_version", sa.String(10), nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME, nullable=False),
        sa.Column("date_sent", _TIME),
        sa.Column("num_segments", sa.Integer, nullable=False),
        sa.Column("num_media", sa.Integer, nullable=False),
        sa.Column("error_code", sa.Integer),
        sa.Column("error_message", sa.Text),
        sa.Column("price", sa.String(16)),
        sa.Column("price_unit", sa.String(3), nullable=False),
        sa.Column("messaging_service_sid", sa.String(34)),
        sa.Column("status_callback", sa.Text),
        sa.Column("send_at", _TIME),
        sa.Column("expires", _TIME),
        sa.Column("carrier", sa.Text),
        sa.Column("in_reply_to", sa.String(34)),
        sa.Column("repeated", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("sid", name="messages_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="messages_account_sid_fk"),
    )
    op.create_index("messages_account_sid_date_created_sid_idx", "messages", ["account_sid", "date_created", "sid"])
    op.create_index("messages_status_date_created_sid_idx", "messages", ["status", "date_created", "sid"])
    op.create_table(
        "message_media",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("message_sid", sa.String(34), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("sid", name="message_media_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="message_media_account_sid_fk"),
    )
    op.create_index("message_media_message_sid_position_idx", "message_media", ["message_sid", "position"])
    op.create_table(
        "message_parts",
        sa.Column("message_sid", sa.String(34), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("carrier", sa.Text, nullable=False),
        sa.Column("reference", sa.Text),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("error_code", sa.Integer),
        sa.PrimaryKeyConstraint("message_sid", "number", name="message_parts_pk"),
    )
    op.create_index("message_parts_carrier_reference_idx", "message_parts", ["carrier", "reference"])
    op.create_table(
        "message_receipts",
        sa.Column("carrier", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("error_code", sa.Integer),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("carrier", "reference", name="message_receipts_pk"),
    )
    op.create_table(
        "message_segments",
        sa.Column("carrier", sa.Text, nullable=False),
        sa.Column("from_", sa.Text, nullable=False),
        sa.Column("to", sa.Text, nullable=False),
        sa.Column("reference", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("wide", sa.Boolean, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint(
            "carrier", "from_", "to", "reference", "total", "wide", "number", name="message_segments_pk"
        ),
    )
    op.create_table(
        "carriers",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("prefixes", sa.JSON, nullable=False),
        sa.Column("accounts", sa.JSON, nullable=False),
        sa.Column("senders", sa.JSON, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("rate", sa.Float, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="carriers_pk"),
    )
    op.create_table(
        "jobs",
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(34), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("due", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("key", name="jobs_pk"),
    )
    op.create_index("jobs_due_key_idx", "jobs", ["due", "key"])
    op.create_table(
        "opt_outs",
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_sid", "sender", "recipient", name="opt_outs_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="opt_outs_account_sid_fk"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in (
        "opt_outs",
        "jobs",
        "carriers",
        "message_segments",
        "message_receipts",
        "message_parts",
        "message_media",
        "messages",
    ):
        op.drop_table(table)
