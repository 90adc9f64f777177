"""Codebooks of queries, what people have made of their clusters, and what became of these."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from spanledger_store.control.models import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; a project without a codebook has no clusters."""
    op.create_table(
        "codebooks",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("start", UtcDateTime(), nullable=False),
        sa.Column("end", UtcDateTime(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("clusters", sa.Integer(), nullable=False),
        sa.Column("next_cluster", sa.BigInteger(), nullable=False),
        sa.Column("outside", sa.Float(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_codebooks"),
    )
    op.create_index("ix_codebooks_project_id", "codebooks", ["project_id", "made_at"])
    op.create_table(
        "assignment_hours",
        sa.Column("codebook", sa.String(32), nullable=False),
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.Column("assigned", sa.BigInteger(), nullable=False),
        sa.Column("outside", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("codebook", "hour", name="pk_assignment_hours"),
    )
    op.create_table(
        "cluster_words",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("cluster", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("is_hidden", sa.Boolean(), nullable=False),
        sa.Column("merged_into", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "cluster", name="pk_cluster_words"),
    )
    op.create_table(
        "cluster_events",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("codebook", sa.String(32), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("share", sa.Float(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cluster_events"),
    )
    op.create_index("ix_cluster_events_project_id", "cluster_events", ["project_id", "at"])
