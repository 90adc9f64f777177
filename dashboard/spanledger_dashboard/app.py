"""Putting the dashboard on a FastAPI application."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path

from dash import Dash
from fastapi import FastAPI
from starlette.types import ASGIApp

from spanledger_dashboard import exports, exports_clusters, topbar
from spanledger_dashboard.data import Data
from spanledger_dashboard.faults import LoggedFaults
from spanledger_dashboard.headers import SecurityHeaders
from spanledger_dashboard.pages import PAGES
from spanledger_dashboard.settings import DashboardSettings
from spanledger_dashboard.shell import frame
from spanledger_dashboard.static import CompressedStatic
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.quality.drift_request import CompareDrift
from spanledger_store.reports.comparing import Explain

# While plotly writes JSON it asks for names of pandas even where another thread has not done loading it, and fails;
# pyarrow loads it whenever it first meets a list. So it is loaded here, before anything is served.
with suppress(ImportError):
    import_module("pandas")

LATE_SCRIPTS = (
    "/_dash-component-suites/plotly/package_data/plotly.min.js",
    "/_dash-component-suites/dash/dcc/async-graph.js",
    "/_dash-component-suites/dash_ag_grid/async-community.js",
)


def create_app(
    server: FastAPI,
    engine: Engine,
    control: Control,
    settings: DashboardSettings,
    explain: Explain | None = None,
    compare_drift: CompareDrift | None = None,
) -> ASGIApp:
    """Everything `server` serves, and the dashboard at every address it leaves free.

    Routes that `server` has when this is called win over the dashboard, which answers any other GET; so register them
    first, with a 404 for the rest of `/api/`. The result is the application to run: it wraps `server` in compression
    and security headers. Nothing is fetched from other hosts. `explain` answers why spend has changed,
    `compare_drift` whether calls have.
    """
    data = Data(engine, control, settings, explain, compare_drift)
    # What is added first is the innermost.
    server.add_middleware(LoggedFaults)
    exports.register(server, data)
    exports_clusters.register(server, data)
    app = build(server, data)
    return SecurityHeaders(CompressedStatic(server), app.csp_hashes)


def build(server: FastAPI, data: Data) -> Dash:
    """The Dash application on `server`, every callback registered."""
    app = Dash(
        __name__,
        server=server,  # pyright: ignore[reportArgumentType]  (any framework Dash knows; typed for Flask)
        assets_folder=str(Path(__file__).parent / "assets"),
        title="Spanledger",
        update_title="",
        suppress_callback_exceptions=True,
        serve_locally=True,
        compress=False,
        enable_mcp=False,
        add_log_handler=False,
    )
    # Dash asks for these only when the first chart or grid is there to be drawn: by then they should have arrived.
    early = "".join(f'<link rel="prefetch" as="script" href="{path}">' for path in LATE_SCRIPTS)
    head = '<link rel="icon" type="image/svg+xml" href="/assets/favicon.svg">' + early
    app.index_string = app.index_string.replace("<html>", '<html lang="en">').replace("{%favicon%}", head)
    topbar.register(app, data, PAGES)
    for page in PAGES:
        page.register(app, data)
    app.layout = frame(PAGES)
    # Dash completes its set-up on the first request to `/` or `/_dash-*`; a first request to another page would get
    # a document without the assets.
    app._setup_server()  # pyright: ignore[reportPrivateUsage]
    return app
