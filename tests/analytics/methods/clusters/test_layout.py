"""The picture keeps together what belongs together, and later points land beside their like."""

from __future__ import annotations

import numpy as np
import pytest

from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.layout import Map, layout, place
from tests.analytics.methods.clusters.mixtures import mixture


def apart(points: np.ndarray, truth: np.ndarray) -> float:
    """Share of points whose nearest other point is of their own cluster."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    return float((truth[distance.argmin(axis=1)] == truth).mean())


def test_clusters_are_islands_and_later_points_land_on_them() -> None:
    vectors, truth = mixture([70, 60, 50, 40], seed=1)
    held = vectors.copy()
    made = layout(vectors[:180], seed=1)
    assert np.array_equal(vectors, held)
    assert made.points.shape == (180, 2)
    assert apart(made.points, truth[:180]) > 0.95
    later = place(made, vectors[180:])
    both = np.concatenate((made.points, later))
    assert apart(both, np.concatenate((truth[:180], truth[180:]))) > 0.95
    assert np.array_equal(layout(vectors[:180], seed=1).points, made.points)


def test_a_refit_leaves_the_picture_where_it_was() -> None:
    vectors, _ = mixture([70, 60, 50, 40], seed=2)
    first = layout(vectors, seed=1)
    again = layout(vectors, seed=2, previous=first)
    apart_now = np.linalg.norm(again.points - first.points, axis=1).mean()
    width = np.ptp(first.points, axis=0).max()
    assert apart_now < 0.25 * width


@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_few_rows_are_no_error(count: int) -> None:
    vectors, _ = mixture([count], seed=1)
    made = layout(vectors, seed=1)
    assert made.points.shape == (count, 2)
    assert np.isfinite(made.points).all()
    assert place(made, vectors).shape == (count, 2)


def test_bad_input_is_refused_with_its_value() -> None:
    with pytest.raises(BadInput, match="4 dimensions"):
        place(Map(np.ones((3, 4), np.float32), np.ones((3, 2), np.float32)), np.ones((2, 5)))
