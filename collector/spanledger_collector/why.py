"""The API's route that says why spend has changed. Who composes the collector hands it the one who knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request

from spanledger_collector.answering import Answering
from spanledger_store.reports import comparing
from spanledger_store.reports.comparing import Explain
from spanledger_store.scope import LEDGER_DIMENSIONS, Dimension, Scope

Start = Annotated[datetime, Query(alias="from", description="ISO 8601; UTC where it names no zone; a full UTC hour")]
End = Annotated[datetime, Query(alias="to", description="not included; a full UTC hour")]
Against = Annotated[str, Query(description="previous, week (the same hours a week earlier), or FROM..TO")]
By = Annotated[str, Query(description="dimensions of mixes and culprits, comma-separated")]
_BY = ",".join(each.value for each in comparing.BY)


def add_why(router: APIRouter, explain: Explain | None) -> None:
    """Add the route to a router; nothing is added where nobody can explain."""
    if explain is None:
        return
    known = explain

    @router.get("/api/v1/why", tags=["data"])
    async def why(
        request: Request,
        start: Start,
        end: End,
        project: str = "default",
        against: Against = comparing.PREVIOUS,
        by: By = _BY,
    ) -> dict[str, Any]:
        """Why spend changed between two periods: a sentence, terms that add up to the change, and culprits.

        `customer`, `feature`, `team`, `provider`, `model`, `prompt_version`, `environment` and `release`, each any
        number of times, narrow both periods.
        """

        def work() -> dict[str, Any]:
            first, last = (each if each.tzinfo else each.replace(tzinfo=UTC) for each in (start, end))
            if first >= last:
                raise ValueError(f"from {first.isoformat()} is not before to {last.isoformat()}; swap them")
            asked = {each: tuple(request.query_params.getlist(each.value)) for each in Dimension}
            asked = {each: values for each, values in asked.items() if values and each in LEDGER_DIMENSIONS}
            scope = Scope(project, first, last, asked)
            return known(scope, comparing.against(scope, against), comparing.dimensions(by))

        return await Answering(invalid=(ValueError,))(work)
