"""Reading what a reconciliation needs: bills, the books, and what is known of calls that may explain a difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from spanledger_store.billing import bills
from spanledger_store.billing.billgroups import Groups, Item, group
from spanledger_store.billing.billnames import issuer, provider_of
from spanledger_store.billing.call_evidence import Key, evidence, hidden
from spanledger_store.billing.reconciliation import reconcile
from spanledger_store.billing.reconciliation_sides import Billed, Booked, Cut, Row, Status, Tolerance, periods, total
from spanledger_store.control import Control, bill_models, currencies
from spanledger_store.control.budgets import plain
from spanledger_store.control.currencies import Rates
from spanledger_store.control.errors import RateUnknown
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Bucketing, Calendar
from spanledger_store.scope import Dimension, Scope

LONGEST: Final = timedelta(days=400)
_EXACT: Final = Context(prec=80)
_ZERO: Final = Decimal(0)
_DAY: Final = timedelta(days=1)
# No currency has a coarser unit that a line would be rounded to.
_COARSEST: Final = Decimal("0.01")
_TOKENS: Final = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "other_tokens",
)  # fmt: skip


class ReconciliationInvalid(StoreError):
    """A period that cannot be reconciled; the message says why and what can."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to reconcile: whole UTC days [start, end) of a project, of one provider or all, by day or by month.

    Raises ReconciliationInvalid.
    """

    project: str
    start: date
    end: date
    provider: str = ""
    by_month: bool = False
    tolerance: Tolerance = field(default_factory=Tolerance)

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ReconciliationInvalid(f"the period begins on {self.start} and ends on {self.end}, before that.")
        if self.end - self.start > LONGEST:
            raise ReconciliationInvalid(f"{self.start} to {self.end} is longer than {LONGEST.days} days; narrow it.")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The rows of a reconciliation and their sums."""

    question: Question
    rows: Sequence[Row]

    @property
    def unexplained(self) -> list[Row]:
        """The rows of which more is unexplained than the tolerance allows."""
        return [row for row in self.rows if row.status is Status.UNEXPLAINED]

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON takes it; amounts are strings of all their digits."""
        asked = self.question
        return {
            "project": asked.project,
            "from": asked.start.isoformat(),
            "to": asked.end.isoformat(),
            "by": "month" if asked.by_month else "day",
            "tolerance": {"amount": plain(asked.tolerance.amount), "share": plain(asked.tolerance.share)},
            "providers": [
                {"provider": name} | _sums([row for row in self.rows if row.provider == name])
                for name in sorted({row.provider for row in self.rows})
            ],
            "total": _sums(self.rows),
            "rows": [row.as_json() for row in self.rows],
        }


def read(engine: Engine, control: Control, asked: Question) -> Reconciliation:
    """The reconciliation of a period; the ledger must be up to date.

    Calls whose spans have expired are in the ledger, and say nothing that could explain. Raises StoreError; for a bill
    in a currency without rates CurrencyInvalid or RateUnknown.
    """
    start, end = _midnight(asked.start), _midnight(asked.end)
    only = issuer(provider_of(asked.provider)) if asked.provider else ""
    lines = [
        row for row in bills.read(engine, asked.project, start, end).rows(named=True)
        if not only or issuer(row["provider"]) == only
    ]  # fmt: skip
    frame = books(
        engine, Scope(asked.project, start, end), [Dimension.PROVIDER, Dimension.MODEL],
        Bucketing(ZoneInfo("UTC"), calendar=Calendar.DAY),
    )  # fmt: skip
    held = [row for row in frame.rows(named=True) if not only or issuer(row["provider"]) == only]
    groups = group(
        (_item(row) for row in lines if row["kind"] == "usage"),
        ((issuer(row["provider"]), row["model"]) for row in held),
        bill_models.rules(control, asked.project),
    )
    cut = Cut(
        periods(asked.start, asked.end, by_month=asked.by_month),
        asked.end,
        _billed_until(lines),
    )
    known = evidence(engine, asked.project, start - _DAY, end)
    booked = _booked(held, groups, cut, known, hidden(engine, asked.project, start, end, held))
    ahead = _ahead(known, groups, asked.start)
    rows = reconcile(_billed(control, lines, groups, cut), booked, cut, asked.tolerance, ahead)
    return Reconciliation(asked, rows)


def _sums(rows: Sequence[Row]) -> dict[str, Any]:
    terms: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        for term in row.terms:
            terms[term.why.value] = _EXACT.add(terms[term.why.value], term.amount)
    return {
        "bill": plain(total(row.bill for row in rows)),
        "ledger": plain(total(row.ledger for row in rows)),
        "difference": plain(total(row.difference for row in rows)),
        "explained": {why: plain(amount) for why, amount in sorted(terms.items())},
        "unexplained": plain(total(row.unexplained for row in rows)),
        "rows": {status.value: sum(row.status is status for row in rows) for status in Status},
    }


def _item(row: Mapping[str, Any]) -> Item:
    return Item(issuer(row["provider"]), row["model"], row["sku"])


def _billed_until(lines: Sequence[Mapping[str, Any]]) -> dict[str, date]:
    found: dict[str, date] = {}
    for row in lines:
        name, end = issuer(row["provider"]), _day(row["at"]) + row["days"] * _DAY
        found[name] = max(found.get(name, end), end)
    return found


def _billed(control: Control, lines: Sequence[Mapping[str, Any]], groups: Groups, cut: Cut) -> list[Billed]:
    rates: dict[str, Rates] = {}
    units: dict[str, Decimal] = {}
    for row in lines:
        name = issuer(row["provider"])
        units[name] = min(units.get(name, _COARSEST), Decimal(1).scaleb(-int(row["places"])))
    found: list[Billed] = []
    for row in lines:
        day, name, item = _day(row["at"]), issuer(row["provider"]), _item(row)
        period = _period(cut, day)
        beyond = day + row["days"] * _DAY > cut.after(period)
        if row["currency"] not in rates:
            rates[row["currency"]] = currencies.rates(control, row["currency"])
        amount, spread = _dollars(row["amount"], rates[row["currency"]], day)
        usage = row["kind"] == "usage"
        found.append(
            Billed(
                period=period,
                provider=name,
                # A line about more than the period is set against nothing that would be as long.
                group=groups.items[item] if usage and not beyond else f"over {row['days']} days" if beyond else "",
                item=item.text,
                amount=amount,
                lines=row["lines"],
                kind=row["kind"],
                spread=spread,
                rounding=_EXACT.multiply(units[name], row["lines"]),
                quantity=row["quantity"],
            )
        )
    return found


def _dollars(amount: Decimal, rates: Rates, day: date) -> tuple[Decimal, Decimal]:
    """(the amount in US dollars at the day's rate, how far the rates of the days beside it would be from that)."""
    made = _EXACT.divide(amount, rates.on(day)).quantize(bills.PLACES, context=_EXACT)
    if rates.currency == currencies.DOLLAR:
        return made, _ZERO
    beside: list[Decimal] = []
    for other in (day - _DAY, day + _DAY):
        try:
            beside.append(_EXACT.divide(amount, rates.on(other)).quantize(bills.PLACES, context=_EXACT))
        except RateUnknown:
            continue
    return made, max((abs(_EXACT.subtract(each, made)) for each in beside), default=_ZERO)


def _booked(
    held: Sequence[Mapping[str, Any]],
    groups: Groups,
    cut: Cut,
    known: Mapping[Key, Mapping[str, Any]],
    unseen: Mapping[Key, tuple[Decimal, int]],
) -> list[Booked]:
    found: list[Booked] = []
    for row in held:
        day = row["bucket"].date()
        key = (day, row["provider"], row["model"])
        period = _period(cut, day)
        name = issuer(row["provider"])
        about = known.get(key, {})
        # Within a month, what moves from day to day stays.
        is_last = day + _DAY == cut.after(period)
        cost, calls = unseen.get(key, (_ZERO, 0))
        found.append(
            Booked(
                period=period,
                provider=name,
                group=groups.models[(name, row["model"])],
                model=row["model"] or "(no model)",
                cost=row["cost_usd"],
                calls=row["calls"],
                tokens=sum(row[each] for each in _TOKENS),
                unpriced_calls=row["unpriced_calls"],
                unpriced_tokens=about.get("unpriced_tokens", 0),
                late_cost=about.get("late_cost", _ZERO) if is_last else _ZERO,
                late_calls=about.get("late_calls", 0) if is_last else 0,
                batch_cost=about.get("batch_cost", _ZERO),
                batch_calls=about.get("batch_calls", 0),
                hidden_cost=cost,
                hidden_calls=calls,
            )
        )
    return found


def _ahead(known: Mapping[Key, Mapping[str, Any]], groups: Groups, start: date) -> dict[tuple[str, str], Booked]:
    """What of the day before the first began there and ended later, by provider and group."""
    found: dict[tuple[str, str], Booked] = {}
    for (day, provider, model), row in known.items():
        name = issuer(provider)
        of = groups.models.get((name, model))
        if day != start - _DAY or of is None or not row["late_calls"]:
            continue
        other = found.get((name, of))
        cost, calls = row["late_cost"], row["late_calls"]
        if other is not None:
            cost, calls = _EXACT.add(cost, other.late_cost), calls + other.late_calls
        found[(name, of)] = Booked(day, name, of, model, _ZERO, late_cost=cost, late_calls=calls)
    return found


def _period(cut: Cut, day: date) -> date:
    return max(each for each in cut.periods if each <= day)


def _day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
