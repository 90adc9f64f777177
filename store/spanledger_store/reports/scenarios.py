"""A scenario over the forecasts of a project: the recent books priced anew, and what that makes of the months ahead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from spanledger.usage import Usage
from spanledger_store.control.budgets import plain
from spanledger_store.engine import Engine
from spanledger_store.outlook.forecasts import DIMENSIONS
from spanledger_store.outlook.scenario import Applied, Line, Scenario, applied
from spanledger_store.periods import Window
from spanledger_store.reports import forecasts
from spanledger_store.reports.books import books
from spanledger_store.scope import Dimension, Scope

RECENT: Final = timedelta(days=30)
_MICRO: Final = Decimal("0.000001")
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Before:
    """A slice as it is forecast and as the scenario has it: the month, and the next days; None without a forecast."""

    value: str
    factor: Decimal
    spent: Decimal
    month: Decimal | None
    month_scenario: Decimal | None
    ahead: Decimal | None
    ahead_scenario: Decimal | None

    def as_json(self) -> dict[str, Any]:
        """The line as JSON takes it: amounts as strings."""
        named = {"month": self.month, "month_scenario": self.month_scenario, "ahead": self.ahead,
                 "ahead_scenario": self.ahead_scenario}  # fmt: skip
        return {
            "value": self.value,
            "factor": plain(self.factor),
            "spent": plain(self.spent),
            **{name: None if amount is None else plain(amount) for name, amount in named.items()},
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """Everything first, then each value of the dimension; `recent` is what the last 30 days cost and would have."""

    month: Window
    days: int
    lines: list[Before]
    recent: tuple[Decimal, Decimal]
    unpriced_calls: int


def compared(
    engine: Engine, project: str, now: datetime, zone: ZoneInfo, wanted: Scenario, dimension: str = "", days: int = 90
) -> Compared:
    """The forecasts of everything, and by a dimension, beside what the scenario makes of them.

    Each slice's rest of the month and next days are multiplied by how the cost of its own last 30 days would have
    changed; what is spent stays spent. Values are then brought to what everything comes to, so that they add up.
    Raises ScenarioInvalid.
    """
    found = applied(recent(engine, project, now), wanted)
    of, (whole,) = forecasts.month(engine, project, now, zone)
    lines = [_line(whole, found, "", days)]
    if dimension:
        _, values = forecasts.month(engine, project, now, zone, dimension)
        lines += _to_add_up(lines[0], [_line(each, found, dimension, days) for each in values])
    return Compared(of, days, lines, found.costs(), found.unpriced)


def recent(engine: Engine, project: str, now: datetime) -> list[Line]:
    """The ledger of the last 30 days by every dimension that forecasts are made by."""
    end = now.replace(minute=0, second=0, microsecond=0)
    frame = books(engine, Scope(project, end - RECENT, end), [Dimension(each) for each in DIMENSIONS])
    return [
        Line(
            {name: str(row[name]) for name in DIMENSIONS},
            row["calls"],
            Usage(row["input_tokens"], row["cache_read_tokens"], row["cache_write_tokens"], row["output_tokens"],
                  row["reasoning_tokens"]),
            row["cost_usd"],
            row["other_cost_usd"],
            row["unpriced_calls"],
        )
        for row in frame.iter_rows(named=True)
    ]  # fmt: skip


def _line(line: forecasts.Line, found: Applied, dimension: str, days: int) -> Before:
    factor = found.factor(dimension, line.value)
    ahead = line.stored.total(days).quantize(_MICRO) if line.stored else None
    month = line.outlook.expected if line.outlook else None
    return Before(
        value=line.value,
        factor=factor,
        spent=line.spent,
        month=month,
        month_scenario=None if month is None else line.spent + _rounded((month - line.spent) * factor),
        ahead=ahead,
        ahead_scenario=None if ahead is None else _rounded(ahead * factor),
    )


def _to_add_up(whole: Before, parts: list[Before]) -> list[Before]:
    """The parts, their scenarios in the proportion that makes their sum the whole's."""
    rest = sum((each.month_scenario - each.spent for each in parts if each.month_scenario is not None), _ZERO)
    ahead = sum((each.ahead_scenario for each in parts if each.ahead_scenario is not None), _ZERO)
    wanted_rest = whole.month_scenario - whole.spent if whole.month_scenario is not None else _ZERO
    by_month = wanted_rest / rest if rest > 0 else Decimal(1)
    by_ahead = whole.ahead_scenario / ahead if whole.ahead_scenario is not None and ahead > 0 else Decimal(1)
    found: list[Before] = []
    for each in parts:
        month, later = each.month_scenario, each.ahead_scenario
        if month is not None:
            month = each.spent + _rounded((month - each.spent) * by_month)
        if later is not None:
            later = _rounded(later * by_ahead)
        found.append(replace(each, month_scenario=month, ahead_scenario=later))
    return found


def _rounded(amount: Decimal) -> Decimal:
    """To six places, and never minus nothing."""
    return max(amount, _ZERO).quantize(_MICRO)
