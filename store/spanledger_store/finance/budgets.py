"""How budgets stand: what their slices have spent in the period of now, against what they may.

for state in budgets.states(engine, control, listing(control, "default"), now):
    print(state.budget.name, state.value, state.spent, state.limit, state.is_used_up)

Spend is the ledger's, with the hours that it has yet to recompute read from their spans; so late, repeated, repriced
and deleted calls count as they do in the ledger, and a call counts as soon as it is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from string import Template
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from spanledger_store import ledger
from spanledger_store.control import Control, dirty
from spanledger_store.control.budgets import Budget, Enforcement, plain
from spanledger_store.engine import Engine
from spanledger_store.periods import Window, before, window
from spanledger_store.scope import Dimension, Scope, whole_hours
from spanledger_store.sql import load

# Hours read from spans because the ledger has yet to recompute them, the newest first. After an import of years there
# may be thousands; those beyond count as soon as the ledger's job has come to them.
WAITING_HOURS: Final = 48
LEVELS: Final = (50, 80, 100)
_ZERO: Final = Decimal(0)
# More digits than any sum of Decimal(38, 12) has.
_EXACT: Final = Context(prec=80)


class Sums(NamedTuple):
    """Calls of a slice in a window; `cost` is of those that have a price."""

    calls: int = 0
    unpriced: int = 0
    cost: Decimal = _ZERO

    @property
    def known(self) -> Decimal | None:
        """US dollars; None where there are calls without a price and no other spend beside them."""
        return None if self.unpriced and not self.cost else self.cost

    def plus(self, other: Sums) -> Sums:
        """Both together, exactly."""
        return Sums(self.calls + other.calls, self.unpriced + other.unpriced, _EXACT.add(self.cost, other.cost))


@dataclass(frozen=True, slots=True)
class State:
    """One budget in its period of now; of a budget with `per`, that of one `value` of this dimension.

    `spent` covers the calls that have a price, and is None where none has; `carried` is what the last period left.
    """

    budget: Budget
    value: str | None
    window: Window
    calls: int
    unpriced_calls: int
    spent: Decimal | None
    carried: Decimal

    @property
    def limit(self) -> Decimal:
        """What may be spent in this period."""
        return _EXACT.add(self.budget.amount, self.carried)

    @property
    def remaining(self) -> Decimal | None:
        """What may still be spent, never less than 0; None where the spend is unknown."""
        return None if self.spent is None else max(_ZERO, _EXACT.subtract(self.limit, self.spent))

    @property
    def share(self) -> float | None:
        """Spend per limit; None where the spend is unknown."""
        return None if self.spent is None else float(self.spent / self.limit)

    @property
    def level(self) -> int:
        """The highest of LEVELS that is reached, in per cent; 0 below all of them."""
        spent = self.spent
        if spent is None:
            return 0
        reached = [each for each in LEVELS if _EXACT.multiply(spent, 100) >= _EXACT.multiply(self.limit, each)]
        return max(reached, default=0)

    @property
    def is_used_up(self) -> bool:
        """True once nothing is left."""
        return self.level == LEVELS[-1]

    @property
    def blocks(self) -> bool:
        """True where SDKs are to refuse calls now."""
        return self.is_used_up and self.budget.enforcement is Enforcement.BLOCK

    def as_json(self) -> dict[str, Any]:
        """The state as JSON takes it; amounts are strings of all their digits, shares are numbers."""
        share = self.share
        return {
            "budget": self.budget.name,
            "value": self.value,
            "start": self.window.start.isoformat(),
            "resets_at": self.window.end.isoformat(),
            "amount": plain(self.budget.amount),
            "carried": plain(self.carried),
            "limit": plain(self.limit),
            "spent": None if self.spent is None else plain(self.spent),
            "remaining": None if self.remaining is None else plain(self.remaining),
            "share": None if share is None else round(share, 6),
            "calls": self.calls,
            "unpriced_calls": self.unpriced_calls,
            "level": self.level,
            "used_up": self.is_used_up,
            "enforcement": self.budget.enforcement.value,
        }


class Shape(NamedTuple):
    """What budgets that one statement answers have in common."""

    project: str
    window: Window
    dimensions: tuple[str, ...]
    per: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The dimensions that spend is told apart by: those of the slice, then `per`."""
        return (*self.dimensions, *([self.per] if self.per else []))


def shape_of(budget: Budget, of: Window) -> Shape:
    """The shape of a budget in a window."""
    return Shape(budget.project, of, tuple(sorted(budget.slice)), budget.per)


def current(budget: Budget, now: datetime) -> Window:
    """The budget's period that `now` lies in."""
    return window(budget.period, ZoneInfo(budget.zone), now)


def states(engine: Engine, control: Control, budgets: Sequence[Budget], now: datetime) -> list[State]:
    """The state of each budget, in the order given; of one with `per`, of each value that has spent, dearest first.

    One statement per shape (window and dimensions), however many budgets have it. Raises StoreError.
    """
    wanted: defaultdict[Shape, list[Budget]] = defaultdict(list)
    for budget in budgets:
        for each in _windows(budget, now):
            wanted[shape_of(budget, each)].append(budget)
    read = {shape: _spent(engine, control, shape, group) for shape, group in wanted.items()}
    found: list[State] = []
    for budget in budgets:
        windows = _windows(budget, now)
        here, *earlier = [_of(budget, read[shape_of(budget, each)]) for each in windows]
        found += states_of(budget, windows[0], here, earlier[0] if earlier else None)
    return found


