"""Culprits say which slice, what about it, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from spanledger_analytics.methods.changes.culprits import Culprit, Kind, culprits
from spanledger_analytics.methods.changes.decomposition import Driver
from spanledger_analytics.methods.changes.root_cause import Params
from tests.analytics.methods.ledger_lines import DIMENSIONS, frame, line

CUSTOMERS = ("acme", "bolt", "crow", "dune", "elm", "fir", "gull", "hare")
FEATURES = ("chat", "search", "notes")
Lines = list[dict[str, Any]]


def usual(customer: str, feature: str, model: str = "old", calls: int = 500, **more: Any) -> dict[str, Any]:
    """$15 of five hundred calls."""
    counts = {"input_tokens": 2000 * calls, "output_tokens": 1600 * calls}
    return line(customer, feature, model, calls=calls, **counts | more)


def company(*others: dict[str, Any]) -> Lines:
    """Eight customers with three features, of which `others` replace those of their customer and feature."""
    instead = {(each["customer"], each["feature"]) for each in others}
    return [usual(c, f) for c in CUSTOMERS for f in FEATURES if (c, f) not in instead] + list(others)


def found(before: Lines, after: Lines, versions: Sequence[str] = ()) -> list[Culprit]:
    names = (*DIMENSIONS, *versions)
    return culprits(frame(before, names), frame(after, names), DIMENSIONS, versions)


def one(before: Lines, after: Lines) -> Culprit:
    (only,) = found(before, after)
    return only


def test_more_calls_are_quantity_and_worth_what_they_cost() -> None:
    culprit = one(company(), company(usual("acme", "chat", calls=1000)))
    assert culprit.slice == {"customer": "acme", "feature": "chat"}
    assert (culprit.kind, culprit.driver, culprit.effect) == (Kind.QUANTITY, Driver.VOLUME, Decimal(15))
    assert culprit.explained == 1.0
    assert (culprit.before.calls, culprit.after.calls) == (500, 1000)


def test_dearer_calls_are_intensity_and_name_what_about_them() -> None:
    longer = usual("acme", "chat", output_tokens=3_200_000)
    culprit = one(company(), company(longer))
    assert (culprit.kind, culprit.driver, culprit.effect) == (Kind.INTENSITY, Driver.TOKENS, Decimal(36))
    cut = one(company(longer), company())
    assert (cut.slice, cut.effect) == (culprit.slice, -culprit.effect)
    assert cut.distance == pytest.approx(culprit.distance)


def test_a_slice_with_more_calls_that_are_dearer_is_found_for_both() -> None:
    both = usual("acme", "chat", calls=1000, output_tokens=6_400_000)
    kinds = {each.kind: each for each in found(company(), company(both))}
    assert kinds.keys() == {Kind.QUANTITY, Kind.INTENSITY}
    assert sum(each.effect for each in kinds.values()) == kinds[Kind.QUANTITY].terms.change == Decimal(87)


def test_a_model_replaced_at_the_same_price_is_nobodys_fault() -> None:
    assert found(company(), company(*(usual(customer, "chat", "new") for customer in CUSTOMERS))) == []


def test_a_model_replaced_by_a_dearer_one_is_the_mix_of_its_feature() -> None:
    prices = ("9", "0.9", "11.25", "45", "3")
    culprit = one(company(), company(*(usual(customer, "chat", "new", prices=prices) for customer in CUSTOMERS)))
    assert (culprit.slice, culprit.kind) == ({"feature": "chat"}, Kind.MIX)
    assert culprit.effect == culprit.terms.change == Decimal(240)


def test_a_price_is_its_models() -> None:
    models = {"chat": "big", "search": "small", "notes": "small"}
    before = [usual(customer, feature, models[feature]) for customer in CUSTOMERS for feature in FEATURES]
    after = [
        usual(customer, feature, models[feature], prices=("4.5", "0.45", "5.6", "22.5", "1"))
        if models[feature] == "big" and customer != "acme"
        else usual(customer, feature, models[feature])
        for customer in CUSTOMERS
        for feature in FEATURES
    ]
    culprit = one(before, after)
    # The feature has the same lines and as many words: either name is right, and the first dimension is taken.
    assert culprit.slice in ({"feature": "chat"}, {"model": "big"})
    assert culprit.driver is Driver.PRICE


def test_changes_that_offset_each_other_are_both_culprits_of_nothing() -> None:
    after = company(usual("acme", "chat", calls=950), usual("bolt", "search", calls=50))
    assert {(each.slice["customer"], each.effect, each.explained) for each in found(company(), after)} == {
        ("acme", Decimal("13.5"), None), ("bolt", Decimal("-13.5"), None),
    }  # fmt: skip


def test_versions_are_told_where_they_are_new_in_the_slice_and_calls_have_changed() -> None:
    versions = {"prompt_version": "v1", "release": "r1"}
    before = [each | versions for each in company()]
    after = company(usual("acme", "chat", output_tokens=3_200_000, prompt_version="v2", release="r1"))
    (culprit,) = found(before, [versions | each for each in after], ("prompt_version", "release"))
    assert culprit.since == {"prompt_version": "v2"}
    more = company(usual("acme", "chat", calls=1000, prompt_version="v2", release="r1"))
    (grown,) = found(before, [versions | each for each in more], ("prompt_version", "release"))
    assert grown.since == {}


def test_little_money_is_not_worth_a_mention() -> None:
    tiny = [usual("tiny", feature, prices=("0.001", "0", "0", "0.001", "0")) for feature in FEATURES]
    after = company(usual("acme", "chat", calls=1000))
    assert [each.slice["customer"] for each in found([*company(), *tiny], after)] == ["acme"]
    all_ = culprits(frame([*company(), *tiny]), frame(after), DIMENSIONS, params=Params(material=0.0))
    assert {"customer": "tiny"} in [each.slice for each in all_]


def test_no_lines_have_no_culprits() -> None:
    assert found([], []) == []
