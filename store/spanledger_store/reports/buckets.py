"""Stretches of time that a report sums over: fixed steps, or the calendar of a time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = 60, 3600, 86400

# Longest stretch (seconds) -> step (seconds): about 60 to 200 points on a chart.
_STEPS = ((HOUR, MINUTE), (6 * HOUR, 5 * MINUTE), (13 * HOUR, 10 * MINUTE), (8 * DAY, HOUR), (40 * DAY, 6 * HOUR))


class Calendar(StrEnum):
    """Buckets that follow a zone's calendar, whatever its clock changes do."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_CALENDAR_SQL = {
    Calendar.DAY: "toUnixTimestamp(toStartOfDay(at, {tz:String}))",
    Calendar.WEEK: "toUnixTimestamp(toDateTime(toStartOfWeek(at, 1, {tz:String}), {tz:String}))",
    Calendar.MONTH: "toUnixTimestamp(toDateTime(toStartOfMonth(at, {tz:String}), {tz:String}))",
}
_STEP_SQL = "intDiv(toInt64(toUnixTimestamp(at)) + {shift:Int64}, {step:Int64}) * {step:Int64} - {shift:Int64}"


@dataclass(frozen=True, slots=True)
class Bucketing:
    """How a stretch is cut: `step` seconds counted from local midnight, or a `calendar` unit of `zone`."""

    zone: ZoneInfo
    step: int = 0
    calendar: Calendar | None = None
    shift: int = 0

    @property
    def sql(self) -> str:
        """An expression over the column `at` that yields a bucket's start in Unix seconds."""
        return _CALENDAR_SQL[self.calendar] if self.calendar else _STEP_SQL

    @property
    def params(self) -> dict[str, object]:
        """Parameters of `sql`."""
        return {"tz": self.zone.key} if self.calendar else {"step": self.step, "shift": self.shift}

    @property
    def whole_hours(self) -> bool:
        """True where no bucket of a zone begins within a UTC hour, so that the ledger's hours fit into it."""
        if self.calendar:
            return not any(
                offset.total_seconds() % HOUR
                for offset in (self.zone.utcoffset(datetime(2026, m, 1)) or timedelta() for m in (1, 7))  # noqa: DTZ001
            )
        return self.step % HOUR == 0 and self.shift % HOUR == 0

    def starts(self, start: datetime, end: datetime) -> list[datetime]:
        """The start of every bucket that touches [start, end), in UTC."""
        return list(self._calendar(start, end) if self.calendar else self._steps(start, end))

    def _steps(self, start: datetime, end: datetime) -> Iterator[datetime]:
        moment = (int(start.timestamp()) + self.shift) // self.step * self.step - self.shift
        while moment < end.timestamp():
            yield datetime.fromtimestamp(moment, UTC)
            moment += self.step

    def _calendar(self, start: datetime, end: datetime) -> Iterator[datetime]:
        day = start.astimezone(self.zone).date()
        if self.calendar is Calendar.WEEK:
            day -= timedelta(days=day.weekday())
        elif self.calendar is Calendar.MONTH:
            day = day.replace(day=1)
        while (moment := datetime.combine(day, time(), self.zone).astimezone(UTC)) < end:
            yield moment
            day = self._next(day)

    def _next(self, day: date) -> date:
        if self.calendar is Calendar.MONTH:
            return (day + timedelta(days=32)).replace(day=1)
        return day + timedelta(days=7 if self.calendar is Calendar.WEEK else 1)


@dataclass(frozen=True, slots=True)
class Cuts:
    """Buckets that begin at given moments (aware, whole seconds, at least one); what lies before the first is its."""

    moments: tuple[datetime, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "moments", tuple(sorted({each.astimezone(UTC) for each in self.moments})))

    @property
    def sql(self) -> str:
        """An expression over the column `at` that yields a bucket's start in Unix seconds."""
        return "roundDown(toInt64(toUnixTimestamp(at)), {cuts:Array(Int64)})"

    @property
    def params(self) -> dict[str, object]:
        """Parameters of `sql`."""
        return {"cuts": [int(each.timestamp()) for each in self.moments]}

    @property
    def whole_hours(self) -> bool:
        """True where every bucket begins at a full UTC hour."""
        return not any(each.minute or each.second or each.microsecond for each in self.moments)

    def starts(self, start: datetime, end: datetime) -> list[datetime]:
        """The start of every bucket that touches [start, end), in UTC."""
        later = [each for each in self.moments if start < each < end]
        before = [each for each in self.moments if each <= start]
        return [*(before[-1:] or self.moments[:1] if start < end else ()), *later]


def automatic(start: datetime, end: datetime, zone: ZoneInfo) -> Bucketing:
    """A bucketing that gives a chart of this stretch a readable number of points."""
    length = (end - start).total_seconds()
    for longest, step in _STEPS:
        if length <= longest:
            return fixed(step, start, zone)
    return Bucketing(zone, calendar=Calendar.DAY)


def fixed(step: int, start: datetime, zone: ZoneInfo) -> Bucketing:
    """Buckets of `step` seconds aligned to the zone's midnight at `start`; never finer than its offset allows."""
    offset = int((start.astimezone(zone).utcoffset() or timedelta()).total_seconds())
    # Six-hour steps should begin at local midnight, hours at the full hour of UTC, where the ledger's rows lie.
    shift = offset % step if step > HOUR and offset % HOUR == 0 else 0
    return Bucketing(zone, step=step, shift=shift)
