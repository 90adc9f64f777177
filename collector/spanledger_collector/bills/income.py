"""What customers paid, from a CSV of customer, month, amount and currency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Final

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import FileRefused, RowRefused
from spanledger_collector.backfill.rows import rows
from spanledger_collector.bills import values as v
from spanledger_store.control import Control, projects
from spanledger_store.control.budgets import plain
from spanledger_store.engine import Engine
from spanledger_store.finance import revenue
from spanledger_store.finance.revenue import Payment, RevenueInvalid

_EXACT: Final = Context(prec=80)
_MONTH = ("month", "period", "date")


def read_payments(path: Path, refused: list[tuple[str, str]]) -> Iterator[Payment]:
    """The payments of a file, each once; rows that are none are named in `refused`. Raises FileRefused.

    Two rows of one customer and month need a `reference` (an invoice's number) each: without one, the second of another
    amount is refused, since it could be a correction or another sum.
    """
    seen: dict[tuple[str, date, str], Payment] = {}
    columns_checked = False
    for row in rows(path):
        cells = Cells(row.values)
        if not columns_checked and not row.damage:
            missing = [name for name in ("customer", "amount") if name not in cells]
            if missing or not any(name in cells for name in _MONTH):
                raise FileRefused(
                    f"{path} has no column {(missing or ['month'])[0]!r}; it needs customer, month (2026-05), amount, "
                    "and currency where that is not USD."
                )
            columns_checked = True
        try:
            if row.damage:
                raise RowRefused(row.damage)
            payment = _payment(cells, path)
            key = (payment.customer, payment.month, payment.reference)
            if (before := seen.get(key)) is not None:
                if (before.amount, before.currency) == (payment.amount, payment.currency):
                    continue
                raise RowRefused(
                    f"{payment.customer} has {before.amount:f} {before.currency} for {payment.month:%Y-%m} already; "
                    "add a column `reference` where both count"
                )
            seen[key] = payment
        except (RowRefused, RevenueInvalid) as reason:
            refused.append((row.where, str(reason)))
        else:
            yield payment


def _payment(row: Cells, path: Path) -> Payment:
    text = row.text(*_MONTH)
    try:
        month = date.fromisoformat(f"{text}-01" if len(text) == 7 else text)
    except ValueError as error:
        raise RowRefused(f"month is {text!r}, not a month such as 2026-05") from error
    return Payment(
        customer=row.text("customer"),
        month=month.replace(day=1),
        amount=v.needed(row, "amount"),
        currency=row.text("currency").upper() or "USD",
        reference=row.text("reference", "invoice"),
        file=path.name,
    )


def take(
    engine: Engine, control: Control, project: str, files: Sequence[Path], *, interface: str, dry_run: bool = False
) -> dict[str, Any]:
    """Import payments from files; what became of their rows. Again, it changes nothing.

    A file that cannot be read is named in `errors`. Raises ProjectInvalid or StoreError.
    """
    payments: list[Payment] = []
    refused: list[list[str]] = []
    errors: list[str] = []
    for path in files:
        bad: list[tuple[str, str]] = []
        try:
            payments += read_payments(path, bad)
        except FileRefused as error:
            errors.append(str(error))
        refused += [[str(path), where, reason] for where, reason in bad]
    if not dry_run:
        projects.ensure(control, project)
        revenue.put(engine, project, payments, interface=interface)
    totals: dict[str, Decimal] = {}
    for each in payments:
        totals[each.currency] = _EXACT.add(totals.get(each.currency, Decimal(0)), each.amount)
    return {
        "payments": len(payments),
        "customers": len({each.customer for each in payments}),
        "months": sorted({f"{each.month:%Y-%m}" for each in payments}),
        "amounts": {name: plain(amount) for name, amount in totals.items()},
        "refused": refused,
        "errors": errors,
    }
