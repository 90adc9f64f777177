"""What people want to know of budgets beside their state: where it will end, what was refused, and what that saved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from string import Template
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from spanledger_store.control import Control
from spanledger_store.control.budgets import Budget, plain
from spanledger_store.engine import Engine
from spanledger_store.finance import breach
from spanledger_store.finance import budgets as standing
from spanledger_store.finance.budgets import State, scope_of, shape_of, slice_of
from spanledger_store.finance.projection import ENOUGH, WEEKS, Profile
from spanledger_store.periods import Window
from spanledger_store.sql import load


class Blocked(NamedTuple):
    """Calls that SDKs refused; `saved` is what those would have cost of which that is known, None where none is."""

    calls: int = 0
    unknown: int = 0
    saved: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget's state with its projection and what was refused because of it in this period.

    What was refused is counted from stored spans, and so for as long as spans are kept. `breach_at` is when the limit
    is going to be reached; None where that is not in this period, or has been already.
    """

    state: State
    projected: Decimal | None
    blocked: Blocked
    breach_at: datetime | None = None

    @property
    def is_breach_projected(self) -> bool:
        """True where the period is going to end above the limit, and has not come so far yet."""
        return self.projected is not None and not self.state.is_used_up and self.projected > self.state.limit

    @property
    def status(self) -> str:
        """`used up`, `projected` (to be), `80 %`, `50 %` or `ok`; `unknown` where no call has a price."""
        state = self.state
        if state.spent is None:
            return "unknown"
        if state.is_used_up:
            return "used up"
        if self.is_breach_projected:
            return "projected"
        return f"{state.level} %" if state.level else "ok"

    def as_json(self) -> dict[str, Any]:
        """The state as JSON takes it, with what stands here."""
        blocked = self.blocked
        return {
            **self.state.as_json(),
            "status": self.status,
            "projected": None if self.projected is None else plain(self.projected),
            "breach_projected": self.is_breach_projected,
            "breach_at": None if self.breach_at is None else self.breach_at.isoformat(),
            "blocked_calls": blocked.calls,
            "blocked_of_unknown_cost": blocked.unknown,
            "saved": None if blocked.saved is None else plain(blocked.saved),
            "owner": self.state.budget.owner,
        }


def report(engine: Engine, control: Control, budgets: Sequence[Budget], now: datetime) -> list[Standing]:
    """How each budget stands, in the order given; of those with `per`, every value. Raises StoreError."""
    states = standing.states(engine, control, budgets, now)
    forecast = breach.outlooks(engine, states, now)
    profiles = _profiles(engine, budgets, now)
    refused: dict[tuple[str, Window], dict[tuple[str, str], Blocked]] = {}
    found: list[Standing] = []
    for state in states:
        at = (state.budget.project, state.window)
        if at not in refused:
            refused[at] = _blocked(engine, *at)
        blocked = refused[at].get((state.budget.id, state.value or ""), Blocked())
        by_forecast = forecast.get((state.budget.id, state.value))
        ahead = breach.ahead(state, now, by_forecast, profiles.get(state.budget.id))
        found.append(Standing(state, ahead.projected, blocked, ahead.breach_at))
    return found


def _blocked(engine: Engine, project: str, of: Window) -> dict[tuple[str, str], Blocked]:
    rows = engine.rows(load("budgets_blocked"), {"project": project, "start": of.start, "end": of.end})
    return {(budget, value): Blocked(calls, unknown, saved) for budget, value, calls, unknown, saved in rows}


def _profiles(engine: Engine, budgets: Sequence[Budget], now: datetime) -> dict[str, Profile]:
    """Budget id -> how its slice, all values of `per` together, spends in a week; only where a week is known."""
    end = now.replace(minute=0, second=0, microsecond=0)
    known_since = (end - ENOUGH + timedelta(hours=1)).timestamp()
    grouped: defaultdict[tuple[tuple[str, ...], str, str], list[Budget]] = defaultdict(list)
    for each in budgets:
        grouped[tuple(sorted(each.slice)), each.zone, each.project].append(each)
    found: dict[str, Profile] = {}
    for (dimensions, zone, _), group in grouped.items():
        shape = shape_of(group[0], Window(end - WEEKS, end))._replace(per="")
        scope = scope_of(shape, group)
        sql = Template(load("budgets_profile")).substitute(
            slice=slice_of(dimensions), where=" AND ".join(["true", *scope.conditions()])
        )
        weights: defaultdict[tuple[str, ...], dict[tuple[int, int], float]] = defaultdict(dict)
        earliest: dict[tuple[str, ...], int] = {}
        for key, weekday, clock, first, spent in engine.query(sql, scope.params(zone=zone)).iter_rows():
            weights[tuple(key)][weekday, clock] = spent
            earliest[tuple(key)] = min(first, earliest.get(tuple(key), first))
        for budget in group:
            mine = tuple(budget.slice[name] for name in dimensions)
            if mine in weights and earliest[mine] <= known_since:
                found[budget.id] = Profile(ZoneInfo(zone), weights[mine])
    return found
