"""The benchmark's scoring on cases whose scores can be worked out by hand."""

from __future__ import annotations

import math

import pytest
from benchmarks.nab_scoring import FEW_FALSE, FEW_MISSED, STANDARD, Series, evaluate, probation, weight

LENGTH = 1000
WINDOWS = [(400, 499), (700, 799)]


def series(*hits: int) -> Series:
    return Series([float(at in hits) for at in range(LENGTH)], WINDOWS)


def sigma(position: float) -> float:
    return 2 / (1 + math.exp(5 * position)) - 1


def test_the_first_point_of_every_window_is_perfect_and_silence_is_zero() -> None:
    assert evaluate([series(400, 700)]).score == pytest.approx(100.0)
    assert evaluate([series()]).score == 0.0
    assert evaluate([series(400, 700), series(400, 700)], FEW_MISSED).score == pytest.approx(100.0)


def test_one_of_two_windows_is_half() -> None:
    found = evaluate([series(400)])
    assert (found.score, found.found, found.false) == (pytest.approx(50.0), 1, 0)


def test_only_the_best_detection_of_a_window_counts() -> None:
    assert evaluate([series(400, 420, 450, 499, 700)]).score == pytest.approx(100.0)


def test_a_late_detection_earns_less() -> None:
    # The last point of a window of 100 is at -1/100 of its length.
    late = sigma(-1 / 100) / sigma(-1)
    assert evaluate([series(499, 700)]).score == pytest.approx(100 * (1 + late + 2) / 4)


@pytest.mark.parametrize(("profile", "price"), [(STANDARD, 0.11), (FEW_FALSE, 0.22)])
def test_false_detections_cost_by_their_distance(profile: object, price: float) -> None:
    before = evaluate([series(300, 400, 700)], profile)  # type: ignore[arg-type]
    assert before.score == pytest.approx(100 * (4 - price) / 4)
    # 30 points behind a window of 99 steps; far behind both, the whole price.
    behind = evaluate([series(400, 529, 700)], profile)  # type: ignore[arg-type]
    assert behind.score == pytest.approx(100 * (4 + price * sigma(30 / 99)) / 4)


def test_the_first_fifteen_per_cent_are_not_scored() -> None:
    assert probation(LENGTH) == 150
    assert probation(40_000) == 750
    assert evaluate([series(10, 149, 400, 700)]).score == pytest.approx(100.0)
    assert evaluate([series(150, 400, 700)]).score < 100.0


def test_the_threshold_is_the_best_one_for_all_series_together() -> None:
    scores = [0.1] * LENGTH
    scores[400], scores[700], scores[200] = 0.9, 0.8, 0.85
    found = evaluate([Series(scores, WINDOWS)])
    assert (found.threshold, found.found, found.false) == (0.8, 2, 1)
    assert found.score == pytest.approx(100 * (4 - 0.11) / 4)


def test_weights_are_the_published_sigmoid() -> None:
    assert weight(-1.0) == pytest.approx(0.98661, abs=1e-5)
    assert weight(-0.5) == pytest.approx(0.84828, abs=1e-5)
    assert weight(0.0) == 0.0
    assert weight(1.0) == pytest.approx(-0.98661, abs=1e-5)
    assert weight(3.0) == -1.0
