"""Quantiles of residuals: right for known distributions, the newer the heavier, ordered, and cautious at first."""

from __future__ import annotations

import numpy as np

from spanledger_analytics.methods.forecasts.conformal import LEVELS, Residuals

STEPS = (1, 2, 4, 8)


def test_many_residuals_have_their_own_quantiles() -> None:
    rng = np.random.default_rng(1)
    held = Residuals(STEPS, recency=1e9)
    for ago in range(20, 0, -1):
        held.add(ago, rng.normal(0, 1, (400, 8)), np.zeros(400))
    found = held.quantiles(8, np.zeros(1))
    expected = [-1.645, -1.282, -0.674, 0, 0.674, 1.282, 1.645]
    np.testing.assert_allclose(found[0].mean(axis=1), expected, atol=0.05)


def test_new_residuals_outweigh_old_ones() -> None:
    held = Residuals(STEPS, recency=10)
    held.add(200, np.full((500, 8), 9.0), np.zeros(500))
    held.add(1, np.full((500, 8), 1.0), np.zeros(500))
    assert held.quantiles(8, np.zeros(1))[0, LEVELS.index(0.9)].max() < 1.5


def test_kinds_have_quantiles_of_their_own_once_there_is_enough() -> None:
    rng = np.random.default_rng(2)
    kinds = np.repeat([0, 1], 200)
    held = Residuals(STEPS, recency=1e9)
    for ago in range(10, 0, -1):
        scaled = rng.normal(0, 1, (400, 8)) * np.where(kinds == 0, 1.0, 3.0)[:, None]
        held.add(ago, scaled, kinds)
    narrow, wide = held.quantiles(8, np.array([0, 1]))
    assert 2.5 < wide[-1].mean() / narrow[-1].mean() < 3.5
    # A kind that was never seen has those of all.
    (unknown,) = held.quantiles(8, np.array([2]))
    assert narrow[-1].mean() < unknown[-1].mean() < wide[-1].mean()


def test_levels_are_ordered_and_unseen_horizons_have_the_longest_seen() -> None:
    rng = np.random.default_rng(3)
    held = Residuals(STEPS, recency=1e9)
    held.add(2, rng.normal(0, 1, (50, 2)), np.zeros(50))
    found = held.quantiles(8, np.zeros(3))
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_allclose(found[:, :, 2:], np.repeat(found[:, :, 2:3], 6, axis=2))


def test_without_residuals_there_is_a_first_belief() -> None:
    found = Residuals(STEPS, recency=10).quantiles(3, np.zeros(2))
    assert found.shape == (2, len(LEVELS), 3)
    assert (found[:, 0] < -1).all()
    assert (found[:, -1] > 1).all()


def test_unknown_residuals_count_for_nothing() -> None:
    held = Residuals(STEPS, recency=10)
    held.add(1, np.full((5, 4), np.nan), np.zeros(5))
    np.testing.assert_array_equal(
        held.quantiles(4, np.zeros(1)), Residuals(STEPS, recency=10).quantiles(4, np.zeros(1))
    )
