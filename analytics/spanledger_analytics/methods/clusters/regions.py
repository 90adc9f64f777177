"""A tree of regions over rows: small communities, and what they join to step by step."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import linkage

from spanledger_analytics.methods.clusters.communities import communities
from spanledger_analytics.methods.clusters.graph import graph
from spanledger_analytics.methods.clusters.matrices import Sparse, incidence, matrix
from spanledger_analytics.methods.clusters.neighbours import Floats, Ints, Neighbours
from spanledger_analytics.methods.clusters.refining import means


def regions(points: Floats, found: Neighbours, resolution: float, dice: np.random.Generator) -> Sparse:
    """Which rows are in which region (regions x rows): small communities, and all they join to by Ward's linkage."""
    labels = communities(graph(found), resolution, dice)
    count = int(labels.max()) + 1
    alone = incidence(labels, count)
    if count < 2:
        return alone
    parts: list[Ints] = [np.array([each]) for each in range(count)]
    for one, other in linkage(means(points, labels, count).astype(np.float64), method="ward")[:, :2].astype(np.int64):
        parts.append(np.concatenate((parts[one], parts[other])))
    number = np.repeat(np.arange(len(parts)), [len(each) for each in parts])
    tree = matrix(np.ones(len(number)), number, np.concatenate(parts), (len(parts), count))
    return (tree @ alone).tocsr()
