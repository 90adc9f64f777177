"""Which model of the ledger the words of a bill are about, where a person has said so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from spanledger_store.control.models import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; without rows names are compared as they are."""
    op.create_table(
        "bill_models",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("pattern", sa.String(200), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "pattern", name="pk_bill_models"),
    )
