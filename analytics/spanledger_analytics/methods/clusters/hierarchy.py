"""Topics of topics: which clusters are of one kind."""

from __future__ import annotations

from typing import Final

import numpy as np

from spanledger_analytics.methods.clusters.communities import communities
from spanledger_analytics.methods.clusters.matrices import matrix
from spanledger_analytics.methods.clusters.neighbours import Floats, Ints, nearest

# Chosen on the domains of CLINC150 (by MiniLM, and by the lexical embedder) and on the demo's topics.
_NEIGHBOURS: Final = 5
_RESOLUTION: Final = 2.0
_SEED: Final = 1
# Of clusters that have nothing in common.
_APART: Final = 1e-6


def hierarchy(centroids: Floats, earlier: Ints | None = None) -> Ints:
    """The topic of each cluster (0, 1, ...) by their centroids, unit rows; the same centroids give the same topics.

    Topics are communities of the graph that joins every centroid with the nearest few, as strong as their cosine; how
    many there are follows from the graph. `earlier` is the topic that each had before: that division is changed only
    where another is better.
    """
    count = len(centroids)
    if count < 2:
        return np.zeros(count, dtype=np.int64)
    found = nearest(centroids, min(_NEIGHBOURS, count - 1))
    rows = np.repeat(np.arange(count), found.ids.shape[1])
    strength = np.maximum(found.similarity.ravel(), _APART).astype(np.float64)
    one_way = matrix(strength, rows, found.ids.ravel(), (count, count))
    return communities(one_way.maximum(one_way.T).tocsr(), _RESOLUTION, np.random.default_rng(_SEED), earlier)
