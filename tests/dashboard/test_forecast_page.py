"""The forecast on the page Budgets & forecast: its course, what if, and how earlier ones turned out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.pages import forecast as page
from spanledger_dashboard.pages import forecast_cards
from spanledger_store.engine import Engine
from spanledger_store.outlook import forecasts
from tests.dashboard.conftest import NOW, run, view
from tests.dashboard.test_pages import text
from tests.dashboard.test_spend_cards import figures
from tests.store.test_forecasts import made, stored

MOMENT = NOW - timedelta(minutes=1)
TODAY = MOMENT.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def foretold(pages_engine: Engine) -> Iterator[None]:
    """10 a day of everything and 4 of Acme, foretold today and ten days ago."""
    for begins in (TODAY - timedelta(days=10), TODAY):
        forecasts.save(pages_engine, "default", "day", begins, begins, [
            made("", "", stored(["10"] * 90, begins=begins)),
            made("customer", "Acme Robotics", stored(["4"] * 90, begins=begins)),
        ])  # fmt: skip
    yield
    pages_engine.command("TRUNCATE TABLE forecast_rows")


def drawn(data: Data, search: str) -> tuple[list[Any], dict[str, Any], str]:
    """The form's values, the figure and everything that is shown."""
    *form, result, (card,) = run(page.render(data, view("/budgets", search, now=MOMENT)))
    (figure,) = figures(card) or [{}]
    return form, figure, text([result, card])


def test_without_a_forecast_it_says_how_to_have_one(data: Data) -> None:
    _, figure, shown = drawn(data, "")
    assert figure == {}
    assert "spanledger jobs run forecast" in shown


@pytest.mark.usefixtures("foretold")
def test_the_month_goes_on_from_what_is_spent_to_its_end(data: Data) -> None:
    form, figure, shown = drawn(data, "")
    traces = {each.get("name"): each for each in figure["data"]}
    spent, expected = traces["Spent"], traces["Expected"]
    month = run(data.month("default", MOMENT, view("/").zone, {}))
    assert spent["y"][0] == 0
    assert spent["y"][-1] == pytest.approx(float(month.spent))
    assert expected["y"][0] == spent["y"][-1]
    assert month.outlook is not None
    assert expected["y"][-1] == pytest.approx(float(month.outlook.expected))
    assert {"50 %", "80 %", "90 %"} <= set(traces)
    assert "Scenario" not in traces
    assert "$900.00" in shown
    assert "gpt-5.1" in form[0]
    assert form[3:] == [None, None, None, 100, 100, -5]


@pytest.mark.usefixtures("foretold")
def test_a_slice_is_picked_or_filtered(data: Data) -> None:
    _, figure, shown = drawn(data, "?slice=customer&value=Acme+Robotics&course=days")
    expected = next(each for each in figure["data"] if each.get("name") == "Expected")
    assert expected["y"][1:] == [4.0] * 90
    assert "Where each customer ends the month" in shown
    assert "value=Acme+Robotics" in shown
    _, same, _ = drawn(data, "?customer=Acme+Robotics&course=days")
    assert same["data"] == figure["data"]
    _, none, told = drawn(data, "?slice=customer&value=Initech")
    assert none == {}
    assert "no forecast of customer Initech" in told


@pytest.mark.usefixtures("foretold")
def test_a_scenario_is_a_second_course_and_its_figures(data: Data) -> None:
    form, figure, shown = drawn(data, "?price=50&course=days")
    scenario = next(each for each in figure["data"] if each.get("name") == "Scenario")
    assert scenario["y"][1:] == pytest.approx([5.0] * 90)
    assert form[6:] == [50, 100, -5]
    assert "All calls of the last 30 days" in shown
    _, more, _ = drawn(data, "?volume=150&course=days&customer=Acme+Robotics")
    scenario = next(each for each in more["data"] if each.get("name") == "Scenario")
    assert scenario["y"][1:] == pytest.approx([6.0] * 90)
    _, none, told = drawn(data, "?swap=gpt-5.1&to=nothing-9")
    assert all(each.get("name") != "Scenario" for each in none["data"])
    assert "nothing-9" in told
    with pytest.raises(BadView, match="price=abc"):
        drawn(data, "?price=abc")


@pytest.mark.usefixtures("foretold")
def test_what_was_forecast_and_what_came(data: Data) -> None:
    (card,) = run(page.render_accuracy(data, view("/budgets", now=MOMENT)))
    found = run(data.accuracy("default", MOMENT, ""))
    assert found["lines"]
    shown = text(card)
    first = found["lines"][0]
    assert f"${Decimal(first['forecast']):,.2f}" in shown
    assert f"{first['wape'] * 100:.1f}%" in shown


def test_months_that_are_over_are_told_on_four_of_their_days() -> None:
    said = {"expected": "100", "low_90": "90", "high_90": "110", "actual": "120"}
    days = [datetime(2026, 2, day, tzinfo=UTC) for day in range(1, 29)]
    shown = text(forecast_cards.months([said | {"said_at": day.isoformat(), "month": "2026-02"} for day in days]))
    assert shown.count("Feb 2026") == 4
    assert shown.count('"no"') == 4
    assert forecast_cards.months([]) is None
