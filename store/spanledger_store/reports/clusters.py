"""What users ask, by cluster: calls, shares, spend, latency, errors and whose they are; over time, and on the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from string import Template
from typing import Any, Final, Literal

import polars as pl

from spanledger_store.control import Control, clusters, projects
from spanledger_store.control.clusters import NONE, ClusterUnknown, Said
from spanledger_store.engine import Engine
from spanledger_store.reports.buckets import Bucketing
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load

POINTS: Final = 50_000
"""Calls on the map, at most."""
_BY: Final = (
    Dimension.CUSTOMER, Dimension.FEATURE, Dimension.MODEL, Dimension.PROVIDER, Dimension.USER,
    Dimension.PROMPT_VERSION, Dimension.RELEASE, Dimension.ENVIRONMENT, Dimension.TEAM, Dimension.STATUS,
)  # fmt: skip
_ORDERS: Final = {
    "typical": "exemplar = 0, exemplar, distance, start, trace_id, span_id",
    "newest": "start DESC, trace_id, span_id",
    "dearest": "c.cost_usd DESC NULLS LAST, start DESC, trace_id, span_id",
}
_WITHOUT_TEXTS: Final = (
    "no texts: they are shown only of examples that the last refit chose, of clusters with enough people behind them, "
    "where contents are kept"
)
Order = Literal["typical", "newest", "dearest"]


@dataclass(frozen=True, slots=True)
class Line:
    """A cluster over a stretch; 0 is what belongs to none.

    `calls` and `cost_usd` are those of the calls that have a vector, exactly. `weight` is how many calls they stand for
    where only some sessions are embedded, `share` that as a part of all, `estimated_cost_usd` their cost likewise.
    Durations are in nanoseconds, None where no call was timed.
    """

    cluster: int
    name: str
    words: tuple[str, ...]
    topic: str
    calls: int
    weight: float
    share: float
    cost_usd: Decimal
    estimated_cost_usd: float
    unpriced_calls: int
    errors: int
    p50_ns: int | None
    p95_ns: int | None
    customers: int
    users: int
    sessions: int
    first_call: datetime
    last_call: datetime
    is_hidden: bool = False
    is_named: bool = False
    parts: tuple[int, ...] = ()
    x: float | None = None
    y: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it; money is a string of all its digits."""
        out = {name: getattr(self, name) for name in self.__slots__}
        return out | {
            "words": list(self.words),
            "parts": list(self.parts),
            "cost_usd": f"{self.cost_usd:f}",
            "estimated_cost_usd": round(self.estimated_cost_usd, 6),
            "weight": round(self.weight, 3),
            "share": round(self.share, 6),
            "first_call": self.first_call.isoformat(),
            "last_call": self.last_call.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Names:
    """What a project's clusters are called, and under which number each is shown."""

    said: Mapping[int, Said]
    labels: Mapping[int, str] = field(default_factory=dict[int, str])
    words: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    topics: Mapping[int, str] = field(default_factory=dict[int, str])
    places: Mapping[int, tuple[float, float]] = field(default_factory=dict[int, tuple[float, float]])

    def name(self, cluster: int) -> str:
        """Its own name if somebody gave it one, else its label."""
        if cluster == NONE:
            return "(no cluster)"
        own = self.said.get(cluster)
        return (own.name if own else "") or self.labels.get(cluster, "") or f"cluster {cluster}"

    def params(self) -> dict[str, Any]:
        """Parameters for the fragment of assigned calls."""
        shown = clusters.shown(self.said)
        # The engine wants something to look for.
        return {"merged": [NONE, *shown], "into": [NONE, *shown.values()]}


def names(engine: Engine, control: Control, project: str) -> Names:
    """What the clusters that the project ever had are called. Raises ProjectUnknown."""
    projects.get(control, project)
    rows = engine.query(load("cluster_known"), {"project": project}).to_dicts()
    return Names(
        clusters.said(control, project),
        {row["cluster"]: row["label"] for row in rows},
        {row["cluster"]: tuple(row["words"]) for row in rows},
        {row["cluster"]: row["parent_label"] for row in rows},
        {row["cluster"]: (row["x"], row["y"]) for row in rows},
    )


def searched(lines: Sequence[Line], text: str) -> list[Line]:
    """Those whose name, words or topic contain a text, whatever its case; all of them without one."""
    wanted = text.casefold().strip()
    return [each for each in lines if wanted in " ".join((each.name, *each.words, each.topic)).casefold()]


def listing(engine: Engine, control: Control, scope: Scope, *, search: str = "", hidden: bool = False) -> list[Line]:
    """The clusters with calls in a scope, those that stand for the most calls first; what is in none comes last.

    Shares are of all embedded calls of the scope, hidden clusters' among them. `search` keeps those whose name, words
    or topic contain it. Raises ProjectUnknown.
    """
    known = names(engine, control, scope.project)
    frame = asked(engine, "cluster_sums", scope, known, bucket="", groups="cluster")
    total = float(frame["weight"].sum()) or 1.0
    found = [_line(row, total, known) for row in frame.iter_rows(named=True)]
    wanted = bool(search.strip())
    kept = [
        each
        for each in searched(found, search)
        if (hidden or not each.is_hidden) and not (wanted and each.cluster == NONE)
    ]
    return sorted(kept, key=lambda each: (each.cluster == NONE, -each.weight, each.cluster))


def series(engine: Engine, control: Control, scope: Scope, buckets: Bucketing) -> pl.DataFrame:
    """One row per cluster and bucket with calls: cluster, name, bucket (UTC), calls, weight, share, cost_usd, errors,
    p50_ns, p95_ns, customers, users, sessions; shares are of the bucket's embedded calls."""
    known = names(engine, control, scope.project)
    cut = f"{buckets.sql} AS bucket, "
    frame = asked(engine, "cluster_sums", scope, known, bucket=cut, groups="cluster, bucket", more=buckets.params)
    hidden = [number for number, each in known.said.items() if each.is_hidden]
    digests = pl.col("duration_ns").list
    timed = pl.col("timed_calls") > 0
    return (
        frame.with_columns(
            bucket=pl.from_epoch("bucket").dt.replace_time_zone("UTC"),
            share=pl.col("weight") / pl.col("weight").sum().over("bucket"),
            p50_ns=pl.when(timed).then(digests.get(0, null_on_oob=True)).cast(pl.Int64),
            p95_ns=pl.when(timed).then(digests.get(1, null_on_oob=True)).cast(pl.Int64),
            name=pl.col("cluster").map_elements(known.name, pl.String),
        )
        .filter(~pl.col("cluster").is_in(hidden))
        .select(
            "cluster", "name", "bucket", "calls", "weight", "share", "cost_usd", "estimated_cost_usd", "errors",
            "p50_ns", "p95_ns", "customers", "users", "sessions",
        )
        .sort("cluster", "bucket")
    )  # fmt: skip


def values(
    engine: Engine, control: Control, scope: Scope, cluster: int, by: Dimension, limit: int = 20
) -> list[dict[str, Any]]:
    """The most frequent values of a dimension among a cluster's calls: value, calls, weight, cost_usd (Decimal)."""
    if by not in _BY:
        raise ValueError(f"{by.value} is no dimension of a cluster; use one of {', '.join(each.value for each in _BY)}")
    known = names(engine, control, scope.project)
    frame = asked(
        engine, "cluster_values", scope, known, column=f"c.`{by.value}`", more={"cluster": cluster, "limit": limit}
    )
    return frame.with_columns(pl.col("value").cast(pl.String)).to_dicts()


def scores(engine: Engine, control: Control, scope: Scope, cluster: int) -> list[dict[str, Any]]:
    """What was said of a cluster's calls and their traces: name, scores, mean; the most frequent first."""
    known = names(engine, control, scope.project)
    frame = asked(engine, "cluster_scores", scope, known, more={"cluster": cluster})
    return frame.with_columns(pl.col("name").cast(pl.String)).to_dicts()


def members(
    engine: Engine, control: Control, scope: Scope, cluster: int, *, order: Order = "typical", limit: int = 50
) -> list[dict[str, Any]]:
    """Calls of a cluster: trace_id, span_id, start (UTC), distance, exemplar, what they were, and how they begin.

    Only calls that stand for a cluster have a text, which takes enough people behind it; None otherwise, and where the
    content is no longer kept. Whose a call was is not said.
    """
    known = names(engine, control, scope.project)
    codebook = clusters.newest(control, scope.project)
    more = {"cluster": cluster, "limit": limit, "codebook": codebook.id if codebook else ""}
    rows = asked(engine, "cluster_members", scope, known, order=_ORDERS[order], more=more).to_dicts()
    return [row | {"start": _moment(row["start"])} for row in rows]


def points(engine: Engine, control: Control, scope: Scope, limit: int = POINTS) -> pl.DataFrame:
    """Calls on the map of the codebook in use: trace_id, span_id, start (UTC ns), cluster, name, x, y, distance,
    weight, customer, feature, model, status, duration_ns, cost_usd. Hidden clusters are left out.

    Of more than `limit` (at most POINTS) a sample, the same at each call. No rows without a codebook.
    """
    known = names(engine, control, scope.project)
    codebook = clusters.newest(control, scope.project)
    more = {"codebook": codebook.id if codebook else "", "limit": min(limit, POINTS)}
    frame = asked(engine, "cluster_points", scope, known, more=more)
    hidden = [number for number, each in known.said.items() if each.is_hidden]
    return frame.filter(~pl.col("cluster").is_in(hidden)).with_columns(
        name=pl.col("cluster").map_elements(known.name, pl.String)
    )


def show(engine: Engine, control: Control, scope: Scope, cluster: int) -> dict[str, Any]:
    """Everything about one cluster, as JSON takes it: its line, values, scores, typical calls and what became of it.

    Texts as in `members`; `typical_note` says why where no call has one. Raises ProjectUnknown, and ClusterUnknown for
    one that was never given, or has no calls in the scope.
    """
    projects.get(control, scope.project)
    shown = clusters.shown(clusters.said(control, scope.project)).get(cluster, cluster)
    found = next((each for each in listing(engine, control, scope, hidden=True) if each.cluster == shown), None)
    if found is None:
        clusters.check_known(control, scope.project, cluster)
        raise ClusterUnknown(
            f"project {scope.project!r} has no calls of a cluster {cluster} in that time; name a longer one."
        )
    typical = members(engine, control, scope, shown, limit=8)
    told = [each.as_json() for each in clusters.events(control, scope.project) if shown in (*each.before, *each.after)]
    return found.as_json() | {
        **{
            f"{by.value}s": [
                row | {"cost_usd": f"{row['cost_usd']:f}"} for row in values(engine, control, scope, shown, by, 10)
            ]
            for by in (Dimension.CUSTOMER, Dimension.MODEL, Dimension.FEATURE)
        },
        "scores": scores(engine, control, scope, shown),
        "typical": [
            row | {
                "start": row["start"].isoformat(),
                "cost_usd": None if row["cost_usd"] is None else f"{row['cost_usd']:f}",
            }
            for row in typical
        ],
        "typical_note": "" if any(row["text"] for row in typical) else _WITHOUT_TEXTS,
        "events": told,
    }  # fmt: skip


def asked(
    engine: Engine,
    query: str,
    scope: Scope,
    known: Names,
    more: Mapping[str, Any] | None = None,
    **parts: str,
) -> pl.DataFrame:
    """What a query over the assigned calls of a scope answers; `parts` are its fragments, `more` its parameters."""
    calls = Template(load("cluster_calls")).substitute(where=" AND ".join(["true", *scope.conditions()]))
    sql = Template(load(query)).substitute(calls=calls, **parts)
    return engine.query(sql, scope.params(**known.params(), **(more or {})))


def _line(row: Mapping[str, Any], total: float, known: Names) -> Line:
    cluster = row["cluster"]
    timed: Sequence[float] = row["duration_ns"] if row["timed_calls"] else ()
    own = known.said.get(cluster, Said(cluster))
    place = known.places.get(cluster)
    return Line(
        cluster=cluster,
        name=known.name(cluster),
        words=known.words.get(cluster, ()),
        topic=known.topics.get(cluster, ""),
        calls=row["calls"],
        weight=row["weight"],
        share=row["weight"] / total,
        cost_usd=row["cost_usd"],
        estimated_cost_usd=row["estimated_cost_usd"],
        unpriced_calls=row["unpriced_calls"],
        errors=row["errors"],
        p50_ns=round(timed[0]) if timed else None,
        p95_ns=round(timed[1]) if timed else None,
        customers=row["customers"],
        users=row["users"],
        sessions=row["sessions"],
        first_call=_moment(row["first_call"]),
        last_call=_moment(row["last_call"]),
        is_hidden=own.is_hidden,
        is_named=bool(own.name),
        parts=tuple(sorted(number for number, into in clusters.shown(known.said).items() if into == cluster)),
        x=place[0] if place and place[0] == place[0] else None,
        y=place[1] if place and place[1] == place[1] else None,
    )


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
