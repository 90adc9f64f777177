"""The control database's tables of finance, as the newest Alembic revision leaves them; a test keeps the two equal."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from spanledger_store.control.models import UtcDateTime, metadata

__all__ = ["metadata"]

# Where a project's notices go. `settings` is a JSON object that may be shown; `secrets` one that never is.
channels = Table(
    "channels",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("name", String(100), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("settings", Text, nullable=False),
    Column("secrets", Text, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Index("ix_channels_project_id", "project_id", "name", unique=True),
)

# What is to be sent, and what became of it: one row per notice and channel, whose id follows from both. `about` is the
# customer that it names, '' for none.
notices = Table(
    "notices",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("channel", String(100), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("about", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("attachments", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("claimed_by", String(64), nullable=False),
    Column("claimed_until", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("most_attempts", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("delivered_at", UtcDateTime, nullable=True),
    Column("dead_at", UtcDateTime, nullable=True),
    Index("ix_notices_due_at", "due_at"),
    Index("ix_notices_project_id", "project_id", "created_at"),
)

# Thresholds that budgets have crossed (0: projected to be used up), each once per period, value and amount: the id
# follows from these.
budget_alerts = Table(
    "budget_alerts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("budget_id", String(32), nullable=False),
    Column("start", UtcDateTime, nullable=False),
    Column("value", Text, nullable=False),
    Column("threshold", Integer, nullable=False),
    Column("amount", String(64), nullable=False),
    Column("spent", String(64), nullable=False),
    Column("spend_limit", String(64), nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Index("ix_budget_alerts_budget_id", "budget_id", "start"),
    Index("ix_budget_alerts_project_id", "project_id", "raised_at"),
)

# Statements as they were sent, the document in JSON; the id follows from project, customer and month.
statements = Table(
    "statements",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("customer", Text, nullable=False),
    Column("month", String(7), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("total_usd", String(64), nullable=True),
    Column("due_usd", String(64), nullable=True),
    Column("document", Text, nullable=False),
    Column("frozen_at", UtcDateTime, nullable=False),
    Index("ix_statements_project_id", "project_id", "month"),
)

# Who gets statements: each month on a `day`, or once of one `month`. `customers` is a JSON list, empty for all.
statement_orders = Table(
    "statement_orders",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("channel", String(100), nullable=False),
    Column("customers", Text, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("day", Integer, nullable=False),
    Column("month", String(7), nullable=False),
    Column("done_through", String(7), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# The user's own prices, a row per version of an entry. Only its end and its withdrawal are ever written to a row, of
# which `body` is the rest as JSON. No foreign key: a price may be every project's ('*').
prices = Table(
    "prices",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("customer", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime, nullable=True),
)

# Which model of the ledger the words of a bill are about: `pattern` is compared with a line's item, `*` for any words.
bill_models = Table(
    "bill_models",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("pattern", String(200), primary_key=True),
    Column("model", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# What a US dollar is worth in a currency, from a UTC day on: until the currency's next one.
currency_rates = Table(
    "currency_rates",
    metadata,
    Column("currency", String(3), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("rate", String(64), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

# Which cost centres spend of a slice belongs to, from a UTC day on: until the next version of the same name, or until
# `ends_on` ('': for good). `slice` and `shares` are JSON objects.
cost_center_rules = Table(
    "cost_center_rules",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("starts_on", String(10), primary_key=True),
    Column("ends_on", String(10), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("slice", Text, nullable=False),
    Column("shares", Text, nullable=False),
    Column("is_proportional", Boolean, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

# What somebody said of a finding, the last word only.
finding_feedback = Table(
    "finding_feedback",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("finding_id", String(64), primary_key=True),
    Column("verdict", String(32), nullable=False),
    Column("note", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("said_at", UtcDateTime, nullable=False),
)

# More or fewer calls that were told ahead. `slice` is a JSON object, `factor` a decimal as text.
planned_events = Table(
    "planned_events",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("slice", Text, nullable=False),
    Column("start", UtcDateTime, nullable=False),
    Column("end", UtcDateTime, nullable=False),
    Column("note", Text, nullable=False),
    Column("factor", String(64), nullable=True),
    Column("who", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_planned_events_project_id", "project_id", "start"),
)

# The newest forecasts of each project, and the sum of the books they were made of, as text of a decimal.
forecast_runs = Table(
    "forecast_runs",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("begins", UtcDateTime, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("checked_at", UtcDateTime, nullable=False),
    Column("spent", String(64), nullable=False),
    Column("series", Integer, nullable=False),
)
