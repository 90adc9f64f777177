"""The collector as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from spanledger_collector.api import routes
from spanledger_collector.collector import Collector
from spanledger_collector.guard import Guard
from spanledger_collector.ingest import Ingest
from spanledger_collector.otlp import SIGNALS
from spanledger_collector.settings import CollectorSettings
from spanledger_store.control import Control, signing
from spanledger_store.engine import Engine
from spanledger_store.quality.drift_request import CompareDrift
from spanledger_store.reports.comparing import Explain


def create_app(
    engine: Engine,
    control: Control,
    settings: CollectorSettings,
    explain: Explain | None = None,
    compare_drift: CompareDrift | None = None,
) -> FastAPI:
    """An application that takes OTLP from the moment its lifespan starts, and has drained when it ends.

    Pages may be added behind its routes; `guarded` must then be put around the whole. `explain` answers why spend has
    changed, and `compare_drift` whether calls have, which is nothing that a collector knows.
    """
    collector = Collector(engine, control, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        collector.start()
        yield
        await asyncio.to_thread(collector.stop)

    app = FastAPI(
        title="Spanledger",
        version=version("spanledger"),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
    )
    app.state.collector = collector
    for signal in SIGNALS.values():
        ingest = Ingest(signal, collector.receiver, collector.metrics, settings.max_body_bytes)
        app.router.add_route(f"/v1/{signal.name}", ingest.__call__, methods=["POST"], include_in_schema=False)
    app.include_router(routes(collector, explain, compare_drift))
    return app


def guarded(app: FastAPI) -> Guard:
    """The application behind its one door."""
    collector: Collector = app.state.collector
    return Guard(app, collector.access, signing.signing_secret(collector.control))
