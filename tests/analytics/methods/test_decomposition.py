"""Terms add up to the change, say what has changed, and say it whatever is zero."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_analytics.methods.changes.decomposition import Decomposition, Driver, decompose, driver_of, total
from tests.analytics.methods.ledger_lines import frame, line

COUNT = st.one_of(st.just(0), st.integers(1, 50), st.integers(1, 10**9))
PRICE = st.sampled_from(("0", "0.000001", "0.3", "3", "15", "1234.567891"))


@st.composite
def ledgers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Any lines: failed, free, unpriced and charged calls in any proportion, prices of any size, costs of no class."""
    slices = draw(
        st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xy"), st.sampled_from("mn")), unique=True)
    )
    lines: list[dict[str, Any]] = []
    for customer, feature, model in slices:
        calls = draw(st.integers(1, 10**6))
        failed, hits, unpriced = (draw(st.sampled_from((0, 1, calls // 3, calls))) for _ in range(3))
        counts = {f"{name}_tokens": draw(COUNT)
                  for name in ("input", "cache_read", "cache_write", "output", "reasoning", "other")}  # fmt: skip
        lines.append(
            line(
                customer, feature, model, calls=calls, errors=failed, cache_hits=min(hits, calls - failed),
                unpriced_calls=unpriced, prices=[draw(PRICE) for _ in range(5)],
                extra=draw(st.sampled_from(("0", "0.000000000001", "7.5", "-0.25"))), **counts,
            )
        )  # fmt: skip
    return lines


def terms(found: Decomposition) -> dict[str, Decimal]:
    return {term.key: term.amount for term in found.terms}


@settings(max_examples=100, deadline=None)
@given(ledgers(), ledgers())
def test_terms_add_up_to_the_change_to_the_last_digit(before: list[Any], after: list[Any]) -> None:
    found = decompose(frame(before), frame(after))
    spent = [sum((each["cost_usd"] for each in lines), Decimal(0)) for lines in (before, after)]
    assert total(term.amount for term in found.terms) == spent[1] - spent[0] == found.change
    # What floating point left over is nothing beside what the lines contributed: no term is made up.
    contributed = found.lines.select(pl.sum_horizontal(pl.col(pl.Float64).abs())).to_series().sum()
    assert abs(found.rounding) <= Decimal("1e-14") * Decimal(contributed) + Decimal("2e-11")


@settings(max_examples=100, deadline=None)
@given(ledgers(), ledgers())
def test_exchanging_the_periods_changes_the_signs(before: list[Any], after: list[Any]) -> None:
    there, back = (terms(decompose(frame(a), frame(b))) for a, b in ((before, after), (after, before)))
    back["new_customers"], back["gone_customers"] = back["gone_customers"], back["new_customers"]
    assert there == {key: -amount for key, amount in back.items()}


@settings(max_examples=50, deadline=None)
@given(ledgers(), ledgers(), st.randoms(use_true_random=False))
def test_names_and_the_order_of_lines_do_not_matter(before: list[Any], after: list[Any], dice: Any) -> None:
    plain = terms(decompose(frame(before), frame(after)))
    names = {old: new for letters in ("abcd", "xy", "mn")
             for old, new in zip(letters, dice.sample(letters, len(letters)), strict=True)}  # fmt: skip

    def renamed(lines: list[Any]) -> pl.DataFrame:
        shuffled = dice.sample(lines, len(lines))
        return frame([each | {key: names[each[key]] for key in ("customer", "feature", "model")} for each in shuffled])

    assert terms(decompose(renamed(before), renamed(after))) == plain


@settings(max_examples=60, deadline=None)
@given(ledgers(), ledgers())
def test_lines_contribute_what_their_terms_are(before: list[Any], after: list[Any]) -> None:
    found = decompose(frame(before), frame(after))
    for key, amount in terms(found).items():
        tolerance = float(found.lines[key].abs().sum()) * 1e-12 + 1e-9
        assert found.lines[key].sum() == pytest.approx(float(amount), abs=tolerance)
    assert found.lines.height == len({(each["customer"], each["feature"], each["model"]) for each in [*before, *after]})


USUAL = {"calls": 1000, "input_tokens": 400_000, "cache_read_tokens": 1_600_000, "output_tokens": 90_000}


def only(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, float]:
    """The terms that are not zero, to a millionth of a dollar."""
    found = {key: round(float(amount), 6) for key, amount in terms(decompose(frame(before), frame(after))).items()}
    return {key: amount for key, amount in found.items() if amount}


def scaled(factor: int, **more: Any) -> dict[str, Any]:
    return line(**{name: count * factor for name, count in USUAL.items()}, **more)


def test_twice_the_calls_are_volume() -> None:
    assert only([scaled(1)], [scaled(2)]) == {"volume": 3.03}


def test_tokens_per_call_are_told_by_class_and_leave_the_cache_rate_alone() -> None:
    longer = line(**{**USUAL, "input_tokens": 800_000, "cache_read_tokens": 3_200_000, "output_tokens": 180_000})
    assert only([line(**USUAL)], [longer]) == {"tokens_input": 1.2, "tokens_cached": 0.48, "tokens_output": 1.35}


def test_a_cache_that_stops_hitting_is_the_cache_rate_and_not_more_tokens() -> None:
    cold = line(**{**USUAL, "input_tokens": 2_000_000, "cache_read_tokens": 0})
    assert only([line(**USUAL)], [cold]) == {"cache_rate": 6.0 - 1.2 - 0.48}


def test_prices_are_told_by_class() -> None:
    dearer = line(**USUAL, prices=("6", "0.3", "3.75", "10", "1"))
    assert only([line(**USUAL)], [dearer]) == {"price_input": 1.2, "price_output": -0.45}


def test_a_price_for_what_had_none_is_not_a_new_price() -> None:
    unpriced = line(**USUAL, unpriced_calls=1000, prices=("0",) * 5)
    assert only([unpriced], [line(**USUAL)]) == {"priced": 3.03}


def test_answers_from_the_own_cache_and_failed_calls_have_terms_of_their_own() -> None:
    # A cached answer reports its tokens like the one it repeats; nobody charges for it.
    halved = line(**USUAL, cache_hits=500, prices=("1.5", "0.15", "0", "7.5", "0"))
    assert only([line(**USUAL)], [halved]) == {"own_cache": -1.515}
    retried = line(**{**USUAL, "calls": 1250}, errors=250)
    found = only([line(**USUAL)], [retried])
    assert found.keys() == {"volume", "errors"}
    assert found["volume"] == -found["errors"] > 0


def test_customers_that_come_and_go_are_told_whole_and_change_nobody_elses_terms() -> None:
    before, after = [line(**USUAL)], [scaled(2)]
    plain = only(before, after)
    come, gone = scaled(3, customer="come"), scaled(5, customer="gone")
    assert only([*before, gone], [*after, come]) == {"new_customers": 9.09, "gone_customers": -15.15} | plain


def test_mix_is_what_more_calls_of_the_dear_and_fewer_of_the_cheap_come_to() -> None:
    dear, cheap = line(model="dear", calls=100, output_tokens=100_000), line(model="cheap", calls=100)
    more, less = line(model="dear", calls=150, output_tokens=150_000), line(model="cheap", calls=50)
    assert only([dear, cheap], [more, less]) == {"mix_model": 0.75}
    assert only([dear | {"feature": "d"}, cheap], [more | {"feature": "d"}, less]) == {"mix_feature": 0.75}
    assert only([dear | {"customer": "d"}, cheap], [more | {"customer": "d"}, less]) == {"mix_customer": 0.75}


def test_a_new_model_within_a_customer_is_mix_at_its_own_price() -> None:
    before, after = line(model="old", calls=100, output_tokens=1000), line(model="new", calls=100, output_tokens=9000)
    assert only([before], [after]) == {"mix_model": 0.12}


def test_a_cost_of_no_class_is_a_price_per_call() -> None:
    assert only([line(calls=10, extra="5")], [line(calls=10, extra="8")]) == {"price_other": 3.0}
    assert only([line(calls=10, extra="5")], [line(calls=20, extra="10")]) == {"volume": 5.0}


def test_charged_calls_that_all_failed_are_not_divided_by_nobody() -> None:
    failed = scaled(2, errors=2000)
    assert only([line(**USUAL)], [failed]) == {"volume": 3.03}


def test_nothing_before_and_nothing_after() -> None:
    assert only([], [line(**USUAL)]) == {"new_customers": 3.03}
    assert only([line(**USUAL)], []) == {"gone_customers": -3.03}
    assert only([], []) == {}
    # Without customers to be told apart, what begins is volume.
    begun = decompose(frame([]), frame([line(**USUAL)]), mix=("model",))
    assert terms(begun)["volume"] == begun.change == Decimal("3.03")


def test_the_leading_driver_goes_the_way_of_the_change() -> None:
    found = decompose(frame([line(**USUAL)]), frame([line(**{**USUAL, "calls": 900, "output_tokens": 180_000})]))
    assert found.leading is Driver.TOKENS
    assert decompose(frame([scaled(2)]), frame([scaled(1)])).leading is Driver.VOLUME


def test_every_term_has_a_driver_and_missing_columns_are_named() -> None:
    assert {driver_of(key) for key in terms(decompose(frame([]), frame([])))} == set(Driver)
    with pytest.raises(ValueError, match="team, cost_usd"):
        decompose(frame([]).drop("cost_usd"), frame([]), mix=("customer", "team"))
