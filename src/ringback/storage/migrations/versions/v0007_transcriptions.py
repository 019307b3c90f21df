"""Transcriptions are jobs: they are found again after a restart, and know whom to tell."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the callback."""
    op.add_column("transcriptions", sa.Column("callback", sa.Text))
    op.create_index("transcriptions_status_idx", "transcriptions", ["status"])


def downgrade() -> None:
    """Take it away."""
    op.drop_index("transcriptions_status_idx", "transcriptions")
    op.drop_column("transcriptions", "callback")
