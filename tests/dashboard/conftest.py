"""A seeded store, the pages served over it, and a browser to look at them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)
from pydantic import SecretStr
from starlette.responses import JSONResponse

from spanledger_dashboard import DashboardSettings, create_app
from spanledger_dashboard.data import Data
from spanledger_dashboard.view import View
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from tests.dashboard import seed

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TRACES, DAYS = 1500, 20
NOW = seed.full_hour(datetime.now(UTC))
T = TypeVar("T")


@pytest.fixture(scope="session")
def pages_engine(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database of its own, filled once: other tests empty theirs."""
    settings = StoreSettings(
        data=tmp_path_factory.mktemp("pages"), clickhouse_url=SecretStr(clickhouse_url), database="pages"
    )
    with Engine(settings) as engine:
        migrate(engine)
        seed.seed(engine, traces=TRACES, days=DAYS, end=NOW)
        yield engine


@pytest.fixture(scope="session")
def pages_control(pages_engine: Engine) -> Iterator[Control]:
    """The control database beside the seeded store."""
    with Control.open(pages_engine.settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def data(pages_engine: Engine, pages_control: Control) -> Iterator[Data]:
    """The service layer over the seeded store."""
    found = Data(pages_engine, pages_control, DashboardSettings())
    yield found
    found.close()


@pytest.fixture(scope="session")
def some_trace(pages_engine: Engine) -> str:
    """A trace in which something failed."""
    return pages_engine.rows("SELECT trace_id FROM spans WHERE status = 'error' ORDER BY start_time DESC LIMIT 1")[0][0]


def view(path: str = "/", search: str = "", now: datetime = NOW) -> View:
    """The view a URL stands for."""
    return View.parse({"path": path, "search": search}, "default", now)


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine."""
    return asyncio.run(work)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def api() -> FastAPI:
    """What the collector's application looks like to the dashboard."""
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @server.get("/healthz")
    async def healthz() -> dict[str, bool]:
        return {"ok": True}

    @server.api_route("/api/{path:path}", methods=["GET", "POST"])
    async def missing(path: str) -> JSONResponse:
        return JSONResponse({"error": "not_found"}, 404)

    return server


def served(engine: Engine) -> Iterator[str]:
    """The pages over `engine`, on a port of their own, until the generator is closed."""
    port = free_port()
    control = Control.open(engine.settings)
    application = create_app(api(), engine, control, DashboardSettings())
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
    control.close()


@pytest.fixture(scope="session")
def site(pages_engine: Engine) -> Iterator[str]:
    """The address of the pages over the seeded store."""
    yield from served(pages_engine)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright for one module: while it runs, this thread has an event loop, and no test may start another."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the pages are not looked at")
    # On a busy machine a page takes its time.
    expect.set_options(timeout=20_000)
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for all tests."""
    found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
    yield found
    found.close()


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> dict[str, BrowserContext]:
    """One profile per colour scheme, so that scripts are fetched and compiled once."""
    return {
        scheme: browser.new_context(
            color_scheme=scheme,
            timezone_id="Europe/Berlin",
            locale="en-GB",
            permissions=["clipboard-read", "clipboard-write"],
        )
        for scheme in ("light", "dark")
    }


@pytest.fixture
def open_page(contexts: dict[str, BrowserContext], site: str) -> Iterator[Callable[..., Page]]:
    """Opens pages; fails the test on any console error, foreign request, or sign that WebGL is missing."""
    complaints: list[str] = []
    opened: list[Page] = []

    def listen(message: ConsoleMessage) -> None:
        # Chromium without a graphics card says that it copies what WebGL has drawn.
        if message.type in {"error", "warning"} and "GL Driver Message" not in message.text:
            complaints.append(f"console {message.type}: {message.text}")

    def follow(request: Request) -> None:
        if not request.url.startswith((*allowed, "data:", "blob:")):
            complaints.append(f"request to {request.url}")

    allowed = [site]

    def start(path: str, *, scheme: str = "light", width: int = 1440, base: str = site) -> Page:
        allowed.append(base)
        page = contexts[scheme].new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.set_default_timeout(15_000)
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(f"page error: {error}"))
        page.on("request", follow)
        page.goto(base + path)
        opened.append(page)
        return page

    yield start
    for page in opened:
        if "WebGL is not supported" in page.content():
            complaints.append("WebGL is not supported")
        page.evaluate("localStorage.clear()")
        page.close()
    assert not complaints


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, fetched from npm for the run: its licence (MPL-2.0) keeps it out of the tree."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        subprocess.run(
            [
                "npm",
                "install",
                "--prefix",
                str(folder),
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "axe-core@4.14.1",
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"axe-core could not be installed with npm: {error}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
