"""Forecasts that were made, for pages, API and command line: the newest, the month's end, and how they turned out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from string import Template
from typing import Any, Final
from zoneinfo import ZoneInfo

from spanledger_store.control.budgets import plain
from spanledger_store.engine import Engine
from spanledger_store.outlook.forecasts import BANDS, DIMENSIONS, EVEN, Grain, Outlook, Stored, outlook
from spanledger_store.periods import Period, Window, window
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import DAY, Bucketing
from spanledger_store.scope import Dimension, Scope, whole_hours
from spanledger_store.sql import load

AHEAD: Final = (1, 7, 14, 31, 60, 90)
"""Ends of the groups of horizons, in days, by which forecasts are held against what came."""
TOTAL: Final = ""
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """A slice's month: what it has spent, where it ends and its forecast, both None where none was made."""

    value: str
    spent: Decimal
    outlook: Outlook | None
    stored: Stored | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How forecasts of days up to `ahead` days ahead turned out; the shares are None where nothing came."""

    ahead: int
    targets: int
    forecast: Decimal
    actual: Decimal
    wape: float | None
    within: Mapping[int, float]

    def as_json(self) -> dict[str, Any]:
        """The line as JSON takes it: amounts as strings of all their digits."""
        return {
            "days_ahead": self.ahead,
            "targets": self.targets,
            "forecast": plain(self.forecast),
            "actual": plain(self.actual),
            "wape": None if self.wape is None else round(self.wape, 6),
            **{f"within_{band}": round(share, 6) for band, share in self.within.items()},
        }


@dataclass(frozen=True, slots=True)
class MonthSaid:
    """What the forecast that began on a day said of its month, and what the month came to."""

    begins: datetime
    month: datetime
    expected: Decimal
    low: Decimal
    high: Decimal
    actual: Decimal

    def as_json(self) -> dict[str, Any]:
        """The line as JSON takes it."""
        return {
            "said_at": self.begins.isoformat(),
            "month": f"{self.month:%Y-%m}",
            "expected": plain(self.expected),
            "low_90": plain(self.low),
            "high_90": plain(self.high),
            "actual": plain(self.actual),
        }


def newest(engine: Engine, project: str, now: datetime, grain: Grain = "day") -> tuple[datetime, datetime] | None:
    """When the project's newest forecasts begin, and when they were made; None where there are none yet."""
    found = engine.rows(load("forecasts_newest"), {"project": project, "grain": grain, "until": now})
    return (found[0][0].replace(tzinfo=UTC), found[0][1].replace(tzinfo=UTC)) if found else None


def made(
    engine: Engine,
    project: str,
    begins: datetime,
    dimension: str = TOTAL,
    values: Sequence[str] = (),
    grain: Grain = "day",
) -> list[Stored]:
    """The forecasts that begin at a moment, of everything or of the values of a dimension, the dearest first."""
    _known(dimension)
    params = {"project": project, "grain": grain, "begins": begins, "dimension": dimension, "values": list(values)}
    return [
        Stored(value, begins, at.replace(tzinfo=UTC), method, origins, mean, steps, sums)
        for value, at, method, origins, mean, steps, sums in engine.rows(load("forecasts_made"), params)
    ]


def means(
    engine: Engine, project: str, begins: datetime, until: datetime, dimension: str = TOTAL, values: Sequence[str] = ()
) -> dict[str, Stored]:
    """Value -> its forecast by day up to a moment, without bands: cheap for any number of values."""
    _known(dimension)
    days = max(0, min(math.ceil((until - begins) / timedelta(days=1)), _LONGEST))
    params = {"project": project, "begins": begins, "dimension": dimension, "values": list(values), "days": days}
    return {
        value: Stored(value, begins, begins, "", 0, mean, (), ())
        for value, mean in engine.rows(load("forecasts_means"), params)
    }


