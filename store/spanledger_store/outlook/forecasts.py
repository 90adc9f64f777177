"""Forecasts as they were made: writing them, and what follows from one for a period that has begun.

forecasts.save(engine, "default", "day", midnight, made_at, rows)
ahead = forecasts.outlook(stored, spent, now, end_of_month)
ahead.expected, ahead.band(90), ahead.chance_over(Decimal(500)), ahead.reaches(Decimal(500))
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, islice, pairwise
from typing import Final, Literal

from spanledger_store.engine import Engine
from spanledger_store.sql import load

Grain = Literal["day", "hour"]
LEVELS: Final = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
BANDS: Final = (50, 80, 90)
DIMENSIONS: Final = ("customer", "feature", "team", "provider", "model", "environment")
"""What forecasts are made by, beside that of everything; the dimension of which is ''."""

STEP: Final[dict[Grain, timedelta]] = {"day": timedelta(days=1), "hour": timedelta(hours=1)}
_NAMES: Final = ("05", "10", "25", "50", "75", "90", "95")
_ROWS: Final = 2_000
_MICRO: Final = Decimal("0.000001")
# Spend is as likely at any hour where nothing is known of the day's shape.
EVEN: Final = (1 / 24,) * 24


@dataclass(frozen=True, slots=True)
class Stored:
    """One forecast: of `value` of a dimension over the steps after `begins`.

    `mean` is exact, so that it adds up; `steps` and `sums` hold per level of LEVELS the quantiles of each step and of
    the sum of the steps so far, in US dollars.
    """

    value: str
    begins: datetime
    made_at: datetime
    method: str
    origins: int
    mean: Sequence[Decimal]
    steps: Sequence[Sequence[float]]
    sums: Sequence[Sequence[float]]

    @property
    def horizon(self) -> int:
        """Steps it covers."""
        return len(self.mean)

    def total(self, steps: int) -> Decimal:
        """The sum of the first steps, exactly."""
        return sum(self.mean[:steps], Decimal(0))

    def total_band(self, steps: int, band: int) -> tuple[float, float]:
        """Where that sum will be, as likely as the band says in per cent."""
        low, high = ends(band)
        return self.sums[low][steps - 1], self.sums[high][steps - 1]


@dataclass(frozen=True, slots=True)
class Made:
    """A forecast that is to be stored: as `Stored`, of one slice."""

    dimension: str
    value: str
    method: str
    origins: int
    mean: Sequence[Decimal]
    steps: Sequence[Sequence[float]]
    sums: Sequence[Sequence[float]]


def ends(band: int) -> tuple[int, int]:
    """Indices in LEVELS of the ends of a band. Raises ValueError for one that is not kept."""
    if band not in BANDS:
        raise ValueError(f"there is no band of {band} %; choose from {', '.join(map(str, BANDS))}")
    return {50: (2, 4), 80: (1, 5), 90: (0, 6)}[band]


def save(engine: Engine, project: str, grain: Grain, begins: datetime, made_at: datetime, rows: Iterable[Made]) -> int:
    """Store all forecasts of a project that begin at one moment, in place of earlier ones for that moment; how many."""
    # As the store keeps it: what was made now must not look older than itself.
    made_at = made_at.replace(microsecond=made_at.microsecond // 1000 * 1000)
    coming, count = iter(rows), 0
    # A part at a time, so that as little as that is in memory as Python's numbers.
    while part := list(islice(coming, _ROWS)):
        columns: dict[str, list[object]] = {
            "project_id": [project] * len(part),
            "grain": [grain] * len(part),
            "begins": [begins] * len(part),
            "dimension": [each.dimension for each in part],
            "value": [each.value for each in part],
            "made_at": [made_at] * len(part),
            "method": [each.method for each in part],
            "origins": [each.origins for each in part],
            "mean": [list(each.mean) for each in part],
        }
        for at, name in enumerate(_NAMES):
            columns[f"q{name}"] = [list(each.steps[at]) for each in part]
            columns[f"s{name}"] = [list(each.sums[at]) for each in part]
        token = f"forecast-{project}-{grain}-{begins.isoformat()}-{made_at.isoformat()}-{count}"
        engine.insert("forecast_rows", columns, token)
        count += len(part)
    older = {"project": project, "grain": grain, "begins": begins, "made_at": made_at}
    if engine.rows(load("forecasts_older"), older)[0][0]:
        engine.command(load("forecasts_withdraw"), older, {"mutations_sync": 2})
    return count


def forget(engine: Engine, project: str, customer: str) -> int:
    """Remove every forecast of a customer from every readable part; how many there were."""
    named = {"project": project, "value": customer, "run": f"forecasts-{secrets.token_hex(8)}"}
    count = int(engine.rows(load("forecasts_named"), {"project": project, "value": customer})[0][0])
    if count:
        try:
            engine.command(load("forecasts_stage"), named)
            engine.command(load("forecasts_forget"), {"project": project, "run": named["run"]}, {"mutations_sync": 2})
        finally:
            engine.command(load("deletion_clear"), {"run": named["run"]}, {"mutations_sync": 2})
    return count


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a period ends: what is spent and the forecast of the rest.

    `spent` is exact; `expected` is it and a rest of six places; `quantiles` are of the period's whole spend at LEVELS.
    `days` are moments and expected spend at them, from now to the end.
    """

    spent: Decimal
    expected: Decimal
    quantiles: Sequence[float]
    end: datetime
    days: Sequence[tuple[datetime, float]]
    likely: Sequence[Sequence[float]]

    def band(self, percent: int) -> tuple[Decimal, Decimal]:
        """Where the spend will be at the end, as likely as that; never below what is spent."""
        low, high = ends(percent)
        made = [Decimal(repr(self.quantiles[at])).quantize(_MICRO) for at in (low, high)]
        return max(made[0], self.spent), max(made[1], self.spent)

    def chance_over(self, limit: Decimal) -> float:
        """How likely the period ends above the limit: 1 where it is above already."""
        if self.spent > limit:
            return 1.0
        return round(1 - _share_below(float(limit), self.quantiles, float(self.spent)), 4)

    def reaches(self, limit: Decimal) -> tuple[datetime | None, datetime | None, datetime | None]:
        """When the limit is reached: as expected, and the earliest and latest of 80 %; None for not in this period."""
        low, high = ends(80)
        early = _crossing(
            float(limit), [(at, each[high]) for (at, _), each in zip(self.days, self.likely, strict=True)]
        )
        late = _crossing(float(limit), [(at, each[low]) for (at, _), each in zip(self.days, self.likely, strict=True)])
        return self.reached(limit), early, late

    def reached(self, limit: Decimal) -> datetime | None:
        """When the limit is reached as expected; None for not in this period."""
        return _crossing(float(limit), self.days)


