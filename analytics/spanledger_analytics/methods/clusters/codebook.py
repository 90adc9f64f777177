"""What a fit leaves behind: centroids with numbers and radii, by which any later vector is assigned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.neighbours import Floats, Ints


@dataclass(frozen=True, slots=True)
class Codebook:
    """Clusters by number; arrays of as many elements as there are clusters, the largest cluster first.

    | field | |
    |---|---|
    | ids | numbers from 1; a fit counts, `matching.match` says what they are in an installation |
    | centroids | unit rows, clusters x dimensions |
    | radii | largest cosine distance (1 - cosine) from the centroid that still belongs to the cluster |
    | sizes | rows assigned at the fit |
    | topics | which topic of topics each is in: 0, 1, ... |
    | neighbours, resolution | what the fit chose: the mean width of the graph, the resolution of its communities |
    | stability | adjusted Rand index between divisions of two 80 % subsamples on their common rows, in the mean |
    | outside | share of the fitted rows that were in no radius |
    """

    ids: Ints
    centroids: Floats
    radii: NDArray[np.float64]
    sizes: Ints
    topics: Ints
    neighbours: float
    resolution: float
    stability: float
    outside: float

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def dimensions(self) -> int:
        """Of the vectors it was made of."""
        return int(self.centroids.shape[1])

    def numbered(self, ids: NDArray[Any] | tuple[int, ...]) -> Codebook:
        """The same with these numbers, as `matching.match` gives them."""
        if len(ids) != len(self) or len(set(map(int, ids))) != len(self) or min(map(int, ids), default=1) < 1:
            raise BadInput(f"{len(ids)} numbers for {len(self)} clusters: give one above 0 for each, all different")
        return replace(self, ids=np.asarray(ids, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Fit:
    """A codebook, and the rows it was made of: their numbers (0: outside) and which rows of the input they are."""

    codebook: Codebook
    rows: Ints
    labels: Ints
