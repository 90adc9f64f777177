"""The map of clusters: distances, a shape that stays, and places of members that follow from the codebook."""

from __future__ import annotations

import numpy as np
import pytest

from spanledger_analytics.methods import placing


def centroids(count: int, seed: int = 3, dimensions: int = 32) -> np.ndarray:
    """Centroids in groups of four that are near each other."""
    dice = np.random.default_rng(seed)
    groups = np.repeat(dice.normal(size=(-(-count // 4), dimensions)), 4, axis=0)[:count]
    made = groups + 0.5 * dice.normal(size=(count, dimensions))
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_what_is_near_is_near_on_the_map() -> None:
    points = centroids(40)
    places = placing.layout(points)
    assert np.allclose(places, placing.layout(points.copy()))
    assert np.linalg.norm(places, axis=1).mean() == pytest.approx(1.0)
    wanted = (1 - points @ points.T)[np.triu_indices(40, 1)]
    got = np.linalg.norm(places[:, None] - places[None, :], axis=2)[np.triu_indices(40, 1)]
    assert np.corrcoef(wanted, got)[0, 1] > 0.5
    apart = np.linalg.norm(places[:, None] - places[None, :], axis=2) + 9 * np.eye(40)
    same = np.arange(40) // 4
    assert np.mean(same[apart.argmin(axis=1)] == same) > 0.8


def test_members_lie_around_their_cluster_the_farther_the_less_like_it() -> None:
    points = centroids(12)
    places = placing.layout(points)
    dice = np.random.default_rng(5)
    nearest = np.repeat(np.arange(12), 30)
    members = points[nearest] + 0.05 * dice.normal(size=(360, 32))
    members /= np.linalg.norm(members, axis=1, keepdims=True)
    distance = 1 - np.einsum("ij,ij->i", members, points[nearest])
    radii = np.full(12, distance.max())
    found = placing.place(members, nearest, points, radii, places)
    away = np.linalg.norm(found - places[nearest], axis=1)
    assert np.corrcoef(away, distance)[0, 1] > 0.5
    to_all = np.linalg.norm(found[:, None] - places[None, :], axis=2)
    assert (to_all.argmin(axis=1) == nearest).all()
    one = placing.place(members[7:8], nearest[7:8], points, radii, places)
    assert np.allclose(one, found[7:8], atol=1e-5)


def test_a_turned_map_is_turned_back() -> None:
    places = placing.layout(centroids(20))
    angle = 2.1
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * [[1], [-1]]
    rows = np.arange(5, 20)
    back = placing.turned(places @ turn, places[rows], rows)
    assert np.allclose(back, places, atol=1e-8)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_clusters_have_places_too(count: int) -> None:
    points = np.eye(8)[:count]
    places = placing.layout(points)
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    nearest = np.zeros(4, dtype=np.int64)
    found = placing.place(np.eye(8, dtype=np.float32)[:4], nearest, points, np.full(count, 0.4), places)
    assert found.shape == (4, 2)
    assert np.isfinite(found).all() == (count > 0)


def test_two_clusters_that_are_one_do_not_break_it() -> None:
    points = centroids(9)
    points[4] = points[5]
    assert np.isfinite(placing.layout(points)).all()


def test_a_map_goes_on_from_an_earlier_one_and_what_is_new_begins_between_its_like() -> None:
    points = centroids(20)
    rows = np.array([0, 1, 2, *range(4, 20)])
    earlier = np.random.default_rng(6).normal(size=(19, 2))
    begin = placing.continued(points, earlier, rows)
    assert np.array_equal(begin[rows], earlier)
    # Of its group of four, three were there: it lies within their triangle, as only they weigh.
    sides = earlier[:3] - begin[3]
    areas = [float(np.cross([*sides[one], 0], [*sides[(one + 1) % 3], 0])[2]) for one in range(3)]
    assert len({area > 0 for area in areas}) == 1
    assert np.array_equal(placing.continued(points[:1], earlier[:1], np.array([0])), earlier[:1])
