"""The pages in a real browser: both themes, the keys, the URL, and nothing from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from spanledger_store import findings
from spanledger_store.control import Control, budgets
from spanledger_store.control.budgets import Budget
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.periods import Period
from spanledger_store.quality import drift
from spanledger_store.settings import StoreSettings
from tests.dashboard.accessibility import barriers
from tests.dashboard.conftest import served
from tests.dashboard.test_anomalies_page import LARGE, SMALL
from tests.dashboard.test_drift_page import FOUND, LOOK

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
READY = {
    "/": "#overview-body .js-plotly-plot .xaxislayer-above",
    "/spend": "#spend-body .ag-row",
    "/anomalies": "#anomalies-body .culprit",
    "/budgets": "#budgets-body .meter",
    "/advice": "#advice-body .advice",
    "/drift": "#drift-body .card",
    "/health": "#health-findings .finding",
    "/traces": "#traces-grid .ag-row .ag-cell",
    "/trace/": "#trace-panel .kv",
}


@pytest.fixture(scope="module", autouse=True)
def budget_of_each_customer(pages_control: Control) -> Iterator[None]:
    """Something for the Budgets page to draw: more than its cards hold, so that the table is drawn as well."""
    for dimension in ("customer", "feature"):
        budgets.put(pages_control, Budget("default", f"Each {dimension}", Decimal(50), Period.MONTH, per=dimension))
    yield
    for dimension in ("customer", "feature"):
        budgets.remove(pages_control, "default", f"Each {dimension}")


@pytest.fixture(scope="module", autouse=True)
def an_anomaly(pages_engine: Engine) -> Iterator[None]:
    """Something for the pages Anomalies and Drift to draw."""
    findings.write(pages_engine, [LARGE, SMALL, FOUND])
    drift.write(pages_engine, "default", [LOOK])
    yield
    for table in (findings.TABLE, drift.TABLE):
        pages_engine.command(f"TRUNCATE TABLE {table}")


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def until(page: Page, condition: str) -> None:
    """Wait until a JavaScript expression is true; asked from outside, because the pages forbid `eval` inside."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", sorted(READY))
def test_a_page_is_drawn_in_its_theme_and_is_accessible(
    open_page: Open, some_trace: str, axe: str, path: str, scheme: str
) -> None:
    page = open_page(path + (some_trace if path == "/trace/" else ""), scheme=scheme)
    page.wait_for_selector(READY[path])
    assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == scheme
    # The parts of a page arrive one after another: all of them must.
    expect(page.locator(".sk")).to_have_count(0)
    assert barriers(page, axe) == []


@pytest.mark.parametrize("path", sorted(READY))
def test_nothing_is_wider_than_the_window(open_page: Open, some_trace: str, path: str) -> None:
    page = open_page(path + (some_trace if path == "/trace/" else ""))
    page.wait_for_selector(READY[path])
    for width in (390, 1280, 1680):
        page.set_viewport_size({"width": width, "height": 900})
        # Charts and grids follow the window a moment later.
        until(page, f"document.documentElement.scrollWidth <= {width}")


def test_the_zone_of_the_browser_comes_into_the_url(open_page: Open) -> None:
    page = open_page("/")
    page.wait_for_selector(READY["/"])
    assert query(page)["tz"] == ["Europe/Berlin"]
    expect(page.locator("#overview-sub")).to_contain_text("Europe/Berlin")


def test_range_filter_and_page_live_in_the_url_and_back_undoes_them(open_page: Open) -> None:
    page = open_page("/")
    page.wait_for_selector(READY["/"])
    page.click("#range")
    page.get_by_role("menuitem", name="Last 14 days").click()
    expect(page.locator("#range-label")).to_have_text("Last 14 days")
    page.wait_for_selector('#overview-body .bl a.r[href*="range=14d"]')
    page.click("#overview-body .bl a.r >> nth=0")
    page.wait_for_selector(READY["/spend"])
    assert query(page)["range"] == ["14d"]
    customer = query(page)["customer"][0]
    expect(page.locator("#chips")).to_contain_text(customer)
    expect(page.locator("#spend-crumbs")).to_contain_text(f"Customer: {customer}")
    page.click(f'[aria-label="Remove filter Customer {customer}"]')
    expect(page.locator("#chips .chip")).to_have_count(0)
    page.go_back()
    expect(page.locator("#chips")).to_contain_text(customer)
    page.go_back()
    expect(page.locator("h1")).to_have_text("Overview")
    page.wait_for_selector(READY["/"])


