"""Which forecast each project has, and of which books it was made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from spanledger_store.control.models import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; a project without a row has none."""
    op.create_table(
        "forecast_runs",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("begins", UtcDateTime(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=False),
        sa.Column("spent", sa.String(64), nullable=False),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_forecast_runs"),
    )
