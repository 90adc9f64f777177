"""Forecasts as documents: the same for the API and for a command line that reads the directory itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from spanledger_store.control.budgets import plain
from spanledger_store.engine import Engine
from spanledger_store.outlook.forecasts import BANDS, DIMENSIONS, STEP, Stored
from spanledger_store.outlook.scenario import Scenario
from spanledger_store.periods import Window
from spanledger_store.reports import buckets, forecasts, scenarios
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Bucketing, Calendar
from spanledger_store.reports.forecasts import Line
from spanledger_store.scope import Dimension, Scope, whole_hours

LONGEST: Final = 90
HISTORY_DAYS: Final = 60


class Unforeseen(ValueError):
    """A question that forecasts have no answer to; the message says why and what to ask."""


def forecast(
    engine: Engine,
    project: str,
    now: datetime,
    zone: ZoneInfo,
    *,
    by: str = "",
    values: Sequence[str] = (),
    days: int = LONGEST,
    limit: Decimal | None = None,
    steps: bool = False,
) -> dict[str, Any]:
    """The newest forecasts of everything, then of each value of `by`: the month of now, and the next days.

    Amounts are strings, bands pairs of them by per cent. `limit` asks how likely each month ends above it, and when it
    gets there. `steps` adds every day: of everything also the days before. `begins` is None where no forecast was made.
    Raises Unforeseen.
    """
    _checked(by, days)
    found = forecasts.newest(engine, project, now)
    of, lines = forecasts.month(engine, project, now, zone)
    if by:
        lines = [*lines, *forecasts.month(engine, project, now, zone, by, values)[1]]
    document: dict[str, Any] = {
        "project": project,
        "begins": found[0].isoformat() if found else None,
        "made_at": found[1].isoformat() if found else None,
        "by": by,
        "month": {"start": of.start.isoformat(), "end": of.end.isoformat(), "zone": zone.key},
        "days": days,
        "lines": [_line(line, days, limit, whole=not number, steps=steps) for number, line in enumerate(lines)],
    }
    if steps:
        document["history"] = _history(engine, project, found[0] if found else now)
    return document


@dataclass(frozen=True, slots=True)
class Course:
    """A slice's spend so far and what is expected of it.

    `days` are UTC days up to where the forecast begins, `month_days` days of the zone in the month of now, up to now.
    """

    month: Window
    begins: datetime | None
    line: Line
    days: Sequence[tuple[datetime, Decimal]]
    month_days: Sequence[tuple[datetime, Decimal]]


def course(engine: Engine, project: str, now: datetime, zone: ZoneInfo, dimension: str = "", value: str = "") -> Course:
    """The newest forecast of everything, or of one value of a dimension, and the days before it. Raises Unforeseen."""
    _checked(dimension, 1)
    found = forecasts.newest(engine, project, now)
    of, lines = forecasts.month(engine, project, now, zone, dimension, [value] if dimension else [])
    line = lines[0] if lines else Line(value, Decimal(0), None, None)
    until = (found[0] if found else now).replace(hour=0, minute=0, second=0, microsecond=0)
    first, here = whole_hours(of.start, now + timedelta(microseconds=1))
    filters = {Dimension(dimension): (value,)} if dimension else {}
    daily, local = Bucketing(ZoneInfo("UTC"), step=buckets.DAY), Bucketing(zone, calendar=Calendar.DAY)
    return Course(
        of,
        found[0] if found else None,
        line,
        since_first(_days(engine, Scope(project, until - timedelta(days=HISTORY_DAYS), until, filters), daily)),
        _days(engine, Scope(project, first, here, filters), local if local.whole_hours else daily),
    )


def accuracy(engine: Engine, project: str, now: datetime, *, by: str = "", days: int = 180) -> dict[str, Any]:
    """How the forecasts of the last days turned out, by how far ahead they spoke; of everything also month by month."""
    _checked(by, 1)
    lines = forecasts.accuracy(engine, project, now, by, days)
    said = [] if by else forecasts.months_said(engine, project, now)
    return {
        "project": project,
        "by": by,
        "days": days,
        "lines": [each.as_json() for each in lines],
        "months": [each.as_json() for each in said],
    }


def scenario(
    engine: Engine,
    project: str,
    now: datetime,
    zone: ZoneInfo,
    wanted: Scenario,
    *,
    by: str = "",
    days: int = LONGEST,
) -> dict[str, Any]:
    """The forecasts beside what a scenario makes of them. Raises Unforeseen and ScenarioInvalid."""
    _checked(by, days)
    found = scenarios.compared(engine, project, now, zone, wanted, by, days)
    return {
        "project": project,
        "by": by,
        "month": {"start": found.month.start.isoformat(), "end": found.month.end.isoformat(), "zone": zone.key},
        "days": days,
        "recent": {"days": scenarios.RECENT.days, "cost": plain(found.recent[0]), "scenario": plain(found.recent[1]),
                   "unpriced_calls": found.unpriced_calls},
        "lines": [each.as_json() for each in found.lines],
    }  # fmt: skip


def _line(line: Line, days: int, limit: Decimal | None, *, whole: bool, steps: bool) -> dict[str, Any]:
    stored, ahead = line.stored, line.outlook
    made: dict[str, Any] = {
        "value": None if whole else line.value,
        "spent": plain(line.spent),
        "method": stored.method if stored else None,
        "month": None,
        "ahead": None,
    }
    if ahead is not None:
        made["month"] = {
            "expected": plain(ahead.expected),
            "bands": {str(band): [plain(each) for each in ahead.band(band)] for band in BANDS},
        }
        if limit is not None:
            reached = [each.isoformat(timespec="minutes") if each else None for each in ahead.reaches(limit)]
            made["limit"] = {
                "amount": plain(limit),
                "chance_over": ahead.chance_over(limit),
                **dict(zip(("expected_at", "earliest_at", "latest_at"), reached, strict=True)),
            }
    if stored is not None:
        reach = min(days, stored.horizon)
        made["ahead"] = {
            "days": reach,
            "expected": plain(stored.total(reach).quantize(Decimal("0.000001"))),
            "bands": {str(band): [_short(each) for each in stored.total_band(reach, band)] for band in BANDS},
        }
        if steps:
            made["steps"] = _steps(stored, reach)
    return made


def _steps(stored: Stored, days: int) -> list[dict[str, Any]]:
    return [
        {
            "day": (stored.begins + at * STEP["day"]).date().isoformat(),
            "mean": plain(stored.mean[at]),
            "quantiles": [_short(each[at]) for each in stored.steps],
            "sum_quantiles": [_short(each[at]) for each in stored.sums],
        }
        for at in range(days)
    ]


def _history(engine: Engine, project: str, until: datetime) -> list[dict[str, str]]:
    start = until.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=HISTORY_DAYS)
    scope = Scope(project, start, start + timedelta(days=HISTORY_DAYS))
    days = _days(engine, scope, Bucketing(ZoneInfo("UTC"), step=buckets.DAY))
    return [{"day": day.date().isoformat(), "spent": plain(spent)} for day, spent in since_first(days)]


def since_first(days: Sequence[tuple[datetime, Decimal]]) -> Sequence[tuple[datetime, Decimal]]:
    """The days from the first on that has spend: before it there was nothing to be forecast from."""
    first = next((at for at, (_, spent) in enumerate(days) if spent), len(days))
    return days[first:]


def _days(engine: Engine, scope: Scope, by: Bucketing) -> list[tuple[datetime, Decimal]]:
    frame = books(engine, scope, (), by, sums=("cost_usd",))
    known = dict(zip(frame["bucket"].to_list(), frame["cost_usd"].to_list(), strict=True))
    return [(day, known.get(day, Decimal(0))) for day in by.starts(scope.start, scope.end)]


def _short(value: float) -> str:
    return plain(Decimal(f"{value:.6g}"))


def _checked(by: str, days: int) -> None:
    if by and by not in DIMENSIONS:
        raise Unforeseen(f"no forecast is made by {by!r}; choose from {', '.join(DIMENSIONS)}.")
    if not 1 <= days <= LONGEST:
        raise Unforeseen(f"forecasts reach 1 to {LONGEST} days ahead, not {days}.")
