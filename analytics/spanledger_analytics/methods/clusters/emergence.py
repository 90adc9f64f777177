"""New topics between two periods: regions of a tree of the pooled rows in which sessions are too often current.

Rows of both periods are pooled, joined to their nearest neighbours, and divided into small communities that know
nothing of periods; these are joined step by step to ever larger regions. In each region, the share of current
sessions is compared with that of all by a likelihood ratio, and the ratio with the greatest found anywhere when whole
sessions change their period at random. So the null is that sessions are exchangeable between the periods, the unit of
independence is the session, and the chance of telling even one group where there is no news is at most `alpha`, however
many regions are looked at and however alike a session's messages are.

A tree-based scan statistic (Kulldorff, Fang and Walsh, Biometrics 59, 2003) over the joint neighbourhood graph, whose
counts are those of nearest-neighbour tests (Schilling, JASA 81, 1986; Henze, Annals of Statistics 16, 1988). Because
the regions follow the data at every scale, news are found that are spread thinly over related topics, where no row's
own surroundings are remarkable. Neighbours of one session need not be dropped, as counts of neighbours would need it:
every session is one observation in a region, or a part of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage

from spanledger_analytics.methods.clusters.communities import communities
from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.graph import graph
from spanledger_analytics.methods.clusters.matrices import Sparse, incidence, matrix
from spanledger_analytics.methods.clusters.neighbours import Floats, Ints, Neighbours, nearest, unit
from spanledger_analytics.methods.clusters.refining import means

Progress = Callable[[str, int, int], None]

# Permutations counted at a time, which bounds memory.
_AT_ONCE: Final = 64
# Shares of a row's neighbours by which it is counted to a group though it lies outside of the region, and how often
# that is asked.
_MAJORITY, _SOME, _FRESH = 0.5, 0.2, 0.7
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """What counts as news.

    | field | |
    |---|---|
    | alpha | chance of telling anything where there is no news |
    | permutations | how often sessions change their period at random: at least 1 / alpha |
    | neighbours | rows that each row is joined to |
    | grain | the finest communities are looked for at a resolution of one per so many rows |
    | factor | how many times its former share a group must have now to be called new rather than grown |
    """

    alpha: float = 0.02
    permutations: int = 499
    neighbours: int = 15
    grain: int = 30
    factor: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise BadInput(f"alpha is {self.alpha!r}: give a chance between 0 and 1, such as 0.02")
        if (1 + self.permutations) * self.alpha < 1:
            raise BadInput(
                f"{self.permutations} permutations cannot tell a chance of {self.alpha}: "
                f"give at least {int(np.ceil(1 / self.alpha))}"
            )


@dataclass(frozen=True, slots=True)
class News:
    """A group of current rows that has grown out of proportion since the period before.

    `members` are row numbers of the current period, those nearest to the group's middle first. `sessions` is how many
    sessions they are of, the effective number of observations, and `sessions_before` of how many the region had then.
    `p_value` is adjusted for all regions (family-wise). `factor` is how many times its former share of sessions the
    region has now, half a session being added to either so that it is finite; `new` is whether that makes it new.
    """

    members: Ints
    sessions: int
    sessions_before: int
    evidence: float
    p_value: float
    factor: float
    new: bool


@dataclass(frozen=True, slots=True)
class Emergence:
    """What was found, the clearest first, and of how much: sessions of both periods."""

    groups: tuple[News, ...]
    sessions_before: int
    sessions_now: int


def emergence(
    before: NDArray[Any],
    sessions_before: NDArray[Any],
    now: NDArray[Any],
    sessions_now: NDArray[Any],
    seed: int,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Emergence:
    """Topics of the current period that were missing, or far rarer, in the one before.

    `before` and `now` are vectors (rows x dimensions, of any length but zero). Sessions are labels of any one type per
    row; one that appears in both periods is taken as two. Both periods must have been sampled by session, and alike.
    The same seed gives the same answer. Time grows with the square of the rows: draw whole sessions beyond some 30,000.
    """
    chosen = settings or Settings()
    tell = progress or (lambda doing, done, total: None)
    _check(before, sessions_before, "before")
    _check(now, sessions_now, "now")
    _, first = np.unique(np.asarray(sessions_before), return_inverse=True)
    _, second = np.unique(np.asarray(sessions_now), return_inverse=True)
    counts = (int(first.max(initial=-1)) + 1, int(second.max(initial=-1)) + 1)
    if min(counts) < 2:
        return Emergence((), *counts)
    if before.shape[1] != now.shape[1]:
        raise BadInput(f"{before.shape[1]} dimensions before and {now.shape[1]} now: vectors of one model only")
    sessions = np.concatenate((first, second + counts[0])).astype(np.int64)
    pooled = unit(np.concatenate((np.asarray(before, np.float32), np.asarray(now, np.float32))))
    dice = np.random.default_rng(seed)
    tell("neighbours", 0, 1)
    found = nearest(pooled, min(chosen.neighbours, len(pooled) - 1))
    tell("neighbours", 1, 1)
    inside = regions(pooled, found, max(len(pooled) / chosen.grain, 1.0), dice)
    alike = 1.0 / np.bincount(sessions)[sessions]
    weight = matrix(alike, np.arange(len(sessions)), sessions, (len(sessions), sum(counts)))
    held = (inside @ weight).tocsr()
    current = np.arange(sum(counts)) >= counts[0]
    evidence = _evidence(held, current[:, None].astype(np.float64))[:, 0]
    greatest = np.empty(chosen.permutations)
    for begin in range(0, chosen.permutations, _AT_ONCE):
        turns = range(begin, min(begin + _AT_ONCE, chosen.permutations))
        drawn = np.stack([dice.permutation(current) for _ in turns], axis=1).astype(np.float64)
        greatest[begin : turns.stop] = _evidence(held, drawn).max(axis=0, initial=0.0)
        tell("permutations", turns.stop, chosen.permutations)
    of_now = current[sessions]
    taken = np.zeros(len(sessions), dtype=np.bool_)
    told: list[News] = []
    for region in np.argsort(-evidence, kind="stable"):
        p_value = float((1 + (greatest >= evidence[region]).sum()) / (1 + chosen.permutations))
        if p_value > chosen.alpha or evidence[region] <= 0:
            break
        rows = inside.indices[inside.indptr[region] : inside.indptr[region + 1]]
        if taken[rows].any():
            continue
        taken[rows] = True
        told.append(_told(pooled, found, rows, of_now, sessions, counts, float(evidence[region]), p_value, chosen))
    return Emergence(tuple(told), *counts)


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


def _evidence(held: Sparse, current: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logarithm of the likelihood ratio of each region (regions x labellings), 0 where its share has not grown."""
    share = float(current[:, 0].mean())
    whole = np.asarray(held.sum(axis=1))[:, None]
    now = np.minimum(held @ current, whole)
    then = whole - now
    with np.errstate(divide="ignore", invalid="ignore"):
        made = np.where(now > 0, now * np.log(now / (whole * share)), 0.0)
        made += np.where(then > 1e-9, then * np.log(then / (whole * (1 - share))), 0.0)
    return np.where(now > whole * share, made, 0.0)


