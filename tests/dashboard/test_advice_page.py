"""The page Advice: what would have been saved, the calls it rests on, and what is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.pages import advice as page
from spanledger_dashboard.pages.advice_cards import advice_card
from spanledger_store.outlook.advice import Advice, Kind, Quality, Sample
from spanledger_store.reports.advice import AdviceRequest
from tests.dashboard.conftest import NOW, run, view
from tests.dashboard.test_pages import text

MOMENT = NOW - timedelta(minutes=1)
ONE = Advice(
    Kind.MODEL, "chat", "openai", "gpt-5", "gpt-5-mini", 1234, Decimal("200"), Decimal("150.25"), "The same tokens.",
    (), (Quality("helpful", Sample(50, 0.8, 0.01), Sample(60, 0.5, 0.01)),), ("abcdef0123456789",),
)  # fmt: skip


def test_the_page_shows_what_the_report_says(data: Data) -> None:
    _, body = run(page.render(data, view("/advice", now=MOMENT)))
    shown = text(body)
    found = run(data.advice(AdviceRequest("default", MOMENT)))
    best = next(each for each in found.lines if each.is_best and each.saved_usd is not None)
    assert f"${best.saved_usd:,.2f}" in shown or f"${best.saved_usd:.4f}" in shown
    assert "What is not known" in shown
    assert all(what in shown for _, what in found.missing)
    assert f"feature={best.feature.replace(' ', '+') or '%28none%29'}&model={best.model}&from=" in shown


def test_kinds_and_filters_choose(data: Data) -> None:
    only = text(run(page.render(data, view("/advice", "?kind=batch", now=MOMENT))))
    assert "→" not in only
    none = text(run(page.render(data, view("/advice", "?customer=Nobody", now=MOMENT))))
    assert "Nothing matches" in none
    with pytest.raises(BadView, match="several tags"):
        run(page.render(data, view("/advice", "?tag=beta", now=MOMENT)))


def test_a_card_says_what_is_at_stake_and_what_is_missing() -> None:
    seen = view("/advice", now=MOMENT)
    scope = seen.scope
    shown = text(advice_card(seen, scope, ONE, [replace(ONE, candidate="gpt-5-nano", is_best=False)]))
    for wanted in (
        "$150.25",
        "$200.00",
        "75%",
        "1,234 calls",
        "0.8 (50)",
        "0.5 (60)",
        "lower",
        "abcdef01",
        "1 alternatives",
    ):
        assert wanted in shown
    assert "quality not known" not in shown
    unknown = text(advice_card(seen, scope, replace(ONE, saved_usd=None, missing=("no price",), quality=()), ()))
    assert '"unknown"' in unknown
    assert "Missing: no price." in unknown
    assert "quality not known" in unknown
