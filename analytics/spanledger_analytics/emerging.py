"""New topics of a sample of calls beside an earlier one, in words, without those that were told before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics import topics
from spanledger_analytics.methods.clusters.emergence import News, Settings, emergence
from spanledger_analytics.methods.clusters.neighbours import unit
from spanledger_analytics.topics import Described
from spanledger_store.quality import sampling
from spanledger_store.quality.sampling import Sample

Progress = Callable[[str, int, int], None]
Floats = NDArray[np.float32]

ALPHA: Final = 0.001
"""The chance of telling anything at a look where there is no news. Looks overlap, and there are sixty in a month."""
LEAST: Final = 200
"""Calls of either sample at least."""
# The earlier one is to have every day of a week in it, as the current one has.
_DAYS: Final = 6 * 86_400 * 10**9
_SEED: Final = 20_260_101
# Cosine of two groups' middles from which they are one topic.
_SAME: Final = 0.8
_SETTINGS: Final = Settings(alpha=ALPHA, permutations=999)


@dataclass(frozen=True, slots=True)
class Topic:
    """A new topic: rows of the current sample (`group`), their middle (of length 1), and what it is about.

    `sessions` are those of the samples it was found in: (earlier, current). `known` is the position of what was told
    before that it is; None for what is told now.
    """

    group: News
    middle: Floats
    words: Described
    sessions: tuple[int, int]
    known: int | None = None

    @property
    def share(self) -> float:
        """The share of the current sessions that are about it."""
        return self.group.sessions / max(self.sessions[1], 1)

    @property
    def before(self) -> float:
        """The share of the earlier sessions that were."""
        return self.group.sessions_before / max(self.sessions[0], 1)


def directed(sample: Sample) -> Sample:
    """The calls with a direction: a text of which nothing is known has none."""
    return sampling.some(sample, np.flatnonzero(sample.vectors.any(axis=1)))


def new_topics(
    before: Sample, current: Sample, known: Sequence[NDArray[Any]] = (), progress: Progress | None = None
) -> list[Topic] | None:
    """Topics that the current sample has and the earlier one has not, the clearest first; None where there are too few
    calls to tell, or the earlier ones are of less than a week.

    The chance of telling any where sessions of one customer x feature can be exchanged between the samples is ALPHA at
    most: that a customer asks more than before is no news. `known` are middles of topics that have been told: what is
    one of these says so. Of groups that are one topic the clearest alone is told. Both samples are drawn by session, at
    one rate each, with vectors of one model, all of them `directed`.
    """
    if min(len(before), len(current)) < LEAST or current.starts[0] - before.starts[0] < _DAYS:
        return None
    sessions = np.array(before.sessions), np.array(current.sessions)
    strata = _strata(before), _strata(current)
    found = emergence(before.vectors, sessions[0], current.vectors, sessions[1], _SEED, _SETTINGS, progress, strata)
    groups, middles = list[News](), list[Floats]()
    for group in found.groups:
        middle = unit(current.vectors[group.members].mean(axis=0, keepdims=True))[0]
        if group.new and _alike(middle, middles) is None:
            groups.append(group)
            middles.append(middle)
    words = _described(current, groups)
    counts = found.sessions_before, found.sessions_now
    return [
        Topic(group, middle, words.get(at, Described("", (), ())), counts, _alike(middle, known))
        for at, (group, middle) in enumerate(zip(groups, middles, strict=True))
    ]


def _strata(sample: Sample) -> NDArray[Any]:
    """Whose each call is and in which feature."""
    return np.array(
        [f"{customer}\n{feature}" for customer, feature in zip(sample.customers, sample.features, strict=True)]
    )


def _alike(middle: Floats, told: Sequence[NDArray[Any]]) -> int | None:
    """Which of these a middle is the same topic as: the most alike; None for none of them."""
    cosines = [float(each @ middle) for each in told]
    best = int(np.argmax(cosines)) if cosines else -1
    return best if cosines and cosines[best] >= _SAME else None


def _described(current: Sample, groups: Sequence[News]) -> dict[int, Described]:
    """Groups in words, against everything else of the sample."""
    if not groups:
        return {}
    positions: NDArray[np.int64] = np.full(len(current), len(groups), dtype=np.int64)
    for at, group in reversed(list(enumerate(groups))):
        positions[group.members] = at
    return topics.describe(current, positions, topics.owners(current)[1])
