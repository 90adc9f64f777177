"""The control database's tables of quality, as the newest Alembic revision leaves them; a test keeps the two equal."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, String, Table, Text

from spanledger_store.control.finance_models import metadata
from spanledger_store.control.models import UtcDateTime

__all__ = ["metadata"]

# By what a project's calls are embedded here. `key` is where an endpoint's key is to be read, never the key itself.
embedding_settings = Table(
    "embedding_settings",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("embedder", String(400), nullable=False),
    Column("key", String(400), nullable=False),
    Column("rate", Float, nullable=False),
    Column("most_a_day", BigInteger, nullable=False),
    Column("days", Integer, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

# How far embedding has come: when everything was last looked through, and what went wrong last.
embedding_progress = Table(
    "embedding_progress",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("swept_at", UtcDateTime, nullable=False),
    Column("model", String(200), nullable=False),
    Column("error", Text, nullable=False),
)

# Hours whose calls have been embedded by a model: as they were then (rows, newest arrival in nanoseconds), with which
# probability calls were chosen, and how many there are.
embedding_hours = Table(
    "embedding_hours",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("hour", UtcDateTime, primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("newest", BigInteger, nullable=False),
    Column("probability", Float, nullable=False),
    Column("embedded", BigInteger, nullable=False),
    Index("ix_embedding_hours_hour", "project_id", "hour"),
)

# Lexical embedders, fitted to a project's texts. Words met since, and those among them that it did not know, decide
# when another is fitted.
lexical_models = Table(
    "lexical_models",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("fitted_at", UtcDateTime, nullable=False),
    Column("texts", BigInteger, nullable=False),
    Column("expected_unseen", Float, nullable=False),
    Column("words", BigInteger, nullable=False),
    Column("unseen", BigInteger, nullable=False),
    Column("met", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# The codebooks of a project's queries, the newest one in use. `details` is a JSON object.
codebooks = Table(
    "codebooks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("model", String(200), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("start", UtcDateTime, nullable=False),
    Column("end", UtcDateTime, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("clusters", Integer, nullable=False),
    Column("next_cluster", BigInteger, nullable=False),
    Column("outside", Float, nullable=False),
    Column("details", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_codebooks_project_id", "project_id", "made_at"),
)

# Hours whose vectors have been assigned by a codebook, as they were then.
assignment_hours = Table(
    "assignment_hours",
    metadata,
    Column("codebook", String(32), primary_key=True),
    Column("hour", UtcDateTime, primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("newest", BigInteger, nullable=False),
    Column("assigned", BigInteger, nullable=False),
    Column("outside", BigInteger, nullable=False),
)

# What people have made of clusters; it holds for every codebook to come. `merged_into` is 0 for none.
cluster_words = Table(
    "cluster_words",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("cluster", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(200), nullable=False),
    Column("is_hidden", Boolean, nullable=False),
    Column("merged_into", BigInteger, nullable=False),
    Column("who", String(200), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

# What became of clusters: births, deaths, splits and merges at a refit, new topics between two. `clusters` are numbers
# as JSON, those before first.
cluster_events = Table(
    "cluster_events",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("codebook", String(32), nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("share", Float, nullable=True),
    Column("details", Text, nullable=False),
    Index("ix_cluster_events_project_id", "project_id", "at"),
)

# What people have pinned for drift to be measured against: calls of a period, `versions` a JSON object of what only the
# baseline's calls have (release, model, prompt version), `slice` one of what both sides have.
drift_baselines = Table(
    "drift_baselines",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("name", String(100), nullable=False),
    Column("slice", Text, nullable=False),
    Column("versions", Text, nullable=False),
    Column("start", UtcDateTime, nullable=False),
    Column("end", UtcDateTime, nullable=False),
    Column("who", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_drift_baselines_project_id", "project_id", "name", unique=True),
)
