"""Query clusters in a real browser: the map is drawn, coloured, and what is drawn around leads to calls."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from spanledger_store.control import Control
from spanledger_store.engine import Engine
from tests.dashboard.accessibility import barriers
from tests.dashboard.cluster_rows import CALLS, clustered
from tests.dashboard.conftest import NOW

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def clusters_there(pages_engine: Engine, pages_control: Control) -> Iterator[None]:
    """Clusters for the page to draw."""
    with clustered(pages_engine, pages_control, NOW):
        yield


DRAWN = """() => {
    const canvas = document.getElementById("clusters-points");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
    copy.drawImage(canvas, 0, 0);
    const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);
    const found = [];
    for (let at = 3; at < data.length; at += 4) if (data[at] > 100) found.push((at - 3) / 4);
    const middle = found[found.length >> 1];
    return {pixels: found.length, x: middle % canvas.width, y: Math.floor(middle / canvas.width)};
}"""


def around_the_right_half(page: Page) -> None:
    box = page.locator("#clusters-map").bounding_box()
    assert box is not None
    left, top = box["x"] + box["width"] * 0.5, box["y"] + 44
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((1, 0), (1, 1), (0, 1)):
        page.mouse.move(left + x * (box["width"] * 0.48), top + y * (box["height"] - 60), steps=4)
    page.mouse.up()


def opened(open_page: Callable[..., Page], axe: str, scheme: str) -> Page:
    """The page with everything drawn, and nothing that assistive technology could not read."""
    page = open_page("/clusters?range=14d", scheme=scheme)
    page.wait_for_selector("#clusters-map .main-svg")
    expect(page.locator("#clusters-note")).to_contain_text(f"All {CALLS:,} calls on the map")
    expect(page.locator("#clusters-table tbody tr")).to_have_count(4)
    expect(page.locator(".sk")).to_have_count(0)
    assert barriers(page, axe) == []
    return page


def test_in_the_dark_it_is_accessible_and_fits_a_phone(open_page: Callable[..., Page], axe: str) -> None:
    page = opened(open_page, axe, "dark")
    box = page.locator("#clusters-map").bounding_box()
    assert box is not None
    # A point of the picture says what it is, and leads to its cluster.
    point = page.evaluate(DRAWN)
    page.mouse.move(box["x"] + point["x"], box["y"] + point["y"])
    told = page.locator("#clusters-tip.on b").inner_text()
    page.mouse.click(box["x"] + point["x"], box["y"] + point["y"])
    expect(page.locator("#clusters-panel h2", has_text=told)).to_have_count(1)
    # What is not of the cluster stands back.
    assert 0 < page.evaluate(DRAWN)["pixels"] < point["pixels"]
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_is_drawn_around_on_the_map_leads_to_its_calls(
    open_page: Callable[..., Page], axe: str, tmp_path: Path
) -> None:
    page = opened(open_page, axe, "light")
    page.get_by_role("link", name="Feature", exact=True).click()
    expect(page.locator("#clusters-legend")).to_contain_text("support-copilot")

    around_the_right_half(page)
    expect(page.locator("#clusters-panel .pill.acc")).to_contain_text("calls")
    told = page.locator("#clusters-panel .pill.acc").inner_text()
    with page.expect_download() as waited:
        page.locator("#clusters-panel").get_by_role("link", name="CSV").click()
    target = tmp_path / "calls.csv"
    waited.value.save_as(target)
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert told == f"{len(rows):,} calls"
    assert 0 < len(rows) < CALLS

    page.locator("#clusters-panel").get_by_role("link", name=re.compile(r"^\d+ traces?$")).click()
    page.wait_for_selector("#traces-grid .ag-row .ag-cell")
    assert "cluster" not in parse_qs(urlsplit(page.url).query)
    expect(page.locator("#traces-switches")).to_contain_text("Area of the map")
    expect(page.locator("#traces-count")).to_have_text(f"{len({row['trace_id'] for row in rows}):,}")
    page.go_back()
    # The address holds what was chosen.
    expect(page.locator("#clusters-panel .pill.acc")).to_have_text(told)
    slider = page.get_by_label("From: part of the range that the map shows")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#clusters-note")).to_contain_text("in the part chosen below")
    page.fill("#clusters-q", "refund")
    expect(page.locator("#clusters-table tbody tr")).to_have_count(1)
    page.locator("#clusters-table tbody button").first.click()
    expect(page.locator("#clusters-panel h2")).to_have_text("refund, card")
