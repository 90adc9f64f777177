"""What the page of clusters shows beside their sums: courses, first calls, examples, scores, calls within an area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spanledger_store.control import Control, clusters
from spanledger_store.control.clusters import NONE, Event
from spanledger_store.engine import Engine
from spanledger_store.reports import clusters as reports
from spanledger_store.reports.traces import TraceSearch
from spanledger_store.scope import Scope
from spanledger_store.sql import load

STEPS: Final = 28
"""Parts of a stretch that a course has; as many again are those of the stretch before it."""
# Examples of a new topic are of the weeks that were looked at.
_MONTH: Final = timedelta(days=31)
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({"weight": 0.0, "calls": 0, "cost_usd": 0.0})


@dataclass(frozen=True, slots=True)
class Course:
    """A cluster by equal steps of a stretch, and what it came to in the stretch of equal length before."""

    weights: Sequence[float]
    calls: Sequence[int]
    costs: Sequence[float]
    weight_before: float
    cost_before: float


@dataclass(frozen=True, slots=True)
class Courses:
    """Every cluster's course; `weight_before` is of all embedded calls of the stretch before, 0 without any."""

    of: Mapping[int, Course]
    weight_before: float


@dataclass(frozen=True, slots=True)
class Scored:
    """The score that most calls have, and its mean by cluster; '' where nothing was said of any call."""

    name: str = ""
    means: Mapping[int, float] = field(default_factory=dict[int, float])


@dataclass(frozen=True, slots=True)
class Example:
    """A call that stands for its cluster: only those have one of which enough people stand behind the cluster."""

    trace_id: str
    span_id: str
    text: str


def courses(engine: Engine, control: Control, scope: Scope) -> Courses:
    """Each cluster over the scope and the stretch of equal length before it. Raises ProjectUnknown."""
    known = reports.names(engine, control, scope.project)
    before = scope.previous()
    start = int(scope.start.timestamp())
    step = max(1, -(-(int(scope.end.timestamp()) - start) // STEPS))
    # A step begins where the scope does, so that none lies in both stretches.
    first = start - STEPS * step
    wide = Scope(scope.project, before.start, scope.end, scope.filters)
    frame = reports.asked(engine, "cluster_course", wide, known, more={"first": first, "step": step})
    parts: dict[int, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        parts.setdefault(row["cluster"], []).append(row)
    made: dict[int, Course] = {}
    for cluster, rows in parts.items():
        now = {row["place"] - STEPS: row for row in rows if row["place"] >= STEPS}
        old = [row for row in rows if row["place"] < STEPS]
        steps = [now.get(at, _NOTHING) for at in range(STEPS)]
        made[cluster] = Course(
            weights=[each["weight"] for each in steps],
            calls=[each["calls"] for each in steps],
            costs=[each["cost_usd"] for each in steps],
            weight_before=sum(each["weight"] for each in old),
            cost_before=sum(each["cost_usd"] for each in old),
        )
    return Courses(made, sum(each.weight_before for each in made.values()))


def first_calls(engine: Engine, control: Control, project: str) -> dict[int, datetime]:
    """When each cluster was asked for first, of all calls that are assigned; NONE is what is in no cluster."""
    params = {"project": project, **_merged(control, project)}
    rows = engine.rows(load("cluster_first_calls"), params)
    return {cluster: datetime.fromtimestamp(first / 1e9, UTC) for cluster, first in rows}


def examples(engine: Engine, control: Control, project: str) -> dict[int, list[Example]]:
    """Calls that stand for each cluster, the most typical first, where their beginnings are still kept."""
    kept = clusters.newest(control, project)
    if kept is None:
        return {}
    params = {"project": project, "codebook": kept.id, **_merged(control, project)}
    made: dict[int, list[Example]] = {}
    for cluster, _, trace, span, text in engine.rows(load("cluster_examples"), params):
        made.setdefault(cluster, []).append(Example(trace, span, text))
    return made


def scored(engine: Engine, control: Control, scope: Scope) -> Scored:
    """The score that most calls of the scope have, by cluster."""
    known = reports.names(engine, control, scope.project)
    if not engine.rows(load("scores_any"), {"project": scope.project}):
        return Scored()
    frame = reports.asked(engine, "cluster_score_means", scope, known)
    if frame.is_empty():
        return Scored()
    counts = frame.group_by("name").agg(pl.col("scores").sum()).sort("scores", "name", descending=[True, False])
    name = str(counts["name"][0])
    rows = frame.filter(pl.col("name") == name)
    return Scored(name, dict(zip(rows["cluster"], rows["mean"], strict=True)))


def call_scores(engine: Engine, control: Control, scope: Scope, name: str) -> pl.DataFrame:
    """The mean of a score by call: trace_id, span_id, score."""
    known = reports.names(engine, control, scope.project)
    return reports.asked(engine, "cluster_call_scores", scope, known, more={"name": name})


def news(engine: Engine, control: Control, scope: Scope) -> list[tuple[Event, int]]:
    """New topics told since the codebook in use or within the scope, newest first.

    With each the cluster that most of its examples are in; NONE where they are in none.
    """
    kept = clusters.newest(control, scope.project)
    since = min(scope.start, kept.made_at) if kept is not None else scope.start
    every = clusters.events(control, scope.project, since)
    told = [each for each in every if each.kind == "emergence" and each.at < scope.end]
    if not told:
        return []
    calls = [tuple(pair) for each in told for pair in each.details.get("examples", ())]
    params = {
        "project": scope.project,
        "start": min(each.at for each in told) - _MONTH,
        "end": scope.end,
        "traces": [trace for trace, _ in calls],
        "spans": [span for _, span in calls],
        **_merged(control, scope.project),
    }
    placed = {(trace, span): cluster for trace, span, cluster in engine.rows(load("cluster_of_calls"), params)}
    found = ([placed.get(tuple(pair), NONE) for pair in each.details.get("examples", ())] for each in told)
    return [(each, _commonest(numbers)) for each, numbers in zip(told, found, strict=True)]


def inside(frame: pl.DataFrame, area: Sequence[tuple[float, float]]) -> pl.DataFrame:
    """The rows of `reports.clusters.points` within a polygon: even-odd rule, at most some hundred corners."""
    if len(area) < 3:
        return frame.clear()
    xs, ys = frame["x"].to_numpy().astype(np.float64), frame["y"].to_numpy().astype(np.float64)
    within: NDArray[np.bool_] = np.zeros(len(frame), dtype=bool)
    for (x0, y0), (x1, y1) in zip(area, [*area[1:], area[0]], strict=True):
        if y0 != y1:
            within ^= ((ys < y0) != (ys < y1)) & (xs < (x1 - x0) * (ys - y0) / (y1 - y0) + x0)
    return frame.filter(pl.Series(within))


def of_clusters(control: Control, search: TraceSearch) -> TraceSearch:
    """The search with the clusters that are shown as part of those it names."""
    if not search.clusters:
        return search
    parts = clusters.shown(clusters.said(control, search.scope.project))
    wanted = {parts.get(number, number) for number in search.clusters}
    return replace(search, clusters=tuple(sorted(wanted | {part for part, into in parts.items() if into in wanted})))


def _merged(control: Control, project: str) -> dict[str, Any]:
    return reports.Names(clusters.said(control, project)).params()


def _commonest(numbers: Sequence[int]) -> int:
    known = [number for number in numbers if number != NONE]
    return max(sorted(set(known)), key=known.count) if known else NONE
