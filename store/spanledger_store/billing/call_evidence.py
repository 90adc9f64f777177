"""What is known of calls that may explain why a provider's bill differs from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from spanledger_store.billing.reconciliation_sides import share, total
from spanledger_store.engine import Engine
from spanledger_store.reports import coverage
from spanledger_store.sql import load

Key = tuple[date, str, str]
"""UTC day, provider and model."""


def evidence(engine: Engine, project: str, start: datetime, end: datetime) -> dict[Key, Mapping[str, Any]]:
    """By day, provider and model: late, batch and unpriced calls of [start, end), from their spans."""
    frame = engine.query(load("reconcile_calls"), {"project": project, "start": start, "end": end})
    return {(_day(row["at"]), row["provider"], row["model"]): row for row in frame.rows(named=True)}


def hidden(
    engine: Engine, project: str, start: datetime, end: datetime, held: Sequence[Mapping[str, Any]]
) -> dict[Key, tuple[Decimal, int]]:
    """By day, provider and model: what calls would have cost that only clients' metrics told of, and how many."""
    frame = coverage.hours(engine, project, start, end).filter(pl.col("metric_calls").is_not_null())
    if frame.is_empty():
        return {}
    names = [name for name in frame.columns if name not in ("hour", "model")]
    daily = frame.group_by(pl.col("hour").dt.truncate("1d").alias("day"), "model").agg(pl.col(names).sum())
    # Metrics name no provider: the one at which the model cost most that day.
    dearest: dict[tuple[date, str], Mapping[str, Any]] = {}
    for row in held:
        key = (row["bucket"].date(), row["model"])
        if key not in dearest or row["cost_usd"] > dearest[key]["cost_usd"]:
            dearest[key] = row
    found: dict[Key, tuple[Decimal, int]] = {}
    for row in daily.rows(named=True):
        day = row["day"].date()
        missing = row["metric_calls"] - (row["span_calls"] or 0)
        booked = dearest.get((day, row["model"]))
        if missing <= 0 or booked is None:
            continue
        given = [booked[name] for name in ("input_cost_usd", "cache_read_cost_usd", "cache_write_cost_usd")]
        parts = [
            (total(given), row["metric_input_tokens"], row["span_input_tokens"]),
            (booked["output_cost_usd"], row["metric_output_tokens"], row["span_output_tokens"]),
        ]
        if all(counted and arrived for _, counted, arrived in parts):
            cost = total(share(amount, max(0, counted - arrived), arrived) for amount, counted, arrived in parts)
        elif row["span_calls"]:
            cost = share(booked["cost_usd"], missing, row["span_calls"])
        else:
            continue
        found[(day, booked["provider"], booked["model"])] = (cost, missing)
    return found


def _day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()