def month(
    engine: Engine, project: str, now: datetime, zone: ZoneInfo, dimension: str = TOTAL, values: Sequence[str] = ()
) -> tuple[Window, list[Line]]:
    """The month of `now` in the zone's calendar, and where everything, or each value of a dimension, ends it.

    The dearest to be first. Spent is the ledger's, to the hour of now; where the zone's month cuts UTC hours it is
    widened to them.
    """
    _known(dimension)
    of = window(Period.MONTH, zone, now)
    first, last = whole_hours(of.start, max(now, of.start + timedelta(hours=1)))
    filters = {Dimension(dimension): tuple(values)} if dimension and values else {}
    by = [Dimension(dimension)] if dimension else []
    frame = books(engine, Scope(project, first, last, filters), by, sums=("cost_usd",))
    named = [str(each) for each in frame[dimension].to_list()] if dimension else [TOTAL] * len(frame)
    spent = dict(zip(named, frame["cost_usd"].to_list(), strict=True))
    found = newest(engine, project, now)
    stored = {each.value: each for each in made(engine, project, found[0], dimension, values)} if found else {}
    shape = clock(engine, project, found[0]) if found else EVEN
    lines: list[Line] = []
    # Everything has a line, also before anything is spent.
    for value in sorted({*spent, *stored} if dimension else {TOTAL}):
        each, so_far = stored.get(value), spent.get(value, Decimal(0))
        ahead = outlook(each, so_far, now, of.end, shape) if each is not None else None
        lines.append(Line(value, so_far, ahead, each))
    lines.sort(key=lambda line: (-(line.outlook.expected if line.outlook else line.spent), line.value))
    return of, lines


def clock(engine: Engine, project: str, begins: datetime) -> tuple[float, ...]:
    """The share of each UTC hour in the day that begins there, as the forecast by hour has it; else all alike."""
    found = made(engine, project, begins, grain="hour")
    hours = [float(each) for each in found[0].mean[:24]] if found else []
    whole = sum(hours)
    return tuple(each / whole for each in hours) if len(hours) == 24 and whole > 0 else EVEN


def accuracy(engine: Engine, project: str, now: datetime, dimension: str = TOTAL, days: int = 180) -> list[Accuracy]:
    """How the forecasts made in the last days turned out, by how far ahead they spoke: of all values together.

    Only days that are over count. WAPE is the sum of absolute errors per that of what came.
    """
    _known(dimension)
    end = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    column = f"toString({Dimension(dimension).value})" if dimension else "''"
    params = {"project": project, "dimension": dimension, "groups": list(AHEAD),
              "start": end - timedelta(days=days), "end": end}  # fmt: skip
    lines: list[Accuracy] = []
    for ahead, targets, forecast, actual, missed, *within in engine.rows(
        Template(load("forecasts_accuracy")).substitute(value=column), params
    ):
        wape = float(missed / actual) if actual else None
        lines.append(
            Accuracy(
                int(ahead), int(targets), forecast, actual, wape, dict(zip(BANDS, map(float, within), strict=True))
            )
        )
    return lines


def months_said(engine: Engine, project: str, now: datetime, months: int = 6) -> list[MonthSaid]:
    """What the forecasts of everything said, day by day, of each of the last months that are over (UTC)."""
    zone = ZoneInfo("UTC")
    here = window(Period.MONTH, zone, now)
    start = here.start
    for _ in range(months):
        start = window(Period.MONTH, zone, start - timedelta(days=1)).start
    frame = books(engine, Scope(project, start, here.start), (), Bucketing(zone, step=DAY), sums=("cost_usd",))
    by_day = dict(zip(frame["bucket"].to_list(), frame["cost_usd"].to_list(), strict=True))
    said: list[MonthSaid] = []
    params = {"project": project, "start": start, "end": here.start}
    for begins, value, at, method, origins, mean, sums in engine.rows(load("forecasts_between"), params):
        day = begins.replace(tzinfo=UTC)
        of = window(Period.MONTH, zone, day)
        so_far = sum((by_day.get(at, Decimal(0)) for at in _days(of.start, day)), Decimal(0))
        # What it said of single days is not asked for.
        each = Stored(value, day, at.replace(tzinfo=UTC), method, origins, mean, (), sums)
        ahead = outlook(each, so_far, day, of.end)
        if ahead is not None:
            actual = sum((by_day.get(at, Decimal(0)) for at in _days(of.start, of.end)), Decimal(0))
            said.append(MonthSaid(day, of.start, ahead.expected, *ahead.band(90), actual))
    return said


def _days(start: datetime, end: datetime) -> list[datetime]:
    return [start + timedelta(days=at) for at in range((end - start).days)]


def _known(dimension: str) -> None:
    if dimension and dimension not in DIMENSIONS:
        raise ValueError(f"no forecast is made by {dimension!r}: choose from {', '.join(DIMENSIONS)}")
