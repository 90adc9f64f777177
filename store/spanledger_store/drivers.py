"""What a slice's spend consists of: the values of its dimensions that spent the most, or rose the most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from spanledger_store.control.budgets import plain
from spanledger_store.engine import Engine
from spanledger_store.reports.books import books
from spanledger_store.scope import Dimension, Scope, whole_hours

LOOKED_AT: Final = (Dimension.CUSTOMER, Dimension.FEATURE, Dimension.TEAM, Dimension.MODEL)


@dataclass(frozen=True, slots=True)
class Driver:
    """One value ('' for calls that name none): what it spent in a stretch, and in the one of equal length before."""

    dimension: str
    value: str
    spent: Decimal
    before: Decimal

    @property
    def rise(self) -> Decimal:
        """By how much it spent more than before."""
        return self.spent - self.before

    def as_json(self) -> dict[str, Any]:
        """The driver as JSON takes it; amounts are strings of all their digits."""
        return {
            "dimension": self.dimension, "value": self.value, "spent": plain(self.spent), "before": plain(self.before),
        }  # fmt: skip


def drivers(
    engine: Engine, project: str, about: Mapping[str, str], start: datetime, end: datetime, most: int = 3
) -> list[Driver]:
    """The values whose spend rose the most against the stretch before, the largest rise first; none that spent nothing.

    `about` is dimension -> value of the slice, whose own dimensions are not looked at. A value that all the spend has
    explains little, and comes last. Read from the books, of whole UTC hours.
    """
    first, last = whole_hours(start, end)
    scope = Scope(project, first, last, {Dimension(name): (value,) for name, value in about.items()})
    some: list[Driver] = []
    all_of_it: list[Driver] = []
    for dimension in LOOKED_AT:
        if dimension.value not in about:
            before = _spent(engine, scope.previous(), dimension)
            values = {value: spent for value, spent in _spent(engine, scope, dimension).items() if spent}
            told = [
                Driver(dimension.value, value, spent, before.get(value, Decimal(0))) for value, spent in values.items()
            ]
            if len(told) > 1:
                some += told
            else:
                all_of_it += told
    return [*ranked(some), *ranked([each for each in all_of_it if each.value])][:most]


def ranked(found: Sequence[Driver]) -> list[Driver]:
    """The largest rise first; among equals the dearest, then by name."""
    return sorted(found, key=lambda each: (-each.rise, -each.spent, each.dimension, each.value))


def _spent(engine: Engine, scope: Scope, dimension: Dimension) -> dict[str, Decimal]:
    frame = books(engine, scope, [dimension])
    return dict(zip(frame[dimension.value].to_list(), frame["cost_usd"].to_list(), strict=True))
