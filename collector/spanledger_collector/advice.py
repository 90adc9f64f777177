"""The API's route that says what would have saved money on the calls of the last days."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_store.outlook.advice import Kind
from spanledger_store.reports import advice
from spanledger_store.reports.advice import AdviceInvalid, AdviceRequest
from spanledger_store.scope import LEDGER_DIMENSIONS, Dimension

Kinds = Annotated[list[Kind] | None, Query(description="only these kinds; may be repeated")]
Names = Annotated[list[str] | None, Query()]


def add_advice(router: APIRouter, collector: Collector) -> None:
    """Add the route to a router."""

    @router.get("/api/v1/advice", tags=["finance"])
    async def advised(
        request: Request,
        project: str = "default",
        days: Annotated[int, Query(description="so many days up to now")] = 30,
        kind: Kinds = None,
        candidate: Annotated[Names, Query(description="models to consider beside those in use")] = None,
        can_wait: Annotated[Names, Query(description="features whose calls may all be batched")] = None,
        within: Annotated[int, Query(description="for how many seconds a kept answer may be given")] = 86_400,
        similar: Annotated[float, Query(description="the cosine from which on two questions count as one")] = 0.95,
    ) -> dict[str, Any]:
        """What a cheaper model, caching or the batch class would have saved, by feature, with what it rests on.

        `customer`, `feature`, `team`, `provider`, `model`, `environment` and others, each any number of times, narrow
        the calls. Savings of several lines are about the same calls and are not to be added.
        """

        def work() -> dict[str, Any]:
            asked = {each: tuple(request.query_params.getlist(each.value)) for each in Dimension}
            filters = {each: values for each, values in asked.items() if values and each in LEDGER_DIMENSIONS}
            wanted = AdviceRequest(
                project, datetime.now(UTC), days, filters, kind or (), candidate or (), can_wait or (), within, similar
            )
            return advice.advice(collector.engine, wanted).as_json()

        return await Answering(invalid=(AdviceInvalid,))(work)
