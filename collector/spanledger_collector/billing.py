"""The API's routes about bills: what is imported, how it stands against the ledger, and margins."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_collector.lifecycle import local_only
from spanledger_store.billing import bills, reconciling
from spanledger_store.billing.reconciliation_sides import Tolerance
from spanledger_store.billing.reconciling import Question, ReconciliationInvalid
from spanledger_store.control import bill_models
from spanledger_store.control.errors import BillModelInvalid, CurrencyInvalid, ProjectUnknown, RateUnknown
from spanledger_store.finance import revenue
from spanledger_store.finance.revenue import RevenueInvalid

Project = Annotated[str, Query(description="the project's id")]

_answered = Answering(
    invalid=(ReconciliationInvalid, RevenueInvalid, BillModelInvalid, CurrencyInvalid, RateUnknown, ProjectUnknown)
)


class ModelBody(BaseModel):
    """Which model of the ledger items of a bill are about whose words fit a pattern; `*` stands for any."""

    pattern: str = Field(min_length=1, max_length=200, examples=["*our tuned model*"])
    model: str = Field(min_length=1, max_length=200, examples=["gpt-4o-2024-08-06"])
    project: str = "default"


def add_billing(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""
    engine, control = collector.engine, collector.control

    @router.get("/api/v1/bills", tags=["finance"])
    async def imported(project: Project = "default") -> dict[str, Any]:
        """Which bills have been imported, and what has been said about names in them."""

        def read() -> dict[str, Any]:
            rules = [{"pattern": pattern, "model": model} for pattern, model in bill_models.rules(control, project)]
            return {"bills": bills.imported(engine, project), "models": rules}

        return await _answered(read)

    @router.put("/api/v1/bills/models", tags=["finance"])
    async def put_model(body: ModelBody, request: Request) -> dict[str, Any]:
        """Say which model items are about. Needs this process's local token."""
        local_only(collector, request)
        await _answered(lambda: bill_models.put(control, body.project, body.pattern, body.model))
        return body.model_dump()

    @router.delete("/api/v1/bills/models", tags=["finance"])
    async def delete_model(request: Request, pattern: str, project: Project = "default") -> dict[str, Any]:
        """Forget what was said about a pattern. Needs this process's local token."""
        local_only(collector, request)
        await _answered(lambda: bill_models.remove(control, project, pattern))
        return {"pattern": pattern, "project": project}

    @router.get("/api/v1/reconciliation", tags=["finance"])
    async def reconciliation(
        start: Annotated[date, Query(alias="from", description="the first UTC day")],
        end: Annotated[date, Query(alias="to", description="the UTC day after the last")],
        project: Project = "default",
        provider: Annotated[str, Query(description="only this one's bill")] = "",
        by: Annotated[str, Query(pattern="^(day|month)$")] = "day",
        tolerance: Annotated[Decimal, Query(ge=0, le=1, description="a share of the bill")] = Decimal("0.005"),
        tolerance_usd: Annotated[Decimal, Query(ge=0, description="an amount")] = Decimal("0.01"),
    ) -> dict[str, Any]:
        """Bills against the ledger, by day or month, provider and model: matched, explained, unexplained."""

        def read() -> dict[str, Any]:
            asked = Question(project, start, end, provider, by == "month", Tolerance(tolerance_usd, tolerance))
            return reconciling.read(engine, control, asked).as_json()

        return await _answered(read)

    @router.get("/api/v1/margin", tags=["finance"])
    async def margin(
        start: Annotated[date, Query(alias="from", description="the first day of a month")],
        end: Annotated[date, Query(alias="to", description="the first day of the month after the last")],
        project: Project = "default",
    ) -> dict[str, Any]:
        """Revenue less spend, by customer and month; null is what is not known."""

        def read() -> dict[str, Any]:
            found = revenue.margins(engine, control, project, start, end)
            return {"project": project, "margins": [each.as_json() for each in found]}

        return await _answered(read)
