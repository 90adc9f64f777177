"""A fit finds what is there, says how sure it is, and is the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from spanledger_analytics.methods.clusters.assigning import OUTSIDE, assign
from spanledger_analytics.methods.clusters.communities import communities
from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.fitting import Settings, fit
from spanledger_analytics.methods.clusters.graph import fuzzy, graph
from spanledger_analytics.methods.clusters.neighbours import Neighbours, nearest, unit
from spanledger_analytics.methods.clusters.stability import agreement
from tests.analytics.methods.clusters.mixtures import mixture

UNEVEN = [300, 240, 180, 120, 90, 60, 45, 40, 35, 30]


def test_clusters_of_sizes_of_ten_to_one_are_all_found() -> None:
    vectors, truth = mixture(UNEVEN, seed=1)
    made = fit(vectors, seed=1)
    inside = made.labels != OUTSIDE
    assert inside.mean() >= 0.97
    assert agreement(truth[inside], made.labels[inside]) > 0.97
    assert abs(len(made.codebook) - len(UNEVEN)) <= 1
    assert made.codebook.stability > 0.9
    assert made.codebook.sizes.tolist() == sorted(made.codebook.sizes, reverse=True)


def test_the_same_seed_gives_the_same_codebook_and_leaves_its_input_alone() -> None:
    vectors, _ = mixture(UNEVEN, seed=2)
    held = vectors.copy()
    one, other = fit(vectors, seed=7), fit(vectors, seed=7)
    assert np.array_equal(vectors, held)
    assert np.array_equal(one.labels, other.labels)
    assert np.array_equal(one.codebook.centroids, other.codebook.centroids)
    assert np.array_equal(one.codebook.radii, other.codebook.radii)


def test_only_directions_count() -> None:
    vectors, _ = mixture([80, 80, 80], seed=3)
    scale = np.random.default_rng(0).uniform(0.2, 5.0, (len(vectors), 1)).astype(np.float32)
    one, other = fit(vectors, seed=1), fit(vectors * scale, seed=1)
    assert agreement(one.labels, other.labels) > 0.99


def test_radii_hold_the_share_they_are_calibrated_for_of_later_rows() -> None:
    vectors, _ = mixture([400] * 6, seed=4)
    codebook = fit(vectors[:1200], seed=1, settings=Settings(inside=0.9)).codebook
    ids, _ = assign(codebook, vectors[1200:])
    assert 0.86 <= (ids != OUTSIDE).mean() <= 0.94


def test_what_is_unlike_everything_is_outside() -> None:
    vectors, _ = mixture([200] * 5, seed=5)
    codebook = fit(vectors, seed=1).codebook
    strange = np.random.default_rng(1).normal(size=(500, vectors.shape[1]))
    assert (assign(codebook, strange)[0] != OUTSIDE).mean() < 0.02


def test_rows_without_a_direction_are_left_out_and_never_assigned() -> None:
    vectors, _ = mixture([60, 60], seed=6)
    vectors[5], vectors[17, 3] = 0.0, np.nan
    made = fit(vectors, seed=1)
    assert set(range(len(vectors))) - set(made.rows.tolist()) == {5, 17}
    ids, distance = assign(made.codebook, vectors)
    assert ids[[5, 17]].tolist() == [OUTSIDE, OUTSIDE]
    assert np.isfinite(distance).all()


@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 40])
def test_few_rows_are_no_error(count: int) -> None:
    vectors, _ = mixture([count], seed=1)
    made = fit(vectors, seed=1)
    assert len(made.labels) == count
    assert (len(made.codebook) == 0) == (count < 16)
    assert len(assign(made.codebook, vectors)[0]) == count


def test_rows_that_are_all_the_same_are_one_cluster() -> None:
    made = fit(np.ones((100, 8), np.float32), seed=1)
    assert len(made.codebook) == 1
    assert (made.labels == 1).all()


def test_more_rows_than_are_fitted_are_drawn_from() -> None:
    vectors, _ = mixture([200, 200], seed=8)
    made = fit(vectors, seed=1, settings=Settings(most=150))
    assert len(made.rows) == 150
    assert (assign(made.codebook, vectors)[0] != OUTSIDE).mean() > 0.9


def test_assignment_takes_memory_maps_and_any_number_of_rows_in_blocks(tmp_path) -> None:  # type: ignore[no-untyped-def]
    vectors, _ = mixture([100, 100], seed=9, dimensions=8)
    codebook = fit(vectors, seed=1).codebook
    many = np.tile(vectors, (700, 1))
    np.save(tmp_path / "many.npy", many)
    ids, distance = assign(codebook, np.load(tmp_path / "many.npy", mmap_mode="r"))
    once, near = assign(codebook, vectors)
    assert np.array_equal(ids, np.tile(once, 700))
    assert np.allclose(distance, np.tile(near, 700), atol=1e-6)


def test_topics_of_topics_join_what_is_near() -> None:
    dice = np.random.default_rng(3)
    kinds = dice.normal(size=(3, 48))
    centres = np.repeat(kinds, 4, axis=0) + dice.normal(0.0, 0.55, (12, 48))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    truth = np.repeat(np.arange(12), 100)
    vectors = centres[truth] + dice.normal(0.0, 0.075, (1200, 48))
    made = fit(vectors, seed=1)
    above = np.where(made.labels > 0, made.codebook.topics[made.labels - 1] + 1, 0)
    assert agreement(truth // 4, above) > 0.9


def test_a_refit_keeps_the_division_in_use_where_it_is_as_good() -> None:
    vectors, _ = mixture(UNEVEN, seed=10)
    first = fit(vectors, seed=1)
    again = fit(vectors, seed=2, previous=first.codebook)
    assert agreement(first.labels, again.labels) > 0.99


def test_progress_is_told_and_ends_complete() -> None:
    told: list[tuple[str, int, int]] = []
    fit(mixture([60, 60], seed=1)[0], seed=1, progress=lambda *each: told.append(each))
    last = {doing: (done, total) for doing, done, total in told}
    assert set(last) == {"neighbours", "choosing by stability", "refining"}
    assert all(done == total for done, total in last.values())


def test_bad_input_is_refused_with_its_value() -> None:
    vectors, _ = mixture([60, 60], seed=1)
    codebook = fit(vectors, seed=1).codebook
    with pytest.raises(BadInput, match="48 dimensions"):
        assign(codebook, vectors[:, :20])
    with pytest.raises(BadInput, match="new codebook"):
        fit(vectors[:, :20], seed=1, previous=codebook)
    with pytest.raises(BadInput, match=r"inside is 1\.5"):
        Settings(inside=1.5)
    with pytest.raises(BadInput, match="rows of vectors"):
        fit(vectors[0], seed=1)
    with pytest.raises(BadInput, match="all different"):
        codebook.numbered([1] * len(codebook))


def test_neighbours_are_those_of_a_full_sort() -> None:
    points = unit(mixture([40, 30, 1100], seed=11, dimensions=12)[0])
    found = nearest(points, 9)
    similarity = points @ points.T
    np.fill_diagonal(similarity, -np.inf)
    expected = np.sort(similarity, axis=1)[:, ::-1][:, :9]
    assert np.allclose(found.similarity, expected, atol=1e-6)
    assert np.allclose(np.take_along_axis(similarity, found.ids, axis=1), found.similarity, atol=1e-6)


def test_weights_of_the_graph_are_those_of_their_definition() -> None:
    points = unit(mixture([30, 30], seed=12, dimensions=10)[0])
    found = nearest(points, 8)
    made, near = graph(found).todense(), fuzzy(found).todense()
    assert np.allclose(made, made.T)
    sets = [{row, *found.ids[row].tolist()} for row in range(60)]
    for row in range(60):
        for other in np.flatnonzero(near[row]).tolist():
            jaccard = len(sets[row] & sets[other]) / len(sets[row] | sets[other])
            assert made[row, other] == pytest.approx(np.sqrt(near[row, other] * jaccard))


def test_missing_neighbours_have_no_edge() -> None:
    found = Neighbours(
        np.array([[1, -1], [0, -1], [0, 1]]), np.array([[0.9, -np.inf], [0.9, -np.inf], [0.1, 0.05]], np.float32)
    )
    made = graph(found).todense()
    assert np.isfinite(made).all()
    assert made[0, 1] > 0


def modularity(made: sparse.csr_array, labels: np.ndarray, resolution: float) -> float:
    whole, edges = made.sum(), made.tocoo()
    strength = np.bincount(labels, np.asarray(made.sum(axis=1)).ravel())
    return (
        edges.data[labels[edges.row] == labels[edges.col]].sum() / whole - resolution * ((strength / whole) ** 2).sum()
    )


def test_no_single_move_is_better() -> None:
    made = graph(nearest(unit(mixture([40, 30, 30, 20], seed=13, spread=0.3)[0]), 8))
    labels = communities(made, 2.0, np.random.default_rng(1))
    best = modularity(made, labels, 2.0)
    for row in range(len(labels)):
        for label in range(int(labels.max()) + 2):
            moved = labels.copy()
            moved[row] = label
            assert modularity(made, moved, 2.0) <= best + 1e-9


def test_communities_hang_together() -> None:
    made = graph(nearest(unit(mixture([60, 50, 40], seed=14, spread=0.3)[0]), 6))
    labels = communities(made, 3.0, np.random.default_rng(1))
    for label in range(int(labels.max()) + 1):
        rows = np.flatnonzero(labels == label)
        assert sparse.csgraph.connected_components(made[rows][:, rows])[0] == 1
