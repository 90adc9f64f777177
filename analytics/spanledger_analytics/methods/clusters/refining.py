"""Centroids: mean directions of groups of rows, and spherical k-means from a division that is there already."""

from __future__ import annotations

import numpy as np

from spanledger_analytics.methods.clusters.assigning import nearest_centroid
from spanledger_analytics.methods.clusters.communities import Labels, compact
from spanledger_analytics.methods.clusters.matrices import incidence
from spanledger_analytics.methods.clusters.neighbours import Floats, unit


def refine(points: Floats, labels: Labels, least: int, rounds: int) -> tuple[Labels, Floats]:
    """(labels, centroids) after spherical k-means from these labels; clusters of less than `least` rows are dissolved.

    Dhillon and Modha, "Concept decompositions for large sparse text data using clustering", Machine Learning 42, 2001.
    Every row is then with its nearest centroid, as it is when it is assigned later.
    """
    sizes = np.bincount(labels)
    centroids = means(points, labels, len(sizes))[sizes >= least]
    if not len(centroids):
        centroids = means(points, np.zeros(len(points), dtype=np.int64), 1)
    for _ in range(rounds):
        made, _ = nearest_centroid(centroids, points)
        kept = np.bincount(made, minlength=len(centroids)) >= least
        if kept.all() and np.array_equal(made, labels):
            break
        if not kept.all():
            if not kept.any():
                break
            made, _ = nearest_centroid(centroids[kept], points)
        labels = compact(made)
        centroids = means(points, labels, int(labels.max()) + 1)
    labels, _ = nearest_centroid(centroids, points)
    return labels, centroids


def means(points: Floats, labels: Labels, count: int) -> Floats:
    """The unit mean directions of `count` groups of rows."""
    return unit(incidence(labels, count) @ points)
