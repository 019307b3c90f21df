"""SIP domains, and the lists of credentials and addresses that may call and register."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_LISTS = ("sip_credential_lists", "sip_access_lists")


def upgrade() -> None:
    """Create their tables."""
    op.create_table(
        "sip_domains",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("domain_name", sa.String(255), nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("voice_url", sa.Text),
        sa.Column("voice_method", sa.String(8), nullable=False),
        sa.Column("voice_fallback_url", sa.Text),
        sa.Column("voice_fallback_method", sa.String(8), nullable=False),
        sa.Column("voice_status_callback_url", sa.Text),
        sa.Column("voice_status_callback_method", sa.String(8), nullable=False),
        sa.Column("sip_registration", sa.Boolean, nullable=False),
        sa.Column("secure", sa.Boolean, nullable=False),
        sa.Column("emergency_calling_enabled", sa.Boolean, nullable=False),
        sa.Column("byoc_trunk_sid", sa.String(34)),
        sa.Column("emergency_caller_sid", sa.String(34)),
        sa.Column("auth_type", sa.String(32), nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="sip_domains_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="sip_domains_account_sid_fk"),
        sa.UniqueConstraint("domain_name", name="sip_domains_domain_name_key"),
    )
    op.create_index(
        "sip_domains_account_sid_date_created_sid_idx", "sip_domains", ["account_sid", "date_created", "sid"]
    )
    for name in _LISTS:
        op.create_table(
            name,
            sa.Column("sid", sa.String(34), nullable=False),
            sa.Column("account_sid", sa.String(34), nullable=False),
            sa.Column("friendly_name", sa.Text, nullable=False),
            sa.Column("date_created", _TIME, nullable=False),
            sa.Column("date_updated", _TIME),
            sa.PrimaryKeyConstraint("sid", name=f"{name}_pk"),
            sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name=f"{name}_account_sid_fk"),
        )
    op.create_table(
        "sip_credentials",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("credential_list_sid", sa.String(34), nullable=False),
        sa.Column("username", sa.String(100), nullable=False),
        sa.Column("realm", sa.Text, nullable=False),
        sa.Column("ha1_md5", sa.String(32), nullable=False),
        sa.Column("ha1_sha256", sa.String(64), nullable=False),
        sa.Column("ha1_sha512_256", sa.String(64), nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="sip_credentials_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="sip_credentials_account_sid_fk"),
        sa.ForeignKeyConstraint(
            ["credential_list_sid"], ["sip_credential_lists.sid"], name="sip_credentials_credential_list_sid_fk",
            ondelete="CASCADE",
        ),
    )  # fmt: skip
    op.create_index(
        "sip_credentials_credential_list_sid_username_idx", "sip_credentials", ["credential_list_sid", "username"],
        unique=True,
    )  # fmt: skip
    op.create_table(
        "sip_access_addresses",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("ip_access_control_list_sid", sa.String(34), nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("ip_address", sa.String(50), nullable=False),
        sa.Column("cidr_prefix_length", sa.Integer, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("sid", name="sip_access_addresses_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="sip_access_addresses_account_sid_fk"),
        sa.ForeignKeyConstraint(
            ["ip_access_control_list_sid"], ["sip_access_lists.sid"],
            name="sip_access_addresses_ip_access_control_list_sid_fk", ondelete="CASCADE",
        ),
    )  # fmt: skip
    op.create_index(
        "sip_access_addresses_ip_access_control_list_sid_idx", "sip_access_addresses", ["ip_access_control_list_sid"]
    )
    op.create_table(
        "sip_mappings",
        sa.Column("domain_sid", sa.String(34), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("list_sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("date_created", _TIME, nullable=False),
        sa.Column("date_updated", _TIME),
        sa.PrimaryKeyConstraint("domain_sid", "kind", "list_sid", name="sip_mappings_pk"),
        sa.ForeignKeyConstraint(["account_sid"], ["accounts.sid"], name="sip_mappings_account_sid_fk"),
        sa.ForeignKeyConstraint(
            ["domain_sid"], ["sip_domains.sid"], name="sip_mappings_domain_sid_fk", ondelete="CASCADE"
        ),
    )
    op.create_index("sip_mappings_list_sid_idx", "sip_mappings", ["list_sid"])


def downgrade() -> None:
    """Drop them."""
    for name in ("sip_mappings", "sip_access_addresses", "sip_credentials", *_LISTS, "sip_domains"):
        op.drop_table(name)
