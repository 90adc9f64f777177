"""A change of who asks for what, told apart from a change of what they ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spanledger_analytics.methods.drift import categories
from spanledger_analytics.methods.drift.categories import Shares
from spanledger_analytics.methods.drift.windows import DriftInput

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Split:
    """A change of the mean, in two parts that add up to it (vectors, or of length 1 for numbers).

    `mix` is what the strata's changed shares do, those that came and went included; `within` what changed in strata
    that both windows have. `mix_share` is the part of `total` along itself that is mix: 1 where all is mix, 0 where
    none, beyond where both work against each other; None where nothing has changed.
    """

    total: Array
    mix: Array
    within: Array
    mix_share: float | None


def compare(
    reference_strata: ArrayLike,
    current_strata: ArrayLike,
    *,
    reference_blocks: ArrayLike,
    current_blocks: ArrayLike,
    seed: int = 0,
    repetitions: int = 999,
) -> Shares:
    """Whether traffic is mixed differently: the strata's (customer x feature) shares of rows, judged by sessions.

    This is no drift. A customer's sessions are taken for independent: a customer who was given a new program will
    show, as it should.
    """
    return categories.compare(
        reference_strata,
        current_strata,
        reference_blocks=reference_blocks,
        current_blocks=current_blocks,
        seed=seed,
        repetitions=repetitions,
    )


def split(reference: ArrayLike, current: ArrayLike, reference_strata: ArrayLike, current_strata: ArrayLike) -> Split:
    """The change of the mean of rows (numbers, or vectors) by mix and within strata; both parts add up to it exactly
    but for rounding.

    Kitagawa's decomposition (JASA 50, 1955): shares change at the mean of both windows' values, values at the mean of
    both windows' shares. A stratum that only one window has is mix.
    """
    before, after = _rows(reference), _rows(current)
    ours, theirs = np.asarray(reference_strata), np.asarray(current_strata)
    if (len(ours), len(theirs)) != (len(before), len(after)) or not len(ours) or not len(theirs):
        raise DriftInput(
            f"{len(ours)} + {len(theirs)} strata for {len(before)} + {len(after)} rows: one id a row is needed, and at "
            "least one row in each window"
        )
    codes = np.unique(np.concatenate([ours, theirs]), return_inverse=True)[1]
    count = int(codes.max()) + 1
    shares: list[Array] = []
    means: list[Array] = []
    for rows, mine in ((before, codes[: len(before)]), (after, codes[len(before) :])):
        size = np.bincount(mine, minlength=count).astype(np.float64)
        sums = np.stack([np.bincount(mine, column, count) for column in rows.T], axis=1)
        shares.append(size / size.sum())
        means.append(sums / np.maximum(size, 1.0)[:, None])
    both = (shares[0] > 0) & (shares[1] > 0)
    terms = shares[1][:, None] * means[1] - shares[0][:, None] * means[0]
    within = ((shares[0] + shares[1]) / 2)[both] @ (means[1] - means[0])[both]
    total = terms.sum(axis=0)
    length = float(total @ total)
    mix = total - within
    return Split(total, mix, within, float(mix @ total) / length if length > 0 else None)


def _rows(given: ArrayLike) -> Array:
    rows = np.asarray(given, dtype=np.float64)
    return rows[:, None] if rows.ndim == 1 else rows
