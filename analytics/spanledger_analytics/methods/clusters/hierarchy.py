"""Topics of topics: which clusters are of one kind, and how they join step by step."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from spanledger_analytics.methods.clusters.communities import compact
from spanledger_analytics.methods.clusters.neighbours import Floats, Ints


def hierarchy(centroids: Floats) -> tuple[Ints, NDArray[np.float64]]:
    """(topic of each centroid, joins of centroids in the form of scipy's `linkage`).

    Centroids are joined by Ward's linkage (Journal of the American Statistical Association 58, 1963). Topics are as
    many as the root of the number of clusters, so that a list of topics is about as long as the list within each; any
    other number can be cut from the joins.
    """
    count = len(centroids)
    if count < 2:
        return np.zeros(count, dtype=np.int64), np.zeros((0, 4))
    merges = linkage(centroids.astype(np.float64), method="ward")
    return compact(fcluster(merges, round(sqrt(count)), criterion="maxclust")), merges