def _told(
    points: Floats,
    found: Neighbours,
    rows: Ints,
    of_now: NDArray[np.bool_],
    sessions: Ints,
    counts: tuple[int, int],
    evidence: float,
    p_value: float,
    settings: Settings,
) -> News:
    """A region as a group: its current rows, with those beside them that are of the same kind."""
    region = np.zeros(len(points), dtype=np.bool_)
    region[rows] = True
    near, known = found.ids, found.ids >= 0
    inside = region & of_now
    # What is new has hardly any neighbours from before, and some in the group.
    fresh = of_now & ((of_now[near] & known).mean(axis=1) >= _FRESH)
    for _ in range(_ROUNDS):
        votes = (inside[near] & known).mean(axis=1)
        inside |= (of_now & (votes >= _MAJORITY)) | (fresh & (votes >= _SOME))
    members = np.flatnonzero(inside)
    middle = points[members].mean(axis=0)
    members = members[np.argsort(-(points[members] @ middle), kind="stable")]
    then = len(np.unique(sessions[rows[~of_now[rows]]]))
    now = len(np.unique(sessions[rows[of_now[rows]]]))
    factor = float((now + 0.5) / counts[1] / ((then + 0.5) / counts[0]))
    return News(
        members=members - int((~of_now).sum()),
        sessions=len(np.unique(sessions[members])),
        sessions_before=then,
        evidence=evidence,
        p_value=p_value,
        factor=factor,
        new=factor >= settings.factor,
    )


def _check(vectors: NDArray[Any], sessions: NDArray[Any], name: str) -> None:
    if np.ndim(vectors) != 2:
        raise BadInput(f"{name} has {np.ndim(vectors)} dimensions: give rows of vectors")
    if len(vectors) != len(sessions):
        raise BadInput(f"{name} has {len(vectors)} vectors and {len(sessions)} sessions: give one session for each")
