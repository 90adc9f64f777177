"""The API about channels, notices, statements and tables: who may, and what is told."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from spanledger_analytics.jobs import ledger as books
from spanledger_analytics.jobs.scheduler import Scheduler
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, keys
from spanledger_store.engine import Engine
from spanledger_store.writer import write
from tests.collector.conftest import Line, open_line
from tests.store.rows import span_row
from tests.support.receivers import Hooks, hooks

LOCAL = {"authorization": "Bearer local"}
SECRET_URL = "/services/very-secret"
START = int(datetime(2026, 10, 15, tzinfo=UTC).timestamp()) * 10**9


@pytest.fixture
def door(embedded: Engine, control: Control) -> Iterator[Line]:
    yield from open_line(embedded, control, local_token=SecretStr("local"))


@pytest.fixture
def receiver() -> Iterator[Hooks]:
    with hooks() as kept:
        yield kept


def test_a_channel_is_added_tried_and_removed(door: Line, control: Control, receiver: Hooks) -> None:
    body = {"name": "ops", "kind": "webhook", "url": receiver.url + SECRET_URL, "is_default": True}
    assert door.client.post("/api/v1/channels", json=body).status_code == 403
    made = door.client.post("/api/v1/channels", json=body, headers=LOCAL).json()
    assert made["signing_secret"].startswith("whsec_")
    shown = door.client.get("/api/v1/channels")
    assert [each["name"] for each in shown.json()] == ["ops"]
    assert "very-secret" not in shown.text
    assert made["signing_secret"] not in shown.text
    scheduler = Scheduler(door.collector.engine, control)
    scheduler.start()
    try:
        # Only what has a worker can be tried.
        for _ in range(100):
            tried = door.client.post("/api/v1/channels/ops/test", headers=LOCAL)
            if tried.status_code == 200:
                break
        assert tried.json()["state"] == "delivered"
        receiver.status = 404
        assert "it answered 404" in door.client.post("/api/v1/channels/ops/test", headers=LOCAL).json()["last_error"]
    finally:
        scheduler.stop()
    assert [json.loads(each.body)["type"] for each in receiver.posts] == ["test", "test"]
    assert [each["state"] for each in door.client.get("/api/v1/notices").json()] == ["given up", "delivered"]
    assert door.client.post("/api/v1/channels/ops/retry", headers=LOCAL).json() == {"retried": 1}
    assert door.client.delete("/api/v1/channels/ops", headers=LOCAL).status_code == 200
    assert door.client.get("/api/v1/channels").json() == []


def test_without_a_worker_a_trial_says_so(door: Line, receiver: Hooks) -> None:
    body = {"name": "ops", "kind": "slack", "url": receiver.url}
    door.client.post("/api/v1/channels", json=body, headers=LOCAL)
    tried = door.client.post("/api/v1/channels/ops/test", headers=LOCAL)
    assert (tried.status_code, "no worker has ever run here" in tried.text) == (400, True)


def test_what_cannot_be_is_refused_with_a_reason(door: Line) -> None:
    for body, says in (
        ({"name": "ops", "kind": "webhook", "url": "nowhere"}, "cannot|none that can be posted to"),
        (
            {"name": "m", "kind": "email", "host": "x", "sender": "a@b", "to": ["c@d"], "password": "p"},
            "say where it is",
        ),
        ({"name": "ops", "kind": "pigeon"}, "pigeon|webhook"),
    ):
        answer = door.client.post("/api/v1/channels", json=body, headers=LOCAL)
        assert answer.status_code in (400, 422), body
        assert any(each in answer.text for each in says.split("|"))
    assert door.client.post("/api/v1/channels/ops/test", headers=LOCAL).status_code == 404
    assert door.client.delete("/api/v1/channels/ops", headers=LOCAL).status_code == 404
    for path in ("/api/v1/channels/ops/test", "/api/v1/channels/ops/retry", "/api/v1/statements/orders"):
        assert door.client.post(path, json={"channel": "x", "day": 1}).status_code == 403
    wrong = door.client.post("/api/v1/statements/orders", json={"channel": "x", "day": 1}, headers=LOCAL)
    assert (wrong.status_code, "has no channel 'x'" in wrong.text) == (400, True)
    assert door.client.delete("/api/v1/statements/orders/x", headers=LOCAL).status_code == 404


def fill(engine: Engine, control: Control) -> None:
    rows = [
        span_row(
            span_id=f"{n:016x}", trace_id=f"{n:032x}", start_time=START + n, customer="a/b <c>",
            cost_usd=Decimal("0.000000000001") * (n + 1),
        )
        for n in range(10)
    ]  # fmt: skip
    write(engine, control, SpanBatch("filled", rows))
    books.run(engine, control)


def test_a_statement_in_every_form(door: Line, control: Control) -> None:
    fill(door.collector.engine, control)
    asked = {"customer": "a/b <c>", "month": "2026-10"}
    document = door.client.get("/api/v1/statement", params=asked).json()
    assert (document["total"]["calls"], document["due_usd"]) == (10, "0.000000000055")
    page = door.client.get("/api/v1/statement", params={**asked, "format": "html"})
    assert "a/b &lt;c&gt;" in page.text
    assert "<c>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    rows = list(
        csv.DictReader(io.StringIO(door.client.get("/api/v1/statement", params={**asked, "format": "csv"}).text))
    )
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal("0.000000000055")
    assert door.client.get("/api/v1/statement", params={**asked, "month": "October"}).status_code == 400
    unsent = door.client.get("/api/v1/statement", params={**asked, "as_sent": "true"})
    assert (unsent.status_code, "was sent for" in unsent.text) == (400, True)
    assert door.client.get("/api/v1/statements").json() == {"sent": [], "orders": []}


def test_a_table_is_downloaded_by_who_may_read(door: Line, control: Control) -> None:
    fill(door.collector.engine, control)
    answer = door.client.get("/api/v1/export/spans", params={"format": "parquet", "where": "customer=a/b <c>"})
    assert answer.headers["content-disposition"] == 'attachment; filename="spans.parquet"'
    assert pq.read_table(io.BytesIO(answer.content)).num_rows == 10
    told = door.client.get(
        "/api/v1/export/ledger", params={"from": "2026-10-15T00:00:00Z", "to": "2026-10-16T00:00:00Z"}
    )
    assert len(list(csv.DictReader(io.StringIO(told.text)))) == 1
    for path, says in (
        ("/api/v1/export/keys", "no table 'keys'"),
        ("/api/v1/export/spans?where=nothing", "is no filter"),
        ("/api/v1/export/spans?where=nothing=1", "has no column 'nothing'"),
    ):
        refused = door.client.get(path)
        assert (refused.status_code, says in refused.text) == (400, True)
    assert door.client.get("/api/v1/export/spans?from=2026-10-15T00:00:00").status_code == 422
    _, secret = keys.create(control, "default", "reader", "read")
    opened = door.client.get("/api/v1/export/spans", headers={"authorization": f"Bearer {secret}"})
    assert opened.status_code == 200


def test_a_budget_tells_whom(door: Line, receiver: Hooks) -> None:
    body = {"amount": "5", "period": "day", "notify": ["ops"], "thresholds": [90]}
    missing = door.client.put("/api/v1/budgets/b", json=body, headers=LOCAL)
    assert (missing.status_code, "has no channel 'ops'" in missing.text) == (400, True)
    channel = {"name": "ops", "kind": "slack", "url": receiver.url}
    assert door.client.post("/api/v1/channels", json=channel, headers=LOCAL).json()["signing_secret"] == ""
    made = door.client.put("/api/v1/budgets/b", json=body, headers=LOCAL).json()
    assert (made["notify"], made["thresholds"]) == (["ops"], [90])
    used = door.client.delete("/api/v1/channels/ops", headers=LOCAL)
    assert (used.status_code, "still used by budget 'b'" in used.text) == (400, True)
    assert door.client.get("/api/v1/alerts").json() == []
