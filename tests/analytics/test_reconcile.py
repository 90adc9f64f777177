"""Forecasts that add up: exactly, none below 0, and as near to what was given as least squares allows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spanledger_analytics.methods.forecasts.reconcile import reconciled, rounded

amounts = st.floats(0, 1e6, allow_nan=False).map(lambda each: round(each, 6))


@st.composite
def trees(draw: st.DrawFn) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, list[np.ndarray]]:
    """A whole over a few steps and up to three ways it is split, with variances."""
    steps = draw(st.integers(1, 4))
    counts = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    variances = st.floats(1e-6, 1e6, allow_nan=False)
    total = draw(hnp.arrays(float, steps, elements=amounts))
    parts = [draw(hnp.arrays(float, (count, steps), elements=amounts)) for count in counts]
    of_total = draw(hnp.arrays(float, steps, elements=variances))
    of_parts = [draw(hnp.arrays(float, (count, steps), elements=variances)) for count in counts]
    return total, parts, of_total, of_parts


@given(trees())
def test_every_way_adds_up_to_the_whole_and_nothing_is_below_nothing(tree: tuple) -> None:
    whole, parts = reconciled(*tree)
    assert (whole >= 0).all()
    for part in parts:
        assert (part >= 0).all()
        np.testing.assert_allclose(part.sum(axis=0), whole, rtol=1e-9, atol=1e-9)


@given(trees())
def test_rounded_amounts_add_up_to_the_last_digit(tree: tuple) -> None:
    whole, parts = reconciled(*tree)
    exact, of_parts = rounded(whole, parts, 1e6)
    for part, before in zip(of_parts, parts, strict=True):
        assert (part.sum(axis=0) == exact).all()
        assert (part >= 0).all()
        assert (np.abs(part - before * 1e6) <= 2 + 1e-6 * whole * 1e6).all()


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_weighted_least_squares_solution(seed: int) -> None:
    """Against the projection through the constraints written out as a matrix (Wickramasuriya et al., 2019)."""
    rng = np.random.default_rng(seed)
    parts = [rng.uniform(50, 100, (4, 1)), rng.uniform(80, 120, (3, 1))]
    total = np.array([330.0])
    variances = [rng.uniform(0.5, 4, part.shape) for part in parts]
    variance = np.array([2.5])
    whole, found = reconciled(total, parts, variance, variances)
    given_ = np.concatenate([total, *(part[:, 0] for part in parts)])
    weights = np.diag(np.concatenate([variance, *(each[:, 0] for each in variances)]))
    constraints = np.zeros((2, 8))
    constraints[:, 0] = -1
    constraints[0, 1:5] = 1
    constraints[1, 5:] = 1
    shift = weights @ constraints.T @ np.linalg.solve(constraints @ weights @ constraints.T, constraints @ given_)
    np.testing.assert_allclose(np.concatenate([whole, *(part[:, 0] for part in found)]), given_ - shift, rtol=1e-9)


def test_what_adds_up_already_is_left_alone() -> None:
    whole, parts = reconciled(np.array([6.0]), [np.array([[1.0], [5.0]])], np.array([1.0]), [np.ones((2, 1))])
    assert whole[0] == pytest.approx(6)
    np.testing.assert_allclose(parts[0][:, 0], [1, 5])


def test_a_part_that_would_go_below_nothing_leaves_its_share_to_the_others() -> None:
    parts = [np.array([[1.0], [100.0]])]
    whole, found = reconciled(np.array([50.0]), parts, np.array([1e-9]), [np.array([[100.0], [1.0]])])
    assert found[0][0, 0] == 0
    assert found[0][1, 0] == pytest.approx(whole[0])
