"""The API's routes about statements: what a customer used in a month, what was sent, and the orders to send."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_collector.lifecycle import local_only
from spanledger_store.control import jobs
from spanledger_store.control import statements as kept
from spanledger_store.control.errors import ChannelUnknown, JobUnknown, OrderUnknown, ProjectUnknown
from spanledger_store.control.statements import Order, StatementInvalid
from spanledger_store.finance import statements
from spanledger_store.finance.statement_page import page, table

_JOB: Final = "statements"
# The page holds names that anybody may have chosen: nothing in it may run or reach out.
_HEADERS: Final = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}

Project = Annotated[str, Query(description="the project's id")]
Month = Annotated[str, Query(description="such as 2026-10")]

_answered = Answering(invalid=(StatementInvalid, ProjectUnknown, ChannelUnknown), unknown=(OrderUnknown, JobUnknown))


class Shape(StrEnum):
    """How a statement is written."""

    JSON = "json"
    HTML = "html"
    CSV = "csv"


class OrderBody(BaseModel):
    """Statements on a day of every month, or once of one month; of some customers, or of all."""

    project: str = "default"
    channel: str
    day: int = 0
    month: str = ""
    customers: tuple[str, ...] = ()
    zone: str = "UTC"


def add_statements(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""
    control = collector.control

    @router.get("/api/v1/statement", tags=["statements"])
    async def one(
        customer: str,
        month: Month,
        project: Project = "default",
        tz: str = "UTC",
        form: Annotated[Shape, Query(alias="format")] = Shape.JSON,
        as_sent: bool = False,
    ) -> Response:
        """A customer's month as the ledger has it now, or as it was sent."""
        document = await _answered(lambda: _document(collector, project, customer, month, tz, as_sent=as_sent))
        if form is Shape.HTML:
            return Response(page(document), media_type="text/html; charset=utf-8", headers=_HEADERS)
        if form is Shape.CSV:
            return Response(table(document), media_type="text/csv; charset=utf-8")
        return JSONResponse(document)

    @router.get("/api/v1/statements", tags=["statements"])
    async def listing(project: Project = "default") -> dict[str, Any]:
        """The statements that were sent, and the orders by which they are."""
        return await _answered(
            lambda: {
                "sent": [each.as_json() for each in kept.sent(control, project)],
                "orders": [each.as_json() for each in kept.orders(control, project)],
            }
        )

    @router.post("/api/v1/statements/orders", tags=["statements"])
    async def order(body: OrderBody, request: Request) -> dict[str, Any]:
        """Order statements; those of one month are begun at once. Needs this process's local token."""
        local_only(collector, request)

        def give() -> dict[str, Any]:
            given = kept.order(control, Order(**{name: getattr(body, name) for name in OrderBody.model_fields}))
            if given.month:
                jobs.ask(control, _JOB)
            return given.as_json()

        return await _answered(give)

    @router.delete("/api/v1/statements/orders/{identity}", tags=["statements"])
    async def cancel(identity: str, request: Request, project: Project = "default") -> dict[str, Any]:
        """Take an order away. Needs this process's local token."""
        local_only(collector, request)
        return await _answered(lambda: kept.cancel(control, project, identity).as_json())


def _document(
    collector: Collector, project: str, customer: str, month: str, zone: str, *, as_sent: bool
) -> dict[str, Any]:
    if as_sent:
        return dict(statements.as_sent(collector.control, project, customer, month).document)
    made = statements.build(
        collector.engine, collector.control, project, month, customers=[customer], zone=zone, now=datetime.now(UTC)
    )
    return next(made).as_json()
