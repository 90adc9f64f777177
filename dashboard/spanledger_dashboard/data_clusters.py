"""What pages read about what is asked: clusters, their courses, and the calls on the map."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import polars as pl

from spanledger_dashboard.data_finance import FinanceData
from spanledger_dashboard.figures.cluster_map import spread
from spanledger_dashboard.shared import Shared
from spanledger_store.control import Control, clusters
from spanledger_store.control.clusters import Codebook, Event, Fate
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.engine import Engine
from spanledger_store.reports import clusters as reports
from spanledger_store.reports import clusters_page as beside
from spanledger_store.reports import embeddings
from spanledger_store.reports.clusters import Line
from spanledger_store.reports.clusters_page import Courses, Example, Scored
from spanledger_store.reports.traces import TraceSearch
from spanledger_store.scope import Scope

# Calls are assigned within a minute: so long the map, the list and what is chosen on it may rest on one reading.
READ_SECONDS = 30
T = TypeVar("T")


class ClusterData(FinanceData):
    """Reports about clusters as coroutines; each is at most some seconds old."""

    def __init__(self, engine: Engine, control: Control, threads: int) -> None:
        super().__init__(engine, control, threads)
        self._read = Shared[Any](READ_SECONDS)

    async def codebook(self, project: str) -> Codebook | None:
        """The codebook in use; None before the first."""
        return await self._run(lambda _: clusters.newest(self._control, project))

    async def cluster_list(self, scope: Scope) -> list[Line]:
        """The clusters with calls in the scope, the largest first; none of a project that nobody knows."""
        return await self._known("list", scope, lambda engine: reports.listing(engine, self._control, scope), [])

    async def cluster_courses(self, scope: Scope) -> Courses:
        """Every cluster over the scope, and the stretch before it."""
        nothing = Courses({}, 0.0)
        return await self._known("courses", scope, lambda engine: beside.courses(engine, self._control, scope), nothing)

    async def cluster_points(self, scope: Scope) -> pl.DataFrame:
        """The calls on the map, each with room."""

        def read(engine: Engine) -> pl.DataFrame:
            return spread(reports.points(engine, self._control, scope))

        return await self._known("points", scope, read, pl.DataFrame())

    async def cluster_scores(self, scope: Scope) -> Scored:
        """The score that most calls have, by cluster."""
        return await self._known("scores", scope, lambda engine: beside.scored(engine, self._control, scope), Scored())

    async def cluster_first_calls(self, project: str) -> dict[int, datetime]:
        """When each cluster was asked for first."""
        return await self._kept(("first", project), lambda engine: beside.first_calls(engine, self._control, project))

    async def cluster_examples(self, project: str) -> dict[int, list[Example]]:
        """Calls that stand for each cluster; none of those that too few people stand behind."""
        return await self._kept(("examples", project), lambda engine: beside.examples(engine, self._control, project))

    async def cluster_news(self, scope: Scope) -> list[tuple[Event, int]]:
        """New topics between refits, each with its cluster."""
        return await self._kept(_key("news", scope), lambda engine: beside.news(engine, self._control, scope))

    async def cluster_fate(self, project: str, cluster: int) -> Fate:
        """Why a cluster is not in the list."""
        return await self._run(lambda _: clusters.fate(self._control, project, cluster))

    async def cluster_events(self, project: str) -> list[Event]:
        """What became of clusters, newest first."""
        return await self._kept(("events", project), lambda _: clusters.events(self._control, project))

    async def said_of_cluster(self, scope: Scope, cluster: int) -> list[dict[str, Any]]:
        """Every score of a cluster's calls."""
        return await self._run(lambda engine: reports.scores(engine, self._control, scope, cluster))

    async def call_scores(self, scope: Scope, name: str) -> pl.DataFrame:
        """The mean of a score by call."""
        return await self._run(lambda engine: beside.call_scores(engine, self._control, scope, name))

    async def embedded(self, project: str, now: datetime) -> Mapping[str, Any]:
        """How many calls there are, and how many have a vector; empty for a project that nobody knows."""

        def read(engine: Engine) -> Mapping[str, Any]:
            try:
                return embeddings.report(engine, self._control, project, now)
            except ProjectUnknown:
                return {}

        return await self._run(read)

    def _shown(self, search: TraceSearch) -> TraceSearch:
        return beside.of_clusters(self._control, search)

    async def _known(self, name: str, scope: Scope, read: Callable[[Engine], T], nothing: T) -> T:
        def found(engine: Engine) -> T:
            try:
                return read(engine)
            except ProjectUnknown:
                return nothing

        return await self._kept(_key(name, scope), found)

    async def _kept(self, key: Hashable, read: Callable[[Engine], T]) -> T:
        def make() -> Awaitable[T]:
            return self._run(read)

        return await self._read.of(key, make)


def _key(name: str, scope: Scope) -> Hashable:
    filters = tuple(sorted((dimension.value, values) for dimension, values in scope.filters.items()))
    return name, scope.project, scope.start, scope.end, filters
