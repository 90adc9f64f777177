"""Ledger lines for tests of methods: frames as `books` returns them, without a store."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from spanledger_analytics.methods.changes.factors import COLUMNS

DIMENSIONS = ("customer", "feature", "model")
MILLION = Decimal(1_000_000)


def frame(lines: Sequence[dict[str, Any]], dimensions: Sequence[str] = DIMENSIONS) -> pl.DataFrame:
    """The lines with the ledger's types."""
    sums = {name: pl.Decimal(38, 12) if name.endswith("cost_usd") else pl.UInt64 for name in COLUMNS}
    return pl.DataFrame(lines, schema=dict.fromkeys(dimensions, pl.String) | sums)


def line(
    customer: str = "acme",
    feature: str = "chat",
    model: str = "m",
    *,
    calls: int = 100,
    errors: int = 0,
    cache_hits: int = 0,
    unpriced_calls: int = 0,
    input_tokens: int = 0,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
    output_tokens: int = 0,
    reasoning_tokens: int = 0,
    other_tokens: int = 0,
    prices: Sequence[str] = ("3", "0.3", "3.75", "15", "1"),
    extra: str = "0",
    **more: str,
) -> dict[str, Any]:
    """A line whose tokens have been paid at `prices` a million (input, read, write, output, other), plus `extra`."""
    counts = {
        "input": input_tokens, "cache_read": cache_read_tokens, "cache_write": cache_write_tokens,
        "output": output_tokens + reasoning_tokens, "other": other_tokens,
    }  # fmt: skip
    costs = {f"{name}_cost_usd": n * Decimal(price) / MILLION
             for (name, n), price in zip(counts.items(), prices, strict=True)}  # fmt: skip
    return {
        "customer": customer, "feature": feature, "model": model, **more,
        "calls": calls, "errors": errors, "cache_hits": cache_hits, "unpriced_calls": unpriced_calls,
        "input_tokens": input_tokens, "cache_read_tokens": cache_read_tokens, "cache_write_tokens": cache_write_tokens,
        "output_tokens": output_tokens, "reasoning_tokens": reasoning_tokens, "other_tokens": other_tokens,
        **costs, "cost_usd": sum(costs.values(), Decimal(extra)),
    }  # fmt: skip
