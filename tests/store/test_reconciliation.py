"""A bill against the ledger: every cent is matched, explained with evidence or named, and nothing is lost."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_store.billing.reconciliation import reconcile
from spanledger_store.billing.reconciliation_sides import (
    Billed,
    Booked,
    Cut,
    Row,
    Status,
    Tolerance,
    Why,
    periods,
    total,
)

FIRST = date(2026, 5, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
END = DAYS[-1] + timedelta(days=1)
NONE = Tolerance(Decimal(0), Decimal(0))


def cut(until: date | None = END, provider: str = "openai") -> Cut:
    return Cut(DAYS, END, {} if until is None else {provider: until})


def bill(amount: str, day: int = 0, **values: Any) -> Billed:
    return Billed(DAYS[day], "openai", "gpt-4o", "gpt-4o, input", Decimal(amount), **values)


def book(cost: str, day: int = 0, **values: Any) -> Booked:
    held = {"calls": 100, "tokens": 1000} | values
    return Booked(DAYS[day], "openai", "gpt-4o", "gpt-4o", Decimal(cost), **held)


def terms(row: Row) -> dict[str, str]:
    return {each.why.value: f"{each.amount:f}" for each in row.terms}


def test_equal_sides_match() -> None:
    (row,) = reconcile([bill("1.00"), bill("0.50")], [book("1.50")], cut(), NONE)
    assert (row.status, row.difference, row.unexplained, row.terms) == (Status.MATCHED, 0, 0, ())


def test_the_tolerance_is_the_larger_of_amount_and_share() -> None:
    sides = [bill("100")], [book("99.40")]
    for tolerance, status in (
        (Tolerance(Decimal("0.59"), Decimal("0.005")), Status.UNEXPLAINED),
        (Tolerance(Decimal("0.60"), Decimal("0.005")), Status.MATCHED),
        (Tolerance(Decimal("0.01"), Decimal("0.006")), Status.MATCHED),
    ):
        (row,) = reconcile(*sides, cut(), tolerance)
        assert (row.status, row.unexplained) == (status, Decimal("0.60"))


def test_what_no_call_makes_is_shown_and_explained() -> None:
    rows = reconcile([bill("10"), bill("2.10", kind="tax"), bill("-3", kind="credit")], [book("10")], cut(), NONE)
    assert [(row.group, row.status, terms(row)) for row in rows] == [
        ("credit", Status.EXPLAINED, {"not usage": "-3"}),
        ("tax", Status.EXPLAINED, {"not usage": "2.10"}),
        ("gpt-4o", Status.MATCHED, {}),
    ]


def test_days_after_the_end_of_the_bill_are_not_billed_yet() -> None:
    rows = reconcile([bill("1")], [book("1"), book("2", 1)], cut(until=DAYS[1]), NONE)
    assert [(row.status, terms(row)) for row in rows] == [
        (Status.MATCHED, {}),
        (Status.EXPLAINED, {"not billed yet": "-2"}),
    ]
    # A day inside the bill that it does not have is a question.
    rows = reconcile([bill("1", 1)], [book("2"), book("1", 1)], cut(), NONE)
    assert [row.status for row in rows] == [Status.UNEXPLAINED, Status.MATCHED]


def test_without_any_bill_nothing_is_claimed() -> None:
    (row,) = reconcile([], [book("2")], cut(until=None), NONE)
    assert (row.status, terms(row), row.unexplained) == (Status.NO_BILL, {"not billed yet": "-2"}, 0)


def test_batches_priced_as_others_explain_half_of_their_cost_and_no_more() -> None:
    (row,) = reconcile([bill("5.5")], [book("8", batch_cost=Decimal(4), batch_calls=7)], cut(), NONE)
    assert (terms(row), row.unexplained, row.status) == ({"batch": "-2.0"}, Decimal("-0.5"), Status.UNEXPLAINED)
    # They make a bill smaller, never larger.
    (row,) = reconcile([bill("9")], [book("8", batch_cost=Decimal(4), batch_calls=7)], cut(), NONE)
    assert (terms(row), row.unexplained) == ({}, 1)


def test_what_a_day_gives_the_next_one_gets() -> None:
    late = {"late_cost": Decimal(2), "late_calls": 3}
    rows = reconcile([bill("8.5"), bill("11.5", 1)], [book("10", **late), book("10", 1)], cut(), NONE)
    assert [terms(row) for row in rows] == [{"late": "-1.5"}, {"late": "1.5"}]
    assert "3 calls began before 2026-05-02" in rows[0].terms[0].evidence
    # Where the next day has nothing too much, calls did not move there.
    rows = reconcile([bill("8.5"), bill("10", 1)], [book("10", **late), book("10", 1)], cut(), NONE)
    assert [(terms(row), row.unexplained) for row in rows] == [({}, Decimal("-1.5")), ({}, 0)]


def test_the_days_around_the_period_give_and_get_too() -> None:
    ahead = {("openai", "gpt-4o"): Booked(FIRST, "openai", "gpt-4o", "gpt-4o", Decimal(0), late_cost=Decimal(1),
                                          late_calls=1)}  # fmt: skip
    rows = reconcile(
        [bill("10.75"), bill("9", 3)], [book("10"), book("9.5", 3, late_cost=Decimal(1))], cut(), NONE, ahead
    )
    assert [terms(row) for row in rows] == [{"late": "0.75"}, {"late": "-0.5"}]


def test_calls_without_a_price_explain_what_their_tokens_cost_on_the_bill() -> None:
    (row,) = reconcile([bill("6")], [book("0", unpriced_calls=100, unpriced_tokens=1000)], cut(), NONE)
    assert (terms(row), row.status) == ({"unpriced": "6"}, Status.EXPLAINED)
    (row,) = reconcile([bill("6")], [book("3", unpriced_calls=25, unpriced_tokens=250)], cut(), NONE)
    assert (terms(row), row.unexplained) == ({"unpriced": "1.500000000000"}, Decimal("1.5"))


def test_sampling_currency_and_rounding_explain_within_their_bounds() -> None:
    billed = [bill("10.00", lines=3, rounding=Decimal("0.03"), spread=Decimal("0.20"))]
    (row,) = reconcile(billed, [book("9", hidden_cost=Decimal("0.7"), hidden_calls=8)], cut(), NONE)
    assert terms(row) == {"sampled out": "0.7", "currency": "0.20", "rounding": "0.03"}
    assert row.unexplained == Decimal("0.07")


def test_months_are_cut_at_the_calendar() -> None:
    assert periods(date(2026, 1, 15), date(2026, 3, 2), by_month=True) == [
        date(2026, 1, 15), date(2026, 2, 1), date(2026, 3, 1)
    ]  # fmt: skip
    assert periods(date(2026, 2, 27), date(2026, 3, 2), by_month=False)[-1] == date(2026, 3, 1)


AMOUNT = st.decimals(-50, 500, places=12, allow_nan=False, allow_infinity=False)
COST = st.decimals(0, 500, places=12, allow_nan=False, allow_infinity=False)
COUNT = st.integers(0, 50)
GROUP = st.sampled_from(["gpt-4o", "claude", ""])
PROVIDER = st.sampled_from(["openai", "anthropic"])
LINES = st.lists(
    st.builds(
        Billed, period=st.sampled_from(DAYS), provider=PROVIDER, group=GROUP, item=st.just("x"), amount=AMOUNT,
        kind=st.sampled_from(["usage", "usage", "usage", "tax", "credit"]), spread=COST, rounding=COST,
    ),
    max_size=12,
)  # fmt: skip
ENTRIES = st.lists(
    st.builds(
        Booked, period=st.sampled_from(DAYS), provider=PROVIDER, group=GROUP, model=st.sampled_from("ab"), cost=COST,
        calls=st.integers(1, 100), tokens=st.integers(1, 1000), unpriced_calls=COUNT, unpriced_tokens=COUNT,
        late_cost=COST, late_calls=COUNT, batch_cost=COST, batch_calls=COUNT, hidden_cost=COST, hidden_calls=COUNT,
    ),
    max_size=12,
)  # fmt: skip


@settings(deadline=None)
@given(LINES, ENTRIES, st.sampled_from([None, DAYS[2], END]))
def test_every_row_adds_up_and_the_rows_are_both_sides(
    lines: list[Billed], entries: list[Booked], until: date | None
) -> None:
    ends = {} if until is None else {"openai": until, "anthropic": until}
    rows = reconcile(lines, entries, Cut(DAYS, END, ends), Tolerance())
    for row in rows:
        parts = total([*(each.amount for each in row.terms), row.unexplained])
        assert parts == row.bill - row.ledger == row.difference
        # No term overshoots: what is left lies between the difference and 0, but for calls that come from another day.
        if all(each.why is not Why.LATE for each in row.terms):
            assert min(row.difference, 0) <= row.unexplained <= max(row.difference, 0)
    assert total(row.bill for row in rows) == total(line.amount for line in lines)
    assert total(row.ledger for row in rows) == total(entry.cost for entry in entries)


@settings(deadline=None)
@given(LINES, ENTRIES)
def test_inside_the_period_late_calls_only_move(lines: list[Billed], entries: list[Booked]) -> None:
    rows = reconcile(lines, entries, Cut(DAYS, END, {"openai": END, "anthropic": END}), NONE)
    for provider in ("openai", "anthropic"):
        for name in ("gpt-4o", "claude", ""):
            moved = [
                (row.period, term.amount) for row in rows for term in row.terms
                if (row.provider, row.group, term.why) == (provider, name, Why.LATE)
            ]  # fmt: skip
            inner = total(amount for _, amount in moved)
            # Only the last day gives to one that is not in the period.
            given_away = total(amount for period, amount in moved if period == DAYS[-1] and amount < 0)
            assert inner == given_away
            bound = total(e.late_cost for e in entries if (e.provider, e.group) == (provider, name))
            assert sum(abs(amount) for _, amount in moved) <= 2 * bound


@settings(deadline=None)
@given(LINES, ENTRIES, st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_does_not_matter(lines: list[Billed], entries: list[Booked], random: Any) -> None:
    ends = Cut(DAYS, END, {"openai": END})
    before = [row.as_json() for row in reconcile(lines, entries, ends, Tolerance())]
    random.shuffle(lines)
    random.shuffle(entries)
    assert [row.as_json() for row in reconcile(lines, entries, ends, Tolerance())] == before
