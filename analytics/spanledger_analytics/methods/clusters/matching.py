"""Clusters keep their numbers across refits: who continues whom, and what was born, died, split or merged.

Each new cluster may continue one old cluster and each old one be continued by one new: the pairs of greatest total
overlap (Kuhn, "The Hungarian method for the assignment problem", 1955), where overlap is the share that two clusters
have in common of all points of either (Jaccard). Numbers that are free are never given again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from spanledger_analytics.methods.clusters.errors import BadInput

OUTSIDE: Final = 0
"""The number of what is in no cluster."""

# A pair continues only where one is for the most part the other, whichever of them is the larger.
_MAJORITY: Final = 0.5
# A part of a split or of a merger is told from this share of the cluster that was divided or came of it.
_PART: Final = 0.2


class Kind(StrEnum):
    """What can happen to a cluster at a refit."""

    BIRTH = "birth"
    DEATH = "death"
    SPLIT = "split"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to `cluster`: a split has its parts in `others` (itself among them where it goes on), a merge what
    went into it. `points` is how many common points say so."""

    kind: Kind
    cluster: int
    others: tuple[int, ...] = ()
    points: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """Numbers for a new codebook's clusters: `ids[i]` is that of its i-th; the next free number; what happened."""

    ids: tuple[int, ...]
    next_id: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Edits:
    """What people have said about clusters, by number: names, numbers that are shown as part of another, and hidden."""

    names: Mapping[int, str] = field(default_factory=dict[int, str])
    merged: Mapping[int, int] = field(default_factory=dict[int, int])
    hidden: frozenset[int] = frozenset()

    def shown(self, cluster: int) -> int:
        """The number that a cluster is shown under: the end of the chain of what it was merged into."""
        seen: set[int] = set()
        while cluster in self.merged and cluster not in seen:
            seen.add(cluster)
            cluster = self.merged[cluster]
        return cluster


def match(
    old_ids: Sequence[int],
    next_id: int,
    old: NDArray[Any],
    new: NDArray[Any],
    clusters: int,
) -> Match:
    """Numbers for `clusters` new clusters, from points that both codebooks have assigned.

    `old` has each point's number in the old codebook (`OUTSIDE` for none), `new` its cluster's position 0 to
    clusters - 1 in the new one (-1 for none). `old_ids` are all numbers of the old codebook and `next_id` the first
    that was never given. Exchanging points changes nothing.
    """
    _check(old_ids, next_id, old, new, clusters)
    place = {number: at for at, number in enumerate(old_ids)}
    rows = np.array([place.get(int(each), -1) for each in np.unique(old)], dtype=np.int64)
    rows = rows[np.unique(old, return_inverse=True)[1]] if len(old) else np.zeros(0, dtype=np.int64)
    table = np.zeros((len(old_ids) + 1, clusters + 1))
    # Row and column -1 are those outside: they count for sizes, and continue nothing.
    np.add.at(table, (rows, np.asarray(new, dtype=np.int64)), 1.0)
    common, before, after = table[:-1, :-1], table[:-1].sum(axis=1), table[:, :-1].sum(axis=0)
    either = before[:, None] + after[None, :] - common
    overlap = np.divide(common, either, out=np.zeros_like(common), where=either > 0)
    of_old = np.divide(common, before[:, None], out=np.zeros_like(common), where=before[:, None] > 0)
    of_new = np.divide(common, after[None, :], out=np.zeros_like(common), where=after[None, :] > 0)
    overlap[np.maximum(of_old, of_new) < _MAJORITY] = 0.0
    ids = [OUTSIDE] * clusters
    for row, column in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[row, column] > 0:
            ids[int(column)] = int(old_ids[int(row)])
    events: list[Event] = []
    for column in range(clusters):
        if ids[column] == OUTSIDE:
            ids[column], next_id = next_id, next_id + 1
    continued = set(ids)
    for row, number in enumerate(old_ids):
        parts = [c for c in range(clusters) if of_old[row, c] >= _PART and of_new[row, c] >= _MAJORITY]
        if len(parts) > 1:
            others = tuple(sorted(ids[each] for each in parts))
            events.append(Event(Kind.SPLIT, int(number), others, int(common[row, parts].sum())))
    for column in range(clusters):
        parts = [r for r in range(len(old_ids)) if of_new[r, column] >= _PART and of_old[r, column] >= _MAJORITY]
        if len(parts) > 1:
            others = tuple(sorted(int(old_ids[each]) for each in parts))
            events.append(Event(Kind.MERGE, ids[column], others, int(common[parts, column].sum())))
    told = {each for event in events for each in (event.cluster, *event.others)}
    known = set(old_ids)
    for column, number in enumerate(ids):
        if number not in known and number not in told:
            events.append(Event(Kind.BIRTH, number, (), int(after[column])))
    for row, number in enumerate(old_ids):
        if number not in continued and number not in told:
            events.append(Event(Kind.DEATH, int(number), (), int(before[row])))
    return Match(tuple(ids), next_id, tuple(events))


def carry(edits: Edits, made: Match) -> Edits:
    """People's words after a refit: they hold for the same numbers, for what split off from them, and for what they
    went into.

    A part that split off from a hidden cluster is hidden, and one from a cluster that is shown as part of another is
    shown there too. What several became of is shown under its own number, as are those that are gone by it; it is
    called what it was, else what the oldest named of these was, and hidden only if all of them were. Other words about
    clusters that are gone are kept: their history is still shown.
    """
    names, merged, hidden = dict(edits.names), dict(edits.merged), set(edits.hidden)
    for event in made.events:
        if event.kind is Kind.SPLIT:
            for part in event.others:
                if part != event.cluster and event.cluster in hidden:
                    hidden.add(part)
                if part != event.cluster and event.cluster in merged:
                    merged.setdefault(part, merged[event.cluster])
        if event.kind is Kind.MERGE:
            gone = [each for each in event.others if each != event.cluster and each not in made.ids]
            if Edits(merged=merged).shown(event.cluster) in gone:
                del merged[event.cluster]
            for each in gone:
                if Edits(merged=merged).shown(each) != event.cluster:
                    merged.setdefault(each, event.cluster)
            name = next((names[each] for each in (event.cluster, *sorted(gone)) if each in names), None)
            if name is not None:
                names[event.cluster] = name
            if not hidden.issuperset(event.others):
                hidden.discard(event.cluster)
    return Edits(names, merged, frozenset(hidden))


def _check(old_ids: Sequence[int], next_id: int, old: NDArray[Any], new: NDArray[Any], clusters: int) -> None:
    if len(old) != len(new):
        raise BadInput(f"{len(old)} old and {len(new)} new assignments: give both of the same points")
    if len(set(old_ids)) != len(old_ids) or OUTSIDE in old_ids:
        raise BadInput(f"old numbers must differ and be above {OUTSIDE}: {sorted(old_ids)[:10]}")
    if old_ids and next_id <= max(old_ids):
        raise BadInput(f"next_id is {next_id}, but {max(old_ids)} was given: numbers are never given again")
    if len(new) and (np.min(new) < -1 or np.max(new) >= clusters):
        raise BadInput(f"new assignments reach from {np.min(new)} to {np.max(new)}: give -1 to {clusters - 1}")
