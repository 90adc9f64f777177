"""The API's routes about budgets: their state for SDKs, how they stand for people, and changing them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from spanledger_collector.answering import Answering
from spanledger_collector.board import EVERY_SECONDS, Sheet, answer, asked_of
from spanledger_collector.collector import Collector
from spanledger_collector.ingest import bearer
from spanledger_collector.lifecycle import INTERFACE, local_only
from spanledger_store.control import budgets
from spanledger_store.control.budgets import THRESHOLDS, Budget, Enforcement
from spanledger_store.control.errors import BudgetInvalid, BudgetUnknown, ChannelUnknown, ProjectUnknown
from spanledger_store.finance import budget_changes
from spanledger_store.finance.budget_report import report
from spanledger_store.periods import Period

STATE_PATH = "/api/v1/budgets/state"
BEHIND = "x-spanledger-behind"

Project = Annotated[str, Query(description="the project's id")]

_answered = Answering(invalid=(BudgetInvalid, ChannelUnknown, ProjectUnknown), unknown=(BudgetUnknown,))


class BudgetBody(BaseModel):
    """What a budget is to be; its name is in the path."""

    project: str = "default"
    amount: Decimal = Field(description="US dollars, as a string", examples=["500"])
    period: Period
    zone: str = "UTC"
    slice: dict[str, str] = Field(default_factory=dict[str, str], examples=[{"customer": "acme"}])
    per: str = ""
    owner: str = ""
    carry_over: bool = False
    enforcement: Enforcement = Enforcement.OBSERVE
    notify: tuple[str, ...] = Field(default=(), description="channels that are told; else the project's default ones")
    thresholds: tuple[int, ...] = Field(default=THRESHOLDS, description="per cent of the limit; none for no alerts")


def add_budgets(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""

    # Ahead of the route with a name in it. Not in a thread: it reads memory, and SDKs wait for it.
    @router.get(STATE_PATH, tags=["budgets"])
    async def state(request: Request, project: Project = "default") -> Response:
        """What calls may still spend, for SDKs; an ingest key is enough, and names the project.

        `customer`, `feature`, `team`, `provider`, `model` and `environment`, each any number of times, narrow it. The
        header `x-spanledger-behind` says how many seconds ago everything acknowledged was included.
        """
        reading = collector.board.reading
        if reading is None:
            return JSONResponse({"detail": "budgets have not been read yet"}, 503, {"retry-after": "1"})
        secret = bearer(request.headers)
        key = collector.access.key(secret, "ingest") if secret else None
        sheet = reading.sheets.get(key.project_id if key is not None else project, Sheet())
        tag = f'"{sheet.revision}"'
        headers = {
            "etag": tag,
            "cache-control": f"private, max-age={EVERY_SECONDS:.0f}",
            BEHIND: f"{reading.behind():.3f}",
        }
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return JSONResponse(answer(sheet, asked_of(request.query_params.multi_items())), headers=headers)

    @router.get("/api/v1/budgets", tags=["budgets"])
    async def standing(project: Project = "default") -> dict[str, Any]:
        """The project's budgets, and how each stands: spent, limit, projection, and what SDKs refused."""

        def read() -> dict[str, Any]:
            kept = budgets.listing(collector.control, project)
            found = report(collector.engine, collector.control, kept, datetime.now(UTC))
            return {"budgets": [each.as_json() for each in kept], "states": [each.as_json() for each in found]}

        return await _answered(read)

    @router.put("/api/v1/budgets/{name}", tags=["budgets"])
    async def put(name: str, body: BudgetBody, request: Request) -> dict[str, Any]:
        """Set a budget, in place of the one of this name. Needs this process's local token."""
        local_only(collector, request)

        def change() -> dict[str, Any]:
            budget = Budget(name=name, **{field: getattr(body, field) for field in BudgetBody.model_fields})
            return budget_changes.choose(collector.engine, collector.control, budget, interface=INTERFACE).as_json()

        kept = await _answered(change)
        collector.board.wake()
        return kept

    @router.delete("/api/v1/budgets/{name}", tags=["budgets"])
    async def delete(name: str, request: Request, project: Project = "default") -> dict[str, Any]:
        """Take a budget away. Needs this process's local token."""
        local_only(collector, request)

        def change() -> dict[str, Any]:
            gone = budget_changes.drop(collector.engine, collector.control, project, name, interface=INTERFACE)
            return gone.as_json()

        gone = await _answered(change)
        collector.board.wake()
        return gone
