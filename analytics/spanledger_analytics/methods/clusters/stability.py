"""How wide the graph of neighbours is to be, and at which resolution it is divided: chosen by the data themselves.

The resolution is that at which the division that maximises modularity is also the likeliest (Newman, "Equivalence
between modularity optimization and maximum likelihood methods", Physical Review E 94, 2016). Widths count by how alike
they divide subsamples (Ben-Hur, Elisseeff and Guyon, "A stability based method for discovering structure in clustered
data", Pacific Symposium on Biocomputing 2002): a narrow graph sees finer topics, until they are of chance. No label and
no number of clusters takes part. All subsamples vote in the end (Lancichinetti and Fortunato, "Consensus clustering in
complex networks", Scientific Reports 2, 2012), because which single width is best is itself a matter of chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.communities import Labels, communities
from spanledger_analytics.methods.clusters.graph import graph
from spanledger_analytics.methods.clusters.matrices import Sparse, matrix
from spanledger_analytics.methods.clusters.neighbours import Neighbours

Progress = Callable[[str, int, int], None]

WIDTHS: Final = (10, 14, 20, 28, 40, 56, 80, 112)
SHARE: Final = 0.8
"""Of the rows in a subsample."""
# A width counts less the less stable it is, and not at all from this far below the best.
_AS_GOOD: Final = 0.05
# The share of votes that a division in use has.
_PAST: Final = 0.5
_THREADS: Final = 2
_BEGIN, _STEPS, _CLOSE = 10.0, 8, 0.02


@dataclass(frozen=True, slots=True)
class Width:
    """One width with its graph, resolution and stability; `divisions` are those of subsamples (-1 outside of them)."""

    neighbours: int
    graph: Sparse
    resolution: float
    stability: float
    divisions: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be divided, at which resolution. `agreed` is `graph` times how often subsamples put both ends of an
    edge together; `neighbours` is the mean width and `stability` the mean adjusted Rand index of two subsamples."""

    graph: Sparse
    agreed: Sparse
    resolution: float
    neighbours: float
    stability: float


def choose(
    found: Neighbours,
    widths: Sequence[int],
    repetitions: int,
    seed: int,
    progress: Progress,
    past: NDArray[np.int64] | None = None,
) -> Choice:
    """Graphs of all widths, each with a weight that falls with its stability, as one.

    `past` is the division in use (-1 for rows in none of it), which has half of the votes: a refit weighs what the rows
    say now against change for its own sake (Chakrabarti, Kumar and Tomkins, "Evolutionary clustering", KDD 2006).
    """
    made: list[Width] = []
    progress("choosing by stability", 0, len(widths))
    with ThreadPoolExecutor(_THREADS) as pool:
        # Each width has dice of its own, so that it does not matter which thread comes first.
        each_width = pool.map(
            lambda width: _measured(found, width, repetitions, np.random.default_rng((seed, width))), widths
        )
        for turn, each in enumerate(each_width):
            made.append(each)
            progress("choosing by stability", turn + 1, len(widths))
    best = max(each.stability for each in made)
    weights = np.maximum(1.0 - (best - np.array([each.stability for each in made])) / _AS_GOOD, 0.0)
    weights /= weights.sum()
    return _pooled([each for each, weight in zip(made, weights, strict=True) if weight > 0], weights[weights > 0], past)


def _pooled(made: Sequence[Width], weights: NDArray[np.float64], past: NDArray[np.int64] | None) -> Choice:
    whole = made[0].graph * weights[0]
    for each, weight in zip(made[1:], weights[1:], strict=True):
        whole = whole + each.graph * weight
    edges = whole.tocoo()
    together, asked = np.zeros(len(edges.data)), np.zeros(len(edges.data))
    for each, weight in zip(made, weights, strict=True):
        for division in each.divisions:
            one, other = division[edges.row], division[edges.col]
            both = (one >= 0) & (other >= 0)
            asked += weight * both
            together += weight * (both & (one == other))
    share = np.divide(together, asked, out=np.ones(len(asked)), where=asked > 0)
    if past is not None:
        one, other = past[edges.row], past[edges.col]
        share = np.where((one >= 0) & (other >= 0), (1 - _PAST) * share + _PAST * (one == other), share)
    agreed = matrix(edges.data * share, edges.row, edges.col, edges.shape)
    agreed.eliminate_zeros()
    means = np.array([(each.resolution, each.neighbours, each.stability) for each in made]).T @ weights
    return Choice(whole, agreed, *map(float, means))


def agreement(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Adjusted Rand index of two divisions of the same rows (Hubert and Arabie, Journal of Classification 2, 1985).

    >>> agreement(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    count = len(one)
    pairs = matrix(np.ones(count), one, other, (int(one.max(initial=-1)) + 1, int(other.max(initial=-1)) + 1))
    both = float((pairs.data * (pairs.data - 1)).sum()) / 2
    rows, columns = (float((each * (each - 1)).sum()) / 2 for each in (pairs.sum(axis=1), pairs.sum(axis=0)))
    chance = rows * columns / max(count * (count - 1) / 2, 1.0)
    most = (rows + columns) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def likeliest(made: Sparse, dice: np.random.Generator) -> tuple[float, Labels]:
    """(resolution, division) such that the division is best at the resolution, and it is likeliest of the division."""
    resolution, labels = _BEGIN, None
    for _ in range(_STEPS):
        labels = communities(made, resolution, dice, labels)
        better = _resolution(made, labels)
        if abs(better - resolution) <= _CLOSE * resolution:
            break
        resolution = better
    return resolution, communities(made, resolution, dice)


def _resolution(made: Sparse, labels: Labels) -> float:
    """(in - out) / (log in - log out) of how often edges within and between communities are, by chance once each."""
    edges = made.tocoo()
    whole = float(made.sum())
    within = float(edges.data[labels[edges.row] == labels[edges.col]].sum())
    strength = np.bincount(labels, np.asarray(made.sum(axis=1)).ravel())
    expected = float((strength**2).sum()) / max(whole, 1e-300)
    if whole - expected <= 1e-9 * whole or expected <= 0:
        return 1.0
    inner = within / expected
    outer = max((whole - within) / (whole - expected), 1e-6)
    if inner <= outer * (1 + 1e-9):
        return 1.0
    return float((inner - outer) / np.log(inner / outer))


def _measured(found: Neighbours, width: int, repetitions: int, dice: np.random.Generator) -> Width:
    made = graph(Neighbours(found.ids[:, :width], found.similarity[:, :width]))
    count = made.shape[0]
    resolution, _ = likeliest(made, dice)
    divisions = np.full((repetitions, count), -1, dtype=np.int64)
    for turn in range(repetitions):
        rows = np.sort(dice.choice(count, round(SHARE * count), replace=False))
        divisions[turn, rows] = communities(made[rows][:, rows].tocsr(), resolution, dice)
    alike = [
        agreement(one[both], other[both])
        for one, other in combinations(divisions, 2)
        if (both := (one >= 0) & (other >= 0)).any()
    ]
    return Width(width, made, resolution, float(np.mean(alike)) if alike else 0.0, divisions)
