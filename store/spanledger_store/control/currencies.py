"""Rates of currencies as the user has set them, dated: what a US dollar is worth from a UTC day on.

currencies.put(control, [Rate("EUR", date(2026, 1, 1), Decimal("0.92"))])
currencies.rates(control, "EUR").on(date(2026, 1, 31))     # Decimal("0.92")
"""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TextIO

from sqlalchemy import delete, select

from spanledger_store.control import finance_models as models
from spanledger_store.control.budgets import plain
from spanledger_store.control.database import Control
from spanledger_store.control.errors import CurrencyInvalid, RateUnknown
from spanledger_store.control.upsert import insert

DOLLAR: Final = "USD"
_CODE: Final = re.compile(r"[A-Z]{3}")
_LARGEST: Final = Decimal(10) ** 12
_PLACES: Final = 12
_CHUNK: Final = 200


@dataclass(frozen=True, slots=True)
class Rate:
    """Units of `currency` (ISO 4217) that a US dollar is worth from `day` (UTC) until the currency's next rate.

    Raises CurrencyInvalid, which names what cannot be.
    """

    currency: str
    day: date
    rate: Decimal

    def __post_init__(self) -> None:
        checked(self.currency)
        if self.currency == DOLLAR:
            raise CurrencyInvalid("a US dollar is worth 1 USD; name another currency.")
        if not (self.rate.is_finite() and 0 < self.rate < _LARGEST):
            raise CurrencyInvalid(
                f"rate {self.rate} cannot be: use how many {self.currency} a dollar is, such as 0.92."
            )
        exponent = self.rate.normalize().as_tuple().exponent
        if isinstance(exponent, int) and exponent < -_PLACES:
            raise CurrencyInvalid(f"rate {self.rate} has more than {_PLACES} decimal places; round it.")

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it; the rate is a string of all its digits."""
        return {"currency": self.currency, "from": self.day.isoformat(), "rate": plain(self.rate)}


class Rates:
    """The rates of one currency. Raises CurrencyInvalid where it has none; US dollars are always 1."""

    def __init__(self, currency: str, rates: Iterable[Rate]) -> None:
        self.currency = checked(currency)
        self._ordered = sorted(rates, key=lambda rate: rate.day)
        self._days = [each.day for each in self._ordered]
        if currency != DOLLAR and not self._ordered:
            raise CurrencyInvalid(
                f"there is no rate of {currency} yet. Set one with: spanledger currencies set {currency} "
                "--rate RATE --from 2026-01-01"
            )

    def on(self, day: date) -> Decimal:
        """What a US dollar is worth on a UTC day. Raises RateUnknown, which names day and currency."""
        if self.currency == DOLLAR:
            return Decimal(1)
        at = bisect_right(self._days, day)
        if not at:
            raise RateUnknown(
                f"there is no rate of {self.currency} for {day.isoformat()}: the first is from "
                f"{self._days[0].isoformat()} on. Set one with: spanledger currencies set {self.currency} "
                f"--rate RATE --from {day.isoformat()}"
            )
        return self._ordered[at - 1].rate

    def changes(self, start: date, end: date) -> list[date]:
        """The days in (start, end) from which another rate holds."""
        return [day for day in self._days if start < day < end]


def checked(currency: str) -> str:
    """The code of a currency. Raises CurrencyInvalid."""
    if not _CODE.fullmatch(currency):
        raise CurrencyInvalid(f"{currency!r} is no currency; use its three letters, such as EUR or JPY.")
    return currency


def put(control: Control, rates: Sequence[Rate]) -> int:
    """Set rates, in place of those of the same currency and day, all of them or none; how many."""
    now = datetime.now(UTC)
    wanted = {(each.currency, each.day): each for each in rates}
    rows = [
        {"currency": each.currency, "day": each.day.isoformat(), "rate": plain(each.rate), "changed_at": now}
        for each in wanted.values()
    ]
    if not rows:
        return 0
    with control.write() as connection:
        for at in range(0, len(rows), _CHUNK):
            statement = insert(connection, models.currency_rates).values(rows[at : at + _CHUNK])
            changed = {name: statement.excluded[name] for name in ("rate", "changed_at")}
            connection.execute(statement.on_conflict_do_update(index_elements=["currency", "day"], set_=changed))
    return len(rows)


def listing(control: Control, currency: str | None = None) -> list[Rate]:
    """Every rate, or those of one currency, by currency and day."""
    table = models.currency_rates.c
    statement = select(table.currency, table.day, table.rate).order_by(table.currency, table.day)
    if currency is not None:
        statement = statement.where(table.currency == currency)
    with control.read() as connection:
        rows = connection.execute(statement).all()
    return [Rate(code, date.fromisoformat(day), Decimal(rate)) for code, day, rate in rows]


def rates(control: Control, currency: str) -> Rates:
    """The rates of one currency. Raises CurrencyInvalid where it has none."""
    return Rates(currency, () if currency == DOLLAR else listing(control, checked(currency)))


def remove(control: Control, currency: str, day: date | None = None) -> list[Rate]:
    """Take the rate of a day away, or all of a currency; as they were. Raises RateUnknown where there is none."""
    gone = [each for each in listing(control, checked(currency)) if day in (None, each.day)]
    if not gone:
        which = currency if day is None else f"{currency} from {day.isoformat()} on"
        held = ", ".join(each.day.isoformat() for each in listing(control, currency)) or "none"
        raise RateUnknown(f"no rate of {which} has been set; of {currency} there are: {held}.")
    table = models.currency_rates
    statement = delete(table).where(table.c.currency == currency)
    if day is not None:
        statement = statement.where(table.c.day == day.isoformat())
    with control.write() as connection:
        connection.execute(statement)
    return gone


def read_csv(file: TextIO) -> list[Rate]:
    """Rates from lines of `currency,from,rate` under that header, in any order of columns.

    Raises CurrencyInvalid, which names the line.
    """
    reader = csv.DictReader(file)
    wanted = ("currency", "from", "rate")
    if missing := [name for name in wanted if name not in (reader.fieldnames or ())]:
        raise CurrencyInvalid(f"the file has no column {missing[0]!r}; its first line must be: {','.join(wanted)}")
    found: list[Rate] = []
    for number, row in enumerate(reader, 2):
        try:
            found.append(
                Rate((row["currency"] or "").strip(), date.fromisoformat(row["from"].strip()), Decimal(row["rate"]))
            )
        except (ValueError, InvalidOperation, TypeError, AttributeError) as error:
            raise CurrencyInvalid(
                f"line {number} ({','.join(str(row[name]) for name in wanted)}) cannot be read: use a line such as "
                "EUR,2026-01-01,0.92"
            ) from error
        except CurrencyInvalid as error:
            raise CurrencyInvalid(f"line {number}: {error}") from error
    return found
