"""The month beside the one before it, two dimensions at once, and budgets that look ahead with forecasts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from spanledger_store.control import Control, budgets
from spanledger_store.control.budgets import Budget
from spanledger_store.engine import Engine
from spanledger_store.finance import budget_report
from spanledger_store.outlook import forecasts
from spanledger_store.periods import Period
from spanledger_store.reports.crossing import crossing
from spanledger_store.reports.month import forecast_of, month
from spanledger_store.scope import Dimension, Scope
from tests.store.spending import spend
from tests.store.test_forecasts import TODAY, made, stored

ZONE = ZoneInfo("UTC")
NOW = datetime(2026, 3, 10, 12, 20, tzinfo=UTC)
FIRST = datetime(2026, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_same_days_of_the_month_before(engine: Engine, control: Control) -> None:
    spend(engine, control, [
        (FIRST + timedelta(hours=1), "1", {}), (FIRST + 9 * DAY + timedelta(hours=12), "2", {}),
        (FIRST + 9 * DAY + timedelta(hours=13), "4", {}), (FIRST + 27 * DAY, "8", {"customer": "globex"}),
        (NOW - DAY, "16", {}), (NOW - timedelta(minutes=10), "32", {"customer": "globex"}),
    ])  # fmt: skip
    found = month(engine, "default", NOW, ZONE, {})
    assert (found.spent, found.same_days, found.earlier) == (48, 3, 15)
    assert (found.outlook, found.is_forecast) == (None, True)
    one = month(engine, "default", NOW, ZONE, {Dimension.CUSTOMER: ("globex",)})
    assert (one.spent, one.same_days, one.earlier) == (32, 0, 8)
    # On the 30th, February is over: its same days are all of it.
    late = month(engine, "default", datetime(2026, 3, 30, 5, tzinfo=UTC), ZONE, {})
    assert (late.same_days, late.earlier) == (15, 15)
    april = month(engine, "default", datetime(2026, 4, 2, tzinfo=UTC), ZONE, {})
    assert (april.spent, april.same_days, april.earlier) == (0, 0, 48)


def test_a_month_before_the_books_is_not_nothing(engine: Engine, control: Control) -> None:
    spend(engine, control, [(NOW - DAY, "16", {})])
    found = month(engine, "default", NOW, ZONE, {})
    assert (found.spent, found.same_days, found.earlier) == (16, None, None)
    india = month(engine, "default", NOW, ZoneInfo("Asia/Kolkata"), {})
    assert india.spent == 16
    with pytest.raises(ValueError, match="whole UTC hours"):
        month(engine, "default", NOW, ZONE, {Dimension.USER: ("jo",)})


def test_which_forecast_is_of_the_same_calls() -> None:
    assert forecast_of({}) == ("", "")
    assert forecast_of({Dimension.MODEL: ("gpt-4o",), Dimension.TAG: ()}) == ("model", "gpt-4o")
    assert forecast_of({Dimension.MODEL: ("gpt-4o", "gpt-5")}) is None
    assert forecast_of({Dimension.MODEL: ("gpt-4o",), Dimension.TEAM: ("core",)}) is None
    assert forecast_of({Dimension.RELEASE: ("v1",)}) is None


def test_rows_and_columns_hold_everything(engine: Engine, control: Control) -> None:
    names = ["acme", "globex", "initech", ""]
    models = ["gpt-4o", "gpt-5", "gpt-6", ""]
    calls = [
        (FIRST + timedelta(hours=hour), f"{(row + 1) * (column + 2)}.000000000001",
         {"customer": customer, "model": model})
        for row, customer in enumerate(names)
        for column, model in enumerate(models)
        for hour in range(2)
        if (row, column) != (0, 0)
    ]  # fmt: skip
    calls.append((FIRST, "0", {"customer": "acme", "model": "gpt-4o", "cost_usd": None, "price_source": ""}))
    free = calls.pop()
    spend(engine, control, [*calls, (free[0], "0.5", {"customer": "acme", "model": "gpt-4o"})])
    scope = Scope("default", FIRST, FIRST + DAY)
    whole = crossing(engine, scope, Dimension.CUSTOMER, Dimension.MODEL)
    assert (whole.more, None in whole.rows) == ((0, 0), False)
    expected = sum((Decimal(cost) for _, cost, _ in calls), Decimal("0.5"))
    for found in (whole, crossing(engine, scope, Dimension.CUSTOMER, Dimension.MODEL, (2, 3))):
        assert found.total.priced_cost == expected
        for sums in (found.cells, found.row_sums, found.column_sums):
            assert sum(each.priced_cost for each in sums.values()) == expected
            assert sum(each.calls for each in sums.values()) == len(calls) + 1
        assert "" in found.rows
        assert "" in found.columns
    few = crossing(engine, scope, Dimension.CUSTOMER, Dimension.MODEL, (2, 2))
    assert few.more == (2, 2)
    assert len(few.rows) == len(few.columns) == 3
    assert few.rows[-1] is None
    assert few.row_sums[""].priced_cost == whole.row_sums[""].priced_cost


@pytest.fixture
def ahead(engine: Engine, control: Control) -> Iterator[Engine]:
    """Forecasts from today on: 3 a day of everything, 2 of acme; 24 and 12 are spent in its first hours."""
    engine.command("TRUNCATE TABLE forecast_rows")
    at = TODAY + timedelta(hours=1)
    spend(engine, control, [(at, "24", {"customer": "acme"}), (at, "12", {"customer": "b"})])
    forecasts.save(engine, "default", "day", TODAY, TODAY, [
        made("", "", stored(["3"] * 90, begins=TODAY)), made("customer", "acme", stored(["2"] * 90, begins=TODAY)),
    ])  # fmt: skip
    yield engine
    engine.command("TRUNCATE TABLE forecast_rows")


def test_budgets_end_where_the_forecast_of_their_calls_does(ahead: Engine, control: Control) -> None:
    month_of = [
        Budget("default", "All", Decimal(10**6), Period.DAY),
        Budget("default", "Each", Decimal(25), Period.WEEK, per="customer"),
        Budget("default", "Acme's chat", Decimal(10**6), Period.WEEK, slice={"customer": "acme", "feature": "chat"}),
        Budget("default", "Year", Decimal(10**6), Period.YEAR),
    ]
    for each in month_of:
        budgets.put(control, each)
    now = TODAY + timedelta(hours=12)
    found = {
        (each.state.budget.name, each.state.value): each
        for each in budget_report.report(ahead, control, budgets.listing(control, "default"), now)
    }
    # Half of today's 3 are still to come.
    assert found["All", None].projected == Decimal("37.5")
    acme = found["Each", "acme"]
    days = (acme.state.window.end - now) / DAY
    assert float(acme.projected or 0) == pytest.approx(24 + 2 * days, abs=0.01)
    # 24 are spent: the 25th dollar comes half a day later.
    assert acme.breach_at is not None
    assert abs(acme.breach_at - (now + DAY / 2)) < timedelta(minutes=1)
    # Nobody has made a forecast of b: as it went on, it goes on.
    gone = (now - found["Each", "b"].state.window.start) / DAY
    assert float(found["Each", "b"].projected or 0) == pytest.approx(12 + 12 * days / gone, abs=0.011)
    assert found["Acme's chat", None].projected not in (None, acme.projected)
    stale = budget_report.report(ahead, control, budgets.listing(control, "default"), TODAY + 5 * DAY + DAY / 2)
    assert [each.projected for each in stale if each.state.budget.name == "All"] == [0]
