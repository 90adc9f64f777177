"""A map of clusters and their members in two dimensions that later members can be put on, and that keeps its shape.

Clusters are laid out so that distances on the map are as the distances of their centroids: stress majorisation with
weights of 1 / distance squared (Gansner, Koren and North 2004), begun from classical scaling (Torgerson 1952). Of more
than a few clusters, `umap_layout` goes on from there, or from the places of an earlier map. A member lies around its
cluster's place: as far out as it is from the centroid, in the direction in which it leans. So a place follows from the
vector and the codebook alone, in time linear in the number of vectors.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDS: Final = 150
_TINY: Final = 1e-9
# Of the way to the nearest other cluster: members that are at the radius, and those that are outside of any.
_REACH: Final = 0.45
_BEYOND: Final = 1.6
_RIDGE: Final = 0.05
# Clusters between which a new one begins, and how fast their weight falls with the cosine.
_BETWEEN: Final = 3
_FALL: Final = 0.03


def layout(centroids: NDArray[Any]) -> Floats:
    """Places of clusters (rows x 2) around (0, 0), at a mean distance of 1 from there; the same for the same input."""
    points = np.asarray(centroids, dtype=np.float64)
    count = len(points)
    if count < 3:
        return np.array([[-1.0, 0.0], [1.0, 0.0]])[:count] if count == 2 else np.zeros((count, 2))
    squares = np.maximum(2.0 - 2.0 * points @ points.T, 0.0)
    # Cosine distances of queries lie close together; their squares do not.
    wanted = squares / 2.0
    np.fill_diagonal(wanted, 0.0)
    places = _scaled(wanted)
    weights = 1.0 / np.maximum(wanted, 0.02) ** 2
    np.fill_diagonal(weights, 0.0)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    inverse = np.linalg.pinv(laplacian)
    for _ in range(_ROUNDS):
        apart = np.linalg.norm(places[:, None] - places[None, :], axis=2)
        ratio = weights * wanted / np.maximum(apart, _TINY)
        np.fill_diagonal(ratio, 0.0)
        places = inverse @ ((np.diag(ratio.sum(axis=1)) - ratio) @ places)
    return centred(places)


def centred(places: NDArray[Any]) -> Floats:
    """The places around (0, 0), at a mean distance of 1 from there."""
    moved = np.asarray(places, dtype=np.float64)
    moved = moved - moved.mean(axis=0) if len(moved) else moved
    return moved / max(float(np.linalg.norm(moved, axis=1).sum()) / max(len(moved), 1), _TINY)


def continued(centroids: NDArray[Any], earlier: Floats, rows: NDArray[np.intp]) -> Floats:
    """Places to begin a map from: `earlier` for `rows` (at least one), for other clusters between those most like them.

    `centroids` are unit rows.
    """
    points = np.asarray(centroids, dtype=np.float64)
    places = np.zeros((len(points), 2))
    places[rows] = earlier
    new = np.setdiff1d(np.arange(len(points)), rows)
    if not len(new):
        return places
    alike = points[new] @ points[rows].T
    near = np.argsort(-alike, axis=1, kind="stable")[:, :_BETWEEN]
    held = np.take_along_axis(alike, near, axis=1)
    weight = np.exp((held - held[:, :1]) / _FALL)
    weight /= weight.sum(axis=1, keepdims=True)
    places[new] = np.einsum("ij,ijd->id", weight, earlier[near])
    return places


def _scaled(wanted: Floats) -> Floats:
    count = len(wanted)
    centre = np.eye(count) - 1.0 / count
    values, vectors = np.linalg.eigh(-0.5 * centre @ wanted**2 @ centre)
    top = vectors[:, -2:][:, ::-1] * np.sqrt(np.maximum(values[-2:][::-1], _TINY))
    signs = np.sign(top[np.abs(top).argmax(axis=0), [0, 1]])
    # Two clusters in one place would never part.
    return top * np.where(signs == 0, 1.0, signs) + 1e-4 * np.stack(
        [np.cos(np.arange(count)), np.sin(np.arange(count))], 1
    )


def turned(places: Floats, earlier: Floats, rows: NDArray[np.intp]) -> Floats:
    """The places turned and mirrored so that `rows` come as near as they can to where they were; distances stay.

    Schönemann's solution (1966) of the orthogonal Procrustes problem. `earlier` are the former places of `rows`.
    """
    if len(rows) < 2:
        return places
    here, there = places[rows], earlier
    left, _, right = np.linalg.svd((here - here.mean(axis=0)).T @ (there - there.mean(axis=0)))
    return places @ (left @ right)


def place(
    vectors: NDArray[Any], nearest: NDArray[np.int64], centroids: NDArray[Any], radii: NDArray[Any], places: Floats
) -> NDArray[np.float32]:
    """Rows x 2: where each unit row lies; `nearest` is the position of its nearest centroid."""
    points, middles = np.asarray(vectors, dtype=np.float32), np.asarray(centroids, dtype=np.float32)
    if not len(middles):
        return np.full((len(points), 2), np.nan, dtype=np.float32)
    # The linear map from centroids to places says in which direction of the map a vector leans.
    gram = middles @ middles.T + _RIDGE * np.eye(len(middles), dtype=np.float32)
    lean = middles.T @ np.linalg.solve(gram.astype(np.float64), places - places.mean(axis=0))
    away = points - middles[nearest]
    direction = away @ lean.astype(np.float32)
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    distance = 1.0 - np.einsum("ij,ij->i", points, middles[nearest])
    share = np.minimum(distance / np.maximum(np.asarray(radii)[nearest], _TINY), _BEYOND)
    room = _room(places)[nearest]
    return (places[nearest] + direction / np.maximum(length, _TINY) * (share * room)[:, None]).astype(np.float32)


def _room(places: Floats) -> Floats:
    """How far members may lie from each cluster's place."""
    if len(places) < 2:
        return np.full(len(places), _REACH)
    apart = np.linalg.norm(places[:, None] - places[None, :], axis=2)
    np.fill_diagonal(apart, np.inf)
    near = apart.min(axis=1)
    return _REACH * np.clip(near, 0.3 * np.median(near), 2.0 * np.median(near))
