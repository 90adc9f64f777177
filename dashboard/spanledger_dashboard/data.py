"""The one place where pages meet the store: every read passes here, and roles will be checked here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

import polars as pl

from spanledger_dashboard.settings import DashboardSettings
from spanledger_store.engine import Engine
from spanledger_store.reports import calls, catalog, trace, traces
from spanledger_store.reports.buckets import Bucketing
from spanledger_store.reports.calls import Totals
from spanledger_store.reports.scope import Dimension, Scope
from spanledger_store.reports.trace import Content, SpanMaps
from spanledger_store.reports.traces import Cursor, Order, TraceSearch

P = ParamSpec("P")
T = TypeVar("T")
CATALOG_SECONDS = 20


class Data:
    """Reports as coroutines, on a bounded pool of threads: the event loop never waits for the engine."""

    def __init__(self, engine: Engine, settings: DashboardSettings) -> None:
        self.settings = settings
        self._engine = engine
        self._pool = ThreadPoolExecutor(settings.query_threads, thread_name_prefix="dashboard-query")
        self._projects: tuple[float, list[str]] = (-CATALOG_SECONDS, [])

    async def _run(self, report: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: report(self._engine, *args, **kwargs))

    def close(self) -> None:
        """Let the threads go; queries under way finish first."""
        self._pool.shutdown()

    async def totals(self, scope: Scope) -> Totals:
        """Everything in the scope, summed."""
        return await self._run(calls.totals, scope)

    async def series(self, scope: Scope, buckets: Bucketing) -> pl.DataFrame:
        """Sums per bucket of time."""
        return await self._run(calls.series, scope, buckets)

    async def groups(self, scope: Scope, dimension: Dimension, limit: int = calls.MAX_GROUPS) -> pl.DataFrame:
        """Sums per value of a dimension, the dearest first."""
        return await self._run(calls.groups, scope, dimension, limit)

    async def labels(self, scope: Scope, dimension: Dimension, limit: int) -> list[str]:
        """Values of a dimension, the dearest first."""
        return await self._run(calls.labels, scope, dimension, limit)

    async def spend_series(self, scope: Scope, dimension: Dimension, buckets: Bucketing) -> pl.DataFrame:
        """Spend per bucket and value."""
        return await self._run(calls.spend_series, scope, dimension, buckets)

    async def traces(self, search: TraceSearch, order: Order, limit: int, after: Cursor | None) -> pl.DataFrame:
        """One page of traces."""
        return await self._run(traces.page, search, order, limit, after)

    async def trace_histogram(self, search: TraceSearch, buckets: Bucketing) -> pl.DataFrame:
        """Traces per bucket of time, and how many failed."""
        return await self._run(traces.histogram, search, buckets)

    async def facets(
        self, search: TraceSearch, dimensions: Sequence[Dimension], limit: int = 8
    ) -> dict[Dimension, pl.DataFrame]:
        """The commonest values of each dimension among matching traces."""
        return await self._run(traces.facets, search, dimensions, limit)

    async def trace_spans(self, project: str, trace_id: str, span_id: str = "") -> pl.DataFrame:
        """The spans of one trace, or one of them."""
        return await self._run(trace.spans, project, trace_id, span_id)

    async def trace_outline(self, project: str, trace_id: str) -> pl.DataFrame:
        """The spans of one trace, as the waterfall needs them."""
        return await self._run(trace.outline, project, trace_id)

    async def trace_contents(self, project: str, trace_id: str, span_id: str = "") -> list[Content]:
        """What the spans of one trace carried."""
        return await self._run(trace.contents, project, trace_id, span_id)

    async def span_maps(self, project: str, trace_id: str, span_id: str) -> SpanMaps | None:
        """Attributes and metadata of one span."""
        return await self._run(trace.maps, project, trace_id, span_id)

    async def trace_scores(self, project: str, trace_id: str) -> pl.DataFrame:
        """What was said of one trace."""
        return await self._run(trace.scores, project, trace_id)

    async def projects(self) -> list[str]:
        """Projects that have calls; at most some seconds old."""
        read, found = self._projects
        if time.monotonic() - read >= CATALOG_SECONDS:
            found = await self._run(catalog.projects)
            self._projects = (time.monotonic(), found)
        return found

    async def latest_span(self, project: str) -> datetime | None:
        """When the project's newest span began; None where it has none."""
        return await self._run(catalog.latest_span, project)

    async def covers(self, scope: Scope) -> bool:
        """True where the project's books begin before the scope does: only then is a comparison with it fair.

        A twentieth of the scope is forgiven.
        """
        first = await self._run(catalog.first_hour, scope.project)
        return first is not None and first <= scope.start + (scope.end - scope.start) / 20

    async def named(self, project: str, text: str) -> pl.DataFrame:
        """Customers, features and models whose name contains a text."""
        return await self._run(catalog.values, project, text)

    async def traces_named(self, project: str, prefix: str) -> list[str]:
        """Trace ids that begin with a text."""
        return await self._run(catalog.traces_named, project, prefix)
