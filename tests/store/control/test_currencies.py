"""Rates of currencies: dated, exact, and missing ones by name."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import pytest

from spanledger_store.control import Control, currencies
from spanledger_store.control.currencies import Rate
from spanledger_store.control.errors import CurrencyInvalid, RateUnknown

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


def test_a_rate_holds_until_the_next(control: Control) -> None:
    assert currencies.put(control, [Rate("EUR", APRIL, Decimal("0.91")), Rate("EUR", MARCH, Decimal("0.92"))]) == 2
    rates = currencies.rates(control, "EUR")
    days = [MARCH, date(2026, 3, 31), APRIL, date(2030, 1, 1)]
    assert [rates.on(day) for day in days] == [Decimal("0.92")] * 2 + [Decimal("0.91")] * 2
    assert rates.changes(MARCH, date(2026, 5, 1)) == [APRIL]


def test_setting_a_day_again_replaces_it_and_removing_gives_back_what_was(control: Control) -> None:
    currencies.put(control, [Rate("EUR", MARCH, Decimal("0.9")), Rate("JPY", MARCH, Decimal("155.123456789012"))])
    currencies.put(control, [Rate("EUR", MARCH, Decimal("0.95"))])
    assert currencies.rates(control, "EUR").on(MARCH) == Decimal("0.95")
    assert currencies.rates(control, "JPY").on(MARCH) == Decimal("155.123456789012")
    assert currencies.remove(control, "EUR") == [Rate("EUR", MARCH, Decimal("0.95"))]
    assert [each.currency for each in currencies.listing(control)] == ["JPY"]


def test_what_is_missing_is_named(control: Control) -> None:
    with pytest.raises(CurrencyInvalid, match="no rate of EUR yet"):
        currencies.rates(control, "EUR")
    currencies.put(control, [Rate("EUR", APRIL, Decimal("0.9"))])
    with pytest.raises(RateUnknown, match="no rate of EUR for 2026-03-01: the first is from 2026-04-01"):
        currencies.rates(control, "EUR").on(MARCH)
    with pytest.raises(RateUnknown, match="from 2026-03-01 on has been set; of EUR there are: 2026-04-01"):
        currencies.remove(control, "EUR", MARCH)


def test_dollars_are_dollars(control: Control) -> None:
    assert currencies.rates(control, "USD").on(MARCH) == 1
    with pytest.raises(CurrencyInvalid, match="a US dollar is worth 1 USD"):
        Rate("USD", MARCH, Decimal(1))


@pytest.mark.parametrize(
    ("currency", "rate", "says"),
    [("Euro", "1", "'Euro' is no currency"), ("EUR", "0", "rate 0"), ("EUR", "-1", "rate -1"), ("EUR", "NaN", "NaN"),
     ("EUR", "0.1234567890123", "12 decimal places"), ("EUR", "Infinity", "Infinity")],
)  # fmt: skip
def test_rates_that_cannot_be(currency: str, rate: str, says: str) -> None:
    with pytest.raises(CurrencyInvalid, match=says):
        Rate(currency, MARCH, Decimal(rate))


def test_a_file_of_rates() -> None:
    text = "from,currency,rate,source\n2026-03-01,EUR,0.92,ecb\n2026-04-01, EUR ,0.91,ecb\n"
    assert currencies.read_csv(io.StringIO(text)) == [
        Rate("EUR", MARCH, Decimal("0.92")), Rate("EUR", APRIL, Decimal("0.91"))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("currency,rate\nEUR,1\n", "no column 'from'"),
        ("currency,from,rate\nEUR,yesterday,1\n", r"line 2 \(EUR,yesterday,1\)"),
        ("currency,from,rate\nEUR,2026-01-01,1\nEUR,2026-01-02,much\n", "line 3"),
        ("currency,from,rate\nEUR,2026-01-01\n", "line 2"),
        ("currency,from,rate\nEUR,2026-01-01,-2\n", "line 2: rate -2"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_line(text: str, says: str) -> None:
    with pytest.raises(CurrencyInvalid, match=says):
        currencies.read_csv(io.StringIO(text))
