"""Traces found: a page of them, how they lie in time, and what they have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from string import Template
from types import MappingProxyType
from typing import Any

import polars as pl

from spanledger_store.engine import Engine
from spanledger_store.reports.buckets import Bucketing
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load

MAX_WORDS = 20
# Spans are read so far past both ends of a scope.
REACH = timedelta(hours=1)
# Shares of the scope in which the newest traces are looked for first.
WINDOWS = (64, 8)
MAX_TRACES = 5_000
"""Traces that a search may name."""
# A server takes no parameter of more than 128 KiB.
_AT_ONCE = 1_000


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
    `text` begins its id or its words all stand in one side (input or output) of one span; with `clusters` one of its
    calls is in one of these; with `traces` it is one of them, at most MAX_TRACES.
    """

    scope: Scope
    text: str = ""
    errors_only: bool = False
    min_duration_ns: int = 0
    min_cost: Decimal | None = None
    clusters: tuple[int, ...] = ()
    traces: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.traces is not None and len(self.traces) > MAX_TRACES:
            raise ValueError(f"a search names {len(self.traces):,} traces; name {MAX_TRACES:,} at most")

    def without(self, dimension: Dimension) -> TraceSearch:
        """The same search, not filtered by `dimension`."""
        return replace(self, scope=self.scope.without(dimension))

    def words(self) -> list[str]:
        """The words of `text`, as the text index cuts them."""
        return [word for word in re.split(r"[^0-9a-z\u0080-\U0010ffff]+", self.text.lower()) if word][:MAX_WORDS]

    def matched(self, *, among: str = "", also: str = "") -> str:
        """The fragment that yields one row per matching trace; `among` narrows by trace id, `also` adds columns."""
        having = ["true"]
        if conditions := self.scope.conditions():
            having.append(f"countIf({' AND '.join(conditions)}) > 0")
        if self.errors_only:
            having.append("error_count > 0")
        if self.min_duration_ns:
            having.append("duration >= {min_duration:UInt64}")
        if self.min_cost is not None:
            having.append("cost >= {min_cost:Decimal(38, 12)}")
        return Template(load("traces_matched")).substitute(
            having=" AND ".join(having), among=" AND ".join([*self._among(), *([among] if among else [])]), also=also
        )

    def params(self, **more: Any) -> dict[str, Any]:
        """Parameters of `matched`, plus `more`."""
        scope = self.scope
        values = scope.params(reach_from=scope.start - REACH, reach_to=scope.end + REACH)
        if self.min_duration_ns:
            values["min_duration"] = self.min_duration_ns
        if self.min_cost is not None:
            values["min_cost"] = self.min_cost
        if self.text.strip():
            values["prefix"] = self.text.strip().lower()
            values["words"] = self.words()
        if self.clusters:
            values["clusters"] = list(self.clusters)
        values.update({name: list(ids) for name, ids in self._named().items()})
        return values | more

    def _named(self) -> dict[str, tuple[str, ...]]:
        """The traces that are named, in parameters that a server takes."""
        every = self.traces or ()
        return {f"traces_{at}": every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE)}

    def _among(self) -> list[str]:
        """What the search says of trace ids alone. The engine's indexes find few of them without reading all."""
        conditions = ["true"]
        users = self.scope.filters.get(Dimension.USER, ())
        if users and "" not in users:
            conditions.append(f"trace_id IN ({load('traces_of_users')})")
        if self.clusters:
            conditions.append(f"trace_id IN ({load('traces_of_clusters')})")
        if self.traces is not None:
            among = [f"trace_id IN {{{name}:Array(String)}}" for name in self._named()]
            conditions.append(f"({' OR '.join(among) or 'false'})")
        text = self.text.strip().lower()
        if not text:
            return conditions
        found: list[str] = []
        if re.fullmatch(r"[0-9a-f]{32}", text):
            found.append("trace_id = {prefix:String}")
        elif re.fullmatch(r"[0-9a-f]{1,31}", text):
            found.append("startsWith(trace_id, {prefix:String})")
        if self.words():
            found.append(f"trace_id IN ({load('traces_with_words')})")
        return [*conditions, f"({' OR '.join(found) or 'false'})"]


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
    for window in _windows(search.scope, order, after):
        ids = _keys(engine, search, order, limit, after, window)
        if len(ids) < limit and window > search.scope.start:
            continue
        frame = _details(engine, search, order, limit, after, ids)
        begun = frame.filter(pl.col("started") >= window)
        # A trace with a pause of hours may seem to begin where it only goes on. Then a longer look decides.
        if begun.height == len(ids):
            return begun
    return _details(engine, search, order, limit, after, None)


