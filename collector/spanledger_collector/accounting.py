"""The API's route that says what became of everything that was sent."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime

from spanledger_collector.collector import Collector
from spanledger_store.control import tallies
from spanledger_store.errors import QueryError, StoreError
from spanledger_store.reports import accounting

LONGEST = timedelta(days=93)


def add_accounting(router: APIRouter, collector: Collector) -> None:
    """Add the route to a router."""

    @router.get("/api/v1/accounting", tags=["operations"])
    async def read(
        project: Annotated[str | None, Query(description="a project's id; every project, if left out")] = None,
        start: Annotated[AwareDatetime | None, Query(description="a day ago, if left out")] = None,
        end: Annotated[AwareDatetime | None, Query(description="now, if left out")] = None,
    ) -> dict[str, Any]:
        """Items by key, hour of receipt and signal: received, acknowledged, waiting, stored, quarantined, and what
        became of them since. `missing` is 0 where it adds up. Null where nothing is known."""
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


def _report(collector: Collector, project: str | None, since: datetime, until: datetime) -> dict[str, Any]:
    collector.reporter.report()
    return {
        "start": since.astimezone(UTC).isoformat(),
        "end": until.astimezone(UTC).isoformat(),
        "accounts": [
            each.as_dict() for each in accounting.entries(collector.engine, collector.control, since, until, project)
        ],
        "spools": [asdict(each) for each in tallies.spools(collector.control)],
    }
