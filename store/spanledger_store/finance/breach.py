"""Where a period's spend will end and when it will reach a limit.

By the forecast of the same calls where there is one that is fresh; else by the rule of thumb (`projection`): slices of
several dimensions have no forecast of their own, a project's first days none at all, and years end beyond all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from spanledger_store.engine import Engine
from spanledger_store.finance.budgets import State
from spanledger_store.finance.projection import Profile, projected
from spanledger_store.outlook.forecasts import DIMENSIONS, Outlook, outlook
from spanledger_store.periods import Window
from spanledger_store.reports import forecasts

FRESH: Final = timedelta(days=3)
"""Forecasts are made every day; one that begins longer ago tells of a job that has stopped."""
_CENT: Final = Decimal("0.01")


class Ahead(NamedTuple):
    """US dollars at the period's end, None where it is too early to say, and when the limit is reached, if it is."""

    projected: Decimal | None
    breach_at: datetime | None


def ahead(state: State, now: datetime, by_forecast: Outlook | None, profile: Profile | None) -> Ahead:
    """What is to be expected of a budget's period."""
    if state.spent is None:
        return Ahead(None, None)
    if by_forecast is not None:
        expected = max(by_forecast.expected, state.spent).quantize(_CENT)
        return Ahead(expected, None if state.is_used_up else by_forecast.reached(state.limit))
    expected = projected(state.spent, state.window, now, profile)
    if expected is None or state.is_used_up:
        return Ahead(expected, None)
    return Ahead(expected, expected_at(state.spent, state.limit, state.window, now, profile))


def outlooks(engine: Engine, states: Iterable[State], now: datetime) -> Mapping[tuple[str, str | None], Outlook]:
    """(budget's id, value) -> what its forecast makes of it, for all of which there is one. Raises StoreError."""
    asked: dict[str, dict[str, list[tuple[State, str]]]] = {}
    for state in states:
        named = _slice(state)
        if named is not None and state.spent is not None:
            asked.setdefault(state.budget.project, {}).setdefault(named[0], []).append((state, named[1]))
    found: dict[tuple[str, str | None], Outlook] = {}
    for project, dimensions in asked.items():
        newest = forecasts.newest(engine, project, now)
        if newest is None or now - newest[0] > FRESH:
            continue
        shape = forecasts.clock(engine, project, newest[0])
        for dimension, group in dimensions.items():
            end = max(state.window.end for state, _ in group)
            values = {value for _, value in group} if dimension else ()
            made = forecasts.means(engine, project, newest[0], end, dimension, sorted(values))
            for state, value in group:
                stored, spent = made.get(value), state.spent
                of = outlook(stored, spent, now, state.window.end, shape) if stored and spent is not None else None
                if of is not None:
                    found[state.budget.id, state.value] = of
    return found


def _slice(state: State) -> tuple[str, str] | None:
    """(dimension, value) of the forecast of the same calls, ('', '') of everything; None where none is made."""
    named = dict(state.budget.slice)
    if state.budget.per and state.value is not None:
        named[state.budget.per] = state.value
    if len(named) > 1 or not set(named) <= set(DIMENSIONS):
        return None
    return next(iter(named.items()), ("", ""))


def expected_at(
    spent: Decimal | None, limit: Decimal, of: Window, now: datetime, profile: Profile | None
) -> datetime | None:
    """The moment at which the limit is going to be reached, to the hour; None where that is not before the period ends.

    `now` where it has been reached. The pace is that of `projection.projected`: as the hours of the week had it in
    the last four weeks, evenly without such a `profile`.
    """
    if spent is None:
        return None
    if spent >= limit:
        return now
    so_far = profile.over(of.start, now) if profile else 0.0
    weighed = profile is not None and so_far > 0
    elapsed = so_far if weighed else (now - of.start) / timedelta(hours=1)
    if not spent or elapsed <= 0:
        return None
    missing = float((limit - spent) / spent) * elapsed
    at = now.astimezone(UTC)
    while at < of.end:
        following = min(of.end, at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
        passed = (
            profile.over(at, following) if profile is not None and weighed else (following - at) / timedelta(hours=1)
        )
        if passed >= missing > 0:
            return at + (following - at) * (missing / passed)
        missing -= passed
        at = following
    return None
