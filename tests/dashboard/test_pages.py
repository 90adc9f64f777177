"""What the pages draw, asked of their callbacks as plain coroutines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from spanledger_dashboard import topbar
from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.page import guarded
from spanledger_dashboard.pages import PAGES, health, overview, spend, trace, traces
from spanledger_dashboard.pages.health_cards import ago, silence
from spanledger_dashboard.pages.traces_asked import searched
from spanledger_store.control import Control, jobs, tallies
from spanledger_store.control.keys import Key
from spanledger_store.control.tallies import COUNTS, Line, Snapshot, SpoolState
from spanledger_store.errors import StoreUnavailable
from spanledger_store.scope import Dimension
from tests.dashboard.conftest import NOW, run, view


def text(component: Any) -> str:
    """Everything a component would send to the browser."""
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


def find(component: Any, wanted: str) -> dict[str, Any]:
    """The props of the component with this id."""
    stack = [json.loads(text(component))]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if node.get("props", {}).get("id") == wanted:
                return node["props"]
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    raise AssertionError(f"nothing has the id {wanted}")


def test_the_overview_shows_six_numbers_and_the_books(data: Data) -> None:
    _, body = run(overview.render(data, view("/", "?range=14d")))
    shown = text(body)
    for label in ("Spend", "Requests", "Cost / 1k requests", "Error rate", "Latency p95", "Cache hit rate"):
        assert f'"{label}"' in shown
    total = run(data.totals(view("/", "?range=14d").scope))
    rows = find(body, "overview-features")["rowData"]
    assert sum(row["requests"] for row in rows) == total.calls
    assert sum(row["spend"] for row in rows) == pytest.approx(float(total.priced_cost))


def test_spend_adds_up_and_names_what_nobody_is_named_for(data: Data) -> None:
    seen = view("/spend", "?range=14d&by=customer")
    crumbs, _, body = run(spend.render(data, seen))
    grid = find(body, "spend-grid")
    total = run(data.totals(seen.scope))
    assert sum(row["calls"] for row in grid["rowData"]) == total.calls
    assert grid["dashGridOptions"]["pinnedBottomRowData"][0]["calls"] == total.calls
    assert [row["none"] for row in grid["rowData"] if not row["label"]] == ["Unattributed"]
    assert crumbs == []


def test_a_slice_without_prices_is_unpriced_not_free(data: Data) -> None:
    _, _, body = run(spend.render(data, view("/spend", "?range=14d&by=model")))
    row = next(row for row in find(body, "spend-grid")["rowData"] if row["label"] == "llama-4-70b")
    assert row["unpriced"] > 0
    assert row["spend_text"] == "unpriced"
    assert row["cost_input_text"] != "$0.00"


@pytest.mark.parametrize("mode", ["absolute", "share", "cumulative"])
@pytest.mark.parametrize("step", ["hour", "day", "week"])
def test_every_scale_and_step_is_drawn(data: Data, mode: str, step: str) -> None:
    _, _, body = run(spend.render(data, view("/spend", f"?range=7d&mode={mode}&step={step}&tz=Asia/Kolkata")))
    assert '"Spend by customer"' in text(body)


def test_the_breadcrumb_climbs_back(data: Data) -> None:
    crumbs, _, _ = run(spend.render(data, view("/spend", "?range=14d&customer=Acme+Robotics&model=gpt-5.1&by=feature")))
    shown = text(crumbs)
    assert "All spend" in shown
    assert "/spend?range=14d&customer=Acme+Robotics&by=feature" in shown


def test_pages_of_traces_neither_overlap_nor_skip(data: Data) -> None:
    for order in ("newest", "slowest", "dearest"):
        seen = view("/traces", f"?range=14d&order={order}")
        ids: list[str] = []
        cursors: dict[str, Any] = {}
        while True:
            answer, cursors = run(traces.block(data, seen, len(ids), cursors))
            ids += [row["id"] for row in answer["rowData"]]
            if "rowCount" in answer:
                break
        histogram = run(data.trace_histogram(searched(seen), traces.clock(seen).buckets))
        assert len(ids) == len(set(ids)) == histogram["traces"].sum() > traces.BLOCK


def test_a_block_whose_beginning_is_unknown_is_empty(data: Data) -> None:
    seen = view("/traces", "?range=14d")
    answer, _ = run(traces.block(data, seen, 300, {"key": "another URL", "at": {"300": ["1", "x"]}}))
    assert answer == {"rowData": [], "rowCount": 300}


def test_facets_stay_choosable_while_one_is_chosen(data: Data) -> None:
    shown = text(run(traces.render(data, view("/traces", "?range=14d&customer=Initech")))[5])
    assert '"aria-checked": "true"' in shown
    assert "Northwind Health" in shown


@pytest.mark.parametrize("search", ["?min_s=abc", "?min_usd=-1", "?min_s=NaN", "?min_usd=1e99"])
def test_a_threshold_that_is_no_number_is_named(search: str) -> None:
    with pytest.raises(BadView, match=search[1:7]):
        searched(view("/traces", search))


def test_a_trace_has_its_rows_and_its_panel(data: Data, some_trace: str) -> None:
    seen = view(f"/trace/{some_trace}")
    _, title, _, _, body = run(trace.render(data, seen))
    rows = json.loads(run(data.waterfall_rows("default", some_trace)))
    assert title.endswith(".run")
    assert len(rows["rows"]) == 7
    assert rows["first"] in {row[rows["names"].index("id")] for row in rows["rows"]}
    assert "errors" in text(body)
    (panel,) = run(trace.render_panel(data, seen, rows["first"]))
    assert '"Messages"' in text(panel)


def test_the_bar_and_the_palette_know_the_view(data: Data) -> None:
    seen = view("/spend", "?range=14d&customer=Initech&customer=(none)&live=30&cmp=0")
    project, menu, label, _, compared, live, pressed, chips = run(topbar.bar(data, seen))
    assert "environment=staging" in text(menu)
    assert (project, label, compared, live, pressed) == ("default", "Last 14 days", "false", "Live 30 s", "true")
    assert "Unattributed" in text(chips)
    named = run(topbar.bar(data, view("/", "?range=14d&environment=staging")))[0]
    assert named == "default / staging"
    found = text(run(topbar.found(data, seen, PAGES, "gpt")))
    assert "gpt-5.1-mini" in found
    assert "Search traces for" in found
    values = [choice["value"] for choice in run(topbar.choices(data, seen, Dimension.CUSTOMER))]
    assert "Globex Finance" in values


def test_a_failing_store_is_told_with_a_request_id(data: Data, caplog: pytest.LogCaptureFixture) -> None:
    async def fails(*_: Any) -> Any:
        raise StoreUnavailable("disk full")

    _, body = run(guarded(data, {"path": "/", "search": ""}, fails, 2))
    shown = text(body)
    assert "not available" in shown
    assert "disk full" not in shown
    assert caplog.records[0].message.split()[1] in shown


def test_a_fault_of_a_page_is_told_and_logged(data: Data, caplog: pytest.LogCaptureFixture) -> None:
    async def fails(*_: Any) -> Any:
        return [][0]

    _, body = run(guarded(data, {"path": "/spend", "search": "?range=7d"}, fails, 2))
    assert "could not be drawn" in text(body)
    (record,) = caplog.records
    assert "for /spend?range=7d failed" in record.message
    assert record.message.split()[1] in text(body)
    assert record.exc_info is not None


def test_a_bad_url_is_told_on_the_page(data: Data) -> None:
    _, body = run(guarded(data, {"path": "/", "search": "?range=7y"}, overview.render, 2))
    assert "no such range" in text(body)


def test_a_period_before_the_books_began_is_not_compared_with(data: Data) -> None:
    whole = view("/", "?range=7d")
    assert run(data.covers(whole.scope.previous()))
    assert "vs prev" in text(run(overview.render(data, whole)))
    beyond = view("/", "?range=14d")
    assert not run(data.covers(beyond.scope.previous()))
    assert "vs prev" not in text(run(overview.render(data, beyond)))


def test_health_says_how_long_a_key_has_been_silent() -> None:
    now = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    key = Key("k", "p", "shop", "ingest", "sl", now, now - timedelta(hours=3), None)
    assert silence(now, None, None) is None
    assert silence(now, None, datetime(2026, 11, 21, 12, tzinfo=UTC)) == timedelta()
    assert silence(now, key, datetime(2026, 11, 21, 9, tzinfo=UTC)) == timedelta(hours=3)
    assert silence(now, None, datetime(2026, 11, 21, 8, tzinfo=UTC)) == timedelta(hours=3, minutes=30)
    assert [ago(timedelta(seconds=s)) for s in (5, 300, 10_800, 400_000)] == ["5 s", "5 min", "3 h", "4 days"]


def test_health_is_drawn_with_the_numbers_of_the_account(data: Data, pages_control: Control) -> None:
    hour = int(NOW.timestamp()) // 3600 - 2
    held = Line("elsewhere", "gone", hour, "traces", dict.fromkeys(COUNTS, 0) | {"acknowledged": 12_345}, 12_000)
    state = SpoolState("s1", "host-7", "/srv/data", NOW, 3, 12_000, 9, 99, NOW, 5, 9, "the store is away")
    tallies.report(pages_control, Snapshot("s1", 1, [held], 3, 12_000, 9, None), state)
    _, body = run(health.render(data, view("/health", "?range=24h&project=elsewhere")))
    said = text(body)
    assert "345 missing" in said
    assert "12,345" in said
    assert "the store is away" in said
    assert "/srv/data on host-7" in said


def test_health_shows_how_jobs_went(data: Data, pages_control: Control) -> None:
    jobs.announce(pages_control, {"books": 60.0, "maps": 60.0, "idle": 60.0})
    jobs.hold(pages_control, "a", ["books", "maps"])
    jobs.failed(pages_control, "a", "books", error="no ink", seconds=1, retry_seconds=60)
    jobs.begin(pages_control, "a", "maps")
    jobs.tell(pages_control, "a", "maps", "drawing", 2, 5000)
    _, body = run(health.render(data, view("/health", "?range=24h&project=elsewhere")))
    said = text(body)
    assert "no ink" in said
    assert "drawing 2 of 5,000" in said
    assert "no worker" in said