def _windows(scope: Scope, order: Order, after: Cursor | None) -> Sequence[datetime]:
    """Where to begin to look: the newest traces lie at the end, and looking at all of them is the last resort."""
    if order is not Order.NEWEST:
        return [scope.start]
    last = scope.end if after is None else datetime.fromtimestamp(after.sort_key / 1e9, UTC) + timedelta(microseconds=1)
    return [*(last - (last - scope.start) / part for part in WINDOWS if last > scope.start), scope.start]


def _keys(
    engine: Engine, search: TraceSearch, order: Order, limit: int, after: Cursor | None, window: datetime
) -> list[str]:
    """Ids of the page, taken from traces that begin from `window` on. Every later span of them is read."""
    condition, more = _after(order, after)
    sql = Template(load("traces_keys")).substitute(
        matched=search.matched(), sort_key=_SORT_KEYS[order], after=condition
    )
    params = search.params(limit=limit, start=window, reach_from=window - REACH, **more)
    return engine.query(sql, params)["trace_id"].to_list()


def _details(
    engine: Engine, search: TraceSearch, order: Order, limit: int, after: Cursor | None, ids: Sequence[str] | None
) -> pl.DataFrame:
    """The page; where its ids are known, read from their spans alone."""
    condition, more = _after(order, after)
    among = "" if ids is None else "trace_id IN {ids:Array(String)}"
    sql = Template(load("traces_page")).substitute(
        matched=search.matched(among=among), sort_key=_SORT_KEYS[order], after=condition
    )
    return engine.query(sql, search.params(limit=limit, **({} if ids is None else {"ids": ids}), **more))


def _after(order: Order, after: Cursor | None) -> tuple[str, dict[str, Any]]:
    if after is None:
        return "true", {}
    condition = f"({_SORT_KEYS[order]}, trace_id) < ({{after_key:Int128}}, {{after_id:String}})"
    return condition, {"after_key": after.sort_key, "after_id": after.trace_id}


def histogram(engine: Engine, search: TraceSearch, buckets: Bucketing) -> pl.DataFrame:
    """Traces per bucket: `bucket` (UTC), `traces`, `failed_traces`; empty buckets are absent."""
    sql = Template(load("traces_histogram")).substitute(matched=search.matched(), bucket=buckets.sql)
    frame = engine.query(sql, search.params(**buckets.params))
    return frame.with_columns((pl.col("bucket").cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us", "UTC")))


def facets(
    engine: Engine, search: TraceSearch, dimensions: Sequence[Dimension], limit: int = 8
) -> dict[Dimension, pl.DataFrame]:
    """The commonest values of each dimension among traces that meet every OTHER filter: `label`, `traces`.

    Dimensions that are not filtered by share one look at the spans.
    """
    active = {d for d, values in search.scope.filters.items() if values}
    found: dict[Dimension, pl.DataFrame] = {}
    for group in [[d for d in dimensions if d not in active], *([d] for d in dimensions if d in active)]:
        if not group:
            continue
        others = search.without(group[0]) if group[0] in active else search
        sql = Template(load("traces_facet")).substitute(matched=others.matched(also=_held(group)), pairs=_pairs(group))
        frame = engine.query(sql, others.params(limit=limit))
        for dimension in group:
            found[dimension] = frame.filter(pl.col("dimension") == dimension.value).drop("dimension")
    return {dimension: found[dimension] for dimension in dimensions}


def _held(dimensions: Sequence[Dimension]) -> str:
    """A column `held`: for each dimension, its distinct values in a trace."""
    values = ("groupUniqArrayArray(tags)" if d is Dimension.TAG else f"groupUniqArray(`{d.value}`)" for d in dimensions)
    return f",\n    tuple({', '.join(values)}) AS held"


def _pairs(dimensions: Sequence[Dimension]) -> str:
    """`held` taken apart into (dimension, label)."""
    parts = (f"arrayMap(x -> ('{d.value}', toString(x)), held.{n})" for n, d in enumerate(dimensions, 1))
    return f"arrayConcat({', '.join(parts)})"
