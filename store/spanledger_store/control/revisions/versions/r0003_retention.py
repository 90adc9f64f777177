"""How long each project keeps what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; without rows everything is kept for ever."""
    op.create_table(
        "retention",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("class", sa.String(32), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "class", name="pk_retention"),
    )
