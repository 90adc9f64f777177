"""What every detector of anomalies must do, whatever its method."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from spanledger_analytics.methods.anomalies.detectors import DETECTORS, Detector

Floats = NDArray[np.float64]
HOURS = 24 * 25
every = pytest.mark.parametrize("detector", DETECTORS, ids=lambda each: each.name)


def usual(seed: int = 5, series: int = 8, length: int = HOURS) -> Floats:
    """Series with a daily and a weekly rhythm and some noise, all above 0."""
    dice = np.random.default_rng(seed)
    at = np.arange(length)
    shape = 1.5 + np.sin(2 * np.pi * at / 24) + 0.3 * (at // 24 % 7 < 5)
    return (10.0 * shape) * np.exp(dice.normal(0.0, 0.1, (series, length)))


@every
def test_its_input_stays_as_it_was_and_its_output_is_the_same_again(detector: Detector) -> None:
    values = usual()
    held = values.copy()
    first = detector.scores(values)
    assert first.shape == values.shape
    assert np.array_equal(values, held)
    assert np.array_equal(first, detector.scores(values))


@every
def test_the_unit_does_not_matter(detector: Detector) -> None:
    values = usual()
    assert np.allclose(detector.scores(values), detector.scores(values * 731.5), rtol=1e-6, atol=1e-6)
    assert np.allclose(detector.scores(values), detector.scores(values * 1e-7), rtol=1e-6, atol=1e-6)


@every
def test_later_values_change_no_earlier_score(detector: Detector) -> None:
    values = usual()
    whole = detector.scores(values)
    later = values.copy()
    later[:, 400:] = 1e6
    for cut in (399, 400):
        assert np.array_equal(detector.scores(values[:, :cut]), whole[:, :cut])
    assert np.array_equal(detector.scores(later)[:, :400], whole[:, :400])


@every
def test_the_order_of_series_does_not_matter(detector: Detector) -> None:
    values = usual()
    order = np.random.default_rng(1).permutation(len(values))
    assert np.allclose(detector.scores(values)[order], detector.scores(values[order]))


@every
@pytest.mark.parametrize("length", [0, 1, 2, 7, 30, 101])
def test_short_series_are_no_error(detector: Detector, length: int) -> None:
    found = detector.scores(usual(length=length))
    assert found.shape == (8, length)
    assert np.isfinite(found).all()


@every
@pytest.mark.parametrize("level", [0.0, 7.0])
def test_what_never_changes_is_never_odd(detector: Detector, level: float) -> None:
    assert np.abs(detector.scores(np.full((6, HOURS), level))).max() < 0.1


@every
def test_missing_values_score_nothing_and_break_nothing(detector: Detector) -> None:
    values = usual()
    holes = np.random.default_rng(2).random(values.shape) < 0.1
    values[holes] = np.nan
    values[3] = np.nan
    found = detector.scores(values)
    assert np.isfinite(found).all()
    assert not found[3].any()


@every
def test_a_plain_change_scores_above_all_that_is_usual(detector: Detector) -> None:
    values = usual()
    at = 500
    values[2, at:] *= 12.0
    found = np.abs(detector.scores(values))
    others = np.delete(found, 2, axis=0)
    assert found[2, at : at + 24].max() > max(others.max(), found[2, :at].max())
