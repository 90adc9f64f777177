"""Which cluster a vector belongs to: that of the nearest centroid, unless it lies outside of its radius."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.codebook import Codebook
from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.neighbours import Floats, Ints, unit

OUTSIDE: Final = 0
"""The number of what is in no cluster."""

_BLOCK: Final = 65_536


def assign(codebook: Codebook, vectors: NDArray[Any]) -> tuple[Ints, NDArray[np.float32]]:
    """(cluster number or `OUTSIDE`, cosine distance to the nearest centroid) of each row.

    Works in blocks: beside the answer it takes the memory of 65,536 rows, whatever their number, and `vectors` may be
    a memory map. Rows without a direction (zeros, NaN) are outside, at a distance of 1.
    """
    if np.ndim(vectors) != 2 or vectors.shape[1] != codebook.dimensions:
        raise BadInput(
            f"vectors have the shape {np.shape(vectors)}: the codebook is of rows of {codebook.dimensions} dimensions; "
            "vectors of another model need a codebook of their own"
        )
    ids = np.full(len(vectors), OUTSIDE, dtype=np.int64)
    distance = np.ones(len(vectors), dtype=np.float32)
    if not len(codebook):
        return ids, distance
    for first in range(0, len(vectors), _BLOCK):
        part = slice(first, first + _BLOCK)
        block = unit(vectors[part])
        nearest, distance[part] = nearest_centroid(codebook.centroids, block)
        inside = (distance[part] <= codebook.radii[nearest]) & block.any(axis=1)
        ids[part] = np.where(inside, codebook.ids[nearest], OUTSIDE)
    return ids, distance


def nearest_centroid(centroids: Floats, vectors: Floats) -> tuple[Ints, Floats]:
    """(position of the nearest centroid, cosine distance to it) of each unit row."""
    similarity = vectors @ centroids.T
    nearest = similarity.argmax(axis=1)
    return nearest.astype(np.int64), 1.0 - similarity[np.arange(len(vectors)), nearest]
