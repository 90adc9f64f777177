"""What sampling hid: calls and tokens as clients count them in metrics, beside those of the spans that arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from string import Template
from typing import Any

import polars as pl

from spanledger_store.engine import Engine
from spanledger_store.sql import load

CALLS = ("gen_ai.client.operation.duration", "gen_ai.client.token.usage")
SDK = ("otel.sdk.processor.span.processed", "otel.sdk.exporter.span.exported")
# Timed by clients as well, and no calls of a model: their spans carry no money either.
OTHER_OPERATIONS = (
    "execute_tool", "create_agent", "invoke_agent", "invoke_workflow", "retrieval", "fetch_response",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hidden:
    """Calls of a project that clients counted, and how many of them no span told of."""

    project_id: str
    counted: int
    missing: int


def hours(engine: Engine, project: str, start: datetime, end: datetime) -> pl.DataFrame:
    """Calls and tokens per UTC hour and model, by metrics and by spans; null where a side says nothing.

    Exact for delta and for cumulative counters, restarts included, as far as the points arrived. Input includes what
    was read from caches, output includes reasoning, as the conventions count them.
    """
    return engine.query(*_asked("coverage_hours", project, start, end, CALLS))


def sdk(engine: Engine, project: str, start: datetime, end: datetime) -> pl.DataFrame:
    """Spans that SDKs report as processed and exported, by service, component and error (`queue_full` is a drop)."""
    return engine.query(*_asked("coverage_sdk", project, start, end, SDK))


def hidden(engine: Engine, start: datetime, end: datetime) -> list[Hidden]:
    """For every project whose clients send metrics, the calls of [start, end) that only these know of."""
    found: list[Hidden] = []
    for (project,) in engine.rows(load("coverage_projects"), {"names": list(CALLS), "start": start}):
        models = (
            hours(engine, project, start, end)
            .filter(pl.col("metric_calls").is_not_null())
            .group_by("model")
            .agg(pl.col("metric_calls").sum(), pl.col("span_calls").sum())
        )
        # By model over the whole stretch: a call may begin in one hour and be counted in the next.
        pairs = [(int(counted), int(arrived)) for _, counted, arrived in models.rows()]
        missing = sum(max(0, counted - arrived) for counted, arrived in pairs)
        found.append(Hidden(project, sum(counted for counted, _ in pairs), missing))
    return found


def _asked(
    name: str, project: str, start: datetime, end: datetime, names: tuple[str, ...]
) -> tuple[str, dict[str, Any]]:
    sql = Template(load(name)).substitute(steps=load("metric_steps"))
    params = {"project": project, "start": start, "end": end, "names": list(names)}
    return sql, params | {"other_operations": list(OTHER_OPERATIONS)}