def outlook(
    stored: Stored, spent: Decimal, now: datetime, end: datetime, shape: Sequence[float] = EVEN
) -> Outlook | None:
    """Where a period that ends at `end` will be, of which `spent` is spent until `now`; None beyond the horizon.

    From a forecast by day that began before now: what it expects of the days to come, and of today what its hours still
    have by `shape` (the share of each UTC hour of a day). The band narrows as the period passes.
    """
    until = (end - stored.begins) / STEP["day"]
    if until > stored.horizon:
        return None
    mean = [0.0, *accumulate(float(each) for each in stored.mean)]
    sums = [[0.0, *each] for each in stored.sums]
    clock = [0.0, *accumulate(shape)]
    gone = max(0.0, (now - stored.begins) / STEP["day"])
    until = max(until, gone)
    whole = _at(mean, until, clock)
    passed = _at(mean, gone, clock)

    def spread(day: float) -> list[float]:
        here = _at(mean, day, clock)
        # Errors of the days that are over are known: what is left of the spread is that of what is left.
        left = math.sqrt(max(0.0, here - passed) / here) if here > 0 else 0.0
        rest = here - passed
        return [float(spent) + max(0.0, rest + (_at(each, day, clock) - here) * left) for each in sums]

    marks = [gone, *(float(day) for day in range(math.floor(gone) + 1, math.ceil(until))), until]
    days = [(stored.begins + day * STEP["day"], float(spent) + _at(mean, day, clock) - passed) for day in marks]
    rest = Decimal(repr(whole - passed)).quantize(_MICRO)
    return Outlook(
        spent=spent,
        expected=spent + max(rest, Decimal(0)),
        quantiles=spread(until),
        end=end,
        days=days,
        likely=[spread(day) for day in marks],
    )


def _at(cumulated: Sequence[float], day: float, clock: Sequence[float]) -> float:
    """A running sum (0 first) at a moment within a day, which passes as the clock's shares do."""
    whole = min(int(day), len(cumulated) - 1)
    if whole == len(cumulated) - 1:
        return cumulated[-1]
    hours = (day - whole) * 24
    hour = min(int(hours), 23)
    share = clock[hour] + (clock[hour + 1] - clock[hour]) * (hours - hour)
    return cumulated[whole] + (cumulated[whole + 1] - cumulated[whole]) * share


def _share_below(limit: float, quantiles: Sequence[float], floor: float) -> float:
    """The distribution function through the quantiles, with exponential tails beyond them; none below the floor."""
    low, high = quantiles[0], quantiles[-1]
    if limit >= high:
        size = max((high - quantiles[-3]) / math.log(0.25 / 0.05), 1e-12 * max(abs(high), 1e-12))
        return 1 - 0.05 * math.exp(-(limit - high) / size) if high > floor else 1.0
    if limit < low:
        size = max((quantiles[2] - low) / math.log(0.25 / 0.05), 1e-12 * max(abs(low), 1e-12))
        return 0.05 * math.exp(-(low - limit) / size)
    for (below, left), (above, right) in pairwise(zip(LEVELS, quantiles, strict=True)):
        if limit < right:
            return below + (above - below) * (limit - left) / (right - left)
    return LEVELS[-1]


def _crossing(limit: float, days: Sequence[tuple[datetime, float]]) -> datetime | None:
    if days[0][1] >= limit:
        return days[0][0].astimezone(UTC)
    for (at, before), (following, after) in pairwise(days):
        if after >= limit:
            return (at + (following - at) * ((limit - before) / (after - before))).astimezone(UTC)
    return None
