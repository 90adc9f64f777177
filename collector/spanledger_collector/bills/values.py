"""Amounts, times and measures as bills write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import RowRefused
from spanledger_store.billing.bills import DAY_NS

_GROUPED: Final = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
_SLASHED: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})$")
# 1K, 1M, 10K, 1000 tokens; "1 Hour" is one of its unit.
_MEASURE: Final = re.compile(r"^\s*(\d+(?:[.,]\d+)?)?\s*([KMB])?(?:\s+|$)(.*)$", re.IGNORECASE)
_SCALES: Final = {"": 1, "K": 1000, "M": 1_000_000, "B": 1_000_000_000}
_WORDED: Final = re.compile(r"^(thousand|million|1k|1m)s?\s+|(^|\b)per\s+", re.IGNORECASE)


def amount(row: Cells, *names: str) -> Decimal | None:
    """The first of these values as a number with its sign; None where there is none. Raises RowRefused."""
    value = row.get(*names)
    if value is None:
        return None
    found = number(value)
    if found is None:
        name = next(name for name in names if row.get(name) is not None)
        raise RowRefused(f"{name} is {str(value)[:60]!r}, not a number such as 12.34")
    return found


def needed(row: Cells, *names: str) -> Decimal:
    """The same, where a line is none without it."""
    found = amount(row, *names)
    if found is None:
        raise RowRefused(f"it has no {names[0]}")
    return found


def number(value: Any) -> Decimal | None:
    """A number as JSON or a table has it: with a dollar sign, commas between thousands, or an exponent."""
    if isinstance(value, bool):
        return None
    text = str(value).strip().replace("$", "", 1)
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1]}"
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def day_of(row: Cells, *names: str) -> int:
    """The start of a line: a time, or a date (ISO, or month/day/year as Azure writes it). Raises RowRefused."""
    value = row.get(*names)
    if isinstance(value, str) and (match := _SLASHED.match(value.strip())):
        month, day, year = (int(part) for part in match.groups())
        try:
            return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1_000_000_000
        except ValueError as error:
            raise RowRefused(f"{names[0]} is {value!r}, not a date such as 01/31/2026") from error
    if isinstance(value, str) and value.strip().endswith(" UTC"):
        # As BigQuery writes a time into CSV.
        row = Cells({names[0]: value.strip().removesuffix(" UTC")})
    found = row.moment(*names)
    if found is None:
        raise RowRefused(f"it has no {names[0]}")
    return found


def end_of(row: Cells, start: int, *names: str) -> int:
    """The end of a line, a day after its start where it tells none."""
    return day_of(row, *names) if row.get(*names) is not None else start + DAY_NS


def currency(row: Cells, *names: str) -> str:
    """The code in capitals. Raises RowRefused."""
    found = row.text(*names).strip().upper()
    if not found:
        raise RowRefused(f"it has no {names[0]}")
    return found


def measured(quantity: Decimal | None, unit: str) -> tuple[Decimal | None, str]:
    """A quantity and its unit, in ones: (5, '1K Tokens') is (5000, 'tokens')."""
    match = _MEASURE.match(unit)
    if match is None:
        return quantity, unit.strip().lower()
    times = Decimal((match[1] or "1").replace(",", "")) * _SCALES[(match[2] or "").upper()]
    left = match[3].strip().lower()
    return (None if quantity is None else quantity * times), left or "units"
