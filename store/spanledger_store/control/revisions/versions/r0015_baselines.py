"""What people have pinned for drift to be measured against."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from spanledger_store.control.models import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; without rows each day is compared with all before it alone."""
    op.create_table(
        "drift_baselines",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("slice", sa.Text(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("start", UtcDateTime(), nullable=False),
        sa.Column("end", UtcDateTime(), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drift_baselines"),
    )
    op.create_index("ix_drift_baselines_project_id", "drift_baselines", ["project_id", "name"], unique=True)
