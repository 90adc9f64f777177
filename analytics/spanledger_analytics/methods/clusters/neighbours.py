"""Exact nearest neighbours of unit vectors by cosine similarity, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.compiled import compiled

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Rows compared with all others at a time: 1024 x 30,000 similarities are 120 MB.
_BLOCK: Final = 1024


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest of each row, nearest first: `ids` (rows x k; -1 where there are fewer) and cosine `similarity`."""

    ids: Ints
    similarity: Floats


def unit(vectors: NDArray[Any]) -> Floats:
    """The rows as float32 of length 1; rows without a direction (zeros, NaN) become zeros."""
    made = np.array(vectors, dtype=np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", made, made, dtype=np.float64))
    usable = np.isfinite(length) & (length > 0)
    made[~usable] = 0.0
    made[usable] /= length[usable, None].astype(np.float32)
    return made


def nearest(vectors: Floats, k: int) -> Neighbours:
    """The k nearest others of each row among all rows, exactly; ties go to the lower row number.

    `vectors` are unit rows.
    """
    count = len(vectors)
    ids = np.full((count, k), -1, dtype=np.int64)
    similarity = np.full((count, k), -np.inf, dtype=np.float32)
    for first in range(0, count, _BLOCK):
        block = vectors[first : first + _BLOCK] @ vectors.T
        part = slice(first, first + len(block))
        _largest(block, first, ids[part], similarity[part])
    return Neighbours(ids, similarity)


@compiled
def _largest(values: Floats, first: int, ids: Ints, found: Floats) -> None:
    """Insertion into a sorted list of k: nearly all values fail the first comparison, so it is one pass."""
    k = ids.shape[1]
    for row in range(values.shape[0]):
        least = -np.inf
        for column in range(values.shape[1]):
            value = values[row, column]
            if value <= least or column == first + row:
                continue
            at = k - 1
            while at > 0 and found[row, at - 1] < value:
                found[row, at] = found[row, at - 1]
                ids[row, at] = ids[row, at - 1]
                at -= 1
            found[row, at] = value
            ids[row, at] = column
            least = found[row, k - 1]
