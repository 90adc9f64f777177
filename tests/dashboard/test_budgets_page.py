"""The Budgets page: every budget as it stands, the worst first, each with a way to its calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from spanledger_dashboard.data import Data
from spanledger_dashboard.pages import budgets as page
from spanledger_store.control import Control, budgets
from spanledger_store.control.budgets import Budget, Enforcement
from spanledger_store.engine import Engine
from spanledger_store.finance import budgets as standing
from spanledger_store.periods import Period
from tests.dashboard.conftest import NOW, run, view
from tests.dashboard.test_pages import find, text

MOMENT = NOW - timedelta(minutes=1)


@pytest.fixture
def four(pages_control: Control) -> Iterator[None]:
    """One that is used up and blocks, one that is roomy, and one of each customer and feature."""
    made = [
        Budget("default", "Acme, yearly", Decimal("0.01"), Period.YEAR, slice={"customer": "Acme Robotics"},
               enforcement=Enforcement.BLOCK, owner="Jo"),
        Budget("default", "Everything", Decimal(10**9), Period.YEAR),
        Budget("default", "Each customer", Decimal(10**6), Period.YEAR, per="customer"),
        Budget("default", "Each feature", Decimal(10**6), Period.YEAR, per="feature"),
    ]  # fmt: skip
    for each in made:
        budgets.put(pages_control, each)
    yield
    for each in made:
        budgets.remove(pages_control, each.project, each.name)


def test_without_a_budget_it_says_how_to_set_one(data: Data) -> None:
    _, body = run(page.render(data, view("/budgets", now=MOMENT)))
    assert "spanledger budgets set" in text(body)


@pytest.mark.usefixtures("four")
def test_the_worst_comes_first_with_its_figures(data: Data, pages_engine: Engine, pages_control: Control) -> None:
    _, body = run(page.render(data, view("/budgets", now=MOMENT)))
    cards = body[1].children
    assert "Acme, yearly" in text(cards[0])
    said = text(cards[0])
    states = standing.states(pages_engine, pages_control, budgets.listing(pages_control, "default"), MOMENT)
    (acme,) = [each for each in states if each.budget.name == "Acme, yearly"]
    assert acme.spent is not None
    assert f"${acme.spent:,.2f}" in said
    assert "used up" in said
    assert "blocks calls" in said
    assert "Jo" in said
    assert f"customer=Acme+Robotics&from={acme.window.start:%Y-%m-%dT%H}" in said
    every = find(body, "budgets-grid")["rowData"]
    assert len(every) == len(states) > page.MAX_CARDS
    assert every[0]["label"] == "Acme, yearly"


@pytest.mark.usefixtures("four")
def test_filters_leave_out_what_they_contradict(data: Data) -> None:
    _, body = run(page.render(data, view("/budgets", "?customer=Initech", now=MOMENT)))
    said = text(body)
    assert "Each customer: Initech" in said
    assert "Everything" in said
    assert "Acme" not in said
