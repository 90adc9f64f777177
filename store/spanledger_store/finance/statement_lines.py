"""The lines of a statement and its adjustments: pure sums over lines of the books, exact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, Final

from spanledger_store.control.budgets import plain
from spanledger_store.control.statements import Frozen
from spanledger_store.reports.calls import COST_CLASSES, TOKEN_CLASSES

ZERO: Final = Decimal(0)
# More digits than any sum of Decimal(38, 12) has.
EXACT: Final = Context(prec=80)
_COUNTS: Final = ("calls", "errors", "unpriced_calls", "cache_hits")


@dataclass(frozen=True, slots=True)
class Line:
    """Sums over some calls: `names` say which, `costs` are of those that have a price."""

    names: tuple[str, ...]
    calls: int
    errors: int
    unpriced_calls: int
    cache_hits: int
    tokens: Mapping[str, int]
    priced: Decimal
    costs: Mapping[str, Decimal]

    @property
    def cost(self) -> Decimal | None:
        """US dollars; None where there are calls without a price and no other spend beside them."""
        return None if self.unpriced_calls and not self.priced else self.priced

    def as_json(self, *names: str) -> dict[str, Any]:
        """The line as JSON takes it, under these names for what it is of; amounts are strings of all their digits."""
        return {
            **dict(zip(names, self.names, strict=True)),
            "calls": self.calls,
            "errors": self.errors,
            "unpriced_calls": self.unpriced_calls,
            "cache_hits": self.cache_hits,
            "tokens": dict(self.tokens),
            "cost_usd": None if self.cost is None else plain(self.cost),
            "costs_usd": {name: plain(amount) for name, amount in self.costs.items()},
        }


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What is different now about a month that has been stated: amounts and counts are now less what was told."""

    month: str
    told: Decimal
    cost: Decimal
    calls: int
    unpriced_calls: int

    @property
    def reason(self) -> str:
        """What must have happened, in words; where calls came or went, prices may have changed as well."""
        found: list[str] = []
        if self.calls:
            found.append(f"{self.calls} late calls" if self.calls > 0 else f"{-self.calls} calls fewer")
        if self.unpriced_calls < 0:
            found.append(f"{-self.unpriced_calls} calls without a price fewer")
        elif self.unpriced_calls:
            found.append(f"{self.unpriced_calls} of them or of others without a price")
        return ", ".join(found) or "new prices"

    def as_json(self) -> dict[str, Any]:
        """The adjustment as JSON takes it; amounts are strings of all their digits."""
        return {
            "month": self.month,
            "told_usd": plain(self.told),
            "now_usd": plain(EXACT.add(self.told, self.cost)),
            "difference_usd": plain(self.cost),
            "calls": self.calls,
            "unpriced_calls": self.unpriced_calls,
            "reason": self.reason,
        }


def adjustments(month: str, sent: Sequence[Frozen], now: Mapping[str, Line]) -> list[Adjustment]:
    """What a statement of `month` has to put right about earlier months of its customer that have been stated.

    `now` is month -> its sums in the books. What an earlier statement has put right counts as told.
    """
    found: list[Adjustment] = []
    for each in sorted(sent, key=lambda frozen: frozen.month):
        if each.month >= month:
            continue
        total = each.document["total"]
        told, calls, unpriced = each.total_usd or ZERO, total["calls"], total["unpriced_calls"]
        for other in sent:
            for change in other.document["adjustments"]:
                if change["month"] == each.month:
                    told = EXACT.add(told, Decimal(change["difference_usd"]))
                    calls, unpriced = calls + change["calls"], unpriced + change["unpriced_calls"]
        line = now.get(each.month) or line_of((), [])
        change = Adjustment(
            each.month, told, EXACT.subtract(line.priced, told), line.calls - calls, line.unpriced_calls - unpriced
        )
        if change.cost or change.calls or change.unpriced_calls:
            found.append(change)
    return found


def split(rows: Sequence[Mapping[str, Any]], *names: str) -> list[Line]:
    """The rows by the values of some columns, the dearest first."""
    groups: defaultdict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return sorted((line_of(at, some) for at, some in groups.items()), key=lambda each: (-each.priced, each.names))


def line_of(names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> Line:
    """The sum of some lines of the books."""
    return Line(
        names,
        *(sum(row[name] for row in rows) for name in _COUNTS),
        tokens={name: sum(row[f"{name}_tokens"] for row in rows) for name in TOKEN_CLASSES},
        priced=exact_sum(row["cost_usd"] for row in rows),
        costs={name: exact_sum(row[f"{name}_cost_usd"] for row in rows) for name in COST_CLASSES},
    )


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, with every digit."""
    total = ZERO
    for each in amounts:
        total = EXACT.add(total, each)
    return total
