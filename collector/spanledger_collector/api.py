"""The JSON API under `/api/v1`, and the pages that machines read: health, readiness, metrics."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, HTTPException
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from spanledger_collector.accounting import add_accounting
from spanledger_collector.advice import add_advice
from spanledger_collector.anomalies import add_anomalies
from spanledger_collector.apidocs import api_page
from spanledger_collector.billing import add_billing
from spanledger_collector.budgets import add_budgets
from spanledger_collector.channels import add_channels
from spanledger_collector.clusters import add_clusters
from spanledger_collector.collector import Collector
from spanledger_collector.coverage import add_coverage
from spanledger_collector.drift import add_drift
from spanledger_collector.drift_baselines import add_drift_baselines
from spanledger_collector.embeddings import add_embeddings
from spanledger_collector.export_table import add_export_table
from spanledger_collector.forecast import add_forecast
from spanledger_collector.jobs import add_jobs
from spanledger_collector.lifecycle import add_lifecycle
from spanledger_collector.prices import add_prices
from spanledger_collector.spend import add_spend
from spanledger_collector.statements import add_statements
from spanledger_collector.why import add_why
from spanledger_store import sqlgate
from spanledger_store.errors import QueryError, StoreError
from spanledger_store.quality.drift_request import CompareDrift
from spanledger_store.reports.comparing import Explain


class QueryBody(BaseModel):
    """A question in SQL; `params` fill its `{name:Type}` placeholders."""

    sql: str = Field(max_length=100_000, examples=["SELECT customer, sum(cost_usd) FROM ledger GROUP BY customer"])
    params: dict[str, str] = Field(default_factory=dict)


class Column(BaseModel):
    """A column of an answer, with its ClickHouse type."""

    name: str
    type: str


class QueryAnswer(BaseModel):
    """Rows in the order asked for; decimals, wide integers and times are strings, so that nothing is rounded."""

    columns: list[Column]
    rows: list[list[Any]]


def routes(
    collector: Collector, explain: Explain | None = None, compare_drift: CompareDrift | None = None
) -> APIRouter:
    """Every route of the collector but the OTLP ones; `/api/v1/why` only where somebody can `explain`, and
    `/api/v1/drift/compare` where somebody can compare."""
    router = APIRouter()

    @router.get("/healthz", tags=["machines"])
    async def healthz() -> dict[str, str]:
        """The process runs."""
        return {"status": "ok"}

    @router.get("/readyz", tags=["machines"])
    async def readyz() -> JSONResponse:
        """200 while the store takes what the spool gives it; 503 with the reason otherwise."""
        reason = await asyncio.to_thread(collector.unready)
        return JSONResponse({"status": "ok"} if reason is None else {"status": "waiting", "reason": reason},
                            200 if reason is None else 503)  # fmt: skip

    @router.get("/metrics", tags=["machines"])
    async def metrics() -> Response:
        """Prometheus text."""
        stats = collector.spool.stats()
        collector.metrics.spool_bytes.set(stats.bytes)
        collector.metrics.spool_spans.set(stats.spans)
        return Response(generate_latest(collector.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @router.post("/api/v1/query", tags=["data"])
    async def query(body: QueryBody) -> QueryAnswer:
        """Run one read-only statement."""
        try:
            answer = await asyncio.to_thread(sqlgate.run_readonly, collector.engine, body.sql, body.params)
        except QueryError as error:
            raise HTTPException(400, str(error)) from error
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        return QueryAnswer(
            columns=[Column(name=name, type=kind) for name, kind in answer.columns], rows=answer.as_json()
        )

    @router.get("/api/v1/doctor", tags=["operations"])
    async def doctor() -> dict[str, Any]:
        """Every check that `spanledger doctor` makes, from inside the running process."""
        return await asyncio.to_thread(collector.diagnosis)

    add_accounting(router, collector)
    add_advice(router, collector)
    add_anomalies(router, collector)
    add_drift(router, collector, compare_drift)
    add_drift_baselines(router, collector)
    add_billing(router, collector)
    add_budgets(router, collector)
    add_channels(router, collector)
    add_clusters(router, collector)
    add_coverage(router, collector)
    add_embeddings(router, collector)
    add_forecast(router, collector)
    add_jobs(router, collector)
    add_lifecycle(router, collector)
    add_prices(router, collector)
    add_export_table(router, collector)
    add_statements(router, collector)
    add_spend(router, collector)
    add_why(router, explain)

    @router.get("/api/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(api_page(request.app.openapi()))

    @router.api_route("/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    async def unknown(path: str) -> JSONResponse:
        return JSONResponse({"detail": f"there is no /api/{path}; see /api/docs"}, 404)

    return router
