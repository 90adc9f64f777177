"""The weighted graph of neighbours: how surely two rows belong together.

Two kinds of evidence, of which the geometric mean is taken: that one is near the other on its own scale, as UMAP has it
(McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection", arXiv 1802.03426, algorithms 2 and
3), and that they have the same neighbours (Jarvis and Patrick, IEEE Transactions on Computers C-22, 1973; the Jaccard
index as in Levine et al., "PhenoGraph", Cell 162, 2015), which chance contacts between clusters have not.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.compiled import compiled
from spanledger_analytics.methods.clusters.matrices import Sparse, matrix
from spanledger_analytics.methods.clusters.neighbours import Ints, Neighbours

_BISECTIONS: Final = 40


def graph(found: Neighbours) -> Sparse:
    """The symmetric graph with weights in (0, 1]: the root of `fuzzy` times the neighbourhoods' Jaccard index."""
    made = fuzzy(found)
    shared = np.zeros(len(made.data))
    _jaccard(found.ids, made.indptr, made.indices, shared)
    made.data = np.sqrt(made.data * shared)
    made.eliminate_zeros()
    return made


def fuzzy(found: Neighbours) -> Sparse:
    """The symmetric graph of neighbours with weights in (0, 1].

    A neighbour's weight falls off from the nearest one's on each row's own scale, which is set so that a row's weights
    sum to log2(k); both directions are united as independent evidence, a + b - ab.
    """
    count, k = found.ids.shape
    distance = np.sqrt(np.maximum(2.0 - 2.0 * found.similarity.astype(np.float64), 0.0))
    distance[found.ids < 0] = np.inf
    weight = memberships(distance)
    rows = np.repeat(np.arange(count), k)
    known = (found.ids >= 0).ravel() & (weight.ravel() > 0)
    one = matrix(weight.ravel()[known], rows[known], found.ids.ravel()[known], (count, count))
    other = one.T.tocsr()
    made = (one + other - one.multiply(other)).tocsr()
    made.sort_indices()
    return made


def memberships(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(-(d - nearest) / scale) with each row's scale such that it sums to log2(k); rows x k, ascending."""
    k = distance.shape[1]
    positive = np.where(distance > 0, distance, np.inf).min(axis=1, initial=np.inf)
    beyond = np.maximum(distance - np.where(np.isfinite(positive), positive, 0.0)[:, None], 0.0)
    low, high = np.zeros(len(distance)), np.full(len(distance), 16.0)
    for _ in range(_BISECTIONS):
        scale = (low + high) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            total = np.exp(-beyond / scale[:, None]).sum(axis=1)
        more = total < np.log2(k)
        low, high = np.where(more, scale, low), np.where(more, high, scale)
    scale = np.maximum((low + high) / 2, 1e-3)
    return np.exp(-beyond / scale[:, None])


@compiled
def _jaccard(ids: Ints, indptr: NDArray[Any], indices: NDArray[Any], shared: NDArray[np.float64]) -> None:
    """The Jaccard index of the neighbourhoods (each with its own row) of both ends of every edge."""
    count, k = ids.shape
    seen = np.full(count, -1)
    for row in range(count):
        seen[row] = row
        own = 1
        for at in range(k):
            if ids[row, at] >= 0:
                seen[ids[row, at]] = row
                own += 1
        for edge in range(indptr[row], indptr[row + 1]):
            other = indices[edge]
            both = 1 if seen[other] == row else 0
            size = 1
            for at in range(k):
                if ids[other, at] >= 0:
                    size += 1
                    if seen[ids[other, at]] == row:
                        both += 1
            shared[edge] = both / (own + size - both)
