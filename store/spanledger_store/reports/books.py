"""The books: every line of the ledger by the dimensions and the stretch of time that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

import polars as pl

from spanledger_store.engine import Engine
from spanledger_store.ledger import SLICE
from spanledger_store.reports import rollup
from spanledger_store.reports.buckets import Bucketing, Cuts
from spanledger_store.scope import LEDGER_DIMENSIONS, Dimension, Scope
from spanledger_store.sql import load

SUMS = (
    "calls", "errors", "unpriced_calls", "cache_hits",
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "other_tokens",
    "cost_usd", "input_cost_usd", "cache_read_cost_usd", "cache_write_cost_usd", "output_cost_usd", "other_cost_usd",
)  # fmt: skip
"""What a line adds up, under the ledger's names; costs are Decimal(38, 12), unpriced calls cost nothing in them."""


def books(
    engine: Engine,
    scope: Scope,
    by: Sequence[Dimension] = (),
    buckets: Bucketing | Cuts | None = None,
    *,
    sums: Sequence[str] = SUMS,
) -> pl.DataFrame:
    """All lines of the scope, never only the largest: `bucket` (UTC, where `buckets` are given), `by`, `sums`.

    Sorted by bucket and dimensions; stretches and slices without calls have no line. A dimension's value '' is what
    carries none. Sums are exact, and the lines of any split add up to those of any other.

    Raises ValueError for a dimension that the ledger does not keep, and for a scope or buckets that cut UTC hours.
    """
    unknown = [each.value for each in by if each not in LEDGER_DIMENSIONS]
    if unknown:
        raise ValueError(f"the ledger has no {', '.join(unknown)}: choose from {', '.join(sorted(LEDGER_DIMENSIONS))}")
    return lines(engine, scope, [each.value for each in by], buckets, sums=sums)


def lines(
    engine: Engine,
    scope: Scope,
    columns: Sequence[str],
    buckets: Bucketing | Cuts | None = None,
    *,
    sums: Sequence[str] = SUMS,
) -> pl.DataFrame:
    """As `books`, by columns of `SLICE`, which has one more than there are dimensions: `prompt_name`."""
    if odd := [each for each in (*columns, *sums) if each not in SLICE and each not in SUMS]:
        raise ValueError(f"the ledger has no {', '.join(odd)}")
    if not scope.on_ledger or (buckets is not None and not buckets.whole_hours):
        raise ValueError("the ledger keeps whole UTC hours: begin, end and cut the stretch at full hours")
    names = [f"`{each}`" for each in columns]
    selected = [f"c.{name} AS {name}" for name in names]
    if buckets is not None:
        names.insert(0, "bucket")
        selected.insert(0, f"{buckets.sql} AS bucket")
    found = rollup.source(scope, buckets, [*dict.fromkeys([*columns, *sums])])
    sql = Template(load("books")).substitute(
        source=found.sql,
        columns="".join(f"{column},\n    " for column in selected),
        groups=", ".join(names) or "()",
        sums=",\n    ".join(f"sum(c.{name}) AS {name}" for name in sums),
    )
    params = scope.params(**found.params, **(buckets.params if buckets else {}))
    frame = engine.query(sql, params, rollup.SETTINGS)
    if buckets is None:
        return frame
    return frame.with_columns((pl.col("bucket").cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us", "UTC")))
