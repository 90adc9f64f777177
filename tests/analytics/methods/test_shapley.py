"""Shapley values of products, beside the definition."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from spanledger_analytics.methods.changes.shapley import of_products


def by_definition(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The mean marginal contribution over all orders."""
    found = np.zeros_like(before)
    for order in permutations(range(len(before))):
        now = before.copy()
        for factor in order:
            product = now.prod(axis=0)
            now[factor] = after[factor]
            found[factor] += now.prod(axis=0) - product
    return found / math.factorial(len(before))


@pytest.mark.parametrize("factors", range(1, 8))
def test_they_are_what_the_definition_says_with_and_without_zeros(factors: int) -> None:
    rng = np.random.default_rng(factors)
    before, after = rng.lognormal(size=(2, factors, 200))
    before[rng.random(before.shape) < 0.15] = 0
    after[rng.random(after.shape) < 0.15] = 0
    found = of_products(before, after)
    np.testing.assert_allclose(found, by_definition(before, after), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=0), after.prod(axis=0) - before.prod(axis=0), rtol=1e-12, atol=1e-12)


def test_exchanging_the_periods_changes_signs_and_no_bit_else() -> None:
    before, after = np.random.default_rng(1).lognormal(size=(2, 10, 1000))
    assert (of_products(after, before) == -of_products(before, after)).all()


def test_many_products_are_worked_on_in_parts() -> None:
    before, after = np.random.default_rng(2).lognormal(size=(2, 3, 150_000))
    found = of_products(before, after)
    assert (found[:, 140_000:] == of_products(before[:, 140_000:], after[:, 140_000:])).all()
    assert of_products(before[:, :0], after[:, :0]).shape == (3, 0)
