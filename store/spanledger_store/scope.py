"""What a report is about: a project, a stretch of time and filters; and which table can answer exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from string import Template
from types import MappingProxyType
from typing import Any

from spanledger_store.sql import load

NO_FILTERS: Mapping[Dimension, tuple[str, ...]] = MappingProxyType({})


class Dimension(StrEnum):
    """What spans can be filtered by; the value is the column, and the URL's parameter."""

    CUSTOMER = "customer"
    FEATURE = "feature"
    TEAM = "team"
    PROVIDER = "provider"
    MODEL = "model"
    PROMPT_VERSION = "prompt_version"
    RELEASE = "release"
    ENVIRONMENT = "environment"
    USER = "user"
    STATUS = "status"
    TAG = "tag"


LEDGER_DIMENSIONS = frozenset(Dimension) - {Dimension.USER, Dimension.STATUS, Dimension.TAG}
"""Dimensions the ledger keeps. The others live on spans alone."""

_CONDITIONS: Mapping[Dimension, str] = MappingProxyType(
    {
        **{d: f"`{d.value}` IN {{f_{d.value}:Array(String)}}" for d in Dimension if d is not Dimension.TAG},
        Dimension.TAG: "hasAny(tags, {f_tag:Array(String)})",
    }
)

_LEDGER_PARTS = {
    "percentiles": "quantilesTDigestMerge(0.5, 0.95, 0.99)(duration_digest)",
}
_SPAN_PARTS = {
    "percentiles": "quantilesTDigestIf(0.5, 0.95, 0.99)(ifNull(duration_ns, 0), isNotNull(duration_ns))",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """A project, a half-open stretch of UTC time, and filters: values of one dimension are alternatives.

    `Scope("default", start, end, {Dimension.CUSTOMER: ("Acme",)})`
    """

    project: str
    start: datetime
    end: datetime
    filters: Mapping[Dimension, tuple[str, ...]] = field(default_factory=lambda: NO_FILTERS)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError(f"a scope needs times with a zone, got {self.start!r} and {self.end!r}")

    @property
    def on_ledger(self) -> bool:
        """True where the ledger answers exactly: whole UTC hours, and only dimensions that it keeps."""
        return _whole_hour(self.start) and _whole_hour(self.end) and all(d in LEDGER_DIMENSIONS for d in self._active())

    def previous(self) -> Scope:
        """The stretch of equal length that ends where this one starts."""
        return Scope(self.project, self.start - (self.end - self.start), self.start, self.filters)

    def without(self, dimension: Dimension) -> Scope:
        """The same scope, not filtered by `dimension`."""
        rest = {d: v for d, v in self.filters.items() if d is not dimension}
        return Scope(self.project, self.start, self.end, rest)

    def conditions(self) -> list[str]:
        """SQL conditions of the filters alone, in a fixed order."""
        return [_CONDITIONS[d] for d in Dimension if d in self._active()]

    def params(self, **more: Any) -> dict[str, Any]:
        """Parameters for every fragment a scope yields, plus `more`."""
        values: dict[str, Any] = {"project": self.project, "start": self.start, "end": self.end}
        values.update({f"f_{d.value}": list(self.filters[d]) for d in self._active()})
        return values | more

    def fragments(self, *, ledger: bool | None = None) -> dict[str, str]:
        """`${source}`, `${where}` and `${percentiles}` for the queries that read calls.

        The ledger is taken where it is exact; `ledger` forces a choice, which is for tests that compare both.
        """
        use_ledger = self.on_ledger if ledger is None else ledger
        where = " AND ".join(["true", *self.conditions()])
        if use_ledger:
            return {"source": load("calls_from_ledger"), "where": where, **_LEDGER_PARTS}
        users = self.filters.get(Dimension.USER, ())
        # Nobody's spans are too many for the index to be of use.
        narrowed = users and "" not in users
        among = f"(start_time, trace_id, span_id) IN ({load('calls_of_users')})" if narrowed else "true"
        source = Template(load("calls_from_spans")).substitute(among=among)
        return {"source": source, "where": where, **_SPAN_PARTS}

    def _active(self) -> Sequence[Dimension]:
        return [d for d, values in self.filters.items() if values]


def _whole_hour(moment: datetime) -> bool:
    return not (moment.minute or moment.second or moment.microsecond)


def whole_hours(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The stretch widened to whole UTC hours."""
    first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    last = end.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return first, last if last == end else last + timedelta(hours=1)
