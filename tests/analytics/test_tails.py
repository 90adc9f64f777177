"""Tails, their calibration, and many hypotheses at once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spanledger_analytics.methods.anomalies.tails import Tail, discoveries, improbability, surprise


def test_normal_tails_are_right_and_do_not_underflow() -> None:
    for score in (0.0, 0.5, 2.0, 5.0, 12.0, 60.0):
        exact = -(stats.norm.logsf(score) + np.log(2))
        assert improbability(np.array([score, -score])) == pytest.approx([exact, exact], rel=1e-6, abs=2e-7)


def test_scores_of_gamma_sums_are_normal_above_and_cautious_below() -> None:
    dice = np.random.default_rng(8)
    for shape in (3.0, 12.0, 200.0):
        sums = dice.gamma(shape, 2.0, 200_000)
        score = surprise(sums, np.full(len(sums), 2.0 * shape), np.full(len(sums), 4.0 * shape))
        for quantile in (0.9, 0.95, 0.999):
            assert np.quantile(score, quantile) == pytest.approx(stats.norm.ppf(quantile), abs=0.06)
        assert stats.norm.ppf(0.001) - 0.1 <= np.quantile(score, 0.001) < -2.0


def test_no_calls_at_all_surprise_as_much_as_they_should() -> None:
    for calls in (4.0, 8.0, 30.0):
        score = surprise(np.zeros(1), np.array([calls]), np.array([calls]))
        assert improbability(score)[0] == pytest.approx(calls, rel=0.35, abs=1.5)
        # Sessions of 5 calls on average: nothing comes with probability exp(-sessions).
        clumped = surprise(np.zeros(1), np.array([5.0 * calls]), np.array([45.0 * calls]))
        assert calls / 2 < improbability(clumped)[0] < calls


def test_where_nothing_is_expected_nothing_surprises() -> None:
    assert surprise(np.array([3.0]), np.array([0.0]), np.array([1.0])) == 0.0
    assert surprise(np.array([3.0]), np.array([1.0]), np.array([0.0])) == 0.0


def test_p_values_of_maxima_are_uniform_whatever_the_model_is_worth() -> None:
    dice = np.random.default_rng(9)
    # A model whose scores are twice too large, looked at 30 times a block.
    past, new = (improbability(2.0 * np.abs(dice.normal(size=(6000, 30))).max(axis=1)) for _ in range(2))
    p = Tail.of(past).p_values(new, 30.0)
    for level in (0.2, 0.05, 0.01, 0.001):
        assert (p <= level).mean() == pytest.approx(level, abs=4 * np.sqrt(level / 6000))


def test_real_anomalies_in_the_past_do_not_hide_new_ones() -> None:
    dice = np.random.default_rng(10)
    past = improbability(np.abs(dice.normal(size=2000)))
    held = past.copy()
    held[:60] = 400.0
    worst = np.array([60.0])
    assert Tail.of(held).p_values(worst, 1.0)[0] < 1e-12


def test_without_a_past_the_model_is_believed_for_as_many_looks_as_there_are() -> None:
    assert Tail.of(np.empty(0)).p_values(np.array([20.0]), 40.0)[0] == pytest.approx(40 * np.exp(-20.0))


def test_false_discoveries_are_as_rare_as_asked_under_dependence() -> None:
    dice = np.random.default_rng(11)
    common = dice.normal(size=(4000, 1))
    scores = 0.9 * common + np.sqrt(1 - 0.81) * dice.normal(size=(4000, 50))
    false = [discoveries(2 * stats.norm.sf(np.abs(row)), 0.05).any() for row in scores]
    assert np.mean(false) <= 0.05
    assert not discoveries(np.empty(0), 0.05).size
    p = np.array([1e-6, 0.9, 2e-6, 0.5])
    assert discoveries(p, 0.05).tolist() == [True, False, True, False]
