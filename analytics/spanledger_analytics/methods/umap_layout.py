"""Places of clusters in the plane such that near clusters are near on the map, from places to begin with.

UMAP (McInnes, Healy and Melville, arXiv 1802.03426) of centroids, whose gradient descent is taken from umap-learn with
its defaults (15 neighbours, least distance .1, five chance contacts for a neighbour) but for the rate: it is so low
that clusters stay about where they began. Begun from places by distances, a map keeps what these say of the whole;
begun from an earlier map, it stays the map that people know. Importing this takes seconds and 160 MB: see `drawing`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from umap.layouts import optimize_layout_euclidean
from umap.umap_ import find_ab_params, make_epochs_per_sample

from spanledger_analytics.methods.clusters.graph import fuzzy
from spanledger_analytics.methods.clusters.neighbours import nearest, unit
from spanledger_analytics.methods.placing import Floats, centred

NEIGHBOURS: Final = 15
_SPREAD, _LEAST_DISTANCE = 1.0, 0.1
_EPOCHS: Final = 200
_RATE: Final = 0.02
# Mean distance from the middle to which a hundred or so clusters come by themselves.
_WIDTH: Final = 2.0
_RANDOM: Final = (1, 2, 3)


def layout(centroids: NDArray[Any], begin: Floats) -> Floats:
    """Places of clusters (rows x 2) around (0, 0), at a mean distance of 1 from there; the same for the same input.

    `begin` are places to begin with, of whatever scale. Where there are not more clusters than `NEIGHBOURS`, each is
    the neighbour of all, and the places say little.
    """
    points, start = unit(centroids), centred(begin)
    if len(points) < 3:
        return start
    edges = fuzzy(nearest(points, min(NEIGHBOURS, len(points) - 1))).tocoo()
    # An edge that is weaker would not be drawn once.
    kept = edges.data >= edges.data.max() / _EPOCHS
    a, b = find_ab_params(_SPREAD, _LEAST_DISTANCE)
    places = np.ascontiguousarray(start * _WIDTH, dtype=np.float32)
    made = optimize_layout_euclidean(
        places,
        places,
        edges.row[kept].astype(np.int32),
        edges.col[kept].astype(np.int32),
        _EPOCHS,
        len(points),
        make_epochs_per_sample(edges.data[kept], _EPOCHS),
        a,
        b,
        np.array(_RANDOM, dtype=np.int64),
        initial_alpha=_RATE,
        parallel=False,
        move_other=True,
    )
    return centred(np.asarray(made, dtype=np.float64))
