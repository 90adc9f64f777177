"""Which cost centre each line of spend belongs to, and shared costs split to the last digit: pure.

Every amount goes somewhere: what no rule is about is a part of its own, and the parts of a line add up to the line.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

PLACES: Final = 12
"""Decimal places of money in the books."""
UNALLOCATED: Final = "(unallocated)"
"""Where spend goes that no rule is about, or that is to follow direct spend on a day without any."""

_EXACT: Final = Context(prec=80)
_ZERO: Final = Decimal(0)
_ANYTHING: Final[Mapping[str, str]] = MappingProxyType({})
_NOBODY: Final[Mapping[str, Decimal]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rule:
    """What spend of a slice belongs to, on the UTC days [start, end).

    | field | |
    |---|---|
    | match | column -> value that a line must have, all of them; '' is what carries none; without any, every line |
    | shares | cost centre -> its part of the whole; one centre is a mapping, several split a shared cost |
    | is_proportional | the centres of `shares`, or all if there are none, take part by the day's direct spend |
    | priority | the lowest number is asked first; of equals the rule about more columns, then the first by name |
    """

    name: str
    start: date
    end: date | None = None
    match: Mapping[str, str] = field(default_factory=lambda: _ANYTHING)
    shares: Mapping[str, Decimal] = field(default_factory=lambda: _NOBODY)
    is_proportional: bool = False
    priority: int = 100

    @property
    def center(self) -> str | None:
        """The one centre that all of it belongs to; None for a shared cost."""
        return next(iter(self.shares)) if len(self.shares) == 1 and not self.is_proportional else None

    def holds(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.start <= day and (self.end is None or day < self.end)


class Line(NamedTuple):
    """Spend of one slice on one UTC day, or on a stretch in which no rule begins or ends.

    `values` are those of the columns that rules are about; `key` is what the caller tells parts apart by.
    """

    day: date
    values: Mapping[str, str]
    key: tuple[str, ...]
    amount: Decimal


class Part(NamedTuple):
    """What of a line belongs to a centre; `is_shared` where a split gave it."""

    line: int
    center: str
    amount: Decimal
    is_shared: bool


class Rules:
    """Rules in the order in which they are asked; `columns` are those they are about."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.ordered = sorted(rules, key=lambda rule: (rule.priority, -len(rule.match), rule.name))
        self.columns = tuple(sorted({column for rule in self.ordered for column in rule.match}))
        self._in_force: dict[date, list[Rule]] = {}

    def about(self, day: date, values: Mapping[str, str]) -> Rule | None:
        """The rule that decides about a line; None where there is none."""
        if day not in self._in_force:
            self._in_force[day] = [rule for rule in self.ordered if rule.holds(day)]
        found = self._in_force[day]
        return next((rule for rule in found if all(values[c] == v for c, v in rule.match.items())), None)

    def cuts(self, start: date, end: date) -> list[date]:
        """The days in (start, end) on which a rule begins or ends."""
        moments = {day for rule in self.ordered for day in (rule.start, rule.end) if day is not None}
        return sorted(day for day in moments if start < day < end)

    @property
    def need_days(self) -> bool:
        """Whether lines must be of single days: shares that follow direct spend do so day by day."""
        return any(rule.is_proportional for rule in self.ordered)


def allocate(lines: Sequence[Line], rules: Rules) -> list[Part]:
    """The parts of every line, in the order of the lines; those of one line add up to it exactly.

    A shared cost follows the direct spend of the lines of its own `day`. Amounts have at most twelve decimal places.
    """
    decided = [rules.about(line.day, line.values) for line in lines]
    direct: defaultdict[date, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: _ZERO))
    for line, rule in zip(lines, decided, strict=True):
        if rule is not None and (center := rule.center) is not None:
            spent = direct[line.day]
            spent[center] = _EXACT.add(spent[center], line.amount)
    parts: list[Part] = []
    for number, (line, rule) in enumerate(zip(lines, decided, strict=True)):
        if rule is None:
            parts.append(Part(number, UNALLOCATED, line.amount, is_shared=False))
        elif (center := rule.center) is not None:
            parts.append(Part(number, center, line.amount, is_shared=False))
        else:
            shares = _following(rule, direct[line.day]) if rule.is_proportional else rule.shares
            for name, amount in split(line.amount, shares or {UNALLOCATED: Decimal(1)}).items():
                parts.append(Part(number, name, amount, is_shared=True))
    return parts


def _following(rule: Rule, direct: Mapping[str, Decimal]) -> dict[str, Decimal]:
    among = rule.shares or direct
    return {name: direct[name] for name in among if direct.get(name, _ZERO) > 0}


def split(amount: Decimal, shares: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The amount in parts as large as the shares say, of at most twelve decimal places, which add up to it exactly.

    Largest remainder: parts are rounded down, and what is left goes, unit by unit, to those that lost most; of equals
    to the first by name. A negative amount is split as its opposite is.

    >>> split(Decimal("0.000000000010"), {"a": Decimal(1), "b": Decimal(1), "c": Decimal(1)})
    {'a': Decimal('4E-12'), 'b': Decimal('3E-12'), 'c': Decimal('3E-12')}

    Raises ValueError for shares that are negative or all nothing, and for an amount of more decimal places.
    """
    total = sum(shares.values(), _ZERO)
    if not shares or any(share < 0 for share in shares.values()) or not total > 0:
        raise ValueError(f"{dict(shares)} cannot be shares: use numbers from 0 up, at least one above 0.")
    scaled = _EXACT.scaleb(amount, PLACES)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} has more than {PLACES} decimal places; round it before it is split.")
    units = abs(int(scaled))
    # Whole numbers from here on: nothing is rounded that is not meant to be.
    weights, whole = _whole(shares)
    parts = {name: units * weight // whole for name, weight in weights.items()}
    left = units - sum(parts.values())
    losses = sorted(weights, key=lambda name: (-(units * weights[name] % whole), name))
    for name in losses[:left]:
        parts[name] += 1
    sign = -1 if amount < 0 else 1
    return {name: Decimal(sign * parts[name]).scaleb(-PLACES, _EXACT) for name in sorted(parts)}


def _whole(shares: Mapping[str, Decimal]) -> tuple[dict[str, int], int]:
    """The shares as whole numbers of the same proportions, and their sum."""
    ratios = {name: share.as_integer_ratio() for name, share in shares.items()}
    common = math.lcm(*(below for _, below in ratios.values()))
    weights = {name: above * (common // below) for name, (above, below) in ratios.items()}
    return weights, sum(weights.values())
