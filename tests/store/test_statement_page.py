"""A statement on screen, on a telephone and on paper, in a real browser that may reach nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from spanledger_store.control.statements import month_of, zone_of
from spanledger_store.finance.statement_lines import Adjustment
from spanledger_store.finance.statement_page import page
from spanledger_store.finance.statements import of_frame
from spanledger_store.reports.books import SUMS

pytestmark = pytest.mark.browser

LONG = "a customer whose name has no end and-no-place-where-it-could-be-broken-into-two-parts" * 2


def document() -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for day in range(31):
        for model in ("gpt-4o-2024-08-06", "claude-sonnet-4-20250514", LONG):
            for feature in [f"feature {n}" for n in range(20)]:
                row: dict[str, Any] = {name: Decimal(0) if name.endswith("usd") else 10**4 for name in SUMS}
                row |= {"bucket": datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=day), "customer": LONG}
                rows.append(row | {"provider": "openai", "model": model, "feature": feature,
                                   "cost_usd": Decimal("123.891234567891")})  # fmt: skip
    made = of_frame(
        pl.DataFrame(rows), project="default", customer=LONG, month="2026-10", zone="UTC",
        of=month_of("2026-10", zone_of("UTC")), at=datetime(2026, 11, 3, tzinfo=UTC),
        changes=[Adjustment("2026-09", Decimal(10**9), Decimal("-0.000000000001"), 3, -1)],
    )  # fmt: skip
    return json.loads(json.dumps(made.as_json()))


def test_it_fits_a_telephone_and_prints_on_a4_without_reaching_out(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        pytest.skip("needs Debian's chromium")
    place = tmp_path / "statement.html"
    place.write_text(page(document()), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 390, "height": 844})
        reached: list[str] = []
        said: list[str] = []
        opened.on("request", lambda each: reached.append(each.url))
        opened.on("console", lambda each: said.append(each.text))
        opened.goto(place.as_uri())
        assert opened.evaluate("document.documentElement.scrollWidth") <= 390
        for width in (700, 1400):
            opened.set_viewport_size({"width": width, "height": 900})
            assert opened.evaluate("document.documentElement.scrollWidth") <= width
        printed = opened.pdf(prefer_css_page_size=True)
        browser.close()
    assert (reached, said) == ([place.as_uri()], [])
    # 595.92 by 842.88 points are A4; twenty features and more fill a second page.
    assert b"/MediaBox [0 0 594.95996 841.91998]" in printed or b"/MediaBox [0 0 595" in printed
    assert printed.count(b"/Type /Page\n") > 1
