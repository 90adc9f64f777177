"""The composition root: every part of Spanledger, put together in one process."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp

from spanledger_analytics import explaining
from spanledger_analytics.jobs.scheduler import Scheduler
from spanledger_cli import grpc_door, running
from spanledger_cli.errors import CliError, InUse, Usage
from spanledger_cli.options import checked
from spanledger_collector import CollectorSettings
from spanledger_collector import create_app as collector_app
from spanledger_collector.access import is_loopback
from spanledger_collector.collector import Collector
from spanledger_collector.guard import Guard
from spanledger_dashboard import DashboardSettings
from spanledger_dashboard import create_app as dashboard_app
from spanledger_store.control import Control, keys, signing_secret
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreLocked
from spanledger_store.lock import DirectoryLock
from spanledger_store.migrate import migrate
from spanledger_store.quality.drift_request import Comparison
from spanledger_store.settings import StoreSettings

# Requests under way when the signal comes get this long; the spool's own drain follows.
GRACE_SECONDS = 5
# How long a thread that computes may keep one waiting that answers: each of an answer's queries waits for it once.
SWITCH_SECONDS = 0.001


def build(engine: Engine, control: Control, settings: CollectorSettings, url: str) -> tuple[ASGIApp, Collector]:
    """Collector, API and pages as one application behind one door, and the collector in it."""
    explain = partial(explaining.answer, engine)
    compare = partial(_compare_drift, engine, control)
    app = collector_app(engine, control, settings, explain, compare)
    collector: Collector = app.state.collector
    pages = dashboard_app(app, engine, control, checked(DashboardSettings, endpoint=url), explain, compare)
    return Guard(pages, collector.access, signing_secret(control)), collector


def _compare_drift(engine: Engine, control: Control, wanted: Comparison) -> dict[str, Any]:
    # What statistics need takes half a second to load: when somebody first asks.
    from spanledger_analytics import drift_comparing

    return drift_comparing.answer(engine, control, wanted)


def serve(
    settings: StoreSettings,
    host: str,
    port: int,
    ready: Callable[[str, str], None],
    grpc_port: int | None = None,
    *,
    jobs: bool = True,
) -> None:
    """Run until SIGTERM or Ctrl+C, then drain; `ready` is called with both addresses once requests are answered.

    The second is that of OTLP over gRPC, '' without it; `grpc_port` is as in `grpc_door.choose`. Without `jobs` a
    worker elsewhere runs them.
    Raises InUse, Usage, CliError or StoreError where it cannot start.
    """
    other = running.find(settings.data)
    if other is not None:
        raise InUse(f"process {other.pid} already serves {settings.data} at {other.url}. Use that, or stop it first.")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # The driver's own account of a server that is away: the pipeline says it in one line, and when it tries again.
    for chatty in ("urllib3", "clickhouse_connect"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    with ExitStack() as stack:
        control = stack.enter_context(Control.open(settings))
        _refuse_without_keys(control, host)
        listener = stack.enter_context(_listener(host, port))
        url = running.local_url(host, listener.getsockname()[1])
        token = secrets.token_urlsafe(32)
        grpc_chosen = grpc_door.choose(host, grpc_port)
        collector = checked(
            CollectorSettings,
            host=host,
            port=listener.getsockname()[1],
            grpc_port=grpc_chosen,
            local_token=SecretStr(token),
        )
        engine = stack.enter_context(_engine(settings))
        migrate(engine)
        app, inner = build(engine, control, collector, url)
        grpc = grpc_door.GrpcDoor(inner, collector) if grpc_chosen else None
        if jobs:
            scheduler = Scheduler(engine, control)
            scheduler.start()
            stack.callback(scheduler.stop)
        phase = stack.enter_context(_signals())

        def announce() -> None:
            phase.serving = True
            grpc_at = grpc.address if grpc is not None else ""
            running.announce(settings.data, running.Running(os.getpid(), url, token, grpc_at))
            ready(url, grpc_at)

        stack.callback(running.withdraw, settings.data, os.getpid())
        server = _Server(_config(app), announce, grpc)
        # What stands now stays until the end: a collection in the middle of an answer need not go through all of it.
        gc.collect()
        gc.freeze()
        sys.setswitchinterval(SWITCH_SECONDS)
        server.run(sockets=[listener])
        if not phase.serving:
            raise CliError("the server did not start; the lines above say why.")


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    """Uvicorn with a gRPC server in its event loop, telling when both answer."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None], grpc: grpc_door.GrpcDoor | None) -> None:
        super().__init__(config)
        self._tell = started
        self._grpc = grpc

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            if self._grpc is not None:
                await self._grpc.open()
            self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Before the application's own end, which closes the spool.
        if self._grpc is not None:
            await self._grpc.close(GRACE_SECONDS)
        await super().shutdown(sockets)


class _Phase:
    """Whether requests have been answered yet."""

    serving = False


@contextmanager
def _signals() -> Generator[_Phase]:
    """SIGTERM ends the program in order: at once before it serves, and with code 0 after uvicorn has drained."""
    phase = _Phase()

    def handle(_number: int, _frame: FrameType | None) -> None:
        # Uvicorn raises the signal again when it is done; by then there is nothing left to stop.
        if not phase.serving:
            raise SystemExit(0)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield phase
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _listener(host: str, port: int) -> Generator[socket.socket]:
    try:
        bound = running.listen(host, port)
    except OSError as error:
        raise InUse(
            f"cannot listen on {host}:{port}: {error.strerror or error}. "
            "Choose another port with --port (0 takes a free one), or stop what uses it."
        ) from error
    with bound:
        yield bound


@contextmanager
def _engine(settings: StoreSettings) -> Generator[Engine]:
    # With ClickHouse elsewhere the engine locks nothing, and yet spool and up.json allow one `up` per directory.
    lock = None if settings.embedded else DirectoryLock(settings.data)
    try:
        if lock is not None:
            lock.acquire()
        engine = Engine(settings)
    except StoreLocked as error:
        raise InUse(str(error)) from error
    try:
        with engine:
            yield engine
    finally:
        if lock is not None:
            lock.release()


def _refuse_without_keys(control: Control, host: str) -> None:
    if is_loopback(host):
        return
    missing = [scope for scope in keys.SCOPES if not keys.any_active(control, scope)]
    if missing:
        commands = "\n".join(f"    spanledger keys create NAME --scope {scope}" for scope in missing)
        raise Usage(
            f"--host {host} lets other machines in, and there is no active {' and no active '.join(missing)} key. "
            f"Create what is missing with the same --data, then start again:\n{commands}"
        )
