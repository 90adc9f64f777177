"""New topics between two periods: regions of a tree of the pooled rows in which sessions are too often current.

Rows of both periods are pooled, joined to their nearest neighbours, and divided into small communities that know
nothing of periods; these are joined step by step to ever larger regions. In each region, the share of current
sessions is compared with that of all by a likelihood ratio, and the ratio with the greatest found anywhere when whole
sessions change their period at random. So the null is that sessions are exchangeable between the periods, the unit of
independence is the session, and the chance of telling even one group where there is no news is at most `alpha`, however
many regions are looked at and however alike a session's messages are. What is told is set aside, and the rest is tested
again by itself (Zhang, Assunção and Kulldorff, Journal of Probability and Statistics 2010, 642379), so that no topic is
told twice, and none because of another's rows.

Where sessions have strata (their customer x feature), they change their period within their stratum only, and a region
is held against what its sessions' strata lead to expect (indirect standardisation: Kulldorff, Communications in
Statistics 26, 1997): a customer that asks more than before is no news, nor are the topics that it has always asked
about. Strata that are small, or a new customer's, are one among themselves: what only they ask about is news then, if
nobody has asked it before.

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

from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.exchange import permuted, shares, strata_of
from spanledger_analytics.methods.clusters.matrices import Sparse, matrix
from spanledger_analytics.methods.clusters.neighbours import Floats, Ints, Neighbours, nearest, unit
from spanledger_analytics.methods.clusters.regions import regions

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

    `members` are row numbers of the current period, those nearest to the group's middle first; no row is in two groups.
    `sessions` is how many sessions they are of, the effective number of observations, and `sessions_before` how many of
    the period before asked about the same. `p_value` is adjusted for all regions (family-wise). `factor` is how many
    times its former share of sessions the topic has now, each counting by the share of its rows, and half a usual one
    being added to either so that it is finite; `new` is whether that makes it new.
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
    strata: tuple[NDArray[Any], NDArray[Any]] | None = None,
) -> Emergence:
    """Topics of the current period that were missing, or far rarer, in the one before.

    `before` and `now` are vectors (rows x dimensions, of any length but zero). Sessions are labels of any one type per
    row; one that appears in both periods is taken as two. Both periods must have been sampled by session, and alike.
    `strata` are labels per row too (of before, of now); a session is of its first row's. The same seed gives the same
    answer. Time grows with the square of the rows: draw whole sessions beyond some 30,000.
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
    if strata is not None and tuple(map(len, strata)) != (len(before), len(now)):
        raise BadInput(
            f"{len(strata[0])} + {len(strata[1])} strata for {len(before)} + {len(now)} rows: give one for each"
        )
    if before.shape[1] != now.shape[1]:
        raise BadInput(f"{before.shape[1]} dimensions before and {now.shape[1]} now: vectors of one model only")
    points = unit(np.concatenate((np.asarray(before, np.float32), np.asarray(now, np.float32))))
    dice = np.random.default_rng(seed)
    tell("neighbours", 0, 1)
    found = nearest(points, min(chosen.neighbours, len(points) - 1))
    tell("neighbours", 1, 1)
    sessions = np.concatenate((first, second + counts[0])).astype(np.int64)
    current = np.arange(sum(counts)) >= counts[0]
    kinds = np.zeros(len(current), np.int64)
    if strata is not None:
        kinds = strata_of(np.concatenate(strata)[np.unique(sessions, return_index=True)[1]], current)
    pooled = _Pooled(
        points,
        found,
        regions(points, found, max(len(points) / chosen.grain, 1.0), dice),
        sessions,
        current,
        kinds,
    )
    left = np.ones(len(points), dtype=np.bool_)
    told: list[News] = []
    while left.any():
        region, evidence, p_value = _clearest(pooled, left, dice, chosen, tell)
        if p_value > chosen.alpha or evidence <= 0:
            break
        rows = _grown(pooled, region, left)
        members = _members(pooled, rows, left)
        told.append(_told(pooled, rows, members, left, evidence, p_value, chosen.factor))
        left[rows] = left[members] = False
    return Emergence(tuple(told), *counts)


