"""What people ask of spend, in words, made into what the reports take; the same for command line and API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from spanledger_store.control.currencies import DOLLAR
from spanledger_store.errors import StoreError
from spanledger_store.scope import Dimension, Scope

UNATTRIBUTED: Final = "(unattributed)"
"""How a value is written that calls do not name."""


class SpendInvalid(StoreError):
    """Something was asked of spend that cannot be; the message names it, and says what can."""


class SpendBy(StrEnum):
    """What spend can be split by; from `hour` on times in the zone asked for, and the last by rules of the user's."""

    CUSTOMER = "customer"
    FEATURE = "feature"
    TEAM = "team"
    PROVIDER = "provider"
    MODEL = "model"
    PROMPT = "prompt"
    ENVIRONMENT = "environment"
    RELEASE = "release"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    CENTER = "center"


TIMES: Final = (SpendBy.HOUR, SpendBy.DAY, SpendBy.MONTH, SpendBy.YEAR)
"""From the finest on."""
FILTERS: Final = (
    Dimension.CUSTOMER, Dimension.FEATURE, Dimension.TEAM, Dimension.PROVIDER, Dimension.MODEL, Dimension.ENVIRONMENT,
    Dimension.RELEASE,
)  # fmt: skip
"""What spend can be narrowed to."""

# Nothing is stored of any year before 2000, and the engine knows none before 1970.
_EARLIEST: Final = datetime(1971, 1, 1, tzinfo=UTC)
_NONE: Final[Mapping[Dimension, tuple[str, ...]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SpendRequest:
    """Spend of a project in [start, end), on full UTC hours, split, narrowed and in a currency."""

    project: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    by: tuple[SpendBy, ...]
    filters: Mapping[Dimension, tuple[str, ...]] = field(default_factory=lambda: _NONE)
    currency: str = DOLLAR

    @property
    def scope(self) -> Scope:
        """The calls it is about."""
        return Scope(self.project, self.start, self.end, self.filters)

    @property
    def times(self) -> tuple[SpendBy, ...]:
        """The times among what it is split by, in their order."""
        return tuple(each for each in self.by if each in TIMES)


def request(
    *,
    project: str,
    by: str,
    start: str | None,
    end: str | None,
    zone: str,
    filters: Mapping[str, Sequence[str]],
    currency: str = DOLLAR,
    now: datetime | None = None,
) -> SpendRequest:
    """The request that these words make; without `start` the current month, without `end` up to the next full hour.

    Raises SpendInvalid.
    """
    where = zone_named(zone)
    dimensions = dimensions_of(by)
    moment = (now or datetime.now(UTC)).astimezone(where)
    first = moment_of(start, where, "from") if start else _midnight(moment.date().replace(day=1), where)
    last = moment_of(end, where, "to") if end else _next_hour(moment)
    if not first < last:
        raise SpendInvalid(
            f"from {first.isoformat()} is not before to {last.isoformat()}. Swap them, or leave one out."
        )
    timed = any(each in TIMES for each in dimensions)
    for each in (first, last):
        if each.timestamp() % 3600 or (timed and _fraction(each)):
            raise SpendInvalid(
                f"the ledger keeps whole UTC hours, and {each.isoformat()} in {zone} begins between two of them. "
                "Use the zone UTC, or sum up the table `spans` with: spanledger query"
            )
    if SpendBy.CENTER in dimensions and SpendBy.HOUR in dimensions:
        raise SpendInvalid("cost centres are kept by the day, so center and hour do not go together. Use day,center.")
    return SpendRequest(
        project,
        max(first.astimezone(UTC), _EARLIEST),
        last.astimezone(UTC),
        where,
        dimensions,
        _filters(filters),
        currency.upper(),
    )


def dimensions_of(text: str) -> tuple[SpendBy, ...]:
    """The dimensions of a comma-separated list. Raises SpendInvalid."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    known = {each.value: each for each in SpendBy}
    unknown = [name for name in names if name not in known]
    if unknown or not names or len(set(names)) < len(names):
        problem = f"by {text!r} names {unknown[0]!r}" if unknown else f"by {text!r} is empty or repeats itself"
        raise SpendInvalid(f"{problem}. Choose from: {', '.join(known)}.")
    return tuple(known[name] for name in names)


def zone_named(name: str) -> ZoneInfo:
    """The time zone of that name. Raises SpendInvalid."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SpendInvalid(
            f"{name!r} is no time zone; use a name such as UTC, Europe/Berlin or America/New_York."
        ) from error


def moment_of(text: str, zone: ZoneInfo, what: str) -> datetime:
    """The moment that a date or an ISO time names, in the zone where it has none. Raises SpendInvalid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SpendInvalid(f"{what} {text!r} is no time; use 2026-01-31 or 2026-01-31T08:00.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _filters(wanted: Mapping[str, Sequence[str]]) -> Mapping[Dimension, tuple[str, ...]]:
    known = {each.value: each for each in FILTERS}
    if unknown := [name for name in wanted if name not in known]:
        raise SpendInvalid(f"spend cannot be narrowed by {unknown[0]!r}. Choose from: {', '.join(known)}.")
    return {
        known[name]: tuple("" if value == UNATTRIBUTED else value for value in values)
        for name, values in wanted.items()
        if values
    }


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _next_hour(moment: datetime) -> datetime:
    following = moment.astimezone(UTC) + timedelta(hours=1)
    return following.replace(minute=0, second=0, microsecond=0).astimezone(moment.tzinfo)


def _fraction(moment: datetime) -> bool:
    offset = moment.utcoffset()
    return offset is not None and bool(offset % timedelta(hours=1))
