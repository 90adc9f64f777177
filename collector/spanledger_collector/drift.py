"""The API's routes about drift: what was found, and every look at it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_store import drift
from spanledger_store.reports.findings import report

Project = Annotated[str, Query(description="the project's id")]
Start = Annotated[datetime | None, Query(alias="from", description="ISO time; else 30 days before the end")]
End = Annotated[datetime | None, Query(alias="to", description="ISO time, not included; else now")]
LOOKED_BACK = timedelta(days=30)

_answered = Answering()


def add_drift(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""

    @router.get("/api/v1/drift", tags=["quality"])
    async def listing(
        project: Project = "default", start: Start = None, end: End = None, feature: str | None = None
    ) -> list[dict[str, Any]]:
        """Changes of what is asked, newest first, each with its evidence and what was said of it."""
        where = {} if feature is None else {"feature": feature}

        def read() -> list[dict[str, Any]]:
            found = (collector.engine, collector.control, project)
            return report(*found, start=start, end=end, kinds=("drift",), where=where)

        return await _answered(read)

    @router.get("/api/v1/drift/looks", tags=["quality"])
    async def looks(project: Project = "default", start: Start = None, end: End = None) -> list[dict[str, Any]]:
        """Every day that was compared with its baseline, oldest first: p value, effect, evidence and its threshold."""
        last = end or datetime.now(UTC)
        first = start or last - LOOKED_BACK
        return await _answered(lambda: [x.as_json() for x in drift.listing(collector.engine, project, first, last)])
