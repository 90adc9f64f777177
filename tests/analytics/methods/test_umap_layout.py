"""Clusters laid out by UMAP: near ones near, from where they began, in a process of its own."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from spanledger_analytics import codebooks, drawing
from spanledger_analytics.methods import placing, umap_layout
from spanledger_analytics.methods.clusters.codebook import Codebook
from tests.analytics.methods.test_placing import centroids


def beside(places: np.ndarray, groups: np.ndarray) -> float:
    """Share of the three nearest on the map that are of the same group of four."""
    apart = np.linalg.norm(places[:, None] - places[None, :], axis=2) + 1e9 * np.eye(len(places))
    return float((groups[np.argsort(apart, axis=1)[:, :3]] == groups[:, None]).mean())


def test_near_clusters_are_nearer_than_by_distances_alone_and_the_same_again() -> None:
    points, groups = centroids(120, dimensions=16), np.arange(120) // 4
    begin = placing.layout(points)
    held = points.copy(), begin.copy()
    places = umap_layout.layout(points, begin)
    assert np.array_equal(points, held[0])
    assert np.array_equal(begin, held[1])
    assert np.array_equal(places, umap_layout.layout(points, begin))
    assert np.allclose(places.mean(axis=0), 0, atol=1e-9)
    assert np.linalg.norm(places, axis=1).mean() == pytest.approx(1.0)
    assert beside(places, groups) > beside(begin, groups) + 0.1


def test_what_stays_stays_about_where_it_was() -> None:
    points = centroids(120, dimensions=16)
    rows = np.arange(10, 120)
    first = umap_layout.layout(points, placing.layout(points))
    begin = placing.continued(points, first[rows], rows)
    later = placing.turned(umap_layout.layout(points, begin), first[rows], rows)
    moved = np.linalg.norm(later[rows] - first[rows], axis=1)
    # By distances anew, places of two maps have nothing to do with each other but a turn.
    anew = placing.turned(placing.layout(points), first[rows], rows)
    assert moved.mean() < 0.2
    assert moved.mean() < 0.5 * np.linalg.norm(anew[rows] - first[rows], axis=1).mean()


def test_clusters_in_one_place_do_not_break_it() -> None:
    points = centroids(30)
    points[3:6] = points[9]
    assert np.isfinite(umap_layout.layout(points, np.zeros((30, 2)))).all()
    assert np.isfinite(umap_layout.layout(points, placing.layout(points))).all()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_clusters_have_places(count: int) -> None:
    places = umap_layout.layout(np.eye(8)[:count], np.arange(2.0 * count).reshape(count, 2))
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


def test_a_codebook_is_drawn_by_umap_in_another_process_from_the_map_before(caplog: pytest.LogCaptureFixture) -> None:
    points = centroids(40).astype(np.float32)
    count = len(points)
    book = Codebook(
        np.arange(count) + 1, points, np.full(count, 0.2), np.ones(count, np.int64), np.zeros(count, np.int64),
        15.0, 1.0, 1.0, 0.0,
    )  # fmt: skip
    # The map before: of half of the clusters, under other positions.
    old = np.arange(0, count, 2)[::-1]
    before = codebooks.Book(
        replace(book, ids=book.ids[old], centroids=points[old], radii=book.radii[old]),
        placing.centred(np.random.default_rng(8).normal(size=(len(old), 2))),
    )
    made = codebooks.made(book, before)
    assert caplog.records == []
    rows = np.sort(old)
    earlier = before.places[::-1]
    drawn = umap_layout.layout(points, placing.continued(points, earlier, rows))
    # Another process may add in another order: the same but for rounding.
    assert np.allclose(made.places, placing.turned(drawn, earlier, rows), atol=1e-3)
    assert np.array_equal(codebooks.loads(made.dumps()).places, made.places)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ((sys.executable, "-c", "import no_such_package"), "No module named 'no_such_package'"),
        ((sys.executable, "-c", "print('no array')"), "UMAP failed"),
        (("no-such-program",), "no-such-program"),
    ],
)
def test_without_umap_places_are_by_distances_and_a_warning_says_so(
    command: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(drawing, "_COMMAND", command)
    points = centroids(drawing.FEWEST)
    with caplog.at_level(logging.WARNING):
        places = drawing.drawn(points)
    assert np.array_equal(places, placing.layout(points))
    assert told in caplog.text
    assert "umap-learn" in caplog.text


def test_of_few_clusters_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_COMMAND", ("no-such-program",))
    points = centroids(drawing.FEWEST - 1)
    assert np.array_equal(drawing.drawn(points), placing.layout(points))


def test_what_assigns_does_not_hold_umap() -> None:
    code = "import sys, spanledger_analytics.codebooks; print('umap' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
