"""The API's routes about forecasts: where the month ends and the next days, how forecasts turned out, and what if."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_store.outlook.scenario import SYNTAX, Scenario, ScenarioInvalid
from spanledger_store.reports import outlooks
from spanledger_store.reports.outlooks import Unforeseen

Project = Annotated[str, Query(description="the project's id")]
By = Annotated[str, Query(description="customer, feature, team, provider, model or environment; '' for everything")]
Days = Annotated[int, Query(description="how many days ahead, 1 to 90")]
Zone = Annotated[str, Query(description="time zone of the month")]

_answered = Answering(invalid=(Unforeseen, ScenarioInvalid))


class ScenarioBody(BaseModel):
    """What is changed, and what is asked about it."""

    scenario: str = Field(description=SYNTAX, examples=["swap:gpt-4o*=gpt-4o-mini,volume:Acme=1.2"])
    project: str = "default"
    by: str = ""
    days: int = outlooks.LONGEST
    tz: str = "UTC"


def add_forecast(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""

    @router.get("/api/v1/forecast", tags=["forecast"])
    async def forecast(
        project: Project = "default",
        by: By = "",
        value: Annotated[list[str] | None, Query(description="only these values of `by`")] = None,
        days: Days = outlooks.LONGEST,
        tz: Zone = "UTC",
        limit: Annotated[Decimal | None, Query(description="US dollars: how likely a month ends above it")] = None,
        steps: Annotated[bool, Query(description="with every day ahead, and the days before")] = False,
    ) -> dict[str, Any]:
        """Where everything, and each value of a dimension, ends the month, and the next days, each with bands.

        `begins` is null where no forecast was made yet: ask for a run of the job `forecast`.
        """
        return await _answered(
            lambda: outlooks.forecast(
                collector.engine, project, datetime.now(UTC), _zone(tz), by=by, values=value or (), days=days,
                limit=limit, steps=steps,
            )
        )  # fmt: skip

    @router.get("/api/v1/forecast/accuracy", tags=["forecast"])
    async def accuracy(
        project: Project = "default",
        by: By = "",
        days: Annotated[int, Query(ge=1, le=800, description="forecasts made in so many days")] = 180,
    ) -> dict[str, Any]:
        """How forecasts turned out: error and coverage by how far ahead they spoke, and what was said of months."""
        return await _answered(
            lambda: outlooks.accuracy(collector.engine, project, datetime.now(UTC), by=by, days=days)
        )

    @router.post("/api/v1/forecast/scenario", tags=["forecast"])
    async def scenario(body: ScenarioBody) -> dict[str, Any]:
        """The forecasts beside what other prices, volumes, models or cache rates would make of them."""
        return await _answered(
            lambda: outlooks.scenario(
                collector.engine, body.project, datetime.now(UTC), _zone(body.tz), Scenario.read(body.scenario),
                by=body.by, days=body.days,
            )
        )  # fmt: skip


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Unforeseen(f"{name!r} is no time zone; use a name such as UTC or Europe/Berlin.") from error
