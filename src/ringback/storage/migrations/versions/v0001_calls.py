"""Accounts, numbers, calls and their events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the first four tables."""
    op.create_table(
        "accounts",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("auth_token", sa.Text, nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("sid", name="accounts_pk"),
    )
    op.create_table(
        "numbers",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("phone_number", sa.Text, nullable=False),
        sa.Column("voice_url", sa.Text, nullable=False),
        sa.Column("voice_method", sa.String(4), nullable=False),
        sa.Column("voice_fallback_url", sa.Text),
        sa.Column("voice_fallback_method", sa.String(4), nullable=False),
        sa.Column("status_callback", sa.Text),
        sa.Column("status_callback_method", sa.String(4), nullable=False),
        sa.Column("api_version", sa.String(10), nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("sid", name="numbers_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="numbers_account_sid_fk"),
        sa.UniqueConstraint("phone_number", name="numbers_phone_number_key"),
    )
    op.create_table(
        "calls",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("from_", sa.Text, nullable=False),
        sa.Column("to", sa.Text, nullable=False),
        sa.Column("direction", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("api_version", sa.String(10), nullable=False),
        sa.Column("phone_number_sid", sa.String(34)),
        sa.Column("sip_call_id", sa.Text),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("start_time", _TIME),
        sa.Column("end_time", _TIME),
        sa.Column("end_reason", sa.Text),
        sa.PrimaryKeyConstraint("sid", name="calls_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="calls_account_sid_fk"),
    )
    op.create_index("calls_date_created_sid_idx", "calls", ["date_created", "sid"])
    op.create_index("calls_status_idx", "calls", ["status"])
    op.create_table(
        "events",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="events_pk"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_call_sid_id_idx", "events", ["call_sid", "id"])


def downgrade() -> None:
    """Drop them."""
    for table in ("events", "calls", "numbers", "accounts"):
        op.drop_table(table)
