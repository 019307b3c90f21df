"""How the trunks of a running server fare."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "trunk_states",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.Column("date_updated", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="trunk_states_pk"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("trunk_states")
