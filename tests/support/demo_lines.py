"""The ledger of a demo month straight from its plans: what the line would book, in a hundredth of the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import polars as pl

from spanledger.pricing import price
from spanledger_analytics.methods.changes.factors import COLUMNS
from spanledger_cli.demo.plans import SpanPlan, TracePlan
from spanledger_cli.demo.volume import HOUR_NS, utc

DIMENSIONS = ("customer", "feature", "team", "provider", "model", "prompt_version", "release", "environment")
_TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
_COSTS = ("input", "cache_read", "cache_write", "output", "other")


def lines(traces: Iterable[TracePlan]) -> pl.DataFrame:
    """A line per hour (`hour_ns`) and slice, with the ledger's sums."""
    rows = [_row(trace, span) for trace in traces for span in trace.root.walk() if span.kind in ("llm", "embedding")]
    schema = {"hour_ns": pl.Int64} | dict.fromkeys(DIMENSIONS, pl.String)
    schema |= {name: pl.Decimal(38, 12) if name.endswith("cost_usd") else pl.UInt64 for name in COLUMNS}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.group_by("hour_ns", *DIMENSIONS).agg(pl.col(COLUMNS).sum()).sort("hour_ns", *DIMENSIONS)


def between(ledger: pl.DataFrame, start_ns: int, end_ns: int) -> pl.DataFrame:
    """The lines of whole hours within a stretch."""
    first = -(-start_ns // HOUR_NS) * HOUR_NS
    return ledger.filter((pl.col("hour_ns") >= first) & (pl.col("hour_ns") < end_ns // HOUR_NS * HOUR_NS)).drop(
        "hour_ns"
    )


def _row(trace: TracePlan, span: SpanPlan) -> list[Any]:
    dimensions = (trace.customer, trace.feature, trace.team, span.provider, span.model, trace.prompt_version,
                  trace.release, trace.environment)  # fmt: skip
    usage, failed = span.usage, span.error is not None
    asked = usage is not None and not span.cache_hit
    cost = price(usage, provider=span.provider, model=span.model, at=utc(trace.start_ns)) if asked else None
    booked: dict[str, Any] = {
        "calls": 1, "errors": int(failed), "cache_hits": int(span.cache_hit),
        "unpriced_calls": int(asked and cost is None), "other_tokens": 0,
        "cost_usd": Decimal(0) if cost is None else cost.total,
    }  # fmt: skip
    booked |= {name: 0 if usage is None else getattr(usage, name) or 0 for name in _TOKENS}
    booked |= {f"{name}_cost_usd": Decimal(0) if cost is None else getattr(cost, name) for name in _COSTS}
    hour = trace.start_ns // HOUR_NS * HOUR_NS
    return [hour, *(value or "" for value in dimensions), *(booked[name] for name in COLUMNS)]


def compared(ledger: pl.DataFrame, start_ns: int, end_ns: int) -> Iterator[pl.DataFrame]:
    """The same hours a week earlier, and the stretch."""
    week = 7 * 24 * HOUR_NS
    yield between(ledger, start_ns - week, end_ns - week)
    yield between(ledger, start_ns, end_ns)
