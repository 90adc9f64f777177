"""A picture of vectors in the plane, in which later vectors are placed beside their neighbours.

UMAP (McInnes, Healy and Melville, arXiv 1802.03426). For looking at only: no cluster is found in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from umap.umap_ import find_ab_params, simplicial_set_embedding

from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.graph import fuzzy
from spanledger_analytics.methods.clusters.neighbours import Floats, nearest, unit

Progress = Callable[[str, int, int], None]

_NEIGHBOURS: Final = 15
_EPOCHS: Final = 200
_SPREAD, _LEAST_DISTANCE = 1.0, 0.1
_WIDTH: Final = 10.0
# Neighbours that a later vector is placed between, and how fast their weight falls with the cosine.
_BETWEEN: Final = 5
_FALL: Final = 0.03
_BLOCK: Final = 16_384


@dataclass(frozen=True, slots=True)
class Map:
    """Where some vectors lie in the plane: `anchors` (unit rows) and their `points` (rows x 2)."""

    anchors: Floats
    points: Floats


def layout(
    vectors: NDArray[Any],
    seed: int,
    most: int = 6_000,
    previous: Map | None = None,
    progress: Progress | None = None,
) -> Map:
    """A map of at most `most` of the rows, drawn by chance. The same vectors and seed give the same map.

    It begins from where `previous` would place the rows, so that a picture that people know does not turn over at a
    refit; else from the plane of most variance.
    """
    tell = progress or (lambda doing, done, total: None)
    if np.ndim(vectors) != 2:
        raise BadInput(f"vectors have {np.ndim(vectors)} dimensions: give rows of vectors")
    dice = np.random.default_rng(seed)
    rows = np.arange(len(vectors))
    if len(rows) > most:
        rows = np.sort(dice.choice(len(rows), most, replace=False))
    anchors = unit(vectors[rows])
    anchors = anchors[anchors.any(axis=1)]
    if len(anchors) < 4 * _NEIGHBOURS:
        return Map(anchors, _plane(anchors, dice))
    tell("map", 0, 1)
    begin = _plane(anchors, dice) if previous is None or not len(previous.anchors) else place(previous, anchors)
    a, b = find_ab_params(_SPREAD, _LEAST_DISTANCE)
    points, _ = simplicial_set_embedding(
        anchors,
        fuzzy(nearest(anchors, _NEIGHBOURS)).tocoo(),
        n_components=2,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=_EPOCHS,
        init=begin + dice.normal(0.0, 1e-3, begin.shape).astype(np.float32),
        random_state=np.random.RandomState(seed % 2**32),
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
    )
    tell("map", 1, 1)
    return Map(anchors, np.asarray(points, dtype=np.float32))


def place(made: Map, vectors: NDArray[Any]) -> Floats:
    """Points (rows x 2) of any vectors: the mean of their nearest anchors', the nearer the heavier. In blocks."""
    if np.ndim(vectors) != 2 or vectors.shape[1] != made.anchors.shape[1]:
        raise BadInput(f"vectors have the shape {np.shape(vectors)}: the map is of {made.anchors.shape[1]} dimensions")
    points = np.zeros((len(vectors), 2), dtype=np.float32)
    k = min(_BETWEEN, len(made.anchors))
    if not k:
        return points
    for first in range(0, len(vectors), _BLOCK):
        similarity = unit(vectors[first : first + _BLOCK]) @ made.anchors.T
        near = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        held = np.take_along_axis(similarity, near, axis=1)
        weight = np.exp((held - held.max(axis=1, keepdims=True)) / _FALL)
        weight /= weight.sum(axis=1, keepdims=True)
        points[first : first + _BLOCK] = np.einsum("ij,ijd->id", weight, made.points[near])
    return points


def _plane(anchors: Floats, dice: np.random.Generator) -> Floats:
    """The two directions of most variance, scaled to the map's width."""
    if not len(anchors):
        return np.zeros((0, 2), dtype=np.float32)
    centred = anchors - anchors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    plane = directions[:, -2:] if directions.shape[1] > 1 else np.concatenate((directions, 0 * directions), axis=1)
    # An eigenvector's sign is the library's choice: the largest entry is made positive.
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])
    points = centred @ plane
    return (points * (_WIDTH / max(float(np.abs(points).max()), 1e-12))).astype(np.float32)
