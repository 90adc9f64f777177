"""Which tables of the books answer a question exactly and soonest: whole UTC days by their sums, the rest by hours.

Days that no customer is asked for in are read without customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from string import Template
from types import MappingProxyType
from typing import Any, Final

from spanledger_store.reports.buckets import DAY, Bucketing, Cuts
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load

_INSTANT: Final = timedelta(microseconds=1)
SETTINGS: Final[Mapping[str, Any]] = MappingProxyType({"do_not_merge_across_partitions_select_final": 1})
"""For queries of `Source.sql`: versions of a line of the books share its month, so months need not be merged."""


@dataclass(frozen=True, slots=True)
class Source:
    """SQL of lines with the column `at` (UTC) and those asked for, and the parameters it takes."""

    sql: str
    params: Mapping[str, Any]
    days: int
    """Of how many UTC days the daily sums are read; the other days are read by the hour."""


def source(scope: Scope, buckets: Bucketing | Cuts | None, columns: Sequence[str]) -> Source:
    """The lines of a scope that no bucket cuts: days that lie in the scope and in one bucket as a whole, else hours.

    The scope must be on the ledger, and the buckets must begin at full hours. `columns` are names of the ledger's.
    """
    first, last = scope.start.astimezone(UTC).date(), (scope.end - _INSTANT).astimezone(UTC).date()
    length = max((last - first).days + 1, 0)
    cut = _cut(scope, buckets)
    whole = 0 if cut is None else length - len(cut)
    fragments = {"columns": ", ".join(columns), "where": " AND ".join(["true", *scope.conditions()])}
    parts: list[str] = []
    if whole:
        named = "customer" in columns or Dimension.CUSTOMER in scope.filters
        parts.append(Template(load("books_from_days" if named else "books_from_totals")).substitute(fragments))
    if not whole or cut:
        parts.append(Template(load("books_from_hours")).substitute(fragments))
    left_out = sorted(cut) if whole and cut else []
    params = {"first_day": first, "last_day": last, "cut_days": left_out}
    return Source("\nUNION ALL\n".join(parts), params, whole)


def _cut(scope: Scope, buckets: Bucketing | Cuts | None) -> set[date] | None:
    """The UTC days of the scope in the middle of which it or a bucket begins or ends; None where that is every day."""
    if isinstance(buckets, Bucketing) and not buckets.calendar and buckets.step % DAY:
        return None
    moments = [scope.start, scope.end, *(buckets.starts(scope.start, scope.end) if buckets else ())]
    inside = (each.astimezone(UTC) for each in moments if scope.start <= each <= scope.end)
    return {each.date() for each in inside if (each.hour, each.minute, each.second, each.microsecond) != (0, 0, 0, 0)}
