"""The lower cards of the Spend page: each says what it rests on, and each number leads to its calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from starlette.testclient import TestClient

from spanledger_analytics import explaining
from spanledger_dashboard import DashboardSettings, exports
from spanledger_dashboard.data import Data
from spanledger_dashboard.pages import spend_bills, spend_classes, spend_matrix, spend_month, spend_why
from spanledger_dashboard.view import View
from spanledger_store.billing import bills
from spanledger_store.billing.bills import BillLine
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.finance import focus, revenue
from spanledger_store.finance.revenue import Payment
from spanledger_store.reports.calls import EVERY_GROUP
from spanledger_store.scope import Dimension, Scope
from tests.dashboard.conftest import NOW, api, run, view
from tests.dashboard.test_pages import text

MOMENT = NOW - timedelta(minutes=1)


@pytest.fixture(scope="module")
def explained(pages_engine: Engine, pages_control: Control) -> Iterator[Data]:
    """The service layer with somebody who knows why spend has changed."""
    found = Data(pages_engine, pages_control, DashboardSettings(), partial(explaining.answer, pages_engine))
    yield found
    found.close()


def test_the_month_is_the_ledgers_and_without_a_forecast_it_says_so(data: Data) -> None:
    seen = view("/spend", "?range=7d", now=MOMENT)
    (strip,) = run(spend_month.render(data, seen))
    month = run(data.month("default", MOMENT, seen.zone, {}))
    shown = text(strip)
    assert f"{MOMENT:%B} so far" in shown
    start = MOMENT.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    whole = run(data.totals(Scope("default", start, NOW)))
    assert month.spent == whole.priced_cost
    assert "no forecast" in shown
    assert run(spend_month.render(data, view("/spend", "?customer=Nobody", now=MOMENT))) == [[]]
    assert run(spend_month.render(data, view("/spend", "?user=user-1", now=MOMENT))) == [[]]


def test_why_is_a_sentence_bars_that_add_up_and_ways_to_the_calls(explained: Data) -> None:
    seen = view("/spend", "?range=7d", now=MOMENT)
    (card,) = run(spend_why.render(explained, seen))
    shown = text(card)
    scope = seen.scope
    found = run(explained.why(scope, scope.previous()))
    assert found is not None
    assert found["sentence"] in shown
    (figure,) = [each for each in figures(card) if each["data"][0]["type"] == "waterfall"]
    start, *steps, end = figure["data"][0]["y"]
    assert start + sum(steps) == pytest.approx(end)
    assert end == pytest.approx(float(run(explained.totals(scope)).priced_cost))
    links = [each for each in figure["data"][0]["customdata"] if each]
    assert all(each.startswith(("/traces?", "/spend?")) and "from=" in each for each in links)
    assert "Every term" in shown


def figures(component: object) -> list[dict[str, Any]]:
    found, stack = [], [json.loads(text(component))]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if "figure" in node:
                found.append(node["figure"])
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return found


def test_why_says_where_it_cannot_be_told(explained: Data, data: Data) -> None:
    assert "books begin after" in text(
        run(spend_why.render(explained, view("/spend", "?range=7d&against=month", MOMENT)))
    )
    assert "cannot be told" in text(run(spend_why.render(explained, view("/spend", "?range=7d&user=user-1", MOMENT))))
    assert run(spend_why.render(data, view("/spend", "?range=7d", MOMENT))) == [[]]
    assert run(spend_why.render(explained, view("/spend", "?range=7d&cmp=0", MOMENT))) == [[]]


@pytest.mark.parametrize(
    ("moment", "before"),
    [
        (datetime(2026, 3, 31, 9, tzinfo=UTC), datetime(2026, 2, 28, 10, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), datetime(2025, 12, 15, tzinfo=UTC)),
        # Berlin's clocks went forward between: the same hour of the day there.
        (datetime(2026, 4, 10, 8, tzinfo=UTC), datetime(2026, 3, 10, 9, tzinfo=UTC)),
    ],
)
def test_a_month_before(moment: datetime, before: datetime) -> None:
    zone = ZoneInfo("Europe/Berlin")
    found = spend_why.a_month_before(Scope("p", moment, moment + timedelta(hours=1)), zone)
    assert found.start == before


def test_the_matrix_holds_everything_and_names_what_is_unknown(data: Data) -> None:
    seen = view("/spend", "?range=14d", now=MOMENT)
    (card,) = run(spend_matrix.render(data, seen))
    shown = text(card)
    total = run(data.totals(seen.scope))
    assert f"${total.priced_cost:,.2f}" in shown
    for wanted in ("Unattributed", "llama-4-70b", "unpriced", "Unpriced calls", f'"{total.unpriced_calls:,}"'):
        assert wanted in shown
    assert "customer=Acme+Robotics&model=gpt-5.1" in shown
    assert run(spend_matrix.render(data, view("/spend", "?range=1h", now=MOMENT))) == [[]]
    by_feature = text(run(spend_matrix.render(data, view("/spend", "?range=14d&rows=feature", now=MOMENT))))
    assert "Features by model" in by_feature


def test_classes_waste_and_units_are_of_the_same_calls(data: Data) -> None:
    seen = view("/spend", "?range=14d", now=MOMENT)
    ((first, second),) = run(spend_classes.render(data, seen))
    total = run(data.totals(seen.scope))
    shown = text([first, second])
    assert f"${total.priced_cost:,.2f}" in shown
    for wanted in ("Classes of tokens", "Prompt caching", "Spend that bought nothing", "Unit costs", "/advice?"):
        assert wanted in shown
    assert "errors=1" in shown
    tagged = text(run(spend_classes.render(data, view("/spend", "?range=14d&tag=beta", now=MOMENT))))
    assert "Not known for a tag" in tagged
    assert run(spend_classes.render(data, view("/spend", "?customer=Nobody", now=MOMENT))) == [[]]


def test_bills_and_revenue_stand_beside_the_books(data: Data, pages_engine: Engine) -> None:
    seen = view("/spend", "?range=7d", now=MOMENT)
    assert "spanledger import bill" in text(run(spend_bills.render(data, seen)))
    month = MOMENT.date().replace(day=1)
    day = datetime(month.year, month.month, 1, tzinfo=UTC)
    line = BillLine(
        provider="openai", source="openai", kind=bills.Kind.USAGE, start=int(day.timestamp()) * 10**9,
        end=int((day + timedelta(days=1)).timestamp()) * 10**9, service="", sku="gpt-5.1, input", model="gpt-5.1",
        amount=Decimal("123.45"), currency="USD",
    )  # fmt: skip
    bills.put(pages_engine, "default", [line], interface="test")
    revenue.put(pages_engine, "default", [Payment("Acme Robotics", month, Decimal(500))], interface="test")
    try:
        shown = text(run(spend_bills.render(data, seen)))
        assert "$123.45" in shown
        assert "unexplained" in shown
        assert "$500.00" in shown
        assert "customer=Acme+Robotics&from=" in shown
        assert "Margin" not in text(run(spend_bills.render(data, view("/spend", "?customer=Initech", now=MOMENT))))
    finally:
        pages_engine.command("TRUNCATE TABLE bill_rows")
        pages_engine.command("TRUNCATE TABLE revenue_rows")


def test_months_of_a_range_are_whole_and_not_too_many() -> None:
    long = View.parse({"path": "/spend", "search": "?from=2025-01-10T00:00&to=2026-11-05T00:00"}, "default", MOMENT)
    start, end = spend_bills.months(long)
    assert end == date(2026, 12, 1)
    assert start.day == 1
    assert end - start <= spend_bills.LONGEST


def test_files_hold_what_the_page_shows(data: Data) -> None:
    server = api()
    exports.register(server, data)
    client = TestClient(server)
    search = "range=7d&customer=Acme+Robotics"
    answer = client.get(f"/export/spend.parquet?{search}&by=model")
    assert answer.status_code == 200
    frame = pl.read_parquet(answer.content)
    seen = view("/spend", f"?{search}", now=datetime.now(UTC))
    groups = run(data.groups(seen.scope, Dimension.MODEL, EVERY_GROUP, brief=True))
    assert frame["calls"].sum() == groups["calls"].sum()
    assert frame["cost_usd"].sum() == groups["cost_usd"].sum()
    assert frame.filter(pl.col("model") == "llama-4-70b")["cost_usd"].to_list() in ([], [None])
    answer = client.get(f"/export/focus.parquet?{search}")
    assert answer.status_code == 200, answer.text
    rows = pl.read_parquet(answer.content)
    start, end = exports.whole_days(seen.range.start, seen.range.end)
    whole = run(data.totals(Scope("default", start, end, seen.filters)))
    assert rows["BilledCost"].sum() == whole.priced_cost
    assert set(rows["SubAccountId"].to_list()) == {"Acme Robotics"}
    assert client.get(f"/export/focus.csv?{search}").text.startswith(focus_names())
    assert client.get("/export/focus.xml").status_code == 404
    assert client.get("/export/focus.csv?range=7d&user=user-1").status_code == 400


def focus_names() -> str:
    """The first line of every FOCUS file."""
    return ",".join(focus.SCHEMA.names)
