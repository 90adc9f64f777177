"""Communities of a weighted graph: the Leiden method for modularity at a resolution.

Traag, Waltman and van Eck, "From Louvain to Leiden: guaranteeing well-connected communities", Scientific Reports 9
(2019); Reichardt and Bornholdt, Physical Review E 74 (2006) for the resolution.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.compiled import compiled
from spanledger_analytics.methods.clusters.matrices import Sparse, incidence

Labels = NDArray[np.int64]
Floats = NDArray[np.float64]
Indices = NDArray[Any]

_ROUNDS: Final = 20


def communities(graph: Sparse, resolution: float, dice: np.random.Generator, start: Labels | None = None) -> Labels:
    """A community number (0, 1, ...) for each node, of locally best modularity at `resolution`.

    Moving no single node would be better. `start` is where to begin from, so that an earlier division is kept where it
    is as good as any; else every node begins alone.
    """
    count = graph.shape[0]
    mass = np.asarray(graph.sum(axis=1), dtype=np.float64).ravel()
    rate = resolution / max(mass.sum(), 1e-300)
    flat = np.arange(count)
    labels = np.arange(count) if start is None else compact(start)
    here, weight = graph, mass
    for _ in range(_ROUNDS):
        order = dice.permutation(len(weight))
        labels = labels.astype(np.int64).copy()
        _move(here.indptr, here.indices, here.data, weight, rate, labels, order)
        labels = compact(labels)
        if labels.max(initial=-1) + 1 == len(weight):
            break
        refined = np.arange(len(weight), dtype=np.int64)
        _refine(here.indptr, here.indices, here.data, weight, rate, labels, refined, dice.permutation(len(weight)))
        refined = compact(refined)
        parts = int(refined.max()) + 1
        if parts == len(weight):
            break
        of = np.zeros(parts, dtype=np.int64)
        of[refined] = labels
        into = incidence(refined, parts).T.astype(np.float64)
        here = (into.T @ here @ into).tocsr()
        weight = np.bincount(refined, weight, minlength=parts).astype(np.float64)
        flat, labels = refined[flat], of
    made = labels[flat]
    # Joining parts may leave a single node better off elsewhere.
    _move(graph.indptr, graph.indices, graph.data, mass, rate, made, dice.permutation(count))
    return compact(made)


def compact(labels: NDArray[Any]) -> Labels:
    """The same division numbered 0, 1, ... in the order of first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


@compiled
def _move(
    indptr: Indices, indices: Indices, data: Floats, mass: Floats, rate: float, labels: Labels, order: Labels
) -> None:
    """Moves nodes to the neighbouring community of most gain until none gains; a queue of those worth asking."""
    count = len(mass)
    held = np.zeros(count)
    size = np.zeros(count, dtype=np.int64)
    for node in range(count):
        held[labels[node]] += mass[node]
        size[labels[node]] += 1
    free = np.empty(count, dtype=np.int64)
    spare = 0
    for label in range(count):
        if size[label] == 0:
            free[spare] = label
            spare += 1
    queue = order.copy()
    waiting = np.ones(count, dtype=np.bool_)
    begin, length = 0, count
    link = np.zeros(count)
    touched = np.empty(count, dtype=np.int64)
    while length > 0:
        node = queue[begin]
        begin = (begin + 1) % count
        length -= 1
        waiting[node] = False
        own = labels[node]
        seen = 0
        for edge in range(indptr[node], indptr[node + 1]):
            other = indices[edge]
            if other == node:
                continue
            label = labels[other]
            if link[label] == 0.0:
                touched[seen] = label
                seen += 1
            link[label] += data[edge]
        held[own] -= mass[node]
        size[own] -= 1
        best, gain = own, link[own] - rate * mass[node] * held[own]
        if gain < 0.0 and size[own] > 0 and spare > 0:
            best, gain = free[spare - 1], 0.0
        for each in range(seen):
            label = touched[each]
            value = link[label] - rate * mass[node] * held[label]
            if value > gain + 1e-12:
                best, gain = label, value
        for each in range(seen):
            link[touched[each]] = 0.0
        if best != own:
            if size[best] == 0:
                spare -= 1
            if size[own] == 0:
                free[spare] = own
                spare += 1
            labels[node] = best
            for edge in range(indptr[node], indptr[node + 1]):
                other = indices[edge]
                if not waiting[other] and labels[other] != best:
                    waiting[other] = True
                    queue[(begin + length) % count] = other
                    length += 1
        held[best] += mass[node]
        size[best] += 1


@compiled
def _refine(
    indptr: Indices,
    indices: Indices,
    data: Floats,
    mass: Floats,
    rate: float,
    labels: Labels,
    refined: Labels,
    order: Labels,
) -> None:
    """Merges single nodes within each community into well connected parts, by the most gain."""
    count = len(mass)
    total = np.zeros(count)
    for node in range(count):
        total[labels[node]] += mass[node]
    held = mass.copy()
    alone = np.ones(count, dtype=np.bool_)
    # How strongly each part is tied to the rest of its community.
    tie = np.zeros(count)
    for node in range(count):
        for edge in range(indptr[node], indptr[node + 1]):
            other = indices[edge]
            if other != node and labels[other] == labels[node]:
                tie[node] += data[edge]
    link = np.zeros(count)
    touched = np.empty(count, dtype=np.int64)
    for at in range(count):
        node = order[at]
        community = total[labels[node]]
        if not alone[node] or tie[node] < rate * mass[node] * (community - mass[node]):
            continue
        seen = 0
        for edge in range(indptr[node], indptr[node + 1]):
            other = indices[edge]
            if other == node or labels[other] != labels[node]:
                continue
            part = refined[other]
            if link[part] == 0.0:
                touched[seen] = part
                seen += 1
            link[part] += data[edge]
        best, gain = -1, 0.0
        for each in range(seen):
            part = touched[each]
            if tie[part] >= rate * held[part] * (community - held[part]):
                value = link[part] - rate * mass[node] * held[part]
                if value > gain:
                    best, gain = part, value
        if best >= 0 and best != node:
            refined[node] = best
            held[best] += mass[node]
            tie[best] += tie[node] - 2.0 * link[best]
            held[node] = 0.0
            alone[best] = False
        for each in range(seen):
            link[touched[each]] = 0.0
