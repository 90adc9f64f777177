"""What every test may use: the real engine, embedded and behind HTTP, migrated and empty."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings

LAUNCHER = Path(__file__).parent / "support" / "clickhouse_server.py"
TABLES = ("span_rows", "span_content_rows", "embedding_rows", "score_rows", "ledger_rows", "ledger_day_rows",
          "ledger_total_rows", "frozen_rows", "log_rows", "metric_rows", "bill_rows", "revenue_rows",
          "finding_rows", "forecast_rows", "drift_rows", "cluster_rows", "assignment_rows")  # fmt: skip


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the machine that runs the tests must not decide them."""
    import os

    for name in list(os.environ):
        if name.startswith(("SPANLEDGER_", "OTEL_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A ClickHouse HTTP endpoint in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, str(LAUNCHER), "--data", str(tmp_path_factory.mktemp("server")), "--stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    line = process.stdout.readline()
    assert line.startswith("READY "), line
    ready = json.loads(line.removeprefix("READY "))
    yield f"http://{ready['host']}:{ready['ports']['http']}"
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


@pytest.fixture(scope="session")
def _embedded_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(StoreSettings(data=tmp_path_factory.mktemp("embedded"))) as engine:
        migrate(engine)
        yield engine


@pytest.fixture(scope="session")
def _server_engine(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    settings = StoreSettings(data=tmp_path_factory.mktemp("remote"), clickhouse_url=SecretStr(clickhouse_url))
    with Engine(settings) as engine:
        migrate(engine)
        yield engine


@pytest.fixture(params=["embedded", "server"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """The same empty schema on the embedded engine and on a server."""
    found: Engine = request.getfixturevalue(f"_{request.param}_engine")
    for table in TABLES:
        found.command(f"TRUNCATE TABLE {table}")
    return found


@pytest.fixture
def embedded(_embedded_engine: Engine) -> Engine:
    """The embedded engine alone, for what does not depend on the engine."""
    for table in TABLES:
        _embedded_engine.command(f"TRUNCATE TABLE {table}")
    return _embedded_engine


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    """An empty control database."""
    with Control.open(StoreSettings(data=tmp_path / "control")) as opened:
        yield opened
