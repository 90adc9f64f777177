"""What a slice's calls were like: numbers that a person can compare between two periods."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl


@dataclass(frozen=True, slots=True)
class Rates:
    """Sums and ratios of some ledger lines; None where there is nothing to divide by.

    `cache_rate` is the share of prompt tokens that the provider read from its cache; `tokens_per_call` counts all
    classes, over answered calls; `own_cache` is the share of calls that the application's own cache answered.
    """

    calls: int
    cost: Decimal
    unpriced_calls: int
    tokens_per_call: float | None
    cache_rate: float | None
    failed: float | None
    own_cache: float | None
    cost_per_call: float | None


def rates(lines: pl.DataFrame) -> Rates:
    """The rates of these lines together."""
    cost = Decimal(lines["cost_usd"].sum())
    sums = {name: int(lines[name].sum()) for name in lines.columns if lines.schema[name].is_integer()}
    calls, failed, prompt = sums["calls"], sums["errors"], sums["input_tokens"] + sums["cache_read_tokens"]
    prompt += sums["cache_write_tokens"]
    tokens = prompt + sums["output_tokens"] + sums["reasoning_tokens"] + sums["other_tokens"]
    return Rates(
        calls=calls,
        cost=cost,
        unpriced_calls=sums["unpriced_calls"],
        tokens_per_call=_share(tokens, calls - failed),
        cache_rate=_share(sums["cache_read_tokens"], prompt),
        failed=_share(failed, calls),
        own_cache=_share(sums["cache_hits"], calls),
        cost_per_call=_share(float(cost), calls),
    )


def _share(part: float, whole: int) -> float | None:
    return float(part) / whole if whole > 0 else None
