"""Downloads are exact."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from spanledger_dashboard import DashboardSettings, create_app
from spanledger_dashboard.exports import harmless
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from tests.dashboard.conftest import api


@pytest.fixture(scope="module")
def client(pages_engine: Engine, pages_control: Control) -> Iterator[TestClient]:
    with TestClient(create_app(api(), pages_engine, pages_control, DashboardSettings())) as found:
        yield found


def test_the_csv_adds_up_to_the_ledger_to_the_last_digit(client: TestClient, pages_engine: Engine) -> None:
    answer = client.get("/export/spend.csv?range=30d&by=feature")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    booked, calls = pages_engine.rows("SELECT sum(cost_usd), sum(calls) FROM ledger")[0]
    assert sum(Decimal(row["cost_usd"]) for row in rows) == booked
    assert sum(int(row["calls"]) for row in rows) == calls
    assert any(row["feature"] == "" for row in rows)
    assert 'filename="spend_by_feature.csv"' in answer.headers["content-disposition"]


def test_unknown_money_is_an_empty_field(client: TestClient) -> None:
    text = client.get("/export/spend.csv?range=30d&by=model&model=llama-4-70b").text
    (row,) = csv.DictReader(io.StringIO(text))
    # Some of its calls failed without usage: that makes the others no cheaper.
    assert 0 < int(row["unpriced_calls"]) <= int(row["calls"])
    assert (row["cost_usd"], row["input_cost_usd"]) == ("", "")


def test_a_bad_url_is_told_apart_from_a_missing_trace(client: TestClient) -> None:
    assert client.get("/export/spend.csv?range=nope").status_code == 400
    assert client.get("/export/trace/abc.json").status_code == 404


def test_a_trace_comes_with_its_content(client: TestClient, some_trace: str) -> None:
    found = json.loads(client.get(f"/export/trace/{some_trace}.json").text)
    assert len(found["spans"]) == 7
    assert any(span["content"] and "order A-1042" in span["content"]["input"] for span in found["spans"])
    costs = [span["cost_usd"] for span in found["spans"] if span["cost_usd"] is not None]
    assert all(isinstance(cost, str) for cost in costs)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_names_never_run_in_a_spreadsheet(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("Acme") == "Acme"


def test_the_rows_of_a_trace_are_fetched_beside_its_page(client: TestClient, some_trace: str) -> None:
    answer = client.get(f"/ui/trace/{some_trace}/rows", headers={"accept-encoding": "br"})
    assert answer.headers["content-encoding"] == "br"
    rows = answer.json()
    assert len(rows["rows"]) == 7
    assert len(rows["names"]) == len(rows["rows"][0])
    assert client.get("/ui/trace/abc/rows").status_code == 204
    assert client.get(f"/ui/trace/{some_trace}/rows?project=other").status_code == 204
