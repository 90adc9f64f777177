"""Forecasts as documents: the same for the API and for a command line that reads the directory itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from spanledger_store.control.budgets import plain
from spanledger_store.engine import Engine
from spanledger_store.forecasts import BANDS, DIMENSIONS, STEP, Stored
from spanledger_store.reports import buckets, forecasts, scenarios
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Bucketing
from spanledger_store.reports.forecasts import Line
from spanledger_store.reports.scope import Scope
from spanledger_store.scenario import Scenario

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
    frame = books(engine, scope, (), Bucketing(ZoneInfo("UTC"), step=buckets.DAY), sums=("cost_usd",))
    known = dict(zip(frame["bucket"].to_list(), frame["cost_usd"].to_list(), strict=True))
    days = [start + timedelta(days=at) for at in range(HISTORY_DAYS)]
    first = next((at for at, day in enumerate(days) if day in known), len(days))
    return [{"day": day.date().isoformat(), "spent": plain(known.get(day, Decimal(0)))} for day in days[first:]]


def _short(value: float) -> str:
    return plain(Decimal(f"{value:.6g}"))


def _checked(by: str, days: int) -> None:
    if by and by not in DIMENSIONS:
        raise Unforeseen(f"no forecast is made by {by!r}; choose from {', '.join(DIMENSIONS)}.")
    if not 1 <= days <= LONGEST:
        raise Unforeseen(f"forecasts reach 1 to {LONGEST} days ahead, not {days}.")
