"""Billable calls summed: in total, over time and by dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from string import Template
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from spanledger_store.engine import Engine
from spanledger_store.reports import rollup
from spanledger_store.reports.books import SUMS
from spanledger_store.reports.buckets import Bucketing
from spanledger_store.scope import LEDGER_DIMENSIONS, Dimension, Scope
from spanledger_store.sql import load

MAX_GROUPS = 10_000
EVERY_GROUP = 10_000_000
"""A limit that no number of values reaches: for what must be complete."""
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_TEAMS: Final = "arrayStringConcat(arraySort(arrayFilter(t -> t != '', groupUniqArray(20)(team))), ', ')"

TOKEN_CLASSES = ("input", "cache_read", "cache_write", "output", "reasoning", "other")
COST_CLASSES = ("input", "cache_read", "cache_write", "output", "other")


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over some calls. Money is exact; what is unknown is None."""

    calls: int
    errors: int
    unpriced_calls: int
    cache_hits: int
    tokens: dict[str, int]
    priced_cost: Decimal
    costs: dict[str, Decimal]
    p50_ns: float | None
    p95_ns: float | None
    p99_ns: float | None

    @property
    def cost(self) -> Decimal | None:
        """Spend in USD; None where there are calls without a price and no other spend beside them."""
        unknown = not self.calls or (self.unpriced_calls and not self.priced_cost)
        return None if unknown else self.priced_cost

    @property
    def prompt_tokens(self) -> int:
        """Tokens sent, cached or not."""
        return self.tokens["input"] + self.tokens["cache_read"] + self.tokens["cache_write"]

    @property
    def all_tokens(self) -> int:
        """Tokens of every class."""
        return sum(self.tokens.values())

    @property
    def error_rate(self) -> float | None:
        """Failed calls per call."""
        return self.errors / self.calls if self.calls else None

    @property
    def cost_per_call(self) -> Decimal | None:
        """Spend per PRICED call: an unpriced call would otherwise look free."""
        priced = self.calls - self.unpriced_calls
        return self.priced_cost / priced if priced else None

    @property
    def cached_share(self) -> float | None:
        """Share of prompt tokens that the provider read from its cache."""
        return self.tokens["cache_read"] / self.prompt_tokens if self.prompt_tokens else None


def totals_of(row: dict[str, Any]) -> Totals:
    """A row of any `calls_*` query as Totals."""
    p50, p95, p99 = (_known(v) for v in row["percentiles_ns"] or (None, None, None))
    return Totals(
        calls=row["calls"],
        errors=row["errors"],
        unpriced_calls=row["unpriced_calls"],
        cache_hits=row["cache_hits"],
        tokens={name: row[f"{name}_tokens"] for name in TOKEN_CLASSES},
        priced_cost=row["cost_usd"],
        costs={name: row[f"{name}_cost_usd"] for name in COST_CLASSES},
        p50_ns=p50,
        p95_ns=p95,
        p99_ns=p99,
    )


def totals(engine: Engine, scope: Scope, *, ledger: bool | None = None, brief: bool = False) -> Totals:
    """Everything in the scope, summed; `brief` leaves out percentiles, and is faster."""
    frame = _asked(engine, "calls_total", scope, None, ledger, brief=brief)
    return totals_of(frame.row(0, named=True))


def series(
    engine: Engine, scope: Scope, buckets: Bucketing, *, ledger: bool | None = None, brief: bool = False
) -> pl.DataFrame:
    """One row per bucket that has calls: `bucket` (UTC), every ledger sum, `percentiles_ns` [p50, p95, p99].

    `brief` leaves percentiles empty, and is faster.
    """
    source = _source(scope, buckets, ledger)
    return _times(_asked(engine, "calls_series", scope, buckets, source, brief=brief, bucket=buckets.sql))


