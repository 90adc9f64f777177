"""What a reconciliation is about: the two sides of a difference, the parts that explain it, and how they are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Context, Decimal
from enum import StrEnum
from typing import Any, Final

from spanledger_store.control.budgets import plain

_EXACT: Final = Context(prec=80)
_ZERO: Final = Decimal(0)
_PLACES: Final = Decimal(1).scaleb(-12)


class Status(StrEnum):
    """How a row stands against the tolerance."""

    MATCHED = "matched"
    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"
    NO_BILL = "no bill"


class Why(StrEnum):
    """What explains a part of a difference."""

    NOT_USAGE = "not usage"
    NOT_BILLED_YET = "not billed yet"
    BATCH = "batch"
    LATE = "late"
    UNPRICED = "unpriced"
    SAMPLED_OUT = "sampled out"
    CURRENCY = "currency"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What may differ: the larger of an amount and of a share of the bill (0.005 is half a per cent)."""

    amount: Decimal = Decimal("0.01")
    share: Decimal = Decimal("0.005")

    def allows(self, difference: Decimal, bill: Decimal) -> bool:
        """Whether a difference is small enough beside this bill."""
        return abs(difference) <= max(self.amount, _EXACT.multiply(self.share, abs(bill)))


@dataclass(frozen=True, slots=True)
class Billed:
    """What a bill says of one model (or item) in one period, in US dollars.

    `group` is what the model is compared by, '' for an item that names none; `spread` is how far the amount would be
    from this at the exchange rates beside that day's; `rounding` is what rounding may make in all its lines.
    """

    period: date
    provider: str
    group: str
    item: str
    amount: Decimal
    lines: int = 1
    kind: str = "usage"
    spread: Decimal = _ZERO
    rounding: Decimal = _ZERO
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """What the ledger says of one model in one period, and what is known of its calls.

    `late_cost` is the cost of calls that began in the period and ended after it, `batch_cost` that of calls that say
    batch and have the standard price, `hidden_cost` an estimate for calls that only clients' metrics told of.
    """

    period: date
    provider: str
    group: str
    model: str
    cost: Decimal
    calls: int = 0
    tokens: int = 0
    unpriced_calls: int = 0
    unpriced_tokens: int = 0
    late_cost: Decimal = _ZERO
    late_calls: int = 0
    batch_cost: Decimal = _ZERO
    batch_calls: int = 0
    hidden_cost: Decimal = _ZERO
    hidden_calls: int = 0


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a difference, and what it rests on."""

    why: Why
    amount: Decimal
    evidence: str


@dataclass(frozen=True, slots=True)
class Row:
    """One provider and model (or item) in one period; bill - ledger = sum of terms + unexplained, exactly.

    `models` are the ledger's names of it, empty where it has none; `items` the bill's.
    """

    period: date
    provider: str
    group: str
    models: tuple[str, ...]
    items: tuple[str, ...]
    bill: Decimal
    ledger: Decimal
    terms: tuple[Term, ...]
    unexplained: Decimal
    status: Status

    @property
    def difference(self) -> Decimal:
        """Bill minus ledger."""
        return _EXACT.subtract(self.bill, self.ledger)

    def as_json(self) -> dict[str, Any]:
        """The row as JSON takes it; amounts are strings of all their digits."""
        return {
            "period": self.period.isoformat(),
            "provider": self.provider,
            "model": ", ".join(self.models) or None,
            "items": list(self.items),
            "bill": plain(self.bill),
            "ledger": plain(self.ledger),
            "difference": plain(self.difference),
            "terms": [
                {"why": each.why.value, "amount": plain(each.amount), "evidence": each.evidence} for each in self.terms
            ],
            "unexplained": plain(self.unexplained),
            "status": self.status.value,
        }


@dataclass(frozen=True, slots=True)
class Cut:
    """The periods of a reconciliation in order, where the last ends, and where each provider's bill ends."""

    periods: Sequence[date]
    end: date
    billed_until: Mapping[str, date]

    def after(self, period: date) -> date:
        """The start of the period that follows."""
        at = self.periods.index(period)
        return self.periods[at + 1] if at + 1 < len(self.periods) else self.end


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    found = _ZERO
    for each in amounts:
        found = _EXACT.add(found, each)
    return found


def share(amount: Decimal, part: int, whole: int) -> Decimal:
    """`amount * part / whole`, cut off after 12 places."""
    return _EXACT.divide(_EXACT.multiply(amount, part), whole).quantize(_PLACES, ROUND_DOWN, _EXACT)


def periods(start: date, end: date, *, by_month: bool) -> list[date]:
    """The starts of the days, or of the calendar months, that [start, end) is made of."""
    found: list[date] = []
    day = start
    while day < end:
        found.append(day)
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1) if by_month else day + timedelta(days=1)
    return found
