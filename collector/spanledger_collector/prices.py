"""The API's routes about the user's own prices: what holds, what a change would do, and making it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request

from spanledger.pricebook import Book, PriceInvalid, read_price
from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_collector.lifecycle import INTERFACE, local_only
from spanledger_store import pricebook
from spanledger_store.control import prices
from spanledger_store.control.errors import PriceUnknown, ProjectUnknown
from spanledger_store.pricing import price_changes, price_lines
from spanledger_store.pricing.price_preview import preview
from spanledger_store.reports.price_sources import price_sources
from spanledger_store.stored_calls import Period

Project = Annotated[str, Query(description="the project's id")]
Start = Annotated[AwareDatetime, Query(description="the first moment")]
End = Annotated[AwareDatetime, Query(description="the moment after the last")]

_answered = Answering(invalid=(PriceInvalid, ProjectUnknown), unknown=(PriceUnknown,))


class PricesBody(BaseModel):
    """Prices that are to hold, each as `GET /api/v1/prices` shows it; what is left out has its default."""

    prices: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=10_000,
        examples=[[{"name": "house", "model": "gpt-4o*", "rates": {"input": "2.25", "output": "9"}}]],
    )


class PreviewBody(BaseModel):
    """A change of the price book that is only thought of, and the calls it would be applied to."""

    prices: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]], max_length=10_000)
    remove: list[str] = Field(default_factory=list[str])
    start: AwareDatetime
    end: AwareDatetime
    project: str = "default"
    customer: str = ""
    model: str = ""


def add_prices(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""
    engine, control = collector.engine, collector.control

    @router.get("/api/v1/prices", tags=["prices"])
    async def listing(project: Project = "default") -> dict[str, Any]:
        """The project's own prices in force and those of every project, future ones included."""

        def read() -> dict[str, Any]:
            revision = prices.revision(control)
            return {"revision": revision, "prices": [each.as_json() for each in prices.listing(control, project)]}

        return await _answered(read)

    @router.get("/api/v1/prices/lines", tags=["prices"])
    async def lines(start: Start, end: End, project: Project = "default") -> dict[str, Any]:
        """What is paid beside the calls: unused commitments by month, and GPUs by day."""

        def read() -> dict[str, Any]:
            found = price_lines.lines(engine, control, project, start, end, datetime.now(UTC))
            return {"lines": [each.as_json() for each in found]}

        return await _answered(read)

    @router.get("/api/v1/prices/sources", tags=["prices"])
    async def sources(
        start: Start, end: End, project: Project = "default", customer: str = "", model: str = ""
    ) -> dict[str, Any]:
        """Which price made what of the calls' cost."""
        period = Period(start, end, project, customer, model)
        return await _answered(lambda: {"sources": price_sources(engine, period)})

    @router.get("/api/v1/prices/{name}/history", tags=["prices"])
    async def history(name: str, project: Project = "default") -> dict[str, Any]:
        """Every version that an entry ever had, the newest first."""
        return await _answered(lambda: {"prices": [each.as_json() for each in prices.history(control, project, name)]})

    @router.post("/api/v1/prices/preview", tags=["prices"])
    async def previewed(body: PreviewBody, request: Request) -> dict[str, Any]:
        """Which calls a change would reprice, and their cost before and after. Needs this process's local token."""
        local_only(collector, request)

        def read() -> dict[str, Any]:
            wanted = [read_price(each) for each in body.prices]
            entries = prices.every_version(control)
            gone = [(body.project, name) for name in body.remove]
            made = pricebook.candidate(entries, wanted, gone, datetime.now(UTC))
            period = Period(body.start, body.end, body.project, body.customer, body.model)
            return preview(engine, period, Book(entries), Book(made)).as_json()

        return await _answered(read)

    @router.post("/api/v1/prices", tags=["prices"])
    async def put(body: PricesBody, request: Request) -> dict[str, Any]:
        """Have prices hold from their start to their end, all of them or none. Needs this process's local token."""
        local_only(collector, request)

        def change() -> dict[str, Any]:
            wanted = [read_price(each) for each in body.prices]
            edits = price_changes.choose_all(engine, control, wanted, interface=INTERFACE)
            collector.prices.read()
            return pricebook.edits_as_json(edits)

        return await _answered(change)

    @router.delete("/api/v1/prices/{name}", tags=["prices"])
    async def delete(
        name: str, request: Request, project: Project = "default", at: AwareDatetime | None = None
    ) -> dict[str, Any]:
        """End an entry at a moment, or without one as if it had never held. Needs this process's local token."""
        local_only(collector, request)

        def change() -> dict[str, Any]:
            edit = price_changes.drop(engine, control, project, name, at, interface=INTERFACE)
            collector.prices.read()
            return pricebook.edits_as_json([edit])

        return await _answered(change)