def test_a_filter_is_added_from_the_values_there_are(open_page: Open) -> None:
    page = open_page("/spend?range=14d")
    page.wait_for_selector(READY["/spend"])
    page.get_by_role("button", name="Add filter").click()
    page.locator("#filter-value").fill("glob")
    page.get_by_role("option", name="Globex Finance").click()
    expect(page.locator("#chips .chip")).to_contain_text("Globex Finance")
    assert query(page)["customer"] == ["Globex Finance"]
    expect(page.locator("#spend-grid .ag-center-cols-container .ag-row")).to_have_count(1)


def test_lower_cards_of_spend_lead_to_calls(open_page: Open) -> None:
    page = open_page("/spend?range=7d")
    page.wait_for_selector("#spend-matrix .cell")
    page.locator("#spend-matrix a.cell").first.click()
    page.wait_for_selector(READY["/traces"])
    assert {"customer", "model"} <= set(query(page))


def test_a_scenario_comes_into_the_url_and_onto_the_chart(open_page: Open) -> None:
    page = open_page("/budgets")
    page.wait_for_selector("#what-if-result p")
    page.get_by_role("slider", name="Price").focus()
    page.keyboard.press("ArrowLeft")
    until(page, "location.search.includes('price=95')")
    expect(page.locator("#what-if-result")).to_contain_text("All calls of the last 30 days")
    page.go_back()
    expect(page.locator("#what-if-result")).to_contain_text("Move a slider")


def test_a_row_of_the_table_leads_one_level_down(open_page: Open) -> None:
    page = open_page("/spend?range=14d&by=customer")
    page.wait_for_selector(READY["/spend"])
    page.locator("#spend-grid .ag-center-cols-container .ag-row").first.locator(".ag-cell").first.click()
    expect(page.locator("#spend-crumbs")).to_contain_text("Customer: ")
    assert query(page)["by"] == ["model"]


def test_the_palette_finds_names_and_takes_one_there(open_page: Open) -> None:
    page = open_page("/")
    page.wait_for_selector(READY["/"])
    page.keyboard.press("Control+k")
    page.locator("#palette-q").fill("acme")
    expect(page.locator(".pal-list")).to_contain_text("Acme Robotics")
    page.keyboard.press("Enter")
    page.wait_for_selector(READY["/spend"])
    assert query(page)["customer"] == ["Acme Robotics"]
    expect(page.locator("#palette-q")).to_have_count(0)


def test_the_theme_is_kept(open_page: Open) -> None:
    page = open_page("/")
    page.wait_for_selector(READY["/"])
    page.click("#theme")
    page.click("#theme")
    until(page, "document.documentElement.dataset.mantineColorScheme === 'dark'")
    page.reload()
    page.wait_for_selector(READY["/"])
    assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == "dark"


