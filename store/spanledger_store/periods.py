"""Periods of the calendar in a time zone: where each begins and ends, whatever the zone's clocks do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class Period(StrEnum):
    """A stretch that returns; weeks begin on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Window:
    """One period: from `start` to `end`, which is not in it, both UTC."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it really lasts: a day of a clock change has 23 or 25 hours."""
        return self.end - self.start


def window(period: Period, zone: ZoneInfo, moment: datetime) -> Window:
    """The period of the zone's calendar that `moment` (aware) lies in; windows touch and never overlap.

    Hours are counted from local midnight, so that an odd clock change shortens the day's last hour.
    """
    day = moment.astimezone(zone).date()
    if period is Period.HOUR:
        midnight, following = _midnight(day, zone), _midnight(day + _DAY, zone)
        start = midnight + (moment.astimezone(UTC) - midnight) // _HOUR * _HOUR
        return Window(start, min(start + _HOUR, following))
    first = _first(period, day)
    return Window(_midnight(first, zone), _midnight(_first(period, first + _LONGER[period]), zone))


def before(period: Period, zone: ZoneInfo, current: Window) -> Window:
    """The period that ends where `current` begins."""
    return window(period, zone, current.start - timedelta(microseconds=1))


# From the first day of a period, a step that leads into the next one and not beyond it.
_LONGER = {
    Period.DAY: _DAY,
    Period.WEEK: 7 * _DAY,
    Period.MONTH: 31 * _DAY,
    Period.QUARTER: 92 * _DAY,
    Period.YEAR: 366 * _DAY,
}


def _first(period: Period, day: date) -> date:
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    if period is Period.MONTH:
        return day.replace(day=1)
    if period is Period.QUARTER:
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1) if period is Period.YEAR else day


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # A midnight that a clock change skips is the moment of the change; one that happens twice is the first of them.
    return datetime.combine(day, time(), zone).astimezone(UTC)
