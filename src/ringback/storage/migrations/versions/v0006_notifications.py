"""Notifications: what went wrong with an account's calls and requests."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "notifications",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("call_sid", sa.String(34)),
        sa.Column("log", sa.Integer, nullable=False),
        sa.Column("error_code", sa.Integer, nullable=False),
        sa.Column("message_text", sa.Text, nullable=False),
        sa.Column("message_date", _TIME, nullable=False),
        sa.Column("request_url", sa.Text, nullable=False),
        sa.Column("request_method", sa.String(8), nullable=False),
        sa.Column("request_variables", sa.Text, nullable=False),
        sa.Column("response_headers", sa.Text, nullable=False),
        sa.Column("response_body", sa.Text, nullable=False),
        sa.Column("api_version", sa.String(10), nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="notifications_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="notifications_account_sid_fk"),
    )
    op.create_index(
        "notifications_account_sid_date_created_sid_idx", "notifications", ["account_sid", "date_created", "sid"]
    )
    op.create_index("notifications_call_sid_idx", "notifications", ["call_sid"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("notifications")
