"""Traces found: a page of them, how they lie in time, and what they have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from string import Template
from types import MappingProxyType
from typing import Any

import polars as pl

from spanledger_store.engine import Engine
from spanledger_store.reports.buckets import Bucketing
from spanledger_store.reports.scope import Dimension, Scope
from spanledger_store.sql import load

MAX_WORDS = 20


class Order(StrEnum):
    """What the list begins with."""

    NEWEST = "newest"
    SLOWEST = "slowest"
    DEAREST = "dearest"


_SORT_KEYS: Mapping[Order, str] = MappingProxyType(
    {
        Order.NEWEST: "toInt128(toUnixTimestamp64Nano(started))",
        Order.SLOWEST: "toInt128(duration)",
        # Picodollars: exact, and of one type with the others.
        Order.DEAREST: "toInt128(cost * 1000000000000)",
    }
)


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """Which traces of a scope are wanted.

    A trace matches where ONE of its spans meets every filter of the scope, and the trace as a whole meets the rest:
    `text` begins its id or its words all stand in one side (input or output) of one span.
    """

    scope: Scope
    text: str = ""
    errors_only: bool = False
    min_duration_ns: int = 0
    min_cost: Decimal | None = None

    def without(self, dimension: Dimension) -> TraceSearch:
        """The same search, not filtered by `dimension`."""
        return replace(self, scope=self.scope.without(dimension))

    def words(self) -> list[str]:
        """The words of `text`, as the text index cuts them."""
        return [word for word in re.split(r"[^0-9a-z\u0080-\U0010ffff]+", self.text.lower()) if word][:MAX_WORDS]

    def matched(self) -> str:
        """The fragment that yields one row per matching trace."""
        having = ["true"]
        if conditions := self.scope.conditions():
            having.append(f"countIf({' AND '.join(conditions)}) > 0")
        if self.errors_only:
            having.append("error_count > 0")
        if self.min_duration_ns:
            having.append("duration >= {min_duration:UInt64}")
        if self.min_cost is not None:
            having.append("cost >= {min_cost:Decimal(38, 12)}")
        if self.text.strip():
            found = ["startsWith(trace_id, {prefix:String})"]
            if self.words():
                found.append(f"trace_id IN ({load('traces_with_words')})")
            having.append(f"({' OR '.join(found)})")
        return Template(load("traces_matched")).substitute(having=" AND ".join(having))

    def params(self, **more: Any) -> dict[str, Any]:
        """Parameters of `matched`, plus `more`."""
        values = self.scope.params(**more)
        if self.min_duration_ns:
            values["min_duration"] = self.min_duration_ns
        if self.min_cost is not None:
            values["min_cost"] = self.min_cost
        if self.text.strip():
            values["prefix"] = self.text.strip().lower()
            values["words"] = self.words()
        return values


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page, after which the next begins."""

    sort_key: int
    trace_id: str


def page(engine: Engine, search: TraceSearch, order: Order, limit: int, after: Cursor | None = None) -> pl.DataFrame:
    """At most `limit` traces: `trace_id`, `started`, `root_name`, `duration` (ns), counts, `cost`, tokens, `models`.

    `cost` covers the priced calls; `unpriced_count` says how many were not. `sort_key` (a string) and `trace_id` of
    the last row make the next page's Cursor; pages neither overlap nor skip, whatever arrives in between.
    """
    key = _SORT_KEYS[order]
    condition, params = "true", search.params(limit=limit)
    if after is not None:
        condition = f"({key}, trace_id) < ({{after_key:Int128}}, {{after_id:String}})"
        params |= {"after_key": after.sort_key, "after_id": after.trace_id}
    sql = Template(load("traces_page")).substitute(matched=search.matched(), sort_key=key, after=condition)
    return engine.query(sql, params)


def histogram(engine: Engine, search: TraceSearch, buckets: Bucketing) -> pl.DataFrame:
    """Traces per bucket: `bucket` (UTC), `traces`, `failed_traces`; empty buckets are absent."""
    sql = Template(load("traces_histogram")).substitute(matched=search.matched(), bucket=buckets.sql)
    frame = engine.query(sql, search.params(**buckets.params))
    return frame.with_columns((pl.col("bucket").cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us", "UTC")))


def facet(engine: Engine, search: TraceSearch, dimension: Dimension, limit: int = 8) -> pl.DataFrame:
    """The commonest values of a dimension among traces that meet every OTHER filter: `label`, `traces`."""
    column = "arrayJoin(tags)" if dimension is Dimension.TAG else f"`{dimension.value}`"
    known = "notEmpty(tags)" if dimension is Dimension.TAG else f"`{dimension.value}` != ''"
    others = search.without(dimension)
    sql = Template(load("traces_facet")).substitute(dimension=column, dimension_known=known, matched=others.matched())
    return engine.query(sql, others.params(limit=limit))
