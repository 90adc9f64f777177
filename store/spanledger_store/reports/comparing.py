"""Two stretches of time beside each other: what a period is compared with, and the lines of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from spanledger_store.engine import Engine
from spanledger_store.reports.books import books
from spanledger_store.scope import LEDGER_DIMENSIONS, Dimension, Scope

Explain = Callable[[Scope, Scope, Sequence[Dimension]], dict[str, Any]]
"""(period, what it is compared with, dimensions) -> why spend has changed, ready for JSON; raises ValueError.

The methods are not the store's: whoever composes the parts hands this to those who answer questions.
"""

BY = (Dimension.CUSTOMER, Dimension.FEATURE, Dimension.MODEL)
"""What a change is looked for in, unless something else is asked for."""

PREVIOUS, WEEK = "previous", "week"
_WEEK = timedelta(days=7)
_MOST_DIMENSIONS = 5


def against(scope: Scope, text: str = PREVIOUS) -> Scope:
    """What the scope is compared with: `previous` is the stretch before it of equal length, `week` the same hours a
    week earlier, `A..B` any other, in ISO 8601 (UTC where it names no zone). Raises ValueError.
    """
    if text == PREVIOUS:
        return scope.previous()
    if text == WEEK:
        return Scope(scope.project, scope.start - _WEEK, scope.end - _WEEK, scope.filters)
    first, dots, last = text.partition("..")
    try:
        start, end = (datetime.fromisoformat(part) for part in (first, last))
    except ValueError as error:
        raise ValueError(
            f"{text!r} is nothing to compare with; use previous, week, or two times such as 2026-01-01..2026-02-01"
        ) from error
    start, end = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (start, end))
    if not dots or start >= end:
        raise ValueError(f"{text!r} ends before it begins; swap the two times")
    return Scope(scope.project, start, end, scope.filters)


def dimensions(text: str) -> tuple[Dimension, ...]:
    """The dimensions that a comma-separated list names; raises ValueError for others, repeats and too many."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    known = {each.value: each for each in Dimension if each in LEDGER_DIMENSIONS}
    unknown = [name for name in names if name not in known]
    if unknown or not names or len(set(names)) < len(names):
        problem = f"{text!r} names {unknown[0]!r}" if unknown else f"{text!r} is empty or repeats itself"
        raise ValueError(f"{problem}; choose from {', '.join(known)}")
    if len(names) > _MOST_DIMENSIONS:
        raise ValueError(f"{text!r} has {len(names)} dimensions; name {_MOST_DIMENSIONS} at most")
    return tuple(known[name] for name in names)


def compared(engine: Engine, scope: Scope, other: Scope, by: Sequence[Dimension]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The books' lines before (of `other`) and after (of `scope`); raises ValueError as `books` does."""
    return books(engine, other, by), books(engine, scope, by)
