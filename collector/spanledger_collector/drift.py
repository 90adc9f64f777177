"""The API's routes about drift: what was found, every look at it, and comparisons that are asked for.

Who composes the collector hands it the one who knows how to compare.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_collector.stretches import bounds, stretch
from spanledger_store.control import projects
from spanledger_store.control.baselines import BaselineUnknown
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.moments import MomentInvalid
from spanledger_store.quality import drift
from spanledger_store.quality.drift_request import CompareDrift, ComparisonInvalid
from spanledger_store.reports.asked import comparison
from spanledger_store.reports.findings import report

Project = Annotated[str, Query(description="the project's id")]
Start = Annotated[datetime | None, Query(alias="from", description="ISO time; else 30 days before the end")]
End = Annotated[datetime | None, Query(alias="to", description="ISO time, not included; else now")]
LOOKED_BACK = timedelta(days=30)

_answered = Answering(invalid=(ComparisonInvalid, MomentInvalid, ProjectUnknown), unknown=(BaselineUnknown,))


class CompareBody(BaseModel):
    """What is to be compared with what."""

    project: str = "default"
    start: str | None = Field(default=None, alias="from", description="date or ISO time; else 7 days before the end")
    end: str | None = Field(default=None, alias="to", description="not included; else the last full hour")
    against: str | None = Field(
        default=None, description="previous, week, FROM..TO, same (the same time), or a pinned baseline's name"
    )
    of: str = Field(default="inputs", description="inputs or outputs")
    filters: dict[str, list[str]] = Field(default_factory=dict[str, list[str]], examples=[{"feature": ["chat"]}])
    other: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="what the reference has instead: release, model or prompt_version",
        examples=[{"prompt_version": "3"}],
    )


def add_drift(router: APIRouter, collector: Collector, compare: CompareDrift | None = None) -> None:
    """Add the routes to a router; that of comparisons only where somebody can `compare`."""

    @router.get("/api/v1/drift", tags=["quality"])
    async def listing(
        project: Project = "default", start: Start = None, end: End = None, feature: str | None = None
    ) -> list[dict[str, Any]]:
        """Changes of what is asked, newest first, each with its evidence and what was said of it."""
        where = {} if feature is None else {"feature": feature}
        first, last = bounds(start, end)

        def read() -> list[dict[str, Any]]:
            projects.get(collector.control, project)
            found = (collector.engine, collector.control, project)
            return report(*found, start=first, end=last, kinds=("drift",), where=where)

        return await _answered(read)

    @router.get("/api/v1/drift/looks", tags=["quality"])
    async def looks(project: Project = "default", start: Start = None, end: End = None) -> list[dict[str, Any]]:
        """Every day that was compared with its baseline, oldest first: p value, effect, evidence and its threshold."""
        first, last = stretch(start, end, LOOKED_BACK)

        def read() -> list[dict[str, Any]]:
            projects.get(collector.control, project)
            return [each.as_json() for each in drift.listing(collector.engine, project, first, last)]

        return await _answered(read)

    if compare is None:
        return
    known = compare

    @router.post("/api/v1/drift/compare", tags=["quality"])
    async def compared(body: CompareBody) -> dict[str, Any]:
        """Whether two sets of calls differ, judged by sessions: what was asked, what is measured, and their mix."""

        def work() -> dict[str, Any]:
            asked = {name: getattr(body, name) for name in CompareBody.model_fields}
            return known(comparison(collector.control, **asked))

        return await _answered(work)