@dataclass(frozen=True, slots=True)
class _Pooled:
    """Rows of both periods: neighbours, regions (regions x rows), numbers of sessions; which sessions are current, and
    the number of each one's stratum."""

    points: Floats
    found: Neighbours
    inside: Sparse
    sessions: Ints
    current: NDArray[np.bool_]
    strata: Ints

    def expected(self, left: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How current each session is expected to be by its stratum among the rows left; 0 where none of it is left."""
        made, known = np.zeros(len(self.current)), np.unique(self.sessions[left])
        made[known] = shares(self.strata[known], self.current[known])
        return made


def _clearest(
    pooled: _Pooled, left: NDArray[np.bool_], dice: np.random.Generator, settings: Settings, tell: Progress
) -> tuple[int, float, float]:
    """(region, evidence, p value) of the region with the most evidence in the rows that are left."""
    sessions = pooled.sessions
    known = np.unique(sessions[left])
    current, strata = pooled.current[known], pooled.strata[known]
    if current.all() or not current.any():
        return 0, 0.0, 1.0
    # A session counts by the share of its rows.
    alike = left / np.bincount(sessions)[sessions]
    weight = matrix(alike, np.arange(len(sessions)), sessions, (len(sessions), len(pooled.current)))
    held = (pooled.inside @ weight).tocsr()[:, known]
    expected = held @ pooled.expected(left)[known]
    evidence = _evidence(held, current[:, None].astype(np.float64), expected)[:, 0]
    best = int(evidence.argmax())
    as_clear = 0
    for begin in range(0, settings.permutations, _AT_ONCE):
        turns = range(begin, min(begin + _AT_ONCE, settings.permutations))
        drawn = permuted(strata, current, len(turns), dice).astype(np.float64)
        as_clear += int((_evidence(held, drawn, expected).max(axis=0, initial=0.0) >= evidence[best]).sum())
        tell("permutations", turns.stop, settings.permutations)
    return best, float(evidence[best]), (1 + as_clear) / (1 + settings.permutations)


def _grown(pooled: _Pooled, region: int, left: NDArray[np.bool_]) -> Ints:
    """Rows left in those communities of a region in which the share of current sessions is above that of all.

    A region that holds what is new may reach into what is as it was, which would pass for its past.
    """
    inside, sessions = pooled.inside, pooled.sessions
    rows = inside.indices[inside.indptr[region] : inside.indptr[region + 1]]
    rows = rows[left[rows]]
    # The first half of a tree's regions, and one, are its communities.
    count = (inside.shape[0] + 1) // 2
    community = np.repeat(np.arange(count), np.diff(inside.indptr[: count + 1]))
    of = np.empty(inside.shape[1], dtype=np.int64)
    of[inside.indices[: inside.indptr[count]]] = community
    of = of[rows]
    alike = 1.0 / np.bincount(sessions)[sessions[rows]]
    now = np.bincount(of, alike * pooled.current[sessions[rows]], minlength=count)
    usual = np.bincount(of, alike * pooled.expected(left)[sessions[rows]], minlength=count)
    return rows[(now > usual)[of]]


def _evidence(held: Sparse, current: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logarithm of the likelihood ratio of each region (regions x labellings), 0 where no more of it is current
    than expected."""
    whole = np.asarray(held.sum(axis=1))[:, None]
    usual = expected[:, None]
    now = np.minimum(held @ current, whole)
    then = whole - now
    with np.errstate(divide="ignore", invalid="ignore"):
        made = np.where(now > 0, now * np.log(now / usual), 0.0)
        made += np.where(then > 1e-9, then * np.log(then / np.maximum(whole - usual, 1e-12)), 0.0)
    return np.where(now > usual + 1e-9, made, 0.0)


def _members(pooled: _Pooled, rows: Ints, left: NDArray[np.bool_]) -> Ints:
    """The current ones of these rows, with those left beside them that are of the same kind."""
    of_now = pooled.current[pooled.sessions]
    near, known = pooled.found.ids, pooled.found.ids >= 0
    inside = np.zeros(len(of_now), dtype=np.bool_)
    inside[rows] = of_now[rows]
    # What is new has hardly any neighbours from before, and some in the group.
    fresh = of_now & ((of_now[near] & known).mean(axis=1) >= _FRESH)
    for _ in range(_ROUNDS):
        votes = (inside[near] & known).mean(axis=1)
        inside |= left & ((of_now & (votes >= _MAJORITY)) | (fresh & (votes >= _SOME)))
    return np.flatnonzero(inside)


def _told(
    pooled: _Pooled,
    rows: Ints,
    members: Ints,
    left: NDArray[np.bool_],
    evidence: float,
    p_value: float,
    least: float,
) -> News:
    """What is said of rows of a region and of the group that they have made."""
    sessions, current = pooled.sessions, pooled.current
    middle = pooled.points[members].mean(axis=0)
    members = members[np.argsort(-(pooled.points[members] @ middle), kind="stable")]
    asked, touched = np.unique(sessions[rows], return_counts=True)
    share = touched / np.bincount(sessions)[asked]
    now, then = float(share[current[asked]].sum()), float(share[~current[asked]].sum())
    half = float(share.mean()) / 2
    usual = float((share * pooled.expected(left)[asked]).sum())
    factor = (now + half) / max(usual, 1e-9) / ((then + half) / max(now + then - usual, 1e-9))
    return News(
        members=members - int((~current[sessions]).sum()),
        sessions=len(np.unique(sessions[members])),
        sessions_before=int((~current[asked]).sum()),
        evidence=evidence,
        p_value=p_value,
        factor=float(factor),
        new=bool(factor >= least),
    )


def _check(vectors: NDArray[Any], sessions: NDArray[Any], name: str) -> None:
    if np.ndim(vectors) != 2:
        raise BadInput(f"{name} has {np.ndim(vectors)} dimensions: give rows of vectors")
    if len(vectors) != len(sessions):
        raise BadInput(f"{name} has {len(vectors)} vectors and {len(sessions)} sessions: give one session for each")
