"""Phones and where they are, trunks, prefixes that may be dialled, and who is not heard."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create their tables."""
    _phones()
    op.create_table(
        "trunks",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("secrets", sa.JSON, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("name", name="trunks_pk"),
    )
    op.create_table(
        "outbound_prefixes",
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("prefix", sa.String(20), nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_sid", "prefix", name="outbound_prefixes_pk"),
        sa.ForeignKeyConstraint(
            ["account_sid"], ["accounts.sid"], name="outbound_prefixes_account_sid_fk", ondelete="CASCADE"
        ),
    )
    _guard()


def _phones() -> None:
    op.create_table(
        "phones",
        sa.Column("username", sa.String(100), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("realm", sa.Text, nullable=False),
        sa.Column("ha1_md5", sa.String(32), nullable=False),
        sa.Column("ha1_sha256", sa.String(64), nullable=False),
        sa.Column("ha1_sha512_256", sa.String(64), nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("username", name="phones_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="phones_account_sid_fk"),
    )
    op.create_table(
        "bindings",
        sa.Column("username", sa.String(100), nullable=False),
        sa.Column("contact", sa.String(2000), nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("cseq", sa.Integer, nullable=False),
        sa.Column("q", sa.Float, nullable=False),
        sa.Column("transport", sa.String(8), nullable=False),
        sa.Column("local_host", sa.Text, nullable=False),
        sa.Column("local_port", sa.Integer, nullable=False),
        sa.Column("remote_host", sa.Text, nullable=False),
        sa.Column("remote_port", sa.Integer, nullable=False),
        sa.Column("by_connection", sa.Boolean, nullable=False),
        sa.Column("path", sa.JSON, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("nat", sa.Boolean, nullable=False),
        sa.Column("expires", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("username", "contact", name="bindings_pk"),
        sa.ForeignKeyConstraint(["username"], ["phones.username"], name="bindings_username_fk", ondelete="CASCADE"),
    )


def _guard() -> None:
    op.create_table(
        "guard_allowed",
        sa.Column("network", sa.String(50), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("network", name="guard_allowed_pk"),
    )
    op.create_table(
        "guard_blocks",
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("source", name="guard_blocks_pk"),
    )
    op.create_table(
        "guard_refusals",
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("reason", sa.String(100), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("source", "reason", name="guard_refusals_pk"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in (
        "guard_refusals", "guard_blocks", "guard_allowed", "outbound_prefixes", "trunks", "bindings", "phones",
    ):  # fmt: skip
        op.drop_table(table)