def states_of(budget: Budget, of: Window, spent: Mapping[str, Sums], earlier: Mapping[str, Sums] | None) -> list[State]:
    """The states that follow from what each value (of a budget without `per`: '') has spent in the period of now.

    `earlier` is the same of the last period, None where nothing is carried over.
    """
    values = sorted({*spent, *(earlier or {})} - {""}, key=lambda each: (-spent.get(each, Sums()).cost, each))
    found: list[State] = []
    for value in values if budget.per else [""]:
        sums = spent.get(value, Sums())
        found.append(
            State(
                budget=budget,
                value=value if budget.per else None,
                window=of,
                calls=sums.calls,
                unpriced_calls=sums.unpriced,
                spent=sums.known,
                carried=carried(budget, earlier, value),
            )
        )
    return found


def carried(budget: Budget, earlier: Mapping[str, Sums] | None, value: str) -> Decimal:
    """What the last period left unused of the amount itself; nothing where its spend is unknown."""
    if earlier is None:
        return _ZERO
    known = earlier.get(value, Sums()).known
    return _ZERO if known is None else max(_ZERO, _EXACT.subtract(budget.amount, known))


def carries(budget: Budget, of: Window) -> bool:
    """Whether the period before `of` has something to leave: the budget was there before `of` began."""
    return budget.carry_over and budget.created_at is not None and budget.created_at < of.start


def _windows(budget: Budget, now: datetime) -> list[Window]:
    """The period of now, and the one before it where something may be carried over from it."""
    here = current(budget, now)
    if not carries(budget, here):
        return [here]
    return [here, before(budget.period, ZoneInfo(budget.zone), here)]


def _of(budget: Budget, sums: Mapping[tuple[str, ...], Sums]) -> dict[str, Sums]:
    """What the budget's own slice has spent, by value of `per`; under '' without one."""
    mine = tuple(budget.slice[name] for name in sorted(budget.slice))
    if not budget.per:
        return {"": sums[mine]} if mine in sums else {}
    return {key[-1]: each for key, each in sums.items() if key[:-1] == mine}


def _spent(engine: Engine, control: Control, shape: Shape, budgets: Sequence[Budget]) -> dict[tuple[str, ...], Sums]:
    """By values of the shape's columns, of the slices that the budgets are about and perhaps of others."""
    start, end = shape.window.start, shape.window.end
    # Before the store is asked: a mark follows its span, so an hour without one is right in the ledger.
    waiting = dirty.newest(control, shape.project, start, WAITING_HOURS)
    scope = scope_of(shape, budgets)
    first, last = _inside(start, end)
    waiting = [hour for hour in waiting if first <= hour < last]
    sources = [load("budgets_from_ledger")]
    params = scope.params(whole_from=first, whole_to=last, hours=waiting)
    if waiting:
        of_spans = ledger.of_spans(load("ledger_hours"))
        sources.append(Template(load("budgets_from_waiting")).substitute(of_spans=of_spans))
        params |= {"first": waiting[0], "end": waiting[-1] + timedelta(hours=1)}
    found = _sums(engine, shape, scope, sources, params)
    if (first, last) != (start, end):
        for key, sums in _sums(engine, shape, scope, [load("budgets_from_edges")], params | {"end": end}).items():
            found[key] = found.get(key, Sums()).plus(sums)
    return found


def _sums(
    engine: Engine, shape: Shape, scope: Scope, sources: Sequence[str], params: Mapping[str, Any]
) -> dict[tuple[str, ...], Sums]:
    sql = Template(load("budgets_spent")).substitute(
        slice=slice_of(shape.columns),
        sources="\nUNION ALL\n".join(sources),
        where=" AND ".join(["true", *scope.conditions()]),
    )
    return {tuple(key): Sums(*sums) for key, *sums in engine.rows(sql, params)}


def scope_of(shape: Shape, budgets: Sequence[Budget]) -> Scope:
    """The calls that any of the budgets, all of this shape, is about."""
    values = {Dimension(name): tuple(sorted({each.slice[name] for each in budgets})) for name in shape.dimensions}
    return Scope(shape.project, shape.window.start, shape.window.end, values)


def slice_of(columns: Sequence[str]) -> str:
    """SQL of an array of the values that a row `c` has in these columns."""
    return f"CAST([{', '.join(f'toString(c.`{name}`)' for name in columns)}] AS Array(String))"


def _inside(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The whole UTC hours within a stretch; none where the first is not before the second."""
    hour = timedelta(hours=1)
    outer = whole_hours(start, end)
    first = outer[0] if outer[0] == start else outer[0] + hour
    last = outer[1] if outer[1] == end else outer[1] - hour
    return first.astimezone(UTC), last.astimezone(UTC)