def test_brushing_a_chart_sets_the_range_of_everything(open_page: Open) -> None:
    page = open_page("/")
    page.wait_for_selector(READY["/"])
    box = page.locator("#overview-body .js-plotly-plot").first.locator(".nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 62, steps=6)
    page.mouse.up()
    until(page, "location.search.includes('from=')")
    found = query(page)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d", found["from"][0])
    assert found["from"] < found["to"]
    assert "range" not in found


def test_search_and_switches_narrow_the_list(open_page: Open) -> None:
    page = open_page("/traces?range=14d")
    page.wait_for_selector(READY["/traces"])
    expect(page.locator("#traces-count")).not_to_be_empty()
    every = int(page.locator("#traces-count").inner_text().replace(",", ""))
    page.keyboard.press("/")
    page.keyboard.type("warranty")
    page.keyboard.press("Enter")
    until(page, "location.search.includes('q=warranty')")
    expect(page.locator("#traces-count")).not_to_have_text(f"{every:,}")
    expect(page.locator("#traces-count")).to_have_text(re.compile(r"^[\d,]+$"))
    some = int(page.locator("#traces-count").inner_text().replace(",", ""))
    assert 0 < some < every
    page.get_by_role("button", name="Errors only").click()
    until(page, "location.search.includes('errors=1')")
    expect(page.locator("#traces-grid .pill.ok")).to_have_count(0)
    page.wait_for_selector("#traces-grid .pill.bad")


def test_the_list_goes_on_as_one_scrolls_without_a_row_twice(open_page: Open) -> None:
    page = open_page("/traces?range=14d")
    page.wait_for_selector(READY["/traces"])
    seen: dict[str, str] = {}
    for _ in range(40):
        for row in page.locator("#traces-grid .ag-center-cols-container .ag-row[row-id]").all():
            index, row_id = row.get_attribute("row-index"), row.get_attribute("row-id")
            if index and row_id:
                seen[index] = row_id
        if len(seen) > 230:
            break
        page.locator("#traces-grid .ag-body-viewport").hover()
        page.mouse.wheel(0, 420)
        page.wait_for_timeout(60)
    assert len(seen) > 230
    assert len(set(seen.values())) == len(seen)


def test_the_list_stays_in_place_when_it_is_renewed(open_page: Open) -> None:
    page = open_page("/traces?range=14d")
    page.wait_for_selector(READY["/traces"])
    page.evaluate("document.querySelector('#traces-grid .ag-root-wrapper').dataset.kept = 'yes'")
    with page.expect_response(lambda r: "getRowsResponse" in (r.request.post_data or "")):
        page.evaluate("spanledger.refresh()")
    expect(page.locator("#traces-grid .ag-root-wrapper")).to_have_attribute("data-kept", "yes")


def test_keys_move_through_a_trace_and_back_to_the_list(open_page: Open, some_trace: str) -> None:
    page = open_page(f"/trace/{some_trace}")
    page.wait_for_selector(READY["/trace/"])
    rows = page.locator("#wf-rows [role=treeitem]")
    expect(rows).to_have_count(7)
    rows.first.click()
    expect(rows.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("j")
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#trace-panel h2")).to_contain_text(re.compile("gpt|claude|gemini|llama"))
    assert query(page)["span"] == [rows.nth(1).get_attribute("data-span")]
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    expect(rows.first).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(7)
    page.keyboard.press("Escape")
    page.wait_for_selector(READY["/traces"])


def test_a_trace_of_many_spans_keeps_those_near_the_window_in_the_page(open_page: Open, pages_engine: Engine) -> None:
    many, wide = 1200, "a" * 32
    pages_engine.command(
        """
        INSERT INTO span_rows (project_id, trace_id, span_id, parent_span_id, name, kind, start_time, duration_ns)
        SELECT 'wide', {trace:String}, leftPad(toString(number), 16, '0'),
               if(number = 0, '', leftPad('', 16, '0')), concat('step ', toString(number)), 'chain',
               fromUnixTimestamp64Nano(1790000000000000000 + toInt64(number) * 1000000), 500000
        FROM numbers({many:UInt64})
        """,
        {"trace": wide, "many": many},
    )
    page = open_page(f"/trace/{wide}?project=wide")
    page.wait_for_selector(READY["/trace/"])
    rows = page.locator("#wf-rows [role=treeitem]")
    height = page.evaluate("document.getElementById('wf-rows').offsetHeight")
    assert 10 < rows.count() < 200
    assert height == many * 29
    expect(rows.nth(1)).to_have_attribute("aria-setsize", str(many - 1))
    rows.nth(3).click()
    # The chosen row leaves the page with the others; the tree keeps the focus, and the next key brings it back.
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(rows.last).to_contain_text(f"step {many - 1}")
    expect(page.locator("#wf-rows [aria-selected=true]")).to_have_count(0)
    expect(page.locator("#wf-rows")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#wf-rows [aria-selected=true]")).to_contain_text("step 4")
    expect(page.locator("#wf-rows [aria-selected=true]")).to_be_focused()
    assert page.evaluate("document.getElementById('wf-rows').offsetHeight") == height


def test_the_panel_shows_messages_and_searches_attributes(open_page: Open, some_trace: str) -> None:
    page = open_page(f"/trace/{some_trace}")
    page.wait_for_selector(READY["/trace/"])
    page.locator("#wf-rows .k-llm").first.click()
    expect(page.locator(".msg.user")).to_contain_text("question about order A-1042")
    expect(page.locator(".costs .sum")).to_be_visible()
    page.get_by_role("tab", name="Attributes").click()
    page.fill("#attr-q", "host.name")
    expect(page.locator(".kv.attrs > div:visible")).to_have_count(1)
    page.get_by_role("tab", name="Raw").click()
    assert json.loads(page.locator(".raw").inner_text())["span"]["kind"] == "llm"


def test_downloads_follow_the_filters(open_page: Open, some_trace: str, tmp_path: Path) -> None:
    page = open_page("/spend?range=14d&customer=Acme+Robotics&by=customer")
    page.wait_for_selector(READY["/spend"])
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Acme Robotics,")
    page.goto(urlsplit(page.url)._replace(path=f"/trace/{some_trace}").geturl())
    page.wait_for_selector(READY["/trace/"])
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    assert len(json.loads(download.value.path().read_text())["spans"]) == 7


def test_live_updates_only_while_somebody_looks(open_page: Open) -> None:
    page = open_page("/?live=10")
    page.wait_for_selector(READY["/"])
    page.evaluate("""() => {
        const far = Date.now() + 60000;
        Date.now = () => far;
        window.ticks = 0;
        const set = window.dash_clientside.set_props;
        window.dash_clientside.set_props = (id, props) => { window.ticks += id === 'tick'; set(id, props); };
        Object.defineProperty(document, 'hidden', {configurable: true, get: () => true});
    }""")
    page.wait_for_timeout(1300)
    assert page.evaluate("window.ticks") == 0
    page.evaluate("Object.defineProperty(document, 'hidden', {configurable: true, get: () => false})")
    page.wait_for_timeout(2500)
    assert page.evaluate("window.ticks") == 1


def test_an_unknown_page_and_an_unknown_trace_say_so(open_page: Open) -> None:
    page = open_page("/nowhere")
    expect(page.locator(".empty h2")).to_have_text("Not found")
    page.goto(urlsplit(page.url)._replace(path="/trace/abcdef", query="").geturl())
    expect(page.locator("#trace-body .empty")).to_contain_text("no trace abcdef")


def test_no_match_offers_to_clear_the_filters(open_page: Open) -> None:
    page = open_page("/?customer=Nobody")
    page.get_by_role("button", name="Clear filters").click()
    page.wait_for_selector(READY["/"])
    assert "customer" not in query(page)


@pytest.fixture
def bare_site(clickhouse_url: str, tmp_path: Path) -> Iterator[tuple[str, Engine]]:
    """The pages over a store that has never seen a call."""
    settings = StoreSettings(data=tmp_path, clickhouse_url=SecretStr(clickhouse_url), database="bare")
    with Engine(settings) as engine:
        migrate(engine)
        for address in served(engine):
            yield address, engine


def test_an_empty_store_shows_how_to_begin_and_a_broken_one_a_request_id(
    open_page: Open, bare_site: tuple[str, Engine]
) -> None:
    address, engine = bare_site
    page = open_page("/", base=address)
    expect(page.locator(".snippet").first).to_contain_text("SPANLEDGER_ENDPOINT=http://127.0.0.1:8787")
    expect(page.locator("#overview-body")).to_contain_text("spanledger demo")
    engine.command("RENAME TABLE ledger_rows TO away")
    try:
        page.get_by_role("button", name="Look again").click()
        expect(page.locator("#overview-body .empty h2")).to_have_text("This could not be loaded")
        expect(page.locator("#overview-body .note .mono")).to_have_text(re.compile("^[0-9a-f]{12}$"))
    finally:
        engine.command("RENAME TABLE away TO ledger_rows")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#overview-body")).to_contain_text("spanledger demo")
