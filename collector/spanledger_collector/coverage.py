"""The API's route that says what sampling hid."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime

from spanledger_collector.collector import Collector
from spanledger_store.errors import QueryError, StoreError
from spanledger_store.reports import coverage

LONGEST = timedelta(days=93)


def add_coverage(router: APIRouter, collector: Collector) -> None:
    """Add the route to a router."""

    @router.get("/api/v1/coverage", tags=["data"])
    async def read(
        project: Annotated[str, Query(description="the project's id")] = "default",
        start: Annotated[AwareDatetime | None, Query(description="a day ago, if left out")] = None,
        end: Annotated[AwareDatetime | None, Query(description="now, if left out")] = None,
    ) -> dict[str, Any]:
        """Calls and tokens per hour and model by the clients' metrics and by the spans that arrived, and what SDKs
        say became of their spans. Null where a side says nothing."""
        until = end or datetime.now(UTC)
        since = start or until - timedelta(days=1)
        if not timedelta() < until - since <= LONGEST:
            raise HTTPException(400, f"start {since.isoformat()} must be before end {until.isoformat()}, by at most "
                                     f"{LONGEST.days} days")  # fmt: skip
        try:
            return await asyncio.to_thread(_report, collector, project, since, until)
        except QueryError as error:
            raise HTTPException(400, str(error)) from error
        except StoreError as error:
            raise HTTPException(503, str(error)) from error


def _report(collector: Collector, project: str, since: datetime, until: datetime) -> dict[str, Any]:
    engine = collector.engine
    hours = [
        {**row, "hour": row["hour"].isoformat()}
        for row in coverage.hours(engine, project, since, until).rows(named=True)
    ]
    return {
        "project": project,
        "start": since.astimezone(UTC).isoformat(),
        "end": until.astimezone(UTC).isoformat(),
        "hours": hours,
        "sdk": coverage.sdk(engine, project, since, until).to_dicts(),
    }
