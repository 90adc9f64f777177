"""The control database's tables, as the newest Alembic revision leaves them; a test keeps the two equal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment that is UTC on both databases: SQLite keeps no zone, PostgreSQL answers in the session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC, without its zone where the database cannot hold one."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The moment with UTC as its zone."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

projects = Table(
    "projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("prefix", String(32), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime, nullable=True),
    Column("revoked_at", UtcDateTime, nullable=True),
    Index("ix_api_keys_prefix", "prefix"),
)

# No foreign key here and in `quarantine`: taking note of data must not fail over a project since removed.
dirty_hours = Table(
    "dirty_hours",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("hour", UtcDateTime, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("waiting_since", BigInteger, nullable=False),
    Index("ix_dirty_hours_waiting_since", "waiting_since"),
)

# Traces and responses that log records tell something about; `hour` counts full hours since 1970.
pending_joins = Table(
    "pending_joins",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), primary_key=True),
    Column("subject", String(200), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Index("ix_pending_joins_generation", "generation"),
)

# Counters that never repeat a value, on a database without sequences too.
counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("span_count", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index("ix_quarantine_received_at", "received_at"),
)

settings_kv = Table(
    "settings_kv",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# How many days a project keeps a class of data; a class without a row is kept for ever.
retention = Table(
    "retention",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("class", String(32), primary_key=True),
    Column("days", Integer, nullable=False),
)

# What collectors counted in their spools, by key and hour of receipt (full hours since 1970).
tallies = Table(
    "tallies",
    metadata,
    Column("spool_id", String(32), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("ingest_key", String(64), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("signal", String(16), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("acknowledged", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("repeated", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),
    Index("ix_tallies_hour", "hour"),
)

# Each collector's spool, as it last reported itself.
spools = Table(
    "spools",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("host", String(200), nullable=False),
    Column("directory", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("reported_at", UtcDateTime, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("items", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("max_bytes", BigInteger, nullable=False),
    Column("oldest_at", UtcDateTime, nullable=True),
    Column("disk_free", BigInteger, nullable=False),
    Column("disk_total", BigInteger, nullable=False),
    Column("last_error", Text, nullable=False),
)

# What slices of projects may spend. `slice` is a JSON object of dimensions and values; `amount` is a decimal as text,
# which SQLite has no type for.
budgets = Table(
    "budgets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("name", String(100), nullable=False),
    Column("slice", Text, nullable=False),
    Column("per", String(32), nullable=False),
    Column("period", String(16), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("amount", String(64), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("carry_over", Boolean, nullable=False),
    Column("enforcement", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("notify", Text, nullable=False, server_default="[]"),
    Column("thresholds", String(100), nullable=False, server_default="50,80,100"),
    Index("ix_budgets_project_id", "project_id", "name", unique=True),
)

# What runs at its own pace: who holds it, when it is due, how it went.
jobs = Table(
    "jobs",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("every_seconds", Float, nullable=False),
    Column("owner", String(200), nullable=False),
    Column("leased_until", UtcDateTime, nullable=False),
    Column("is_running", Boolean, nullable=False),
    Column("asked_at", UtcDateTime, nullable=True),
    Column("due_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime, nullable=True),
    Column("finished_at", UtcDateTime, nullable=True),
    Column("succeeded_at", UtcDateTime, nullable=True),
    Column("seconds", Float, nullable=True),
    Column("changed", BigInteger, nullable=True),
    Column("runs", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("doing", Text, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
)
