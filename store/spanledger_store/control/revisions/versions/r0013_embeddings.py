"""By what projects' calls are embedded, how far that has come, and fitted lexical embedders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from spanledger_store.control.models import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; a project without settings has the default ones."""
    op.create_table(
        "embedding_settings",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("embedder", sa.String(400), nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("most_a_day", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_embedding_settings"),
    )
    op.create_table(
        "embedding_progress",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("swept_at", UtcDateTime(), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_embedding_progress"),
    )
    op.create_table(
        "embedding_hours",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("embedded", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "model", "hour", name="pk_embedding_hours"),
    )
    op.create_index("ix_embedding_hours_hour", "embedding_hours", ["project_id", "hour"])
    op.create_table(
        "lexical_models",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("fitted_at", UtcDateTime(), nullable=False),
        sa.Column("texts", sa.BigInteger(), nullable=False),
        sa.Column("expected_unseen", sa.Float(), nullable=False),
        sa.Column("words", sa.BigInteger(), nullable=False),
        sa.Column("unseen", sa.BigInteger(), nullable=False),
        sa.Column("met", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "model", name="pk_lexical_models"),
    )
