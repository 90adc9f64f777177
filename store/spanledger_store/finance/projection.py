"""Where a period's spend will end, from how it has begun: a rule of thumb, for periods and slices without forecasts.

The spend so far goes on as it has, at the pace that the hours of the week had in the last four weeks; without a week
of history, evenly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from spanledger_store.periods import Window

WEEKS: Final = timedelta(weeks=4)
# With less, most hours of the week have not been seen yet.
ENOUGH: Final = timedelta(weeks=1)
# Of a period: before that, one call decides everything.
TOO_EARLY: Final = 0.02
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Profile:
    """How much was spent in each hour of a zone's week: (weekday, Monday is 0; hour of the clock) -> US dollars."""

    zone: ZoneInfo
    weights: Mapping[tuple[int, int], float]

    def over(self, start: datetime, end: datetime) -> float:
        """The sum of the hours of a stretch, each weighted by how much of it lies within."""
        weights = self.weights
        return sum(weights.get(at, 0.0) * hours for at, hours in _hours(self.zone, start, end).items())


# Many budgets share a period.
@lru_cache(maxsize=64)
def _hours(zone: ZoneInfo, start: datetime, end: datetime) -> Mapping[tuple[int, int], float]:
    """How many hours of a stretch lie in each hour of the zone's week."""
    found: dict[tuple[int, int], float] = {}
    at, end = start.astimezone(UTC), end.astimezone(UTC)
    while at < end:
        local = at.astimezone(zone)
        left = timedelta(minutes=60 - local.minute, seconds=-local.second, microseconds=-local.microsecond)
        following = min(end, at + left)
        key = (local.weekday(), local.hour)
        found[key] = found.get(key, 0.0) + (following - at) / timedelta(hours=1)
        at = following
    return found


def projected(spent: Decimal | None, of: Window, now: datetime, profile: Profile | None) -> Decimal | None:
    """US dollars at the end of the period, to the cent; None where the spend is unknown or has hardly begun.

    `profile` is None without a week of history. Never less than what is spent already.
    """
    elapsed = (now - of.start) / of.length
    if spent is None or elapsed < TOO_EARLY:
        return None
    if elapsed >= 1 or not spent:
        return spent.quantize(_CENT)
    so_far = profile.over(of.start, now) if profile else 0.0
    rest = profile.over(now, of.end) / so_far if profile and so_far > 0 else (1 - elapsed) / elapsed
    return (spent + spent * Decimal(repr(rest))).quantize(_CENT)
