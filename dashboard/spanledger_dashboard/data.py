"""Where pages meet the store, with `data_finance`, `data_clusters`, `data_drift` and nowhere else: here roles will be
checked."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl

from spanledger_dashboard import waterfall
from spanledger_dashboard.data_clusters import ClusterData
from spanledger_dashboard.data_drift import DriftData
from spanledger_dashboard.settings import DashboardSettings
from spanledger_dashboard.shared import Shared
from spanledger_dashboard.waterfall import Waterfall
from spanledger_store import health
from spanledger_store.control import Control, budgets, jobs, keys, quarantine, tallies
from spanledger_store.control.jobs import JobState
from spanledger_store.control.keys import Key
from spanledger_store.control.quarantine import Quarantined, ReasonCount
from spanledger_store.control.tallies import SpoolState
from spanledger_store.engine import Engine
from spanledger_store.finance import budget_report
from spanledger_store.finance.budget_report import Standing
from spanledger_store.health import Check
from spanledger_store.quality.drift_request import CompareDrift
from spanledger_store.reports import accounting, calls, catalog, findings, trace, traces
from spanledger_store.reports.accounting import Entry
from spanledger_store.reports.buckets import Bucketing
from spanledger_store.reports.calls import Totals
from spanledger_store.reports.comparing import BY, Explain
from spanledger_store.reports.trace import Content, SpanMaps
from spanledger_store.reports.traces import Cursor, Order, TraceSearch
from spanledger_store.scope import Dimension, Scope

CATALOG_SECONDS = 20
# The checks compare the whole ledger with its spans: once a minute is enough for any number of readers.
CHECKS_SECONDS = 60
SPOOL_FILE = "spool.db"
# Parts of one page ask within this time; a second look at it later sees what has come since.
TOGETHER_SECONDS = 0.5


class Data(ClusterData, DriftData):
    """Reports as coroutines; those about money, clusters and drift are in modules of their own."""

    def __init__(
        self,
        engine: Engine,
        control: Control,
        settings: DashboardSettings,
        explain: Explain | None = None,
        compare_drift: CompareDrift | None = None,
    ) -> None:
        super().__init__(engine, control, settings.query_threads)
        self.settings = settings
        self._explain = explain
        self.compare_drift = compare_drift
        self._checks: tuple[float, datetime, list[Check]] | None = None
        self._checking = threading.Lock()
        self._waterfalls = Shared[Waterfall | None](TOGETHER_SECONDS)
        self._projects: tuple[float, list[str]] = (-CATALOG_SECONDS, [])

    async def totals(self, scope: Scope, *, brief: bool = False) -> Totals:
        """Everything in the scope, summed; `brief` without latency, and faster."""
        return await self._run(calls.totals, scope, brief=brief)

    async def series(self, scope: Scope, buckets: Bucketing, *, brief: bool = False) -> pl.DataFrame:
        """Sums per bucket of time; `brief` without latency, and faster."""
        return await self._run(calls.series, scope, buckets, brief=brief)

    async def groups(
        self, scope: Scope, dimension: Dimension, limit: int = calls.MAX_GROUPS, *, brief: bool = False
    ) -> pl.DataFrame:
        """Sums per value of a dimension, the dearest first; `brief` without latency and teams, and faster."""
        return await self._run(calls.groups, scope, dimension, limit, brief=brief)

    async def labels(self, scope: Scope, dimension: Dimension, limit: int) -> list[str]:
        """Values of a dimension, the dearest first."""
        return await self._run(calls.labels, scope, dimension, limit)

    async def spend_series(
        self, scope: Scope, dimension: Dimension, buckets: Bucketing, leading: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Spend per bucket and value; with `leading` the others of a bucket are one line without a label."""
        return await self._run(calls.spend_series, scope, dimension, buckets, leading=leading)

    async def why(self, scope: Scope, against: Scope, by: Sequence[Dimension] = BY) -> dict[str, Any] | None:
        """Why the scope's spend is not that of another, as `GET /api/v1/why` answers it; None where nobody knows.

        Raises ValueError where the books cannot answer: they keep whole UTC hours, and no users, statuses or tags.
        """
        explain = self._explain
        return None if explain is None else await self._run(lambda _: explain(scope, against, by))

    async def traces(self, search: TraceSearch, order: Order, limit: int, after: Cursor | None) -> pl.DataFrame:
        """One page of traces."""
        return await self._run(lambda engine: traces.page(engine, self._shown(search), order, limit, after))

    async def trace_histogram(self, search: TraceSearch, buckets: Bucketing) -> pl.DataFrame:
        """Traces per bucket of time, and how many failed."""
        return await self._run(lambda engine: traces.histogram(engine, self._shown(search), buckets))

    async def facets(
        self, search: TraceSearch, dimensions: Sequence[Dimension], limit: int = 8
    ) -> dict[Dimension, pl.DataFrame]:
        """The commonest values of each dimension among matching traces."""
        return await self._run(lambda engine: traces.facets(engine, self._shown(search), dimensions, limit))

    async def trace_spans(self, project: str, trace_id: str, span_id: str = "") -> pl.DataFrame:
        """The spans of one trace, or one of them."""
        return await self._run(trace.spans, project, trace_id, span_id)

    async def waterfall(self, project: str, trace_id: str) -> Waterfall | None:
        """The spans of one trace laid out; None where there is none. The page and its rows ask at the same moment."""
        return await self._waterfalls.of((project, trace_id), lambda: self._run(_laid_out, project, trace_id))

    async def waterfall_rows(self, project: str, trace_id: str) -> bytes | None:
        """The waterfall's lines as JSON for the browser; None where there is no such trace."""
        drawn = await self.waterfall(project, trace_id)
        return None if drawn is None else await self._run(_rows_json, drawn)

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

    async def accounts(self, project: str, start: datetime, end: datetime) -> list[Entry]:
        """What became of everything received in these hours, by key, signal and hour."""
        return await self._run(lambda engine: accounting.entries(engine, self._control, start, end, project))

    async def drops(self, project: str, start: datetime, end: datetime) -> list[tuple[str, str, int]]:
        """(service, reason, spans) that SDKs say they gave up, the most first."""
        return await self._run(accounting.reasons, project, start, end)

    async def ingest_keys(self, project: str) -> list[Key]:
        """The project's keys for sending, revoked ones too."""
        found = await self._run(lambda _: keys.listing(self._control, project))
        return [key for key in found if key.scope == "ingest"]

    async def last_received(self, project: str) -> dict[str, datetime]:
        """Key -> the last hour in which something of it was acknowledged."""
        found = await self._run(lambda _: tallies.latest(self._control, project))
        return {key: hour for (_, key), hour in found.items()}

    async def spools(self) -> list[SpoolState]:
        """Every collector's spool, as it last reported."""
        return await self._run(lambda _: tallies.spools(self._control))

    async def jobs(self) -> list[JobState]:
        """What runs in the background, and how it went."""
        return await self._run(lambda _: jobs.states(self._control))

    async def budgets(self, project: str, now: datetime) -> list[Standing]:
        """How every budget of a project stands; of those that each value has by itself, every value."""
        return await self._run(
            lambda engine: budget_report.report(engine, self._control, budgets.listing(self._control, project), now)
        )

    async def anomalies(
        self, project: str, start: datetime, end: datetime, states: Sequence[str], where: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        """Changes of cost within the stretch, with what people said of them."""
        return await self._run(
            lambda engine: findings.report(
                engine, self._control, project, start=start, end=end, states=states, where=where
            )
        )

    async def quarantined(self, project: str) -> list[tuple[ReasonCount, Quarantined | None]]:
        """Reasons for which something of the project could not be stored, each with its newest example."""

        def read(_: Engine) -> list[tuple[ReasonCount, Quarantined | None]]:
            found = quarantine.reasons(self._control, project)
            return [(each, quarantine.newest(self._control, project, each.reason)) for each in found]

        return await self._run(read)

    async def checks(self) -> tuple[datetime, list[Check]]:
        """Every check of `doctor`, and when it was made: at most a minute ago."""
        return await self._run(self._checked)

    def _checked(self, engine: Engine) -> tuple[datetime, list[Check]]:
        with self._checking:
            if self._checks is None or time.monotonic() - self._checks[0] >= CHECKS_SECONDS:
                found = health.checks(engine, self._control, engine.settings.data / SPOOL_FILE)
                self._checks = (time.monotonic(), datetime.now(UTC), found)
            return self._checks[1:]


def _laid_out(engine: Engine, project: str, trace_id: str) -> Waterfall | None:
    frame = trace.outline(engine, project, trace_id)
    return None if frame.is_empty() else waterfall.layout(frame.to_dicts())


def _rows_json(_: Engine, drawn: Waterfall) -> bytes:
    return orjson.dumps({**waterfall.packed(waterfall.rows(drawn)), "first": waterfall.first_choice(drawn)})
