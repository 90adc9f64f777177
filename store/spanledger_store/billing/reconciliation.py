"""A provider's bill against the ledger, by day and model: what agrees, what is explained and by what, what is left.

A difference is bill minus ledger. Explanations are tried in a fixed order, and each takes no more of the difference
than its evidence bears; so the terms and what is unexplained add up to the difference exactly, and nothing is
explained twice.

| term | bears | evidence |
|---|---|---|
| not usage | all of it | lines for taxes, credits, fees and adjustments, which no call makes |
| not billed yet | the ledger's amount | the bill ends before that day |
| batch | half the cost | calls that say batch or flex and have the standard price |
| late | their cost, which the other day gets | calls that began on one day and ended on the next |
| unpriced | the billed price of their tokens | calls without a price |
| sampled out | the cost of as many | calls that clients counted in metrics and no span told |
| currency | the amount at the rates beside the day's | lines in another currency |
| rounding | a unit for each line | lines, and the decimal places of the bill |

Everything here is Decimal and pure. Standard terms: FinOps Foundation, "Invoicing & Chargeback" capability.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from typing import Final

from spanledger_store.billing.reconciliation_sides import (
    Billed,
    Booked,
    Cut,
    Row,
    Status,
    Term,
    Tolerance,
    Why,
    share,
    total,
)
from spanledger_store.control.budgets import plain

_EXACT: Final = Context(prec=80)
_ZERO: Final = Decimal(0)
_HALF: Final = Decimal("0.5")


@dataclass(slots=True)
class _Open:
    """A row in the making."""

    period: date
    provider: str
    group: str
    kind: str
    billed: list[Billed] = field(default_factory=list[Billed])
    booked: list[Booked] = field(default_factory=list[Booked])
    terms: list[Term] = field(default_factory=list[Term])
    rest: Decimal = _ZERO

    @property
    def bill(self) -> Decimal:
        return total(each.amount for each in self.billed)

    @property
    def ledger(self) -> Decimal:
        return total(each.cost for each in self.booked)

    def take(self, why: Why, least: Decimal, most: Decimal, evidence: str) -> None:
        """Explain as much of the rest as lies between `least` and `most`, which have 0 between them."""
        amount = min(max(self.rest, least), most)
        if amount:
            self.terms.append(Term(why, amount, evidence))
            self.rest = _EXACT.subtract(self.rest, amount)


def reconcile(
    billed: Iterable[Billed],
    booked: Iterable[Booked],
    cut: Cut,
    tolerance: Tolerance,
    before: Mapping[tuple[str, str], Booked] | None = None,
) -> list[Row]:
    """Every (period, provider, group) of either side, by period, provider and group.

    `before` holds, by (provider, group), what the ledger says of the period ahead of the first one: of its calls, those
    that ended later. The rows' bills and ledgers add up to what was given, to the last digit.
    """
    found: dict[tuple[date, str, str, str], _Open] = {}

    def at(period: date, provider: str, group: str, kind: str) -> _Open:
        key = (period, provider, group, kind)
        if key not in found:
            found[key] = _Open(*key)
        return found[key]

    for line in billed:
        at(line.period, line.provider, line.group, line.kind).billed.append(line)
    for entry in booked:
        at(entry.period, entry.provider, entry.group, "usage").booked.append(entry)
    chains: defaultdict[tuple[str, str], list[_Open]] = defaultdict(list)
    for key in sorted(found):
        row = found[key]
        row.rest = _EXACT.subtract(row.bill, row.ledger)
        if row.kind != "usage":
            row.take(Why.NOT_USAGE, min(row.rest, _ZERO), max(row.rest, _ZERO), f"{_lines(row)} of kind {row.kind}")
        else:
            _explain_absence(row, cut)
            _explain_batch(row)
            chains[(row.provider, row.group)].append(row)
    for key, chain in chains.items():
        _explain_late(chain, cut, (before or {}).get(key))
    for row in found.values():
        if row.kind == "usage":
            _explain_rest(row)
    return [_closed(found[key], cut, tolerance) for key in sorted(found)]


def _explain_absence(row: _Open, cut: Cut) -> None:
    if row.billed or not row.rest:
        return
    until = cut.billed_until.get(row.provider)
    if until is None:
        row.take(Why.NOT_BILLED_YET, min(row.rest, _ZERO), _ZERO, "no bill of this provider is there for the period")
    elif row.period >= until:
        row.take(Why.NOT_BILLED_YET, min(row.rest, _ZERO), _ZERO, f"the bill ends before {until.isoformat()}")


def _explain_batch(row: _Open) -> None:
    cost = total(each.batch_cost for each in row.booked)
    if cost > 0:
        calls = sum(each.batch_calls for each in row.booked)
        # Half the price is what OpenAI, Anthropic, Google and Mistral charge for batches, and OpenAI for flex.
        row.take(
            Why.BATCH, -_EXACT.multiply(cost, _HALF), _ZERO,
            f"{calls} calls say batch or flex and were priced at {plain(cost)} USD, the standard price",
        )  # fmt: skip


def _explain_late(chain: Sequence[_Open], cut: Cut, ahead: Booked | None) -> None:
    """What one period gives, the next one gets: calls that a provider may have counted when they ended."""
    for at, row in enumerate(chain):
        previous = chain[at - 1] if at else None
        if previous is None and row.period == cut.periods[0] and ahead is not None and ahead.late_cost > 0:
            row.take(
                Why.LATE, _ZERO, ahead.late_cost,
                f"{ahead.late_calls} calls began before {row.period.isoformat()} and ended on or after it",
            )  # fmt: skip
        cost = total(each.late_cost for each in row.booked)
        if cost <= 0 or row.rest >= 0:
            continue
        calls = sum(each.late_calls for each in row.booked)
        following = cut.after(row.period)
        evidence = f"{calls} calls began before {following.isoformat()} and ended on or after it"
        if following == cut.end:
            row.take(Why.LATE, -cost, _ZERO, evidence)
            continue
        other = chain[at + 1] if at + 1 < len(chain) and chain[at + 1].period == following else None
        if other is None or other.rest <= 0:
            continue
        moved = min(cost, -row.rest, other.rest)
        row.take(Why.LATE, -moved, _ZERO, evidence)
        other.take(Why.LATE, _ZERO, moved, evidence)


def _explain_rest(row: _Open) -> None:
    calls, unpriced = sum(each.calls for each in row.booked), sum(each.unpriced_calls for each in row.booked)
    if unpriced and row.bill > 0:
        tokens = sum(each.tokens for each in row.booked)
        without = sum(each.unpriced_tokens for each in row.booked)
        part, whole = (without, tokens) if tokens and without else (unpriced, calls)
        most = row.bill if part >= whole else share(row.bill, part, whole)
        row.take(
            Why.UNPRICED, _ZERO, most, f"{unpriced} of {calls} calls have no price, {without} of {tokens} tokens"
        )  # fmt: skip
    hidden = total(each.hidden_cost for each in row.booked)
    if hidden > 0:
        missing = sum(each.hidden_calls for each in row.booked)
        row.take(Why.SAMPLED_OUT, _ZERO, hidden, f"clients counted {missing} calls that no span told of")
    spread = total(each.spread for each in row.billed)
    if spread > 0:
        row.take(Why.CURRENCY, -spread, spread, "the exchange rates beside the day's")
    rounding = total(each.rounding for each in row.billed)
    if rounding > 0:
        row.take(Why.ROUNDING, -rounding, rounding, f"{_lines(row)}, together rounded by at most {plain(rounding)}")


def _lines(row: _Open) -> str:
    count = sum(each.lines for each in row.billed)
    return f"{count} line{'' if count == 1 else 's'}"


def _closed(row: _Open, cut: Cut, tolerance: Tolerance) -> Row:
    bill, ledger = row.bill, row.ledger
    difference = _EXACT.subtract(bill, ledger)
    if row.kind == "usage" and row.provider not in cut.billed_until:
        status = Status.NO_BILL
    elif tolerance.allows(difference, bill):
        status = Status.MATCHED
    else:
        status = Status.EXPLAINED if tolerance.allows(row.rest, bill) else Status.UNEXPLAINED
    return Row(
        row.period,
        row.provider,
        row.group if row.kind == "usage" else row.kind,
        tuple(sorted({each.model for each in row.booked})),
        tuple(sorted({each.item for each in row.billed})),
        bill,
        ledger,
        tuple(row.terms),
        row.rest,
        status,
    )
