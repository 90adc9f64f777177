"""Which sessions may change their period with which, where nothing is new: all, or those of one stratum."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.neighbours import Ints

Bools = NDArray[np.bool_]

# Sessions that a stratum must be large enough for in either period, and must have had before, to be one of its own.
_OWN: Final = 5
# The rest may be so many times as current as all sessions: what came with it could not be told from it otherwise.
_ODDS: Final = 2.0


def strata_of(labels: NDArray[Any], current: Bools) -> Ints:
    """The number of each session's stratum, from its label: 0 for the rest.

    The rest is what is small, and who is new. Strata are chosen by their size and hardly by how current they are, since
    the choice would say something of the periods otherwise. Where the rest would be current for the most part, as with
    a large new customer, the smallest of the others are of it too.
    """
    _, of = np.unique(labels, return_inverse=True)
    now, then = np.bincount(of, current), np.bincount(of, ~current)
    rarer = min(current.mean(), 1 - current.mean())
    alone = ((now + then) * rarer >= _OWN) & (then >= _OWN)
    # Those that are not alone come first, the others by their size; the first so many are the rest.
    order = np.lexsort((now + then, alone))
    few = int((~alone).sum())
    fits = np.cumsum(now[order]) * (~current).sum() <= _ODDS * current.sum() * np.cumsum(then[order])
    joined = few + int(np.argmax(fits[few - 1 :])) if few else 0
    alone[order[:joined]] = False
    return np.where(alone[of], of + 1, 0)


def shares(strata: Ints, current: Bools) -> NDArray[np.float64]:
    """How current each session is expected to be: the share of its stratum that is."""
    whole = np.maximum(np.bincount(strata), 1)
    return (np.bincount(strata, current, minlength=len(whole)) / whole)[strata]


def permuted(strata: Ints, current: Bools, count: int, dice: np.random.Generator) -> Bools:
    """Which sessions are current when they change their period at random within their strata: sessions x `count`."""
    order = np.argsort(strata, kind="stable")
    within, periods = strata[order].astype(np.float64), current[order]
    made = np.empty((len(order), count), dtype=np.bool_)
    for at in range(count):
        made[order, at] = periods[np.argsort(within + dice.random(len(order))[order])]
    return made
