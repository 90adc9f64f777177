"""Calls that show what a cluster is about: its middle, and others unlike those shown already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.neighbours import unit

# The weight of being typical against being unlike those chosen before.
_TYPICAL: Final = 0.6
# Of so many nearest to the middle.
_LOOKED_AT: Final = 200


def exemplars(vectors: NDArray[Any], people: Sequence[Any], floor: int = 5, most: int = 5) -> list[int]:
    """Rows of one cluster to show, the most typical (the medoid by cosine) first, each of another person.

    Chosen by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998). None are shown of a cluster that fewer
    than `floor` different people have written in: a text is then as good as a name.
    """
    if len(vectors) != len(people):
        raise BadInput(f"{len(vectors)} vectors and {len(people)} people: give one of each per call")
    if len(set(people)) < floor or not len(vectors):
        return []
    points = unit(vectors)
    middle = points.mean(axis=0)
    typical = points @ (middle / max(float(np.linalg.norm(middle)), 1e-12))
    near = np.argsort(-typical, kind="stable")[:_LOOKED_AT]
    chosen: list[int] = []
    nearest = np.full(len(near), -1.0)
    shown: set[Any] = set()
    for _ in range(min(most, len(near))):
        score = typical[near] if not chosen else _TYPICAL * typical[near] - (1 - _TYPICAL) * nearest
        score = np.where([people[row] in shown for row in near], -np.inf, score)
        at = int(score.argmax())
        if score[at] == -np.inf:
            break
        row = int(near[at])
        chosen.append(row)
        shown.add(people[row])
        nearest = np.maximum(nearest, points[near] @ points[row])
    return chosen
