"""Forecasts of a whole and of its parts, made to add up.

total, parts = reconciled(total, parts, total_variance, part_variances)

A whole is split in several ways (by customer, by model, ...), each into parts of its own. The forecasts that add up and
are nearest to those given, errors weighted by their variances, are the weighted least squares of MinT with a diagonal
(Wickramasuriya, Athanasopoulos and Hyndman, 2019). Since the ways share nothing but the whole, its solution is in
closed form: the whole becomes the mean of what it and each way's sum say, weighted by precision, and every way's
difference from it is spread over its parts in proportion to their variances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# After a part has met 0 its share falls to the others; more than a few rounds are never needed.
_ROUNDS: Final = 6
_TINY: Final = 1e-300


def reconciled(
    total: Array, parts: Sequence[Array], variance: Array, variances: Sequence[Array]
) -> tuple[Array, list[Array]]:
    """The whole (horizon) and each way's parts (parts x horizon), none below 0, each way's sum equal to the whole.

    Equal to the rounding of floats; `rounded` makes it exact. A way without parts is left as it is.
    """
    precision = 1 / np.maximum(variance, _TINY)
    weighted = total * precision
    for way, spread in zip(parts, variances, strict=True):
        if len(way):
            way_precision = 1 / np.maximum(spread.sum(axis=0), _TINY)
            weighted = weighted + way.sum(axis=0) * way_precision
            precision = precision + way_precision
    whole = np.maximum(weighted / precision, 0.0)
    return whole, [_spread(way, spread, whole) for way, spread in zip(parts, variances, strict=True)]


def _spread(way: Array, variances: Array, whole: Array) -> Array:
    if not len(way):
        return way
    made = np.maximum(way, 0.0)
    weights = np.maximum(variances, _TINY)
    for _ in range(_ROUNDS):
        missing = whole - made.sum(axis=0)
        free = weights * ((made > 0) | (missing > 0))
        made = np.maximum(made + free * (missing / np.maximum(free.sum(axis=0), _TINY)), 0.0)
        if np.all(np.abs(whole - made.sum(axis=0)) <= 1e-12 * np.maximum(whole, 1e-12)):
            break
    held = made.sum(axis=0)
    even = np.full_like(made, 1.0 / len(made))
    return np.where(held > 0, made / np.maximum(held, _TINY), even) * whole


def rounded(total: Array, parts: Sequence[Array], scale: float) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Whole and parts as whole numbers of 1/scale, each way's sum equal to the whole to the last one.

    What rounding down leaves over goes to the parts that lost most by it (largest remainder).
    """
    whole = np.rint(total * scale).astype(np.int64)
    made: list[NDArray[np.int64]] = []
    for way in parts:
        if not len(way):
            made.append(way.astype(np.int64))
            continue
        # In proportion once more: the whole was rounded, too.
        held = way.sum(axis=0)
        exact = np.where(held > 0, way / np.maximum(held, _TINY), 1.0 / len(way)) * whole
        down = np.floor(exact).astype(np.int64)
        left = whole - down.sum(axis=0)
        order = np.argsort(-(exact - down), axis=0, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(len(way))[:, None] + np.zeros_like(order), axis=0)
        extra, rest = np.divmod(left, len(way))
        made.append(down + extra + (rank < rest))
    return whole, made
