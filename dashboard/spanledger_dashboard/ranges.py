"""Stretches of time people choose: presets relative to now, or two moments in their own zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from spanledger_dashboard.errors import BadView
from spanledger_store.scope import whole_hours

LONGEST = timedelta(days=800)


@dataclass(frozen=True, slots=True)
class Range:
    """A half-open stretch in UTC, with the words that name it."""

    start: datetime
    end: datetime
    label: str
    before: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A range that moves with the clock."""

    label: str
    before: str
    find: Callable[[datetime, ZoneInfo], tuple[datetime, datetime]]


def _last(length: timedelta) -> Callable[[datetime, ZoneInfo], tuple[datetime, datetime]]:
    def find(now: datetime, _zone: ZoneInfo) -> tuple[datetime, datetime]:
        if length < timedelta(days=1):
            end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
            return end - length, end
        # From a day on, whole hours: the ledger then answers, and the current hour counts.
        end = whole_hours(now, now + timedelta(microseconds=1))[1]
        return end - length, end

    return find


def _month(now: datetime, zone: ZoneInfo, back: int) -> datetime:
    day = now.astimezone(zone).date().replace(day=1)
    for _ in range(back):
        day = (day - timedelta(days=1)).replace(day=1)
    return datetime.combine(day, time(), zone).astimezone(UTC)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "15m": Preset("Last 15 minutes", "previous 15 minutes", _last(timedelta(minutes=15))),
        "1h": Preset("Last hour", "previous hour", _last(timedelta(hours=1))),
        "6h": Preset("Last 6 hours", "previous 6 hours", _last(timedelta(hours=6))),
        "24h": Preset("Last 24 hours", "previous 24 hours", _last(timedelta(hours=24))),
        "7d": Preset("Last 7 days", "previous 7 days", _last(timedelta(days=7))),
        "14d": Preset("Last 14 days", "previous 14 days", _last(timedelta(days=14))),
        "30d": Preset("Last 30 days", "previous 30 days", _last(timedelta(days=30))),
        "mtd": Preset(
            "Month to date",
            "same length before",
            lambda now, zone: (_month(now, zone, 0), whole_hours(now, now + timedelta(microseconds=1))[1]),
        ),
        "last_month": Preset(
            "Last month", "same length before", lambda now, zone: (_month(now, zone, 1), _month(now, zone, 0))
        ),
    }
)
DEFAULT = "7d"


def zone_named(name: str) -> ZoneInfo:
    """The time zone of that name, or UTC where this machine does not know it."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def preset(name: str, now: datetime, zone: ZoneInfo) -> Range:
    """The stretch a preset means at `now`. Raises BadView for an unknown name."""
    if name not in PRESETS:
        raise BadView(f"range={name}: no such range; one of {', '.join(PRESETS)} is")
    found = PRESETS[name]
    start, end = found.find(now, zone)
    return Range(start, end, found.label, found.before)


def absolute(first: str, last: str, zone: ZoneInfo) -> Range:
    """The stretch between two local moments (`2026-11-01T00:00`). Raises BadView where it is none."""
    try:
        start, end = (datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC) for text in (first, last))
    except (ValueError, OverflowError) as error:
        raise BadView(f"from={first} to={last}: not two dates like 2026-11-01T00:00") from error
    if start >= end:
        raise BadView(f"from={first} to={last}: the end does not come after the start")
    if end - start > LONGEST:
        raise BadView(f"from={first} to={last}: longer than {LONGEST.days} days")
    return Range(start, end, span_text(start, end, zone), "same length before")


def span_text(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Two moments as people write them: `13–20 Nov 2026`, or with hours where they matter."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if (first.hour, first.minute, last.hour, last.minute) == (0, 0, 0, 0):
        last -= timedelta(days=1)
        if first.date() == last.date():
            return f"{first:%-d %b %Y}"
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day}–{last:%-d %b %Y}"
        return f"{first:%-d %b} – {last:%-d %b %Y}"
    if first.date() == last.date():
        return f"{first:%-d %b %Y, %H:%M}–{last:%H:%M}"
    return f"{first:%-d %b, %H:%M} – {last:%-d %b %Y, %H:%M}"
