"""A running collector over the embedded engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import Response
from starlette.testclient import TestClient

from spanledger_collector import CollectorSettings, create_app, guarded
from spanledger_collector.collector import Collector
from spanledger_store.control import Control
from spanledger_store.engine import Engine

PROTOBUF = {"content-type": "application/x-protobuf"}


class Line:
    """A collector under test: a client in front, and ways to look behind."""

    def __init__(self, client: TestClient, collector: Collector) -> None:
        self.client = client
        self.collector = collector

    def post(self, body: bytes, **headers: str) -> Response:
        """Send spans as protobuf."""
        return self.client.post("/v1/traces", content=body, headers={**PROTOBUF, **headers})

    def settle(self) -> None:
        """Wait until everything acknowledged has left the spool."""
        deadline = time.monotonic() + 30
        while self.collector.spool.stats().entries:
            assert time.monotonic() < deadline, self.collector.pipeline.last_error
            time.sleep(0.02)

    def stored(self) -> int:
        """Spans in the store, once everything acknowledged has arrived."""
        self.settle()
        return self.collector.engine.rows("SELECT count() FROM spans")[0][0]


def open_line(engine: Engine, control: Control, **settings: object) -> Iterator[Line]:
    """A collector with these settings, its spool beginning empty."""
    for leftover in Path(engine.settings.data).glob("spool.db*"):
        leftover.unlink()
    chosen = CollectorSettings(linger_seconds=0.01, **settings)  # pyright: ignore[reportArgumentType]
    app = create_app(engine, control, chosen)
    with TestClient(guarded(app), base_url="http://127.0.0.1:8787") as client:
        yield Line(client, app.state.collector)


@pytest.fixture
def line(embedded: Engine, control: Control) -> Iterator[Line]:
    """A collector with the default settings."""
    yield from open_line(embedded, control)
