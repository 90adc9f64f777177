"""A codebook from vectors: neighbours, graph, communities on which subsamples agree, spherical centroids, radii.

Communities of the graph of neighbours are found in the space the vectors are in, where UMAP's low-dimensional picture
followed by a density clustering was less stable and slower on the same data (docs/methods.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.assigning import OUTSIDE, nearest_centroid
from spanledger_analytics.methods.clusters.codebook import Codebook, Fit
from spanledger_analytics.methods.clusters.communities import Labels, communities
from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.hierarchy import hierarchy
from spanledger_analytics.methods.clusters.matrices import incidence
from spanledger_analytics.methods.clusters.neighbours import Floats, Ints, nearest, unit
from spanledger_analytics.methods.clusters.refining import refine
from spanledger_analytics.methods.clusters.stability import WIDTHS, Choice, choose

Progress = Callable[[str, int, int], None]

# A resolution in use is kept unless the data ask for one that differs by more than this factor.
_SIMILAR: Final = 1.5
# What a cosine of equal float32 rows strays by.
_ROUNDING: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Settings:
    """What a fit may be told; none of it is about the number of clusters.

    | field | |
    |---|---|
    | most | rows that are fitted; more are drawn from by chance, so draw a stratified sample yourself if you need one |
    | least | rows that a cluster has at least |
    | inside | share of a cluster's like that its radius is to hold |
    | repetitions | subsamples that choose and agree |
    | refinements | rounds of spherical k-means at most |
    """

    most: int = 25_000
    least: int = 8
    inside: float = 0.98
    repetitions: int = 8
    refinements: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.inside < 1:
            raise BadInput(f"inside is {self.inside!r}: give a share between 0 and 1, such as 0.98")
        if self.repetitions < 2 or self.least < 2 or self.most < 2:
            raise BadInput(f"repetitions, least and most must be at least 2: {self}")


def fit(
    vectors: NDArray[Any],
    seed: int,
    settings: Settings | None = None,
    progress: Progress | None = None,
    previous: Codebook | None = None,
) -> Fit:
    """Clusters of the rows. The same vectors and seed give the same codebook, on the same machine.

    `vectors` is rows x dimensions, of any length: only directions count, and rows without one (zeros, NaN) are left
    out. `previous` is the codebook in use, if there is one: what it says counts as much as what the rows say now, so
    that clusters change where there is something to change. Fewer than twice `settings.least` rows make an empty
    codebook. Time grows with the square of the rows; memory with the rows.
    """
    chosen = settings or Settings()
    tell = progress or (lambda doing, done, total: None)
    if np.ndim(vectors) != 2:
        raise BadInput(f"vectors have {np.ndim(vectors)} dimensions: give rows of vectors")
    if previous is not None and len(previous) and previous.dimensions != vectors.shape[1]:
        raise BadInput(
            f"the previous codebook is of {previous.dimensions} dimensions, the vectors of {vectors.shape[1]}: "
            "a change of the embedding model starts a new codebook"
        )
    dice = np.random.default_rng(seed)
    rows = np.arange(len(vectors))
    if len(rows) > chosen.most:
        rows = np.sort(dice.choice(len(rows), chosen.most, replace=False))
    points = unit(vectors[rows])
    usable = points.any(axis=1)
    rows, points = rows[usable], points[usable]
    if len(rows) < 2 * chosen.least:
        return Fit(_empty(vectors.shape[1], len(rows)), rows, np.full(len(rows), OUTSIDE, dtype=np.int64))
    widths = [each for each in WIDTHS if each <= len(rows) // 8] or [min(WIDTHS[0], len(rows) - 1)]
    tell("neighbours", 0, 1)
    found = nearest(points, widths[-1])
    tell("neighbours", 1, 1)
    start = past = None
    if previous is not None and len(previous):
        start, distance = nearest_centroid(previous.centroids, points)
        past = np.where(distance <= previous.radii[start], start, -1)
    picked = choose(found, widths, chosen.repetitions, seed, tell, past)
    resolution = picked.resolution
    if previous is not None and 1 / _SIMILAR <= resolution / max(previous.resolution, 1e-9) <= _SIMILAR:
        resolution = previous.resolution
    labels = communities(picked.agreed, resolution, dice, start)
    tell("refining", 0, 1)
    labels, centroids = refine(points, labels, chosen.least, chosen.refinements)
    tell("refining", 1, 1)
    return _coded(points, rows, labels, centroids, replace(picked, resolution=resolution), chosen, previous)


def _radii(distance: NDArray[np.float64], labels: Labels, count: int, inside: float) -> NDArray[np.float64]:
    """Radii that hold the share `inside` of rows that took no part in their centroid.

    Split-conformal, with each cluster's median distance as its scale, so that small clusters borrow the shape of the
    distribution from all (Lei et al., Journal of the American Statistical Association 113, 2018).
    """
    scale = np.array([np.median(distance[labels == each]) if (labels == each).any() else 0.0 for each in range(count)])
    scale = np.maximum(scale, 1e-6)
    rank = min(int(np.ceil((len(labels) + 1) * inside)), len(labels)) - 1
    return np.maximum(scale * np.sort(distance / scale[labels])[rank], _ROUNDING)


def _left_out(points: Floats, labels: Labels, count: int) -> NDArray[np.float64]:
    """Each row's cosine distance to its cluster's centroid as it would be without the row."""
    sums = np.asarray(incidence(labels, count) @ points, dtype=np.float64)
    along = np.einsum("ij,ij->i", sums[labels], points)
    length = np.einsum("ij,ij->i", sums, sums)[labels]
    without = np.sqrt(np.maximum(length - 2 * along + 1.0, 1e-12))
    return np.clip(1.0 - (along - 1.0) / without, 0.0, 2.0)


def _topics(centroids: Floats, previous: Codebook | None) -> Ints:
    """Topics of topics, begun from those that the nearest clusters of the codebook in use have."""
    if previous is None or not len(previous):
        return hierarchy(centroids)
    return hierarchy(centroids, previous.topics[nearest_centroid(previous.centroids, centroids)[0]])


def _coded(
    points: Floats,
    rows: Ints,
    labels: Labels,
    centroids: Floats,
    picked: Choice,
    settings: Settings,
    previous: Codebook | None,
) -> Fit:
    """The codebook with the largest cluster first, and the rows' numbers in it."""
    count = len(centroids)
    order = np.argsort(-np.bincount(labels, minlength=count), kind="stable")
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    labels, centroids = place[labels], centroids[order]
    radii = _radii(_left_out(points, labels, count), labels, count, settings.inside)
    distance = 1.0 - np.einsum("ij,ij->i", points, centroids[labels])
    held = distance <= radii[labels]
    codebook = Codebook(
        ids=np.arange(1, count + 1),
        centroids=centroids,
        radii=radii,
        sizes=np.bincount(labels[held], minlength=count),
        topics=_topics(centroids, previous),
        neighbours=picked.neighbours,
        resolution=picked.resolution,
        stability=picked.stability,
        outside=float(1.0 - held.mean()),
    )
    return Fit(codebook, rows, np.where(held, labels + 1, OUTSIDE))


def _empty(dimensions: int, rows: int) -> Codebook:
    none = np.zeros(0, dtype=np.int64)
    return Codebook(
        none, np.zeros((0, dimensions), np.float32), np.zeros(0), none, none, 0, 0.0, 0.0,
        1.0 if rows else 0.0,
    )  # fmt: skip
