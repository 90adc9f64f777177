"""Numbers as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_dashboard import fmt


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (Decimal(0), "$0.00"),
        (Decimal("4218.4"), "$4,218.40"),
        (Decimal("1234567.8"), "$1,234,568"),
        (Decimal("0.02434"), "$0.0243"),
        (Decimal("0.9999"), "$1.00"),
        (Decimal("0.0000084"), "$0.000008"),
        (Decimal("0.0000000001"), "<$0.000001"),
        (Decimal("-3.5"), "-$3.50"),
    ],
)
def test_money(value: Decimal | None, text: str) -> None:
    assert fmt.money(value) == text


@given(st.decimals(min_value=Decimal("1e-12"), max_value=Decimal("1e15"), places=12))
def test_money_that_is_not_zero_never_reads_as_zero(value: Decimal) -> None:
    assert any(digit in fmt.money(value) for digit in "123456789")
    assert Decimal(fmt.exact(value)) == value


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (None, "–"),
        (900.0, "1µs"),
        (132e6, "132ms"),
        (999.9e6, "1.00s"),
        (1.62e9, "1.62s"),
        (125e9, "2m 05s"),
        (3.84e12, "1h 04m"),
    ],
)
def test_durations(ns: float | None, text: str) -> None:
    assert fmt.duration(ns) == text


def test_counts_shares_and_changes() -> None:
    assert fmt.short(611_100) == ("611.1", "k")
    assert fmt.short(None) == ("–", "")
    assert fmt.tokens(4820) == "4,820"
    assert fmt.tokens(2_423_600) == "2.4M"
    assert fmt.share(0.0092, 2) == "0.92%"
    assert fmt.signed(fmt.change(1.2, 1.0)) == "+20.0%"
    assert fmt.signed(fmt.change(30.0, 1.0)) == "×30"
    assert fmt.change(1.0, 0.0) is None


def test_moments_are_local() -> None:
    moment = datetime(2026, 11, 20, 23, 14, 9, 271_000, tzinfo=UTC)
    assert fmt.moment(moment, ZoneInfo("Europe/Berlin")) == "21 Nov 00:14:09.271"
