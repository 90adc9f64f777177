"""What customers paid by month, and what is left of it: revenue less the spend of their calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from spanledger_store import audit
from spanledger_store.control import Control, currencies
from spanledger_store.control.budgets import plain
from spanledger_store.control.currencies import Rates
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Bucketing, Calendar
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load

_EXACT: Final = Context(prec=80)
_PLACES: Final = Decimal(1).scaleb(-12)
_LARGEST: Final = Decimal(10) ** 15
_ZERO: Final = Decimal(0)
_ROWS: Final = 10_000


class RevenueInvalid(StoreError):
    """A payment, or a period, that cannot be; the message names the value."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What a customer paid or owes for a month; `reference` tells several of one month apart.

    Raises RevenueInvalid.
    """

    customer: str
    month: date
    amount: Decimal
    currency: str = "USD"
    reference: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        if not 0 < len(self.customer) <= 10_000:
            raise RevenueInvalid("the customer is empty or too long; name one.")
        if self.month.day != 1:
            raise RevenueInvalid(f"{self.month.isoformat()} is not the first day of a month.")
        exponent = self.amount.as_tuple().exponent
        if not isinstance(exponent, int) or abs(self.amount) >= _LARGEST:
            raise RevenueInvalid(f"amount {self.amount} is no sum of money.")
        if self.amount.normalize(_EXACT).as_tuple().exponent < -12:  # type: ignore[operator]
            raise RevenueInvalid(f"amount {self.amount} has more than 12 decimal places; round it.")
        currencies.checked(self.currency)


@dataclass(frozen=True, slots=True)
class Margin:
    """A customer's revenue and spend in a month, in US dollars; None is what is not known, and never 0.

    Spend is None where calls have no price and nothing else was spent; '' are calls without a customer.
    """

    month: date
    customer: str
    revenue: Decimal | None
    spend: Decimal | None
    calls: int
    unpriced_calls: int

    @property
    def margin(self) -> Decimal | None:
        """Revenue less spend; None where either is not known."""
        if self.revenue is None or self.spend is None:
            return None
        return _EXACT.subtract(self.revenue, self.spend)

    @property
    def share(self) -> float | None:
        """Margin per revenue; None where there is none."""
        return None if self.margin is None or not self.revenue else float(self.margin / self.revenue)

    def as_json(self) -> dict[str, Any]:
        """The line as JSON takes it; amounts are strings of all their digits."""
        share = self.share
        return {
            "month": f"{self.month:%Y-%m}",
            "customer": self.customer,
            "revenue_usd": None if self.revenue is None else plain(self.revenue),
            "spend_usd": None if self.spend is None else plain(self.spend),
            "margin_usd": None if self.margin is None else plain(self.margin),
            "margin_share": None if share is None else round(share, 6),
            "calls": self.calls,
            "unpriced_calls": self.unpriced_calls,
        }


def put(engine: Engine, project: str, payments: Sequence[Payment], *, interface: str) -> int:
    """Store payments, each in place of the one of its customer, month and reference; how many.

    Idempotent, and may be repeated after any failure. Noted in the table audit, without names.
    """
    if not payments:
        return 0
    now = datetime.now(UTC)
    action = audit.Action("import revenue", project, "", interface, now)
    audit.begin(engine, action)
    imported_at = int(now.timestamp() * 1_000_000) * 1000
    for at in range(0, len(payments), _ROWS):
        chunk = payments[at : at + _ROWS]
        columns: Mapping[str, Sequence[Any]] = {
            "project_id": [project] * len(chunk),
            "month": [_midnight(each.month) for each in chunk],
            "customer": [each.customer for each in chunk],
            "reference": [each.reference for each in chunk],
            "amount": [each.amount.quantize(_PLACES, context=_EXACT) for each in chunk],
            "currency": [each.currency for each in chunk],
            "file": [each.file for each in chunk],
            "imported_at": [imported_at] * len(chunk),
        }
        engine.insert("revenue_rows", columns, f"revenue-{action.run}-{at}")
    audit.finish(engine, action, {"payments": len(payments)}, {})
    return len(payments)


def margins(engine: Engine, control: Control, project: str, start: date, end: date) -> list[Margin]:
    """Every customer that paid or spent in the months [start, end), by month, the largest revenue and spend first.

    Months are UTC's. Another currency counts at the rate of the month's last day, or of the last day before that has
    one. Raises RevenueInvalid for days that begin no month; CurrencyInvalid or RateUnknown where a rate is missing.
    """
    for day in (start, end):
        if day.day != 1:
            raise RevenueInvalid(f"{day.isoformat()} is not the first day of a month; margins are by month.")
    if not start < end:
        raise RevenueInvalid(f"the period would end on {end}, before it begins on {start}.")
    paid = _paid(engine, control, project, start, end)
    frame = books(
        engine,
        Scope(project, _midnight(start), _midnight(end)),
        [Dimension.CUSTOMER],
        Bucketing(ZoneInfo("UTC"), calendar=Calendar.MONTH),
    )
    spent = {
        (row["bucket"].date(), row["customer"]): (row["cost_usd"], row["calls"], row["unpriced_calls"])
        for row in frame.rows(named=True)
    }
    found: list[Margin] = []
    for key in paid.keys() | spent.keys():
        cost, calls, unpriced = spent.get(key, (_ZERO, 0, 0))
        found.append(Margin(*key, paid.get(key), None if unpriced and not cost else cost, calls, unpriced))
    return sorted(found, key=lambda each: (each.month, -(each.revenue or _ZERO), -(each.spend or _ZERO), each.customer))


def _paid(engine: Engine, control: Control, project: str, start: date, end: date) -> dict[tuple[date, str], Decimal]:
    rates: dict[str, Rates] = {}
    found: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
    rows = engine.rows(load("revenue_paid"), {"project": project, "start": _midnight(start), "end": _midnight(end)})
    for month, customer, currency, amount in rows:
        first = month.date()
        if currency not in rates:
            rates[currency] = currencies.rates(control, currency)
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        dollars = _EXACT.divide(amount, rates[currency].on(last)).quantize(_PLACES, context=_EXACT)
        found[(first, customer)] = _EXACT.add(found[(first, customer)], dollars)
    return dict(found)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