def groups(
    engine: Engine,
    scope: Scope,
    dimension: Dimension,
    limit: int = MAX_GROUPS,
    *,
    ledger: bool | None = None,
    brief: bool = False,
) -> pl.DataFrame:
    """One row per value of `dimension`, the dearest first: `label`, `teams`, every ledger sum, `percentiles_ns`.

    Calls that name no value are a row of their own, labelled ''. `brief` leaves `teams` and `percentiles_ns` empty, and
    is faster.
    """
    return _asked(
        engine,
        "calls_groups",
        scope,
        None,
        _keeps(dimension, ledger),
        brief=brief,
        columns=(dimension.value,),
        more={"limit": limit},
        dimension=_column(dimension),
        teams="''" if brief else _TEAMS,
    )


def labels(
    engine: Engine, scope: Scope, dimension: Dimension, limit: int = MAX_GROUPS, *, ledger: bool | None = None
) -> list[str]:
    """The values of `dimension` in the order of `groups`, without its sums."""
    frame = _asked(
        engine,
        "calls_labels",
        scope,
        None,
        _keeps(dimension, ledger),
        brief=True,
        columns=(dimension.value,),
        sums=("cost_usd", "calls"),
        more={"limit": limit},
        dimension=_column(dimension),
    )
    return frame["label"].to_list()


def spend_series(
    engine: Engine,
    scope: Scope,
    dimension: Dimension,
    buckets: Bucketing,
    *,
    leading: Sequence[str] | None = None,
    ledger: bool | None = None,
) -> pl.DataFrame:
    """Spend per bucket and value: `bucket` (UTC), `label`, `cost` (Decimal), `total_calls`.

    With `leading` every other value is part of one line a bucket, whose label is None.
    """
    column = _column(dimension)
    label = column if leading is None else f"if({column} IN {{leading:Array(String)}}, toNullable({column}), NULL)"
    return _times(
        _asked(
            engine,
            "spend_series",
            scope,
            buckets,
            _source(scope, buckets, _keeps(dimension, ledger)),
            brief=True,
            columns=(dimension.value,),
            sums=("cost_usd", "calls"),
            more={} if leading is None else {"leading": list(leading)},
            bucket=buckets.sql,
            dimension=label,
        )
    )


def _asked(
    engine: Engine,
    name: str,
    scope: Scope,
    buckets: Bucketing | None,
    ledger: bool | None,
    *,
    brief: bool,
    columns: Sequence[str] = (),
    sums: Sequence[str] = SUMS,
    more: Mapping[str, Any] = NOTHING,
    **parts: str,
) -> pl.DataFrame:
    """The answer of a query about lines of the books, or about spans where they alone can tell."""
    fragments = scope.fragments(ledger=ledger) | parts
    params = scope.params(**(buckets.params if buckets else {}), **more)
    settings: Mapping[str, Any] = NOTHING
    if brief:
        fragments["percentiles"] = "CAST([], 'Array(Float64)')"
        if scope.on_ledger if ledger is None else ledger:
            # Sums alone are kept by the day as well; `where` is in the source then.
            found = rollup.source(scope, buckets, [*columns, *sums])
            fragments |= {"source": found.sql, "where": "true"}
            params |= found.params
            settings = rollup.SETTINGS
    fragments["sums"] = Template(load("calls_sums")).substitute(fragments)
    return engine.query(Template(load(name)).substitute(fragments), params, settings)


def _source(scope: Scope, buckets: Bucketing, ledger: bool | None) -> bool:
    return (scope.on_ledger and buckets.whole_hours) if ledger is None else ledger


def _keeps(dimension: Dimension, ledger: bool | None) -> bool | None:
    return False if dimension not in LEDGER_DIMENSIONS else ledger


def _column(dimension: Dimension) -> str:
    return "arrayJoin(tags)" if dimension is Dimension.TAG else f"c.`{dimension.value}`"


def _times(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns((pl.col("bucket").cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us", "UTC")))


def _known(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)
